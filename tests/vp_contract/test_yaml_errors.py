"""Every way a YAML file can be wrong ends in one SpecError that says where."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vp_contract import (
    ExperimentSpec,
    InstrumentLock,
    PipelineSpec,
    ServingSpec,
    SpecError,
    SpecNotFoundError,
    load_experiment,
    load_instrument,
    load_pipeline,
    load_serving,
)
from vp_contract.yaml.reading import parse_yaml

PIPELINE = """\
name: small
capture:
  product_type: future_mbo
  symbol: ESH4
  dt: 2023-12-25
  start_time: 17:45
  end_time: 18:55
pipeline:
  tau_velocity: 1.5
"""
SERVING = """\
name: scored
pipeline: small
scoring:
  derivative_weights: [1.0, 0.5, 0.0]
signal:
  name: derivative
  params:
    tanh_scale: 2.0
  weights:
    d1: 1.0
"""
EXPERIMENT = """\
name: tried
serving: scored
eval:
  tp_ticks: 8
sweep:
  scoring:
    zscore_window_bins: [100, 200]
"""
INSTRUMENT = """\
product_type: future_mbo
symbol: ESH4
symbol_root: ES
tick_size: 0.25
"""


def _error(text: str | bytes, kind: type) -> SpecError:
    data = text.encode() if isinstance(text, str) else text
    with pytest.raises(SpecError) as caught:
        parse_yaml(data, kind, file="x.yaml")
    return caught.value


def test_the_documents_below_are_valid_as_they_stand() -> None:
    assert parse_yaml(PIPELINE.encode(), PipelineSpec, file="x").pipeline.tau_velocity == 1.5
    assert parse_yaml(SERVING.encode(), ServingSpec, file="x").signal.params == {"tanh_scale": 2.0}
    assert parse_yaml(EXPERIMENT.encode(), ExperimentSpec, file="x").sweep.scoring == {"zscore_window_bins": (100, 200)}
    assert parse_yaml(INSTRUMENT.encode(), InstrumentLock, file="x").tick_int == 250_000_000


@pytest.mark.parametrize(
    ("old", "new", "line", "field", "says"),
    [
        (
            "tau_velocity: 1.5",
            "tau_velocty: 1.5",
            9,
            "pipeline.tau_velocty",
            "unknown field; allowed: grid",
        ),
        ("tau_velocity: 1.5", "zscore_window: 1", 9, "pipeline.zscore_window", "unknown field"),
        (
            "tau_velocity: 1.5",
            "tau_velocity: fast",
            9,
            "pipeline.tau_velocity",
            "='fast': must be a number from 0.001 to 1000000",
        ),
        (
            "tau_velocity: 1.5",
            "tau_velocity: -1",
            9,
            "pipeline.tau_velocity",
            "=-1: must be a number from 0.001 to 1000000",
        ),
        ("tau_velocity: 1.5", "tau_velocity: .nan", 9, "pipeline.tau_velocity", "finite"),
        ("tau_velocity: 1.5", "tau_velocity: true", 9, "pipeline.tau_velocity", "=true: must be a number"),
        (
            "tau_velocity: 1.5",
            "flow_windows: [5, x]",
            9,
            "pipeline.flow_windows[1]",
            "='x': must be a whole number from 1 to 10000",
        ),
        ("tau_velocity: 1.5", "flow_windows: []", 9, "pipeline.flow_windows", "=[]: must be a list of 1 to 16 values"),
        ("name: small", "name: Small", 1, "name", "must be made of a-z, 0-9 and _"),
        ("name: small", "name: '../x'", 1, "name", "must be made of a-z, 0-9 and _"),
        ("name: small", 'name: "small\\n"', 1, "name", "must be made of a-z, 0-9 and _"),
        ("name: small", "title: small", 1, "title", "unknown field; allowed: name, description, capture, pipeline"),
        ("  symbol: ESH4\n", "", 2, "capture.symbol", "is required and missing"),
        ("  end_time: 18:55", "  end_time: 18:55\n  on_damage: skip", 8, "capture.on_damage", "refuse, until_damage"),
        ("  end_time: 18:55", "  end_time: 18:55\n  on_short: pad", 8, "capture.on_short", "end_early, refuse"),
        (
            "  end_time: 18:55",
            "  end_time: 18:55\n  publisher: 70000",
            8,
            "capture.publisher",
            "=70000: must be a whole number from 0 to 65535 or null",
        ),
        (
            "  end_time: 18:55",
            "  end_time: 18:55\n  max_silence_s: 0",
            8,
            "capture.max_silence_s",
            "must be a number from 0.001",
        ),
        ("17:45", "7:45", 6, "capture.start_time", "must be a time as HH:MM"),
        ("17:45", "24:00", 6, "capture.start_time", "must be a time as HH:MM"),
        ("2023-12-25", "'2023-02-30'", 5, "capture.dt", "day of the calendar"),
        ("2023-12-25", "25.12.2023", 5, "capture.dt", "must be a date as YYYY-MM-DD"),
        ("2023-12-25", "2023-12-25T10:00:00", 5, "capture.dt", "is a timestamp"),
        ("dt: 2023-12-25", "dates: []", 5, "capture.dates", "must be a list of 1 to 4000 values"),
        ("dt: 2023-12-25", "dates: [2023-12-22, '2023-02-30']", 5, "capture.dates[1]", "day of the calendar"),
        (
            "dt: 2023-12-25",
            "dates: [2023-12-22, 2023-12-22]",
            5,
            "capture.dates[1]",
            "='2023-12-22': must not come twice",
        ),
        ("dt: 2023-12-25", "dt: 2023-12-25\n  dates: [2023-12-22]", 6, "capture.dates", "stands beside dt"),
        ("  dt: 2023-12-25\n", "", 2, "capture.dt", "is required and missing"),
        ("future_mbo", "options", 3, "capture.product_type", "='options': must be one of equity_mbo, future_mbo"),
        ("  symbol: ESH4", "  symbol: ESH4\n  symbol: ESM4", 5, "", "duplicate key"),
        ("capture:", "capture: 3\nx:", 2, "capture", "=3: must be a mapping of fields"),
        ("  symbol: ESH4", "\tsymbol: ESH4", 4, "", "not valid YAML"),
        ("  symbol: ESH4", "  symbol: [ESH4", 5, "", "not valid YAML"),
        ("  symbol: ESH4", "  5: ESH4", 4, "capture", "field names must be text, one is 5"),
        ("  symbol: ESH4", "  symbol: !!set {a}", 4, "capture.symbol", "must be text, a number"),
        ("name: small", "%YAML 1.1\n---\nname: small", 1, "", "directives are not allowed"),
    ],
)
def test_pipeline_errors(old: str, new: str, line: int, field: str, says: str) -> None:
    assert old in PIPELINE
    error = _error(PIPELINE.replace(old, new, 1), PipelineSpec)
    assert (error.line, error.field) == (line, field), str(error)
    assert says in str(error)
    assert str(error).startswith(f"x.yaml:{line}: ")
    assert "\n" not in str(error)


@pytest.mark.parametrize(
    ("old", "new", "line", "field", "says"),
    [
        ("tanh_scale: 2.0", "tanh_scale: {a: 1}", 8, "signal.params.tanh_scale", "={…}: must be"),
        ("d1: 1.0", "d1: 1.0\n    d2: -1", 11, "signal.weights.d2", "=-1: must be a number from 0"),
        ("[1.0, 0.5, 0.0]", "[1.0, 0.5]", 4, "scoring.derivative_weights", "=[1.0, 0.5]: must be a list of 3 values"),
        ("name: derivative", "nam: derivative", 6, "signal.nam", "allowed: name, params, weights"),
        (
            "pipeline: small",
            "pipeline: small\nprojection: {horizons_ms: [0]}",
            3,
            "projection.horizons_ms[0]",
            "=0: must be a whole number from 1",
        ),
    ],
)
def test_serving_errors(old: str, new: str, line: int, field: str, says: str) -> None:
    error = _error(SERVING.replace(old, new, 1), ServingSpec)
    assert (error.line, error.field) == (line, field), str(error)
    assert says in str(error)


@pytest.mark.parametrize(
    ("old", "new", "line", "field", "says"),
    [
        (
            "zscore_window_bins:",
            "window:",
            7,
            "sweep.scoring.window",
            "unknown sweep axis; allowed: zscore",
        ),
        ("[100, 200]", "[100, -1]", 7, "sweep.scoring.zscore_window_bins[1]", "=-1: must be a whole number from 2"),
        ("[100, 200]", "[100, 100]", 7, "sweep.scoring.zscore_window_bins[1]", "=100: must not come twice"),
        ("[100, 200]", "[]", 7, "sweep.scoring.zscore_window_bins", "=[]: must be a list of 1 to 1000 values"),
        ("[100, 200]", "100", 7, "sweep.scoring.zscore_window_bins", "=100: must be a list"),
        ("  scoring:\n    z", "  pipeline:\n    z", 7, "sweep.pipeline.zscore_window_bins", "allowed: grid_radius"),
        ("tp_ticks: 8", "tp_ticks: 0", 4, "eval.tp_ticks", "=0: must be a whole number from 1"),
        ("tp_ticks: 8", "latency_bins: 1200", 4, "eval.latency_bins", "less than max_hold_bins 1200"),
        (
            "tp_ticks: 8",
            "split: {choose_fraction: 1.0}",
            4,
            "eval.split.choose_fraction",
            "=1.0: must be a number from 0.1 to 0.9",
        ),
        ("serving: scored", "serving: scored\nparallel: {address: a}", 3, "parallel.address", "only for executor dask"),
        (
            "serving: scored",
            "serving: scored\ntracking: {backend: wandb}",
            3,
            "tracking.backend",
            "='wandb': must be one of mlflow, none",
        ),
    ],
)
def test_experiment_errors(old: str, new: str, line: int, field: str, says: str) -> None:
    error = _error(EXPERIMENT.replace(old, new, 1), ExperimentSpec)
    assert (error.line, error.field) == (line, field), str(error)
    assert says in str(error)


@pytest.mark.parametrize(
    ("text", "field", "says"),
    [
        ("tick_size: 0.0000000001", "tick_size", "whole number of 1e-9"),
        ("tick_size: 0", "tick_size", "positive"),
        ("tick_size: '-0.25'", "tick_size", "positive"),
        ("tick_size: NaN", "tick_size", "positive"),
        ("tick_size: 1e30", "tick_size", "whole number of 1e-9"),
        ("tick_size: quarter", "tick_size", "must be a decimal number"),
        ("tick_size: 0.125", "price_decimals", "=2: cannot show tick_size 0.125"),
        (
            "bucket_size_dollars: 0.30",
            "bucket_size_dollars",
            "multiple of the tick",
        ),
        ("tau_jerk: 5.0", "tau_acceleration", "tau_velocity < tau_acceleration"),
        ("tau_velocity: 7", "tau_velocity", "tau_velocity < tau_acceleration"),
        (
            "flow_zscore_min_periods: 301",
            "flow_zscore_min_periods",
            "window of 300",
        ),
        ("flow_windows: [5, 10, 10, 40]", "flow_windows[2]", "=10: must be above the value before it, 10"),
        ("flow_windows: [5]", "flow_rollup_weights", "one weight for each of the 1 flow_windows"),
        (
            "flow_derivative_weights: [0, 0, 0]",
            "flow_derivative_weights",
            "above 0",
        ),
        (
            "projection_horizons_ms: [150]",
            "projection_horizons_ms[0]",
            "multiple of",
        ),
        ("n_absolute_ticks: 512", "n_absolute_ticks", "at least 614"),
        (
            "state_model_center_exclusion_radius: 50",
            "state_model_center_exclusion_radius",
            "less than grid_radius_ticks 50",
        ),
    ],
)
def test_instrument_errors(text: str, field: str, says: str) -> None:
    kept = INSTRUMENT.replace("tick_size: 0.25\n", "") if text.startswith("tick_size: ") else INSTRUMENT
    error = _error(kept + text, InstrumentLock)
    assert error.field == field, str(error)
    assert says.lower() in str(error).lower()
    assert error.line in (4, 5)


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "is empty"),
        (b"# only a comment\n", "is empty"),
        (b"- a\n- b\n", "is a list"),
        (b"just text", "is 'just text'"),
        (b"name: caf\xe9\n", "is not UTF-8 (byte 0xe9)"),
        (b"name: a\n---\nname: b\n", "not valid YAML"),
        (b"a: &x [1]\nb: *y\n", "undefined alias"),
        (b"name: " + b"[" * 1000, "nested too deeply"),
        (b"name: " + b"9" * 5000, "not valid YAML"),
        (b"name: " + b"9" * 25, "64 bits"),
    ],
)
def test_documents_that_are_no_spec(data: bytes, says: str) -> None:
    assert says in str(_error(data, PipelineSpec))


def test_aliases_cannot_expand_without_end() -> None:
    lines = ["a0: &a0 [1, 1, 1, 1, 1, 1, 1, 1, 1]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 12)]
    assert "too large" in str(_error("\n".join(lines), PipelineSpec))


def test_missing_directory_and_oversized_files(tmp_path: Path) -> None:
    for load in (load_instrument, load_pipeline, load_serving, load_experiment):
        with pytest.raises(SpecNotFoundError, match=r"nothing\.yaml: no such file"):
            load(tmp_path / "nothing.yaml")
        with pytest.raises(SpecError, match="cannot be read"):
            load(tmp_path)
        with pytest.raises(SpecError, match="cannot be read"):
            load("nul\0.yaml")
    big = tmp_path / "big.yaml"
    big.write_bytes(b"#" * (1 << 20) + b"\n")
    with pytest.raises(SpecError, match="larger than 1048576 bytes"):
        load_pipeline(big)


@given(st.binary(max_size=200))
def test_any_bytes_give_a_spec_or_one_error(data: bytes) -> None:
    with pytest.raises(SpecError) as caught:
        parse_yaml(data, PipelineSpec, file="x.yaml")
    assert "\n" not in str(caught.value)


_YAML_TEXT = st.text(alphabet=" \n:-[]{}&*!?|>'\"%@`#,.0123456789abeENtrufl~<\t", max_size=60)


@given(_YAML_TEXT)
def test_any_text_gives_a_spec_or_one_error(text: str) -> None:
    with pytest.raises(SpecError):
        parse_yaml(f"name: small\nx: {text}".encode(), PipelineSpec, file="x.yaml")


@given(st.data())
def test_a_damaged_document_gives_a_spec_or_one_error(data: st.DataObject) -> None:
    text = bytearray(SERVING.encode())
    for _ in range(data.draw(st.integers(1, 4))):
        text[data.draw(st.integers(0, len(text) - 1))] = data.draw(st.integers(0, 255))
    try:
        spec = parse_yaml(bytes(text), ServingSpec, file="x.yaml")
    except SpecError as error:
        assert str(error).startswith("x.yaml")  # noqa: PT017  # either outcome is right
    else:
        assert isinstance(spec, ServingSpec)
