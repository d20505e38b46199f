"""What became of every order, against dictionaries; by hand; and on the real session."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.real_session import real_session
from support.records import LAST, T0, TICK, nonsense, record, stream

from vp_book import MBO_DTYPE, BookEngine, Instrument, ParameterError, lifetimes, open_dbn
from vp_book.records import F_SNAPSHOT, F_TOB
from vp_book.tables import LIFETIME_DTYPE

ES = Instrument("ESH4", "0.25")
Row = dict[str, int | str]


@dataclass
class Lives:
    """The orders that rest, in lists by level, and a row for each that ever came."""

    rows: list[Row] = field(default_factory=list)
    resting: dict[int, Row] = field(default_factory=dict)
    queues: dict[tuple[str, int], list[Row]] = field(default_factory=lambda: defaultdict(list))
    takers: set[tuple[int, str]] = field(default_factory=set)

    def apply(self, r: np.void) -> None:
        action, side = r["action"].decode(), {"B": "bid", "A": "ask"}.get(r["side"].decode(), "")
        order_id, size, price, ts = int(r["order_id"]), int(r["size"]), int(r["price"]), int(r["ts_recv"])
        row = self.resting.get(order_id)
        unsized = size == 2**32 - 1
        if action == "R":
            self._settle()
            for row in self.resting.values():
                row.update(ended_ns=ts, outcome="cleared")
            self.resting.clear()
            self.queues.clear()
        elif unsized:
            pass
        elif action == "T" and side:
            self.takers.add((order_id, side))
        elif action == "F" and row and (order_id, side) not in self.takers:
            add(row, filled=size, open=size)
        elif action == "C" and side and row and size:
            self._resize(row, self._level(row), max(0, int(row["left"]) - size), ts, keeps=True)
        elif action in "AM" and side and abs(price) <= 2**62:
            self._place(row, order_id, (side, (2 * price + TICK) // (2 * TICK)), size, ts, bool(r["flags"] & 32))
        if int(r["flags"]) & LAST:
            self._settle()
            self.takers.clear()
            for side in ("bid", "ask"):
                ticks = [tick for (of, tick), queue in self.queues.items() if of == side and queue]
                for row in self.queues[side, max(ticks) if side == "bid" else min(ticks)] if ticks else ():
                    row["touched_ns"] = ts if row["touched_ns"] == -1 else row["touched_ns"]

    def _level(self, row: Row) -> tuple[str, int]:
        return str(row["side"]), int(row["last_price_int"]) // TICK

    def _settle(self) -> None:
        for row in self.resting.values():
            add(row, gained=int(row["open"]))
            row["open"] = 0

    def _place(
        self, row: Row | None, order_id: int, level: tuple[str, int], size: int, ts: int, snapshot: bool
    ) -> None:
        if row is not None:
            self._resize(row, level, size, ts)
        elif size:
            queue = self.queues[level]
            ahead = sum(int(other["left"]) for other in queue)
            row = {"order_id": order_id, "side": level[0], "price_int": level[1] * TICK, "size": size, "left": size}
            row |= {"last_price_int": level[1] * TICK, "added_ns": ts, "touched_ns": -1, "ended_ns": -1}
            row |= {"orders_ahead": len(queue), "size_ahead": ahead, "in_snapshot": snapshot, "outcome": "resting"}
            row |= dict.fromkeys(("gained", "filled", "pulled", "moves", "requeued", "open"), 0)
            self.rows.append(row)
            self.resting[order_id] = row
            queue.append(row)

    def _resize(self, row: Row, level: tuple[str, int], size: int, ts: int, keeps: bool = False) -> None:
        moved = size > 0 and level != self._level(row)
        gained = size - int(row["left"]) + int(row["open"])
        self.queues[self._level(row)].remove(row)
        if size:
            row["side"], row["last_price_int"] = level[0], level[1] * TICK
            self.queues[level].append(row)
            add(row, moves=int(moved), requeued=int(moved or (gained > 0 and not keeps)))
        else:
            row.update(ended_ns=ts, outcome="filled" if gained >= 0 and row["open"] else "pulled")
            del self.resting[int(row["order_id"])]
        add(row, gained=max(0, gained), pulled=max(0, -gained))
        row.update(left=size, open=0)


def add(row: Row, **amounts: int) -> None:
    for name, amount in amounts.items():
        row[name] = int(row[name]) + amount


def orders_of(records: np.ndarray) -> np.ndarray:
    """The stream without adds that stand for a side, snapshots, and times that are nonsense."""
    records["flags"] &= ~np.uint8(F_TOB | F_SNAPSHOT)
    records["ts_recv"] = T0 + 100 * np.arange(len(records))
    return records


@settings(deadline=None, max_examples=80)
@given(
    seed=st.integers(0, 2**32),
    ids=st.sampled_from([2, 5, 40, 300]),
    spread=st.sampled_from([1, 3, 400]),
    cut=st.integers(0, 400),
)
def test_every_life_is_that_of_the_dictionaries(seed: int, ids: int, spread: int, cut: int) -> None:
    records = orders_of(nonsense(seed, 400, ids=ids, spread=spread))
    lives = Lives()
    for r in records:
        lives.apply(r)
    table = lifetimes([records[:cut], records[cut:]], ES)
    assert table.dtype == LIFETIME_DTYPE
    assert len(table) == len(lives.rows)
    last = T0 + 100 * (len(records) - 1)
    for row, expected in zip(table, lives.rows, strict=True):
        add(expected, gained=int(expected.pop("open")))
        ended = int(expected["ended_ns"])
        expected["duration_ns"] = (last if ended < 0 else ended) - int(expected["added_ns"])
        assert {name: row[name].item() for name in LIFETIME_DTYPE.names or ()} == expected


def one(*records: np.void) -> dict[str, int | str]:
    """The life of order 1, which comes at 20,000 with a size of 5 behind 3 of another order."""
    before = [record("A", "B", 20_000, 3, 9, 0), record("A", "B", 20_000, 5, 1, 1)]
    table = lifetimes([stream(*before, *records)], ES)
    row = table[table["order_id"] == 1][0]
    return {name: row[name].item() for name in LIFETIME_DTYPE.names or ()}


def test_an_order_that_is_filled_in_parts() -> None:
    row = one(
        record("F", "B", 20_000, 2, 1, 5, flags=0),
        record("M", "B", 20_000, 3, 1, 5),
        record("F", "B", 20_000, 3, 1, 9, flags=0),
        record("C", "B", 20_000, 3, 1, 9),
    )
    assert row["outcome"] == "filled"
    assert (row["size"], row["filled"], row["pulled"], row["gained"], row["left"]) == (5, 5, 0, 0, 0)
    assert (row["orders_ahead"], row["size_ahead"], row["requeued"]) == (1, 3, 0)
    assert (row["added_ns"], row["touched_ns"], row["ended_ns"], row["duration_ns"]) == (T0 + 1, T0 + 1, T0 + 9, 8)


def test_an_iceberg_gains_what_it_shows_again() -> None:
    row = one(
        record("F", "B", 20_000, 5, 1, 5, flags=0), record("M", "B", 20_000, 5, 1, 5), record("C", "B", 20_000, 5, 1)
    )
    assert (row["outcome"], row["filled"], row["gained"], row["pulled"], row["requeued"]) == ("pulled", 5, 5, 5, 1)


def test_an_order_that_is_touched_when_the_market_comes_to_it() -> None:
    row = one(
        record("M", "B", 19_990, 5, 1, 3),
        record("A", "B", 20_001, 1, 8, 4),
        record("C", "B", 20_001, 1, 8, 5),
        record("M", "B", 19_990, 1, 1, 6),
    )
    assert (row["price_int"], row["last_price_int"]) == (20_000 * TICK, 19_990 * TICK)
    assert (row["moves"], row["requeued"], row["pulled"], row["left"], row["ended_ns"]) == (1, 1, 4, 1, -1)
    first, better = record("A", "B", 10, 1, 1, 0), record("A", "B", 11, 1, 2, 1)
    assert lifetimes([stream(first, better)], ES)["touched_ns"].tolist() == [T0, T0 + 1]
    behind, gone = record("A", "B", 10, 1, 1, 2), record("C", "B", 11, 1, 2, 7)
    assert lifetimes([stream(better, behind)], ES)["touched_ns"].tolist() == [T0 + 1, -1]
    assert lifetimes([stream(better, behind, gone)], ES)["touched_ns"].tolist() == [T0 + 1, T0 + 7]


def test_a_clear_ends_all_and_an_id_may_come_again() -> None:
    table = lifetimes([stream(record("A", "B", 10, 4, 1), record("R", ts=2), record("A", "A", 12, 1, 1, 3))], ES)
    assert table["outcome"].tolist() == ["cleared", "resting"]
    assert table["left"].tolist() == [4, 1]
    assert table["side"].tolist() == ["bid", "ask"]


def test_orders_of_a_snapshot_say_so() -> None:
    first, last = (record("A", "B", 10, 2 * n, n, flags=F_SNAPSHOT | LAST * (n == 2)) for n in (1, 2))
    table = lifetimes([stream(first, last)], ES)
    assert table["in_snapshot"].all()
    assert table["size_ahead"].tolist() == [0, 2]


def test_no_records_and_many_orders() -> None:
    assert len(lifetimes([], ES)) == 0
    n = 40_000
    records = np.repeat(stream(record("A", "B", 10, 1, 1)), n)
    records["order_id"] = np.arange(n)
    records["price"] = (1_000 + np.arange(n) % 30_000) * TICK
    records["flags"] = np.where(np.arange(n) < n - 1, 0, LAST)
    table = lifetimes(np.split(records, [17, 20_000]), ES)
    assert table["order_id"].tolist() == list(range(n))
    assert table["orders_ahead"].sum() == n - 30_000
    assert (table["touched_ns"] >= 0).sum() == 1


def test_a_feed_without_orders_is_refused() -> None:
    with pytest.raises(ParameterError, match="take a market-by-order feed"):
        lifetimes([stream(record("A", "B", 10, 4, 1, flags=LAST | F_TOB))], ES)
    with pytest.raises(ParameterError, match="MBO_DTYPE"):
        lifetimes([np.zeros(3)], ES)


@pytest.mark.real_data
def test_real_session() -> None:
    records = np.concatenate(list(open_dbn(real_session())))
    table = lifetimes([records], ES)
    engine = BookEngine(ES)
    engine.apply(records)
    assert records.dtype == MBO_DTYPE
    assert len(table) == 29_216  # every add of the session is of a new order
    assert Counter(table["outcome"].tolist())["resting"] == engine.order_count
    assert table["in_snapshot"].sum() == 8_725
    assert (table["size"] + table["gained"] == table["filled"] + table["pulled"] + table["left"]).all()
    resting = table[table["outcome"] == "resting"]
    for side in ("bid", "ask"):
        prices, sizes = engine.levels(side)
        of_side = resting[resting["side"] == side]
        for price, size in zip(prices, sizes, strict=True):
            assert of_side["left"][of_side["last_price_int"] == price].sum() == size
    filled = records[records["action"] == b"F"]["size"].sum()
    certificate: dict[str, object] = engine.certificate()
    assert certificate["filled_volume"] == 9_936
    assert filled - 265 - table["filled"].sum() == 14  # of orders that do not rest, and of aggressors
    assert all(a <= b for a, b in pairwise(table["added_ns"].tolist()))
