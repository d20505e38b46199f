"""The compiled book against the plain-Python one, on streams full of contradictions."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.book_oracle import OracleBook, tick_state
from support.records import T0, TICK, nonsense

from vp_book import BookEngine, Instrument
from vp_book.book.engine import EventEnds

INSTRUMENT = Instrument("TEST", "0.25")


def run_both(records: np.ndarray, event_ends: EventEnds = "flags") -> tuple[BookEngine, OracleBook]:
    engine, oracle = BookEngine(INSTRUMENT, event_ends=event_ends), OracleBook(event_ends=event_ends)
    engine.apply(records)
    for r in records:
        oracle.apply(r)
    if event_ends == "time":
        engine.finish()
        oracle.finish()
    return engine, oracle


def same_levels(engine: BookEngine, oracle: OracleBook) -> None:
    for side, letter in (("bid", "B"), ("ask", "A")):
        prices, sizes = engine.levels(side)  # type: ignore[arg-type]
        assert list(zip((prices // TICK).tolist(), sizes.tolist(), strict=True)) == oracle.levels(letter)


@settings(deadline=None, max_examples=120)
@given(
    seed=st.integers(0, 2**32),
    n=st.integers(1, 400),
    ids=st.integers(2, 300),
    spread=st.integers(1, 9000),
    gap_ns=st.sampled_from([2, 3_000_000, 90_000_000]),
    ends=st.sampled_from(["flags", "time"]),
)
def test_levels_orders_and_flow_are_the_oracles(
    seed: int, n: int, ids: int, spread: int, gap_ns: int, ends: EventEnds
) -> None:
    engine, oracle = run_both(nonsense(seed, n, ids=ids, spread=spread, gap_ns=gap_ns, clocks=True), ends)
    same_levels(engine, oracle)
    assert engine.order_count == len(oracle.orders)
    assert engine.flow_totals() == {name: oracle.flow[name] for name in ("add", "pull", "fill")}
    assert engine.clock_ns == oracle.clock
    assert engine.event_count == oracle.events
    assert engine.book_valid == oracle.valid()
    found: Any = engine.certificate()
    assert found["conserved"]
    anomalies = found["anomalies"]
    assert anomalies["hidden_fill"] == oracle.hidden
    assert anomalies["undefined_size"] == oracle.unsized
    assert anomalies["unended_event"] == oracle.unended
    assert found["traded_volume"] == sum(size for _, _, size in oracle.trades)
    assert found["aggressor_fill"] == {"records": len(oracle.aggressor_fills), "volume": sum(oracle.aggressor_fills)}
    sided = [(traded, filled) for traded, filled, sideless in oracle.balance if not sideless]
    others = [(traded, filled) for traded, filled, sideless in oracle.balance if sideless]
    assert found["trades_and_fills"] == {
        "events": len(sided),
        "unequal_events": sum(traded != filled for traded, filled in sided),
        "unequal_volume": sum(abs(traded - filled) for traded, filled in sided),
        "without_aggressor": {
            "events": len(others),
            "traded_volume": sum(traded for traded, _ in others),
            "filled_volume": sum(filled for _, filled in others),
        },
    }


@settings(deadline=None, max_examples=30)
@given(seed=st.integers(0, 2**32), gap_ms=st.integers(1, 40_000), later_ns=st.integers(0, 10**11))
def test_physics_is_the_sum_over_all_impulses(seed: int, gap_ms: int, later_ns: int) -> None:
    engine, oracle = run_both(nonsense(seed, 250, gap_ns=gap_ms * 1_000_000, wild=0))
    at = engine.clock_ns + later_ns
    for tick in range(20_000 - 14, 20_000 + 15):
        got, expected = engine.tick_state(tick * TICK, at), tick_state(oracle, tick, at)
        scale = max(sum(abs(x) for _, x in oracle.impulses.get((tick, name), ())) for name in ("add", "pull", "fill"))
        for name, value in expected.items():
            assert math.isfinite(got[name])
            assert got[name] == pytest.approx(value, rel=1e-9, abs=1e-12 * (1 + scale)), (tick, name)


@settings(deadline=None, max_examples=30)
@given(seed=st.integers(0, 2**32), cuts=st.lists(st.integers(0, 300), max_size=12))
def test_where_the_chunks_are_cut_makes_no_difference(seed: int, cuts: list[int]) -> None:
    records = nonsense(seed, 300, clocks=True)
    whole, pieces = BookEngine(INSTRUMENT), BookEngine(INSTRUMENT)
    whole.apply(records)
    for piece in np.split(records, sorted(cuts)):
        pieces.apply(piece)
    for name, a, b in zip(whole.arrays._fields, whole.arrays, pieces.arrays, strict=True):
        assert a.tobytes() == b.tobytes(), name


@settings(deadline=None, max_examples=20)
@given(seed=st.integers(0, 2**32))
def test_bbo_at_every_event_boundary(seed: int) -> None:
    engine, oracle = BookEngine(INSTRUMENT), OracleBook()
    for i, r in enumerate(nonsense(seed, 200, spread=6)):
        engine.apply(np.array([r]))
        oracle.apply(r)
        assert engine.book_valid == oracle.valid(), i
        if not oracle.in_event and not oracle.in_snapshot:
            bid, bid_size, ask, ask_size = oracle.bbo()
            assert engine.bbo() == (bid * TICK, bid_size, ask * TICK, ask_size), i


@settings(deadline=None, max_examples=20)
@given(seed=st.integers(0, 2**32), bucket=st.sampled_from([2, 3, 5]))
def test_buckets_sum_their_ticks(seed: int, bucket: int) -> None:
    records = nonsense(seed, 200, wild=0)
    engine = BookEngine(Instrument("TEST", "0.25", bucket_size=str(0.25 * bucket)), n_absolute_ticks=1024)
    oracle = OracleBook()
    engine.apply(records)
    for r in records:
        oracle.apply(r)
    at = engine.clock_ns
    for cell in range((20_000 - 15) // bucket, (20_000 + 15) // bucket + 1):
        ticks = [t for t in range(bucket * (cell - 1), bucket * (cell + 2)) if (t + bucket // 2) // bucket == cell]
        got = engine.tick_state(cell * bucket * TICK, at)
        for name in ("v_add", "a_pull", "j_bid_depth", "fill_mass", "bid_depth", "ask_depth"):
            parts = [tick_state(oracle, tick, at)[name] for tick in ticks]
            scale = sum(abs(x) for tick in ticks for _, x in oracle.impulses.get((tick, "add"), ()))
            assert got[name] == pytest.approx(sum(parts), rel=1e-9, abs=1e-11 * (1 + scale)), (cell, name)


def test_records_of_another_dtype_are_refused() -> None:
    with pytest.raises(ValueError, match="MBO_DTYPE"):
        BookEngine(INSTRUMENT).apply(np.zeros(3, np.int64))


def test_a_time_before_the_clock_is_refused() -> None:
    engine = BookEngine(INSTRUMENT)
    engine.apply(nonsense(1, 50))
    with pytest.raises(ValueError, match="must not be before the clock"):
        engine.tick_state(20_000 * TICK, T0 - 10**12)
