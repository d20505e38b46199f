"""The cell spectrum and the derivative stage from their definitions: whole histories, `numpy.median`, no state."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from fractions import Fraction

import numpy as np

from vp_spectrum import DerivativeParams, SpectrumParams


@dataclass
class OracleCell:
    """One cell: its composites since it entered, and everything else from them."""

    params: SpectrumParams
    composite: list[float] = field(default_factory=list)
    rolled: list[float] = field(default_factory=list)
    d: tuple[list[float], list[float], list[float]] = field(default_factory=lambda: ([], [], []))
    scored: tuple[list[float], list[float], list[float]] = field(default_factory=lambda: ([], [], []))
    z: tuple[float, float, float] = (0.0, 0.0, 0.0)
    score: list[float] = field(default_factory=list)

    def push(self, pressure: float, vacuum: float, measured: Sequence[float] = ()) -> None:
        """Take in a bin; `measured` (d1, d2, d3) are the differences to score instead of the oracle's own.

        A z-score of differences that are all but the same magnifies their last bit a millionfold, so scores can only be
        compared to 1e-12 when both sides score the same differences, which are compared on their own.
        """
        p = self.params
        shrink = 2.0**-20 if max(abs(pressure), abs(vacuum)) > 1e300 else 1.0
        total = abs(pressure) * shrink + abs(vacuum) * shrink + 1e-12 * shrink
        self.composite.append((pressure * shrink - vacuum * shrink) / total)
        weights = p.rollup_weights or (1.0,) * len(p.windows)
        means = [math.fsum(self.composite[-w:]) / min(w, len(self.composite)) for w in p.windows]
        self.rolled.append(math.fsum(w * m for w, m in zip(weights, means, strict=True)) / math.fsum(weights))
        source = self.rolled
        for order, series in enumerate(self.d, start=1):
            defined = len(self.composite) > order
            series.append((source[-1] - source[-2]) / p.bin_seconds if defined else 0.0)
            source = series
        for series, value in zip(self.scored, measured or [series[-1] for series in self.d], strict=True):
            series.append(value)
        z = [self._z(series[-p.zscore_window :]) for series in self.scored]
        self.z = (z[0], z[1], z[2])
        blend = math.fsum(w * math.tanh(x / p.tanh_scale) for w, x in zip(p.derivative_weights, z, strict=True))
        self.score.append(min(1.0, max(-1.0, blend / math.fsum(p.derivative_weights))))

    def _z(self, window: Sequence[float]) -> float:
        if len(window) < self.params.zscore_min_periods:
            return 0.0
        values = np.array(window)
        center = np.median(values)
        scale = 1.4826 * np.median(np.abs(values - center))
        return 0.0 if scale < 1e-9 else float((values[-1] - center) / scale)

    @property
    def code(self) -> int:
        threshold = self.params.neutral_threshold
        return 1 if self.score[-1] >= threshold else -1 if self.score[-1] <= -threshold else 0

    def projection(self, ms: int) -> float:
        p, s = self.params, self.score
        n = len(s)
        slope = [(s[i] - s[i - 1]) / p.bin_seconds for i in range(max(1, n - 3), n)]
        curve = [(slope[i] - slope[i - 1]) / p.bin_seconds for i in range(1, len(slope))]
        third = [(curve[i] - curve[i - 1]) / p.bin_seconds for i in range(1, len(curve))]
        h = ms / 1000.0
        value = s[-1] + (slope[-1] if slope else 0.0) * h + (curve[-1] if curve else 0.0) * h**2 / 2.0
        if p.use_cubic:
            value += p.cubic_scale * (third[-1] if third else 0.0) * h**3
        if p.damping_lambda > 0:
            value *= math.exp(-p.damping_lambda * h)
        return min(1.0, max(-1.0, value))


class OracleSpectrum:
    """All cells of a range that recenters: a plain list of cells that is cut and padded."""

    def __init__(self, params: SpectrumParams, n_cells: int) -> None:
        self.params = params
        self.cells = [OracleCell(params) for _ in range(n_cells)]

    def shift(self, cells: int) -> None:
        n = len(self.cells)
        self.cells = [
            self.cells[i + cells] if 0 <= i + cells < n else OracleCell(self.params)  # index i was at i + cells
            for i in range(n)
        ]

    def push(self, pressure: Sequence[float], vacuum: Sequence[float], measured: Sequence[Sequence[float]]) -> None:
        for cell, p, v, differences in zip(self.cells, pressure, vacuum, measured, strict=True):
            cell.push(float(p), float(v), differences)


@dataclass
class OracleStage:
    """The derivative stage: every base so far."""

    params: DerivativeParams
    rows: Sequence[int]
    base: list[float] = field(default_factory=list)
    d: tuple[list[float], list[float], list[float]] = field(default_factory=lambda: ([], [], []))

    def push(self, codes: Sequence[int]) -> dict[str, float]:
        p = self.params
        weights = [
            0.0
            if p.center_exclusion_radius > 0 and abs(k) <= p.center_exclusion_radius
            else 1.0 / max(abs(k), 1) ** p.spatial_decay_power
            for k in self.rows
        ]
        mass = math.fsum(weights)
        share = {
            s: math.fsum(w / mass for w, code in zip(weights, codes, strict=True) if code == s) for s in range(-2, 3)
        }
        bull = p.bull_pressure_weight * share[1] + p.bull_vacuum_weight * share[2]
        bear = p.bear_pressure_weight * share[-1] + p.bear_vacuum_weight * share[-2]
        self.base.append((bull - bear) * min(1.0, max(0.0, 1.0 - p.mixed_weight * share[0])))
        source = self.base
        for series in self.d:
            series.append((source[-1] - source[-2]) / p.bin_seconds if len(self.base) > 1 else 0.0)
            source = series
        z = [robust_z_or_std(s[-p.zscore_window_bins :], p.zscore_min_periods) for s in self.d]
        channel = (p.d1_weight, p.d2_weight, p.d3_weight)
        blend = math.fsum(w * math.tanh(x / p.tanh_scale) for w, x in zip(channel, z, strict=True)) / math.fsum(channel)
        return {
            "score": min(1.0, max(-1.0, blend)),
            "sample_count": min(len(self.base), p.zscore_window_bins),
            "base": self.base[-1],
            "d1": self.d[0][-1],
            "d2": self.d[1][-1],
            "d3": self.d[2][-1],
            "z1": z[0],
            "z2": z[1],
            "z3": z[2],
            "bull_intensity": bull,
            "bear_intensity": bear,
            "mixed_intensity": share[0],
        }


def robust_z_or_std(window: Sequence[float], min_periods: int) -> float:
    """The z-score of the last value, with the standard deviation in for a MAD of 0."""
    if len(window) < min_periods or min(window) == max(window):
        return 0.0
    values = np.array(window, dtype=np.float64)
    center = np.median(values)
    mad = np.median(np.abs(values - center))
    if mad > 0:
        with np.errstate(over="ignore"):
            z = (values[-1] - center) / (1.4826 * mad)
        return float(np.clip(z, -np.finfo(np.float64).max, np.finfo(np.float64).max))
    # exactly: floats would lose what tells neighbouring values apart, and tiny ones have squares of 0
    exact = [Fraction(value) for value in window]
    mean = sum(exact) / len(exact)
    variance = sum((value - mean) ** 2 for value in exact) / len(exact)
    return math.copysign(math.sqrt((exact[-1] - mean) ** 2 / variance), exact[-1] - mean)
