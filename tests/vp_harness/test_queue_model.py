"""The fill model `queue`: figures by hand, and an experiment that is to be proven under it."""

import hashlib
import json
import shutil

import numpy as np
import polars as pl
import pytest

from vp_contract import EvalSpec
from vp_harness import Dataset, ExperimentError, Lake, ResultsStore, compare, run_experiment
from vp_harness.evaluation.events import Events
from vp_harness.evaluation.measures import measure
from vp_harness.evaluation.outcomes import PRICE_COLUMNS, Prices, exit_rule, outcome_table
from vp_harness.evaluation.trades import trades_of
from vp_harness.judgement.figures import confirmed_net
from vp_harness.lake.manifest import canonical_json
from vp_harness.passive.table import PassiveFills
from vp_harness.reporting.facts import gather
from vp_harness.reporting.page import report_html

TICK = 250_000_000
EVALUATION = EvalSpec(tp_ticks=2, sl_ticks=1, max_hold_bins=6, latency_bins=1, cost_ticks=0.25, fill_model="queue")


def market(bids):
    """Bins of a book one tick wide that stands still within each of them."""
    bid = np.array(bids, np.int64) * TICK
    quotes = dict(zip(PRICE_COLUMNS, (bid, bid + TICK, bid, bid, bid + TICK, bid + TICK), strict=True))
    times = np.arange(len(bids), dtype=np.int64) * 100 + 1_000
    return pl.DataFrame({**quotes, "book_valid": [True] * len(bids), "ts_ns": times})


def passive(n_bins, orders):
    """`orders`: {(side, bin): (price in ticks, bins until the fill or -1, moves after it)}."""
    price, wait = np.zeros((2, n_bins), np.int64), np.full((2, n_bins), -2, np.int32)
    moves = np.full((2, 2, n_bins), np.nan)
    for (side, at), (ticks, waited, after) in orders.items():
        price[side, at], wait[side, at], moves[:, side, at] = ticks * TICK, waited, after
    return PassiveFills(price, wait, moves, 4)


BIDS = [100, 100, 100, 102, 102, 102, 102, 101, 101, 100, 100, 100, 100, 100, 100]
ORDERS = {
    (0, 1): (100, 1, (-0.5, 1.5)),  # event 0: bought at 100 in bin 2, target in bin 3, sold at 102 in bin 4
    (1, 4): (103, -1, (np.nan, np.nan)),  # event 3: not filled, given up after 4 bins
    (0, 9): (100, 2, (0.5, np.nan)),  # event 8: bought at 100 in bin 11, sold at 100 in bin 14
}
EVENTS = Events(np.array([0, 3, 8]), np.array([1, -1, 1], np.int8))


def test_figures_by_hand():
    bins = market(BIDS)
    table = outcome_table(Prices.from_bins(bins, TICK), exit_rule(EVALUATION), passive(len(BIDS), ORDERS))
    assert table.queue is not None
    assert table.queue.join_bin[[0, 1, 0], EVENTS.bins].tolist() == [1, 4, 9]
    assert table.queue.fill_bin[[0, 1, 0], EVENTS.bins].tolist() == [2, -1, 11]
    found = measure(EVENTS, table, n_bins=100, cell_width_ms=100, seed=1)
    assert (found.queue_filled, found.queue_fill_rate, found.queue_median_wait_ms) == (2, 2 / 3, 150.0)
    assert found.queue_net_pnl_ticks == pytest.approx((2 - 0.25 + 0 - 0.25) / 2)
    assert (found.queue_net_pnl_ticks_low, found.queue_net_pnl_ticks_high) == pytest.approx((-0.25, 1.75))
    assert (found.queue_move_1s_ticks, found.queue_move_5s_ticks) == (0.0, 1.5)
    # the order that was not filled would have sold at 102 in bin 4, been stopped by the ask at 103, and bought there
    assert found.queue_missed_pnl_ticks == pytest.approx(-1 - 0.25)
    without = measure(EVENTS, outcome_table(Prices.from_bins(bins, TICK), exit_rule(EVALUATION)), n_bins=100,
                      cell_width_ms=100, seed=1)  # fmt: skip
    assert without.queue_filled is without.queue_net_pnl_ticks is without.queue_fill_rate is None
    assert without.net_pnl_ticks == found.net_pnl_ticks


def test_trades_by_hand():
    rows = pl.DataFrame({"threshold": [0.5], "event_bins": [[0, 3, 8]], "event_directions": [[1, -1, 1]]})
    found = trades_of(rows, {"choose": (0, 15)}, EVALUATION, market(BIDS), TICK, passive(len(BIDS), ORDERS))
    names = ("outcome", "entry_bin", "entry_price", "exit_bin", "exit_price", "pnl_ticks")
    columns = [f"queue_{name}" for name in names]
    assert found.select("event_bin", *columns).rows() == [
        (0, "take_profit", 2, 25.0, 4, 25.5, 1.75),
        (8, "timeout", 11, 25.0, 14, 25.0, -0.25),
    ]  # the event of bin 3 came while the first position was open
    crossing = trades_of(rows, {"choose": (0, 15)}, EvalSpec(max_hold_bins=6), market(BIDS), TICK)
    assert crossing["queue_pnl_ticks"].null_count() == crossing.height
    assert crossing["cross_pnl_ticks"].null_count() == 0


QUEUED = ("eval: {warmup_bins", "eval: {fill_model: queue, latency_bins: 0, warmup_bins")


@pytest.fixture(scope="module")
def tried(tmp_path_factory, research):
    """The lake of an experiment that is to be proven under the model queue."""
    lake = Lake(tmp_path_factory.mktemp("queued") / "lake")
    configs = tmp_path_factory.mktemp("queued_configs") / "configs"
    shutil.copytree(research.lake.root, lake.root)
    shutil.rmtree(lake.results_dir)  # of other tests, whatever has run before
    shutil.copytree(research.configs, configs)
    spec = configs / "experiments" / "small.yaml"
    spec.write_text(spec.read_text().replace(*QUEUED))
    run_experiment("small", lake, config_root=configs)
    return lake


def test_the_figures_of_every_row_are_those_of_its_trades(tried):
    store = ResultsStore(tried)
    dataset = Dataset.open(tried, store.runs()["dataset_id"][0])
    waits = {(b, side): w for b, side, w in dataset.fills.select("bin_seq", "side", "wait_bins").iter_rows()}
    filled = 0
    for row in store.rows().iter_rows(named=True):
        trades = store.trades(row["run_id"], row["threshold"])
        for part, prefix in (("choose", ""), ("confirm", "confirm_")):
            mine = trades.filter(pl.col("part") == part)
            done = mine.filter(pl.col("queue_pnl_ticks").is_not_null())
            assert mine.height == row[f"{prefix}n_signals"]
            assert done.height == row[f"{prefix}queue_filled"]
            if not done.height:
                continue
            filled += done.height
            assert done["queue_pnl_ticks"].mean() == pytest.approx(row[f"{prefix}queue_net_pnl_ticks"])
            sides = ["bid" if side == "buy" else "ask" for side in done["side"]]
            expected = [waits[at, side] for at, side in zip(done["event_bin"], sides, strict=True)]
            assert (done["queue_entry_bin"] - done["event_bin"]).to_list() == expected
            assert row[f"{prefix}queue_median_wait_ms"] == pytest.approx(100 * np.median(expected))
            missed = mine.filter(pl.col("queue_pnl_ticks").is_null())
            if missed.height:
                assert missed["cross_pnl_ticks"].mean() == pytest.approx(row[f"{prefix}queue_missed_pnl_ticks"])
    assert filled > 50


def test_the_verdict_is_on_what_was_filled(tried):
    best = compare(ResultsStore(tried), min_signals=0).row(0, named=True)
    assert json.loads(best["eval_json"])["fill_model"] == "queue"
    assert confirmed_net(best, EvalSpec(fill_model="queue"))[0] == best["confirm_queue_net_pnl_ticks"]
    assert best["confirmed_low"] < best["confirm_queue_net_pnl_ticks"] < best["confirmed_high"]
    page = report_html(gather(tried, best["run_id"]))
    assert f"Mean of {best['confirm_queue_filled']:,} trades under the fill model queue" in page
    for said in ("joined at the touch", "fill rate", "what was missed"):
        assert said in page


def test_an_earlier_dataset_is_refused_before_anything_is_computed(tmp_path, research):
    lake, configs = Lake(tmp_path / "lake"), tmp_path / "configs"
    shutil.copytree(research.lake.root, lake.root)
    shutil.copytree(research.configs, configs)
    directory = lake.dataset_dir(research.dataset_id)
    shutil.rmtree(lake.results_dir)
    make_earlier(directory)
    spec = configs / "experiments" / "small.yaml"
    spec.write_text(spec.read_text().replace(*QUEUED))
    with pytest.raises(ExperimentError, match="fill_model queue needs what became of passive orders, which dataset"):
        run_experiment("small", lake, config_root=configs)
    assert ResultsStore(lake).runs().is_empty()


def make_earlier(directory):
    """Make a dataset what an earlier version would have made."""
    manifest = json.loads((directory / "manifest.json").read_bytes())
    sums = json.loads((directory / "checksums.json").read_bytes())
    del manifest["passive"], sums["fills.parquet"]
    sums["manifest.json"] = hashlib.sha256(canonical_json(manifest)).hexdigest()
    (directory / "fills.parquet").unlink()
    for name, facts in (("manifest.json", manifest), ("checksums.json", sums)):
        (directory / name).unlink()
        (directory / name).write_bytes(canonical_json(facts))
