"""What followed the bins that looked most like this one."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar

import numpy as np

from vp_harness.signals.base import FixedThresholds
from vp_harness.signals.blocks import Block, CarryingRun
from vp_harness.signals.context import SignalContext
from vp_harness.signals.learned import _kernels
from vp_harness.signals.learned.features import (
    FLOW_COLUMNS,
    FORCE_COLUMNS,
    PRICE_FIELDS,
    Momentum,
    Prices,
    Slopes,
    every,
    flow_lean_names,
    flow_leans,
    joined,
    net_pressure,
)
from vp_harness.signals.learned.walk_forward import (
    LearnedSignal,
    Model,
    Sample,
    Scaler,
    TrainFrom,
    WalkForwardParams,
    WalkForwardRun,
)
from vp_harness.signals.parameters import about
from vp_harness.signals.stages import Rows, Series, SideSums

_SLOPE_BINS = (10, 25, 50)
_MOMENTUM_BINS = (10, 50, 200)


class KnnClParams(WalkForwardParams, frozen=True):
    """Parameters of `knn_cl`."""

    train_from_bins: TrainFrom = 1800
    neighbours: Annotated[int, about("bins", "nearest bins that vote", ge=1, le=1000)] = 11


class KnnClFeatures:
    """Band asymmetries of the flow, slopes of the lean of ads, P - V at every 10th row, momentum of the mid."""

    def __init__(self, context: SignalContext) -> None:
        self._rows = every(context, 10)
        self._bands = SideSums.of_bands(context.radius)
        self._slopes = Slopes(1, _SLOPE_BINS)
        self._momentum = Momentum(_MOMENTUM_BINS)
        self.names: tuple[str, ...] = (
            *flow_lean_names(),
            *(f"lean slope {window}" for window in _SLOPE_BINS),
            *(f"net pressure {k}" for k in context.k_values[self._rows]),
            *(f"momentum {window}" for window in _MOMENTUM_BINS),
        )

    def __call__(self, block: Block, prices: Prices) -> Rows:
        """The features at the next bins."""
        add_below, add_above = self._bands(block.rows("v_add"))
        pull_below, pull_above = self._bands(block.rows("v_pull"))
        lean = ((add_below - add_above) + (pull_above - pull_below))[:, np.newaxis]
        near = net_pressure(block)[:, self._rows]
        return joined(flow_leans(block), self._slopes(lean), near, self._momentum(prices.level))


class _Neighbours:
    def __init__(self, sample: Sample, neighbours: int) -> None:
        self._scaler = Scaler(sample.rows)
        self._known, self._labels = self._scaler(sample.rows), np.array(sample.labels)
        self._neighbours = min(neighbours, len(sample.rows))

    def values(self, rows: Rows) -> Series:
        out = np.empty(len(rows))
        distances, votes = np.empty(self._neighbours), np.empty(self._neighbours)
        _kernels.nearest_votes(self._known, self._labels, self._scaler(rows), distances, votes, out)
        return out


class KnnCl(LearnedSignal):
    """Share of up less share of down among the nearest bins, weighted by 1 / distance."""

    name: ClassVar[str] = "knn_cl"
    params_type: ClassVar[type[KnnClParams]] = KnnClParams
    required_columns: ClassVar[tuple[str, ...]] = (*FLOW_COLUMNS, *FORCE_COLUMNS)
    required_fields: ClassVar[tuple[str, ...]] = PRICE_FIELDS
    thresholds: ClassVar[FixedThresholds] = FixedThresholds((0.1, 0.2, 0.35, 0.5, 0.7))
    libraries: ClassVar[tuple[str, ...]] = ()

    def learn(self, context: SignalContext, *libraries: Any) -> CarryingRun:  # noqa: ARG002
        """A run that has seen nothing yet."""
        neighbours = self.params.neighbours

        def train(sample: Sample) -> Model | None:
            return _Neighbours(sample, neighbours) if sample.both_ways else None

        return WalkForwardRun(self.params, context, KnnClFeatures(context), train, 0.0)
