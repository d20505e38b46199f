"""Records that are pushed as they come: the bins of a replay, whatever the pieces are, and what the clock adds."""

from __future__ import annotations

import random
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import databento_dbn
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.book_oracle import OracleBook
from support.dbn_files import head_snapshot, metadata, write_dbn
from support.real_session import real_session
from support.records import SNAPSHOT, T0, nonsense, orderly, record, stream

from vp_book import (
    Bin,
    DbnDamagedError,
    DbnFormatError,
    FeedMark,
    Instrument,
    LiveBins,
    LiveRouter,
    ParameterError,
    SymbolError,
    VpBookError,
    open_dbn,
    replay,
    replay_marked,
)
from vp_book.synthetic import write_market

MS = 1_000_000
SECOND = 1000 * MS
INSTRUMENT = Instrument("TEST", "0.25")
SMALL: dict[str, Any] = {"cell_width_ms": 10, "grid_radius_ticks": 10, "n_absolute_ticks": 1024}

WIDE: dict[str, Any] = {**SMALL, "cell_width_ms": 250}


def bits(bins: Iterable[Bin]) -> list[tuple[object, ...]]:
    """Every bit of some bins."""
    return [
        (
            repr(b.fields),
            *(column.tobytes() for column in b.cells.values()),
            b.pressure.tobytes(),
            b.vacuum.tobytes(),
            b.window_lo,
            b.shift_cells,
        )
        for b in bins
    ]


def pushed(live: LiveBins, pieces: Iterable[Any], expected: list[Bin] | None = None) -> list[Bin]:
    """The bins of some pieces, and with `expected` those that the clock closes up to the last of these."""
    bins = [b for piece in pieces for b in live.push(piece)]
    if expected is None:
        return bins
    # an event that the records leave open is waited for
    last_ns = int(expected[-1].fields["ts_ns"]) if expected else 0
    return (bins + live.close_until(last_ns + 100 * MS))[: max(len(expected), len(bins))]


def told(certificate: dict[str, Any]) -> dict[str, Any]:
    """A certificate but for what only one of the two ways to bins says."""
    return {k: v for k, v in certificate.items() if k not in ("late", "gaps", "reading", "coverage")}


def market(seed: int, n: int) -> np.ndarray:
    return orderly(seed, n) if seed % 2 else nonsense(seed, n)


@settings(deadline=None, max_examples=40)
@given(
    seed=st.integers(0, 2**32),
    cuts=st.lists(st.integers(0, 300), max_size=8),
    start_ms=st.sampled_from([None, 0, 50]),
    end_ms=st.sampled_from([None, 200]),
)
def test_arrays_in_any_pieces_give_the_bins_of_a_replay(
    seed: int, cuts: list[int], start_ms: int | None, end_ms: int | None
) -> None:
    records = market(seed, 300)
    asked = {
        **SMALL,
        "start_ns": None if start_ms is None else T0 + start_ms * MS,
        "end_ns": None if end_ms is None else T0 + end_ms * MS,
        "warmup_s": 0.02,
    }
    run = replay([records], INSTRUMENT, **asked)
    try:
        expected = list(run)
    except ParameterError:  # bins that begin before the records do
        with pytest.raises(ParameterError, match="before the first record"):
            pushed(LiveBins(INSTRUMENT, **asked), np.split(records, sorted(cuts)))
        return
    live = LiveBins(INSTRUMENT, **asked)
    assert bits(pushed(live, np.split(records, sorted(cuts)), expected)) == bits(expected)
    if end_ms is None:
        assert told(live.certificate()) == told(run.certificate())
        assert live.certificate()["late"] == 0


@settings(deadline=None, max_examples=12)
@given(seed=st.integers(0, 2**32), data=st.data(), mapped=st.booleans(), ts_out=st.booleans())
def test_bytes_cut_anywhere_give_the_bins_of_their_file(
    tmp_path_factory: pytest.TempPathFactory, seed: int, data: st.DataObject, mapped: bool, ts_out: bool
) -> None:
    """Records of another instrument lie between those of this one; a mapping says whose they are."""
    path = tmp_path_factory.mktemp("pushed") / "a.dbn"
    records = market(seed, 120)
    body = foreign_between(records, seed, ts_out)
    path.write_bytes(metadata({"TEST": 17077, "OTHER": 5}, mapped=mapped, ts_out=ts_out) + mapping() + body)
    expected = list(replay(open_dbn(path, symbol="TEST"), INSTRUMENT, **SMALL))
    raw = path.read_bytes()
    cuts = sorted(data.draw(st.lists(st.integers(0, len(raw)), max_size=10)))
    pieces = [raw[a:b] for a, b in zip([0, *cuts], [*cuts, len(raw)], strict=True)]
    live = LiveBins(INSTRUMENT, **SMALL)
    assert bits(pushed(live, pieces, expected)) == bits(expected)
    reading = live.certificate()["reading"]
    assert (reading["records"], reading["filtered"], reading["skipped"]) == (len(records) + 41, 40, {"22": 1})


def foreign_between(records: np.ndarray, seed: int, ts_out: bool) -> bytes:
    rng = random.Random(seed)
    rows = [row.tobytes() for row in records]
    other = record("A", instrument_id=5).tobytes()
    for _ in range(40):
        rows.insert(rng.randrange(len(rows)), other)
    return b"".join(b"\x10" + row[1:] + bytes(8) if ts_out else row for row in rows)


def mapping(symbol: str = "TEST", instrument_id: int = 17077) -> bytes:
    return bytes(
        databento_dbn.SymbolMappingMsg(
            publisher_id=1,
            instrument_id=instrument_id,
            ts_event=T0,
            stype_in=databento_dbn.SType.RAW_SYMBOL,
            stype_in_symbol=symbol,
            stype_out=databento_dbn.SType.INSTRUMENT_ID,
            stype_out_symbol=symbol,
            start_ts=T0,
            end_ts=T0 + 86_400 * SECOND,
        )
    )


def test_a_byte_at_a_time_and_records_of_the_official_library(tmp_path: Path) -> None:
    records = orderly(3, 200)
    path = write_dbn(tmp_path / "a.dbn", records)
    run = replay(open_dbn(path), INSTRUMENT, **SMALL)
    expected = list(run)
    raw = path.read_bytes()
    live = LiveBins(INSTRUMENT, **SMALL)
    assert bits(pushed(live, (raw[i : i + 1] for i in range(len(raw))), expected)) == bits(expected)
    head, *objects = databento_dbn.DBNDecoder().write_and_decode(raw)
    assert isinstance(head, databento_dbn.Metadata)
    for pieces in (objects, [objects[:50], [], objects[50:]], [memoryview(raw)], [bytearray(raw)]):
        assert bits(pushed(LiveBins(INSTRUMENT, **SMALL), pieces, expected)) == bits(expected)
    mixed = [objects[:20], records[20:90], records[90:150].tobytes(), objects[150:]]
    assert bits(pushed(LiveBins(INSTRUMENT, **SMALL), mixed, expected)) == bits(expected)


@pytest.fixture(scope="module")
def session(tmp_path_factory: pytest.TempPathFactory) -> tuple[bytes, list[tuple[object, ...]], list[Bin]]:
    """A synthetic session over the clear at 09:30: its bytes, and the bins of its replay."""
    path = tmp_path_factory.mktemp("session") / "a.dbn"
    write_market(path, seed=7, minutes=2, start="09:29")
    expected = list(replay(open_dbn(path), Instrument("SYNM6", "0.25"), **WIDE))
    return path.read_bytes(), bits(expected), expected


@settings(deadline=None, max_examples=8)
@given(size=st.integers(1_000, 200_000))
def test_a_synthetic_session_pushed_is_its_replay(
    session: tuple[bytes, list[tuple[object, ...]], list[Bin]], size: int
) -> None:
    raw, expected_bits, expected = session
    live = LiveBins(Instrument("SYNM6", "0.25"), **WIDE)
    pieces = (raw[i : i + size] for i in range(0, len(raw), size))
    assert bits(pushed(live, pieces, expected)) == expected_bits


@pytest.mark.real_data
def test_the_real_session_pushed_is_its_replay() -> None:
    instrument = Instrument("ESH4", "0.25")
    source = open_dbn(real_session())
    run = replay(source, instrument, cell_width_ms=60_000)
    expected = bits(run)
    records = np.concatenate(list(source))
    rng = random.Random(1)
    cuts = sorted(rng.randrange(len(records)) for _ in range(3_000))
    live = LiveBins(instrument, cell_width_ms=60_000, hold_back_ms=20)
    found = bits(b for piece in np.split(records, cuts) for b in live.push(piece))
    assert len(found) > 100
    assert found == expected[: len(found)]
    # what is left is the silence after the last record, which the file's metadata covers
    assert found + bits(live.close_until(int(source.end_ns or 0) + 20 * MS)) == expected


# the clock


def two_sided(ts: int) -> list[np.void]:
    return [record("A", "B", 19_999, 5, order_id=1, ts=ts, flags=0), record("A", "A", 20_001, 7, order_id=2, ts=ts)]


def test_the_clock_closes_bins_after_the_hold_back() -> None:
    live = LiveBins(INSTRUMENT, hold_back_ms=20)
    assert live.close_until(T0 + 10 * SECOND) == []  # no record has said yet when bins begin
    assert live.push(stream(*two_sided(5 * MS))) == []
    assert live.close_until(T0 + 119 * MS) == []
    (first,) = live.close_until(T0 + 120 * MS)
    assert (first.fields["ts_ns"], first.fields["book_valid"]) == (T0 + 100 * MS, True)
    assert live.close_until(T0 + 120 * MS) == []
    assert [b.fields["bin_event_count"] for b in live.close_until(T0 + 420 * MS)] == [0, 0, 0]


def test_what_comes_too_late_is_counted_and_belongs_to_the_next_bin() -> None:
    live = LiveBins(INSTRUMENT, hold_back_ms=20)
    live.push(stream(*two_sided(5 * MS)))
    live.close_until(T0 + 120 * MS)
    late = [record("A", "B", 19_998, 3, order_id=n, ts=98 * MS) for n in (3, 4)]
    assert live.push(stream(*late, record("A", "B", 19_998, 3, order_id=5, ts=130 * MS))) == []
    (second,) = live.push(stream(record("N", "N", ts=210 * MS)))
    assert second.fields["bin_event_count"] == 3
    assert live.certificate()["late"] == 2
    assert live.take_marks() == [FeedMark("close", 2, T0 + 120 * MS)]
    assert live.take_marks() == []


def test_a_close_that_makes_no_difference_leaves_no_mark() -> None:
    live = LiveBins(INSTRUMENT, hold_back_ms=20)
    live.push(stream(*two_sided(5 * MS)))
    live.close_until(T0 + 120 * MS)
    live.push(stream(record("N", "N", ts=100 * MS)))
    live.close_until(T0 + 230 * MS)
    assert live.take_marks() == []
    assert live.take_marks(newest_close=True) == [FeedMark("close", 3, T0 + 230 * MS)]
    assert live.certificate()["late"] == 0


def test_a_bin_waits_for_the_end_of_an_event_but_not_for_ever() -> None:
    live = LiveBins(INSTRUMENT, hold_back_ms=20)
    live.push(stream(*two_sided(5 * MS), record("T", "A", 19_999, 1, ts=99 * MS, flags=0)))
    assert live.close_until(T0 + 219 * MS) == []
    (first,) = live.close_until(T0 + 220 * MS)
    assert not first.fields["book_valid"]
    assert live.take_marks() == [FeedMark("close", 3, T0 + 220 * MS)]
    live = LiveBins(INSTRUMENT, hold_back_ms=20)
    live.push(stream(*two_sided(5 * MS), record("T", "A", 19_999, 1, ts=99 * MS, flags=0)))
    assert live.close_until(T0 + 150 * MS) == []
    live.push(stream(record("F", "B", 19_999, 1, order_id=1, ts=99 * MS, flags=0), record("N", "N", ts=99 * MS)))
    (first,) = live.close_until(T0 + 151 * MS)
    assert (first.fields["book_valid"], first.fields["trade_count"]) == (True, 1)
    assert live.take_marks() == []


def test_bins_with_a_start_are_closed_before_anything_comes() -> None:
    live = LiveBins(INSTRUMENT, start_ns=T0, hold_back_ms=20)
    bins = live.close_until(T0 + 250 * MS)
    assert [b.fields["book_valid"] for b in bins] == [False, False]
    (third,) = live.push(stream(*two_sided(210 * MS), record("N", "N", ts=310 * MS)))
    assert third.fields["book_valid"]
    marks = live.take_marks()
    assert marks == [FeedMark("close", 0, T0 + 250 * MS)]
    again = LiveBins(INSTRUMENT, start_ns=T0, hold_back_ms=20)
    source = [stream(*two_sided(210 * MS), record("N", "N", ts=310 * MS))]
    assert bits(replay_marked(source, again, marks)) == bits([*bins, third])


def test_the_end_is_the_end() -> None:
    live = LiveBins(INSTRUMENT, end_ns=T0 + 200 * MS)
    assert len(live.push(stream(*two_sided(5 * MS), record("N", "N", ts=500 * MS)))) == 2
    assert live.push(stream(record("N", "N", ts=600 * MS))) == []
    assert live.close_until(T0 + 900 * MS) == []


def test_a_silence_of_days_is_none_of_damage_live() -> None:
    live = LiveBins(INSTRUMENT, cell_width_ms=3_600_000)
    late = stream(record("N", "N", ts=50 * 3600 * SECOND))
    assert len(pushed(live, [stream(*two_sided(0)), late])) > 48


# a feed that is lost


def lost_feed(seed: int) -> tuple[np.ndarray, np.ndarray]:
    """What came before a gap and after it: a snapshot of the book, and what followed."""
    before = orderly(seed, 200)
    book = OracleBook()
    for row in before:
        book.apply(row)
    end = int(before["ts_recv"][-1])
    snapshot = head_snapshot(book, end + 55 * MS)
    after = orderly(seed + 1, 200, first_id=10_000)
    after["ts_recv"] += np.uint64(end - T0 + 60 * MS)
    after["ts_event"] += np.uint64(end - T0 + 60 * MS)
    return before, np.concatenate([snapshot, after])


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_bins_of_a_gap_are_not_valid(seed: int) -> None:
    before, after = lost_feed(seed)
    lost_ns, snapshot_ns = int(before["ts_recv"][-1]) + 5 * MS, int(after["ts_recv"][0])
    live = LiveBins(INSTRUMENT, **SMALL)
    bins = live.push(before)
    live.lose(lost_ns)
    assert live.certificate()["gaps"] == [{"begin_ns": lost_ns, "end_ns": 0}]
    assert any("no snapshot has come since" in reason for reason in live.certificate()["reasons"])
    bins += live.close_until(lost_ns + 30 * MS)
    bins += live.push(after)
    shown = [(int(b.fields["ts_ns"]), bool(b.fields["book_valid"])) for b in bins if b.fields["ts_ns"] > T0 + 100 * MS]
    assert [valid for _, valid in shown] == [not lost_ns < ts <= snapshot_ns for ts, _ in shown]
    assert sum(not valid for _, valid in shown) >= 4
    certificate = live.certificate()
    assert certificate["gaps"] == [{"begin_ns": lost_ns, "end_ns": snapshot_ns}]
    assert not certificate["ok"]
    assert len(certificate["seams"]) == 1


def test_the_bytes_of_a_new_connection_begin_anew() -> None:
    before, after = lost_feed(5)
    live = LiveBins(INSTRUMENT, **SMALL)
    head = metadata({"TEST": 17077}, mapped=False)
    live.push(head + mapping() + before.tobytes() + b"\x0e\xa0 half a record")
    live.lose(int(before["ts_recv"][-1]))
    bins = live.push(head + mapping() + after.tobytes())
    assert bins[-1].fields["book_valid"]
    assert live.records == len(before) + len(after)


# recordings


@settings(deadline=None, max_examples=60)
@given(seed=st.integers(0, 2**32), cuts=st.lists(st.integers(0, 10_000), max_size=4), connections=st.integers(1, 3))
def test_records_and_marks_replay_to_the_same_bins(seed: int, cuts: list[int], connections: int) -> None:
    """A feed with late packets, pauses, cut events and lost connections; its records come in other pieces later."""
    rng = random.Random(seed)
    live = LiveBins(INSTRUMENT, hold_back_ms=3, **SMALL)
    bins: list[Bin] = []
    parts: list[np.ndarray] = []
    now = T0
    for number in range(connections):
        part = market(rng.randrange(2**31), rng.randrange(1, 150))
        part["ts_recv"][part["ts_recv"] < 2**62] += np.uint64(now - T0)
        part["ts_event"] = np.where(part["ts_recv"] < 2**62, part["ts_recv"], 0)
        part["flags"][: rng.randrange(12)] |= SNAPSHOT
        part["flags"][rng.randrange(len(part)) :: 7] &= 127
        if number:
            live.lose(now)
        at = 0
        while at < len(part):
            upto = at + rng.choice([1, 1, 2, 5, 40])
            bins += live.push(part[at:upto])
            newest = int(part["ts_recv"][at:upto][-1])
            now = max(now, newest if newest < 2**62 else 0)
            if rng.random() < 0.5:
                now += rng.choice([0, 0, 1, 4, 15, 130]) * MS
                bins += live.close_until(now)
            at = upto
        parts.append(part)
        now += rng.randrange(50) * MS
        bins += live.close_until(now)
    marks = live.take_marks(newest_close=True)
    records = np.concatenate(parts)
    again = LiveBins(INSTRUMENT, hold_back_ms=3, **SMALL)
    pieces = np.split(records, sorted(cut % (len(records) + 1) for cut in cuts))
    assert bits(replay_marked(pieces, again, marks)) == bits(bins)
    assert again.certificate() == live.certificate()
    assert again.take_marks(newest_close=True) == marks


# several instruments


def test_a_router_gives_each_instrument_its_own() -> None:
    one, other = orderly(1, 150), orderly(2, 150)
    other["instrument_id"] = 5
    records = np.concatenate([one, other])
    records = records[np.argsort(records["ts_recv"], kind="stable")]
    head = metadata({"TEST": 17077}, mapped=False)
    raw = head + mapping() + mapping("OTHER", 5) + mapping("THIRD", 6) + records.tobytes()
    end_ns = int(records["ts_recv"][-1]) + SECOND

    def router() -> LiveRouter:
        return LiveRouter({name: LiveBins(Instrument(name, "0.25"), **SMALL) for name in ("TEST", "OTHER")})

    def collected(router: LiveRouter, pieces: Iterable[Any]) -> dict[str, list[tuple[object, ...]]]:
        found: dict[str, list[Bin]] = {"TEST": [], "OTHER": []}
        for closed in (*map(router.push, pieces), router.close_until(end_ns)):
            for name, bins in closed.items():
                found[name] += bins
        return {name: bits(bins) for name, bins in found.items()}

    expected = {
        name: bits((live := LiveBins(Instrument(name, "0.25"), **SMALL)).push(rows) + live.close_until(end_ns))
        for name, rows in (("TEST", one), ("OTHER", other))
    }
    assert collected(router(), [raw[i : i + 333] for i in range(0, len(raw), 333)]) == expected
    known = LiveRouter(
        {
            "TEST": LiveBins(INSTRUMENT, instrument_id=17077, **SMALL),
            "OTHER": LiveBins(Instrument("OTHER", "0.25"), instrument_id=5, **SMALL),
        }
    )
    assert collected(known, [records[:100], records[100:]]) == expected
    lost = router()
    lost.push(raw)
    lost.lose(end_ns)
    assert [bins.certificate()["gaps"] for bins in lost.bins.values()] == [[{"begin_ns": end_ns, "end_ns": 0}]] * 2
    with pytest.raises(ParameterError, match=r"bins=\{\}: must map at least one name"):
        LiveRouter({})


# what is refused


@pytest.mark.parametrize(
    ("what", "error", "message"),
    [
        (7, ParameterError, "records=int: must be an array of MBO_DTYPE"),
        (["a"], ParameterError, "records=str: must be an array of MBO_DTYPE"),
        ([b"abc", 1], ParameterError, "records=int: must be"),
        ([b"abcdefgh" * 4], ParameterError, "no DBN record"),
        (np.zeros(3), ParameterError, "an array of float64, shape"),
        (orderly(1, 10)[:8].reshape(2, 4), ParameterError, "must be one-dimensional"),
        (b"\x28\xb5\x2f\xfd rest", DbnFormatError, "compressed with zstd"),
        (b"DBN\x09" + bytes(40), DbnFormatError, "version 9 is not known"),
        (b"DBN\x03\xff\xff\xff\xff", DbnDamagedError, "metadata claims 4294967295 bytes"),
        (b"\x02" + bytes(40), DbnDamagedError, "impossible length at byte 0"),
        (metadata() + orderly(1, 2).tobytes() + bytes(60), DbnDamagedError, "2 whole records came before"),
        (metadata({"OTHER": 5}), SymbolError, "TEST is not in the metadata; it has OTHER"),
        (metadata(schema=databento_dbn.Schema.TRADES), DbnFormatError, "schema is trades"),
        (stream(record("A"), record("A", instrument_id=5)), ParameterError, "instrument"),
    ],
)
def test_what_cannot_be_pushed_is_refused(what: Any, error: type[VpBookError], message: str) -> None:
    with pytest.raises(error, match=message):
        LiveBins(INSTRUMENT, **SMALL).push(what)


def test_bins_before_damage_are_not_lost() -> None:
    live = LiveBins(INSTRUMENT, hold_back_ms=20)
    records = stream(*two_sided(5 * MS), record("N", "N", ts=130 * MS))
    with pytest.raises(DbnDamagedError, match="3 whole records came before"):
        live.push(records.tobytes() + bytes(56))
    with pytest.raises(DbnDamagedError):  # a stream that is damaged stays so
        live.push(records.tobytes())
    (first,) = live.close_until(0)
    assert first.fields["book_valid"]
    live.lose(T0 + 140 * MS)
    assert live.push(records[2:].tobytes()) == []


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"hold_back_ms": -1}, "hold_back_ms=-1: must be at least 0"),
        ({"hold_back_ms": 0.5}, "hold_back_ms=0.5: must be an integer"),
        ({"instrument_id": -3}, "instrument_id=-3: out of range"),
        ({"cell_width_ms": 0}, "cell_width_ms=0"),
        ({"start_ns": 5, "end_ns": 5}, "end_ns=5: must be after start_ns=5"),
    ],
)
def test_arguments_are_checked(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ParameterError, match=message):
        LiveBins(INSTRUMENT, **arguments)
    for name in ("close_until", "lose"):
        with pytest.raises(ParameterError, match="ts_ns=-1"):
            getattr(LiveBins(INSTRUMENT), name)(-1)
