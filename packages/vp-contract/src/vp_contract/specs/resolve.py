"""Merging instrument, pipeline, serving and experiment into one `RuntimeConfig`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NamedTuple

import msgspec
from msgspec import Struct, structs

from vp_contract.errors import SpecError
from vp_contract.specs.experiment import ExperimentSpec
from vp_contract.specs.instrument import InstrumentLock, check_instrument
from vp_contract.specs.pipeline import DERIVATIVE_SIGNAL, PipelineSpec, ServingSpec
from vp_contract.specs.runtime import RuntimeConfig
from vp_contract.yaml.reading import convert_plain

SCORING_FIELDS: Final[Mapping[str, str]] = {
    "zscore_window_bins": "flow_zscore_window_bins",
    "zscore_min_periods": "flow_zscore_min_periods",
    "derivative_weights": "flow_derivative_weights",
    "tanh_scale": "flow_tanh_scale",
    "threshold_neutral": "flow_neutral_threshold",
}
"""Field of a serving's `scoring` -> field of `RuntimeConfig`."""

PROJECTION_FIELDS: Final[Mapping[str, str]] = {
    "horizons_ms": "projection_horizons_ms",
    "use_cubic": "projection_use_cubic",
    "cubic_scale": "projection_cubic_scale",
    "damping_lambda": "projection_damping_lambda",
}
"""Field of a serving's `projection` -> field of `RuntimeConfig`."""

STATE_MODEL_FIELDS: Final[Mapping[str, str]] = {
    name.removeprefix("state_model_"): name
    for name in (field.name for field in structs.fields(RuntimeConfig))
    if name.startswith("state_model_")
}
"""Parameter of the derivative stage -> field of `RuntimeConfig`."""


class Layer(NamedTuple):
    """The values that one spec gives, by the names of `RuntimeConfig`'s fields, and where in its document each is."""

    title: str
    kind: str
    values: Mapping[str, object]
    paths: Mapping[str, tuple[str, ...]]


def resolve(
    instrument: InstrumentLock,
    pipeline: PipelineSpec,
    serving: ServingSpec | None = None,
    experiment: ExperimentSpec | None = None,
    overrides: Mapping[str, object] | None = None,
) -> RuntimeConfig:
    """Merge the layers of a config chain, the later over the earlier.

    `overrides` are values of a sweep point by the names of `RuntimeConfig`'s fields (`SCORING_FIELDS` translates a
    scoring axis). An experiment sets no field itself: given, it must be one of this serving. A pipeline of several days
    resolves to the first of them; the config of another has its date as `dt` in `overrides`.

    Raises `InstrumentLockError` when the pipeline's instrument is not the lock's, and `SpecError` when the layers name
    other specs than those given, or their merged values contradict one another; it names the layer each value is from.
    """
    fields, origin = merge(instrument, pipeline, serving, experiment, overrides)
    try:
        return convert_plain(fields, RuntimeConfig)
    except SpecError as error:
        about = {error.field.partition("[")[0], *error.related}
        named = [name for name in origin if name in about]
        sources = "; ".join(f"{name} is from {origin[name].title}" for name in named)
        problem = f"{error.problem} ({sources})" if sources else error.problem
        raise SpecError(problem, field=error.field, found=error.found, related=error.related) from error


def merge(
    instrument: InstrumentLock,
    pipeline: PipelineSpec,
    serving: ServingSpec | None = None,
    experiment: ExperimentSpec | None = None,
    overrides: Mapping[str, object] | None = None,
) -> tuple[dict[str, object], dict[str, Layer]]:
    """The merged values before they are checked together, and the layer that each is from.

    A value that no layer states, but that follows from one that does, has that one's layer. Raises as `resolve` does.
    """
    _check_names(pipeline, serving, experiment)
    check_instrument(
        instrument,
        product_type=pipeline.capture.product_type,
        symbol=pipeline.capture.symbol,
        where=f"pipeline {pipeline.name}",
    )
    known = RuntimeConfig.__struct_fields__
    lock = {name: value for name, value in msgspec.to_builtins(instrument).items() if name in known}
    layers = [Layer("the instrument file", "instrument", lock, {name: (name,) for name in lock})]
    layers.append(_pipeline_layer(pipeline))
    if serving is not None:
        layers.append(_serving_layer(serving))
    if overrides:
        _check_override_names(overrides)
        layers.append(Layer("the overrides", "overrides", overrides, {}))
    fields: dict[str, object] = {"pipeline": pipeline.name, "serving": None if serving is None else serving.name}
    origin: dict[str, Layer] = {}
    for layer in layers:
        if _replace_default_weights(fields, layer.values):
            origin["flow_rollup_weights"] = layer
        _drop_other_signal(fields, layer.values)
        fields.update(layer.values)
        origin.update(dict.fromkeys(layer.values, layer))
    return fields, origin


def _check_names(pipeline: PipelineSpec, serving: ServingSpec | None, experiment: ExperimentSpec | None) -> None:
    if serving is not None and serving.pipeline != pipeline.name:
        raise SpecError(
            f"serving {serving.name} is of pipeline {serving.pipeline!r}, given was {pipeline.name!r}", field="pipeline"
        )
    if experiment is None:
        return
    if serving is None:
        raise SpecError(f"experiment {experiment.name} needs its serving {experiment.serving!r}", field="serving")
    if experiment.serving != serving.name:
        raise SpecError(
            f"experiment {experiment.name} is of serving {experiment.serving!r}, given was {serving.name!r}",
            field="serving",
        )


def _set_fields(spec: Struct) -> dict[str, object]:
    """The fields that are set, unset ones left out."""
    return {name: value for name, value in structs.asdict(spec).items() if value is not msgspec.UNSET}


def _pipeline_layer(pipeline: PipelineSpec) -> Layer:
    capture, overrides = _set_fields(pipeline.capture), _set_fields(pipeline.pipeline)
    paths = {name: ("capture", name) for name in capture} | {name: ("pipeline", name) for name in overrides}
    if capture.pop("dates", None) is not None:  # what it resolves to is its first day
        capture["dt"], paths["dt"] = pipeline.capture.days[0], paths.pop("dates")
    return Layer(f"pipeline {pipeline.name}", "pipeline", {**capture, **overrides}, paths)


def _serving_layer(serving: ServingSpec) -> Layer:
    stated: list[tuple[str, object, tuple[str, ...]]] = []
    for name, value in _set_fields(serving.scoring).items():
        stated.append((SCORING_FIELDS[name], value, ("scoring", name)))
    for name, value in _set_fields(serving.projection).items():
        stated.append((PROJECTION_FIELDS[name], value, ("projection", name)))
    signal = serving.signal
    stated.append(("signal_name", signal.name, ("signal", "name")))
    if signal.name != DERIVATIVE_SIGNAL:
        stated.append(("signal_params", signal.params, ("signal", "params")))
        stated.append(("signal_weights", signal.weights, ("signal", "weights")))
    else:
        for name, value in signal.params.items():
            field = _state_model_field(name, f"signal.params.{name}", serving.name)
            stated.append((field, value, ("signal", "params", name)))
        for name, weight in signal.weights.items():
            field = _state_model_field(f"{name}_weight", f"signal.weights.{name}", serving.name)
            stated.append((field, weight, ("signal", "weights", name)))
    values = {field: value for field, value, _ in stated}
    paths = {field: path for field, _, path in stated}
    return Layer(f"serving {serving.name}", "serving", values, paths)


def _state_model_field(parameter: str, where: str, serving: str) -> str:
    field = STATE_MODEL_FIELDS.get(parameter)
    if field is None:
        weights = where.startswith("signal.weights")
        allowed = [n.removesuffix("_weight") for n in STATE_MODEL_FIELDS if n.endswith("_weight")]
        raise SpecError(
            f"serving {serving}: the derivative stage has no such {'weight' if weights else 'parameter'}; "
            f"allowed: {', '.join(allowed if weights else STATE_MODEL_FIELDS)}",
            field=where,
        )
    return field


def _check_override_names(overrides: Mapping[str, object]) -> None:
    allowed = RuntimeConfig.__struct_fields__
    for name in overrides:
        if name not in allowed:
            raise SpecError(f"unknown override; allowed: {', '.join(allowed)}", field=name)


def _drop_other_signal(fields: dict[str, object], values: Mapping[str, object]) -> None:
    """Parameters and weights belong to a signal: a layer that changes the signal leaves those of the one before."""
    if "signal_name" in values and values["signal_name"] != fields.get("signal_name"):
        fields.pop("signal_params", None)
        fields.pop("signal_weights", None)


def _replace_default_weights(fields: dict[str, object], values: Mapping[str, object]) -> bool:
    """A layer that changes the number of flow windows and gives no weights means equal ones; whether it does."""
    windows, before = values.get("flow_windows"), fields.get("flow_windows")
    if "flow_rollup_weights" in values or not isinstance(windows, (tuple, list)):
        return False
    if isinstance(before, (tuple, list)) and len(windows) != len(before):
        fields["flow_rollup_weights"] = (1.0,) * len(windows)
        return True
    return False
