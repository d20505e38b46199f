"""Spatial pressure gradient: on which side of spot pressure and vacuum lie."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, ClassVar, Literal

import msgspec
import numpy as np

from vp_harness.signals import _kernels
from vp_harness.signals.base import AdaptiveThresholds, Part
from vp_harness.signals.blocks import Block, BlockRun, BlockSignal, Output
from vp_harness.signals.context import SignalContext
from vp_harness.signals.parameters import Weight, about
from vp_harness.signals.stages import Ema, Rows, Series

_REACH = 16
_CURVE_REACH = 2
_SCALE = 0.7
_CURVE_SCALE = 0.3


class SpgParams(msgspec.Struct, frozen=True):
    """Parameters of `spg`."""

    variant: Annotated[
        Literal["odd", "even"],
        about(
            "",
            "odd: a direction, bullish with pressure below spot and vacuum above; even: as first published, which "
            "a mirrored book does not change, so that it tells a state and no direction",
        ),
    ] = "odd"
    fast_span_bins: Annotated[int, about("bins", "span of the fast average", ge=1, le=100_000)] = 5
    slow_span_bins: Annotated[int, about("bins", "span of the slow average", ge=1, le=100_000)] = 20
    fast_weight: Weight = 0.6
    slow_weight: Weight = 0.4
    curve_span_bins: Annotated[int, about("bins", "even: span of the average curvature", ge=1, le=100_000)] = 10


class _Run(BlockRun):
    def __init__(self, params: SpgParams, context: SignalContext) -> None:
        self._params = params
        self._reach = min(_REACH, context.radius)
        self._fast = Ema.of_span(params.fast_span_bins)
        self._slow = Ema.of_span(params.slow_span_bins)
        self._curve = Ema.of_span(params.curve_span_bins)

    def advance(self, block: Block) -> Output:
        pressure, vacuum = block.rows("pressure_variant"), block.rows("vacuum_variant")
        pressure_below, pressure_above = self._gradients(pressure)
        vacuum_below, vacuum_above = self._gradients(vacuum)
        curve = np.zeros(block.n_bins)
        if self._params.variant == "odd":
            net = -(pressure_above + pressure_below) + (vacuum_above + vacuum_below)
        else:
            net = (pressure_above - pressure_below) + (vacuum_above - vacuum_below)
            _kernels.curvature(pressure, _CURVE_REACH, curve)
            curve = self._curve(curve)
        smooth = self._params.fast_weight * self._fast(net) + self._params.slow_weight * self._slow(net)
        return Output(smooth * _SCALE - curve * _CURVE_SCALE, (net, curve))

    def _gradients(self, rows: Rows) -> tuple[Series, Series]:
        below, above = np.empty(len(rows)), np.empty(len(rows))
        _kernels.side_gradients(rows, self._reach, below, above)
        return below, above


class Spg(BlockSignal):
    """Mean slopes of pressure and vacuum along the price axis, averaged over a fast and a slow span."""

    name: ClassVar[str] = "spg"
    params_type: ClassVar[type[SpgParams]] = SpgParams
    required_columns: ClassVar[tuple[str, ...]] = ("pressure_variant", "vacuum_variant")
    thresholds: ClassVar[AdaptiveThresholds] = AdaptiveThresholds((0.50, 0.70, 0.80, 0.90, 0.95, 0.99))
    detail: ClassVar[tuple[Part, ...]] = (
        Part("net", "size/s/cell", "net gradient of this bin alone"),
        Part("curvature", "size/s/cell^2", "average curvature of pressure at spot; 0 in the variant odd"),
    )

    def unread_params(self) -> Mapping[str, str]:
        """The span of the curvature, without a curvature."""
        return {"curve_span_bins": "only the variant even has a curvature"} if self.params.variant == "odd" else {}

    def begin(self, context: SignalContext) -> BlockRun:
        """A run that has seen nothing yet."""
        return _Run(self.params, context)
