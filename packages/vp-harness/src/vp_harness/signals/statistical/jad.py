"""Jerk-acceleration divergence: whether the change of flow speeds up or turns."""

from __future__ import annotations

from typing import Annotated, ClassVar

import msgspec
import numpy as np

from vp_harness.signals.base import FixedThresholds, Part
from vp_harness.signals.blocks import Block, BlockRun, BlockSignal, Output
from vp_harness.signals.context import SignalContext
from vp_harness.signals.parameters import TanhScale, ZScoreMinimum, ZScoreWindow, about, check_minimum
from vp_harness.signals.stages import RobustZ, Series, SideSums
from vp_spectrum import tanh

_REACH = 24

_Share = Annotated[float, about("", "share of the jerk; the acceleration has the rest", ge=0, le=1)]


class JadParams(msgspec.Struct, frozen=True):
    """Parameters of `jad`: the share of the jerk where it agrees in sign with the acceleration, and where not."""

    agreeing_jerk_share: _Share = 0.4
    opposed_jerk_share: _Share = 0.8
    zscore_window_bins: ZScoreWindow = 300
    zscore_min_periods: ZScoreMinimum = 30
    tanh_scale: TanhScale = 3.0

    def __post_init__(self) -> None:
        check_minimum(self.zscore_window_bins, self.zscore_min_periods)


class _Run(BlockRun):
    def __init__(self, params: JadParams, context: SignalContext) -> None:
        self._params = params
        self._means = SideSums.by_distance(context.radius, _REACH, normalised=True)
        self._z = RobustZ(params.zscore_window_bins, params.zscore_min_periods)
        self.warm_bins = params.zscore_min_periods

    def advance(self, block: Block) -> Output:
        jerk = self._lean(block, "j_add", "j_pull")
        acceleration = self._lean(block, "a_add", "a_pull")
        p = self._params
        agreeing = p.agreeing_jerk_share * jerk + (1.0 - p.agreeing_jerk_share) * acceleration
        opposed = p.opposed_jerk_share * jerk + (1.0 - p.opposed_jerk_share) * acceleration
        blended = np.where(jerk * acceleration > 0.0, agreeing, opposed)
        return Output(tanh(self._z(blended) / p.tanh_scale), (jerk, acceleration, blended))

    def _lean(self, block: Block, add: str, pull: str) -> Series:
        add_below, add_above = self._means(block.rows(add))
        pull_below, pull_above = self._means(block.rows(pull))
        return 0.5 * (add_below - add_above) + 0.5 * (pull_above - pull_below)


class Jad(BlockSignal):
    """Jerk and acceleration of adds and pulls, bid against ask, blended by whether they agree; squashed z-score."""

    name: ClassVar[str] = "jad"
    params_type: ClassVar[type[JadParams]] = JadParams
    required_columns: ClassVar[tuple[str, ...]] = ("j_add", "j_pull", "a_add", "a_pull")
    thresholds: ClassVar[FixedThresholds] = FixedThresholds((0.05, 0.10, 0.15, 0.20, 0.30))
    detail: ClassVar[tuple[Part, ...]] = (
        Part("jerk", "size/s^3", "lean of the jerk"),
        Part("acceleration", "size/s^2", "lean of the acceleration"),
        Part("blended", "", "the two blended"),
    )

    def begin(self, context: SignalContext) -> BlockRun:
        """A run that has seen nothing yet."""
        return _Run(self.params, context)
