"""Imbalance of the displayed sizes at the best prices."""

from __future__ import annotations

from typing import Annotated, ClassVar

import msgspec
import numpy as np

from vp_harness.signals.base import FixedThresholds, Part
from vp_harness.signals.blocks import Block, BlockRun, BlockSignal, Output
from vp_harness.signals.context import SignalContext
from vp_harness.signals.parameters import about
from vp_harness.signals.stages import Ema, ratio


class ImbalanceParams(msgspec.Struct, frozen=True):
    """Parameters of `imbalance`."""

    span_bins: Annotated[int, about("bins", "span of the average; 1 is no average", ge=1, le=100_000)] = 5


class _Run(BlockRun):
    def __init__(self, params: ImbalanceParams) -> None:
        self._ema = Ema.of_span(params.span_bins)

    def advance(self, block: Block) -> Output:
        bid = block.field("best_bid_size").astype(np.float64)
        ask = block.field("best_ask_size").astype(np.float64)
        now = ratio(bid - ask, bid + ask)
        return Output(self._ema(now), (now,))


class Imbalance(BlockSignal):
    """(bid size - ask size) / (bid size + ask size) at the touch, averaged over a few bins."""

    name: ClassVar[str] = "imbalance"
    params_type: ClassVar[type[ImbalanceParams]] = ImbalanceParams
    required_fields: ClassVar[tuple[str, ...]] = ("best_bid_size", "best_ask_size")
    thresholds: ClassVar[FixedThresholds] = FixedThresholds((0.2, 0.35, 0.5, 0.65, 0.8))
    detail: ClassVar[tuple[Part, ...]] = (Part("imbalance", "", "the imbalance of this bin alone"),)

    def begin(self, context: SignalContext) -> BlockRun:  # noqa: ARG002
        """A run that has seen nothing yet."""
        return _Run(self.params)
