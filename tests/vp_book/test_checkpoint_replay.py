"""Replays taken up at the end of their warm-up: the same bits, and no other checkpoint than their own is used."""

from __future__ import annotations

import gc
import itertools
import json
import logging
import os
import signal
import subprocess
import sys
import time
import weakref
from collections.abc import Iterable
from dataclasses import asdict
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.dbn_files import DAY, metadata, write_dbn
from support.real_session import real_session
from support.records import T0, nonsense, record, stream

from vp_book import BookEngine, DbnDamagedError, Instrument, ParameterError, Physics, Replay, open_dbn, replay
from vp_book.bins.positioned import SourceState
from vp_book.dbn.passes import ReadPosition

MS = 1_000_000
SECOND = 1000 * MS
INSTRUMENT = Instrument("TEST", "0.25")
SMALL: dict[str, Any] = {"cell_width_ms": 10, "grid_radius_ticks": 10, "n_absolute_ticks": 1024}


def signature(run: Iterable[Any]) -> list[tuple[object, ...]]:
    """Every bit that a replay's bins hold."""
    return [
        (
            repr(b.fields),
            *(column.tobytes() for column in b.cells.values()),
            b.pressure.tobytes(),
            b.vacuum.tobytes(),
            b.window_lo,
            b.shift_cells,
        )
        for b in run
    ]


def small_replay(path: Path, start_ns: int, checkpoint: Path | None, chunk: int = 50, **options: Any) -> Replay:
    source = open_dbn(path, symbol="TEST", chunk_records=chunk)
    return replay(source, INSTRUMENT, start_ns=start_ns, checkpoint=checkpoint, **{"warmup_s": 0.1, **SMALL, **options})


@pytest.fixture
def market(tmp_path: Path) -> Path:
    return write_dbn(tmp_path / "market.dbn.zst", nonsense(3, 400))


@settings(deadline=None, max_examples=30)
@given(
    seed=st.integers(0, 2**32),
    start_ms=st.integers(-50, 500),
    chunks=st.tuples(st.integers(1, 200), st.integers(1, 200)),
    suffix=st.sampled_from([".dbn", ".dbn.zst"]),
    product_type=st.sampled_from(["future_mbo", "equity_mbo"]),
)
def test_a_resumed_replay_is_one_that_was_never_stopped(
    tmp_path_factory: pytest.TempPathFactory,
    seed: int,
    start_ms: int,
    chunks: tuple[int, int],
    suffix: str,
    product_type: str,
) -> None:
    folder = tmp_path_factory.mktemp("resumed")
    records = nonsense(seed, 300)
    records["instrument_id"][np.random.default_rng(seed).random(300) < 0.2] = 99  # another instrument in between
    path = write_dbn(folder / f"market{suffix}", records)
    start, keep = T0 + start_ms * MS, folder / "keep.book"
    instrument = Instrument("TEST", "0.25", product_type=product_type)

    def run(chunk: int, checkpoint: Path | None) -> Replay:
        source = open_dbn(path, symbol="TEST", chunk_records=chunk)
        return replay(source, instrument, start_ns=start, warmup_s=0.1, checkpoint=checkpoint, **SMALL)

    plain, first = run(chunks[0], None), run(chunks[0], keep)
    expected = signature(plain)
    assert signature(first) == expected
    assert not first.resumed
    assert first.checkpoint_written == keep.exists()
    resumed = run(chunks[1], keep)
    assert signature(resumed) == expected
    assert resumed.resumed == keep.exists()
    assert not resumed.checkpoint_written
    assert resumed.certificate() == plain.certificate()
    for ours, theirs in zip(resumed.engine.arrays, plain.engine.arrays, strict=True):
        assert ours.tobytes() == theirs.tobytes()


def test_neither_is_a_record_repeated_nor_skipped_nor_its_reading_reported_twice(market: Path, tmp_path: Path) -> None:
    start, keep = T0 + 200 * MS, tmp_path / "keep.book"
    reports = []
    for _ in range(2):
        source = open_dbn(market, symbol="TEST", chunk_records=64)
        run = replay(source, INSTRUMENT, start_ns=start, checkpoint=keep, **SMALL)
        assert len(signature(run)) > 10
        assert run.certificate()["records"] == 400 - source.report.filtered
        reports.append(asdict(source.report))
    assert reports[0] == reports[1]
    assert reports[1]["records"] == 400


def test_symbols_that_only_the_stream_names_are_still_known(tmp_path: Path) -> None:
    mapping = np.zeros(176, np.uint8)
    mapping[0], mapping[1], mapping[4:8] = 44, 22, np.frombuffer((17077).to_bytes(4, "little"), np.uint8)
    mapping[17:21] = mapping[89:93] = np.frombuffer(b"TEST", np.uint8)
    records = nonsense(4, 300)
    path = tmp_path / "live.dbn"
    path.write_bytes(metadata(mapped=False, days=(DAY, date(2099, 1, 1))) + mapping.tobytes() + records.tobytes())
    keep = tmp_path / "keep.book"
    expected = signature(small_replay(path, T0 + 300 * MS, keep, chunk=20))
    again = small_replay(path, T0 + 300 * MS, keep, chunk=20)
    assert signature(again) == expected
    assert again.resumed


def test_reading_begins_where_the_warm_up_ended(market: Path, tmp_path: Path) -> None:
    keep = tmp_path / "keep.book"
    signature(small_replay(market, T0 + 300 * MS, keep))
    _, note = BookEngine.load_noted(keep)
    records = np.concatenate(list(open_dbn(market, symbol="TEST")))
    seen, first = note["next_record"], note["chunk_record"]
    assert 0 < first <= seen < len(records)
    assert first == note["position"]["records"] - note["position"]["filtered"]
    chunk = next(iter(open_dbn(market, symbol="TEST", chunk_records=1).read_from(note_position(note))))
    assert chunk[0] == records[first]


def note_position(note: dict[str, Any]) -> Any:
    return SourceState.from_note(note).position


def test_damage_behind_the_warm_up_is_the_same_error(tmp_path: Path) -> None:
    path = write_dbn(tmp_path / "cut.dbn", nonsense(3, 400))
    path.write_bytes(path.read_bytes()[:-10])
    keep, told = tmp_path / "keep.book", []
    for _ in range(2):
        with pytest.raises(DbnDamagedError) as caught:
            signature(small_replay(path, T0 + 200 * MS, keep))
        told.append((str(caught.value), caught.value.offset, caught.value.records))
    assert keep.exists()
    assert told[0] == told[1]
    assert told[0][2] == 399


def test_bins_begin_with_spot_in_the_middle_of_the_range(tmp_path: Path) -> None:
    """Overnight the market walked 60 cells away from its anchor, not far enough for the range to follow by itself."""
    night = [record("A", "B", 19_999, 5, order_id=1), record("A", "A", 20_001, 5, order_id=2)]
    for i in range(60):
        night.append(record("M", "A", 20_002 + i, 5, order_id=2, ts=2 * i * MS + MS))
        night.append(record("M", "B", 20_000 + i, 5, order_id=1, ts=2 * i * MS + 2 * MS))
    night.append(record("A", "B", 20_000, 1, order_id=3, ts=SECOND))
    path = write_dbn(tmp_path / "walk.dbn", stream(*night))
    keep = tmp_path / "keep.book"
    plain, kept, resumed = (
        signature(small_replay(path, T0 + SECOND // 2, where, n_absolute_ticks=1024)) for where in (None, keep, keep)
    )
    assert plain == kept == resumed
    assert plain[0][-2:] == (1024 // 2 - 10, 0)


@pytest.mark.parametrize(
    ("options", "differs"),
    [
        ({"physics": Physics(tau_velocity=1.0)}, "physics"),
        ({"n_absolute_ticks": 2048}, "n_absolute_ticks"),
        ({"grid_radius_ticks": 12}, "edge_margin_ticks"),
        ({"warmup_s": 0.2}, "warmup_ns"),
        ({"max_silence_s": 5}, "silences_allowed"),
        ({"event_ends": "time"}, "events_end_by_time"),
        ({"start_ns": T0 + 210 * MS}, "start_ns"),
        ({"instrument": Instrument("TEST", "0.25", bucket_size="0.50")}, "cell_int"),
        ({"instrument": Instrument("OTHER", "0.25")}, "symbol"),
        ({"instrument": Instrument("TEST", "0.25", product_type="equity_mbo")}, "product_type"),
    ],
)
def test_a_checkpoint_of_another_replay_is_not_used(
    market: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture, options: dict[str, Any], differs: str
) -> None:
    keep = tmp_path / "keep.book"
    given_options = {"instrument": INSTRUMENT, "start_ns": T0 + 200 * MS, "warmup_s": 0.1, **SMALL}
    signature(replay(open_dbn(market, symbol="TEST"), checkpoint=keep, **given_options))
    wanted = {**given_options, **options}
    expected = signature(replay(open_dbn(market, symbol="TEST"), **wanted))
    with caplog.at_level(logging.WARNING):
        run = replay(open_dbn(market, symbol="TEST"), checkpoint=keep, **wanted)
        assert signature(run) == expected
    assert not run.resumed
    assert run.checkpoint_written
    assert f"differs in {differs}" in caplog.text
    again = replay(open_dbn(market, symbol="TEST"), checkpoint=keep, **wanted)
    assert again.resumed
    assert signature(again) == expected


def test_a_changed_file_is_replayed_anew(market: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    keep = tmp_path / "keep.book"
    signature(small_replay(market, T0 + 200 * MS, keep))
    write_dbn(market, nonsense(8, 400))
    os.utime(market, ns=(0, 12345))
    expected = signature(small_replay(market, T0 + 200 * MS, None))
    run = small_replay(market, T0 + 200 * MS, keep)
    assert signature(run) == expected
    assert not run.resumed
    assert "differs in source" in caplog.text


def test_a_file_that_changes_while_it_is_replayed_leaves_no_checkpoint(
    market: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    keep = tmp_path / "keep.book"
    run = small_replay(market, T0 + 200 * MS, keep)
    os.utime(market, ns=(0, 12345))
    signature(run)
    assert not run.checkpoint_written
    assert not keep.exists()
    assert "changed while it was replayed" in caplog.text


@settings(deadline=None, max_examples=30)
@given(data=st.data())
def test_a_damaged_checkpoint_is_told_rebuilt_and_changes_nothing(
    data: st.DataObject, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("damaged")
    path, keep = write_dbn(folder / "m.dbn", nonsense(3, 300)), folder / "keep.book"
    expected = signature(small_replay(path, T0 + 200 * MS, keep))
    whole = keep.read_bytes()
    content = bytearray(whole)
    content[data.draw(st.integers(0, len(whole) - 1))] ^= data.draw(st.integers(1, 255))
    keep.write_bytes(content[: data.draw(st.one_of(st.just(len(whole)), st.integers(0, len(whole))))])
    run = small_replay(path, T0 + 200 * MS, keep)
    assert not run.resumed
    assert signature(run) == expected
    assert keep.read_bytes() == whole


@pytest.mark.parametrize("change", [{"position": None}, {"position": {}}, {"next_record": -1}, {"of": 3}, {"of": None}])
def test_an_engine_with_a_wrong_note_is_no_checkpoint_of_a_replay(
    market: Path, tmp_path: Path, change: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    keep = tmp_path / "keep.book"
    expected = signature(small_replay(market, T0 + 200 * MS, keep))
    engine, note = BookEngine.load_noted(keep)
    engine.save_checkpoint(keep, note={**note, **change})
    run = small_replay(market, T0 + 200 * MS, keep)
    assert signature(run) == expected
    assert not run.resumed
    assert "the warm-up is replayed" in caplog.text
    engine.save_checkpoint(keep)
    assert not small_replay(market, T0 + 200 * MS, keep).resumed


def test_a_position_behind_the_end_of_the_file_is_an_error_and_no_empty_book(tmp_path: Path) -> None:
    for name in ("m.dbn", "m.dbn.zst"):
        source = open_dbn(write_dbn(tmp_path / name, nonsense(3, 30)), symbol="TEST")
        next(iter(source))
        assert source.report.records
        behind = ReadPosition(file=0, byte_offset=10**6)
        with pytest.raises(DbnDamagedError, match="ends before byte 1000000"):
            next(iter(source.read_from(behind)))


def test_no_checkpoint_without_a_start_or_of_records_from_nowhere(market: Path, tmp_path: Path) -> None:
    with pytest.raises(ParameterError, match="needs a start_ns"):
        replay(open_dbn(market, symbol="TEST"), INSTRUMENT, checkpoint=tmp_path / "k")
    with pytest.raises(ParameterError, match="opened with open_dbn"):
        replay([nonsense(1, 5)], INSTRUMENT, start_ns=T0, checkpoint=tmp_path / "k")


# --- processes ---

REPLAY = """
import hashlib, sys, time
from vp_book import Instrument, open_dbn, replay
path, keep, start, go = sys.argv[1], sys.argv[2], int(sys.argv[3]), float(sys.argv[4])
source = open_dbn(path, symbol="TEST", chunk_records=50)
time.sleep(max(0.0, go - time.time()))
run = replay(source, Instrument("TEST", "0.25"), cell_width_ms=10, start_ns=start, warmup_s=0.1, checkpoint=keep)
digest = hashlib.sha256()
for b in run:
    digest.update(repr(b.fields).encode() + b.pressure.tobytes())
print(digest.hexdigest())
"""

SAVE = """
import sys
from pathlib import Path
from vp_book import BookEngine, Instrument
engine = BookEngine(Instrument("TEST", "0.25"))
engine.save_checkpoint(Path(sys.argv[1]) / "first.book")
print("saving", flush=True)
while True:
    engine.save_checkpoint(Path(sys.argv[1]) / "again.book")
"""


def test_two_processes_at_once_both_get_the_bins_and_one_file_stays(market: Path, tmp_path: Path) -> None:
    keep = tmp_path / "cache" / "keep.book"
    start = T0 + 200 * MS
    go = time.time() + 3
    command = [sys.executable, "-c", REPLAY, str(market), str(keep), str(start), str(go)]
    both = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    digests = {process.communicate(timeout=120)[0] for process in both}
    assert [process.returncode for process in both] == [0, 0]
    assert len(digests) == 1
    assert [path.name for path in keep.parent.iterdir()] == ["keep.book"]
    alone = subprocess.run(
        [*command[:4], str(tmp_path / "other.book"), str(start), "0"], capture_output=True, text=True, check=True
    )
    assert {alone.stdout} == digests
    assert (
        BookEngine.load_checkpoint(keep).order_count == BookEngine.load_checkpoint(tmp_path / "other.book").order_count
    )


@pytest.mark.skipif(sys.platform == "win32", reason="SIGKILL is a POSIX signal")
def test_a_writer_killed_at_any_moment_leaves_a_whole_file_or_none(tmp_path: Path) -> None:
    for moment in np.random.default_rng().random(3) * 0.05:
        process = subprocess.Popen([sys.executable, "-c", SAVE, str(tmp_path)], stdout=subprocess.PIPE, text=True)
        assert process.stdout is not None
        assert process.stdout.readline() == "saving\n"
        time.sleep(moment)
        process.send_signal(signal.SIGKILL)
        process.communicate()
        for path in tmp_path.glob("[!.]*.book"):  # not what the killed writer had not finished
            assert BookEngine.load_checkpoint(path).order_count == 0
    # and whatever it left beside stops nobody
    BookEngine(INSTRUMENT).save_checkpoint(tmp_path / "again.book")
    BookEngine.load_checkpoint(tmp_path / "again.book")


@pytest.mark.real_data
def test_the_real_session(tmp_path: Path) -> None:
    instrument, keep = Instrument("ESH4", "0.25"), tmp_path / "es.book"
    start = 1_703_545_200 * SECOND + int(timedelta(minutes=5).total_seconds()) * SECOND  # 18:05 New York
    options: dict[str, Any] = {"start_ns": start, "end_ns": start + 30 * SECOND, "warmup_s": 300}
    runs = [replay(open_dbn(real_session()), instrument, checkpoint=where, **options) for where in (None, keep)]
    expected = signature(runs[0])
    assert signature(runs[1]) == expected
    resumed = replay(open_dbn(real_session()), instrument, checkpoint=keep, **options)
    assert resumed.resumed
    assert resumed.engine.order_count > 5_000
    assert signature(resumed) == expected
    assert json.dumps(resumed.certificate()) == json.dumps(runs[0].certificate())


@pytest.mark.parametrize("kept", [False, True])
@pytest.mark.parametrize("bins", [0, 3])
def test_the_book_of_a_replay_that_nobody_holds_any_more_is_gone_at_once(
    market: Path, tmp_path: Path, kept: bool, bins: int
) -> None:
    """It is some 70 MB, and the collector of cycles may not come for minutes."""
    run = small_replay(market, T0 + 200 * MS, tmp_path / "keep.book" if kept else None)
    gc.collect()
    gc.disable()
    try:
        assert len(list(itertools.islice(run, bins))) == bins
        book = weakref.ref(run.engine)
        del run
        assert book() is None
    finally:
        gc.enable()
