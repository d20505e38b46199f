"""Net of pressure and vacuum near spot, for and against."""

from __future__ import annotations

from typing import Annotated, ClassVar

import msgspec

from vp_harness.signals.base import FixedThresholds, Part
from vp_harness.signals.blocks import Block, BlockRun, BlockSignal, Output
from vp_harness.signals.context import SignalContext
from vp_harness.signals.parameters import about
from vp_harness.signals.stages import Ema, SideSums, ratio


class NetEdgeParams(msgspec.Struct, frozen=True):
    """Parameters of `net_edge`."""

    reach_cells: Annotated[int, about("cells", "rows with abs(k) up to this count", ge=1, le=100_000)] = 10
    span_bins: Annotated[int, about("bins", "span of the average; 1 is no average", ge=1, le=100_000)] = 10


class _Run(BlockRun):
    def __init__(self, params: NetEdgeParams, context: SignalContext) -> None:
        self._sums = SideSums.by_distance(context.radius, params.reach_cells)
        self._ema = Ema.of_span(params.span_bins)

    def advance(self, block: Block) -> Output:
        pressure_below, pressure_above = self._sums(block.rows("pressure_variant"))
        vacuum_below, vacuum_above = self._sums(block.rows("vacuum_variant"))
        bullish, bearish = pressure_below + vacuum_above, pressure_above + vacuum_below
        now = ratio(bullish - bearish, bullish + bearish)
        return Output(self._ema(now), (now, bullish, bearish))


class NetEdge(BlockSignal):
    """Pressure below and vacuum above spot against pressure above and vacuum below, nearer rows counting more."""

    name: ClassVar[str] = "net_edge"
    params_type: ClassVar[type[NetEdgeParams]] = NetEdgeParams
    required_columns: ClassVar[tuple[str, ...]] = ("pressure_variant", "vacuum_variant")
    thresholds: ClassVar[FixedThresholds] = FixedThresholds((0.05, 0.1, 0.2, 0.3, 0.4))
    detail: ClassVar[tuple[Part, ...]] = (
        Part("edge", "", "the net edge of this bin alone"),
        Part("bullish", "size/s", "weighted pressure below and vacuum above"),
        Part("bearish", "size/s", "weighted pressure above and vacuum below"),
    )

    def begin(self, context: SignalContext) -> BlockRun:
        """A run that has seen nothing yet."""
        return _Run(self.params, context)
