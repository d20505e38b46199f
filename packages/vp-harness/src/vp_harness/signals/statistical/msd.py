"""Spatial vacuum asymmetry: whether liquidity is taken away above spot or below it."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

import msgspec

from vp_harness.signals.base import AdaptiveThresholds, Part
from vp_harness.signals.blocks import Block, BlockRun, BlockSignal, Output
from vp_harness.signals.context import SignalContext
from vp_harness.signals.parameters import about
from vp_harness.signals.stages import SideSums


class MsdParams(msgspec.Struct, frozen=True):
    """Parameters of `msd`."""

    variant: Annotated[
        Literal["weighted", "sum"], about("", "weighted: rows weigh 1 / abs(k); sum: all rows weigh the same")
    ] = "weighted"


class MsdRun(BlockRun):
    """A running `msd`."""

    def __init__(self, params: MsdParams, context: SignalContext) -> None:
        weighted = params.variant == "weighted"
        make = SideSums.by_distance if weighted else SideSums.plain
        self._sums = make(context.radius, context.radius)

    def advance(self, block: Block) -> Output:
        """Take in the next bins."""
        below, above = self._sums(block.rows("vacuum_variant"))
        return Output(above - below, (below, above))


class Msd(BlockSignal):
    """Vacuum above spot less vacuum below."""

    name: ClassVar[str] = "msd"
    params_type: ClassVar[type[MsdParams]] = MsdParams
    required_columns: ClassVar[tuple[str, ...]] = ("vacuum_variant",)
    thresholds: ClassVar[AdaptiveThresholds] = AdaptiveThresholds((0.50, 0.70, 0.80, 0.90, 0.95, 0.99))
    detail: ClassVar[tuple[Part, ...]] = (
        Part("below", "size/s", "vacuum below spot"),
        Part("above", "size/s", "vacuum above spot"),
    )

    def begin(self, context: SignalContext) -> BlockRun:
        """A run that has seen nothing yet."""
        return MsdRun(self.params, context)
