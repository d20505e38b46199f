"""From an experiment spec to the runs it asks for: counted before they are made, made one after the other.

The product of a few axes is soon a million points. So nothing here holds them all: a plan makes its points anew each
time somebody goes through it.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Final

import msgspec

from vp_contract import SCORING_FIELDS, STATE_MODEL_FIELDS, EvalSpec, RuntimeConfig, SpecError, resolve
from vp_contract.yaml import convert_plain
from vp_harness import signals
from vp_harness.errors import ExperimentError, SignalError
from vp_harness.evaluation.costs import CostFrom, fee_text
from vp_harness.evaluation.split import day_bins, days_split
from vp_harness.execution.axes import AxisValue, axis_problem, axis_values, place_of
from vp_harness.execution.configs import ExperimentChain
from vp_harness.execution.pipeline import bins_in_capture
from vp_harness.signals import FixedThresholds, Signal
from vp_harness.signals.derivative import Derivative

THRESHOLDS_AXIS: Final = "thresholds"
EVAL_AXES: Final = ("tp_ticks", "sl_ticks", "cooldown_bins", "max_hold_bins", "latency_bins", "cost_ticks")
"""Fields of `eval` that may be swept for a signal."""


class _Thresholds(msgspec.Struct):
    thresholds: list[Annotated[float, msgspec.Meta(gt=0)]]


MAX_ROWS: Final = 20_000
"""Rows of a sweep that needs no permission."""

_ROWS_AT_ONCE: Final = 120
"""Rows of one planned signal, unless one evaluation has more: less than a second of work."""


@dataclass(frozen=True, slots=True)
class PlannedSignal:
    """A signal with one set of parameters, and evaluations that its values are judged by.

    `thresholds` replace the signal's own when they are given. `config` is the resolved config with this signal in it,
    `overrides` are those of the point that changes the dataset, `point` is the value on each axis of the signal's own
    parameters. A signal with many evaluations comes several times in a row, each time with some of them.
    """

    config: RuntimeConfig
    name: str
    params: Mapping[str, Any]
    thresholds: tuple[float, ...] | None
    evaluations: tuple[EvalSpec, ...]
    overrides: Mapping[str, Any] = field(default_factory=dict)
    point: Mapping[str, Any] = field(default_factory=dict)
    carry: bool = False
    """Whether it keeps what it has learned from day to day."""
    cost_from: CostFrom = "experiment"
    fee_per_side: str = ""
    """The fee that `cost_ticks` of its evaluations is made of, where it is from the instrument file."""

    def create(self) -> Signal:
        """The signal."""
        return signals.create(self.name, **self.params)


@dataclass(frozen=True, slots=True)
class SweepSize:
    """How much a sweep is, by the lengths of its axes. Of thresholds that a signal measures some may turn out equal."""

    dataset_points: int
    parameter_sets: int
    runs: int
    rows: int


class Plan:
    """Every signal of a sweep on every dataset config of it, in a fixed order.

    Going through it raises ExperimentError for a value that a stage or signal refuses (with file, line and path of the
    axis), and for a capture too short to choose and confirm on.
    """

    def __init__(self, chain: ExperimentChain, size: SweepSize) -> None:
        self.chain = chain
        self.size = size

    def __iter__(self) -> Iterator[PlannedSignal]:
        for overrides, values in _dataset_points(self.chain):
            for name, axes in wanted_signals(self.chain).items():
                yield from _plan_signal(self.chain, overrides, values, name, axes)

    def points(self) -> Iterator[tuple[str, dict[str, Any], dict[str, Any]]]:
        """(name, overrides, point) of each parameter set, in the order in which the plan comes to them; no config is
        made for it.
        """
        for overrides, _ in _dataset_points(self.chain):
            for name, axes in wanted_signals(self.chain).items():
                for point in _product({axis: axes[axis] for axis in _own(axes)}):
                    yield name, overrides, point

    def check(self) -> dict[bytes, PlannedSignal]:
        """Go through all of it; returns the first signal of each dataset by the part of its config that decides it."""
        points: dict[bytes, PlannedSignal] = {}
        for signal in self:
            points.setdefault(signal.config.numbers_json(), signal)
        return points


def plan(chain: ExperimentChain, max_rows: int = MAX_ROWS) -> Plan:
    """The plan of an experiment. Raises ExperimentError for an axis that no stage or signal accepts, with those there
    are, and for a sweep of more than `max_rows` rows, before anything of it is made.
    """
    if max_rows < 1:
        raise ExperimentError(f"max_rows={max_rows}: must be 1 or more")
    _check_signals(chain.file, wanted_signals(chain))
    _check_carry(chain)
    size = size_of(chain)
    if size.rows > max_rows:
        raise ExperimentError(
            f"{place_of(chain.file, 'sweep')}sweep: {size.rows:,} rows ({size.dataset_points:,} datasets, "
            f"{size.parameter_sets:,} parameter sets on each or fewer, {size.runs:,} runs); {max_rows:,} are allowed; "
            f"take values off an axis, or set max_rows to {size.rows}",
            argument="max_rows",
        )
    return Plan(chain, size)


def size_of(chain: ExperimentChain) -> SweepSize:
    """Count a sweep: the lengths of its axes multiplied, nothing made."""
    sweep = chain.experiment.sweep
    points = math.prod(map(len, (*sweep.scoring.values(), *sweep.pipeline.values())))
    sets = runs = 0
    for axes in wanted_signals(chain).values():
        sets += _product_size(axes, _own(axes))
        runs += points * _product_size(axes, (*_own(axes), *EVAL_AXES))
    return SweepSize(points, sets, runs, points * sum(rows_of_signals(chain).values()))


def first_day(chain: ExperimentChain) -> dict[str, str]:
    """The override of the date with which a config is of the first day, where the pipeline's own is another."""
    return {} if chain.dates[0] == chain.config.dt else {"dt": chain.dates[0]}


def rows_of_signals(chain: ExperimentChain) -> dict[str, int]:
    """How many rows each signal has on one dataset."""
    return {
        name: _product_size(axes, (*_own(axes), *EVAL_AXES)) * _threshold_count(name, axes.get(THRESHOLDS_AXIS))
        for name, axes in wanted_signals(chain).items()
    }


def _product_size(axes: Mapping[str, Sequence[Any]], names: Iterable[str]) -> int:
    return math.prod(len(axes[name]) for name in names if name in axes)


def wanted_signals(chain: ExperimentChain) -> Mapping[str, Mapping[str, Sequence[Any]]]:
    """The axes by the name of their signal; without a sweep the serving's own signal."""
    return chain.experiment.sweep.per_signal or {chain.config.signal_name: {}}


def _own(axes: Iterable[str]) -> list[str]:
    """The axes that are parameters of the signal itself."""
    return [axis for axis in axes if axis not in (THRESHOLDS_AXIS, *EVAL_AXES)]


def _threshold_count(name: str, given: Sequence[Any] | None) -> int:
    if given is not None:
        return len(given)
    own = signals.signal_class(name).thresholds
    return len(own.values if isinstance(own, FixedThresholds) else own.quantiles)


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


def _check_carry(chain: ExperimentChain) -> None:
    """Raise ExperimentError where there is nothing to carry, or no day to carry it to."""
    if not chain.experiment.carry:
        return
    problem = ""
    if len(chain.dates) < 2:
        problem = "there is one date and no other to carry a model to: name several, or leave it out"
    elif not any(signals.signal_class(name).carries for name in wanted_signals(chain)):
        learning = ", ".join(name for name in signals.names() if signals.signal_class(name).carries)
        problem = f"no signal of the experiment learns; those that do: {learning}; take one, or leave it out"
    if problem:
        raise ExperimentError(f"{place_of(chain.file, 'carry')}carry: {problem}")


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
    own = {axis: axes[axis] for axis in _own(axes)}
    group = _group(name)
    names_cost = chain.experiment.eval.cost_ticks is not msgspec.UNSET or "cost_ticks" in axes
    cost: tuple[CostFrom, str] = ("experiment", "") if names_cost else ("instrument", fee_text(chain.instrument))
    thresholds = _thresholds(chain.file, group, axes.get(THRESHOLDS_AXIS))
    at_once = max(1, _ROWS_AT_ONCE // max(1, _threshold_count(name, thresholds)))
    for point in _product(own):
        config = _with_signal(chain, overrides, values, name, own, point)
        n_bins, n_days = bins_in_capture(config), len(chain.dates)
        params = {key: value for key, value in config.signal_params.items() if value is not None}
        judged = _evaluations(chain, group, axes)
        checked = False
        while evaluations := tuple(itertools.islice(judged, at_once)):
            for evaluation in evaluations:
                try:
                    warmup = evaluation.warmup_bins
                    days_split(day_bins([n_bins * (i + 1) for i in range(n_days)], warmup, warmup), evaluation)
                except ExperimentError as error:
                    raise ExperimentError(f"{place_of(chain.file, 'eval')}{error}") from error
            carry = chain.experiment.carry and signals.signal_class(name).carries
            signal = PlannedSignal(config, name, params, thresholds, evaluations, overrides, point, carry, *cost)
            if not checked:
                try:
                    signal.create()
                except SignalError as error:
                    stated = axis_values(group, own, point)
                    raise ExperimentError(axis_problem(chain.file, group, stated, error)) from error
                checked = True
            yield signal


def _thresholds(file: Path | None, group: str, values: Sequence[Any] | None) -> tuple[float, ...] | None:
    if values is None:
        return None
    try:
        return tuple(sorted(convert_plain({THRESHOLDS_AXIS: list(values)}, _Thresholds).thresholds))
    except SpecError as error:
        path = f"{group}.{error.field}"
        stated = path if error.found is None else f"{path}={error.found}"
        raise ExperimentError(f"{place_of(file, path)}{stated}: {error.problem}") from error


def _evaluations(chain: ExperimentChain, group: str, axes: Mapping[str, Sequence[Any]]) -> Iterator[EvalSpec]:
    """The evaluation at every point of the axes over it, each with the cost that it pays."""
    judged = {axis: axes[axis] for axis in axes if axis in EVAL_AXES}
    base = {"cost_ticks": chain.instrument.fee_ticks, **msgspec.to_builtins(chain.experiment.eval)}
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
            {**overrides, **first_day(chain), "signal_name": name, **signal},
        )
    except SpecError as error:
        stated = [*values, *axis_values(_group(name), own, point, fields)]
        raise ExperimentError(axis_problem(chain.file, _group(name), stated, error)) from error


def _product(axes: Mapping[str, Sequence[Any]]) -> Iterator[dict[str, Any]]:
    for values in itertools.product(*axes.values()):
        yield dict(zip(axes, values, strict=True))
