"""Imbalance of the displayed depth around the mid, nearer cells counting more."""

from __future__ import annotations

from typing import Annotated, ClassVar

import msgspec
import numpy as np

from vp_harness.signals import _kernels
from vp_harness.signals.base import FixedThresholds, Part
from vp_harness.signals.blocks import Block, BlockRun, BlockSignal, Output
from vp_harness.signals.context import SignalContext
from vp_harness.signals.parameters import about
from vp_harness.signals.stages import Ema


class DepthImbalanceParams(msgspec.Struct, frozen=True):
    """Parameters of `depth_imbalance`."""

    reach_cells: Annotated[float, about("cells", "farthest distance from the mid that counts", ge=0.5, le=1e6)] = 10.0
    decay_cells: Annotated[float, about("cells", "a cell at distance d weighs exp(-d / this)", gt=0, le=1e6)] = 3.0
    span_bins: Annotated[int, about("bins", "span of the average; 1 is no average", ge=1, le=100_000)] = 5


class _Run(BlockRun):
    def __init__(self, params: DepthImbalanceParams, context: SignalContext) -> None:
        self._reach, self._decay, self._cell = params.reach_cells, params.decay_cells, context.cell_int
        self._ema = Ema.of_span(params.span_bins)

    def advance(self, block: Block) -> Output:
        now = np.empty(block.n_bins)
        spot = block.spot_of(self._cell)
        _kernels.balance_about_mid(
            block.rows("bid_depth"),
            block.rows("ask_depth"),
            block.field("best_bid_price_int"),
            block.field("best_ask_price_int"),
            spot,
            self._cell,
            float(self._reach),
            float(self._decay),
            now,
        )
        return Output(self._ema(now), (now,))


class DepthImbalance(BlockSignal):
    """Bid against ask depth of the cells near the mid, weighted exp(-distance / 3), averaged over a few bins."""

    name: ClassVar[str] = "depth_imbalance"
    params_type: ClassVar[type[DepthImbalanceParams]] = DepthImbalanceParams
    required_columns: ClassVar[tuple[str, ...]] = ("bid_depth", "ask_depth")
    required_fields: ClassVar[tuple[str, ...]] = ("best_bid_price_int", "best_ask_price_int", "spot_ref_price_int")
    thresholds: ClassVar[FixedThresholds] = FixedThresholds((0.2, 0.35, 0.5, 0.65, 0.8))
    detail: ClassVar[tuple[Part, ...]] = (Part("imbalance", "", "the imbalance of this bin alone"),)

    def begin(self, context: SignalContext) -> BlockRun:
        """A run that has seen nothing yet."""
        return _Run(self.params, context)
