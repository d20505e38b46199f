"""Buying against selling aggressors."""

from __future__ import annotations

from typing import Annotated, ClassVar

import msgspec
import numpy as np

from vp_harness.signals.base import FixedThresholds, Part
from vp_harness.signals.blocks import Block, BlockRun, BlockSignal, Output
from vp_harness.signals.context import SignalContext
from vp_harness.signals.parameters import about
from vp_harness.signals.stages import Ema


class TradeFlowParams(msgspec.Struct, frozen=True):
    """Parameters of `trade_flow`."""

    span_bins: Annotated[int, about("bins", "span of the average; 1 is no average", ge=1, le=100_000)] = 50


class _Run(BlockRun):
    def __init__(self, params: TradeFlowParams) -> None:
        self._ema = Ema.of_span(params.span_bins)

    def advance(self, block: Block) -> Output:
        bought = block.field("buy_volume").astype(np.float64)
        sold = block.field("sell_volume").astype(np.float64)
        now = (bought - sold) / (bought + sold + 1.0)
        return Output(self._ema(now), (now,))


class TradeFlow(BlockSignal):
    """Average of (bought - sold) / (bought + sold + 1), by the side of the aggressor."""

    name: ClassVar[str] = "trade_flow"
    params_type: ClassVar[type[TradeFlowParams]] = TradeFlowParams
    required_fields: ClassVar[tuple[str, ...]] = ("buy_volume", "sell_volume")
    thresholds: ClassVar[FixedThresholds] = FixedThresholds((0.1, 0.2, 0.3, 0.4, 0.5))
    detail: ClassVar[tuple[Part, ...]] = (Part("balance", "", "the balance of this bin alone"),)

    def begin(self, context: SignalContext) -> BlockRun:  # noqa: ARG002
        """A run that has seen nothing yet."""
        return _Run(self.params)
