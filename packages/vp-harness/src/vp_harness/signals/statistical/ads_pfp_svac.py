"""Composite of `ads`, `pfp` and the vacuum asymmetry, with windows in milliseconds."""

from __future__ import annotations

import math
from typing import Annotated, ClassVar

import msgspec
import numpy as np

from vp_harness.signals.base import AdaptiveThresholds, Part
from vp_harness.signals.blocks import Block, BlockRun, BlockSignal, Output
from vp_harness.signals.context import SignalContext
from vp_harness.signals.parameters import Weight, about
from vp_harness.signals.stages import Ema, ratio
from vp_harness.signals.statistical.ads import AdsParams, AdsRun
from vp_harness.signals.statistical.msd import MsdParams, MsdRun
from vp_harness.signals.statistical.pfp import PfpParams, PfpRun
from vp_spectrum import tanh

_SVAC_FLOOR = 1e-6
_LONGEST_MS = 86_400_000


class AdsPfpSvacParams(msgspec.Struct, frozen=True):
    """Parameters of `ads_pfp_svac`. A window in ms is rounded to bins, half up."""

    fast_window_ms: Annotated[int, about("ms", "window of the fast slope of ads", ge=1, le=_LONGEST_MS)] = 1000
    mid_window_ms: Annotated[int, about("ms", "window of its middle slope", ge=1, le=_LONGEST_MS)] = 2500
    slow_window_ms: Annotated[int, about("ms", "window of its slow slope", ge=1, le=_LONGEST_MS)] = 5000
    zscore_window_ms: Annotated[int, about("ms", "window of its z-scores", ge=1, le=_LONGEST_MS)] = 20_000
    zscore_min_share: Annotated[float, about("", "share of that window a z-score needs", gt=0, le=1)] = 0.15
    lag_ms: Annotated[int, about("ms", "how much earlier pfp looks at the outer zone", ge=1, le=_LONGEST_MS)] = 500
    svac_alpha: Annotated[float, about("", "weight of the newest magnitude of msd in its average", gt=0, le=1)] = 0.05
    ads_weight: Weight = 0.4
    pfp_weight: Weight = 0.3
    svac_weight: Weight = 0.3


class _Run(BlockRun):
    def __init__(self, params: AdsPfpSvacParams, context: SignalContext) -> None:
        width = context.cell_width_ms
        zscore_bins = _bins(params.zscore_window_ms, width, 2)
        self._ads = AdsRun(
            AdsParams(
                fast_window_bins=_bins(params.fast_window_ms, width, 2),
                mid_window_bins=_bins(params.mid_window_ms, width, 2),
                slow_window_bins=_bins(params.slow_window_ms, width, 2),
                zscore_window_bins=zscore_bins,
                zscore_min_periods=math.ceil(params.zscore_min_share * zscore_bins),
            ),
            context,
        )
        self._pfp = PfpRun(PfpParams(lag_bins=_bins(params.lag_ms, width, 1)), context)
        self._msd = MsdRun(MsdParams(), context)
        self._magnitude = Ema(params.svac_alpha)
        self._weights = (params.ads_weight, params.pfp_weight, params.svac_weight)
        self._seen = 0
        self.warm_bins = max(self._ads.warm_bins, self._pfp.warm_bins)

    def advance(self, block: Block) -> Output:
        asymmetry = self._msd.advance(block).values
        parts = (
            self._ads.advance(block).values,
            tanh(self._pfp.advance(block).values),
            asymmetry / np.maximum(self._magnitude(np.abs(asymmetry)), _SVAC_FLOOR),
        )
        seen = np.arange(self._seen + 1, self._seen + 1 + block.n_bins)
        self._seen += block.n_bins
        value, mass = np.zeros(block.n_bins), np.zeros(block.n_bins)
        for weight, part, after in zip(
            self._weights, parts, (self._ads.warm_bins, self._pfp.warm_bins, 1), strict=True
        ):
            warm = np.where(seen >= after, weight, 0.0)
            value += warm * part
            mass += warm
        return Output(ratio(value, mass), parts)


class AdsPfpSvac(BlockSignal):
    """`ads`, tanh of `pfp` and `msd` in units of its own size, weighted over those that have warmed up."""

    name: ClassVar[str] = "ads_pfp_svac"
    params_type: ClassVar[type[AdsPfpSvacParams]] = AdsPfpSvacParams
    required_columns: ClassVar[tuple[str, ...]] = ("v_add", "v_fill", "v_pull", "vacuum_variant")
    thresholds: ClassVar[AdaptiveThresholds] = AdaptiveThresholds((0.50, 0.70, 0.80, 0.90, 0.95, 0.99))
    detail: ClassVar[tuple[Part, ...]] = (
        Part("ads", "", "the value of ads"),
        Part("pfp", "", "tanh of the value of pfp"),
        Part("svac", "", "vacuum asymmetry in units of its average magnitude"),
    )

    def begin(self, context: SignalContext) -> BlockRun:
        """A run that has seen nothing yet."""
        return _Run(self.params, context)


def _bins(ms: int, cell_width_ms: int, least: int) -> int:
    return max(least, math.floor(ms / cell_width_ms + 0.5))
