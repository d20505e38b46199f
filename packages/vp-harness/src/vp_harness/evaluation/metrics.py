"""The figures of one threshold row, with their intervals."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

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
        return float(np.mean(self.outcome == outcome)) if len(self.outcome) else None


def measure(events: Events, table: OutcomeTable, *, n_bins: int, cell_width_ms: int, seed: int) -> Metrics:
    """The figures of `events` (already those that open a position), found in `n_bins` bins of observation."""
    mid = Trades.of(events, table.mid)
    cross = Trades.of(events, table.cross)
    targets = int(np.sum(mid.outcome == TAKE_PROFIT))
    tp_low, tp_high = wilson_interval(targets, len(mid.outcome)) if len(mid.outcome) else (None, None)
    mean_low, mean_high = _interval(mid.pnl_ticks, seed)
    net_low, net_high = _interval(cross.pnl_ticks, seed)
    hours = n_bins * cell_width_ms / 3_600_000
    return Metrics(
        n_signals=len(events),
        n_up=int(np.sum(events.directions > 0)),
        n_down=int(np.sum(events.directions < 0)),
        events_per_hour=len(events) / hours if hours else 0.0,
        tp_rate=mid.rate(TAKE_PROFIT),
        tp_rate_low=tp_low,
        tp_rate_high=tp_high,
        sl_rate=mid.rate(STOP),
        timeout_rate=mid.rate(TIMEOUT),
        median_time_to_outcome_ms=float(np.median(mid.hold_bins)) * cell_width_ms if len(mid.hold_bins) else None,
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
            f"successes {successes} and trials {trials} must satisfy 0 <= successes <= trials, 1 <= trials"
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
        raise ParameterError(f"{len(values)} values and {draws} draws: both must be 1 or more")
    means = np.empty(draws, np.float64)
    restart = 1.0 / max(1.0, len(values) ** (1 / 3))
    _resampled_means(np.ascontiguousarray(values, np.float64), restart, np.uint64(seed), means)
    low, high = np.quantile(means, [0.025, 0.975])
    return float(low), float(high)


def _interval(values: NDArray[np.float64], seed: int) -> tuple[float | None, float | None]:
    return bootstrap_interval(values, seed=seed) if len(values) > 1 else (None, None)


def _mean(values: NDArray[np.float64]) -> float | None:
    return float(np.mean(values)) if len(values) else None


@kernel
def _resampled_means(values: NDArray[np.float64], restart: float, seed: np.uint64, means: NDArray[np.float64]) -> None:
    n = values.shape[0]
    state = seed
    for draw in range(means.shape[0]):
        total = 0.0
        at = 0
        for i in range(n):
            # splitmix64 (Steele, Lea and Flood 2014): defined here so that no library release changes an interval
            state += np.uint64(0x9E3779B97F4A7C15)
            z = state
            z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
            z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
            z = z ^ (z >> np.uint64(31))
            chance = float(z >> np.uint64(32)) * 2.0**-32
            if i == 0 or chance < restart:
                at = int(float(z & np.uint64(0xFFFFFFFF)) * 2.0**-32 * n)
            else:
                at = at + 1 if at + 1 < n else 0
            total += values[at]
        means[draw] = total / n
