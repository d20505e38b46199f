"""`events`: a look at the book at every event boundary, and nothing of the book is another for it."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.real_session import real_session

from vp_book import Bbo, BookEngine, Instrument, ParameterError, events, open_dbn, synthetic


@pytest.fixture(scope="module")
def market(tmp_path_factory: pytest.TempPathFactory) -> tuple[np.ndarray, Instrument]:
    """Records with a snapshot at their head, and records of a second instrument among them."""
    path = tmp_path_factory.mktemp("market") / "market.dbn.zst"
    synthetic.write_market(path, seed=3, minutes=1, start="09:40")
    source = open_dbn(path)
    records = np.concatenate(list(source))
    live = int(np.argmax(records["flags"] & 32 == 0))
    records = records[: live + 2000]
    other = records[::50].copy()
    other["instrument_id"] += 1
    mixed = np.sort(np.concatenate([records, other]), order="ts_recv", kind="stable")
    return mixed, Instrument(source.symbol, "0.25")


def engine_of(records: np.ndarray, instrument: Instrument) -> BookEngine:
    return BookEngine(instrument, instrument_id=int(records["instrument_id"].min()))


def seen_record_by_record(records: np.ndarray, engine: BookEngine) -> list[tuple[int, int, Bbo]]:
    """(records so far, events so far, best prices) after each record that moved the count of events."""
    found = []
    for i in range(len(records)):
        before = engine.event_count
        engine.apply(records[i : i + 1])
        if engine.event_count != before:
            found.append((i + 1, engine.event_count, engine.bbo()))
    return found


@given(cuts=st.lists(st.integers(0, 20_000), max_size=8))
@settings(max_examples=5, deadline=None)
def test_it_stops_at_every_boundary_wherever_arrays_are_cut(
    market: tuple[np.ndarray, Instrument], cuts: list[int]
) -> None:
    records, instrument = market
    engine, plain, whole = (engine_of(records, instrument) for _ in range(3))
    chunks = np.split(records, sorted(cuts))
    found, taken = [], 0
    for of_event in events(chunks, engine):
        assert np.array_equal(of_event, records[taken : taken + len(of_event)])
        taken += len(of_event)
        found.append((taken, engine.event_count, engine.bbo()))
    assert found == seen_record_by_record(records, plain)
    assert len(found) > 300
    whole.apply(records)
    assert engine.certificate() == whole.certificate()
    at = whole.clock_ns
    price = whole.bbo().bid_price_int
    assert engine.tick_state(price, at) == whole.tick_state(price, at)


def test_an_engine_whose_events_end_by_time_is_refused() -> None:
    engine = BookEngine(Instrument("X", "0.25"), event_ends="time")
    with pytest.raises(ParameterError, match='event_ends="time"'):
        next(events([], engine))


@pytest.mark.real_data
def test_every_event_of_a_real_session_is_seen() -> None:
    source = open_dbn(real_session())
    engine = BookEngine(Instrument(source.symbol, "0.25"))
    count = sum(1 for _ in events(source, engine))
    assert count == engine.event_count
