"""What signals are put together from: stages that take series of consecutive bins, however many at a time.

Each remembers what it needs of the bins before, and gives the same numbers whether it is handed one bin after the other
or all of them at once. Series are float64 (n,); NaN is a value that is not defined yet, and comes at the start only.
"""

from __future__ import annotations

import hashlib
import math
from typing import Final

import numpy as np
from numpy.typing import NDArray

from vp_harness.cache import Cache
from vp_harness.signals import _kernels
from vp_harness.signals.shared import LONG, identity
from vp_spectrum import RobustWindow, tanh, tanh_of

Series = NDArray[np.float64]
Rows = NDArray[np.float64]

BANDS: Final = ((1, 3), (4, 11), (12, 23))
"""Inner, mid and outer band: abs(k) from and to."""


_SCORES: Final[Cache[Series]] = Cache(64 * 2**20, lambda scores: scores.nbytes)
"""Scores by window, least number of values and digest of the series: two hundred series of 36,000 bins."""


_SUMS: Final[Cache[tuple[Series, Series]]] = Cache(64 * 2**20, lambda sums: 2 * sums[0].nbytes)
"""Sums over the two sides by column and weights: a hundred pairs of 36,000 bins."""


class Ema:
    """Exponential moving average e += alpha (x - e) from e = x at the first value."""

    def __init__(self, alpha: float) -> None:
        self._alpha = float(alpha)
        self._state = np.zeros(2)

    @classmethod
    def of_span(cls, span_bins: int) -> Ema:
        """The one with alpha 2 / (span + 1)."""
        return cls(2.0 / (span_bins + 1))

    def __call__(self, x: Series) -> Series:
        """The averages at the next bins."""
        out = np.empty(len(x))
        _kernels.ema(x, self._alpha, self._state, out)
        return out


class Slope:
    """Least-squares slope per bin over exactly the last `window_bins` values, NaN before there are that many."""

    def __init__(self, window_bins: int) -> None:
        self._ring = np.zeros(window_bins)
        self._seen = 0

    def __call__(self, x: Series) -> Series:
        """The slopes at the next bins."""
        out = np.empty(len(x))
        _kernels.slope(x, self._ring, self._seen, out)
        self._seen += len(x)
        return out


class RobustZ:
    """Robust z-score among the last `window_bins` defined values, 0 with fewer than `min_periods` of them.

    The scores of a long series are kept by its content: parameter sets of a sweep that differ in what comes after them
    share them.
    """

    def __init__(self, window_bins: int, min_periods: int) -> None:
        self._key = (window_bins, min_periods)
        self._window = RobustWindow(window_bins, min_periods)
        RobustWindow(2, 1).push(0.0)  # loads its kernel here: steps come to it dozens of bins later, behind a slope

    def __call__(self, x: Series) -> Series:
        """The z-scores at the next bins."""
        if len(x) == 1:  # a step; what follows gives the same, with seven times the overhead
            return np.array([self.push(float(x[0]))])
        undefined = int(np.isnan(x).sum())
        z = np.zeros(len(x))
        z[undefined:] = self._scores(np.ascontiguousarray(x[undefined:]))
        return z

    def push(self, value: float) -> float:
        """The z-score at the next bin, 0 where the value is NaN."""
        return 0.0 if math.isnan(value) else self._window.push(value)

    def _scores(self, x: Series) -> Series:
        window_bins = self._key[0]
        if self._window.count or len(x) < max(LONG, 2 * window_bins):
            return self._window.push_all(x)
        scores = _SCORES.of(
            (*self._key, hashlib.sha256(x.tobytes()).digest()), lambda: RobustWindow(*self._key).push_all(x)
        )
        self._window.push_all(x[-window_bins:])  # all that a full window knows of what was before
        return scores


class SquashedSlope:
    """tanh(z / scale) of the robust z-score of the slope of a series."""

    def __init__(self, window_bins: int, zscore_window_bins: int, zscore_min_periods: int, tanh_scale: float) -> None:
        self._slope = Slope(window_bins)
        self._z = RobustZ(zscore_window_bins, zscore_min_periods)
        self._scale = tanh_scale

    def __call__(self, x: Series) -> Series:
        """The values at the next bins."""
        slopes = self._slope(x)
        if len(x) == 1:  # a step; what follows gives the same, with twice the overhead
            return np.array([tanh_of(self._z.push(float(slopes[0])) / self._scale)])
        return tanh(self._z(slopes) / self._scale)


class Lead:
    """min((EMA(inner * outer `lag_bins` ago) + eps) / (EMA(inner * outer) + eps), most), 0 for the first `lag_bins`."""

    def __init__(self, lag_bins: int, alpha: float, most: float) -> None:
        self._alpha, self._most = float(alpha), float(most)
        self._ring = np.zeros(lag_bins)
        self._state = np.zeros(2)
        self._seen = 0

    def __call__(self, inner: Series, outer: Series) -> Series:
        """The ratios at the next bins."""
        out = np.empty(len(inner))
        _kernels.lead(inner, outer, self._alpha, self._most, self._ring, self._state, self._seen, out)
        self._seen += len(inner)
        return out


class SideSums:
    """Weighted sums over the rows below spot and over those above it; `weights[i]` is of abs(k) = i + 1."""

    def __init__(self, weights: Series) -> None:
        self._weights = np.array(weights, np.float64)

    @classmethod
    def of_zone(cls, radius: int, first: int, last: int) -> SideSums:
        """Means over abs(k) `first` to `last` as far as the rows exist; 0 if none does."""
        return cls(_zone(min(radius, last), first, last))

    @classmethod
    def of_bands(cls, radius: int) -> SideSums:
        """Means of the bands weighted 1 / sqrt(nominal width), normalised over the bands that have rows."""
        weights = np.zeros(min(radius, BANDS[-1][1]))
        mass = 0.0
        for first, last in BANDS:
            if first <= radius:
                weight = 1.0 / np.sqrt(last - first + 1)
                weights += weight * _zone(len(weights), first, last)
                mass += weight
        return cls(weights / mass)

    @classmethod
    def by_distance(cls, radius: int, last: int, *, normalised: bool = False) -> SideSums:
        """Sums weighted 1 / abs(k) up to abs(k) `last`, or with `normalised` weights that sum to 1."""
        weights = 1.0 / np.arange(1, min(radius, last) + 1)
        return cls(weights / weights.sum() if normalised else weights)

    @classmethod
    def plain(cls, radius: int, last: int) -> SideSums:
        """Sums up to abs(k) `last`."""
        return cls(np.ones(min(radius, last)))

    def __call__(self, rows: Rows) -> tuple[Series, Series]:
        """(below, above) of the bins of a grid (n, 2 * radius + 1), each kept for a shared column."""
        column = identity(rows) if len(rows) >= LONG else None
        if column is None:
            return self._sums(rows)
        return _SUMS.of((column, self._weights.tobytes()), lambda: self._sums(rows))

    def _sums(self, rows: Rows) -> tuple[Series, Series]:
        below, above = np.empty(len(rows)), np.empty(len(rows))
        _kernels.side_sums(rows, self._weights, below, above)
        return below, above


def ratio(above: Series, below: Series) -> Series:
    """above / below, 0 where below is 0."""
    out = np.zeros(len(above))
    np.divide(above, below, out=out, where=below != 0)
    return out


def _zone(n_rows: int, first: int, last: int) -> Series:
    """Weights of a mean over rows `first` to `last` of the rows 1 to `n_rows`."""
    weights = np.zeros(n_rows)
    rows = max(0, min(n_rows, last) - first + 1)
    weights[first - 1 : first - 1 + rows] = 1.0 / max(rows, 1)
    return weights
