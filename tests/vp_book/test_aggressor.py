"""An order that is modified so that it crosses: its own F fills nothing that rested."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support.records import LAST, T0, TICK, record, stream

from vp_book import BookEngine, Instrument

INSTRUMENT = Instrument("TEST", "0.25")
S = 1_000_000_000


def crossing(kind: str = "C", left: int = 0) -> np.ndarray:
    """A bid of 5 at 19,998 is moved up and takes 5 at 20,001; `kind` is what becomes of it, at the price it left."""
    tick, size = (19_998, 5) if kind == "C" else (20_001, left)
    return stream(
        record("A", "B", 19_999, 9, 1),
        record("A", "B", 19_998, 5, 2),
        record("A", "A", 20_001, 7, 3),
        record("T", "B", 20_001, 5, 2, ts=S, flags=0),
        record("F", "B", 20_001, 5, 2, ts=S, flags=0),
        record("F", "A", 20_001, 5, 3, ts=S, flags=0),
        record(kind, "B", tick, size, 2, ts=S, flags=0),
        record("C", "A", 20_001, 5, 3, ts=S),
    )


def test_the_old_price_sees_a_pull_and_no_fill() -> None:
    engine = BookEngine(INSTRUMENT)
    engine.apply(crossing())
    assert engine.flow_totals() == {"add": 21, "pull": 5, "fill": 5}
    at = T0 + S
    left, traded = engine.tick_state(19_998 * TICK, at), engine.tick_state(20_001 * TICK, at)
    assert (left["v_fill"], left["fill_mass"], left["pull_mass"]) == (0, 0, 5)
    assert (traded["fill_mass"], traded["pull_mass"], traded["ask_depth"]) == (5, 0, 2)
    found: Any = engine.certificate()
    assert found["aggressor_fill"] == {"records": 1, "volume": 5}
    assert found["filled_volume"] == found["traded_volume"] == 5
    assert found["trades_and_fills"]["unequal_events"] == 0
    assert found["anomalies"]["hidden_fill"] == 0
    assert found["ok"]


def test_a_modify_that_leaves_a_rest_is_a_pull_there_and_an_add_here() -> None:
    engine = BookEngine(INSTRUMENT)
    engine.apply(crossing("M", left=2))
    assert engine.flow_totals() == {"add": 21 + 2, "pull": 5, "fill": 5}
    assert engine.levels("bid")[1].tolist() == [2, 9]


def cuts_of(records: np.ndarray) -> Iterator[list[np.ndarray]]:
    for n in range(3):
        for cuts in combinations(range(len(records) + 1), n):
            yield np.split(records, cuts)


def test_wherever_the_event_is_cut_and_saved(tmp_path: Path) -> None:
    records = crossing()
    whole = BookEngine(INSTRUMENT)
    whole.apply(records)
    for pieces in cuts_of(records):
        engine = BookEngine(INSTRUMENT)
        for piece in pieces:
            engine.apply(piece)
            engine.save_checkpoint(tmp_path / "e.book")
            engine = BookEngine.load_checkpoint(tmp_path / "e.book")
        assert engine.certificate() == whole.certificate()


def test_several_aggressors_in_one_event() -> None:
    records = stream(
        record("A", "B", 19_999, 9, 1),
        record("A", "A", 20_001, 9, 2),
        record("A", "A", 20_003, 4, 3),
        record("T", "A", 19_999, 4, 3, ts=S, flags=0),
        record("F", "A", 19_999, 4, 3, ts=S, flags=0),
        record("F", "B", 19_999, 4, 1, ts=S, flags=0),
        record("T", "B", 20_001, 2, 7, ts=S, flags=0),
        record("F", "A", 20_001, 2, 2, ts=S, flags=0),
        record("F", "A", 20_001, 1, 3, ts=S, flags=0),  # of the first T still
        record("C", "B", 19_999, 4, 1, ts=S, flags=0),
        record("C", "A", 20_001, 2, 2, ts=S, flags=0),
        record("C", "A", 20_003, 4, 3, ts=S),
    )
    engine = BookEngine(INSTRUMENT)
    engine.apply(records)
    found: Any = engine.certificate()
    assert found["aggressor_fill"] == {"records": 2, "volume": 5}
    assert engine.flow_totals() == {"add": 22, "pull": 4, "fill": 6}


@pytest.mark.parametrize(
    ("name", "trade", "fill"),
    [
        ("another event", {"flags": LAST}, {}),
        ("another id", {"order_id": 8}, {}),
        ("another side: a resting order that a venue names in its T", {"side": "A"}, {}),
        ("no aggressor, as in an auction", {"side": "N", "order_id": 0}, {"side": "N", "order_id": 0}),
    ],
)
def test_what_is_no_aggressors_own(name: str, trade: dict[str, Any], fill: dict[str, Any]) -> None:
    engine = BookEngine(INSTRUMENT)
    both: dict[str, Any] = {"side": "B", "tick": 19_999, "size": 3, "order_id": 2, "ts": S, "flags": 0}
    engine.apply(
        stream(
            record("A", "B", 19_999, 9, 2),
            record(**{**both, "action": "T", **trade}),
            record(**{**both, "action": "F", **fill}),
            record("C", "B", 19_999, 3, 2, ts=S),
        )
    )
    found: Any = engine.certificate()
    assert found["aggressor_fill"]["records"] == 0, name
    assert engine.flow_totals()["fill"] == 3


def test_an_event_with_very_many_aggressors(tmp_path: Path) -> None:
    """The table grows, inside an event, and a checkpoint holds it."""
    n = 5_000
    trades = np.repeat(stream(record("T", "B", flags=0, ts=S)), n)
    trades["order_id"] = np.arange(10, n + 10)
    fills = trades.copy()
    fills["action"] = b"F"
    engine = BookEngine(INSTRUMENT)
    engine.apply(trades)
    engine.save_checkpoint(tmp_path / "e.book")
    engine = BookEngine.load_checkpoint(tmp_path / "e.book")
    engine.apply(fills)
    engine.apply(stream(record("N", "N", ts=S), record("F", "B", order_id=11, ts=S)))
    found: Any = engine.certificate()
    assert found["aggressor_fill"] == {"records": n, "volume": n}
    assert found["trades_and_fills"] == {
        "events": 2,
        "unequal_events": 2,
        "unequal_volume": n + 1,
        "without_aggressor": {"events": 0, "traded_volume": 0, "filled_volume": 0},
    }


def test_trades_without_fills_are_told_and_are_no_fault() -> None:
    """Hidden orders of a stock trade so: nothing that rested visibly was filled."""
    engine = BookEngine(INSTRUMENT)
    engine.apply(stream(record("A", "B"), record("T", "A", 20_000, 300, 9, ts=S), record("T", "N", 20_000, 0, 0, ts=S)))
    found: Any = engine.certificate()
    assert found["ok"]
    assert found["trades_and_fills"]["unequal_volume"] == 300
    assert found["trades_and_fills"]["without_aggressor"]["events"] == 1
