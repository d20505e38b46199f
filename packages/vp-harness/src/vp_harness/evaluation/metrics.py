"""The figures of one threshold row, with their intervals."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final, TypeAlias

import msgspec
import numpy as np
from numpy.typing import NDArray

from vp_harness._jit import kernel
from vp_harness.errors import ParameterError
from vp_harness.evaluation.events import Events
from vp_harness.evaluation.outcomes import NOT_OPENED, STOP, TAKE_PROFIT, TIMEOUT, Fills, OutcomeTable

BOOTSTRAP_DRAWS: Final = 1000
_Z95: Final = 1.959963984540054
"""97.5 % quantile of the standard normal distribution."""
_BOUNDS: Final = np.array([0.025, 0.975])
_Interval: TypeAlias = tuple[float | None, float | None]


class Metrics(msgspec.Struct, frozen=True, kw_only=True):
    """Section 3 of the evaluation for one part of the time. None where there is nothing to measure.

    Rates, `median_time_to_outcome_ms` and `mean_pnl_ticks` are of the mid fills; `net_*` and `profit_factor` of the
    cross fills, after costs. `*_low` and `*_high` bound 95 % intervals.
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


def measure(events: Events, table: OutcomeTable, *, n_bins: int, cell_width_ms: int, seed: int) -> Metrics:
    """The figures of `events` (already those that open a position), found in `n_bins` bins of observation."""
    mid = Trades.of(events, table.mid)
    cross = Trades.of(events, table.cross)
    targets = int(np.count_nonzero(mid.outcome == TAKE_PROFIT))
    tp_low, tp_high = wilson_interval(targets, len(mid.outcome)) if len(mid.outcome) else (None, None)
    (mean_low, mean_high), (net_low, net_high) = _intervals(mid.pnl_ticks, cross.pnl_ticks, seed)
    hours = n_bins * cell_width_ms / 3_600_000
    return Metrics(
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
    )


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
    values: NDArray[np.float64], *, seed: int, draws: int = BOOTSTRAP_DRAWS
) -> list[tuple[float, float]]:
    """The same for each row of `values` (series, n): what is drawn depends on seed and n alone, so it is drawn once."""
    series, n = values.shape
    bounds = np.empty((series, len(_BOUNDS)), np.float64)
    _resampled_quantiles(
        np.ascontiguousarray(values, np.float64),
        1.0 / max(1.0, n ** (1 / 3)),
        np.uint64(seed),
        _BOUNDS,
        np.empty(n, np.int64),
        np.empty((series, draws), np.float64),
        bounds,
    )
    return [(float(low), float(high)) for low, high in bounds]


def _intervals(mid: NDArray[np.float64], cross: NDArray[np.float64], seed: int) -> tuple[_Interval, _Interval]:
    if len(mid) == len(cross) > 1:
        first, second = bootstrap_intervals(np.stack([mid, cross]), seed=seed)
        return first, second
    return _interval(mid, seed), _interval(cross, seed)


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
def _resampled_quantiles(
    values: NDArray[np.float64],
    restart: float,
    seed: np.uint64,
    at_quantiles: NDArray[np.float64],
    indices: NDArray[np.int64],
    means: NDArray[np.float64],
    out: NDArray[np.float64],
) -> None:
    """Quantiles of the means of resamples. `values` is (series, n): all series are resampled at the same places.

    `indices` (n,), `means` (series, draws) are room to work in, `out` is (series, quantiles).
    """
    series, n = values.shape
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
        for k in range(series):
            total = 0.0
            for i in range(n):
                total += values[k, indices[i]]
            means[k, draw] = total / n
    for k in range(series):
        ordered = np.sort(means[k])
        for q in range(at_quantiles.shape[0]):
            # between the two nearest, from the nearer one, as numpy's quantile does it
            place = at_quantiles[q] * (draws - 1)
            below = int(np.floor(place))
            above = min(below + 1, draws - 1)
            share = place - below
            step = ordered[above] - ordered[below]
            if share >= 0.5:
                out[k, q] = ordered[above] - step * (1.0 - share)
            else:
                out[k, q] = ordered[below] + step * share
