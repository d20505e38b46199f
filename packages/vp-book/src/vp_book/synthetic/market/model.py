"""Parameters of the synthetic market: every rate, size and strength that is not an argument of `write_market`."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Final

TICK_INT: Final = 250_000_000
"""Tick of 0.25 in 1e-9 of the quote currency."""

MICRO: Final = 1_000_000
"""Units of one tick in which the fair value is kept: integers, so that every machine decides alike."""


@dataclass(frozen=True, slots=True)
class MarketModel:
    """What the market is like. The defaults are of a busy index future.

    Rates are per second at activity 1.0 (see `ACTIVITY`), sizes in contracts, times in the unit of their suffix.
    """

    base_rate: float = 34.0
    """Flow events a second that nothing excited."""
    micro_tau_s: float = 0.000_06
    micro_children: float = 0.48
    """Mean number of events that one event excites, at the scale of machines that answer one another."""
    fast_tau_s: float = 0.03
    fast_children: float = 0.18
    """The same at the scale of requotes."""
    slow_tau_s: float = 3.0
    slow_children: float = 0.15
    """The same at the scale of bursts of attention."""
    rate_cap: float = 40_000.0
    """Upper bound of the intensity, events a second."""

    fair_step_ns: int = 10_000_000
    """Mean time between steps of the fair value."""
    volatility_ticks: float = 0.60
    """Standard deviation of the fair value over one second, jumps apart."""
    jump_every_s: int = 20
    """Mean time between jumps of the fair value, of 1 to 7 ticks, the small ones the likelier."""

    effect_lag_ns: int = 2_000_000_000
    """By how much order-flow pressure leads the drift of the fair value."""
    effect_drift_ticks: float = 0.60
    """Drift in ticks a second inside an episode, at effect 1."""
    effect_tilt: float = 0.28
    """Change of the probability that a placement is an add and not a pull, near the touch, at effect 1."""
    episode_min_ns: int = 8_000_000_000
    episode_max_ns: int = 24_000_000_000
    """An episode of pressure lasts a time drawn uniformly between these two."""


ACTIVITY: Final[tuple[tuple[int, int], ...]] = (
    (0, 180),
    (3 * 60, 300),
    (8 * 60, 420),
    (8 * 60 + 30, 620),
    (9 * 60 + 20, 700),
    (9 * 60 + 29, 850),
    (9 * 60 + 30, 2000),
    (9 * 60 + 36, 1350),
    (10 * 60, 1100),
    (11 * 60 + 30, 750),
    (12 * 60 + 30, 600),
    (14 * 60, 750),
    (15 * 60 + 30, 1050),
    (15 * 60 + 59, 1700),
    (16 * 60, 700),
    (17 * 60, 150),
    (18 * 60, 350),
    (20 * 60, 220),
    (24 * 60, 180),
)
"""Shape of the day: (minute of the New York day, activity in thousandths), linear in between."""


def activity_thousandths(second_of_day: int) -> int:
    """Activity at a second of the New York day, in thousandths, rounded down."""
    second = second_of_day % 86_400
    for (minute_a, value_a), (minute_b, value_b) in pairwise(ACTIVITY):
        if second < minute_b * 60:
            span = (minute_b - minute_a) * 60
            return value_a + (value_b - value_a) * (second - minute_a * 60) // span
    return ACTIVITY[-1][1]
