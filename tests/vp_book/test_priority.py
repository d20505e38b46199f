"""Which order at a price is filled first, against lists that are kept as the venue keeps them."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.queue_oracle import QueueOracle
from support.real_session import real_session
from support.records import LAST, TICK, nonsense, record, stream

from vp_book import BookEngine, Instrument, ParameterError, QueuePosition, open_dbn
from vp_book.book.orders import O_ID, O_SIZE, O_TICK, O_TURN
from vp_book.records import F_SNAPSHOT, F_TOB

ES = Instrument("ESH4", "0.25")
PRICE = 20_000 * TICK
UNDEFINED_SIZE = 2**32 - 1


class Queues:
    """Orders in lists by side and price tick, the first to be filled first."""

    def __init__(self) -> None:
        self.queues: dict[tuple[str, int], list[list[int]]] = defaultdict(list)  # [id, size, fill not yet settled]
        self.takers: set[tuple[int, str]] = set()

    def apply(self, r: np.void) -> None:
        action, side = r["action"].decode(), r["side"].decode()
        order_id, size, price = int(r["order_id"]), int(r["size"]), int(r["price"])
        level = next((level for level, queue in self.queues.items() for o in queue if o[0] == order_id), None)
        order = next(o for o in self.queues[level] if o[0] == order_id) if level else None
        defined = abs(price) <= 2**62
        if action == "R":
            self.queues.clear()
            self.takers.clear()
        elif size == UNDEFINED_SIZE:
            pass
        elif action == "T" and side != "N":
            self.takers.add((order_id, side))
        elif action == "F" and order is not None and (order_id, side) not in self.takers:
            order[2] += size
        elif action == "C" and side != "N" and level and order is not None and size:
            order[1:] = order[1] - size, 0
            if order[1] <= 0:
                self.queues[level].remove(order)
        elif action in "AM" and side != "N" and defined:
            self._place(order_id, (side, (2 * price + TICK) // (2 * TICK)), size, level, order)
        if int(r["flags"]) & LAST:
            self.takers.clear()
            for queue in self.queues.values():
                for o in queue:
                    o[2] = 0

    def _place(
        self, order_id: int, level: tuple[str, int], size: int, old: tuple[str, int] | None, order: list[int] | None
    ) -> None:
        if old is not None and order is not None:
            if size and old == level and size <= order[1] - order[2]:
                order[1:] = size, 0
                return
            self.queues[old].remove(order)
        if size:
            self.queues[level].append([order_id, size, 0])


def orders_of(records: np.ndarray) -> np.ndarray:
    """The stream without what is no order of a venue: adds that stand for a side, and snapshots."""
    records["flags"] &= ~np.uint8(F_TOB | F_SNAPSHOT)
    return records


def assert_same(engine: BookEngine, queues: Queues) -> None:
    resting = {level: queue for level, queue in queues.queues.items() if queue}
    assert engine.order_count == sum(map(len, resting.values()))
    for (side, tick), queue in resting.items():
        ids, sizes = engine.orders("bid" if side == "B" else "ask", tick * TICK)
        assert ids.dtype == np.uint64
        assert sizes.dtype == np.int64
        assert list(zip(ids.tolist(), sizes.tolist(), strict=True)) == [(o[0], o[1]) for o in queue]
        for at, o in enumerate(queue):
            assert engine.queue_position(o[0]) == (at, sum(before[1] for before in queue[:at]))


@settings(deadline=None, max_examples=60)
@given(
    seed=st.integers(0, 2**32),
    ids=st.sampled_from([2, 5, 40, 300]),
    spread=st.sampled_from([1, 3, 400]),
    wild=st.sampled_from([0.0, 0.3]),
)
def test_priority_is_that_of_the_lists_after_every_record(seed: int, ids: int, spread: int, wild: float) -> None:
    engine, queues = BookEngine(ES, n_absolute_ticks=640), Queues()
    for r in orders_of(nonsense(seed, 80, ids=ids, spread=spread, wild=wild, gap_ns=100)):
        engine.apply(stream(r))
        queues.apply(r)
        assert_same(engine, queues)


def ids_after(*changes: np.void) -> list[int]:
    """Three orders of 5 come to a price, then something happens: the ids in order of priority."""
    engine = BookEngine(ES)
    engine.apply(stream(*(record("A", "B", 20_000, 5, order_id=n) for n in (1, 2, 3)), *changes))
    return engine.orders("bid", PRICE)[0].tolist()


@pytest.mark.parametrize(
    ("changes", "ids"),
    [
        ([], [1, 2, 3]),
        ([record("M", "B", 20_000, 4, 1)], [1, 2, 3]),  # smaller
        ([record("M", "B", 20_000, 6, 1)], [2, 3, 1]),  # larger
        ([record("C", "B", 20_000, 2, 1)], [1, 2, 3]),
        ([record("M", "B", 20_001, 5, 1), record("M", "B", 20_000, 5, 1)], [2, 3, 1]),  # away and back
        ([record("M", "A", 20_000, 5, 2), record("M", "B", 20_000, 5, 2)], [1, 3, 2]),
        ([record("F", "B", 20_000, 2, 1, flags=0), record("M", "B", 20_000, 3, 1)], [1, 2, 3]),  # what the fill left
        ([record("F", "B", 20_000, 5, 1, flags=0), record("M", "B", 20_000, 5, 1)], [2, 3, 1]),  # an iceberg's refill
        ([record("F", "B", 20_000, 2, 1), record("M", "B", 20_000, 5, 1)], [1, 2, 3]),  # a fill that nothing followed
        ([record("C", "B", 20_000, 5, 2), record("A", "B", 20_000, 5, 2)], [1, 3, 2]),
    ],
)
def test_what_keeps_a_place_and_what_loses_it(changes: list[np.void], ids: list[int]) -> None:
    assert ids_after(*changes) == ids


def test_a_position_counts_orders_and_size_of_its_side_and_price() -> None:
    engine = BookEngine(ES)
    engine.apply(
        stream(
            record("A", "B", 20_000, 5, 1),
            record("A", "B", 19_999, 7, 2),
            record("A", "A", 20_000, 9, 3),
            record("A", "B", 20_000, 2, 2**64 - 1),
            record("A", "B", 20_000, 3, 4),
        )
    )
    assert engine.queue_position(1) == QueuePosition(orders_ahead=0, size_ahead=0)
    assert engine.queue_position(2**64 - 1) == QueuePosition(1, 5)
    assert engine.queue_position(4) == QueuePosition(2, 7)
    ids, sizes = engine.orders("bid", PRICE)
    assert ids.tolist() == [1, 2**64 - 1, 4]
    assert sizes.tolist() == [5, 2, 3]
    assert [len(found) for found in engine.orders("ask", PRICE + TICK)] == [0, 0]


def test_what_is_no_order_and_no_price_is_refused() -> None:
    engine = BookEngine(ES)
    engine.apply(stream(record("A", "B", 20_000, 5, 1)))
    with pytest.raises(ParameterError, match="order_id=2: no such order rests in the book"):
        engine.queue_position(2)
    with pytest.raises(ParameterError, match="must be a multiple of the tick, 250000000"):
        engine.orders("bid", PRICE + 1)
    with pytest.raises(ParameterError, match="side="):
        engine.orders("buy", PRICE)  # type: ignore[arg-type]
    with pytest.raises(ParameterError, match="order_id=-1"):
        engine.queue_position(-1)


def test_a_checkpoint_keeps_the_queues(tmp_path: Path) -> None:
    records, path = orders_of(nonsense(7, 600, ids=60, spread=3, gap_ns=100)), tmp_path / "state"
    engine, queues = BookEngine(ES), Queues()
    engine.apply(records[:300])
    engine.save_checkpoint(path)
    again = BookEngine.load_checkpoint(path)
    again.apply(records[300:])
    for r in records:
        queues.apply(r)
    assert_same(again, queues)


@pytest.mark.real_data
def test_real_session_has_the_queues_of_an_independent_book() -> None:
    records = np.concatenate(list(open_dbn(real_session())))
    engine, oracle = BookEngine(ES), QueueOracle(TICK, max_wait_bins=1)
    seen = 0
    for at in range(0, len(records), 6000):
        part = records[at : at + 6000]
        engine.apply(part)
        for r in part:
            oracle.apply(r)
        for (side, tick), queue in oracle.queue.items():
            ids, sizes = engine.orders("bid" if side == "B" else "ask", tick * TICK)
            assert list(zip(ids.tolist(), sizes.tolist(), strict=True)) == [(o, oracle.size[o]) for o in queue]
            seen += len(queue)
    assert seen > 50_000


def turns(engine: BookEngine, side: str, price_int: int) -> dict[int, int]:
    """Order id -> turn, of the orders at a price."""
    orders = engine.arrays.orders
    there = orders[
        (orders[:, O_TICK] == price_int // TICK) & (np.sign(orders[:, O_SIZE]) == (1 if side == "B" else -1))
    ]
    return dict(zip(there[:, O_ID].tolist(), there[:, O_TURN].tolist(), strict=True))


@pytest.mark.real_data
def test_every_fill_of_the_real_session_hits_the_order_that_stands_first() -> None:
    """No order ahead of one that is filled keeps its place: it is filled, withdrawn or requeued in the same event."""
    records = np.concatenate(list(open_dbn(real_session())))
    engine = BookEngine(ES)
    fills = first = volume = elsewhere = 0
    start = 0
    for end in (np.flatnonzero(records["flags"] & LAST) + 1).tolist():
        event = records[start:end]
        start = end
        takers = {(int(r["order_id"]), r["side"]) for r in event if r["action"] == b"T"}
        filled: dict[tuple[str, int], dict[int, int]] = defaultdict(lambda: defaultdict(int))
        for r in event[event["action"] == b"F"]:
            if (int(r["order_id"]), r["side"]) not in takers:
                filled[r["side"].decode(), int(r["price"])][int(r["order_id"])] += int(r["size"])
        before = {level: turns(engine, *level) for level in filled}
        engine.apply(event)
        for level, sizes in filled.items():
            after = turns(engine, *level)
            kept = [turn for order_id, turn in before[level].items() if after.get(order_id) == turn]
            for order_id, size in sizes.items():
                turn = before[level].get(order_id)
                if turn is None:
                    elsewhere += 1
                    continue
                fills += 1
                volume += size
                first += all(turn <= other for other in kept)
    assert (fills, volume, elsewhere) == (6_175, 9_860, 33)
    assert first == fills
