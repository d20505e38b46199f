"""What each kind of stored thing is after one operation of its publication failed."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from support.failing_os import Crash, attempt, calls_of
from support.records import nonsense
from support.runs import a_run
from support.small_lake import import_market, write_configs, write_small_market

from vp_book import BookEngine, CheckpointError, Instrument
from vp_contract import Frame
from vp_harness import Dataset, Lake, ResultsStore, generate, list_datasets
from vp_stream import LogDamagedError
from vp_stream.frames.logfile import LogKey, LogWriter, read_frames

FAILURES = ("EIO", "ENOSPC", "crash")
KEY = LogKey("srv_demo_aaaa0000_bbbb1111", "c0ffee", "0" * 64, {"vp_book": "1"}, "1.0")
A, B = a_run(1)[0].run_id, a_run(2)[0].run_id
FRAMES = [Frame(b'{"bin_seq":%d}' % i, bytes([i]) * 50) for i in range(40)]


def each_call(action: Callable[[], object]) -> list[int]:
    """The first and the last call of every name: what differs between two calls of a name is the file."""
    calls = calls_of(action)
    return sorted({calls.index(name) for name in calls} | {len(calls) - 1 - calls[::-1].index(name) for name in calls})


@pytest.mark.parametrize("failure", FAILURES)
def test_a_checkpoint(tmp_path: Path, failure: str) -> None:
    old, new = (
        BookEngine(Instrument("SYNM6", tick_size="0.25"), n_absolute_ticks=256, edge_margin_ticks=30) for _ in range(2)
    )
    new.apply(nonsense(5, 200))
    path = tmp_path / "it.book"
    for at in each_call(lambda: new.save_checkpoint(path)):
        old.save_checkpoint(path)
        attempt(lambda: new.save_checkpoint(path), at, failure)
        try:
            seen = BookEngine.load_checkpoint(path)
        except CheckpointError as error:
            pytest.fail(f"call {at}: {error}")
        assert seen.certificate()["records"] in (0, 200)
    new.save_checkpoint(path)
    assert BookEngine.load_checkpoint(path).certificate()["records"] == 200


@pytest.mark.parametrize("failure", FAILURES)
def test_a_frame_log(tmp_path: Path, failure: str) -> None:
    path = tmp_path / KEY.file_name

    def write() -> None:
        writer = LogWriter(path, KEY)
        try:
            for start in range(0, 40, 16):
                writer.write_block(FRAMES[start : start + 16])
            writer.finish(40)
        finally:
            writer.abandon()

    for at in each_call(write):
        path.unlink(missing_ok=True)
        attempt(write, at, failure)
        try:
            assert list(read_frames(path, KEY)) == FRAMES
        except FileNotFoundError:
            pass
        except LogDamagedError as error:
            pytest.fail(f"call {at}: {error}")
    write()
    assert list(read_frames(path, KEY)) == FRAMES


@pytest.mark.parametrize("failure", FAILURES)
def test_results(tmp_path: Path, failure: str) -> None:
    for at in each_call(lambda: ResultsStore(tmp_path / "count").append([a_run(1)])):
        store = ResultsStore(tmp_path / f"{at}")
        store.append([a_run(2)])
        attempt(lambda store=store: store.append([a_run(1)]), at, failure)  # type: ignore[misc]
        seen = ResultsStore(tmp_path / f"{at}")
        assert set(seen.runs()["run_id"]) in ({B}, {A, B})
        assert len(seen.rows()) == 2 * len(seen.runs())
        seen.append([a_run(1)])
        assert set(ResultsStore(tmp_path / f"{at}").rows()["run_id"]) == {A, B}
        assert not [problem for _, problem in seen.check_parts() if problem]


@pytest.mark.parametrize("failure", FAILURES)
def test_raw_files_and_datasets(tmp_path: Path, failure: str) -> None:
    configs = write_configs(tmp_path / "configs")
    spec = configs / "pipelines" / "small.yaml"
    spec.write_text(spec.read_text().replace("09:30", "09:28"))
    market = write_small_market(tmp_path / "market.dbn.zst")
    clean = Lake(tmp_path / "clean")

    def bring(lake: Lake) -> None:
        import_market(lake, configs, market)

    for at in each_call(lambda: bring(clean)):
        lake = Lake(tmp_path / f"raw{at}")
        attempt(lambda lake=lake: bring(lake), at, failure)  # type: ignore[misc]
        bring(lake)
        raw = [path for path in (lake.root / "raw").rglob("*.zst") if path.name[0] != "."]
        assert [path.read_bytes() for path in raw] == [market.read_bytes()]

    warm = generate("small", clean, config_root=configs)  # the checkpoint is there from now on
    digests = Dataset.open(clean, warm).verify()
    shutil.rmtree(clean.datasets_dir)
    for at in each_call(lambda: generate("small", clean, config_root=configs)):
        shutil.rmtree(clean.datasets_dir)
        error = attempt(lambda: generate("small", clean, config_root=configs), at, failure)
        assert error is None or isinstance(error, Crash) or error.filename, at
        for dataset_id in list_datasets(clean):
            Dataset.open(clean, dataset_id).verify()
        assert generate("small", clean, config_root=configs) == warm
        again = Dataset.open(clean, warm).verify()
        assert {name: again[name] for name in again if name.endswith("parquet")} == {
            name: digests[name] for name in digests if name.endswith("parquet")
        }
