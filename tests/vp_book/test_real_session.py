"""The real session: every fact of the independent reference, and the oracle at every event boundary."""

from __future__ import annotations

import random
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from support.bin_oracle import oracle_bins, volumes_of_rows
from support.book_oracle import OracleBook, tick_state
from support.real_session import real_session
from support.records import TICK

from vp_book import Bbo, BookEngine, Instrument, open_dbn, replay

pytestmark = pytest.mark.real_data

ES = Instrument("ESH4", "0.25")
OPEN = datetime(2023, 12, 25, 18, 0, tzinfo=ZoneInfo("America/New_York"))
SECOND = 1_000_000_000


def ns(moment: datetime) -> int:
    return int(moment.timestamp()) * SECOND


@pytest.fixture(scope="module")
def records() -> np.ndarray:
    return np.concatenate(list(open_dbn(real_session())))


@pytest.fixture(scope="module")
def engine(records: np.ndarray) -> BookEngine:
    engine = BookEngine(ES)
    engine.apply(records)
    return engine


def test_file(records: np.ndarray) -> None:
    source = open_dbn(real_session())
    assert (source.symbol, source.version, source.dataset) == ("ESH4", 1, "GLBX.MDP3")
    assert len(records) == 68_792


def test_certificate(engine: BookEngine) -> None:
    certificate: Any = engine.certificate()
    assert certificate["ok"]
    actions = {"A": 29_216, "C": 17_999, "M": 12_233, "R": 0, "T": 2_973, "F": 6_371, "N": 0}
    assert certificate["records_by_action"] == actions
    assert certificate["snapshot_records"] == 8_725
    assert certificate["events"] == 47_022
    assert certificate["crossed_boundaries"] == {"closed": 0, "pre_open": 891, "regular": 0, "after": 0}
    assert certificate["anomalies"]["hidden_fill"] == 7
    assert certificate["iceberg_refreshes"] == 83
    assert certificate["traded_volume"] == 9_892
    assert certificate["filled_volume"] == 9_936
    assert certificate["aggressor_fill"] == {"records": 107, "volume": 265}
    # in every event what was traded was filled, but for the opening auction, where both sides of a trade had rested
    assert certificate["trades_and_fills"] == {
        "events": 2_833,
        "unequal_events": 0,
        "unequal_volume": 0,
        "without_aggressor": {"events": 1, "traded_volume": 44, "filled_volume": 88},
    }
    changes = {side: row["flow_change"] for side, row in certificate["conservation"].items()}
    assert changes == {"bid": 2_626, "ask": 1_230}


def test_events_end_where_the_venues_time_changes(records: np.ndarray, engine: BookEngine) -> None:
    by_time = BookEngine(ES, event_ends="time")
    by_time.apply(records)
    by_time.finish()
    assert {**by_time.certificate(), "event_ends": "flags"} == engine.certificate()


def test_book_at_the_end(engine: BookEngine) -> None:
    assert engine.order_count == 11_217
    assert engine.bbo() == Bbo(4_810_000_000_000, 22, 4_810_250_000_000, 28)
    assert len(engine.levels("bid")[0]) == 922
    assert len(engine.levels("ask")[0]) == 565
    assert engine.flow_totals() == {"add": 87_641, "pull": 73_849, "fill": 9_936}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("v_add", 0.06584066),
        ("a_add", -0.10052507),
        ("j_add", -0.00786812),
        ("add_mass", 18.247939),
        ("v_pull", 2.41781096),
        ("a_pull", 0.35451688),
        ("j_pull", 0.03562836),
        ("pull_mass", 22.075246),
        ("v_fill", 0.13308830),
        ("a_fill", 0.00424057),
        ("j_fill", -0.00027381),
        ("fill_mass", 1.68895653),
    ],
)
def test_physics_of_the_best_bid(engine: BookEngine, name: str, value: float) -> None:
    assert engine.tick_state(4_810_000_000_000, engine.clock_ns)[name] == pytest.approx(value, abs=1e-6)


def test_oracle_at_every_event_boundary(records: np.ndarray) -> None:
    engine, oracle = BookEngine(ES), OracleBook()
    draw = random.Random(7)
    points = set(draw.sample(range(9_000, 47_022), 200))
    first = 0
    for last in np.flatnonzero(records["flags"] & 128):
        event = records[first : last + 1]
        first = int(last) + 1
        engine.apply(event)
        for r in event:
            oracle.apply(r)
        ladder, low = engine.arrays.ladder, int(engine.arrays.scalars[0].range_lo)
        for tick in {int(p) // TICK for p in event["price"]}:
            if 0 <= tick - low < ladder.shape[1]:
                assert ladder[0, tick - low] == oracle.depth.get(("B", tick), 0)
                assert ladder[1, tick - low] == oracle.depth.get(("A", tick), 0)
        bid, bid_size, ask, ask_size = oracle.bbo()
        assert engine.bbo() == (bid * TICK, bid_size, ask * TICK, ask_size)
        if oracle.events in points:
            tick = int(event["price"][-1]) // TICK + draw.randint(-3, 3)
            at = engine.clock_ns + draw.randint(0, 5 * SECOND)
            got = engine.tick_state(tick * TICK, at)
            for name, value in tick_state(oracle, tick, at).items():
                assert got[name] == pytest.approx(value, rel=1e-9, abs=1e-11), (oracle.events, name)
    for side, letter in (("bid", "B"), ("ask", "A")):
        prices, sizes = engine.levels(side)  # type: ignore[arg-type]
        assert list(zip((prices // TICK).tolist(), sizes.tolist(), strict=True)) == oracle.levels(letter)


def test_bins_field_by_field(records: np.ndarray) -> None:
    start, end, width = ns(OPEN) - 900 * SECOND, ns(OPEN) + 3300 * SECOND, 100_000_000
    oracle = OracleBook()
    bins = replay([records], ES, start_ns=start, end_ns=end)
    draw = random.Random(3)
    count = 0
    for bin_, expected in zip(bins, oracle_bins(records, oracle, start, width, end), strict=True):
        count += 1
        got = {name: bin_.fields[name] for name in expected}
        assert got == expected
        spot = int(bin_.fields["spot_ref_price_int"]) // TICK
        for side, name in (("B", "buy_volume"), ("A", "sell_volume")):
            assert bin_.cells[name].tolist() == volumes_of_rows(oracle, side, spot, 50), (count, name)
        if draw.random() < 0.0005:
            at = max(int(bin_.fields["ts_ns"]), oracle.clock)
            for k in (-7, -1, 0, 1, 4):
                row = k + 50
                since = start - 1800 * SECOND
                for name, value in tick_state(oracle, spot + k, at, since_ns=since).items():
                    assert bin_.cells[name][row] == pytest.approx(value, rel=1e-9, abs=1e-11), (count, k, name)
                assert bin_.pressure[bin_.window_lo + row] == bin_.cells["pressure_variant"][row]
                assert bin_.vacuum[bin_.window_lo + row] == bin_.cells["vacuum_variant"][row]
    assert count == 42_000
