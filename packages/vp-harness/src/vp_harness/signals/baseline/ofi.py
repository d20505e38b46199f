"""Order flow imbalance at the touch and the levels behind it.

At the touch: Cont, Kukanov, Stoikov, "The price impact of order book events", Journal of Financial Econometrics 12
(2014). Several levels: Cont, Cucuringu, Zhang, "Cross-impact of order flow imbalance in equity markets", Quantitative
Finance 23 (2023).
"""

from __future__ import annotations

from typing import Annotated, ClassVar

import msgspec
import numpy as np

from vp_harness.signals import _kernels
from vp_harness.signals.base import FixedThresholds, Part
from vp_harness.signals.blocks import Block, BlockRun, BlockSignal, Output
from vp_harness.signals.context import SignalContext
from vp_harness.signals.parameters import TanhScale, ZScoreMinimum, ZScoreWindow, about, check_minimum
from vp_harness.signals.stages import RobustZ
from vp_spectrum import tanh


class OfiParams(msgspec.Struct, frozen=True):
    """Parameters of `ofi`."""

    window_bins: Annotated[int, about("bins", "bins whose flow is summed", ge=1, le=100_000)] = 10
    levels: Annotated[int, about("cells", "levels of each side, the best price included", ge=1, le=100)] = 5
    depth_window_bins: Annotated[int, about("bins", "bins of the mean depth of a level", ge=1, le=1_000_000)] = 3000
    zscore_window_bins: ZScoreWindow = 300
    zscore_min_periods: ZScoreMinimum = 30
    tanh_scale: TanhScale = 3.0

    def __post_init__(self) -> None:
        check_minimum(self.zscore_window_bins, self.zscore_min_periods)


class _Run(BlockRun):
    def __init__(self, params: OfiParams, context: SignalContext) -> None:
        self._cell, self._scale = context.cell_int, params.tanh_scale
        self._before = np.zeros((2, params.levels))
        self._before_cells = np.zeros(3, np.int64)
        self._flows = np.zeros((params.window_bins, params.levels))
        self._flow_sums = np.zeros(params.levels)
        self._depths = np.zeros((params.depth_window_bins, params.levels))
        self._depth_sums = np.zeros(params.levels)
        self._z = RobustZ(params.zscore_window_bins, params.zscore_min_periods)
        self._seen = 0
        self.warm_bins = params.zscore_min_periods

    def advance(self, block: Block) -> Output:
        flow = np.empty(block.n_bins)
        _kernels.order_flow(
            block.rows("bid_depth"),
            block.rows("ask_depth"),
            block.field("best_bid_price_int"),
            block.field("best_ask_price_int"),
            block.spot_of(self._cell),
            self._cell,
            self._before,
            self._before_cells,
            self._flows,
            self._flow_sums,
            self._depths,
            self._depth_sums,
            self._seen,
            flow,
        )
        self._seen += block.n_bins
        z = self._z(flow)
        return Output(tanh(z / self._scale), (flow, z))


class Ofi(BlockSignal):
    """Net displayed change of bids less that of asks at the touch and behind it, as a squashed z-score."""

    name: ClassVar[str] = "ofi"
    params_type: ClassVar[type[OfiParams]] = OfiParams
    required_columns: ClassVar[tuple[str, ...]] = ("bid_depth", "ask_depth")
    required_fields: ClassVar[tuple[str, ...]] = ("best_bid_price_int", "best_ask_price_int", "spot_ref_price_int")
    thresholds: ClassVar[FixedThresholds] = FixedThresholds((0.2, 0.35, 0.5, 0.65, 0.8))
    detail: ClassVar[tuple[Part, ...]] = (
        Part("flow", "", "summed flow of the levels, each in units of its mean depth"),
        Part("z", "", "robust z-score of the flow"),
    )

    def begin(self, context: SignalContext) -> BlockRun:
        """A run that has seen nothing yet."""
        return _Run(self.params, context)
