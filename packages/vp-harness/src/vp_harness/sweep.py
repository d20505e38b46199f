"""From an experiment spec to the list of runs it asks for, checked before anything runs."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any, Final

import msgspec

from vp_contract import SCORING_FIELDS, STATE_MODEL_FIELDS, EvalSpec, RuntimeConfig, SpecError, resolve
from vp_harness import signals
from vp_harness.configs import ExperimentChain
from vp_harness.errors import ExperimentError, SignalError
from vp_harness.pipeline import bins_in_capture
from vp_harness.signals import Signal
from vp_harness.signals.derivative import Derivative
from vp_harness.split import time_split

THRESHOLDS_AXIS: Final = "thresholds"
EVAL_AXES: Final = ("tp_ticks", "sl_ticks", "cooldown_bins", "max_hold_bins", "latency_bins", "cost_ticks")
"""Fields of `eval` that may be swept for a signal."""


_Threshold = Annotated[float, msgspec.Meta(gt=0)]


@dataclass(frozen=True, slots=True)
class PlannedSignal:
    """A signal with one set of parameters, and every evaluation its values are judged by.

    `thresholds` replace the signal's own when they are given. `config` is the resolved config with this signal in it,
    `overrides` are those of the point that changes the dataset.
    """

    config: RuntimeConfig
    name: str
    params: Mapping[str, Any]
    thresholds: tuple[float, ...] | None
    evaluations: tuple[EvalSpec, ...]
    overrides: Mapping[str, Any] = field(default_factory=dict)

    def create(self) -> Signal:
        """The signal."""
        return signals.create(self.name, **self.params)


def plan(chain: ExperimentChain) -> list[PlannedSignal]:
    """Every signal of the sweep on every dataset config of the sweep, in a fixed order.

    Raises ExperimentError for an axis that no stage or signal accepts, with those there are, for a value that one of
    them refuses, or for a capture too short to choose and confirm on.
    """
    sweep = chain.experiment.sweep
    wanted = sweep.per_signal or {chain.config.signal_name: {}}
    _check_signals(wanted)
    planned: list[PlannedSignal] = []
    for overrides in _dataset_overrides(chain):
        for name, axes in wanted.items():
            planned.extend(_plan_signal(chain, overrides, name, axes))
    return planned


def _check_signals(wanted: Mapping[str, Mapping[str, Sequence[Any]]]) -> None:
    for name, axes in wanted.items():
        try:
            known = signals.signal_class(name).param_names()
        except SignalError as error:
            raise ExperimentError(f"sweep.per_signal.{name}: {error}") from error
        for axis in axes:
            if axis not in (*known, THRESHOLDS_AXIS, *EVAL_AXES):
                raise ExperimentError(
                    f"sweep.per_signal.{name}.{axis}: unknown axis; parameters of the signal: {', '.join(known)}; "
                    f"of the evaluation: {', '.join((THRESHOLDS_AXIS, *EVAL_AXES))}"
                )


def _dataset_overrides(chain: ExperimentChain) -> Iterator[dict[str, Any]]:
    """The product of the axes that change the dataset, as overrides of the runtime config."""
    sweep = chain.experiment.sweep
    axes = {SCORING_FIELDS[name]: values for name, values in sweep.scoring.items()} | dict(sweep.pipeline)
    yield from _product(axes)


def _plan_signal(
    chain: ExperimentChain, overrides: Mapping[str, Any], name: str, axes: Mapping[str, Sequence[Any]]
) -> Iterator[PlannedSignal]:
    own = {axis: values for axis, values in axes.items() if axis not in (THRESHOLDS_AXIS, *EVAL_AXES)}
    judged = {axis: values for axis, values in axes.items() if axis in EVAL_AXES}
    thresholds = axes.get(THRESHOLDS_AXIS)
    where = f"sweep.per_signal.{name}"
    if thresholds is not None:
        thresholds = tuple(sorted(_convert(value, _Threshold, f"{where}.{THRESHOLDS_AXIS}") for value in thresholds))
    base = msgspec.to_builtins(chain.experiment.eval)
    evaluations = tuple(_convert(base | point, EvalSpec, where) for point in _product(judged))
    for point in _product(own):
        config = _with_signal(chain, overrides, name, point, where)
        for evaluation in evaluations:
            time_split(bins_in_capture(config), evaluation.warmup_bins, evaluation)
        params = {key: value for key, value in config.signal_params.items() if value is not None}
        signal = PlannedSignal(config, name, params, thresholds, evaluations, overrides)
        try:
            signal.create()
        except SignalError as error:
            raise ExperimentError(f"{where}: {error}") from error
        yield signal


def _with_signal(
    chain: ExperimentChain, overrides: Mapping[str, Any], name: str, point: Mapping[str, Any], where: str
) -> RuntimeConfig:
    """The resolved config of one sweep point: a published serving of the run holds exactly this."""
    signal: dict[str, Any]
    serves = chain.config.signal_name == name
    if name == Derivative.name:  # its parameters are fields of the runtime config, which repeats them itself
        signal = {STATE_MODEL_FIELDS[key]: value for key, value in point.items()}
        signal |= {"signal_params": {}, "signal_weights": {}}
    else:
        given = chain.config.signal_params if serves else {}
        signal = {"signal_params": {**given, **point}}
        signal["signal_weights"] = chain.config.signal_weights if serves else {}
    try:
        return resolve(
            chain.instrument,
            chain.pipeline,
            chain.serving,
            chain.experiment,
            {**overrides, "signal_name": name, **signal},
        )
    except SpecError as error:
        raise ExperimentError(f"{where}: sweep point {dict(overrides) | dict(point)}: {error}") from error


def _product(axes: Mapping[str, Sequence[Any]]) -> Iterator[dict[str, Any]]:
    for values in itertools.product(*axes.values()):
        yield dict(zip(axes, values, strict=True))


def _convert(value: Any, kind: Any, where: str) -> Any:
    try:
        return msgspec.convert(value, kind)
    except (msgspec.ValidationError, SpecError) as error:
        raise ExperimentError(f"{where}: {error}") from error
