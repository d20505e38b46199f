"""A session over several daily files is that of one file with the same records, to the bit."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.bin_oracle import oracle_bins
from support.book_oracle import OracleBook
from support.dbn_files import DAY, head_snapshot, metadata, write_dbn
from support.records import T0, nonsense

from vp_book import DbnError, Instrument, ParameterError, Replay, SymbolError, open_dbn, replay
from vp_book.synthetic import MarketFile, write_session

MS = 1_000_000
SECOND = 1000 * MS
DAY_NS = 86_400 * SECOND
MIDNIGHT = (T0 // DAY_NS + 1) * DAY_NS
INSTRUMENT = Instrument("TEST", "0.25")
SMALL: dict[str, Any] = {"cell_width_ms": 10, "grid_radius_ticks": 10, "n_absolute_ticks": 1024}


def signature(run: Replay) -> list[tuple[object, ...]]:
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


def told(run: Replay) -> dict[str, Any]:
    """A certificate but for what says how many files there were."""
    certificate = run.certificate()
    coverage = {k: v for k, v in certificate["coverage"].items() if k != "files"}
    rest = {k: v for k, v in certificate.items() if k not in ("seams", "reading", "coverage")}
    return json.loads(json.dumps({**rest, "coverage": coverage}))


@dataclass
class Days:
    """A session of nonsense around midnight UTC, in one file and in two."""

    one: Path
    two: list[Path]
    book: OracleBook


def days(folder: Path, seed: int, cut: int, *, clear: bool = True, last: bool = True, change: str = "") -> Days:
    records = nonsense(seed, 300)
    records["ts_recv"][records["ts_recv"] >= 2**62] = T0 + 200 * MS
    records["ts_recv"] += MIDNIGHT - T0 - 200 * MS
    records["ts_recv"][:cut] = np.minimum(records["ts_recv"][:cut], MIDNIGHT - 1)
    records["ts_recv"][cut:] = np.maximum(records["ts_recv"][cut:], MIDNIGHT)
    records["ts_event"] = records["ts_recv"]
    records["flags"] &= 255 - 32 - 64
    begin, end = MIDNIGHT - 3600 * SECOND, MIDNIGHT + 3600 * SECOND
    book = OracleBook()
    for r in records[:cut]:
        book.apply(r)
    snapshot = head_snapshot(book, MIDNIGHT, clear=clear, last=last)
    if change == "missing":
        snapshot = np.delete(snapshot, int(clear))
    elif change == "different":
        snapshot["size"][int(clear)] += 1
    elif change == "extra":
        snapshot["order_id"][int(clear)] = 999_999
    dates = (DAY, DAY + timedelta(days=2))
    body = np.concatenate([snapshot, records[cut:]])
    return Days(
        one=write_dbn(folder / "one.dbn", records, metadata(start=begin, end=end, days=dates)),
        two=[
            write_dbn(folder / "a.dbn", records[:cut], metadata(start=begin, end=MIDNIGHT, days=dates)),
            write_dbn(folder / "b.dbn.zst", body, metadata(start=MIDNIGHT, end=end, days=dates)),
        ],
        book=book,
    )


@settings(deadline=None, max_examples=25)
@given(
    seed=st.integers(0, 2**32),
    cut=st.integers(1, 299),
    clear=st.booleans(),
    last=st.booleans(),
    change=st.sampled_from(["", "", "missing", "different", "extra"]),
    start_ms=st.sampled_from([None, -150, -20, 0, 0, 10, 90]),
    chunks=st.tuples(st.integers(1, 200), st.integers(1, 200)),
)
def test_two_files_are_one(
    tmp_path_factory: pytest.TempPathFactory,
    seed: int,
    cut: int,
    clear: bool,
    last: bool,
    change: str,
    start_ms: int | None,
    chunks: tuple[int, int],
) -> None:
    folder = tmp_path_factory.mktemp("seam")
    made = days(folder, seed, cut, clear=clear, last=last)
    changed = change and len(made.book.orders) > 1
    if changed:
        made = days(folder, seed, cut, clear=clear, last=last, change=change)
    start, keep = None if start_ms is None else MIDNIGHT + start_ms * MS, folder / "keep.book"
    end = MIDNIGHT + 300 * MS

    def run(source: object, chunk: int, checkpoint: Path | None = None) -> Replay:
        opened = open_dbn(source, symbol="TEST", chunk_records=chunk)  # type: ignore[arg-type]
        options = {"start_ns": start, "end_ns": end, "warmup_s": 0.1, **SMALL}
        return replay(opened, INSTRUMENT, checkpoint=checkpoint, **options)

    split = run(made.two, chunks[0])
    expected = signature(split)
    if not changed:
        one = run(made.one, 262_144)
        assert signature(one) == expected
        assert told(one) == told(split)
    seams = split.certificate()["seams"]
    for seam in seams:
        differences = {name: seam[name] for name in ("missing", "extra", "different")}
        wanted = {
            "": {"missing": 0, "extra": 0, "different": 0},
            "missing": {"missing": 1, "extra": 0, "different": 0},
            "different": {"missing": 0, "extra": 0, "different": 1},
            "extra": {"missing": 1, "extra": 1, "different": 0},
        }
        assert differences == wanted[change if changed else ""]
        assert seam["ts_ns"] == MIDNIGHT
    again = run(made.two, chunks[1])
    assert signature(again) == expected
    assert again.certificate() == split.certificate()
    if start is not None:
        first = run(made.two, chunks[0], keep)
        assert signature(first) == expected
        assert first.certificate() == split.certificate()
        resumed = run(made.two, chunks[1], keep)
        assert resumed.resumed == keep.exists()
        assert signature(resumed) == expected
        assert resumed.certificate() == split.certificate()


def test_a_snapshot_that_differs_is_told_and_becomes_the_book(tmp_path: Path) -> None:
    for number, change in enumerate(("missing", "different", "extra")):
        for clear in (True, False):
            folder = tmp_path / f"{number}{clear}"
            folder.mkdir()
            made = days(folder, 3, 150, clear=clear, change=change)
            run = replay(open_dbn(made.two), INSTRUMENT, cell_width_ms=600_000)
            assert list(run)
            certificate = run.certificate()
            assert not certificate["ok"]
            assert any(
                "the snapshot at 2026-02-03T00:00:00Z differs from the book" in r for r in certificate["reasons"]
            )
            book = OracleBook()
            for chunk in open_dbn(made.two[1]):  # whatever was before: the book is what the second file alone says
                for r in chunk:
                    book.apply(r)
            assert run.engine.levels("bid")[1].tolist() == [size for _, size in book.levels("B")]
            assert run.engine.levels("ask")[1].tolist() == [size for _, size in book.levels("A")]
            assert run.engine.order_count == len(book.orders)


def test_the_first_file_without_a_record_leaves_an_opening_snapshot(tmp_path: Path) -> None:
    made = days(tmp_path, 5, 150)
    empty = write_dbn(tmp_path / "quiet.dbn", nonsense(1, 0), metadata(start=MIDNIGHT - 3600 * SECOND, end=MIDNIGHT))
    end = MIDNIGHT + SECOND
    run = replay(open_dbn([empty, made.two[1]]), INSTRUMENT, end_ns=end, **SMALL)
    alone = replay(open_dbn(made.two[1]), INSTRUMENT, end_ns=end, **SMALL)
    assert signature(run) == signature(alone)
    assert run.certificate()["seams"] == []


def test_the_book_of_a_stock_is_not_followed_at_midnight_and_is_what_the_snapshot_says(tmp_path: Path) -> None:
    made = days(tmp_path, 5, 150)
    instrument = Instrument("TEST", "0.25", product_type="equity_mbo")
    run = replay(open_dbn(made.two), instrument, cell_width_ms=600_000)
    list(run)
    clears = int((np.concatenate(list(open_dbn(made.two[1])))["action"][len(made.book.orders) + 1 :] == b"R").sum())
    assert run.engine.order_count == (0 if clears else len(made.book.orders))
    assert run.certificate()["seams"] == []


def test_a_quiet_day_in_between_holds_its_snapshot_only(tmp_path: Path) -> None:
    made = days(tmp_path, 5, 150)
    first, _ = made.two
    later = MIDNIGHT + DAY_NS
    dates = (DAY, DAY + timedelta(days=4))
    quiet = head_snapshot(made.book, MIDNIGHT)
    third = nonsense(8, 50)
    third["ts_recv"] = third["ts_event"] = later + SECOND + np.arange(50)
    third["flags"] &= 255 - 32 - 64
    files = [
        first,
        write_dbn(tmp_path / "q.dbn", quiet, metadata(start=MIDNIGHT, end=later, days=dates)),
        write_dbn(
            tmp_path / "t.dbn",
            np.concatenate([head_snapshot(made.book, later), third]),
            metadata(start=later, end=later + DAY_NS, days=dates),
        ),
    ]
    run = replay(
        open_dbn(files), INSTRUMENT, cell_width_ms=60_000, end_ns=later + 120 * SECOND, max_silence_s=2 * 86_400
    )
    assert list(run)
    assert [(s["ts_ns"], s["missing"], s["extra"], s["different"]) for s in run.certificate()["seams"]] == [
        (MIDNIGHT, 0, 0, 0),
        (later, 0, 0, 0),
    ]


@pytest.fixture(scope="module")
def evening(tmp_path_factory: pytest.TempPathFactory) -> tuple[list[MarketFile], MarketFile]:
    """18:00 to 20:30 New York, in two files and in one."""
    folder = tmp_path_factory.mktemp("evening")
    arguments: dict[str, Any] = {"seed": 4, "date": "2026-02-05", "start": "18:00", "end": "20:30"}
    (one,) = write_session(folder / "one", cut=False, **arguments)
    return write_session(folder, **arguments), one


def test_an_evening_over_two_files_is_that_of_one(evening: tuple[list[MarketFile], MarketFile], tmp_path: Path) -> None:
    two, one = evening
    instrument = Instrument("SYNM6", "0.25")
    start = one.start_ns + 35 * 60 * SECOND  # 18:35; the seam is at 19:00
    options: dict[str, Any] = {"cell_width_ms": 1000, "n_absolute_ticks": 2048, "start_ns": start, "end_ns": one.end_ns}
    plain = replay(open_dbn(one), instrument, **options)
    expected = signature(plain)
    assert len(expected) == 115 * 60
    keep = tmp_path / "evening.book"
    for checkpoint, chunk in ((None, 262_144), (keep, 262_144), (keep, 50_001)):
        run = replay(open_dbn(two, chunk_records=chunk), instrument, checkpoint=checkpoint, **options)
        assert run.resumed == (chunk == 50_001)
        assert signature(run) == expected
        assert told(run) == told(plain)
        (seam,) = run.certificate()["seams"]
        assert seam["orders"] > 5_000
        assert (seam["missing"], seam["extra"], seam["different"]) == (0, 0, 0)
    assert plain.certificate()["ok"]
    assert plain.certificate()["coverage"]["warm_up_covered_s"] == 1800.0


def test_the_plain_oracle_over_the_seam(tmp_path: Path) -> None:
    arguments: dict[str, Any] = {"seed": 6, "start": "18:59", "minutes": 2}
    (one,) = write_session(tmp_path / "one", cut=False, **arguments)
    two = write_session(tmp_path, **arguments)
    records = np.concatenate(list(open_dbn(one)))
    start, end = one.start_ns + 20 * SECOND, one.end_ns
    run = replay(open_dbn(two), Instrument("SYNM6", "0.25"), start_ns=start, end_ns=end)
    oracle = OracleBook()
    n = 0
    for got, expected in zip(run, oracle_bins(records, oracle, start, 100 * MS, end), strict=True):
        assert {name: got.fields[name] for name in expected} == expected
        n += 1
    assert n == 1000
    assert len(run.certificate()["seams"]) == 1


# --- what is no session ---


def day_file(folder: Path, name: str, begin: int, end: int | None, **options: Any) -> Path:
    records = nonsense(1, 5, wild=0)
    records["ts_recv"] = records["ts_event"] = begin + SECOND + np.arange(5)
    days_ = (DAY - timedelta(days=3), DAY + timedelta(days=9))
    return write_dbn(folder / name, records, metadata(start=begin, end=end, days=days_, **options))


def test_files_that_are_no_session(tmp_path: Path) -> None:
    first = day_file(tmp_path, "a.dbn", MIDNIGHT - DAY_NS, MIDNIGHT)
    second = day_file(tmp_path, "b.dbn", MIDNIGHT, MIDNIGHT + DAY_NS)
    fourth = day_file(tmp_path, "d.dbn", MIDNIGHT + 2 * DAY_NS, MIDNIGHT + 3 * DAY_NS)
    late = day_file(tmp_path, "late.dbn", MIDNIGHT + 3600 * SECOND, MIDNIGHT + DAY_NS)
    open_dbn([first, second])
    with pytest.raises(DbnError, match=r"a\.dbn begins at 2026-02-02T00:00:00Z, before .*b\.dbn at 2026-02-03T00"):
        open_dbn([second, first])
    with pytest.raises(DbnError, match=r"the UTC day 2026-02-04 is missing: .*b\.dbn ends at 2026-02-04T00:00:00Z"):
        open_dbn([first, second, fourth])
    with pytest.raises(DbnError, match="the UTC day 2026-02-03 to 2026-02-04 is missing"):
        open_dbn([first, fourth])
    with pytest.raises(DbnError, match=r"a\.dbn reaches to 2026-02-03T00:00:00Z and .*a\.dbn begins at 2026-02-02T00"):
        open_dbn([first, first])
    with pytest.raises(DbnError, match="nothing covers 2026-02-03T00:00:00Z to 2026-02-03T01:00:00Z"):
        open_dbn([first, late])
    with pytest.raises(ParameterError, match=r"path=\[\]: must name at least one file"):
        open_dbn([])
    for path in (5, None, [first, 7], b"a.dbn", [[first]]):
        with pytest.raises(ParameterError, match=r"path=.*: must be a path, or a list of paths in order of time"):
            open_dbn(path)  # type: ignore[arg-type]


def test_where_the_metadata_does_not_say_the_records_do(tmp_path: Path) -> None:
    first = day_file(tmp_path, "a.dbn", MIDNIGHT - 3600 * SECOND, None)
    second = day_file(tmp_path, "b.dbn", MIDNIGHT, None)
    fourth = day_file(tmp_path, "d.dbn", MIDNIGHT + 2 * DAY_NS, None)
    overlapping = day_file(tmp_path, "o.dbn", MIDNIGHT - 3600 * SECOND, None)
    assert sum(map(len, open_dbn([first, second]))) == 10
    with pytest.raises(DbnError, match="the UTC day 2026-02-03 to 2026-02-04 is missing"):
        list(open_dbn([first, fourth]))
    with pytest.raises(DbnError, match="may not overlap"):
        list(open_dbn([first, overlapping]))


def test_every_file_has_the_symbol(tmp_path: Path) -> None:
    first = day_file(tmp_path, "a.dbn", MIDNIGHT - DAY_NS, MIDNIGHT)
    other = day_file(tmp_path, "b.dbn", MIDNIGHT, MIDNIGHT + DAY_NS, symbols={"OTHER": 17077})
    with pytest.raises(SymbolError, match="choose a symbol; the file has OTHER, TEST"):
        open_dbn([first, other])
    with pytest.raises(SymbolError, match=r"b\.dbn: symbol TEST is not in the file; it has OTHER"):
        open_dbn([first, other], symbol="TEST")


def test_the_state_of_every_file_is_of_the_checkpoint(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    made = days(tmp_path, 3, 150)
    keep = tmp_path / "keep.book"
    options = {"start_ns": MIDNIGHT + 50 * MS, "end_ns": MIDNIGHT + 90 * MS, "warmup_s": 0.1, **SMALL}
    signature(replay(open_dbn(made.two), INSTRUMENT, checkpoint=keep, **options))
    assert replay(open_dbn(made.two), INSTRUMENT, checkpoint=keep, **options).resumed
    made.two[1].touch()
    assert not replay(open_dbn(made.two), INSTRUMENT, checkpoint=keep, **options).resumed
    assert "differs in source" in caplog.text
