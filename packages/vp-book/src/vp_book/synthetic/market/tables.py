"""Tables that kernels read instead of calling the platform's mathematics library.

`exp` and `log` differ in their last bit between platforms, and one such bit would in time change every record. All of
these tables come from integers and from `decimal`, which computes alike everywhere.
"""

from __future__ import annotations

from decimal import Decimal, localcontext
from itertools import pairwise
from typing import Final

import numpy as np
from numpy.typing import NDArray

QUANTILE_BITS: Final = 10
DECAY_STEPS: Final = 64
"""Entries of the decay table per unit of its argument."""
DECAY_SPAN: Final = 32
"""exp(-x) is taken as 0 from here on."""
DISTANCE_BITS: Final = 12
MAX_DISTANCE: Final = 255
"""Farthest placement from the touch, in ticks, both in flow and in the profile."""

LN2: Final = float(Decimal("0.69314718055994530941723212145818"))


def half_exponential_quantiles() -> NDArray[np.float64]:
    """-ln(1 - v/2) on 1025 points v of [0, 1]: an exponential variate given that it is under ln 2.

    The whole variate is this plus ln 2 for every fair coin that shows heads before the first tails.
    """
    n = 1 << QUANTILE_BITS
    with localcontext() as context:
        context.prec = 30
        values = [float(-(1 - Decimal(i) / (2 * n)).ln()) for i in range(n + 1)]
    return np.array(values, dtype=np.float64)


def decay_table() -> NDArray[np.float64]:
    """exp(-i / 64) for i in 0 .. 2048."""
    with localcontext() as context:
        context.prec = 30
        values = [float((-Decimal(i) / DECAY_STEPS).exp()) for i in range(DECAY_STEPS * DECAY_SPAN + 1)]
    return np.array(values, dtype=np.float64)


def distance_table() -> NDArray[np.int64]:
    """4096 distances from the touch in ticks, each as often as placements there are: a heavy tail out to 255."""
    weights = [10_000_000 // ((3 * d + 1) * (d + 30)) for d in range(MAX_DISTANCE + 1)]
    total, size = sum(weights), 1 << DISTANCE_BITS
    table = np.empty(size, dtype=np.int64)
    distance, reached = 0, weights[0]
    for i in range(size):
        while reached * size <= i * total:
            distance += 1
            reached += weights[distance]
        table[i] = distance
    return table


_SIZE_VALUES: Final = (1, 2, 3, 4, 5, 6, 8, 10, 12, 15, 20, 25, 30, 50)
_SIZE_TIMES: Final = (165, 30, 14, 8, 12, 4, 4, 8, 2, 3, 3, 1, 1, 1)
_PROFILE: Final = (
    (0, 44),
    (1, 56),
    (2, 64),
    (4, 72),
    (8, 78),
    (15, 84),
    (25, 88),
    (40, 84),
    (60, 76),
    (100, 56),
    (255, 10),
)


def size_table() -> NDArray[np.int64]:
    """256 order sizes in contracts, each as often as it occurs."""
    return np.repeat(np.array(_SIZE_VALUES, dtype=np.int64), _SIZE_TIMES)


def profile_table() -> NDArray[np.int64]:
    """Contracts that a level attracts at each distance from the touch, 0 .. 255 ticks."""
    profile = np.empty(MAX_DISTANCE + 1, dtype=np.int64)
    for (a, depth_a), (b, depth_b) in pairwise(_PROFILE):
        for distance in range(a, b + 1):
            profile[distance] = depth_a + (depth_b - depth_a) * (distance - a) // (b - a)
    return profile
