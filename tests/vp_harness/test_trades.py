"""The trades of a row: what its stored figures are the means of, at prices that were quoted."""

import json
import shutil

import numpy as np
import polars as pl
import pytest

from vp_contract import EvalSpec
from vp_harness import Dataset, Lake, ResultsStore, run_experiment
from vp_harness.errors import DatasetChangedError, DatasetMissingError, ParameterError, ResultsError
from vp_harness.evaluation.outcomes import PRICE_COLUMNS
from vp_harness.evaluation.trades import SCHEMA, trades_of

TICK = 250_000_000


@pytest.fixture(scope="module")
def tried(tmp_path_factory, research):
    lake = Lake(tmp_path_factory.mktemp("trades") / "lake")
    shutil.copytree(research.lake.root, lake.root)
    run_experiment("small", lake, config_root=research.configs)
    return lake


def test_the_figures_of_every_row_are_those_of_its_trades(tried):
    store = ResultsStore(tried)
    seen = 0
    for row in store.rows().iter_rows(named=True):
        trades = store.trades(row["run_id"], row["threshold"])
        assert trades.schema == pl.Schema(SCHEMA)
        for part, prefix in (("choose", ""), ("confirm", "confirm_")):
            mine = trades.filter(pl.col("part") == part)
            seen += mine.height
            assert mine.height == row[f"{prefix}n_signals"]
            assert (mine["side"] == "buy").sum() == row[f"{prefix}n_up"]
            assert mine["mid_pnl_ticks"].mean() == pytest.approx(row[f"{prefix}mean_pnl_ticks"])
            assert mine["cross_pnl_ticks"].mean() == pytest.approx(row[f"{prefix}net_pnl_ticks"])
            if mine.height:
                assert (mine["mid_outcome"] == "take_profit").mean() == pytest.approx(row[f"{prefix}tp_rate"])
    assert seen > 100


def test_crossing_trades_are_at_quotes_and_earn_their_difference(tried):
    store = ResultsStore(tried)
    run = store.runs().row(0, named=True)
    evaluation = json.loads(run["eval_json"])
    bins = Dataset.open(tried, run["dataset_id"]).bins
    bid, ask = (bins[f"best_{side}_price_int"].to_numpy() / 1e9 for side in ("bid", "ask"))
    times, valid = bins["ts_ns"].to_numpy(), bins["book_valid"].to_numpy()
    for trade in store.trades(run["run_id"]).iter_rows(named=True):
        up = trade["side"] == "buy"
        entry, leave = trade["cross_entry_bin"], trade["cross_exit_bin"]
        assert entry == trade["event_bin"] + evaluation["latency_bins"]
        assert valid[entry]
        while not valid[leave]:
            leave -= 1
        assert trade["cross_entry_price"] == (ask if up else bid)[entry]
        assert trade["cross_exit_price"] == (bid if up else ask)[leave]
        sign = 1 if up else -1
        earned = sign * (trade["cross_exit_price"] - trade["cross_entry_price"]) / 0.25 - evaluation["cost_ticks"]
        assert trade["cross_pnl_ticks"] == pytest.approx(earned)
        assert trade["cross_exit_ts_ns"] == times[trade["cross_exit_bin"]]
        assert trade["mid_entry_price"] == (bid[trade["event_bin"]] + ask[trade["event_bin"]]) / 2


def quotes(mids, spread=1):
    """Bins whose book stands still within each of them; None is a bin without a valid book."""
    low = [0 if mid is None else round((mid - spread / 2) * TICK) for mid in mids]
    high = [0 if mid is None else round((mid + spread / 2) * TICK) for mid in mids]
    sides = dict(zip(PRICE_COLUMNS, (low, high, low, low, high, high), strict=True))
    times = np.arange(len(mids), dtype=np.int64) * 100 + 1_000
    return pl.DataFrame({**sides, "book_valid": [mid is not None for mid in mids], "ts_ns": times})


def test_by_hand():
    """Mids in ticks: up 3 from 100 (target 2), then down 2 from 103 (stop of the buy, 1)."""
    evaluation = EvalSpec(tp_ticks=2, sl_ticks=1, max_hold_bins=6, latency_bins=1, cost_ticks=0.25)
    mids = [100.5, 100.5, 101.5, None, 103.5, 103.5, 103.5, 101.5, 101.5, 101.5]
    rows = pl.DataFrame({"threshold": [0.5], "event_bins": [[0, 5, 9]], "event_directions": [[1, 1, -1]]})
    trades = trades_of(rows, {"choose": (0, 5), "confirm": (5, 10)}, evaluation, quotes(mids), TICK)
    first, second, third = trades.to_dicts()
    assert (first["part"], first["side"], first["event_bin"], first["event_ts_ns"]) == ("choose", "buy", 0, 1_000)
    assert (first["mid_outcome"], first["mid_exit_bin"], first["mid_pnl_ticks"]) == ("take_profit", 4, 2.0)
    assert (first["mid_entry_price"], first["mid_exit_price"]) == (100.5 * 0.25, 102.5 * 0.25)
    # bought at 101 in bin 1, the bid is at 103 in bin 4, sold at 103 in bin 5: 2 less 0.25
    assert (first["cross_entry_bin"], first["cross_entry_price"]) == (1, 101 * 0.25)
    assert (first["cross_exit_bin"], first["cross_exit_price"]) == (5, 103 * 0.25)
    assert (first["cross_outcome"], first["cross_pnl_ticks"]) == ("take_profit", 1.75)
    # bought at 104 in bin 6; the bid of 101 in bin 7 is the stop, and 101 what bin 8 gives
    assert (second["part"], second["mid_outcome"], second["mid_pnl_ticks"]) == ("confirm", "stop", -1.0)
    assert (second["cross_outcome"], second["cross_exit_bin"], second["cross_pnl_ticks"]) == ("stop", 8, -3.25)
    # the last bin: the order would come after the end
    assert (third["side"], third["mid_outcome"], third["mid_pnl_ticks"]) == ("sell", "timeout", 0.0)
    assert {third[name] for name in SCHEMA if name.startswith("cross_")} == {None}


def test_events_in_the_embargo_are_no_trades():
    rows = pl.DataFrame({"threshold": [0.5], "event_bins": [[0, 4]], "event_directions": [[1, 1]]})
    evaluation = EvalSpec(max_hold_bins=2)
    trades = trades_of(rows, {"choose": (0, 3), "confirm": (6, 8)}, evaluation, quotes([100] * 8), TICK)
    assert trades["event_bin"].to_list() == [0]
    assert trades_of(rows.clear(), {"choose": (0, 3)}, evaluation, quotes([100] * 8), TICK).is_empty()


def test_what_cannot_be_had_is_said(tried, tmp_path):
    store = ResultsStore(tried)
    run_id = store.runs()["run_id"][0]
    with pytest.raises(ParameterError, match=r"threshold=0\.3: run \w+ has none of it; it has 0\.05, 0\.2"):
        store.trades(run_id, 0.3)
    with pytest.raises(ResultsError, match="was opened without its lake"):
        ResultsStore(tried.results_dir).trades(run_id)
    lake = Lake(tmp_path / "lake")
    shutil.copytree(tried.root, lake.root)
    (directory,) = lake.datasets_dir.iterdir()
    checksums = directory / "checksums.json"
    text = json.loads(checksums.read_text())
    text["bins.parquet"] = "0" * 64
    checksums.chmod(0o644)
    checksums.write_text(json.dumps(text, sort_keys=True, separators=(",", ":")))
    with pytest.raises(DatasetChangedError, match=r"bins\.parquet is not the one that run"):
        ResultsStore(lake).trades(run_id)
    shutil.rmtree(directory)
    with pytest.raises(DatasetMissingError):
        ResultsStore(lake).trades(run_id)
