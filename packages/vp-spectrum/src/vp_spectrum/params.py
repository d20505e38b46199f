"""Parameters of the cell spectrum and of the derivative stage: frozen, checked when made."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Final

from ._checks import distinct, flag, number, weights, whole
from .errors import ParameterError

_LONGEST_WINDOW = 10_000
_DAY_MS = 86_400_000
_FACTORS = (
    "d1_weight",
    "d2_weight",
    "d3_weight",
    "bull_pressure_weight",
    "bull_vacuum_weight",
    "bear_pressure_weight",
    "bear_vacuum_weight",
    "mixed_weight",
)
_SHORTEST_BIN, _LONGEST_BIN = 1e-6, 86_400.0
_DERIVATIVE_LIMITS: Final[Mapping[str, tuple[float, float]]] = {
    "bin_seconds": (_SHORTEST_BIN, _LONGEST_BIN),
    "center_exclusion_radius": (0, 1_000_000),
    "spatial_decay_power": (0.0, 100.0),
    "zscore_window_bins": (2, _LONGEST_WINDOW),
    "zscore_min_periods": (1, _LONGEST_WINDOW),
    "tanh_scale": (1e-6, 1e6),
    **dict.fromkeys(_FACTORS, (0.0, 1e6)),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class SpectrumParams:
    """How `CellSpectrum` scores a cell. All windows count bins.

    bin_seconds: length of a bin in seconds, 1e-6 to 86400.
    windows: flow windows, 1 to 10000 each, in any order, no two the same.
    rollup_weights: a weight of 0 or more per flow window, normalised to 1 in use; empty means equal weights.
    derivative_weights: weights of tanh(z1), tanh(z2), tanh(z3), 0 or more; the score divides by their sum.
    tanh_scale: divides z before the tanh, 1e-6 to 1e6.
    neutral_threshold: score from which a cell is not neutral any more, 0 to 1.
    zscore_window: values in a z-score, 2 to 10000.
    zscore_min_periods: values that a z-score needs, 1 to `zscore_window`; with fewer it is 0.
    horizons_ms: horizons of the projections, 1 to 86400000 each, no two the same; there may be none.
    use_cubic, cubic_scale: whether projections have the cubic term, and its factor, -1e6 to 1e6 (Taylor's is 1/6).
    damping_lambda: damping of projections per second, 0 to 1e6.

    Raises `ParameterError` for anything else.
    """

    bin_seconds: float = 0.1
    windows: tuple[int, ...] = (5, 10, 20, 40)
    rollup_weights: tuple[float, ...] = ()
    derivative_weights: tuple[float, ...] = (0.55, 0.30, 0.15)
    tanh_scale: float = 3.0
    neutral_threshold: float = 0.15
    zscore_window: int = 300
    zscore_min_periods: int = 75
    horizons_ms: tuple[int, ...] = ()
    use_cubic: bool = False
    cubic_scale: float = 1.0 / 6.0
    damping_lambda: float = 0.0

    def __post_init__(self) -> None:
        if len(self.windows) == 0:
            raise ParameterError("windows=(): must have at least one flow window")
        checked: dict[str, object] = {
            "bin_seconds": number("bin_seconds", self.bin_seconds, _SHORTEST_BIN, _LONGEST_BIN),
            "windows": distinct("windows", self.windows, 1, _LONGEST_WINDOW),
            "rollup_weights": (
                weights("rollup_weights", self.rollup_weights, len(self.windows)) if len(self.rollup_weights) else ()
            ),
            "derivative_weights": weights("derivative_weights", self.derivative_weights, 3),
            "tanh_scale": number("tanh_scale", self.tanh_scale, 1e-6, 1e6),
            "neutral_threshold": number("neutral_threshold", self.neutral_threshold, 0.0, 1.0),
            "zscore_window": whole("zscore_window", self.zscore_window, 2, _LONGEST_WINDOW),
            "horizons_ms": distinct("horizons_ms", self.horizons_ms, 1, _DAY_MS),
            "use_cubic": flag("use_cubic", self.use_cubic),
            "cubic_scale": number("cubic_scale", self.cubic_scale, -1e6, 1e6),
            "damping_lambda": number("damping_lambda", self.damping_lambda, 0.0, 1e6),
        }
        checked["zscore_min_periods"] = whole("zscore_min_periods", self.zscore_min_periods, 1, self.zscore_window)
        for name, value in checked.items():
            object.__setattr__(self, name, value)

    @property
    def rollup(self) -> tuple[tuple[int, float], ...]:
        """Flow windows, shortest first, each with its weight; the weights sum to 1."""
        given = self.rollup_weights or (1.0,) * len(self.windows)
        mass = math.fsum(given)
        return tuple(sorted((window, weight / mass) for window, weight in zip(self.windows, given, strict=True)))


@dataclass(frozen=True, slots=True, kw_only=True)
class DerivativeParams:
    """How `DerivativeStage` turns five-state codes into a score.

    bin_seconds: length of a bin in seconds, 1e-6 to 86400.
    center_exclusion_radius: rows with `abs(k)` up to this are left out, 0 to 1000000; 0 leaves none out.
    spatial_decay_power: a row weighs `1 / max(abs(k), 1) ** spatial_decay_power`, 0 to 100.
    zscore_window_bins, zscore_min_periods: as in `SpectrumParams`.
    tanh_scale: divides z before the tanh, 1e-6 to 1e6.
    d1_weight, d2_weight, d3_weight: weights of the three channels in the score, 0 or more, not all 0.
    bull_pressure_weight, bull_vacuum_weight, bear_pressure_weight, bear_vacuum_weight: factors of the intensities of
        the states +1, +2, -1 and -2, 0 to 1e6.
    mixed_weight: how much the intensity of state 0 takes from the base, 0 to 1e6.

    `LIMITS` has the lowest and highest value of each by name. Raises `ParameterError` for anything else.
    """

    LIMITS: ClassVar[Mapping[str, tuple[float, float]]] = _DERIVATIVE_LIMITS

    bin_seconds: float = 0.1
    center_exclusion_radius: int = 0
    spatial_decay_power: float = 0.0
    zscore_window_bins: int = 240
    zscore_min_periods: int = 60
    tanh_scale: float = 3.0
    d1_weight: float = 1.0
    d2_weight: float = 0.0
    d3_weight: float = 0.0
    bull_pressure_weight: float = 1.0
    bull_vacuum_weight: float = 1.0
    bear_pressure_weight: float = 1.0
    bear_vacuum_weight: float = 1.0
    mixed_weight: float = 0.0

    def __post_init__(self) -> None:
        for name, (low, high) in _DERIVATIVE_LIMITS.items():
            value = getattr(self, name)
            if name == "zscore_min_periods":
                high = self.zscore_window_bins  # checked before it
            if isinstance(low, int) and isinstance(high, int):
                object.__setattr__(self, name, whole(name, value, low, high))
            else:
                object.__setattr__(self, name, number(name, value, low, high))
        if not any(self.channel_weights):
            raise ParameterError("d1_weight=d2_weight=d3_weight=0: at least one must be above 0")

    @property
    def channel_weights(self) -> tuple[float, float, float]:
        """Weights of d1, d2 and d3 in the score."""
        return (self.d1_weight, self.d2_weight, self.d3_weight)
