"""What holds on any stream, whatever nonsense is in it, looked at after every single record."""

from __future__ import annotations

import itertools
import math
import threading
import warnings
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.dbn_files import write_dbn
from support.records import SNAPSHOT, T0, TICK, nonsense, record, stream

from vp_book import MBO_DTYPE, BookEngine, Instrument, Physics, replay
from vp_book.book import state as names
from vp_book.book.far import FAR_SIZE, FREE
from vp_book.book.orders import O_FILL, O_SIZE, O_TICK
from vp_book.certificate import counted
from vp_book.dbn.bytes import ByteSource, read_ahead
from vp_book.sessions import in_session

INSTRUMENT = Instrument("TEST", "0.25")
SMALL: dict[str, Any] = {"n_absolute_ticks": 640}
"""A range so small that it moves."""


def streams() -> st.SearchStrategy[np.ndarray]:
    """Every kind of contradiction, near and far prices, with and without what makes the range move."""
    return st.builds(
        nonsense,
        st.integers(0, 2**32),
        st.integers(1, 120),
        ids=st.sampled_from([2, 5, 40, 300]),
        spread=st.sampled_from([1, 3, 12, 400, 9000]),
        wild=st.sampled_from([0.0, 0.02, 0.3]),
    )


def one_by_one(records: np.ndarray) -> Iterator[tuple[np.void, BookEngine]]:
    engine = BookEngine(INSTRUMENT, **SMALL)
    for at in range(len(records)):
        engine.apply(records[at : at + 1])
        yield records[at], engine


@settings(deadline=None, max_examples=60)
@given(records=streams())
def test_orders_depth_levels_and_quote_agree_after_every_record(records: np.ndarray) -> None:
    for _, engine in one_by_one(records):
        a = engine.arrays
        resting = a.orders[a.orders[:, O_SIZE] != 0]
        assert engine.order_count == len(resting)
        bbo = engine.bbo()
        quote = {"bid": (bbo.bid_price_int, bbo.bid_size), "ask": (bbo.ask_price_int, bbo.ask_size)}
        for side, sign in (("bid", 1), ("ask", -1)):
            depth: defaultdict[int, int] = defaultdict(int)
            for row in resting:
                if sign * row[O_SIZE] > 0:
                    depth[int(row[O_TICK]) * TICK] += abs(int(row[O_SIZE]))
            prices, sizes = engine.levels(side)  # type: ignore[arg-type]
            levels = list(zip(prices.tolist(), sizes.tolist(), strict=True))
            assert levels == sorted(depth.items(), reverse=side == "bid")
            assert quote[side] == (levels[0] if levels else (0, 0))


@settings(deadline=None, max_examples=60)
@given(records=streams())
def test_nothing_is_negative_and_every_count_only_grows(records: np.ndarray) -> None:
    before: np.ndarray | None = None
    for _, engine in one_by_one(records):
        a = engine.arrays
        assert (a.ladder >= 0).all()
        for side in (names.BID, names.ASK):
            in_use = a.far[side, FAR_SIZE] != FREE
            assert (a.far[side, FAR_SIZE, in_use] >= 0).all()
            assert in_use.sum() == a.scalars[0].far_used[side]
        assert (a.orders[a.orders[:, O_SIZE] != 0][:, O_FILL] >= 0).all()
        assert min(engine.bbo()) >= 0 or records["price"].min() < 0
        assert min(engine.flow_totals().values()) >= 0
        counts = np.array([n for name, n in counted(a).items() if not name.startswith("depth_")])
        assert (counts >= (0 if before is None else before)).all()
        before = counts


@settings(deadline=None, max_examples=60)
@given(records=streams())
def test_flow_is_conserved_after_every_record(records: np.ndarray) -> None:
    for _, engine in one_by_one(records):
        certificate = engine.certificate()
        assert certificate["conserved"]
        flow = engine.flow_totals()
        change = int(engine.arrays.counts[0].depth_flow.sum())
        assert flow["add"] - flow["pull"] - flow["fill"] == change


@settings(deadline=None, max_examples=60)
@given(records=streams(), flags=st.sampled_from([SNAPSHOT, SNAPSHOT | 128]))
def test_a_snapshot_and_a_clear_are_no_flow(records: np.ndarray, flags: int) -> None:
    engine = BookEngine(INSTRUMENT)
    engine.apply(records)
    # fills that were announced before are still settled by what ends their event
    engine.apply(stream(record("N", "N", ts=10**12)))
    before = engine.flow_totals()
    engine.apply(stream(record("R", "N", ts=10**12, flags=flags), record("A", "B", 7, 3, 9, ts=10**12, flags=flags)))
    assert engine.flow_totals() == before
    assert engine.order_count == 1


@settings(deadline=None, max_examples=40)
@given(
    records=streams(),
    steps=st.lists(st.integers(0, 400_000_000_000), min_size=1, max_size=12),
    taus=st.sampled_from([(2.0, 5.0, 10.0, 30.0), (0.001, 0.01, 0.1, 0.002), (1.0, 1000.0, 100_000.0, 5.0)]),
)
def test_advancing_by_parts_is_advancing_at_once(
    records: np.ndarray, steps: list[int], taus: tuple[float, float, float, float]
) -> None:
    physics = Physics(tau_velocity=taus[0], tau_acceleration=taus[1], tau_jerk=taus[2], tau_rest_decay=taus[3])
    once, parts = (BookEngine(INSTRUMENT, physics) for _ in range(2))
    for engine in (once, parts):
        engine.apply(records)
        # what is left of an open event counts at the time at which it ends: end it at the same time in both
        engine.apply(stream(record("N", "N", ts=engine.clock_ns - T0)))
    now = once.clock_ns - T0
    for at in itertools.accumulate(steps, initial=now):
        # a record that does nothing moves the clock, a hidden fill elsewhere moves the weights of impulses too
        parts.apply(stream(record("N", "N", ts=at), record("F", "B", 20_200, 1, 999, ts=at)))
    once.apply(stream(record("N", "N", ts=now + sum(steps))))
    at = parts.clock_ns
    assert once.clock_ns == at
    for tick in range(20_000 - 13, 20_000 + 14):
        one, other = (engine.tick_state(tick * TICK, at) for engine in (once, parts))
        for name, value in one.items():
            if name != "last_event_id":
                assert other[name] == pytest.approx(value, rel=1e-9, abs=1e-250), (tick, name)


@settings(deadline=None, max_examples=40)
@given(records=streams(), later_ns=st.integers(0, 2**61))
def test_nothing_is_ever_nan_or_infinite(records: np.ndarray, later_ns: int) -> None:
    engine = BookEngine(INSTRUMENT)
    engine.apply(records)
    for tick in range(20_000 - 5, 20_000 + 6):
        state = engine.tick_state(tick * TICK, engine.clock_ns + later_ns)
        assert all(math.isfinite(value) for value in state.values())


@settings(deadline=None, max_examples=40)
@given(records=streams(), where=st.integers(0, 5), ts=st.sampled_from([2**62, 2**63, 2**64 - 1]))
def test_records_without_a_time_change_no_bin_clock(records: np.ndarray, where: int, ts: int) -> None:
    records = records.copy()
    records["flags"] &= ~np.uint8(SNAPSHOT)  # of a lone record of a snapshot nothing says that its time is true
    records["ts_recv"][:where] = ts
    timed = records["ts_recv"][records["ts_recv"] < 2**62]
    first = None
    for bin_ in itertools.islice(replay([records], INSTRUMENT), 20):
        first = bin_.fields["bin_start_ns"] if first is None else first
    assert first == (None if not len(timed) else int(timed[0]) // 10**8 * 10**8)


@pytest.mark.parametrize("flags", [0, SNAPSHOT])
def test_a_source_that_ends_inside_an_event_has_no_valid_quote_of_nothing(flags: int) -> None:
    records = stream(
        record("A", "B", 20_000, 5, 1, flags=0),
        record("A", "A", 20_001, 5, 2),
        record("R", "N", ts=200_000_000, flags=flags),
    )
    *_, last = replay([records], INSTRUMENT)
    assert not last.fields["book_valid"]
    assert last.fields["mid_price"] == last.fields["bid_high_price_int"] == last.fields["ask_low_price_int"] == 0


def test_a_session_window_does_not_walk_through_the_centuries() -> None:
    noon = np.datetime64("2026-02-03T17:00", "ns").astype(np.int64)
    records = np.zeros(6, MBO_DTYPE)
    records["ts_recv"] = [noon, 2**64 - 1, 2**63, 0, 2**62, noon + 12 * 3600 * 10**9]
    records["action"] = b"A"
    kept = in_session("equity_mbo", records)
    assert noon in kept["ts_recv"]
    assert noon + 12 * 3600 * 10**9 not in kept["ts_recv"]


class ClosesItsReader(ByteSource):
    """Drops the iterator that reads it from within, as a garbage collection on that thread may."""

    reader: Iterator[np.ndarray]

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.first_taken = threading.Event()

    def read_into(self, buffer: memoryview) -> int:
        if self.offset > 0:
            self.first_taken.wait(10)
            self.reader.close()  # type: ignore[attr-defined]
        return super().read_into(buffer)


def test_a_reader_may_be_dropped_on_its_own_thread(tmp_path: Path) -> None:
    with warnings.catch_warnings(record=True) as caught:
        source = ClosesItsReader(write_dbn(tmp_path / "day.dbn", nonsense(3, 5000)))
        source.reader = read_ahead(source, 1000)
        assert len(next(source.reader)) == 1000
        source.first_taken.set()
        for thread in threading.enumerate():
            if thread.name == "vp-book-read-ahead":
                thread.join(10)
                assert not thread.is_alive()
        source.close()
    assert not caught
