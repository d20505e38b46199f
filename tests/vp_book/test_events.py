"""Where events end: by a flag, by time, or not at all."""

from __future__ import annotations

from itertools import islice
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.bin_oracle import oracle_bins
from support.book_oracle import OracleBook
from support.records import LAST, SNAPSHOT, T0, TICK, nonsense, orderly, record, stream

from vp_book import Bbo, BookEngine, EventEndError, Instrument, ParameterError, VpBookError, replay
from vp_book.bins import BinReader

INSTRUMENT = Instrument("TEST", "0.25")
MS = 1_000_000
S = 1_000 * MS


def unflagged(n: int, seed: int = 3) -> np.ndarray:
    records = orderly(seed, n)
    records["flags"] &= ~np.uint8(LAST)
    return records


# --- no event ends at all ---


def test_a_stream_without_event_ends_is_refused() -> None:
    assert issubclass(EventEndError, VpBookError)
    engine = BookEngine(INSTRUMENT)
    with pytest.raises(EventEndError, match=r"not one carries F_LAST .* event_ends=\"time\""):
        engine.apply(unflagged(3_000))
    assert not engine.book_valid
    with pytest.raises(EventEndError, match="F_LAST"):
        engine.apply(unflagged(3_000)[2_000:])


@pytest.mark.parametrize("cut", [1, 999, 1_000, 1_500])
def test_it_is_refused_at_the_same_record_wherever_chunks_are_cut(cut: int) -> None:
    records = unflagged(3_000)
    counts: list[Any] = []
    for pieces in ([records], np.split(records, range(cut, len(records), cut))):
        engine = BookEngine(INSTRUMENT)
        with pytest.raises(EventEndError):
            list(map(engine.apply, pieces))
        counts.append(engine.certificate()["records"])
    assert counts[0] == counts[1] >= 1_000


def test_no_bin_of_such_a_stream_is_valid() -> None:
    records = unflagged(3_000)
    bins: list[Any] = []
    with pytest.raises(EventEndError):
        bins.extend(replay([records], INSTRUMENT))
    assert not any(bin_.fields["book_valid"] for bin_ in bins)
    short = list(replay([records[:500]], INSTRUMENT))
    assert short
    assert not any(bin_.fields["book_valid"] or bin_.fields["mid_price"] for bin_ in short)


def test_the_certificate_says_so_before_it_is_refused() -> None:
    engine = BookEngine(INSTRUMENT)
    engine.apply(unflagged(500)[:500])
    found: Any = engine.certificate()
    assert not found["ok"]
    assert found["reasons"][0] == ("none of 500 live records ends an event (F_LAST), so the book was never observed")
    with pytest.raises(EventEndError, match="F_LAST"):
        engine.finish()


def test_a_snapshot_with_an_end_is_no_event_of_the_feed() -> None:
    engine = BookEngine(INSTRUMENT)
    engine.apply(
        stream(
            record("A", "B", 19_000, 1, 10**9, flags=SNAPSHOT),
            record("A", "A", 21_000, 1, 2 * 10**9, flags=SNAPSHOT | LAST),
        )
    )
    assert engine.book_valid
    with pytest.raises(EventEndError):
        engine.apply(unflagged(3_000))


def test_a_long_first_event_at_one_time_is_none_of_these() -> None:
    records = np.repeat(stream(record("A", "B", flags=0)), 5_000)
    records["order_id"] = np.arange(1, 5_001)
    records["flags"][-1] = LAST
    engine = BookEngine(INSTRUMENT)
    engine.apply(records)
    assert engine.event_count == 1


# --- by time ---


def test_by_time_gives_the_bins_of_the_flags_whatever_the_flags_say() -> None:
    flagged = orderly(3, 3_000)
    bare = flagged.copy()
    bare["flags"] &= ~np.uint8(LAST)
    expected = list(replay([flagged], INSTRUMENT))

    def bins(event_ends: str, records: np.ndarray) -> list[Any]:
        engine, reader = BookEngine(INSTRUMENT, event_ends=event_ends), BinReader(50, TICK, 1)  # type: ignore[arg-type]
        found: list[Any] = []
        at, end = 0, T0 // (100 * MS) * 100 * MS
        while at < len(records):
            end += 100 * MS
            at = engine.apply_until(records, at, end)
            if at == len(records):
                engine.finish()
            found.append(reader.read(engine.arrays, len(found), end - 100 * MS, end))
        return found

    for got in (bins("time", bare), bins("time", flagged), bins("flags", flagged)):
        assert [b.fields for b in got] == [b.fields for b in expected]
        for ours, theirs in zip(got, expected, strict=True):
            np.testing.assert_array_equal(ours.pressure, theirs.pressure)


def test_by_time_the_last_event_is_over_when_no_more_comes() -> None:
    engine = BookEngine(INSTRUMENT, event_ends="time")
    engine.apply(stream(record("A", "B", 19_999, 5, 1), record("A", "A", 20_001, 5, 2)))
    assert not engine.book_valid
    engine.finish()
    assert engine.book_valid
    assert engine.event_count == 1
    engine.finish()
    assert engine.event_count == 1


def test_by_time_a_time_that_stands_still_is_no_event_for_ever() -> None:
    records = unflagged(3_000)
    records["ts_event"] = T0
    engine = BookEngine(INSTRUMENT, event_ends="time")
    engine.apply(records)
    found: Any = engine.certificate()
    assert found["anomalies"]["unended_event"] > 10
    assert not found["ok"]
    assert any("events never ended" in reason for reason in found["reasons"])


def test_other_words_are_refused() -> None:
    with pytest.raises(ParameterError, match="event_ends='last': must be 'flags' or 'time'"):
        BookEngine(INSTRUMENT, event_ends="last")  # type: ignore[arg-type]


# --- one end is lost ---


def test_one_lost_end_does_not_swallow_what_follows() -> None:
    records = orderly(5, 2_000, gap_ns=400 * MS)
    at = int(np.flatnonzero(records["action"] == b"C")[100])
    lost = records.copy()
    lost["flags"][at] &= ~np.uint8(LAST)
    lost["ts_recv"][at + 1 :] += np.uint64(300 * MS)
    lost["ts_event"][at + 1 :] += np.uint64(300 * MS)
    engine, whole = BookEngine(INSTRUMENT), BookEngine(INSTRUMENT)
    engine.apply(lost)
    whole.apply(records)
    assert engine.event_count == whole.event_count
    found: Any = engine.certificate()
    assert found["anomalies"]["unended_event"] == 1
    assert found["ok"]


def test_bins_in_the_gap_after_a_lost_end_do_not_show_what_came_later() -> None:
    records = stream(
        record("A", "B", 19_999, 5, 1),
        record("A", "A", 20_001, 5, 2, ts=1 * MS),
        record("A", "B", 20_000, 5, 3, ts=2 * MS, flags=0),  # its F_LAST is lost
        record("A", "A", 20_001, 9, 4, ts=950 * MS),
    )
    bins = [bin_.fields for bin_ in replay([records], INSTRUMENT)]
    assert [b["best_bid_size"] for b in bins] == [5] * 10
    assert [b["best_ask_size"] for b in bins] == [5] * 9 + [14]
    assert [b["bin_event_count"] for b in bins] == [3] + [0] * 8 + [1]
    assert all(b["book_valid"] for b in bins)


@pytest.mark.parametrize("flags", [0, SNAPSHOT])
def test_a_bin_read_inside_an_event_is_not_valid(flags: int) -> None:
    """The first ask would look like a quote that was never there: its event is not over."""
    records = stream(
        record("A", "B", 19_999, 5, 1),
        record("A", "A", 20_001, 5, 2),
        record("A", "A", 20_000, 1, 3, ts=200 * MS, flags=flags),
    )
    *_, before, last = (bin_.fields for bin_ in replay([records], INSTRUMENT))
    assert before["book_valid"]
    assert not last["book_valid"]
    assert (last["mid_price"], last["bid_high_price_int"], last["best_ask_move_ticks"]) == (0, 0, 0)
    engine = BookEngine(INSTRUMENT)
    engine.apply(records)
    assert not engine.book_valid
    engine.apply(stream(record("N", "N", ts=201 * MS)))
    assert engine.book_valid


@settings(deadline=None, max_examples=40)
@given(seed=st.integers(0, 2**32), ends=st.sampled_from(["flags", "time"]), gap_ms=st.sampled_from([1, 60]))
def test_bins_are_the_oracles_when_ends_are_lost(seed: int, ends: Any, gap_ms: int) -> None:
    records = nonsense(seed, 200, gap_ns=gap_ms * MS)
    records["flags"][np.random.default_rng(seed).random(200) < 0.5] &= ~np.uint8(LAST)
    start, width = T0 + 20 * MS, 20 * MS
    end = start + 200 * gap_ms * MS
    oracle = OracleBook(event_ends=ends)
    expected = list(oracle_bins(records, oracle, start, width, end))
    engine, reader, at = BookEngine(INSTRUMENT, event_ends=ends), BinReader(50, TICK, 1), 0
    got: list[Any] = []
    at = engine.apply_until(records, 0, start)
    engine.reset_statistics()
    while (stop := start + (len(got) + 1) * width) <= end:
        at = engine.apply_until(records, at, stop)
        got.append(reader.read(engine.arrays, len(got), stop - width, stop).fields)
    assert len(got) == len(expected)
    for ours, theirs in zip(got, expected, strict=True):
        assert {name: ours[name] for name in theirs} == theirs


# --- top-of-book feeds ---


def test_both_sides_of_a_top_of_book_feed_may_share_an_id() -> None:
    tob = LAST | 64
    engine = BookEngine(INSTRUMENT)
    engine.apply(stream(record("A", "B", 19_999, 5, 0, flags=tob), record("A", "A", 20_001, 7, 0, flags=tob)))
    assert engine.bbo() == Bbo(19_999 * TICK, 5, 20_001 * TICK, 7)
    assert engine.order_count == 2
    engine.apply(
        stream(record("A", "B", 20_000, 3, 0, ts=1, flags=tob), record("C", "A", 20_001, 2, 0, ts=2, flags=tob))
    )
    assert engine.bbo() == Bbo(20_000 * TICK, 3, 20_001 * TICK, 5)
    engine.apply(stream(record("A", "A", None, 0, 0, ts=3, flags=tob)))
    assert engine.bbo() == Bbo(20_000 * TICK, 3, 0, 0)
    found: Any = engine.certificate()
    assert found["ok"]
    assert not any(found["anomalies"].values())


def test_replay_of_silence_after_an_open_event_has_no_valid_bins() -> None:
    records = stream(record("A", "B", 19_999, 5, 1), record("A", "A", 20_001, 5, 2, ts=MS, flags=0))
    bins = islice(replay([records], INSTRUMENT, start_ns=T0, end_ns=T0 + S), 10)
    assert not any(bin_.fields["book_valid"] for bin_ in bins)
