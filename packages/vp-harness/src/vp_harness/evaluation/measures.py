"""The figures of one threshold row, with their intervals."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple, TypeAlias

import msgspec
import numpy as np
from numpy.typing import NDArray

from vp_harness._jit import kernel
from vp_harness.errors import ParameterError
from vp_harness.evaluation.events import Events
from vp_harness.evaluation.leaving import NOT_OPENED, STOP, TAKE_PROFIT, TIMEOUT
from vp_harness.evaluation.outcomes import Fills, OutcomeTable, QueueFills
from vp_harness.evaluation.resampling import DAYS_TO_RESAMPLE, days_interval
from vp_harness.passive.table import MOVES_S

BOOTSTRAP_DRAWS: Final = 1000
_Z95: Final = 1.959963984540054
"""97.5 % quantile of the standard normal distribution."""
_BOUNDS: Final = np.array([0.025, 0.975])
_Interval: TypeAlias = tuple[float | None, float | None]


class Measures(msgspec.Struct, frozen=True, kw_only=True):
    """Section 3 of the evaluation for one part of the time. None where there is nothing to measure.

    Rates, `median_time_to_outcome_ms` and `mean_pnl_ticks` are of the mid fills; `net_*` and `profit_factor` of the
    cross fills, after costs. `*_low` and `*_high` bound 95 % intervals.

    `queue_*` are of passive orders, None on a dataset that does not follow them: how many were filled, their share of
    those that joined, the median wait of the filled ones, the mean move of the mid after a fill (in favour of the
    position), the net pnl of what was filled, and `queue_missed_pnl_ticks`, the net pnl that those which were not
    filled would have had by crossing.
    """

    n_signals: int
    n_up: int
    n_down: int
    events_per_hour: float
    tp_rate: float | None
    tp_rate_low: float | None
    tp_rate_high: float | None
    sl_rate: float | None
    timeout_rate: float | None
    median_time_to_outcome_ms: float | None
    mean_pnl_ticks: float | None
    mean_pnl_ticks_low: float | None
    mean_pnl_ticks_high: float | None
    net_tp_rate: float | None
    net_sl_rate: float | None
    net_timeout_rate: float | None
    net_pnl_ticks: float | None
    net_pnl_ticks_low: float | None
    net_pnl_ticks_high: float | None
    profit_factor: float | None
    breakeven_tp_rate: float
    queue_filled: int | None = None
    queue_fill_rate: float | None = None
    queue_median_wait_ms: float | None = None
    queue_move_1s_ticks: float | None = None
    queue_move_5s_ticks: float | None = None
    queue_net_pnl_ticks: float | None = None
    queue_net_pnl_ticks_low: float | None = None
    queue_net_pnl_ticks_high: float | None = None
    queue_missed_pnl_ticks: float | None = None


@dataclass(frozen=True, slots=True)
class Trades:
    """The trades of some events under one fill model, one entry each, in order of time."""

    outcome: NDArray[np.int8]
    hold_bins: NDArray[np.int64]
    pnl_ticks: NDArray[np.float64]

    @classmethod
    def of(cls, events: Events, fills: Fills) -> Trades:
        """Look `events` up in `fills`; events whose order found no valid book to trade in are left out."""
        row = (events.directions < 0).astype(np.int64)
        outcome = fills.outcome[row, events.bins]
        traded = outcome != NOT_OPENED
        return cls(
            outcome[traded],
            (fills.exit_bin[row, events.bins] - events.bins)[traded],
            fills.pnl_ticks[row, events.bins][traded],
        )

    def rate(self, outcome: int) -> float | None:
        """Share of trades that ended in `outcome`."""
        return int(np.count_nonzero(self.outcome == outcome)) / len(self.outcome) if len(self.outcome) else None


def measure(
    events: Events,
    table: OutcomeTable,
    *,
    n_bins: int,
    cell_width_ms: int,
    seed: int,
    day_ends: Sequence[int] = (),
) -> Measures:
    """The figures of `events` (already those that open a position), found in `n_bins` bins of observation.

    `day_ends` are the ends (exclusive) of the days they were found on: of `DAYS_TO_RESAMPLE` or more the bootstrap
    resamples days, of fewer it resamples blocks of trades.
    """
    mid = Trades.of(events, table.mid)
    cross = Trades.of(events, table.cross)
    targets = int(np.count_nonzero(mid.outcome == TAKE_PROFIT))
    tp_low, tp_high = wilson_interval(targets, len(mid.outcome)) if len(mid.outcome) else (None, None)
    queued = None if table.queue is None else _Queued.of(events, table.queue)
    if len(day_ends) >= DAYS_TO_RESAMPLE:
        of_models = _intervals_by_day(events, table, queued, day_ends, seed)
    else:
        of_models = _intervals(mid, cross, queued, seed)
    (mean_low, mean_high), (net_low, net_high), queue_interval = of_models
    hours = n_bins * cell_width_ms / 3_600_000
    return Measures(
        n_signals=len(events),
        n_up=int(np.count_nonzero(events.directions > 0)),
        n_down=int(np.count_nonzero(events.directions < 0)),
        events_per_hour=len(events) / hours if hours else 0.0,
        tp_rate=mid.rate(TAKE_PROFIT),
        tp_rate_low=tp_low,
        tp_rate_high=tp_high,
        sl_rate=mid.rate(STOP),
        timeout_rate=mid.rate(TIMEOUT),
        median_time_to_outcome_ms=_median(mid.hold_bins) * cell_width_ms if len(mid.hold_bins) else None,
        mean_pnl_ticks=_mean(mid.pnl_ticks),
        mean_pnl_ticks_low=mean_low,
        mean_pnl_ticks_high=mean_high,
        net_tp_rate=cross.rate(TAKE_PROFIT),
        net_sl_rate=cross.rate(STOP),
        net_timeout_rate=cross.rate(TIMEOUT),
        net_pnl_ticks=_mean(cross.pnl_ticks),
        net_pnl_ticks_low=net_low,
        net_pnl_ticks_high=net_high,
        profit_factor=profit_factor(cross.pnl_ticks),
        breakeven_tp_rate=table.rule.breakeven_tp_rate,
        **({} if queued is None else _of_queue(events, table, queued, queue_interval, cell_width_ms)),
    )


class _Queued(NamedTuple):
    """The passive orders of some events: all (n_events), with -1 in `join` and `fill` where there is none.

    `moves` (2, n_events) are those after a fill, `pnl_ticks` is 0 where there was none.
    """

    join: NDArray[np.int64]
    fill: NDArray[np.int64]
    moves: NDArray[np.float64]
    pnl_ticks: NDArray[np.float64]

    @classmethod
    def of(cls, events: Events, queue: QueueFills) -> _Queued:
        row = (events.directions < 0).astype(np.int64)
        join, fill = queue.join_bin[row, events.bins], queue.fill_bin[row, events.bins]
        return cls(join, fill, queue.passive.moves_ticks[:, row, join], queue.fills.pnl_ticks[row, events.bins])

    @property
    def filled(self) -> NDArray[np.bool_]:
        return self.fill >= 0


def _of_queue(
    events: Events, table: OutcomeTable, queued: _Queued, interval: _Interval, cell_width_ms: int
) -> dict[str, Any]:
    """The figures of the model `queue`."""
    filled = queued.filled
    waited = (queued.join >= 0) & ~filled
    missed = Trades.of(Events(events.bins[waited], events.directions[waited]), table.cross)
    count, joined = int(np.count_nonzero(filled)), int(np.count_nonzero(queued.join >= 0))
    figures = {
        "queue_filled": count,
        "queue_fill_rate": count / joined if joined else None,
        "queue_median_wait_ms": _median((queued.fill - queued.join)[filled]) * cell_width_ms if count else None,
        "queue_net_pnl_ticks": _mean(queued.pnl_ticks[filled]),
        "queue_net_pnl_ticks_low": interval[0],
        "queue_net_pnl_ticks_high": interval[1],
        "queue_missed_pnl_ticks": _mean(missed.pnl_ticks),
    }
    for seconds, moves in zip(MOVES_S, queued.moves, strict=True):
        found = moves[filled]
        figures[f"queue_move_{seconds}s_ticks"] = _mean(found[~np.isnan(found)])
    return figures


def profit_factor(pnl: NDArray[np.float64]) -> float | None:
    """Sum of what winning trades earned over what losing trades lost; None when none lost."""
    lost = -float(np.sum(pnl[pnl < 0]))
    return float(np.sum(pnl[pnl > 0])) / lost if lost > 0 else None


def wilson_interval(successes: int, trials: int) -> tuple[float, float]:
    """95 % score interval of a proportion (Wilson 1927); `trials` must be 1 or more."""
    if not 0 <= successes <= trials or trials < 1:
        raise ParameterError(
            f"successes={successes}, trials={trials}: 0 <= successes <= trials and 1 <= trials must hold"
        )
    p = successes / trials
    z2 = _Z95 * _Z95
    centre = (p + z2 / (2 * trials)) / (1 + z2 / trials)
    half = _Z95 * math.sqrt(p * (1 - p) / trials + z2 / (4 * trials * trials)) / (1 + z2 / trials)
    # At 0 and 1 the exact bound is the proportion itself; rounding must not put it on the wrong side.
    return max(0.0, min(p, centre - half)) if successes else 0.0, min(1.0, max(p, centre + half))


def bootstrap_interval(values: NDArray[np.float64], *, seed: int, draws: int = BOOTSTRAP_DRAWS) -> tuple[float, float]:
    """95 % percentile interval of the mean by the stationary bootstrap (Politis and Romano 1994).

    Blocks start anywhere, wrap around and have geometric length with mean n ** (1/3), so that dependence between
    neighbouring trades stays in the resamples. The same seed gives the same interval everywhere.
    """
    if len(values) < 1 or draws < 1:
        raise ParameterError(f"draws={draws}, {len(values)} values: both must be 1 or more")
    return bootstrap_intervals(values[np.newaxis], seed=seed, draws=draws)[0]


def bootstrap_intervals(
    values: NDArray[np.float64], *, seed: int, draws: int = BOOTSTRAP_DRAWS, present: NDArray[np.bool_] | None = None
) -> list[tuple[float, float]]:
    """The same for each row of `values` (series, n): what is drawn depends on seed and n alone, so it is drawn once.

    With `present` (n,), the last row has values only there, at least one: its interval is of their mean, and knows that
    how many there are is chance too.
    """
    rows = len(values)
    if present is not None:
        values = np.concatenate([values[:-1], [np.where(present, values[-1], 0.0)], [present]])
    series, n = values.shape
    bounds = np.empty((rows, len(_BOUNDS)), np.float64)
    means = np.empty((series, draws), np.float64)
    _resampled_means(
        np.ascontiguousarray(values, np.float64),
        1.0 / max(1.0, n ** (1 / 3)),
        np.uint64(seed),
        present is not None,
        np.empty(n, np.int64),
        means,
    )
    means.sort(axis=1)  # in vectors, where the sort of a kernel has none
    _quantiles(means, _BOUNDS, bounds)
    return [(float(low), float(high)) for low, high in bounds]


def _intervals(mid: Trades, cross: Trades, queued: _Queued | None, seed: int) -> tuple[_Interval, _Interval, _Interval]:
    """Those of the means of the three models. Drawn together where mid and cross traded the same events, as nearly
    always.
    """
    filled = None if queued is None or np.count_nonzero(queued.filled) < 2 else queued.filled
    n = len(mid.pnl_ticks)
    if queued is None or filled is None:
        if n == len(cross.pnl_ticks) > 1:
            first, second = bootstrap_intervals(np.stack([mid.pnl_ticks, cross.pnl_ticks]), seed=seed)
            return first, second, (None, None)
    elif n == len(cross.pnl_ticks) == len(filled):
        values = np.stack([mid.pnl_ticks, cross.pnl_ticks, queued.pnl_ticks])
        first, second, third = bootstrap_intervals(values, seed=seed, present=filled)
        return first, second, third
    of_queue = (None, None) if queued is None else _interval(queued.pnl_ticks[queued.filled], seed)
    return _interval(mid.pnl_ticks, seed), _interval(cross.pnl_ticks, seed), of_queue


def _intervals_by_day(
    events: Events, table: OutcomeTable, queued: _Queued | None, day_ends: Sequence[int], seed: int
) -> tuple[_Interval, _Interval, _Interval]:
    """The same from resamples of whole days, trades and their number together."""
    day = np.searchsorted(day_ends, events.bins, side="right")
    row = (events.directions < 0).astype(np.int64)

    def interval(pnl: NDArray[np.float64], traded: NDArray[np.bool_]) -> _Interval:
        if np.count_nonzero(traded) < 2:
            return None, None
        sums = np.bincount(day[traded], pnl[traded], len(day_ends)).astype(np.float64)
        return days_interval(sums, np.bincount(day[traded], minlength=len(day_ends)), seed=seed)

    mid, cross = (
        interval(fills.pnl_ticks[row, events.bins], fills.outcome[row, events.bins] != NOT_OPENED)
        for fills in (table.mid, table.cross)
    )
    return mid, cross, (None, None) if queued is None else interval(queued.pnl_ticks, queued.filled)


def _interval(values: NDArray[np.float64], seed: int) -> _Interval:
    return bootstrap_interval(values, seed=seed) if len(values) > 1 else (None, None)


def _median(values: NDArray[np.int64]) -> float:
    """`numpy.median` of a few whole numbers, which takes five times as long for them."""
    ordered = np.sort(values)
    middle = len(ordered) // 2
    return float(ordered[middle]) if len(ordered) % 2 else (float(ordered[middle - 1]) + float(ordered[middle])) / 2


def _mean(values: NDArray[np.float64]) -> float | None:
    return float(values.sum()) / len(values) if len(values) else None


@kernel
def _resampled_means(
    values: NDArray[np.float64],
    restart: float,
    seed: np.uint64,
    divided: bool,
    indices: NDArray[np.int64],
    means: NDArray[np.float64],
) -> None:
    """Means of resamples into `means` (series, draws). `values` is (series, n): all are resampled at the same places.

    `indices` (n,) is room to work in. With `divided` the last series is 1 where the one before it has a value, else
    both are 0: then the mean of that one is of its values, and a resample without any counts as the mean of all.
    """
    series, n = values.shape
    whole = values[series - 2].sum() / values[series - 1].sum() if divided else 0.0
    draws = means.shape[1]
    # chance < restart and floor(chance * n) in whole numbers: exact, since both products are by powers of two
    limit = np.uint64(np.ceil(restart * 4294967296.0))
    width = np.uint64(n)
    half = np.uint64(32)
    low_bits = np.uint64(0xFFFFFFFF)
    state = seed
    for draw in range(draws):
        # where it restarts and where to, apart from the walk below: this loop has no branch and runs in vectors
        for i in range(n):
            # splitmix64 (Steele, Lea and Flood 2014): defined here so that no library release changes an interval
            z = state + np.uint64(i + 1) * np.uint64(0x9E3779B97F4A7C15)
            z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
            z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
            z = z ^ (z >> np.uint64(31))
            to = np.int64(((z & low_bits) * width) >> half)
            indices[i] = to if (z >> half) < limit else np.int64(-1)
            if i == 0:
                indices[i] = to
        state += width * np.uint64(0x9E3779B97F4A7C15)
        at = np.int64(0)
        for i in range(n):
            to = indices[i]
            following = at + 1
            following = following if following < n else np.int64(0)
            at = to if to >= 0 else following
            indices[i] = at
        k = 0
        while k < series:  # several sums at once: one alone waits for its last addition
            first = second = third = fourth = 0.0
            if series - k > 2:
                last = min(k + 3, series - 1)
                for i in range(n):
                    at = indices[i]
                    first += values[k, at]
                    second += values[k + 1, at]
                    third += values[k + 2, at]
                    fourth += values[last, at]
                means[k + 2, draw] = third / n
                means[last, draw] = fourth / n
            else:
                last = min(k + 1, series - 1)
                for i in range(n):
                    at = indices[i]
                    first += values[k, at]
                    second += values[last, at]
            means[k, draw] = first / n
            if k + 1 < series:
                means[k + 1, draw] = second / n
            k += 4
        if divided:
            there = means[series - 1, draw]
            means[series - 2, draw] = means[series - 2, draw] / there if there > 0.0 else whole


@kernel
def _quantiles(ordered: NDArray[np.float64], at_quantiles: NDArray[np.float64], out: NDArray[np.float64]) -> None:
    """Quantiles of the first rows of `ordered` (rows, n), each ascending, into `out` (fewer rows, quantiles)."""
    n = ordered.shape[1]
    for k in range(out.shape[0]):
        for q in range(at_quantiles.shape[0]):
            # between the two nearest, from the nearer one, as numpy's quantile does it
            place = at_quantiles[q] * (n - 1)
            below = int(np.floor(place))
            above = min(below + 1, n - 1)
            share = place - below
            step = ordered[k, above] - ordered[k, below]
            if share >= 0.5:
                out[k, q] = ordered[k, above] - step * (1.0 - share)
            else:
                out[k, q] = ordered[k, below] + step * share
