"""Linear support vector machine on the derivatives of the flow, trained on by stochastic gradient descent."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar

from vp_harness.signals.base import FixedThresholds
from vp_harness.signals.blocks import Block, CarryingRun
from vp_harness.signals.context import SignalContext
from vp_harness.signals.learned.features import (
    FLOW_COLUMNS,
    PRICE_FIELDS,
    Prices,
    Slopes,
    flow_lean_names,
    flow_leans,
    joined,
)
from vp_harness.signals.learned.walk_forward import (
    LearnedSignal,
    LinearModel,
    Model,
    Refit,
    Sample,
    Scaler,
    WalkForwardParams,
    WalkForwardRun,
)
from vp_harness.signals.parameters import about
from vp_harness.signals.stages import Rows, SideSums

_SLOPE_BINS = (100, 300)
_PASSES = 20
_REACH = 50


class LsvmDerParams(WalkForwardParams, frozen=True):
    """Parameters of `lsvm_der`. `refit_bins` is from one training to the next, whole or partial."""

    refit_bins: Refit = 600
    full_every: Annotated[int, about("trainings", "every so many trainings is a whole one", ge=1, le=1000)] = 2
    penalty: Annotated[float, about("", "weight of the squared weights", gt=0, le=1e3)] = 0.01


class LsvmDerFeatures:
    """Band asymmetries of the flow, their slopes, and its divergences weighted by distance."""

    def __init__(self, context: SignalContext) -> None:
        leans = flow_lean_names()
        self._slopes = Slopes(len(leans), _SLOPE_BINS)
        self._means = SideSums.by_distance(context.radius, _REACH, normalised=True)
        self.names: tuple[str, ...] = (
            *leans,
            *(f"{name} slope {window}" for window in _SLOPE_BINS for name in leans),
            *(f"{name} by distance" for name in FLOW_COLUMNS),
        )

    def __call__(self, block: Block, prices: Prices) -> Rows:  # noqa: ARG002
        """The features at the next bins."""
        leans = flow_leans(block)
        divergences = []
        for name in FLOW_COLUMNS:
            below, above = self._means(block.rows(name))
            divergences.append(above - below if name.endswith("pull") else below - above)
        return joined(leans, self._slopes(leans), *divergences)


class _Trainer:
    def __init__(self, params: LsvmDerParams, library: Any) -> None:
        self._params, self._library = params, library
        self._trainings = 0
        self._machine: Any = None
        self._scaler: Scaler | None = None
        self._known_to = -1

    def __call__(self, sample: Sample) -> Model | None:
        newest = sample.known_at.max(initial=-1)
        sample = sample.moved
        whole = self._machine is None or self._trainings % self._params.full_every == 0
        if whole:
            if not sample.both_ways:
                return None
            self._scaler = Scaler(sample.rows)
            self._machine = self._library.SGDClassifier(
                loss="hinge",
                alpha=self._params.penalty,
                max_iter=_PASSES,
                tol=None,
                average=True,
                random_state=self._params.seed,
                n_jobs=1,
            )
            self._machine.fit(self._scaler(sample.rows), sample.labels)
        elif self._scaler is not None:
            new = sample.where(sample.known_at > self._known_to)
            if len(new.rows):
                self._machine.partial_fit(self._scaler(new.rows), new.labels)
        if self._scaler is None:
            return None
        self._trainings += 1
        self._known_to = int(newest)
        return LinearModel(self._scaler, self._machine.coef_[0], self._machine.intercept_[0])


class LsvmDer(LearnedSignal):
    """Margin of a linear support vector machine on the flow, its slopes and its divergences."""

    name: ClassVar[str] = "lsvm_der"
    params_type: ClassVar[type[LsvmDerParams]] = LsvmDerParams
    required_columns: ClassVar[tuple[str, ...]] = FLOW_COLUMNS
    required_fields: ClassVar[tuple[str, ...]] = PRICE_FIELDS
    thresholds: ClassVar[FixedThresholds] = FixedThresholds((0.1, 0.25, 0.5, 0.75, 1.0))
    libraries: ClassVar[tuple[str, ...]] = ("sklearn.linear_model",)

    def learn(self, context: SignalContext, *libraries: Any) -> CarryingRun:
        """A run that has seen nothing yet."""
        return WalkForwardRun(self.params, context, LsvmDerFeatures(context), _Trainer(self.params, libraries[0]), 0.0)
