"""Gradient-boosted trees on many features of the flow."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar

import numpy as np

from vp_harness.signals.base import FixedThresholds, Kind
from vp_harness.signals.blocks import Block, CarryingRun
from vp_harness.signals.context import SignalContext
from vp_harness.signals.learned.features import (
    FLOW_COLUMNS,
    FORCE_COLUMNS,
    PRICE_FIELDS,
    Moments,
    Prices,
    Slopes,
    flow_lean_names,
    flow_leans,
    joined,
    moment_names,
    net_pressure,
)
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
from vp_harness.signals.stages import Rows, Series

_SLOPE_BINS = 50


class GbmMfParams(WalkForwardParams, frozen=True):
    """Parameters of `gbm_mf`."""

    train_from_bins: TrainFrom = 2400
    refit_bins: Refit = 600
    rounds: Annotated[int, about("trees", "most trees", ge=1, le=10_000)] = 200
    patience: Annotated[int, about("trees", "trees without a gain before it stops", ge=1, le=10_000)] = 20
    leaves: Annotated[int, about("leaves", "most leaves of a tree", ge=2, le=1024)] = 15
    learning_rate: Annotated[float, about("", "share of a tree that counts", gt=0, le=1)] = 0.05
    held_out_share: Annotated[float, about("", "latest share of the bins, that says when to stop", gt=0, lt=1)] = 0.2


class GbmMfFeatures:
    """Band asymmetries of the flow and their slopes, P - V at spot, moments of it and of the returns, the spread."""

    def __init__(self, context: SignalContext) -> None:
        leans = flow_lean_names()
        self._radius = context.radius
        self._slopes = Slopes(len(leans), (_SLOPE_BINS,))
        self._spot_moments = Moments(1)
        self._return_moments = Moments(1, skew=True)
        self.names: tuple[str, ...] = (
            *leans,
            *(f"{name} slope {_SLOPE_BINS}" for name in leans),
            "net pressure at spot",
            *moment_names("net pressure at spot"),
            *moment_names("return", skew=True),
            "spread",
        )

    def __call__(self, block: Block, prices: Prices) -> Rows:
        """The features at the next bins."""
        leans = flow_leans(block)
        spot = net_pressure(block)[:, self._radius : self._radius + 1].copy()
        returns = prices.returns[:, np.newaxis]
        parts = (leans, self._slopes(leans), spot, self._spot_moments(spot), self._return_moments(returns))
        return joined(*parts, prices.spread)


class _Trees:
    def __init__(self, booster: Any, n_trees: int) -> None:
        self._booster, self._n_trees = booster, n_trees

    def values(self, rows: Rows) -> Series:
        found = self._booster.predict(rows, num_iteration=self._n_trees, num_threads=1)
        return np.asarray(found, np.float64)


class _Trainer:
    def __init__(self, params: GbmMfParams, library: Any) -> None:
        self._params, self._library = params, library
        self._settings = {
            "objective": "binary",
            "learning_rate": params.learning_rate,
            "num_leaves": params.leaves,
            "min_data_in_leaf": 20,
            "seed": params.seed,
            "deterministic": True,
            "force_row_wise": True,
            "num_threads": 1,
            "verbosity": -1,
        }

    def __call__(self, sample: Sample) -> Model | None:
        sample = sample.moved
        if not sample.both_ways:
            return None
        held_out = int(len(sample.rows) * (1.0 - self._params.held_out_share))
        later = np.arange(len(sample.rows)) >= held_out
        earlier = sample.known_at < sample.bins[held_out] if later.any() else ~later
        train, judge = sample.where(earlier), sample.where(later)
        if not (train.both_ways and judge.both_ways):  # too few to say when to stop
            return self._trees(sample, None)
        return self._trees(train, judge)

    def _trees(self, train: Sample, judge: Sample | None) -> Model:
        library = self._library
        rows = library.Dataset(train.rows, label=train.labels > 0, free_raw_data=True)
        if judge is None:
            rounds = min(self._params.rounds, self._params.patience)
            return _Trees(library.train(self._settings, rows, num_boost_round=rounds), rounds)
        booster = library.train(
            self._settings,
            rows,
            num_boost_round=self._params.rounds,
            valid_sets=[library.Dataset(judge.rows, label=judge.labels > 0, reference=rows)],
            callbacks=[library.early_stopping(self._params.patience, verbose=False)],
        )
        return _Trees(booster, int(booster.best_iteration))


class GbmMf(LearnedSignal):
    """Probability of up, of gradient-boosted trees on band asymmetries of the flow."""

    name: ClassVar[str] = "gbm_mf"
    kind: ClassVar[Kind] = "probability"
    params_type: ClassVar[type[GbmMfParams]] = GbmMfParams
    required_columns: ClassVar[tuple[str, ...]] = (*FLOW_COLUMNS, *FORCE_COLUMNS)
    required_fields: ClassVar[tuple[str, ...]] = PRICE_FIELDS
    thresholds: ClassVar[FixedThresholds] = FixedThresholds((0.55, 0.6, 0.65, 0.7, 0.8))
    libraries: ClassVar[tuple[str, ...]] = ("lightgbm",)

    def learn(self, context: SignalContext, *libraries: Any) -> CarryingRun:
        """A run that has seen nothing yet."""
        return WalkForwardRun(self.params, context, GbmMfFeatures(context), _Trainer(self.params, libraries[0]), 0.5)
