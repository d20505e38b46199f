"""Merging of the layers, and the hashes of what comes out."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vp_contract import (
    CaptureSpec,
    ExperimentSpec,
    InstrumentLock,
    InstrumentLockError,
    PipelineOverrides,
    PipelineSpec,
    ProjectionSpec,
    RuntimeConfig,
    ScoringSpec,
    ServingSpec,
    SignalSpec,
    SpecError,
    resolve,
)


def _pipeline(pipeline: PipelineSpec, **overrides: Any) -> PipelineSpec:
    return msgspec.structs.replace(pipeline, pipeline=PipelineOverrides(**overrides))


def _serving(**fields: Any) -> ServingSpec:
    return ServingSpec(name="scored", pipeline="small", **fields)


def test_each_layer_over_the_one_below(instrument: InstrumentLock, pipeline: PipelineSpec) -> None:
    lock = msgspec.structs.replace(instrument, tau_velocity=1.0, flow_tanh_scale=2.0, cell_width_ms=50)
    assert resolve(lock, pipeline).tau_velocity == 1.0
    above = _pipeline(pipeline, tau_velocity=1.5, flow_windows=(3, 6))
    config = resolve(lock, above)
    assert (config.tau_velocity, config.cell_width_ms, config.serving) == (1.5, 50, None)
    assert (config.flow_windows, config.flow_rollup_weights) == ((3, 6), (1.0, 1.0))
    serving = _serving(
        scoring=ScoringSpec(
            zscore_window_bins=100,
            zscore_min_periods=10,
            derivative_weights=(1.0, 0.0, 0.0),
            tanh_scale=4.0,
            threshold_neutral=0.2,
        ),
        projection=ProjectionSpec(horizons_ms=(50, 150), use_cubic=True, cubic_scale=0.5, damping_lambda=0.1),
    )
    config = resolve(lock, above, serving)
    assert (config.flow_zscore_window_bins, config.flow_zscore_min_periods) == (100, 10)
    assert (config.flow_derivative_weights, config.flow_tanh_scale) == ((1.0, 0.0, 0.0), 4.0)
    assert config.flow_neutral_threshold == 0.2
    assert config.projection_horizons_ms == (50, 150)
    assert (config.projection_use_cubic, config.projection_cubic_scale) == (True, 0.5)
    assert config.projection_damping_lambda == 0.1
    config = resolve(lock, above, serving, None, {"flow_tanh_scale": 5, "tau_jerk": 20})
    assert (config.flow_tanh_scale, config.tau_jerk) == (5.0, 20.0)
    assert isinstance(config.tau_jerk, float)


def test_instrument_and_capture_are_carried_over(config: RuntimeConfig) -> None:
    assert (config.product_type, config.symbol, config.symbol_root) == ("future_mbo", "SYNM6", "SYN")
    assert (config.tick_size, config.tick_int, config.cell_int) == ("0.25", 250_000_000, 250_000_000)
    assert config.bucket_size_dollars is None
    assert (config.pipeline, config.serving, config.grid_rows) == ("small", "scored", 101)


def test_stage_parameters_of_the_derivative_signal(instrument: InstrumentLock, pipeline: PipelineSpec) -> None:
    signal = SignalSpec(params={"tanh_scale": 2, "center_exclusion_radius": 1}, weights={"d2": 0.5, "mixed": 0.1})
    config = resolve(instrument, pipeline, _serving(signal=signal))
    assert (config.state_model_tanh_scale, config.state_model_center_exclusion_radius) == (2.0, 1)
    assert (config.state_model_d1_weight, config.state_model_d2_weight) == (1.0, 0.5)
    assert config.state_model_mixed_weight == 0.1
    assert config.signal_params == config.state_model()
    assert config.signal_params["tanh_scale"] == 2.0
    changed = config.replace(state_model_tanh_scale=7.0)
    assert changed.signal_params == changed.state_model()
    assert changed.signal_params["tanh_scale"] == 7.0
    with pytest.raises(SpecError, match=r"^signal_params: .*state_model_\* fields.*in tanh_scale"):
        config.replace(signal_params={**config.signal_params, "tanh_scale": 1.0})


@pytest.mark.parametrize(
    ("signal", "says"),
    [
        (
            SignalSpec(params={"alpha": 1}),
            r"signal.params.alpha: .*no such parameter; allowed: center",
        ),
        (SignalSpec(weights={"d4": 1.0}), r"signal.weights.d4: .*no such weight; allowed: d1, d2, d3, bull_pressure"),
        (SignalSpec(params={"tanh_scale": "wide"}), r"state_model_tanh_scale.*is from serving scored"),
    ],
)
def test_stage_parameters_that_do_not_exist(
    instrument: InstrumentLock, pipeline: PipelineSpec, signal: SignalSpec, says: str
) -> None:
    with pytest.raises(SpecError, match=says):
        resolve(instrument, pipeline, _serving(signal=signal))


def test_another_signal_keeps_its_own_parameters(instrument: InstrumentLock, pipeline: PipelineSpec) -> None:
    serving = _serving(signal=SignalSpec(name="ads", params={"windows": (10, 25)}, weights={"inner": 2.0}))
    config = resolve(instrument, pipeline, serving)
    assert (config.signal_name, config.signal_params) == ("ads", {"windows": (10, 25)})
    assert config.signal_weights == {"inner": 2.0}
    # a sweep point with another signal leaves these behind
    swept = resolve(instrument, pipeline, serving, None, {"signal_name": "derivative"})
    assert (swept.signal_params, swept.signal_weights) == (swept.state_model(), {})
    assert swept.replace(signal_name="erd").signal_params == {}


def test_layers_that_contradict_name_where_each_value_is_from(
    instrument: InstrumentLock, pipeline: PipelineSpec
) -> None:
    with pytest.raises(SpecError) as caught:
        resolve(instrument, _pipeline(pipeline, tau_velocity=6.0))
    assert caught.value.field == "tau_velocity"
    assert "tau_velocity is from pipeline small" in caught.value.problem
    assert "tau_acceleration is from the instrument file" in caught.value.problem
    serving = _serving(projection=ProjectionSpec(horizons_ms=(250,)))
    with pytest.raises(SpecError, match=r"=250: must be a multiple of cell_width_ms 100.*from serving scored"):
        resolve(instrument, pipeline, serving)
    with pytest.raises(SpecError, match=r"=75: must be at most the window of 50 bins"):
        resolve(instrument, pipeline, _serving(scoring=ScoringSpec(zscore_window_bins=50)))


def test_wrong_chains(
    instrument: InstrumentLock, pipeline: PipelineSpec, serving: ServingSpec, experiment: ExperimentSpec
) -> None:
    resolve(instrument, pipeline, serving, experiment)
    with pytest.raises(SpecError, match="is of pipeline 'other', given was 'small'"):
        resolve(instrument, pipeline, ServingSpec(name="s", pipeline="other"))
    with pytest.raises(SpecError, match="is of serving 'other', given was 'scored'"):
        resolve(instrument, pipeline, serving, ExperimentSpec(name="e", serving="other"))
    with pytest.raises(SpecError, match="needs its serving 'scored'"):
        resolve(instrument, pipeline, None, experiment)
    with pytest.raises(SpecError, match=r"^tau_velocty: unknown override; allowed: grid_radius_ticks"):
        resolve(instrument, pipeline, serving, None, {"tau_velocty": 1})
    capture = CaptureSpec(
        product_type="future_mbo", symbol="ESH4", dt="2023-12-25", start_time="17:45", end_time="18:55"
    )
    with pytest.raises(InstrumentLockError, match="pipeline small is for future_mbo ESH4"):
        resolve(instrument, PipelineSpec(name="small", capture=capture))


def test_config_version_is_the_hash_of_canonical_json(config: RuntimeConfig) -> None:
    text = config.canonical_json()
    assert config.config_version == hashlib.sha256(text).hexdigest()[:16]
    assert json.dumps(json.loads(text), sort_keys=True, separators=(",", ":")).encode() == text
    assert msgspec.json.decode(text, type=RuntimeConfig) == config


def test_a_large_size_that_nobody_sets_is_in_no_hash(config: RuntimeConfig) -> None:
    """Datasets and servings of before there was one keep their ids."""
    assert config.large_size is msgspec.UNSET
    assert b"large_size" not in config.canonical_json() + config.numbers_json() + msgspec.json.encode(config)
    assert config.replace(large_size=20).replace(tau_velocity=1.5).large_size == 20


def test_whole_numbers_hash_like_floats(config: RuntimeConfig) -> None:
    loose = msgspec.structs.replace(config, tau_velocity=2, flow_rollup_weights=[1, 1, 1, 1])
    assert loose.config_version == config.config_version


@pytest.mark.parametrize(
    "changes",
    [
        {"tau_velocity": 2.5},
        {"cell_width_ms": 50},
        {"flow_windows": (5, 10, 20, 41)},
        {"flow_neutral_threshold": 0.2},
        {"projection_horizons_ms": ()},
        {"dt": "2026-02-09"},
        {"end_time": "09:56"},
        {"publisher": 1},
        {"on_damage": "until_damage"},
        {"on_short": "end_early"},
        {"max_silence_s": 60.0},
        {"symbol": "SYNU6"},
        {"tick_size": "0.5"},
        {"large_size": 50},
    ],
)
def test_what_decides_numbers_changes_both_hashes(config: RuntimeConfig, changes: dict[str, Any]) -> None:
    changed = config.replace(**changes)
    assert changed.numbers_json() != config.numbers_json()
    assert changed.config_version != config.config_version


@pytest.mark.parametrize(
    "changes",
    [{"pipeline": "other"}, {"serving": None}, {"state_model_tanh_scale": 1.0}, {"signal_name": "ads"}],
)
def test_what_decides_no_number_of_a_dataset(config: RuntimeConfig, changes: dict[str, Any]) -> None:
    changed = config.replace(**changes)
    assert changed.numbers_json() == config.numbers_json()
    assert changed.config_version != config.config_version


@given(st.floats(min_value=0.001, max_value=4.999), st.integers(1, 1024))
def test_equal_inputs_give_equal_bytes(tau: float, radius: int) -> None:
    base = {
        "product_type": "future_mbo",
        "symbol": "A",
        "symbol_root": "A",
        "tick_size": "0.01",
        "dt": "2026-02-06",
        "start_time": "10:00",
        "end_time": "11:00",
        "pipeline": "p",
        "tau_velocity": tau,
        "grid_radius_ticks": radius,
        "signal_params": {},
    }
    one = msgspec.convert(base, RuntimeConfig)
    other = msgspec.convert(dict(reversed(base.items())), RuntimeConfig)
    assert one.canonical_json() == other.canonical_json()
    assert msgspec.json.decode(one.canonical_json(), type=RuntimeConfig).tau_velocity == tau
    assert one.replace() == one


def test_replace_checks(config: RuntimeConfig) -> None:
    for changes, field in (
        ({"tau_velocity": 20.0}, "tau_velocity"),
        ({"symbol": "no symbol"}, "symbol"),
        ({"dt": "9999-12-31"}, "dt"),
        ({"publisher": 65_536}, "publisher"),
        ({"on_damage": "ignore"}, "on_damage"),
        ({"on_short": "fill"}, "on_short"),
        ({"max_silence_s": 0.0}, "max_silence_s"),
        ({"tick_size": "1e-3"}, "tick_size"),
        ({"bucket_size_dollars": "0.3"}, "bucket_size_dollars"),
    ):
        with pytest.raises(SpecError) as caught:
            config.replace(**changes)
        assert caught.value.field == field
