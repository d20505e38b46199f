"""Specs that are right: defaults, exact numbers, the instrument lock, the shipped configs."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vp_contract import (
    CaptureSpec,
    EvalSpec,
    ExperimentSpec,
    InstrumentLock,
    InstrumentLockError,
    PipelineSpec,
    SpecError,
    SpecNotFoundError,
    SplitSpec,
    check_instrument,
    instrument_path,
    load_chain,
    load_instrument,
    resolve,
    spec_names,
)
from vp_contract.specs.decimals import PRICE_SCALE, decimals_needed, price_int, price_text

CONFIGS = Path(__file__).parents[2] / "configs"
INSTRUMENTS = {  # tick in 1e-9, multiplier: as the exchanges state them
    "es": (250_000_000, 50),
    "esh4": (250_000_000, 50),
    "mes": (250_000_000, 5),
    "nq": (250_000_000, 20),
    "mnq": (250_000_000, 2),
    "si": (5_000_000, 5000),
    "gc": (100_000_000, 100),
    "cl": (10_000_000, 1000),
    "6e": (50_000, 125_000),
    "equity": (10_000_000, 1),
}


@pytest.mark.parametrize("name", sorted(INSTRUMENTS))
def test_shipped_instruments(name: str) -> None:
    lock = load_instrument(CONFIGS / "instruments" / f"{name}.yaml")
    tick, multiplier = INSTRUMENTS[name]
    assert (lock.tick_int, lock.contract_multiplier) == (tick, multiplier)
    assert lock.bucket_int % lock.tick_int == 0


def test_every_shipped_instrument_is_checked() -> None:
    assert {path.stem for path in (CONFIGS / "instruments").iterdir()} == set(INSTRUMENTS)


def test_shipped_experiments_resolve(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("VP_INSTRUMENT_CONFIG_PATH", raising=False)
    assert set(spec_names(CONFIGS, "experiments")) == {"demo", "demo_null", "esh4_reopen", "globex_evening"}
    demo = load_chain(CONFIGS, experiment="demo").config
    assert (demo.symbol, demo.dt, demo.start_time, demo.end_time) == ("SYNM6", "2026-02-06", "09:25", "09:55")
    with pytest.raises(InstrumentLockError, match=r"future_mbo ESH4.*future_mbo SYNM6"):
        load_chain(CONFIGS, experiment="esh4_reopen")
    monkeypatch.setenv("VP_INSTRUMENT_CONFIG_PATH", str(CONFIGS / "instruments" / "esh4.yaml"))
    reopen = load_chain(CONFIGS, experiment="esh4_reopen").config
    assert (reopen.symbol, reopen.symbol_root, reopen.tick_size) == ("ESH4", "ES", "0.25")
    assert reopen.state_model_center_exclusion_radius == 1


def test_a_capture_of_several_days_is_in_order_of_time_and_resolves_to_the_first(instrument: InstrumentLock) -> None:
    capture = CaptureSpec(
        product_type=instrument.product_type,
        symbol=instrument.symbol,
        dates=("2026-02-06", "2026-02-04", "2026-02-05"),
        start_time="09:25",
        end_time="09:55",
    )
    pipeline = PipelineSpec(name="days", capture=capture)
    assert capture.days == ("2026-02-04", "2026-02-05", "2026-02-06")
    first = resolve(instrument, pipeline)
    assert first.dt == "2026-02-04"
    single = msgspec.structs.replace(capture, dates=msgspec.UNSET, dt="2026-02-05")
    alone = PipelineSpec(name="days", capture=single)
    assert single.days == ("2026-02-05",)
    assert resolve(instrument, pipeline, overrides={"dt": "2026-02-05"}) == resolve(instrument, alone)
    assert "dates" not in msgspec.to_builtins(alone)["capture"]  # a manifest of one day says what it said


def test_defaults_are_those_of_the_specification(instrument: InstrumentLock) -> None:
    assert (instrument.grid_radius_ticks, instrument.cell_width_ms, instrument.n_absolute_ticks) == (50, 100, 8192)
    taus = (instrument.tau_velocity, instrument.tau_acceleration, instrument.tau_jerk, instrument.tau_rest_decay)
    assert taus == (2.0, 5.0, 10.0, 30.0)
    assert [getattr(instrument, name) for name in _force_names()] == [1.0, 0.5, 0.3, 1.0, 1.5, 0.5, 0.3]
    assert instrument.flow_windows == (5, 10, 20, 40)
    assert instrument.flow_derivative_weights == (0.55, 0.30, 0.15)
    assert (instrument.flow_tanh_scale, instrument.flow_neutral_threshold) == (3.0, 0.15)
    assert (instrument.flow_zscore_window_bins, instrument.flow_zscore_min_periods) == (300, 75)
    assert (instrument.state_model_zscore_window_bins, instrument.state_model_zscore_min_periods) == (240, 60)
    assert instrument.state_model_d1_weight == 1.0
    assert instrument.state_model_d2_weight == instrument.state_model_d3_weight == 0.0


def _force_names() -> list[str]:
    return ["c1_v_add", "c2_v_rest_pos", "c3_a_add", "c4_v_pull", "c5_v_fill", "c6_v_rest_neg", "c7_a_pull"]


def test_evaluation_defaults() -> None:
    spec = EvalSpec()
    assert (spec.warmup_bins, spec.tp_ticks, spec.sl_ticks, spec.max_hold_bins) == (300, 8, 4, 1200)
    assert spec.embargo_bins == 1200
    assert EvalSpec(split=SplitSpec(embargo_bins=0)).embargo_bins == 0


@given(st.integers(min_value=1, max_value=4 * 10**18))
def test_prices_are_exact_both_ways(price: int) -> None:
    text = price_text(price)
    assert price_int(text, field="x") == price
    assert price_int(Decimal(text), field="x") == price
    assert Decimal(text) * PRICE_SCALE == price
    assert round(Decimal(text), decimals_needed(price)) == Decimal(text)


@pytest.mark.parametrize("text", ["0", "-1", "0.1234567891", "1e-10", "NaN", "Infinity", "1e19"])
def test_amounts_that_are_no_prices(text: str) -> None:
    with pytest.raises(SpecError, match=r"^tick=.*: must be"):
        price_int(Decimal(text), field="tick")


def test_instrument_lock_names_both(instrument: InstrumentLock) -> None:
    check_instrument(instrument, product_type="future_mbo", symbol="SYNM6", where="dataset x")
    with pytest.raises(InstrumentLockError, match=r"dataset x is for equity_mbo AAPL.*future_mbo SYNM6"):
        check_instrument(instrument, product_type="equity_mbo", symbol="AAPL", where="dataset x")
    with pytest.raises(InstrumentLockError, match="SYNU6"):
        check_instrument(instrument, product_type="future_mbo", symbol="SYNU6", where="stream")


def test_lock_file_is_chosen_by_the_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("VP_INSTRUMENT_CONFIG_PATH", raising=False)
    assert instrument_path(tmp_path) == tmp_path / "instrument.yaml"
    monkeypatch.setenv("VP_INSTRUMENT_CONFIG_PATH", str(tmp_path / "other.yaml"))
    assert instrument_path(tmp_path) == tmp_path / "other.yaml"


def test_names_of_specs_that_do_not_exist(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("VP_INSTRUMENT_CONFIG_PATH", raising=False)
    listed = "no such file; serving has: demo, demo_null, esh4_reopen, globex_evening"
    with pytest.raises(SpecNotFoundError, match=rf"serving.nope\.yaml: {listed}"):
        load_chain(CONFIGS, serving="nope")
    for name in ("../demo", "Demo", "", "demo\n", "demo\0", "a/b"):
        with pytest.raises(SpecError, match="is not a name"):
            load_chain(CONFIGS, pipeline=name)
    with pytest.raises(SpecError, match="exactly one"):
        load_chain(CONFIGS)
    with pytest.raises(SpecError, match="exactly one"):
        load_chain(CONFIGS, pipeline="demo", serving="demo")
    assert spec_names(tmp_path, "pipelines") == ()


def test_a_spec_carries_the_name_of_its_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("VP_INSTRUMENT_CONFIG_PATH", str(CONFIGS / "instrument.yaml"))
    (tmp_path / "pipelines").mkdir()
    text = (CONFIGS / "pipelines" / "demo.yaml").read_text(encoding="utf-8")
    (tmp_path / "pipelines" / "copy.yaml").write_text(text, encoding="utf-8")
    with pytest.raises(SpecError, match=r"copy\.yaml: name='demo': must be 'copy', the name of the file"):
        load_chain(tmp_path, pipeline="copy")


def test_sweeps_built_in_python_are_checked_too(experiment: ExperimentSpec) -> None:
    assert experiment.sweep.scoring == {}
    with pytest.raises(SpecError, match="unknown sweep axis"):
        type(experiment.sweep)(pipeline={"signal": (1,)})
