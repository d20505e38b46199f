"""Every value of a resolved config is said to be from where it is from."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest

from vp_contract import RuntimeConfig, load_chain
from vp_contract.specs.origins import Origin, config_origins

FILES = {
    "instrument.yaml": """\
product_type: future_mbo
symbol: SYNM6
symbol_root: SYN
tick_size: 0.25
tau_jerk: 11.0
flow_tanh_scale: 2.0
""",
    "pipelines/p.yaml": """\
name: p
capture:
  product_type: future_mbo
  symbol: SYNM6
  dt: 2026-02-06
  start_time: "09:27"
  end_time: "09:30"
pipeline:
  tau_velocity: 1.0
  flow_windows: [3, 6]
""",
    "serving/s.yaml": """\
name: s
pipeline: p
scoring: {threshold_neutral: 0.2, tanh_scale: 4.0}
signal:
  name: derivative
  params: {zscore_window_bins: 80}
  weights: {d2: 0.5}
projection:
  horizons_ms: [500]
""",
    "experiments/e.yaml": """\
name: e
serving: s
eval:
  tp_ticks: 9
  split: {choose_fraction: 0.7}
""",
}


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.delenv("VP_INSTRUMENT_CONFIG_PATH", raising=False)
    for name, text in FILES.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    return tmp_path


def by_field(root: Path, **name: str) -> dict[str, Origin]:
    return {origin.field: origin for origin in config_origins(root, **name)}


@pytest.mark.parametrize(
    ("field", "file", "line", "value"),
    [
        ("tick_size", "instrument.yaml", 4, "0.25"),
        ("tau_jerk", "instrument.yaml", 5, 11.0),
        ("dt", "pipelines/p.yaml", 5, "2026-02-06"),
        ("symbol", "pipelines/p.yaml", 4, "SYNM6"),
        ("tau_velocity", "pipelines/p.yaml", 9, 1.0),
        ("flow_windows", "pipelines/p.yaml", 10, [3, 6]),
        ("flow_neutral_threshold", "serving/s.yaml", 3, 0.2),
        ("flow_tanh_scale", "serving/s.yaml", 3, 4.0),
        ("signal_name", "serving/s.yaml", 5, "derivative"),
        ("state_model_zscore_window_bins", "serving/s.yaml", 6, 80),
        ("state_model_d2_weight", "serving/s.yaml", 7, 0.5),
        ("projection_horizons_ms", "serving/s.yaml", 9, [500]),
        ("eval.tp_ticks", "experiments/e.yaml", 4, 9),
        ("eval.split.choose_fraction", "experiments/e.yaml", 5, 0.7),
    ],
)
def test_a_stated_value_has_its_file_and_line(root: Path, field: str, file: str, line: int, value: object) -> None:
    origin = by_field(root, experiment="e")[field]
    assert (origin.where, origin.value) == (f"{root / file}:{line}", value)


def test_what_nobody_states_is_a_default_and_what_follows_is_derived(root: Path) -> None:
    origins = by_field(root, experiment="e")
    assert origins["tau_acceleration"].where == "default"
    assert origins["grid_radius_ticks"].where == "default"
    assert origins["eval.cooldown_bins"].where == "default"
    assert origins["flow_rollup_weights"].where == "derived"  # as many equal weights as windows
    assert origins["signal_params"].where == "derived"
    assert origins["pipeline"].where == "derived"


def test_every_field_is_there_once_with_the_resolved_value(root: Path) -> None:
    names: list[dict[str, Any]] = [{"experiment": "e"}, {"serving": "s"}, {"pipeline": "p"}]
    stated = [field.name for field in msgspec.structs.fields(RuntimeConfig) if field.default is not msgspec.UNSET]
    for name in names:
        origins = [origin for origin in config_origins(root, **name) if not origin.field.startswith("eval.")]
        assert [origin.field for origin in origins] == stated
        assert {o.field: o.value for o in origins} == msgspec.json.decode(
            load_chain(root, **name).config.canonical_json()
        )
