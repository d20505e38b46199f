"""What signals say is stored with their runs, once for all runs that differ in exits alone, and ranks them."""

import shutil

import polars as pl
import pytest

from vp_harness import Dataset, Lake, ResultsStore, compare, run_experiment, signals
from vp_harness.evaluation.outcomes import Prices
from vp_harness.evaluation.workspace import Workspace
from vp_harness.prediction.measures import information_of
from vp_harness.prediction.sample import PartSample

SWEEP = """
name: informed
serving: small
eval: {warmup_bins: 100, tp_ticks: 3, sl_ticks: 2, max_hold_bins: 100, cooldown_bins: 5, min_signals: 2}
sweep:
  per_signal:
    imbalance: {thresholds: [0.2, 0.5], tp_ticks: [3, 4]}
    derivative: {thresholds: [0.05]}
"""


@pytest.fixture(scope="module")
def lake(tmp_path_factory, research):
    root = tmp_path_factory.mktemp("informed")
    shutil.copytree(research.lake.root, root / "lake")
    shutil.rmtree(Lake(root / "lake").results_dir, ignore_errors=True)
    shutil.copytree(research.configs, root / "configs")
    (root / "configs" / "experiments" / "informed.yaml").write_text(SWEEP)
    run_experiment("informed", root / "lake", config_root=root / "configs")
    return Lake(root / "lake")


def test_it_is_that_of_the_stored_values_on_both_parts(lake):
    store = ResultsStore(lake)
    informed = store.information()
    runs = store.runs()
    assert sorted(informed["run_id"].unique()) == sorted(runs["run_id"])
    for run in runs.iter_rows(named=True):
        mine = informed.filter(pl.col("run_id") == run["run_id"])
        work = Workspace(Dataset.open(lake, run["dataset_id"]))
        baselines = {kind.name: kind().compute(work) for kind in signals.BASELINES}
        values = signals.create(run["signal"]).compute(work)
        if run["signal"] == "derivative":
            values = signals.create("derivative", zscore_window_bins=80, zscore_min_periods=20).compute(work)
        prices = Prices.from_bins(work.bins, work.dataset.config.tick_int)
        for part in ("choose", "confirm"):
            rows = mine.filter(pl.col("part") == part)
            assert rows["horizon_ms"].to_list() == [100, 200, 500, 1000, 2000, 5000]  # an eighth of 580 bins holds 50
            sample = PartSample(prices, (1, 2, 5, 10, 20, 50), [(run[f"{part}_first"], run[f"{part}_end"])])
            expected = information_of(values, sample, baselines, signal=run["signal"], cell_width_ms=100)
            assert rows["ic"].to_list() == [figures.ic for figures in expected.horizons]
            assert rows["partial_ic_low"].to_list() == [figures.partial_ic_low for figures in expected.horizons]
            assert rows["decile_ticks"].to_list() == [figures.decile_ticks for figures in expected.horizons]
            assert rows["after"].to_list()[0] == [name for name in baselines if name != run["signal"]]


def test_runs_that_differ_in_exits_share_one(lake):
    store = ResultsStore(lake)
    parts = (lake.results_dir / "information.parquet").glob("*.parquet")
    assert sum(pl.read_parquet(part).height for part in parts) == 2 * 2 * 6  # signals, parts, horizons
    assert store.runs().height == 3
    assert store.information().height == 3 * 2 * 6
    assert store.information(["f" * 16]).is_empty()


def test_rows_can_be_ranked_by_it(lake):
    rows = compare(ResultsStore(lake), sort="ic", min_signals=0)
    sizes = rows["ic"].abs().to_list()
    assert sizes == sorted(sizes, reverse=True)
    assert sizes[0] > 0.05  # an effect is planted
    best = rows.row(0, named=True)
    informed = ResultsStore(lake).information([best["run_id"]])
    at = informed.filter(pl.col("horizon_ms") == best["ic_horizon_ms"]).sort("part")
    assert at["ic"].to_list() == [best["ic"], best["confirm_ic"]]
    assert best["ic"] == max(informed.filter(pl.col("part") == "choose")["ic"], key=abs)
    assert at["partial_ic"].to_list() == [best["partial_ic"], best["confirm_partial_ic"]]


def test_runs_of_an_earlier_version_have_none_and_rank_last(lake, tmp_path):
    copy = Lake(tmp_path / "lake")
    shutil.copytree(lake.root, copy.root)
    shutil.rmtree(copy.results_dir / "information.parquet")
    rows = compare(ResultsStore(copy), sort="ic", min_signals=0)
    assert rows.height == 5
    assert rows["ic"].null_count() == 5
