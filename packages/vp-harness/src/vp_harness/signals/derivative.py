"""The default signal: the derivative stage of vp-spectrum."""

from __future__ import annotations

import dataclasses
from typing import ClassVar

from vp_harness.signals.base import DEFAULT_CONTEXT, FixedThresholds, Signal, SignalBin, SignalContext, Stepper
from vp_spectrum import DerivativeParams, DerivativeStage


class _Stepper:
    def __init__(self, stage: DerivativeStage) -> None:
        self._stage = stage

    def step(self, bin: SignalBin, /) -> float:
        return float(self._stage.update(bin.cells["state5_code"]).score)


class Derivative(Signal):
    """Spatially weighted balance of bull and bear states, its successive differences z-scored and blended."""

    name: ClassVar[str] = "derivative"
    params_type: ClassVar[type[DerivativeParams]] = DerivativeParams
    required_columns: ClassVar[tuple[str, ...]] = ("state5_code",)
    thresholds: ClassVar[FixedThresholds] = FixedThresholds((0.03, 0.05, 0.08, 0.10, 0.15, 0.20))
    context_params: ClassVar[tuple[str, ...]] = ("bin_seconds",)

    def start(self, context: SignalContext = DEFAULT_CONTEXT) -> Stepper:
        """A new derivative stage over the rows of the grid."""
        params = dataclasses.replace(self.params, bin_seconds=context.bin_seconds)
        return _Stepper(DerivativeStage(params, context.k_values))
