"""Asymmetric derivative slope: where adds and pulls lean, and how fast that changes."""

from __future__ import annotations

from typing import Annotated, ClassVar

import msgspec

from vp_harness.signals.base import FixedThresholds, Part
from vp_harness.signals.blocks import Block, BlockRun, BlockSignal, Output
from vp_harness.signals.context import SignalContext
from vp_harness.signals.parameters import TanhScale, Weight, ZScoreMinimum, ZScoreWindow, about, check_minimum
from vp_harness.signals.stages import SideSums, SquashedSlope


class AdsParams(msgspec.Struct, frozen=True):
    """Parameters of `ads`."""

    fast_window_bins: Annotated[int, about("bins", "window of the fast slope", ge=2, le=10_000)] = 10
    mid_window_bins: Annotated[int, about("bins", "window of the middle slope", ge=2, le=10_000)] = 25
    slow_window_bins: Annotated[int, about("bins", "window of the slow slope", ge=2, le=10_000)] = 50
    fast_weight: Weight = 0.40
    mid_weight: Weight = 0.35
    slow_weight: Weight = 0.25
    zscore_window_bins: ZScoreWindow = 200
    zscore_min_periods: ZScoreMinimum = 30
    tanh_scale: TanhScale = 3.0

    def __post_init__(self) -> None:
        check_minimum(self.zscore_window_bins, self.zscore_min_periods)


class AdsRun(BlockRun):
    """A running `ads`."""

    def __init__(self, params: AdsParams, context: SignalContext) -> None:
        p = params
        windows = (p.fast_window_bins, p.mid_window_bins, p.slow_window_bins)
        self._bands = SideSums.of_bands(context.radius)
        self._slopes = [
            SquashedSlope(window, p.zscore_window_bins, p.zscore_min_periods, p.tanh_scale) for window in windows
        ]
        self._weights = (p.fast_weight, p.mid_weight, p.slow_weight)
        self.warm_bins = max(windows) - 1 + p.zscore_min_periods

    def advance(self, block: Block) -> Output:
        """Take in the next bins."""
        add_below, add_above = self._bands(block.rows("v_add"))
        pull_below, pull_above = self._bands(block.rows("v_pull"))
        lean = (add_below - add_above) + (pull_above - pull_below)
        parts = [slope(lean) for slope in self._slopes]
        fast, mid, slow = (weight * part for weight, part in zip(self._weights, parts, strict=True))
        return Output(fast + mid + slow, (lean, *parts))


class Ads(BlockSignal):
    """Slopes of the lean of adds to the bid and pulls to the ask over three windows, z-scored, squashed and blended."""

    name: ClassVar[str] = "ads"
    params_type: ClassVar[type[AdsParams]] = AdsParams
    required_columns: ClassVar[tuple[str, ...]] = ("v_add", "v_pull")
    thresholds: ClassVar[FixedThresholds] = FixedThresholds((0.02, 0.05, 0.08, 0.10, 0.15, 0.20))
    detail: ClassVar[tuple[Part, ...]] = (
        Part("lean", "size/s", "adds on the bid less on the ask plus pulls on the ask less on the bid, over the bands"),
        Part("fast", "", "squashed z-score of the fast slope of the lean"),
        Part("mid", "", "squashed z-score of its middle slope"),
        Part("slow", "", "squashed z-score of its slow slope"),
    )

    def begin(self, context: SignalContext) -> BlockRun:
        """A run that has seen nothing yet."""
        return AdsRun(self.params, context)
