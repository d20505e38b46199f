"""Intensity imbalance rate of change: how fast the ratio of arriving to leaving liquidity shifts between the sides."""

from __future__ import annotations

from typing import Annotated, ClassVar

import msgspec
import numpy as np

from vp_harness.signals import _kernels
from vp_harness.signals.base import FixedThresholds, Part
from vp_harness.signals.blocks import Block, BlockRun, BlockSignal, Output
from vp_harness.signals.context import SignalContext
from vp_harness.signals.parameters import Weight, about
from vp_harness.signals.stages import Series, SideSums, Slope

_REACH = 16


class IircParams(msgspec.Struct, frozen=True):
    """Parameters of `iirc`."""

    fast_window_bins: Annotated[int, about("bins", "window of the fast slope", ge=2, le=10_000)] = 10
    slow_window_bins: Annotated[int, about("bins", "window of the slow slope", ge=2, le=10_000)] = 30
    fast_weight: Weight = 0.6
    slow_weight: Weight = 0.4
    gate: Annotated[float, about("", "below this size of the imbalance the signal is 0", ge=0, le=1e6)] = 0.1


class _Run(BlockRun):
    def __init__(self, params: IircParams, context: SignalContext) -> None:
        self._params = params
        self._sums = SideSums.plain(context.radius, _REACH)
        self._fast, self._slow = Slope(params.fast_window_bins), Slope(params.slow_window_bins)
        self.warm_bins = max(params.fast_window_bins, params.slow_window_bins)

    def advance(self, block: Block) -> Output:
        added, pulled, filled = (self._sums(block.rows(column)) for column in ("v_add", "v_pull", "v_fill"))
        bid, ask = (self._log_ratio(add, pull + fill) for add, pull, fill in zip(added, pulled, filled, strict=True))
        imbalance = bid - ask
        fast, slow = (np.where(x == x, x, 0.0) for x in (self._fast(imbalance), self._slow(imbalance)))  # NaN is not
        value = self._params.fast_weight * fast + self._params.slow_weight * slow
        value[np.abs(imbalance) < self._params.gate] = 0.0
        return Output(value, (imbalance, fast, slow))

    def _log_ratio(self, arriving: Series, leaving: Series) -> Series:
        out = np.empty(len(arriving))
        _kernels.log_ratio(arriving, leaving, out)
        return out


class Iirc(BlockSignal):
    """Slopes of the log ratio of adds to pulls and fills, bid less ask, while that imbalance is large enough."""

    name: ClassVar[str] = "iirc"
    params_type: ClassVar[type[IircParams]] = IircParams
    required_columns: ClassVar[tuple[str, ...]] = ("v_add", "v_pull", "v_fill")
    thresholds: ClassVar[FixedThresholds] = FixedThresholds((0.001, 0.005, 0.01, 0.02, 0.05))
    detail: ClassVar[tuple[Part, ...]] = (
        Part("imbalance", "", "log ratio of the bid less that of the ask"),
        Part("fast", "1/bin", "fast slope of the imbalance; 0 before there is one"),
        Part("slow", "1/bin", "slow slope of the imbalance; 0 before there is one"),
    )

    def begin(self, context: SignalContext) -> BlockRun:
        """A run that has seen nothing yet."""
        return _Run(self.params, context)
