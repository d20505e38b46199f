"""From an experiment spec to the list of runs it asks for, checked before anything runs."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Final

import msgspec

from vp_contract import SCORING_FIELDS, STATE_MODEL_FIELDS, EvalSpec, RuntimeConfig, SpecError, resolve
from vp_contract.yaml import convert_plain
from vp_harness import signals
from vp_harness.errors import ExperimentError, SignalError
from vp_harness.evaluation.split import time_split
from vp_harness.execution.axes import AxisValue, axis_problem, axis_values, place_of
from vp_harness.execution.configs import ExperimentChain
from vp_harness.execution.pipeline import bins_in_capture
from vp_harness.signals import Signal
from vp_harness.signals.derivative import Derivative

THRESHOLDS_AXIS: Final = "thresholds"
EVAL_AXES: Final = ("tp_ticks", "sl_ticks", "cooldown_bins", "max_hold_bins", "latency_bins", "cost_ticks")
"""Fields of `eval` that may be swept for a signal."""


class _Thresholds(msgspec.Struct):
    thresholds: list[Annotated[float, msgspec.Meta(gt=0)]]


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
    them refuses (with file, line and path of the axis), or for a capture too short to choose and confirm on.
    """
    sweep = chain.experiment.sweep
    wanted = sweep.per_signal or {chain.config.signal_name: {}}
    _check_signals(chain.file, wanted)
    planned: list[PlannedSignal] = []
    for overrides, values in _dataset_points(chain):
        for name, axes in wanted.items():
            planned.extend(_plan_signal(chain, overrides, values, name, axes))
    return planned


def _check_signals(file: Path | None, wanted: Mapping[str, Mapping[str, Sequence[Any]]]) -> None:
    for name, axes in wanted.items():
        group = _group(name)
        try:
            known = signals.signal_class(name).param_names()
        except SignalError as error:
            raise ExperimentError(axis_problem(file, group, (), error)) from error
        for axis in axes:
            if axis not in (*known, THRESHOLDS_AXIS, *EVAL_AXES):
                raise ExperimentError(
                    f"{place_of(file, f'{group}.{axis}')}{group}.{axis}: unknown axis; parameters of the signal: "
                    f"{', '.join(known)}; of the evaluation: {', '.join((THRESHOLDS_AXIS, *EVAL_AXES))}"
                )


def _group(signal: str) -> str:
    return f"sweep.per_signal.{signal}"


def _dataset_points(chain: ExperimentChain) -> Iterator[tuple[dict[str, Any], list[AxisValue]]]:
    """The product of the axes that change the dataset: overrides of the runtime config, and where each is stated."""
    sweep = chain.experiment.sweep
    for scoring in _product(sweep.scoring):
        for pipeline in _product(sweep.pipeline):
            values = axis_values("sweep.scoring", sweep.scoring, scoring, SCORING_FIELDS)
            values += axis_values("sweep.pipeline", sweep.pipeline, pipeline)
            yield {SCORING_FIELDS[axis]: value for axis, value in scoring.items()} | pipeline, values


def _plan_signal(
    chain: ExperimentChain,
    overrides: Mapping[str, Any],
    values: Sequence[AxisValue],
    name: str,
    axes: Mapping[str, Sequence[Any]],
) -> Iterator[PlannedSignal]:
    own = {axis: axes[axis] for axis in axes if axis not in (THRESHOLDS_AXIS, *EVAL_AXES)}
    group = _group(name)
    thresholds = _thresholds(chain.file, group, axes.get(THRESHOLDS_AXIS))
    evaluations = tuple(_evaluations(chain, group, axes))
    for point in _product(own):
        config = _with_signal(chain, overrides, values, name, own, point)
        for evaluation in evaluations:
            try:
                time_split(bins_in_capture(config), evaluation.warmup_bins, evaluation)
            except ExperimentError as error:
                raise ExperimentError(f"{place_of(chain.file, 'eval')}{error}") from error
        params = {key: value for key, value in config.signal_params.items() if value is not None}
        signal = PlannedSignal(config, name, params, thresholds, evaluations, overrides)
        try:
            signal.create()
        except SignalError as error:
            raise ExperimentError(axis_problem(chain.file, group, axis_values(group, own, point), error)) from error
        yield signal


def _thresholds(file: Path | None, group: str, values: Sequence[Any] | None) -> tuple[float, ...] | None:
    if values is None:
        return None
    try:
        return tuple(sorted(convert_plain({THRESHOLDS_AXIS: list(values)}, _Thresholds).thresholds))
    except SpecError as error:
        path = f"{group}.{error.field}"
        raise ExperimentError(f"{place_of(file, path)}{path}: {error.problem}") from error


def _evaluations(chain: ExperimentChain, group: str, axes: Mapping[str, Sequence[Any]]) -> Iterator[EvalSpec]:
    """The evaluation at every point of the axes over it."""
    judged = {axis: axes[axis] for axis in axes if axis in EVAL_AXES}
    base = msgspec.to_builtins(chain.experiment.eval)
    for point in _product(judged):
        try:
            yield convert_plain({**base, **point}, EvalSpec)
        except SpecError as error:
            raise ExperimentError(axis_problem(chain.file, group, axis_values(group, judged, point), error)) from error


def _with_signal(
    chain: ExperimentChain,
    overrides: Mapping[str, Any],
    values: Sequence[AxisValue],
    name: str,
    own: Mapping[str, Sequence[Any]],
    point: Mapping[str, Any],
) -> RuntimeConfig:
    """The resolved config of one sweep point: a published serving of the run holds exactly this."""
    signal: dict[str, Any]
    fields: Mapping[str, str] = {}
    serves = chain.config.signal_name == name
    if name == Derivative.name:  # its parameters are fields of the runtime config, which repeats them itself
        fields = STATE_MODEL_FIELDS
        signal = {fields[key]: value for key, value in point.items()}
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
        stated = [*values, *axis_values(_group(name), own, point, fields)]
        raise ExperimentError(axis_problem(chain.file, _group(name), stated, error)) from error


def _product(axes: Mapping[str, Sequence[Any]]) -> Iterator[dict[str, Any]]:
    for values in itertools.product(*axes.values()):
        yield dict(zip(axes, values, strict=True))
