"""What makes a certificate not ok, in words, and what does not."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from support.records import LAST, SNAPSHOT, T0, orderly, record, stream

from vp_book import BookEngine, Instrument, open_dbn, replay, synthetic
from vp_book.sessions import CONTINUOUS, PHASES, in_session

FUTURE = Instrument("TEST", "0.25")
EQUITY = Instrument("TEST", "0.25", "equity_mbo")
HOUR = 3600 * 10**9


def certificate(records: np.ndarray, instrument: Instrument = FUTURE) -> Any:
    engine = BookEngine(instrument)
    engine.apply(records)
    found = engine.certificate()
    assert found["ok"] == (not found["reasons"])
    assert json.loads(json.dumps(found)) == found
    return found


def test_an_orderly_stream_is_ok() -> None:
    assert certificate(orderly(1, 5_000))["reasons"] == []
    assert certificate(stream())["reasons"] == []


def test_the_synthetic_market_is_ok(tmp_path: Any) -> None:
    synthetic.write_market(tmp_path / "m.dbn", seed=3, minutes=10)
    source = open_dbn(tmp_path / "m.dbn")
    found = certificate(np.concatenate(list(source)))
    assert found["reasons"] == []
    assert found["trades_and_fills"]["unequal_events"] == 0
    assert found["trades_and_fills"]["events"] > 100
    assert found["anomalies"]["sequence_backwards"] == 0


def backwards(records: np.ndarray) -> None:
    records["ts_recv"][::50] -= np.uint64(HOUR)


def undefined(records: np.ndarray) -> None:
    records["ts_recv"][::50] = 2**64 - 1


def ahead(records: np.ndarray) -> None:
    records["ts_recv"][::50] += (np.arange(len(records[::50])) % 7 + 1).astype(np.uint64) * np.uint64(HOUR)


def sequence(records: np.ndarray) -> None:
    records["sequence"][::50] = 7


def off_grid(records: np.ndarray) -> None:
    records["price"][np.flatnonzero(records["action"] == b"A")[::900]] += 100_000_000


def unended(records: np.ndarray) -> None:
    late = (np.arange(len(records)) // 200).astype(np.uint64) * np.uint64(10**9)
    records["ts_recv"] += late
    records["ts_event"] += late
    records["flags"][199::200] &= ~np.uint8(LAST)


def letters(records: np.ndarray) -> None:
    records["action"][np.flatnonzero(records["action"] == b"C")[:20]] = b"x"


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        (backwards, "records have a clock that runs backwards (more than 1 %)"),
        (undefined, "records have no clock (more than 1 %)"),
        (ahead, "records have a clock far from their neighbours' (more than 1 %)"),
        (sequence, "live records have a sequence that goes back (more than 1 %)"),
        (off_grid, "prices lie off the tick grid, with"),
        (unended, "events never ended and were cut off (more than 0.1 %)"),
        (letters, "records have an action that is none of DBN's (more than 0.1 %)"),
    ],
)
def test_damage_of_many_records_is_told_and_of_one_is_not(damage: Any, reason: str) -> None:
    records = orderly(2, 5_000)
    damage(records)
    reasons = certificate(records)["reasons"]
    assert [r for r in reasons if reason in r] == reasons
    assert len(reasons) == 1


def test_one_record_of_each_is_no_reason() -> None:
    records = orderly(2, 5_000)
    records["ts_recv"][1_000] -= np.uint64(HOUR)
    records["ts_recv"][2_000] += np.uint64(HOUR)
    records["ts_recv"][3_000] = 2**64 - 1
    records["sequence"][2_500] = 0
    records["price"][np.flatnonzero(records["action"] == b"A")[500]] += 100_000_000
    found = certificate(records)
    assert found["ok"]
    names = ("clock_backwards", "clock_outlier", "bad_clock", "sequence_backwards", "off_grid_price")
    assert [found["anomalies"][name] for name in names] == [1, 1, 1, 1, 1]


def test_gaps_in_the_sequence_are_no_fault() -> None:
    """It is the channel's, which carries other instruments too."""
    records = orderly(2, 5_000)
    records["sequence"] *= 17
    assert certificate(records)["ok"]


def test_unknown_orders_are_a_fault_only_after_a_snapshot_that_should_have_had_them() -> None:
    records = orderly(2, 5_000)
    lost = records[np.delete(np.arange(len(records)), np.flatnonzero(records["action"] == b"A")[100:200])]
    assert certificate(lost)["ok"]
    assert certificate(lost)["anomalies"]["unknown_cancel"] > 50
    head = stream(record("R", "N", flags=SNAPSHOT), record("A", "B", 19_000, 1, 10**8, flags=SNAPSHOT))
    (reason,) = certificate(np.concatenate([head, lost]))["reasons"]
    assert "cancels and modifies are of orders that neither snapshot nor feed had (more than 1 %)" in reason


def crossed_at(hour: int) -> np.ndarray:
    moment = datetime(2026, 2, 3, hour, 30, tzinfo=ZoneInfo("America/New_York"))  # a Tuesday
    ts = int(moment.timestamp()) * 10**9 - T0
    return stream(record("A", "B", 20_001, 5, 1, ts=ts), record("A", "A", 20_000, 5, 2, ts=ts + 1))


@pytest.mark.parametrize(
    ("instrument", "hour", "phase"),
    [
        (FUTURE, 12, "regular"),
        (FUTURE, 17, "pre_open"),
        (EQUITY, 7, "pre_open"),
        (EQUITY, 12, "regular"),
        (EQUITY, 17, "after"),
        (EQUITY, 22, "closed"),
    ],
)
def test_a_crossed_book_is_a_fault_where_the_market_is_continuous(
    instrument: Instrument, hour: int, phase: str
) -> None:
    found = certificate(crossed_at(hour), instrument)
    assert found["crossed_boundaries"][phase] == 1
    continuous = phase in CONTINUOUS[instrument.product_type]
    assert found["ok"] != continuous
    assert (
        found["reasons"]
        == [f"the book was crossed at 1 event boundaries while the market trades continuously ({phase})"] * continuous
    )
    assert continuous == (phase in ("regular", "after"))


def test_phases_that_are_continuous_are_phases() -> None:
    for phases in CONTINUOUS.values():
        assert set(phases) <= set(PHASES)


def test_a_damaged_time_does_not_put_a_record_outside_the_session() -> None:
    records = crossed_at(15)
    records["ts_recv"][1] += np.uint64(3 * HOUR)
    assert len(in_session("equity_mbo", records)) == 2
    late = crossed_at(18)
    assert len(in_session("equity_mbo", late)) == 0
    late["ts_recv"][0] -= np.uint64(3 * HOUR)
    assert len(in_session("equity_mbo", late)) == 0
    assert list(replay([late], EQUITY)) == []
