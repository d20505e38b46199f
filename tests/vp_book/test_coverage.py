"""What a source knows of the market, and that no replay says more: coverage, silences, jumps, damage."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import databento_dbn
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.book_oracle import OracleBook
from support.dbn_files import DAY, head_snapshot, metadata, read_all, write_dbn
from support.real_session import real_session
from support.records import SNAPSHOT, T0, nonsense, record, stream

from vp_book import DbnDamagedError, Instrument, ParameterError, Replay, VpBookError, open_dbn, replay, synthetic

MS = 1_000_000
SECOND = 1000 * MS
DAY_NS = 86_400 * SECOND
INSTRUMENT = Instrument("TEST", "0.25")
SMALL: dict[str, Any] = {"grid_radius_ticks": 10, "n_absolute_ticks": 1024}


def quotes(*times_ms: int) -> np.ndarray:
    """A two-sided book at T0, and a bid behind the best one at each of these times."""
    rows = [record("A", "B", 19_999, 5, order_id=1, flags=0), record("A", "A", 20_001, 5, order_id=2)]
    rows += [record("A", "B", 19_990, 1, order_id=10 + i, ts=ms * MS) for i, ms in enumerate(times_ms)]
    return stream(*rows)


def filed(folder: Path, records: np.ndarray, name: str = "m.dbn", **options: Any) -> Path:
    return write_dbn(folder / name, records, metadata(**options))


def bins(run: Replay) -> list[dict[str, Any]]:
    return [b.fields for b in run]


# --- no bin beyond what is known ---


def test_a_capture_longer_than_its_data_ends_with_them(tmp_path: Path) -> None:
    market = synthetic.write_market(tmp_path / "m.dbn", seed=1, minutes=2)
    end = market.start_ns + 600 * SECOND
    run = replay(open_dbn(market), Instrument("SYNM6", "0.25"), start_ns=market.start_ns, end_ns=end)
    assert len(bins(run)) == 1200
    certificate = run.certificate()
    assert not certificate["ok"]
    assert certificate["reasons"][-1] == (
        "the source ends at 2026-02-06T14:27:00Z, bins were wanted up to 2026-02-06T14:35:00Z"
    )
    assert certificate["coverage"]["end_ns"] == market.end_ns
    whole = replay(open_dbn(market), Instrument("SYNM6", "0.25"), start_ns=market.start_ns, end_ns=market.end_ns)
    assert len(bins(whole)) == 1200
    assert whole.certificate()["ok"]
    assert whole.certificate()["reasons"] == []


def test_the_metadata_says_how_far_a_quiet_market_is_known(tmp_path: Path) -> None:
    path = filed(tmp_path, quotes(150, 320), start=T0, end=T0 + 1050 * MS)
    source = open_dbn(path)
    assert source.covered_ns == (T0, T0 + 1050 * MS)
    assert (source.files[0].path, source.files[0].start_ns, source.files[0].end_ns) == (path, T0, T0 + 1050 * MS)
    run = replay(source, INSTRUMENT, **SMALL)
    assert len(bins(run)) == 10  # whole ones
    coverage = run.certificate()["coverage"]
    assert coverage["silence_at_end_ns"] == 730 * MS
    assert coverage["longest_silence"] == {"start_ns": T0 + 150 * MS, "end_ns": T0 + 320 * MS}
    assert coverage["files"] == [{"name": "m.dbn", "start_ns": T0, "end_ns": T0 + 1050 * MS}]


def test_without_an_end_in_the_metadata_the_bin_of_the_last_record_is_the_last(tmp_path: Path) -> None:
    source = open_dbn(filed(tmp_path, quotes(150, 320), start=T0))
    run = replay(source, INSTRUMENT, end_ns=T0 + DAY_NS, **SMALL)
    assert len(bins(run)) == 4
    assert source.covered_ns == (T0, T0 + 320 * MS + 1)
    assert run.certificate()["coverage"]["end_ns"] == T0 + 320 * MS + 1


def test_records_beyond_the_claimed_end_make_no_bins_there(tmp_path: Path) -> None:
    run = replay(open_dbn(filed(tmp_path, quotes(150, 900), start=T0, end=T0 + 400 * MS)), INSTRUMENT, **SMALL)
    assert len(bins(run)) == 4


def test_a_start_before_the_coverage_is_refused_with_both_times(tmp_path: Path) -> None:
    source = open_dbn(filed(tmp_path, quotes(150), start=T0, end=T0 + SECOND))
    with pytest.raises(
        ParameterError, match=rf"start_ns={T0 - 1} .*: is before what .*m\.dbn covers, which begins at {T0}"
    ):
        replay(source, INSTRUMENT, start_ns=T0 - 1)
    message = r"start_ns=.*2026-02-02T02:39:59Z\): is before the first record at 2026-02-02T02:40:00Z"
    with pytest.raises(ParameterError, match=message):
        next(replay([quotes(150)], INSTRUMENT, start_ns=T0 - SECOND))
    assert len(bins(replay([quotes(150)], INSTRUMENT, start_ns=T0 - 50 * MS, **SMALL))) == 3


def test_the_certificate_says_how_much_of_the_warm_up_was_covered(tmp_path: Path) -> None:
    path = filed(tmp_path, quotes(*range(100, 5000, 100)), start=T0 - SECOND, end=T0 + 5 * SECOND)
    for warmup, covered in ((2, 2.0), (4, 4.0), (1800, 4.0)):
        run = replay(open_dbn(path), INSTRUMENT, start_ns=T0 + 3 * SECOND, warmup_s=warmup, **SMALL)
        bins(run)
        assert run.certificate()["coverage"]["warm_up_covered_s"] == covered


# --- silences and jumps ---


def test_bins_in_too_long_a_silence_are_not_valid_and_what_follows_is(tmp_path: Path) -> None:
    path = filed(tmp_path, quotes(150, 1000, 1050), start=T0, end=T0 + 2000 * MS)
    run = replay(open_dbn(path), INSTRUMENT, max_silence_s=0.3, **SMALL)
    valid = [b["book_valid"] for b in bins(run)]
    assert valid == [True] * 4 + [False] * 6 + [True] * 3 + [False] * 7
    silent = replay([quotes(150, 1000)], INSTRUMENT, max_silence_s=0.3, **SMALL)
    fields = bins(silent)
    assert fields[5]["mid_price"] == 0.0
    assert fields[5]["best_bid_size"] == 5
    assert fields[10]["best_bid_move_ticks"] == 0


@pytest.mark.parametrize("chunk", [1, 2, 3, 100])
@pytest.mark.parametrize("witness", ["itself", "neighbour"])
def test_a_jump_of_more_than_a_day_is_damage_at_its_byte(tmp_path: Path, chunk: int, witness: str) -> None:
    records = quotes(100, 200, 300, 400)
    records["ts_recv"][4:] += np.uint64(70 * 365 * DAY_NS)
    if witness == "itself":
        records["ts_event"][4:] = records["ts_recv"][4:]
    certain = 4 if witness == "itself" else 5
    path = filed(tmp_path, records, start=T0, days=(DAY, DAY.replace(year=2200)))
    head = len(path.read_bytes()) - 56 * len(records)
    run = replay(open_dbn(path, chunk_records=chunk), INSTRUMENT, **SMALL)
    taken: list[Any] = []
    with pytest.raises(DbnDamagedError, match=r"m\.dbn: the clock jumps from 2026-.* to 2096-.* at byte") as caught:
        taken.extend(run)
    assert len(taken) <= 3
    assert (caught.value.offset, caught.value.records) == (head + 56 * certain, certain)
    tolerant = replay(open_dbn(path, chunk_records=chunk, tolerate_truncated=True), INSTRUMENT, **SMALL)
    assert len(bins(tolerant)) == 2
    assert "the clock jumps" in tolerant.certificate()["damage"]
    assert not tolerant.certificate()["ok"]
    with pytest.raises(VpBookError, match=rf"source: the clock jumps .* at record {certain}"):
        list(replay(np.array_split(records, 3), INSTRUMENT, **SMALL))
    allowed = replay(open_dbn(path, chunk_records=chunk), INSTRUMENT, cell_width_ms=86_400_000, max_silence_s=5)
    assert sum(not b["book_valid"] for b in bins(allowed)) > 70 * 365 - 2


@pytest.mark.parametrize("at", [0, 1, 3, 5])
@pytest.mark.parametrize("time", [0, 1, T0 + 70 * 365 * DAY_NS, T0 + 3600 * SECOND, 2**63, 2**64 - 1])
def test_a_single_wrong_clock_makes_no_bins(tmp_path: Path, at: int, time: int) -> None:
    records = quotes(100, 200, 300, 400)
    records["ts_recv"][at] = time
    path = filed(tmp_path, records, days=(DAY.replace(year=1970), DAY.replace(year=2200)))
    for chunk in (1, 2, 100):
        assert len(bins(replay(open_dbn(path, chunk_records=chunk), INSTRUMENT, **SMALL))) in (4, 5)
        assert len(bins(replay(np.array_split(records, len(records) // min(chunk, 6)), INSTRUMENT, **SMALL))) in (4, 5)


def test_a_claimed_end_far_behind_the_last_record_makes_no_bins(tmp_path: Path) -> None:
    path = filed(tmp_path, quotes(150), start=T0, end=T0 + 70 * 365 * DAY_NS)
    run = replay(open_dbn(path), INSTRUMENT, **SMALL)
    assert len(bins(run)) == 2
    assert run.certificate()["reasons"] == [
        "the last record is at 2026-02-02T02:40:00.150Z, more than a day before the end 2096-01-16T02:40:00Z of the "
        "metadata"
    ]


@pytest.mark.parametrize("chunk", [1, 2, 262_144])
@pytest.mark.parametrize("event_ends", ["flags", "time"])
@pytest.mark.parametrize("warmup_s", [0, 2])
def test_no_bin_shows_a_snapshot_that_comes_later(tmp_path: Path, chunk: int, event_ends: Any, warmup_s: float) -> None:
    """Records of a snapshot have no times of their own: the first clock is set by the second one's agreeing with it."""
    book = OracleBook(INSTRUMENT.tick_int)
    for row in quotes():
        book.apply(row)
    later = 3600 * SECOND
    records = np.concatenate([head_snapshot(book, T0 + later), quotes(150)[2:]])
    records["ts_recv"][3:] += np.uint64(later)
    records["ts_event"][3:] += np.uint64(later)
    path = filed(tmp_path, records, start=T0 - 5 * SECOND, end=T0 + 2 * later)

    def run(**options: Any) -> Replay:
        source = open_dbn(path, chunk_records=chunk)
        return replay(
            source, INSTRUMENT, event_ends=event_ends, warmup_s=warmup_s, cell_width_ms=1000, **SMALL, **options
        )

    early = run(start_ns=T0, end_ns=T0 + 60 * SECOND)
    assert [(b["book_valid"], b["bin_event_count"], b["best_bid_price_int"]) for b in bins(early)] == [
        (False, 0, 0)
    ] * 60
    for start in (T0 + later - 2 * SECOND, T0 + later):
        found = bins(run(start_ns=start, end_ns=T0 + later + 2 * SECOND))
        counts = [(b["book_valid"], b["bin_event_count"]) for b in found]
        assert counts == [(False, 0)] * ((T0 + later - start) // SECOND) + [(True, 2), (True, 0)]


def test_a_source_in_which_no_record_has_a_time_makes_no_valid_bin(tmp_path: Path) -> None:
    records = quotes()[:1]
    records["flags"] = 40 | 128
    path = filed(tmp_path, records, start=T0 - 5 * SECOND, end=T0 + 60 * SECOND)
    found = bins(replay(open_dbn(path), INSTRUMENT, start_ns=T0, end_ns=T0 + SECOND, **SMALL))
    assert [b["book_valid"] for b in found] == [False] * 10


def test_a_start_far_before_the_first_record_makes_no_bins(tmp_path: Path) -> None:
    path = filed(tmp_path, quotes(150), start=T0 - 9 * DAY_NS, end=T0 + SECOND)
    with pytest.raises(ParameterError, match="more than a day before the first record"):
        next(replay(open_dbn(path), INSTRUMENT, start_ns=T0 - 2 * DAY_NS))


# --- damage ---


@settings(deadline=None, max_examples=30)
@given(seed=st.integers(0, 2**32), cut=st.integers(60, 56 * 200), chunk=st.sampled_from([1, 7, 262_144]))
def test_a_damaged_file_ends_at_its_last_whole_event(
    tmp_path_factory: pytest.TempPathFactory, seed: int, cut: int, chunk: int
) -> None:
    folder = tmp_path_factory.mktemp("cut")
    records = nonsense(seed, 200)
    records = records[records["ts_recv"] < 2**62]
    records["ts_event"] = records["ts_recv"]
    cut = min(cut, records.nbytes - 1)
    cut += cut % 56 == 0  # a cut between two records shows no damage
    head = metadata(start=T0 - SECOND, end=T0 + 2 * SECOND)
    path = folder / "cut.dbn"
    path.write_bytes((head + records.tobytes())[: len(head) + cut])
    whole = records[: cut // 56]
    source = open_dbn(path, chunk_records=chunk, tolerate_truncated=True)
    run = replay(source, INSTRUMENT, cell_width_ms=5, **SMALL)
    flags = whole["flags"]
    ended = flags & 128 != 0
    ended[:-1] |= (flags[:-1] & SNAPSHOT != 0) & (flags[1:] & SNAPSHOT == 0)  # a live record ends a snapshot
    ends = np.flatnonzero(ended)
    clock = np.maximum.accumulate(whole["ts_recv"])
    known = int(clock[min(ends[-1] + 1, len(whole) - 1)]) if len(ends) else int(clock[0])
    if len(whole) == 1 and flags[0] & SNAPSHOT:  # its time waits for the next record's
        known = T0 - SECOND
    fields = bins(run)
    assert source.covered_ns == (T0 - SECOND, known)
    assert all(b["bin_end_ns"] <= known for b in fields)
    if fields:
        assert known - fields[-1]["bin_end_ns"] < 5 * MS
    certificate = run.certificate()
    assert not certificate["ok"]
    assert certificate["damage"].startswith("cut.dbn: ")
    assert f"the source is damaged: {certificate['damage']}" in certificate["reasons"]
    assert certificate["coverage"]["end_ns"] == known
    undamaged = bins(replay([whole], INSTRUMENT, cell_width_ms=5, **SMALL))
    assert fields == undamaged[: len(fields)]


def test_nothing_behind_the_damage_is_read(tmp_path: Path) -> None:
    midnight = (T0 // DAY_NS + 1) * DAY_NS
    first, second = quotes(100, 200), quotes(100)
    second["ts_recv"] = second["ts_event"] = midnight + np.arange(3)
    a = filed(tmp_path, first, "a.dbn", start=T0, end=midnight)
    a.write_bytes(a.read_bytes()[:-1])
    b = filed(tmp_path, second, "b.dbn", start=midnight, end=midnight + DAY_NS)
    source = open_dbn([a, b], tolerate_truncated=True)
    assert len(read_all(source)) == 3
    assert source.covered_ns == (T0, T0 + 100 * MS)


@pytest.mark.parametrize("ts_out", [False, True])
def test_a_market_by_order_record_has_one_length(tmp_path: Path, ts_out: bool) -> None:
    records = nonsense(7, 60)
    records["ts_recv"] = T0 + np.arange(60)
    right = 16 if ts_out else 14
    rows = [bytes([right]) + r.tobytes()[1:] + (bytes(8) if ts_out else b"") for r in records]
    head = metadata(ts_out=ts_out)
    path = tmp_path / "m.dbn"
    path.write_bytes(head + b"".join(rows))
    np.testing.assert_array_equal(read_all(open_dbn(path)), records)
    at = 17
    for words in set(range(256)) - {right}:
        data = bytearray(head + b"".join(rows))
        data[len(head) + at * 4 * right] = words
        path.write_bytes(data)
        for chunk in (20, 262_144):
            with pytest.raises(DbnDamagedError, match="impossible length") as caught:
                read_all(open_dbn(path, chunk_records=chunk))
            assert (caught.value.offset, caught.value.records) == (len(head) + at * 4 * right, at)


# --- what the certificate says about reading ---


def test_what_was_read_and_left_out_stands_in_the_certificate_wherever_chunks_are_cut(tmp_path: Path) -> None:
    records = quotes(*range(10, 400, 10))
    records["instrument_id"][[5, 30]] = 99
    rows = [r.tobytes() for r in records]
    rows[7] += bytes(databento_dbn.SystemMsg(T0, "hello"))
    odd = bytes([14, 161]) + rows[9][2:]
    rows[9] += odd
    rows[35] += odd
    path = tmp_path / "m.dbn"
    path.write_bytes(metadata(start=T0, end=T0 + SECOND) + b"".join(rows))
    told = []
    for chunk in (1, 5, 1000):
        run = replay(open_dbn(path, chunk_records=chunk), INSTRUMENT, end_ns=T0 + 200 * MS, **SMALL)
        bins(run)
        told.append(run.certificate())
    assert told[0] == told[1] == told[2]
    assert told[0]["reading"]["filtered"] == told[0]["reading"]["unmapped"] == 1
    assert told[0]["reading"]["skipped"] == {"23": 1, "161": 1}
    assert told[0]["reasons"] == [
        "1 records are of no instrument that the metadata names for their time",
        "1 records are of types that DBN does not have (161)",
    ]
    whole = replay(open_dbn(path), INSTRUMENT, **SMALL)
    bins(whole)
    assert whole.certificate()["reading"]["records"] == len(records) + 3
    assert whole.certificate()["reading"]["unmapped"] == 2
    plain = replay([records[records["instrument_id"] == 17077]], INSTRUMENT, **SMALL)
    bins(plain)
    assert (plain.certificate()["reading"], plain.certificate()["damage"], plain.certificate()["seams"]) == (
        None,
        None,
        [],
    )


# --- arguments ---


@pytest.mark.parametrize(
    "arguments",
    [
        {"cell_width_ms": 1.5},
        {"cell_width_ms": True},
        {"cell_width_ms": "100"},
        {"cell_width_ms": 2**40},
        {"grid_radius_ticks": 2.5},
        {"grid_radius_ticks": 2**70},
        {"n_absolute_ticks": 10**10},
        {"n_absolute_ticks": 8192.0},
        {"warmup_s": float("nan")},
        {"warmup_s": float("inf")},
        {"warmup_s": "30"},
        {"warmup_s": 1e300},
        {"max_silence_s": float("nan")},
        {"max_silence_s": -1},
        {"start_ns": "2026-02-06"},
        {"start_ns": 2**70},
        {"start_ns": 1.5},
        {"start_ns": -1},
        {"end_ns": 2**63},
        {"end_ns": "x"},
        {"physics": 3},
        {"instrument": "ESH4"},
        {"source": "m.dbn"},
        {"source": 5},
        {"source": Path("m.dbn")},
        {"source": quotes(1)},
        {"checkpoint": 5, "start_ns": T0},
    ],
)
def test_every_argument_of_a_replay_is_checked(arguments: Mapping[str, Any]) -> None:
    values = {"source": [quotes(1)], "instrument": INSTRUMENT, **arguments}
    name = next(iter(arguments))
    with pytest.raises(ParameterError, match=name) as caught:
        replay(values.pop("source"), values.pop("instrument"), **values)
    assert len(str(caught.value)) < 200


@pytest.mark.parametrize("chunk", [np.zeros(3), quotes(1)[0], quotes(1).reshape(1, -1), [1, 2], None, "records"])
def test_a_source_yields_arrays_of_records(chunk: object) -> None:
    with pytest.raises(ParameterError, match=r"source: it yields .*; must yield one-dimensional arrays of MBO_DTYPE"):
        list(replay([chunk], INSTRUMENT))  # type: ignore[list-item]


@pytest.mark.parametrize(
    "arguments",
    [
        {"chunk_records": 1.5},
        {"chunk_records": True},
        {"chunk_records": 2**60},
        {"symbol": 5},
        {"symbol": ""},
        {"publisher": "1"},
        {"publisher": -1},
        {"publisher": 70_000},
        {"tolerate_truncated": 1},
    ],
)
def test_every_argument_of_open_dbn_is_checked(tmp_path: Path, arguments: Mapping[str, Any]) -> None:
    with pytest.raises(ParameterError, match=next(iter(arguments))):
        open_dbn(filed(tmp_path, quotes(1)), **arguments)


def test_read_only_and_strided_arrays_are_the_same_records() -> None:
    records = nonsense(3, 200)
    expected = bins(replay([records], INSTRUMENT, cell_width_ms=5))
    frozen = records.copy()
    frozen.flags.writeable = False
    wide = np.repeat(records, 2)[::2]
    assert bins(replay([frozen], INSTRUMENT, cell_width_ms=5)) == expected
    assert bins(replay([wide], INSTRUMENT, cell_width_ms=5)) == expected


@pytest.mark.real_data
def test_the_real_session_ends_with_its_day() -> None:
    source = open_dbn(real_session())
    end = 1_703_548_800 * SECOND
    assert source.covered_ns == (end - DAY_NS, end)
    run = replay(source, Instrument("ESH4", "0.25"), start_ns=end - 300 * SECOND, end_ns=end + 1800 * SECOND)
    assert len(bins(run)) == 3000
    certificate = run.certificate()
    assert certificate["coverage"]["warm_up_covered_s"] == 1800.0
    assert certificate["coverage"]["longest_silence"]["end_ns"] == 1_703_541_600_181_198_464
    assert certificate["reasons"][-1].startswith("the source ends at 2023-12-26T00:00:00Z")
