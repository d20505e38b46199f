"""The ledger: what was entered is found to be gone, whoever else entered what at the same time."""

import json
import random
import threading

import pytest
from support.runs import a_run

from vp_harness import ResultsStore
from vp_harness.errors import ResultsError
from vp_harness.lake.ledger import Ledger
from vp_harness.research.records import Correction, Retirement


def test_what_is_entered_is_read_by_everybody(tmp_path):
    ledger = Ledger(tmp_path / "ledger")
    assert (ledger.parts(), ledger.datasets(), ledger.missing(), list(ledger.check())) == (set(), set(), [], [])
    assert not (tmp_path / "ledger").exists()
    ledger.append_parts(["a/1", "a/2"])
    ledger.append_parts(["a/1"])
    ledger.append_dataset("d", {"bins.parquet": "0"})
    ledger.append_dataset("d", {"bins.parquet": "0"})
    ledger.append_dataset("d", {"bins.parquet": "1"})
    other = Ledger(tmp_path / "ledger")
    assert other.parts() == {"a/1", "a/2"}
    assert sorted(entry["bins.parquet"] for entry in other.recorded("d")) == ["0", "1"]
    assert other.recorded("e") == []
    assert len(list((tmp_path / "ledger").iterdir())) == 3


def test_any_entry_that_is_taken_out_is_missed_but_the_last(tmp_path):
    ledger = Ledger(tmp_path)
    names = []
    for number in range(6):
        ledger.append_parts([f"a/{number}"])
        names += [path.name for path in tmp_path.iterdir() if path.name not in names]
    for name in names[:-1]:
        data = (tmp_path / name).read_bytes()
        (tmp_path / name).unlink()
        assert Ledger(tmp_path).missing() == [f"{tmp_path.name}/{name}"]
        (tmp_path / name).write_bytes(data)
    assert Ledger(tmp_path).missing() == []


def test_entries_of_threads_hang_together(tmp_path):
    def enter(first):
        ledger = Ledger(tmp_path)
        for number in range(first, first + 10):
            ledger.append_parts([f"a/{number}"])

    threads = [threading.Thread(target=enter, args=(10 * n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    ledger = Ledger(tmp_path)
    assert ledger.parts() == {f"a/{n}" for n in range(40)}
    ledger.append_parts(["a/last"])
    named = {name for path in tmp_path.iterdir() for name in json.loads(path.read_bytes())["after"]}
    assert len(named) == len(list(tmp_path.iterdir())) - 1


@pytest.mark.parametrize("how", ["flip", "cut", "other"])
def test_a_damaged_entry_is_named(tmp_path, how):
    ledger = Ledger(tmp_path)
    ledger.append_parts(["a/1"])
    (path,) = tmp_path.iterdir()
    data = path.read_bytes()
    path.chmod(0o600)
    flipped = bytearray(data)
    flipped[random.Random(1).randrange(len(data))] ^= 1
    path.write_bytes({"flip": bytes(flipped), "cut": data[:-1], "other": b"{}"}[how])
    with pytest.raises(ResultsError, match=path.name):
        Ledger(tmp_path).parts()
    assert [name for name, problem in Ledger(tmp_path).check() if problem] == [f"{tmp_path.name}/{path.name}"]


# --- parts of the results ---


@pytest.fixture
def store(tmp_path):
    """Ten runs in five parts each of rows and meta, and p-values of all rows."""
    store = ResultsStore(tmp_path)
    for number in range(0, 10, 2):
        store.append([a_run(number), a_run(number + 1)])
    store.append_corrections(
        [
            Correction(run_id=a_run(n)[0].run_id, threshold=t, p_corrected=0.5, n_trials=20, draws=9, seed=1)
            for n in range(10)
            for t in (0.1, 0.2)
        ]
    )
    return store


def missing(root):
    return [name for name, _ in ResultsStore(root).missing()]


def test_a_whole_store_misses_nothing(store):
    assert missing(store.root) == []


def test_every_part_that_is_deleted_is_named(store):
    """Before, rows that had been deleted were rows that nobody had tried: 20 became 6, and nothing said so."""
    store.append_retirements([Retirement(run_id="a", reason="a bug", actor="me", created_utc="2026-02-06T00:00:00Z")])
    parts = [path for table in store._tables for path in sorted(table.directory.glob("*"))]
    assert len(parts) == 12
    for part in parts:
        data = part.read_bytes()
        part.unlink()
        assert f"{part.parent.name}/{part.name}" in missing(store.root)
        part.write_bytes(data)
    assert missing(store.root) == []


def test_without_a_ledger_the_tables_name_what_others_lack(store):
    for path in (store.root / "ledger").iterdir():
        path.unlink()
    rows = sorted((store.root / "runs.parquet").iterdir())
    rows[0].unlink()
    found = missing(store.root)
    assert len([name for name in found if name.startswith("the rows of run")]) == 2
    assert len([name for name in found if name.startswith("2 rows of run")]) == 2
    for path in sorted((store.root / "runs_meta.parquet").iterdir()):
        path.unlink()
    assert len(missing(store.root)) == 2


def test_parts_of_a_version_without_a_ledger_are_entered_by_the_next_append(store):
    for path in (store.root / "ledger").iterdir():
        path.unlink()
    ResultsStore(store.root).append([a_run(20)])
    assert len(Ledger(store.root / "ledger").parts()) == 13
    assert missing(store.root) == []


def test_a_directory_that_cannot_be_read_is_not_empty(store):
    table = store.root / "runs_meta.parquet"
    table.rename(store.root / "elsewhere")
    table.write_bytes(b"")
    for ask in (store.runs, store.rows, lambda: list(store.missing())):
        with pytest.raises(ResultsError, match=r"runs_meta\.parquet cannot be read"):
            ask()
    assert [name for name, problem in store.check_parts() if problem] == ["runs_meta.parquet"]
