"""The signal that the system was defined with: the derivative stage of vp-spectrum."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import ClassVar, Final

import numpy as np
from numpy.typing import NDArray

from vp_harness.cache import Cache
from vp_harness.signals.base import FixedThresholds, GridSource, Part, Signal, SignalBin, Stepper
from vp_harness.signals.context import DEFAULT_CONTEXT, SignalContext
from vp_harness.signals.shared import LONG, identity
from vp_spectrum import DerivativeFrame, DerivativeParams, DerivativeStage

_FACTOR: Final = "factor of the intensity of the state"
_WEIGHT: Final = "weight in the score of the"

_PARTS: Final = (
    Part("base", "", "bull less bear intensity of the rows, -1 to 1 with the default weights"),
    Part("d1", "1/s", "difference of base from the bin before"),
    Part("d2", "1/s^2", "difference of d1"),
    Part("d3", "1/s^3", "difference of d2"),
    Part("z1", "", "robust z-score of d1"),
    Part("z2", "", "robust z-score of d2"),
    Part("z3", "", "robust z-score of d3"),
    Part("bull_intensity", "", "weighted share of rows in a bull state"),
    Part("bear_intensity", "", "weighted share of rows in a bear state"),
    Part("mixed_intensity", "", "weighted share of rows in the mixed state"),
)

_WINDOW: Final = frozenset(("zscore_window_bins", "zscore_min_periods"))
"""Parameters that differences do not depend on."""
_BLEND: Final = frozenset(("tanh_scale", "d1_weight", "d2_weight", "d3_weight"))
"""Parameters that neither differences nor z-scores depend on."""
_KEPT: Final[Cache[tuple[NDArray[np.float64], ...]]] = Cache(64 * 2**20, lambda kept: sum(one.nbytes for one in kept))
"""Differences and z-scores by column and parameters: two hundred series of 36,000 bins."""


class _Stepper:
    def __init__(self, stage: DerivativeStage) -> None:
        self._stage = stage
        self._frame: DerivativeFrame | None = None

    def step(self, bin: SignalBin, /) -> float:
        self._frame = self._stage.update(bin.cells["state5_code"])
        return float(self._frame.score)

    @property
    def detail(self) -> dict[str, float]:
        return {part.name: float(getattr(self._frame, part.name)) for part in _PARTS}

    @property
    def ready(self) -> bool:
        return self._frame is not None and self._frame.ready


class Derivative(Signal):
    """Spatially weighted balance of bull and bear states, its successive differences z-scored and blended."""

    name: ClassVar[str] = "derivative"
    params_type: ClassVar[type[DerivativeParams]] = DerivativeParams
    required_columns: ClassVar[tuple[str, ...]] = ("state5_code",)
    thresholds: ClassVar[FixedThresholds] = FixedThresholds((0.03, 0.05, 0.08, 0.10, 0.15, 0.20))
    detail: ClassVar[tuple[Part, ...]] = _PARTS
    context_params: ClassVar[tuple[str, ...]] = ("bin_seconds",)
    param_notes: ClassVar[dict[str, tuple[str, str]]] = {
        "center_exclusion_radius": ("cells", "rows up to this distance from spot are left out; 0 leaves none out"),
        "spatial_decay_power": ("", "a row weighs 1 / max(|k|, 1) to this power"),
        "zscore_window_bins": ("bins", "window of the z-scores"),
        "zscore_min_periods": ("bins", "fewest values of a z-score"),
        "tanh_scale": ("", "divides z before the tanh"),
        "d1_weight": ("", f"{_WEIGHT} first difference"),
        "d2_weight": ("", f"{_WEIGHT} second difference"),
        "d3_weight": ("", f"{_WEIGHT} third difference"),
        "bull_pressure_weight": ("", f"{_FACTOR} +1"),
        "bull_vacuum_weight": ("", f"{_FACTOR} +2"),
        "bear_pressure_weight": ("", f"{_FACTOR} -1"),
        "bear_vacuum_weight": ("", f"{_FACTOR} -2"),
        "mixed_weight": ("", "how much the intensity of state 0 takes from the base"),
    }

    param_ranges: ClassVar[Mapping[str, tuple[float, float]]] = DerivativeParams.LIMITS

    def start(self, context: SignalContext = DEFAULT_CONTEXT) -> Stepper:
        """A new derivative stage over the rows of the grid."""
        return _Stepper(self._stage(context))

    def compute(self, dataset: GridSource) -> NDArray[np.float64]:
        """The scores of all bins.

        What is made of a shared column on the way is kept: parameter sets of a sweep that differ in their weights have
        the z-scores in common, those that differ in their windows the differences. A channel without a weight needs no
        z-scores.
        """
        codes = dataset.grid("state5_code")
        stage = self._stage(dataset.context)
        column = identity(codes) if len(codes) >= LONG else None
        if column is None:
            return stage.scores(codes)
        context = (column, dataset.context)

        def differences() -> tuple[NDArray[np.float64], ...]:
            return _KEPT.of((context, *self._but(_WINDOW | _BLEND)), lambda: stage.differences(codes))

        def z_scores(channel: int) -> NDArray[np.float64]:
            key = (context, channel, *self._but(_BLEND))
            return _KEPT.of(key, lambda: (stage.z_scores(channel, differences()[channel]),))[0]

        weights = self.params.channel_weights
        return stage.blended([z_scores(i) if weight else np.zeros(len(codes)) for i, weight in enumerate(weights)])

    def _but(self, names: frozenset[str]) -> tuple[float, ...]:
        """The values of the parameters without those of some names."""
        return tuple(getattr(self.params, name) for name in DerivativeParams.LIMITS if name not in names)

    def _stage(self, context: SignalContext) -> DerivativeStage:
        params = dataclasses.replace(self.params, bin_seconds=context.bin_seconds)
        return DerivativeStage(params, context.k_values)
