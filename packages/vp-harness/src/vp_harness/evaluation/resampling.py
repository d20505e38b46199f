"""Intervals of means whose values come in days: what is resampled are the days."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from vp_harness.errors import ParameterError

DAYS_TO_RESAMPLE: Final = 10
"""Days from which on they are what is resampled: trades of one day have more in common than neighbours in time."""

_DRAWS: Final = 1000
_BOUNDS: Final = np.array([0.025, 0.975])


def days_interval(
    sums: NDArray[np.float64], counts: NDArray[np.int64], *, seed: int, draws: int = _DRAWS
) -> tuple[float, float]:
    """95 % percentile interval of a mean by resampling days: `sums` and `counts` (days) are of the values of each day.

    A resample is so many days drawn with replacement, its mean that of all their values; one without any counts as the
    mean of all. The same seed gives the same interval everywhere.
    """
    n = len(sums)
    if n < 2 or draws < 1 or not counts.sum():
        raise ParameterError(f"{n} days, {counts.sum()} values, draws={draws}: at least 2, 1 and 1 are needed")
    drawn = _splitmix64(seed, n * draws).reshape(draws, n)
    picked = ((drawn >> np.uint64(32)) * np.uint64(n) >> np.uint64(32)).astype(np.int64)
    total, count = sums[picked].sum(axis=1), counts[picked].sum(axis=1)
    means = np.where(count > 0, total / np.maximum(count, 1), sums.sum() / counts.sum())
    low, high = np.quantile(means, _BOUNDS)
    return float(low), float(high)


def _splitmix64(seed: int, n: int) -> NDArray[np.uint64]:
    """The numbers of `measures`, of which no library release changes one: uint64 (n)."""
    step = np.arange(1, n + 1, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)
    z = np.uint64(seed) + step
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))
