"""The results store: what is appended is listed once, whole, and only undamaged."""

import subprocess
import sys
import time
from pathlib import Path

import msgspec
import polars as pl
import pytest
from support.runs import a_run

from vp_harness.errors import ResultsError, UnknownRunError
from vp_harness.lake.paths import Lake
from vp_harness.research import parts, results
from vp_harness.research.parts import PART, PartTable
from vp_harness.research.records import SEARCHES, Correction
from vp_harness.research.results import ResultsStore


def test_appended_runs_are_listed_with_their_rows(tmp_path):
    store = ResultsStore(tmp_path)
    assert store.runs().is_empty()
    assert store.rows().is_empty()
    store.append([a_run(1), a_run(2)])
    store.append([a_run(3)])
    assert sorted(store.runs()["run_id"]) == [f"{n:016x}" for n in (1, 2, 3)]
    assert store.rows().height == 6
    rows = store.rows([f"{2:016x}"])
    assert rows["threshold"].to_list() == [0.1, 0.2]
    assert rows["event_bins"].to_list() == [[1, 5], [1, 5]]
    assert store.run(f"{3:016x}") == a_run(3)[0]
    assert store.has_run(f"{3:016x}")


def test_both_names_are_parquet_datasets_for_any_reader(tmp_path):
    ResultsStore(tmp_path).append([a_run(1)])
    assert pl.read_parquet(tmp_path / "runs_meta.parquet").height == 1
    assert pl.read_parquet(tmp_path / "runs.parquet").height == 2


def test_a_run_appended_twice_is_listed_once(tmp_path):
    for experiment in ("first", "second"):
        ResultsStore(tmp_path).append([a_run(1, experiment)])
    ResultsStore(tmp_path).append([a_run(1), a_run(2)])
    store = ResultsStore(tmp_path)
    assert store.runs().height == 2
    assert store.rows().height == 4


@pytest.mark.parametrize("table", ["runs_meta.parquet", "runs.parquet"])
def test_half_a_run_is_not_listed(tmp_path, table):
    ResultsStore(tmp_path).append([a_run(1)])
    for part in (tmp_path / table).iterdir():
        part.unlink()
    store = ResultsStore(tmp_path)
    assert store.runs().is_empty()
    assert store.rows().is_empty()
    with pytest.raises(UnknownRunError, match="0000000000000001"):
        store.run(f"{1:016x}")
    store.append([a_run(1)])
    assert store.runs().height == 1


@pytest.mark.parametrize("table", ["runs_meta.parquet", "runs.parquet"])
def test_any_flipped_byte_is_named(tmp_path, table):
    ResultsStore(tmp_path).append([a_run(1)])
    (part,) = (tmp_path / table).iterdir()
    whole = part.read_bytes()
    part.chmod(0o600)
    for at in range(0, len(whole), 97):
        part.write_bytes(whole[:at] + bytes([whole[at] ^ 0x40]) + whole[at + 1 :])
        with pytest.raises(ResultsError, match=part.name):
            ResultsStore(tmp_path).rows()


def test_a_store_sees_what_others_append(tmp_path):
    mine, other = ResultsStore(tmp_path), ResultsStore(tmp_path)
    assert mine.runs().is_empty()
    other.append([a_run(1)])
    assert mine.runs().height == 1


def test_a_correction_that_counts_more_trials_wins(tmp_path):
    store = ResultsStore(tmp_path)
    for p, trials in ((0.4, 9), (0.2, 3)):
        store.append_corrections(
            [Correction(run_id="a", threshold=0.1, p_corrected=p, n_trials=trials, draws=99, seed=1)]
        )
    assert ResultsStore(tmp_path).corrections()["p_corrected"].to_list() == [0.4]


def test_columns_that_are_asked_for_are_those_of_the_whole(tmp_path):
    for number, experiment in ((1, "first"), (2, "second"), (1, "again"), (3, "third")):
        ResultsStore(tmp_path).append([a_run(number, experiment)])
    store = ResultsStore(tmp_path)
    store.append_corrections(
        [
            Correction(run_id=f"{n:016x}", threshold=0.1, p_corrected=0.1 * n, n_trials=n, draws=99, seed=1)
            for n in (1, 2, 3)
        ]
    )
    ids = [f"{n:016x}" for n in (3, 1, 9)]
    for columns in (("experiment",), ("run_id", "signal"), ("days_json", "run_id", "carry")):
        assert ResultsStore(tmp_path).runs(columns).equals(store.runs().select(columns))
        some = ResultsStore(tmp_path).runs(columns, pl.Series(ids))
        assert some.equals(store.runs().filter(pl.col("run_id").is_in(ids)).select(columns))
        assert some.height == 2
    for columns in (("threshold",), ("event_bins", "run_id"), ("n_signals", "confirm_n_up")):
        assert ResultsStore(tmp_path).rows(ids, columns).equals(store.rows(ids).select(columns))
        assert ResultsStore(tmp_path).rows(None, columns).equals(store.rows().select(columns))
    narrow = ResultsStore(tmp_path).corrections(("threshold", "run_id", "p_corrected"))
    assert narrow.sort("run_id").equals(store.corrections().select(narrow.columns).sort("run_id"))


def test_what_is_not_asked_for_is_not_read(tmp_path, monkeypatch):
    for number in range(4):
        ResultsStore(tmp_path).append([a_run(number)])
    read = []
    load = PartTable._load

    def recorded(table, name, columns=()):
        read.append((table.directory.name, name, set(columns)))
        return load(table, name, columns)

    monkeypatch.setattr(PartTable, "_load", recorded)
    store = ResultsStore(tmp_path)
    assert store.runs(("run_id",)).height == 4
    assert all(columns == {"run_id"} for _, _, columns in read)
    assert store.rows([f"{2:016x}"])["threshold"].to_list() == [0.1, 0.2]
    lists = {name for table, name, columns in read if table == "runs.parquet" and "event_bins" in columns}
    assert len(lists) == 1  # of four parts
    before = len(read)
    assert store.rows([f"{2:016x}"], ("event_bins",)).height == 2
    assert len(read) == before  # it is kept


def test_rows_come_in_the_order_of_their_runs_some_at_a_time(tmp_path):
    for number in (0, 1, 2, 3, 1):
        ResultsStore(tmp_path).append([a_run(number)] if number else [a_run(number), a_run(9)])
    store = ResultsStore(tmp_path)
    order = pl.Series([f"{n:016x}" for n in (3, 9, 1, 7, 0)])  # 7 is not stored; each of the others has two rows
    whole = store.rows().select("run_id", "threshold", "event_bins")

    def turns_of(ids, at_most):
        """Each turn as `rows` gives them: in order, and once."""
        columns = ("event_bins", "run_id", "threshold")
        for turn in store.rows_in_turn(ids, columns, at_most):
            parts = list(turn)
            assert all(tuple(part.columns) == columns for part in parts)
            keys = ["run_id", "threshold"]
            yield pl.concat(parts).unique(keys, keep="first", maintain_order=True).sort(keys).select(whole.columns)

    for at_most, heights in ((1, [2, 2, 2, 2]), (4, [4, 4]), (5, [4, 4]), (100, [8])):
        turns = list(turns_of(order, at_most))
        assert [some.height for some in turns] == heights
        for some in turns:
            assert some.equals(whole.filter(pl.col("run_id").is_in(some["run_id"].implode())))
    assert [some["run_id"][0] for some in turns_of(order, 1)] == [order[0], order[1], order[2], order[4]]
    assert list(turns_of(order[3:4], 1)) == []
    assert sum(part.height for part in next(store.rows_in_turn(order, ("event_bins",), 100))) >= 8


def test_what_is_read_once_is_not_kept(tmp_path):
    for number in range(3):
        ResultsStore(tmp_path).append([a_run(number)])
    table = ResultsStore(tmp_path)._rows
    whole = table.read()
    table = ResultsStore(tmp_path)._rows
    assert pl.concat(table.read_each()).equals(whole)
    assert (table._kept, table._kept_bytes) == ({}, 0)
    assert table.read().equals(whole)
    before = dict(table._kept)
    assert pl.concat(table.read_each(("run_id",))).equals(whole.select("run_id", PART))
    assert table._kept == before


def test_batches_come_one_by_one_and_one_that_went_is_missed(tmp_path):
    store = ResultsStore(tmp_path)
    empty: dict[str, list[object]] = {name: [] for name in ("best_choose", "best_confirm", "rows", "drawn")}
    rest = dict.fromkeys(set(SEARCHES) - set(empty) - {"batch", "market_json"}, 0)

    def batches(*names):
        frames = [{"batch": name, "market_json": "{}", **rest, **empty} for name in names]
        return pl.DataFrame(frames, schema=SEARCHES)

    store.append_searches(batches("a", "b"))
    store.append_searches(batches("c"))
    store.append_searches(batches("b", "d"))
    assert sorted(store.searches(("batch",))["batch"]) == ["a", "b", "c", "d"]
    assert store.searches(("end_draw", "seed")).columns == ["end_draw", "seed"]
    for asked in ("abcd", "bd", "c", ""):
        found = list(store.searched(pl.Series(list(asked), dtype=pl.String()), ("rows", "batch")))
        assert all((one.height, one.columns) == (1, ["rows", "batch"]) for one in found)
        assert sorted(one["batch"][0] for one in found) == list(asked)
    with pytest.raises(ResultsError, match=r"batch x of searches.parquet was there and is gone"):
        list(store.searched(pl.Series(["a", "x"]), ("rows",)))


def test_corrections_that_are_made_some_at_a_time_are_one_part(tmp_path, monkeypatch):
    monkeypatch.setattr(results, "_MADE_AT_ONCE", 2)
    made = [
        Correction(run_id=f"{n}", threshold=0.1 * n, p_corrected=0.1, n_trials=5, draws=9, seed=1, n_rows=5, sequence=7)
        for n in range(5)
    ]
    store = ResultsStore(tmp_path)
    assert store.last_sequence() == 0
    store.append_corrections(iter(made))
    store.append_corrections(iter(()))
    (part,) = (tmp_path / "corrections.parquet").iterdir()
    assert part.name.startswith("000007000000000005.")
    found = store.corrections().sort("run_id").to_dicts()
    assert found == [msgspec.to_builtins(one) for one in made]
    assert store.last_sequence() == 7


def test_what_is_kept_of_parts_is_bounded(tmp_path, monkeypatch):
    for number in range(6):
        ResultsStore(tmp_path).append([a_run(number)])
    whole = ResultsStore(tmp_path).rows()
    table = ResultsStore(tmp_path)._rows
    one = table.read(stems={table.read(("run_id",))[PART][0]}).estimated_size()
    monkeypatch.setattr(parts, "_KEPT_BYTES", 3 * one)
    store = ResultsStore(tmp_path)
    for _ in range(2):
        assert store.rows().equals(whole)
        assert store._rows._kept_bytes == sum(size for _, size in store._rows._kept.values()) <= 3 * one


def test_a_run_without_rows_is_refused(tmp_path):
    with pytest.raises(ResultsError, match="no rows"):
        ResultsStore(tmp_path).append([(a_run(1)[0], [])])


def test_processes_append_side_by_side(tmp_path):
    script = (
        "import sys; sys.path.insert(0, sys.argv[1])\n"
        "from support.runs import a_run; from vp_harness import ResultsStore\n"
        "for n in range(5): ResultsStore(sys.argv[2]).append([a_run(int(sys.argv[3]) * 3 + n)])"
    )
    here = str(Path(__file__).parents[1])
    other = subprocess.Popen([sys.executable, "-c", script, here, str(tmp_path), "1"])
    while other.poll() is None:
        for number in range(5):
            ResultsStore(tmp_path).append([a_run(number)])
        time.sleep(0.1)
    assert other.returncode == 0
    assert ResultsStore(Lake(tmp_path).root).runs().height == 8
