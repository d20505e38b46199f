"""The synthetic market replayed by an independent book made of dictionaries and lists."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest

from vp_book.records import F_LAST, F_SNAPSHOT, MBO_DTYPE, UNDEF_PRICE
from vp_book.synthetic import MarketFile, write_market

TICK = 250_000_000


def read_records(path: Path) -> np.ndarray:
    data = path.read_bytes()
    return np.frombuffer(data, dtype=MBO_DTYPE, offset=8 + int.from_bytes(data[4:8], "little"))


@pytest.fixture(scope="module")
def market(tmp_path_factory: pytest.TempPathFactory) -> MarketFile:
    path = tmp_path_factory.mktemp("synthetic") / "m.dbn"
    return write_market(path, seed=11, minutes=3, start="09:28", effect=0.5)


@pytest.fixture(scope="module")
def records(market: MarketFile) -> np.ndarray:
    return read_records(market.path)


@dataclass
class PlainBook:
    """Price-time priority from the records alone; every contradiction is an assertion."""

    orders: dict[int, list] = field(default_factory=dict)  # id -> [side, price, size]
    queues: dict[tuple[str, int], list[int]] = field(default_factory=lambda: defaultdict(list))
    ids: set[int] = field(default_factory=set)
    refreshed: int = 0
    moved_back: int = 0
    flow: Counter = field(default_factory=Counter)

    def event(self, rows: list[tuple]) -> None:
        """Apply one event: rows of (action, side, order_id, price, size, flags)."""
        filled: Counter = Counter()
        traded: Counter = Counter()
        exhausted: set[int] = set()
        for action, side, order_id, price, size, flags in rows:
            if action == "R":
                assert flags & F_SNAPSHOT
                assert price == UNDEF_PRICE
                self.orders.clear()
                self.queues.clear()
            elif action == "T":
                traded[price] += size
            elif action == "F":
                self._fill(side, order_id, price, size, filled, exhausted)
                traded[price] -= size
            elif action == "A":
                if not flags & F_SNAPSHOT:
                    assert order_id not in self.ids
                    self.flow["depth"] += size
                    self.flow["add"] += size
                assert order_id not in self.orders
                self.ids.add(order_id)
                self.orders[order_id] = [side, price, size]
                self.queues[side, price].append(order_id)
            elif action == "C":
                order = self.orders.pop(order_id)
                assert order == [side, price, size]
                self.queues[side, price] = [i for i in self.queues[side, price] if i != order_id]
                self._account(order_id, -size, filled)
            elif action == "M":
                self._modify(side, order_id, price, size, filled, exhausted)
            else:
                raise AssertionError(action)
        assert not any(traded.values()), "T volume and F volume of an event differ"
        assert not filled, "a fill without a cancel or modify"

    def _fill(self, side: str, order_id: int, price: int, size: int, filled: Counter, exhausted: set[int]) -> None:
        order = self.orders[order_id]
        assert order[:2] == [side, price]
        queue = self.queues[side, price]
        # Orders that gave all they displayed are behind the rest if they are icebergs, and gone if they are not.
        while queue[0] != order_id:
            assert queue[0] in exhausted, "priority was not kept"
            queue.append(queue.pop(0))
        filled[order_id] += size
        self.flow["fill"] += size
        if order_id in exhausted:
            return
        assert filled[order_id] <= order[2]
        if filled[order_id] == order[2]:
            exhausted.add(order_id)
            queue.append(queue.pop(0))

    def _modify(self, side: str, order_id: int, price: int, size: int, filled: Counter, exhausted: set[int]) -> None:
        order = self.orders[order_id]
        assert order[0] == side
        assert size > 0
        if order_id in exhausted:
            assert price == order[1]
            self.refreshed += 1
        elif order_id in filled:
            assert (price, size) == (order[1], order[2] - filled[order_id])
        elif price != order[1] or size > order[2]:
            self.queues[side, order[1]].remove(order_id)
            self.queues[side, price].append(order_id)
            self.moved_back += 1
        self._account(order_id, size - order[2], filled)
        order[1:] = [price, size]

    def _account(self, order_id: int, change: int, filled: Counter) -> None:
        """Split a change of displayed depth as d = add - pull - fill."""
        rest = change + filled.pop(order_id, 0)
        self.flow["depth"] += change
        self.flow["add" if rest > 0 else "pull"] += abs(rest)

    def best(self, side: str) -> int:
        prices = [price for (s, price), queue in self.queues.items() if s == side and queue]
        return max(prices) if side == "B" else min(prices)


def events(records: np.ndarray):
    rows = []
    for row in records[["action", "side", "order_id", "price", "size", "flags"]].tolist():
        rows.append((row[0].decode(), row[1].decode(), *row[2:]))
        if row[5] & F_LAST:
            yield rows
            rows = []
    assert not rows, "the file ends inside an event"


@pytest.fixture(scope="module")
def replayed(records: np.ndarray) -> tuple[PlainBook, list[int]]:
    """The book at the end, and the spread in ticks at every hundredth event boundary."""
    book = PlainBook()
    spreads = []
    for i, rows in enumerate(events(records)):
        book.event(rows)
        if i % 100 == 0 or len(rows) > 20:
            spreads.append((book.best("A") - book.best("B")) // TICK)
    return book, spreads


def test_every_record_agrees_with_the_book_before_it(replayed: tuple[PlainBook, list[int]]) -> None:
    book, _ = replayed
    assert book.refreshed > 20, "icebergs show again"
    assert book.moved_back > 500
    assert len(book.orders) > 3_000


def test_never_crossed_and_mostly_one_tick_wide(replayed: tuple[PlainBook, list[int]]) -> None:
    spreads = np.array(replayed[1])
    assert spreads.min() >= 1
    assert np.mean(spreads == 1) > 0.7
    assert spreads.max() > 1


def test_flow_is_conserved(replayed: tuple[PlainBook, list[int]]) -> None:
    flow = replayed[0].flow
    assert flow["depth"] == flow["add"] - flow["pull"] - flow["fill"]
    assert min(flow["add"], flow["pull"], flow["fill"]) > 1_000


def test_reset_shows_the_same_book(records: np.ndarray) -> None:
    book = PlainBook()
    at = np.flatnonzero(records["action"] == b"R")
    assert len(at) == 2
    assert at[0] == 0
    for rows in events(records[: at[1]]):
        book.event(rows)
    before = {key: list(queue) for key, queue in book.queues.items() if queue}
    orders = {order_id: list(order) for order_id, order in book.orders.items()}
    end = at[1] + 1 + np.flatnonzero(records["flags"][at[1] :] & F_LAST)[0]
    for rows in events(records[at[1] : end]):
        book.event(rows)
    assert book.orders == orders
    assert {key: queue for key, queue in book.queues.items() if queue} == before
    assert int(records["ts_recv"][at[1]]) % 60_000_000_000 == 0


def test_depth_fills_the_window(replayed: tuple[PlainBook, list[int]]) -> None:
    book, _ = replayed
    for side, sign in (("B", -1), ("A", 1)):
        depth = [
            sum(book.orders[i][2] for i in book.queues[side, book.best(side) + sign * k * TICK]) for k in range(60)
        ]
        assert min(depth[1:]) > 0
        assert 30 < np.mean(depth) < 300


def test_clocks_sequences_and_ids(market: MarketFile, records: np.ndarray) -> None:
    live = records[(records["flags"] & F_SNAPSHOT) == 0]
    for column in ("ts_recv", "ts_event", "sequence"):
        assert (np.diff(live[column].astype(np.int64)) >= 0).all(), column
    assert (np.diff(records["ts_recv"].astype(np.int64)) >= 0).all()
    assert market.start_ns <= records["ts_recv"][0]
    assert records["ts_recv"][-1] < market.end_ns
    delay = live["ts_recv"].astype(np.int64) - live["ts_event"].astype(np.int64)
    assert delay.min() > 0
    assert np.median(delay) < 1_000_000
    packets = live[["ts_recv", "sequence", "ts_in_delta"]]
    same = packets["sequence"][1:] == packets["sequence"][:-1]
    assert (packets["ts_recv"][1:] == packets["ts_recv"][:-1])[same].all()
    assert same.mean() > 0.05, "events share packets"


def test_records_look_like_cme(records: np.ndarray) -> None:
    assert set(np.unique(records["flags"])) == {0, 130, 40, 168}
    assert (records["length"] == 14).all()
    assert (records["rtype"] == 160).all()
    assert len(np.unique(records["instrument_id"])) == 1
    shares = {a: float(np.mean(records["action"] == a)) for a in (b"A", b"C", b"M", b"T", b"F")}
    assert min(shares.values()) > 0.01, shares
    starts = np.concatenate([[0], np.flatnonzero(records["flags"] & F_LAST)[:-1] + 1])
    sides = {s: int(np.sum(records["side"][records["action"] == b"T"] == s)) for s in (b"A", b"B")}
    assert min(sides.values()) > 50
    swept = 0
    for first, last in zip(starts, np.append(starts[1:], len(records)), strict=True):
        if last - first > 3:
            prices = records["price"][first:last][records["action"][first:last] == b"T"]
            swept += len(np.unique(prices)) > 1
    assert swept > 0, "no aggressor swept more than one level"


def test_rate_is_of_a_busy_future(market: MarketFile, records: np.ndarray) -> None:
    live = records[(records["flags"] & F_SNAPSHOT) == 0]
    per_second = np.bincount(((live["ts_recv"] - market.start_ns) // 1_000_000_000).astype(np.int64))
    assert 200 < per_second.mean() < 1_500
    assert per_second.var() > 4 * per_second.mean(), "no more clustered than a Poisson process"


def test_events_cluster_on_every_scale(market: MarketFile, records: np.ndarray) -> None:
    times = records["ts_recv"][(records["flags"] & F_LAST) != 0].astype(np.int64) - market.start_ns
    for window_ns in (1_000_000, 10_000_000, 100_000_000, 1_000_000_000):
        counts = np.bincount(times // window_ns)
        assert counts.var() > 3 * counts.mean(), f"{window_ns} ns: hardly more clustered than a Poisson process"
    gaps = np.diff(times)
    assert np.median(gaps) < 0.2 * gaps.mean()


def test_some_orders_live_for_milliseconds(records: np.ndarray) -> None:
    live = records[(records["flags"] & F_SNAPSHOT) == 0]
    ages: list[int] = []
    born: dict[int, int] = {}
    for action, order_id, ts in live[["action", "order_id", "ts_event"]].tolist():
        if action == b"A":
            born[order_id] = ts
        elif action == b"C" and order_id in born:
            ages.append(ts - born[order_id])
    short = np.array(ages) < 10_000_000
    assert 0.03 < short.sum() / len(born) < 0.3
    assert min(ages) > 0


def test_most_orders_arrive_at_the_touch(records: np.ndarray) -> None:
    book = PlainBook()
    at_touch = []
    for i, rows in enumerate(events(records)):
        if i % 20 == 0 and len(rows) == 1 and rows[0][0] == "A" and i > 0:
            side, price = rows[0][1], rows[0][3]
            at_touch.append((book.best(side) - price) * (1 if side == "B" else -1) <= 0)
        book.event(rows)
    assert 0.35 < np.mean(at_touch) < 0.65


def test_sidecar_counts_what_is_there(market: MarketFile, records: np.ndarray) -> None:
    sidecar = json.loads(market.sidecar.read_text())
    names = {"add": b"A", "cancel": b"C", "modify": b"M", "clear": b"R", "trade": b"T", "fill": b"F"}
    assert sidecar["records"] == len(records) == market.records
    assert sidecar["records_by_action"] == {n: int(np.sum(records["action"] == a)) for n, a in names.items()}
    assert sidecar["snapshot_records"] == int(np.sum((records["flags"] & F_SNAPSHOT) != 0))
    trades, fills = (records["size"][records["action"] == a].sum(dtype=np.int64) for a in (b"T", b"F"))
    assert sidecar["volume"] == trades == fills
    assert sidecar["planted_effect"]["lag_ms"] == 2000
    assert sidecar["planted_effect"]["strength"] == 0.5
    assert sidecar["arguments"]["seed"] == 11
