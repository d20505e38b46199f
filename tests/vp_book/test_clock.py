"""A record whose own time cannot be true is damage of that record, and of nothing that follows it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.book_oracle import OracleBook
from support.records import LAST, SNAPSHOT, T0, TICK, nonsense, orderly, record, stream

from vp_book import BookEngine, Instrument, ParameterError
from vp_book.book.clock import first_clock

HOUR = 3600 * 10**9
MINUTE = 60 * 10**9
INSTRUMENT = Instrument("TEST", "0.25")


def applied(records: np.ndarray) -> BookEngine:
    engine = BookEngine(INSTRUMENT)
    engine.apply(records)
    return engine


def anomalies(engine: BookEngine) -> dict[str, int]:
    found: Any = engine.certificate()["anomalies"]
    return {name: n for name, n in found.items() if n}


def test_one_time_an_hour_ahead_is_that_records_own_damage() -> None:
    records = orderly(3, 20_000)
    damaged = records.copy()
    damaged["ts_recv"][10_000] += HOUR
    whole, other = applied(records), applied(damaged)
    assert anomalies(whole) == {}
    assert anomalies(other) == {"clock_outlier": 1}
    assert other.clock_ns == whole.clock_ns
    certificate: Any = other.certificate()
    assert certificate["longest_gap_ns"] < MINUTE
    for tick in range(19_990, 20_011):
        ours, theirs = (e.tick_state(tick * TICK, whole.clock_ns) for e in (whole, other))
        for name, value in ours.items():
            # one impulse of a few contracts came a gap between two records too early
            assert theirs[name] == pytest.approx(value, rel=1e-2, abs=2e-2), (tick, name)


def test_one_time_an_hour_ahead_inside_a_snapshot_is_that_records_own_damage() -> None:
    flags = [SNAPSHOT] * 19 + [SNAPSHOT | LAST]
    rows = [record("A", "B", 20_000 - i, 5, order_id=i + 1, ts=0, flags=flag) for i, flag in enumerate(flags)]
    live = [record("A", "A", 20_001 + i, 5, order_id=100 + i, ts=1000 * (i + 1)) for i in range(200)]
    records = stream(*rows, *live)
    records["ts_recv"][7] += HOUR
    engine = applied(records)
    assert anomalies(engine) == {"clock_outlier": 1}
    assert engine.clock_ns == T0 + 200_000
    book = OracleBook()
    for row in records:
        book.apply(row)
    assert (book.clock, book.outliers) == (engine.clock_ns, 1)


@pytest.mark.parametrize("at", [0, 1, 50, 199])
@pytest.mark.parametrize("bit", [0, 36, 40, 50, 60, 61, 62, 63])
def test_a_flipped_bit_of_a_time_anywhere_moves_no_clock_for_good(at: int, bit: int) -> None:
    records = orderly(4, 200)[:200]
    damaged = records.copy()
    damaged["ts_recv"][at] ^= np.uint64(1 << bit)
    engine = applied(damaged)
    assert abs(engine.clock_ns - int(records["ts_recv"][-1])) < MINUTE + 1
    assert sum(anomalies(engine).get(name, 0) for name in ("clock_backwards",)) <= (bit < 36) + (at > 0)


@pytest.mark.parametrize("first", [0, 1, T0 - HOUR, T0 + HOUR, 4_102_444_800 * 10**9])
@pytest.mark.parametrize("flags", [LAST, SNAPSHOT])
def test_the_first_record_alone_does_not_set_the_clock(first: int, flags: int) -> None:
    records = orderly(5, 300)
    records["ts_recv"][0] = first
    records["flags"][0] = flags
    engine = applied(records)
    assert engine.certificate()["first_clock_ns"] == records["ts_recv"][1] == first_clock(records)
    assert engine.clock_ns == records["ts_recv"][-1]
    # a snapshot's time in the past may have been true: then it was silent until the second record
    assert anomalies(engine) == ({} if flags == SNAPSHOT and first < T0 else {"clock_outlier": 1})


def test_a_silence_is_no_damage() -> None:
    """With a ts_event near it a record is believed at once; without, as soon as the next one agrees."""
    records = orderly(6, 400)
    records["ts_recv"][200:] += np.uint64(3 * HOUR)
    late = records.copy()
    late["ts_event"][200:] += np.uint64(3 * HOUR)
    assert anomalies(applied(late)) == {}
    engine = applied(records)
    assert anomalies(engine) == {}
    assert engine.clock_ns == records["ts_recv"][-1]


def test_two_outliers_that_disagree_are_two() -> None:
    records = orderly(7, 400)
    records["ts_recv"][200] += np.uint64(3 * HOUR)
    records["ts_recv"][201] += np.uint64(5 * HOUR)
    engine = applied(records)
    assert anomalies(engine) == {"clock_outlier": 2}
    assert engine.clock_ns == records["ts_recv"][-1]


def test_the_last_record_cannot_be_confirmed() -> None:
    records = orderly(8, 100)
    records["ts_recv"][-1] += np.uint64(HOUR)
    engine = applied(records)
    assert anomalies(engine) == {"clock_outlier": 1}
    assert engine.clock_ns == records["ts_recv"][-2]


@pytest.mark.parametrize("flags", [SNAPSHOT, SNAPSHOT | LAST, 8 | LAST])
def test_snapshots_and_inexact_times_have_no_witness_and_are_believed(flags: int) -> None:
    records = stream(
        record("A", "B", 19_999, 1, 1),
        record("A", "A", 20_001, 1, 2, ts=HOUR, flags=flags, ts_event=T0 - HOUR),
        record("A", "B", 19_998, 1, 3, ts=HOUR + 5),
    )
    engine = applied(records)
    assert anomalies(engine) == {}
    assert engine.certificate()["longest_gap_ns"] == HOUR


def test_a_time_in_the_past_is_clamped_and_counted_as_ever() -> None:
    records = orderly(9, 100)
    records["ts_recv"][50] -= np.uint64(HOUR)
    assert anomalies(applied(records)) == {"clock_backwards": 1}


@settings(deadline=None, max_examples=100)
@given(seed=st.integers(0, 2**32), n=st.integers(0, 200), gap_ms=st.sampled_from([1, 200, 90_000]))
def test_clock_is_the_oracles(seed: int, n: int, gap_ms: int) -> None:
    records = nonsense(seed, n, gap_ns=gap_ms * 1_000_000, clocks=True)
    engine, oracle = BookEngine(INSTRUMENT), OracleBook()
    for at in range(len(records)):
        engine.apply(records[at : at + 1])
        oracle.apply(records[at])
        assert engine.clock_ns == oracle.clock, at
    found = engine.certificate()
    pending = oracle.doubted is not None and oracle.doubted[1]
    assert found["anomalies"]["clock_outlier"] == oracle.outliers + pending  # type: ignore[index]
    assert found["anomalies"]["clock_backwards"] == oracle.backwards  # type: ignore[index]
    assert found["first_clock_ns"] == oracle.first_clock


@settings(deadline=None, max_examples=60)
@given(seed=st.integers(0, 2**32), n=st.integers(0, 40), cut=st.integers(0, 40))
def test_first_clock_is_the_engines_wherever_chunks_are_cut(seed: int, n: int, cut: int) -> None:
    records = nonsense(seed, n, clocks=True)
    records["flags"][: n // 2] |= np.uint8(SNAPSHOT)
    expected = applied(records).certificate()["first_clock_ns"] or None
    assert first_clock(records) == expected
    engine = BookEngine(INSTRUMENT)
    engine.apply(records[:cut])
    assert first_clock(records[cut:], engine.arrays) == expected


def test_first_clock_of_what_has_none() -> None:
    assert first_clock(stream()) is None
    assert first_clock(stream(record("A", ts_recv=2**64 - 1))) is None
    assert first_clock(stream(record("A", ts=5 * HOUR, ts_event=T0))) is None
    with pytest.raises(ParameterError, match="must be a NumPy array"):
        first_clock([])  # type: ignore[arg-type]
