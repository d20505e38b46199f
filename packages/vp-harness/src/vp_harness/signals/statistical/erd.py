"""Entropy regime: the sides of spot compared while the states of the rows are unusually mixed."""

from __future__ import annotations

import math
from typing import Annotated, ClassVar, Literal

import msgspec
import numpy as np

from vp_harness.signals import _kernels
from vp_harness.signals.base import FixedThresholds, Part
from vp_harness.signals.blocks import Block, BlockRun, BlockSignal, Output
from vp_harness.signals.context import SignalContext
from vp_harness.signals.parameters import ZScoreMinimum, ZScoreWindow, about, check_minimum
from vp_harness.signals.stages import RobustZ, Series, SideSums


class ErdParams(msgspec.Struct, frozen=True):
    """Parameters of `erd`."""

    variant: Annotated[
        Literal["a", "b"],
        about("", "a: mean flow score below spot less that above; b: entropy above less that below"),
    ] = "a"
    zscore_window_bins: ZScoreWindow = 100
    zscore_min_periods: ZScoreMinimum = 30
    gate_floor: Annotated[float, about("", "the gate is what z of the entropy has above this", ge=-1e6, le=1e6)] = 0.5

    def __post_init__(self) -> None:
        check_minimum(self.zscore_window_bins, self.zscore_min_periods)


class _Run(BlockRun):
    def __init__(self, params: ErdParams, context: SignalContext) -> None:
        self._scores = params.variant == "a"
        self._floor = params.gate_floor
        self._min_periods = params.zscore_min_periods
        self._means = SideSums.of_zone(context.radius, 1, context.radius)
        self._terms = _entropy_terms(2 * context.radius + 1)
        self._side_terms = _entropy_terms(context.radius)
        self._z = RobustZ(params.zscore_window_bins, params.zscore_min_periods)
        self._seen = 0
        self.warm_bins = params.zscore_min_periods

    def advance(self, block: Block) -> Output:
        n = block.n_bins
        entropy, entropy_below, entropy_above = np.empty(n), np.empty(n), np.empty(n)
        codes = block.rows("flow_state_code")
        _kernels.entropies(codes, self._terms, self._side_terms, entropy, entropy_below, entropy_above)
        gate = np.maximum(0.0, self._z(entropy) - self._floor)
        gate[: max(0, self._min_periods - 1 - self._seen)] = 0.0  # whatever the floor is
        self._seen += n
        score_below, score_above = self._means(block.rows("flow_score"))
        lean = score_below - score_above if self._scores else entropy_above - entropy_below
        return Output(lean * gate, (entropy, gate, lean))


class Erd(BlockSignal):
    """The lean of flow scores, or of entropies, between the sides of spot, while the entropy of all rows is high."""

    name: ClassVar[str] = "erd"
    params_type: ClassVar[type[ErdParams]] = ErdParams
    required_columns: ClassVar[tuple[str, ...]] = ("flow_state_code", "flow_score")
    thresholds: ClassVar[FixedThresholds] = FixedThresholds((0.05, 0.1, 0.2, 0.5, 1.0, 2.0))
    detail: ClassVar[tuple[Part, ...]] = (
        Part("entropy", "bit", "entropy of the states of all rows"),
        Part("gate", "", "what the z-score of the entropy has above the floor"),
        Part("lean", "", "difference between the sides, in bits in the variant b"),
    )

    def begin(self, context: SignalContext) -> BlockRun:
        """A run that has seen nothing yet."""
        return _Run(self.params, context)


def _entropy_terms(n: int) -> Series:
    """-p log2 p for p = c / n and each count c of 0 to n."""
    shares = (count / n for count in range(n + 1))
    return np.array([-p * math.log2(p) if p > 0 else 0.0 for p in shares])
