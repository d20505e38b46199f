"""Passive orders of a dataset: hand-made tables, every row against a plain queue, and datasets that have none."""

import hashlib
import json
import os
import shutil
from types import SimpleNamespace

import numpy as np
import polars as pl
import pytest
from support.packages import ROOT
from support.queue_oracle import QueueOracle
from support.real_session import real_session
from support.records import LAST, TICK

from vp_book import open_dbn
from vp_book.queue import FILLED_AT, FILLED_THROUGH, QueueFollower, QueueJoins
from vp_contract import load_instrument
from vp_harness import Dataset, DatasetDamagedError, FillsUnknownError, generate, import_file, run_experiment
from vp_harness.execution.configs import pipeline_config
from vp_harness.execution.pipeline import scored_bins
from vp_harness.execution.writer import without_marks
from vp_harness.lake.manifest import canonical_json
from vp_harness.passive.table import FILL_COLUMNS, fills_table, passive_fills


def joins(rows, n_bins):
    """`rows`: {(bin, side): (price in ticks, ahead, wait, how)}."""
    price, ahead = np.zeros((n_bins, 2), np.int64), np.zeros((n_bins, 2), np.int64)
    wait, how = np.full((n_bins, 2), -1, np.int32), np.zeros((n_bins, 2), np.int8)
    for at, (ticks, rests, waited, by) in rows.items():
        price[at], ahead[at], wait[at], how[at] = ticks * TICK, rests, waited, by
    return QueueJoins(price, ahead, wait, how)


def test_a_table_by_hand():
    """Bins of 500 ms; bid and ask of each in ticks, the highest bid and the lowest ask in it."""
    bid = [100, 100, 99, 99, 98, 98, 0, 101]
    ask = [101, 101, 100, 100, 99, 99, 0, 102]
    high = [100, 100, 100, 99, 99, 98, 0, 101]
    low = [101, 101, 101, 100, 99, 99, 0, 101]
    quotes = np.array([bid, ask, high, low], np.int64) * TICK
    valid = np.array(bid) > 0
    found = fills_table(
        joins(
            {
                (0, 0): (100, 7, 2, FILLED_AT),  # the mid goes from 100.5 (bin 1) to 98.5 (bin 4, a second later)
                (0, 1): (101, 3, -1, 0),  # the bid stands at 101 in bin 7
                (3, 0): (99, 5, -1, 0),  # the ask stands at 99 in bin 4
                (4, 1): (99, 5, 3, FILLED_THROUGH),  # bin 6 is not valid: the mid before is that of bin 5
            },
            8,
        ),
        quotes,
        valid,
        tick_int=TICK,
        cell_width_ms=500,
        max_wait_bins=240,
    )
    assert found.column_names == [column.name for column in FILL_COLUMNS]
    table = pl.DataFrame(pl.from_arrow(found))
    assert table.rows() == [
        (0, "bid", 100 * TICK, 7, 2, "at", None, -2.0, None),
        (0, "ask", 101 * TICK, 3, None, None, 7, None, None),
        (3, "bid", 99 * TICK, 5, None, None, 1, None, None),
        (4, "ask", 99 * TICK, 5, 3, "through", None, None, None),
    ]
    arrays = passive_fills(table, 240, 8)
    assert arrays.wait_bins[0].tolist() == [2, -2, -2, -1, -2, -2, -2, -2]
    assert arrays.wait_bins[1].tolist() == [-1, -2, -2, -2, 3, -2, -2, -2]
    assert arrays.price_int[1, 4] == 99 * TICK
    assert arrays.moves_ticks[0, 0, 0] == -2.0


def events_of(records):
    """The records in pieces, each with the one that ends an event."""
    ends = np.flatnonzero(records["flags"] & LAST) + 1
    return [piece for piece in np.split(records, ends) if len(piece)]


def plain_fills(records, dataset, every):
    """What a plain queue says of every `every`th bin: {(bin, side): (price_int, ahead, wait or None, how or None)}.

    The book is that of the queue itself; events belong to the bin in which they begin.
    """
    oracle = QueueOracle(TICK, dataset.fills_max_wait)
    width, (start, _) = dataset.config.cell_width_ms * 1_000_000, dataset.manifest["window_ns"]
    events, at = events_of(records), 0
    for bin_seq in range(-1, dataset.n_bins):
        end = start + (bin_seq + 1) * width
        while at < len(events) and int(events[at]["ts_recv"][0]) < end:
            for record in events[at]:
                oracle.apply(record)
            at += 1
        if bin_seq >= 0:
            bids = [tick for (side, tick), ids in oracle.queue.items() if ids and side == "B"]
            asks = [tick for (side, tick), ids in oracle.queue.items() if ids and side == "A"]
            bid, ask = max(bids, default=0), min(asks, default=0)
            oracle.close_bin(bid, ask, valid=bool(bids and asks and bid < ask), joins=bin_seq % every == 0)
    return {
        (join.bin, {"B": "bid", "A": "ask"}[join.side]): (
            join.tick * TICK,
            join.came_with,
            None if join.wait < 0 else join.wait,
            join.how or None,
        )
        for join in oracle.joins
    }


def assert_as_plain(dataset, raw, every, least):
    records = np.concatenate(list(open_dbn(raw)))
    stated = dataset.manifest["passive"]
    expected = plain_fills(records, SimpleNamespace(
        fills_max_wait=stated["max_wait_bins"], config=dataset.config, manifest=dataset.manifest, n_bins=dataset.n_bins
    ), every)  # fmt: skip
    rows = dataset.fills.filter(pl.col("bin_seq") % every == 0)
    found = {(bin_seq, side): tuple(rest[:4]) for bin_seq, side, *rest in rows.select(
        "bin_seq", "side", "price_int", "ahead", "wait_bins", "how").iter_rows()}  # fmt: skip
    assert found == expected
    assert sum(wait is not None for _, _, wait, _ in found.values()) > least


def test_the_orders_of_a_dataset_are_those_of_a_plain_queue(research):
    dataset = Dataset.open(research.lake, research.dataset_id)
    assert dataset.fills["bin_seq"].n_unique() == dataset.manifest["counts"]["valid_bins"]
    stated = dataset.manifest["passive"]
    assert (stated["orders"], stated["max_wait_bins"], stated["crowded"]) == (dataset.fills.height, 1200, 0)
    assert stated["filled"] == int(dataset.fills["wait_bins"].is_not_null().sum())
    assert_as_plain(dataset, research.raw, 1 if os.environ.get("VP_QUEUE_ALL") else 60, 40)


@pytest.mark.real_data
def test_the_orders_of_the_real_session_are_those_of_a_plain_queue(tmp_path):
    """A sample of four minutes around its open; with VP_QUEUE_ALL=1 both sides of every bin of 74 minutes."""
    whole = bool(os.environ.get("VP_QUEUE_ALL"))
    lock = load_instrument(ROOT / "configs" / "instruments" / "esh4.yaml")
    import_file(tmp_path, real_session(), lock)
    times = {"start_time": "17:45", "end_time": "18:59"} if whole else {"start_time": "17:59", "end_time": "18:02"}
    config = pipeline_config("esh4_reopen", ROOT / "configs", lock).replace(**times)
    dataset = Dataset.open(tmp_path, generate(config, tmp_path))
    assert_as_plain(dataset, real_session(), 1 if whole else 25, 50_000 if whole else 60)
    if whole:
        bins = dataset.bins.filter(pl.col("bin_end_ns") >= 1_703_545_205_000_000_000)["bin_seq"]
        judged = dataset.fills.filter(pl.col("bin_seq").is_between(bins[0], dataset.n_bins - 1201))
        waits = judged["wait_bins"].drop_nulls().to_numpy()
        assert 0.74 < len(waits) / judged.height < 0.77
        assert 140 <= np.median(waits) <= 165


def test_no_order_is_filled_after_one_that_came_later_to_its_level(research):
    fills = Dataset.open(research.lake, research.dataset_id).fills
    compared = 0
    for _, level in fills.group_by("side", "price_int"):
        bins, waits = level["bin_seq"].to_numpy(), level["wait_bins"].fill_null(10**6).to_numpy()
        for i in range(0, len(bins), 7):
            later = (bins > bins[i]) & (bins + waits <= bins[i] + 1200)  # before it would be given up
            assert (bins[i] + waits[i] <= (bins + waits)[later]).all()
            compared += int(later.sum())
    assert compared > 1_000


def test_a_replay_that_begins_at_a_checkpoint_follows_the_same_orders(own):
    config = pipeline_config("small", own.configs).replace(end_time="09:28")
    seen = []
    for cache in (None, own.lake.book_cache_dir, own.lake.book_cache_dir):
        queue = QueueFollower(config.tick_int, max_wait_bins=100)
        replay = scored_bins(config, own.raw, book_cache_dir=cache, queue=queue)
        assert sum(1 for _ in replay) == 600
        seen.append([array.tobytes() for array in queue.joins()])
    assert seen[0] == seen[1] == seen[2]
    assert (queue.joins().how > 0).sum() > 100


def edit(directory, **changes):
    """Change files of a dataset together with their checksums: {file name: bytes, or None to take it out}."""
    path = directory / "checksums.json"
    sums = json.loads(path.read_bytes())
    for name, data in changes.items():
        target = directory / name.replace("_", ".")
        sums.pop(target.name, None)
        target.unlink()
        if data is not None:
            target.write_bytes(data)
            sums[target.name] = hashlib.sha256(data).hexdigest()
    path.chmod(0o600)
    path.write_bytes(canonical_json(sums))


@pytest.fixture
def earlier(research, own):
    """A dataset as an earlier version made it, in a lake of its own."""
    shutil.copytree(research.lake.datasets_dir, own.lake.datasets_dir)
    directory = own.lake.dataset_dir(research.dataset_id)
    manifest = json.loads((directory / "manifest.json").read_bytes())
    del manifest["passive"]
    bins = without_marks(directory / "bins.parquet")
    edit(directory, fills_parquet=None, bins_parquet=bins, manifest_json=canonical_json(manifest))
    return own


def test_a_dataset_of_an_earlier_version_is_read_and_verified(earlier):
    dataset = Dataset.open(earlier.lake, earlier.dataset_id)
    assert sorted(dataset.verify()) == ["bins.parquet", "grid_clean.parquet", "manifest.json"]
    assert not dataset.has_fills
    with pytest.raises(FillsUnknownError, match=r"has no fills\.parquet.*generate it again"):
        _ = dataset.fills


def test_it_is_made_again_and_its_runs_stay(earlier):
    assert run_experiment("small", earlier.lake, config_root=earlier.configs).computed == 4
    shutil.rmtree(earlier.lake.dataset_dir(earlier.dataset_id))
    assert generate("small", earlier.lake, config_root=earlier.configs) == earlier.dataset_id
    assert Dataset.open(earlier.lake, earlier.dataset_id).has_fills
    assert run_experiment("small", earlier.lake, config_root=earlier.configs).computed == 0


def test_a_table_that_was_taken_out_or_put_in_is_damage(research, earlier, tmp_path):
    directory = earlier.lake.dataset_dir(earlier.dataset_id)
    source = research.lake.dataset_dir(research.dataset_id)
    sums = json.loads((directory / "checksums.json").read_bytes())
    shutil.copyfile(source / "fills.parquet", directory / "fills.parquet")
    with pytest.raises(DatasetDamagedError, match=r"fills\.parquet does not belong to the dataset"):
        Dataset.open(earlier.lake, earlier.dataset_id).verify()
    there = json.loads((source / "checksums.json").read_bytes())
    (directory / "checksums.json").write_bytes(canonical_json({**sums, "fills.parquet": there["fills.parquet"]}))
    with pytest.raises(DatasetDamagedError, match=r"of fills\.parquet it says something else than manifest\.json"):
        Dataset.open(earlier.lake, earlier.dataset_id)


def test_what_is_ahead_is_the_size_of_the_touch(research):
    dataset = Dataset.open(research.lake, research.dataset_id)
    first = dataset.fills.join(dataset.bins, on="bin_seq")
    bids = first.filter(pl.col("side") == "bid")
    assert (bids["ahead"] == bids["best_bid_size"]).all()
    assert (bids["price_int"] == bids["best_bid_price_int"]).all()
    asks = first.filter(pl.col("side") == "ask")
    assert (asks["ahead"] == asks["best_ask_size"]).all()
