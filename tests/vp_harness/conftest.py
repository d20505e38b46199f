"""A small synthetic market in a lake of its own, with the configs that replay it."""

import shutil
from pathlib import Path
from types import SimpleNamespace

import pytest

from vp_book.synthetic import write_market
from vp_contract import load_instrument
from vp_harness import Lake, generate, import_file

CONFIGS = {
    "instrument.yaml": """
product_type: future_mbo
symbol: SYNM6
symbol_root: SYN
tick_size: 0.25
contract_multiplier: 50
grid_radius_ticks: 10
n_absolute_ticks: 1024
flow_zscore_window_bins: 60
flow_zscore_min_periods: 20
projection_horizons_ms: [500]
""",
    "pipelines/small.yaml": """
name: small
capture: {product_type: future_mbo, symbol: SYNM6, dt: 2026-02-06, start_time: "09:27", end_time: "09:30"}
pipeline: {}
""",
    "serving/small.yaml": """
name: small
pipeline: small
scoring: {}
signal: {name: derivative, params: {zscore_window_bins: 80, zscore_min_periods: 20}}
""",
    "experiments/small.yaml": """
name: small
serving: small
eval: {warmup_bins: 100, tp_ticks: 3, sl_ticks: 2, max_hold_bins: 100, cooldown_bins: 5, min_signals: 2}
sweep:
  per_signal:
    derivative:
      zscore_window_bins: [60, 80]
      thresholds: [0.05, 0.2]
      cooldown_bins: [5, 20]
""",
}


def write_configs(root: Path) -> Path:
    for name, text in CONFIGS.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    (root / "serving_versions").mkdir(exist_ok=True)
    return root


@pytest.fixture(scope="session")
def market_file(tmp_path_factory):
    """A five-minute synthetic session as a DBN file."""
    path = tmp_path_factory.mktemp("market") / "session.mbo.dbn.zst"
    write_market(path, seed=7, minutes=5, effect=0.8, date="2026-02-06", start="09:26")
    return path


@pytest.fixture(scope="session")
def research(tmp_path_factory, market_file):
    """`.lake` with the market imported and its dataset `.dataset_id`, `.configs`. Not to be changed by a test."""
    configs = write_configs(tmp_path_factory.mktemp("configs"))
    lake = Lake(tmp_path_factory.mktemp("lake"))
    raw, _ = import_file(lake, market_file, load_instrument(configs / "instrument.yaml"))
    dataset_id = generate("small", lake, config_root=configs)
    return SimpleNamespace(lake=lake, configs=configs, raw=raw, dataset_id=dataset_id)


@pytest.fixture
def own(tmp_path, research):
    """The same for a test of its own: a lake with the raw file and no dataset."""
    lake = Lake(tmp_path / "lake")
    raw = lake.raw_dir("future_mbo", "SYN") / research.raw.name
    raw.parent.mkdir(parents=True)
    shutil.copyfile(research.raw, raw)
    return SimpleNamespace(
        lake=lake, configs=write_configs(tmp_path / "configs"), raw=raw, dataset_id=research.dataset_id
    )
