"""Boosted trees on the grid as it is."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar

import numpy as np

from vp_harness.signals.base import FixedThresholds, Kind
from vp_harness.signals.blocks import Block, CarryingRun
from vp_harness.signals.context import SignalContext
from vp_harness.signals.learned.features import FORCE_COLUMNS, PRICE_FIELDS, Moments, Prices, joined, moment_names
from vp_harness.signals.learned.walk_forward import (
    LearnedSignal,
    Model,
    Refit,
    Sample,
    TrainFrom,
    WalkForwardParams,
    WalkForwardRun,
)
from vp_harness.signals.parameters import about
from vp_harness.signals.stages import Rows, Series, SideSums

_REACH = 25
_COLUMNS = (*FORCE_COLUMNS, "flow_score")


class XgbSnapParams(WalkForwardParams, frozen=True):
    """Parameters of `xgb_snap`."""

    train_from_bins: TrainFrom = 3000
    refit_bins: Refit = 600
    rounds: Annotated[int, about("trees", "trees of a model", ge=1, le=10_000)] = 60
    depth: Annotated[int, about("levels", "depth of a tree", ge=1, le=16)] = 4
    learning_rate: Annotated[float, about("", "share of a tree that counts", gt=0, le=1)] = 0.1


class XgbSnapFeatures:
    """P, V and the flow score of the rows near spot, moments of the returns, and P and V summed over either side."""

    def __init__(self, context: SignalContext) -> None:
        reach = min(context.radius, _REACH)
        self._near = slice(context.radius - reach, context.radius + reach + 1)
        self._sums = SideSums.plain(context.radius, context.radius)
        self._moments = Moments(1)
        self.names: tuple[str, ...] = (
            *(f"{column} {k}" for column in _COLUMNS for k in range(-reach, reach + 1)),
            *moment_names("return"),
            *(f"{column} {side}" for column in FORCE_COLUMNS for side in ("below", "above")),
        )

    def __call__(self, block: Block, prices: Prices) -> Rows:
        """The features at the next bins."""
        near = [block.rows(column)[:, self._near] for column in _COLUMNS]
        sides = [total for column in FORCE_COLUMNS for total in self._sums(block.rows(column))]
        return joined(*near, self._moments(prices.returns[:, np.newaxis]), *sides)


class _Trees:
    def __init__(self, booster: Any) -> None:
        self._booster = booster

    def values(self, rows: Rows) -> Series:
        return np.asarray(self._booster.inplace_predict(rows), np.float64)


class _Trainer:
    def __init__(self, params: XgbSnapParams, library: Any) -> None:
        self._library, self._rounds = library, params.rounds
        self._settings = {
            "objective": "binary:logistic",
            "eta": params.learning_rate,
            "max_depth": params.depth,
            "tree_method": "hist",
            "max_bin": 64,
            "base_score": 0.5,
            "seed": params.seed,
            "nthread": 1,
            "verbosity": 0,
        }

    def __call__(self, sample: Sample) -> Model | None:
        sample = sample.moved
        if not sample.both_ways:
            return None
        rows = self._library.DMatrix(sample.rows, label=sample.labels > 0, nthread=1)
        return _Trees(self._library.train(self._settings, rows, num_boost_round=self._rounds))


class XgbSnap(LearnedSignal):
    """Probability of up, of boosted trees on pressure, vacuum and flow score near spot."""

    name: ClassVar[str] = "xgb_snap"
    kind: ClassVar[Kind] = "probability"
    params_type: ClassVar[type[XgbSnapParams]] = XgbSnapParams
    required_columns: ClassVar[tuple[str, ...]] = _COLUMNS
    required_fields: ClassVar[tuple[str, ...]] = PRICE_FIELDS
    thresholds: ClassVar[FixedThresholds] = FixedThresholds((0.55, 0.6, 0.65, 0.7, 0.8))
    libraries: ClassVar[tuple[str, ...]] = ("xgboost",)

    def learn(self, context: SignalContext, *libraries: Any) -> CarryingRun:
        """A run that has seen nothing yet."""
        return WalkForwardRun(self.params, context, XgbSnapFeatures(context), _Trainer(self.params, libraries[0]), 0.5)
