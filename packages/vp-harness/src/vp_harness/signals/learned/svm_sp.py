"""Linear support vector machine on the spatial profile of pressure less vacuum."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar

from vp_harness.signals.base import FixedThresholds
from vp_harness.signals.blocks import Block, CarryingRun
from vp_harness.signals.context import SignalContext
from vp_harness.signals.learned.features import (
    FORCE_COLUMNS,
    PRICE_FIELDS,
    Moments,
    Prices,
    band_leans,
    every,
    joined,
    moment_names,
    net_pressure,
)
from vp_harness.signals.learned.walk_forward import (
    LearnedSignal,
    LinearModel,
    Model,
    Sample,
    Scaler,
    WalkForwardParams,
    WalkForwardRun,
)
from vp_harness.signals.parameters import about
from vp_harness.signals.stages import Rows


class SvmSpParams(WalkForwardParams, frozen=True):
    """Parameters of `svm_sp`."""

    regularisation: Annotated[float, about("", "C: weight of the errors against that of the margin", gt=0, le=1e6)] = (
        0.1
    )


class SvmSpFeatures:
    """P - V at every 5th row; rolling mean and deviation of its three band asymmetries and of the returns."""

    def __init__(self, context: SignalContext) -> None:
        self._rows = every(context, 5)
        self._moments = Moments(4)
        self.names: tuple[str, ...] = (
            *(f"net pressure {k}" for k in context.k_values[self._rows]),
            *(name for band in ("inner", "mid", "outer") for name in moment_names(f"net pressure lean {band}")),
            *moment_names("return"),
        )

    def __call__(self, block: Block, prices: Prices) -> Rows:
        """The features at the next bins."""
        net = net_pressure(block)
        rolled = joined(band_leans(net), prices.returns)
        return joined(net[:, self._rows], self._moments(rolled))


class _Trainer:
    def __init__(self, params: SvmSpParams, library: Any) -> None:
        self._params, self._library = params, library

    def __call__(self, sample: Sample) -> Model | None:
        sample = sample.moved
        if not sample.both_ways:
            return None
        scaler = Scaler(sample.rows)
        machine = self._library.LinearSVC(
            C=self._params.regularisation, dual=False, random_state=self._params.seed, max_iter=5000
        )
        machine.fit(scaler(sample.rows), sample.labels)
        return LinearModel(scaler, machine.coef_[0], machine.intercept_[0])


class SvmSp(LearnedSignal):
    """Margin of a linear support vector machine on the profile of pressure less vacuum."""

    name: ClassVar[str] = "svm_sp"
    params_type: ClassVar[type[SvmSpParams]] = SvmSpParams
    required_columns: ClassVar[tuple[str, ...]] = FORCE_COLUMNS
    required_fields: ClassVar[tuple[str, ...]] = PRICE_FIELDS
    thresholds: ClassVar[FixedThresholds] = FixedThresholds((0.1, 0.25, 0.5, 0.75, 1.0))
    libraries: ClassVar[tuple[str, ...]] = ("sklearn.svm",)

    def learn(self, context: SignalContext, *libraries: Any) -> CarryingRun:
        """A run that has seen nothing yet."""
        return WalkForwardRun(self.params, context, SvmSpFeatures(context), _Trainer(self.params, libraries[0]), 0.0)
