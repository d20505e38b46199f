"""Pressure front propagation: activity far from spot that announces activity near it."""

from __future__ import annotations

from typing import Annotated, ClassVar

import msgspec

from vp_harness.signals.base import AdaptiveThresholds, Part
from vp_harness.signals.blocks import Block, BlockRun, BlockSignal, Output
from vp_harness.signals.context import SignalContext
from vp_harness.signals.parameters import Weight, about
from vp_harness.signals.stages import Lead, Series, SideSums

INNER_ZONE = (1, 3)
OUTER_ZONE = (5, 12)


class PfpParams(msgspec.Struct, frozen=True):
    """Parameters of `pfp`."""

    lag_bins: Annotated[int, about("bins", "how much earlier the outer zone is looked at", ge=1, le=10_000)] = 5
    ema_alpha: Annotated[float, about("", "weight of the newest product in the averages", gt=0, le=1)] = 0.1
    max_lead: Annotated[float, about("", "the lead is cut here", gt=0, le=1e6)] = 10.0
    add_weight: Weight = 0.6
    pull_weight: Weight = 0.4


class PfpRun(BlockRun):
    """A running `pfp`."""

    def __init__(self, params: PfpParams, context: SignalContext) -> None:
        self._inner = SideSums.of_zone(context.radius, *INNER_ZONE)
        self._outer = SideSums.of_zone(context.radius, *OUTER_ZONE)
        self._leads = [Lead(params.lag_bins, params.ema_alpha, params.max_lead) for _ in range(4)]
        self._add_weight, self._pull_weight = params.add_weight, params.pull_weight
        self.warm_bins = params.lag_bins + 1

    def advance(self, block: Block) -> Output:
        """Take in the next bins."""
        inner, outer = self._zones(block, "v_add", "v_fill")
        add = self._leads[0](inner[0], outer[0]) - self._leads[1](inner[1], outer[1])
        inner, outer = self._zones(block, "v_pull")
        pull = self._leads[2](inner[1], outer[1]) - self._leads[3](inner[0], outer[0])
        return Output(self._add_weight * add + self._pull_weight * pull, (add, pull))

    def _zones(self, block: Block, *columns: str) -> tuple[list[Series], list[Series]]:
        """(inner, outer) intensities, each (below, above): the columns summed."""
        found: list[list[Series]] = []
        for zone in (self._inner, self._outer):
            sides = zip(*(zone(block.rows(column)) for column in columns), strict=True)
            found.append([sum(side[1:], side[0]) for side in sides])
        return found[0], found[1]


class Pfp(BlockSignal):
    """How far flow in the outer zone leads flow in the inner one: adds of bid less ask, pulls of ask less bid."""

    name: ClassVar[str] = "pfp"
    params_type: ClassVar[type[PfpParams]] = PfpParams
    required_columns: ClassVar[tuple[str, ...]] = ("v_add", "v_pull", "v_fill")
    thresholds: ClassVar[AdaptiveThresholds] = AdaptiveThresholds((0.50, 0.70, 0.80, 0.90, 0.95, 0.99))
    detail: ClassVar[tuple[Part, ...]] = (
        Part("add", "", "lead of adds and fills on the bid less that on the ask"),
        Part("pull", "", "lead of pulls on the ask less that on the bid"),
    )

    def begin(self, context: SignalContext) -> BlockRun:
        """A run that has seen nothing yet."""
        return PfpRun(self.params, context)
