"""Passive fills by true queue position: hand-made queues, and every join of a stream against the plain oracle."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from support.queue_oracle import QueueOracle
from support.real_session import real_session
from support.records import LAST, SNAPSHOT, TICK, record, stream

from vp_book import BookEngine, Instrument, ParameterError, open_dbn, replay
from vp_book.queue import FILLED_AT, FILLED_THROUGH, QueueFollower, QueueJoins
from vp_book.synthetic import write_market

SECOND = 1_000_000_000
BIN = SECOND // 10
BID, ASK = 20_000, 20_001
OPEN_NS = 1_703_545_200 * SECOND
"""18:00 New York on 2023-12-25, when the real session opens."""


class Market:
    """A book with a queue, and the records of one bin after the other."""

    def __init__(self, max_wait_bins: int = 50) -> None:
        self.engine = BookEngine(Instrument("X", "0.25"))
        self.queue = QueueFollower(TICK, max_wait_bins=max_wait_bins)
        self.bin(record("A", "B", BID, 5, 1), record("A", "B", BID, 3, 2), record("A", "A", ASK, 4, 3))

    def bin(self, *records: np.void) -> None:
        """The records of a bin, at whose end one lot joins each side."""
        if records:
            self.engine.apply(stream(*records))
            self.queue.apply(stream(*records))
        self.queue.close_bin(self.engine)

    def first(self, side: int = 0) -> tuple[int, int, int]:
        """(ahead, bins waited, how) of the first join."""
        joins = self.queue.joins()
        return int(joins.ahead[0, side]), int(joins.wait_bins[0, side]), int(joins.how[0, side])


def event(*records: np.void) -> list[np.void]:
    """Records of one event: the last one ends it."""
    out = [one.copy() for one in records]
    for one in out[:-1]:
        one["flags"] = 0
    out[-1]["flags"] = LAST
    return out


def sold(*fills: tuple[int, int], cancels: bool = True) -> list[np.void]:
    """A seller takes from (order id, size) at the bid."""
    volume = sum(size for _, size in fills)
    records = [record("T", "A", BID, volume, 900)]
    records += [record("F", "B", BID, size, order_id) for order_id, size in fills]
    if cancels:
        records += [record("C", "B", BID, size, order_id) for order_id, size in fills]
    return event(*records)


def test_it_is_filled_when_something_trades_behind_what_was_ahead() -> None:
    market = Market()
    market.bin(*sold((1, 5)))
    market.bin(record("A", "B", BID, 7, 4))
    market.bin(*sold((2, 3), (4, 1)))
    assert market.first() == (8, 3, FILLED_AT)
    assert market.first(1) == (4, -1, 0)


def test_the_last_lot_ahead_is_not_its_own() -> None:
    market = Market()
    market.bin(record("A", "B", BID, 7, 4), *sold((1, 5), (2, 3)))
    assert market.first() == (8, -1, 0)
    market.bin(*sold((4, 1)))
    assert market.first() == (8, 2, FILLED_AT)


def test_cancels_and_lost_priority_shorten_what_is_ahead() -> None:
    market = Market()
    market.bin(record("C", "B", BID, 5, 1))
    market.bin(record("M", "B", BID, 9, 2))  # larger: behind us now
    market.bin(*sold((2, 1)))
    assert market.first() == (8, 3, FILLED_AT)
    kept = Market()
    kept.bin(record("C", "B", BID, 5, 1))
    kept.bin(record("M", "B", BID, 2, 2))  # smaller: keeps its place
    kept.bin(*sold((2, 1)))
    assert kept.first() == (8, -1, 0)


def test_a_refilled_iceberg_goes_behind() -> None:
    market = Market()
    market.bin(record("C", "B", BID, 5, 1))
    refill = event(record("T", "A", BID, 3, 900), record("F", "B", BID, 3, 2), record("M", "B", BID, 3, 2))
    market.bin(*refill)
    assert market.first() == (8, -1, 0)
    market.bin(*sold((2, 1)))
    assert market.first() == (8, 3, FILLED_AT)


def test_hidden_quantity_of_an_order_ahead_leaves_its_display_ahead() -> None:
    market = Market()
    market.bin(record("C", "B", BID, 5, 1))
    market.bin(*sold((2, 50), cancels=False))
    assert market.first() == (8, -1, 0)
    market.bin(*sold((2, 50)))  # beyond its display it is behind us, and now the display is gone
    assert market.first() == (8, 3, FILLED_AT)


def test_a_trade_at_a_worse_price_fills_it() -> None:
    market = Market()
    market.bin(*event(record("T", "A", BID - 1, 1, 900)))
    assert market.first() == (8, 1, FILLED_THROUGH)
    assert market.first(1) == (4, -1, 0)
    market.bin(*event(record("T", "N", ASK + 1, 1, 900)))
    assert market.first(1) == (4, 2, FILLED_THROUGH)


def test_an_aggressors_own_fill_is_none() -> None:
    market = Market()
    market.bin(record("C", "B", BID, 5, 1), record("C", "B", BID, 3, 2), record("A", "B", BID, 2, 7))
    # order 7 crosses: it trades as aggressor, and its own F names its side and the price it left
    crossing = event(
        record("T", "B", ASK, 2, 7), record("F", "B", BID, 2, 7), record("F", "A", ASK, 2, 3),
        record("C", "B", BID, 2, 7), record("C", "A", ASK, 2, 3),
    )  # fmt: skip
    market.bin(*crossing)
    assert market.first() == (8, -1, 0)
    assert market.first(1) == (4, -1, 0)


def test_a_clear_ends_it_and_a_wait_is_bounded() -> None:
    market = Market()
    market.bin(record("R", "N", None, 0, 0))
    market.bin(record("A", "B", BID, 1, 11), record("A", "A", ASK, 1, 12), *sold((11, 1)))
    assert market.first() == (8, -1, 0)
    waited = Market(max_wait_bins=2)
    for _ in range(3):
        waited.bin()
    waited.bin(*event(record("T", "A", BID - 1, 1, 900)))
    joins = waited.queue.joins()
    assert joins.wait_bins[:, 0].tolist() == [-1, -1, 2, 1, -1]


def test_none_joins_a_book_that_is_not_valid() -> None:
    market = Market()
    market.bin(record("C", "A", ASK, 4, 3))
    market.bin(record("A", "A", BID - 1, 4, 4))
    joins = market.queue.joins()
    assert joins.price_int[:, 0].tolist() == [BID * TICK, 0, 0]
    assert joins.ahead[1:].tolist() == [[0, 0], [0, 0]]


def follow_both(records: np.ndarray, start: int, every: int, side_ticks: int, wait: int) -> QueueJoins:
    """Joins of every `every`th bin from `start` on by the oracle held against the kernels'; returns the kernels'."""
    engine = BookEngine(Instrument("X", "0.25"))
    queue, oracle = QueueFollower(side_ticks, max_wait_bins=wait), QueueOracle(side_ticks, wait)
    start, end_ns = start // BIN * BIN, int(records["ts_recv"][-1])
    at = engine.apply_until(records, 0, start)
    queue.apply(records, 0, at)
    for r in records[:at]:
        oracle.apply(r)
    rng = np.random.default_rng(0)
    for bin_seq in range((end_ns - start) // BIN):
        before, at = at, engine.apply_until(records, at, start + (bin_seq + 1) * BIN)
        middle = int(rng.integers(before, at + 1))  # pieces may be cut anywhere
        queue.apply(records, before, middle)
        queue.apply(records, middle, at)
        queue.close_bin(engine)
        for r in records[before:at]:
            oracle.apply(r)
        bbo = engine.bbo()
        ticks = bbo.bid_price_int // side_ticks, bbo.ask_price_int // side_ticks
        oracle.close_bin(*ticks, valid=engine.book_valid, joins=bin_seq % every == 0)
    found = queue.joins()
    assert len(oracle.joins) > 50
    for join in oracle.joins:
        side = "BA".index(join.side)
        told = [int(array[join.bin, side]) for array in found]
        how = {"": 0, "at": FILLED_AT, "through": FILLED_THROUGH}[join.how]
        assert told == [join.tick * side_ticks, join.came_with, join.wait, how], join
    assert queue.crowded == 0
    return found


def test_every_join_of_a_synthetic_market(tmp_path_factory: pytest.TempPathFactory) -> None:
    path = tmp_path_factory.mktemp("queue") / "market.dbn.zst"
    write_market(path, seed=3, minutes=1, effect=0.5, date="2026-02-06", start="09:29")
    records = np.concatenate(list(open_dbn(path)))
    begins = np.flatnonzero(records["flags"] & SNAPSHOT == 0)[0]
    records = records[: begins + 6_000]
    found = follow_both(records, int(records["ts_recv"][begins]), 1, TICK, wait=50)
    assert (found.how == FILLED_AT).sum() > 20


@pytest.mark.real_data
def test_every_join_of_the_real_session() -> None:
    """A sample of the joins after its open; all joins of all of it with VP_QUEUE_ALL=1."""
    records = np.concatenate(list(open_dbn(real_session())))
    whole = bool(os.environ.get("VP_QUEUE_ALL"))
    records = records if whole else records[:25_000]
    start = int(records["ts_recv"][records["flags"] & SNAPSHOT == 0][0]) if whole else OPEN_NS
    found = follow_both(records, start, 1 if whole else 40, TICK, wait=1200)
    assert (found.how == FILLED_AT).sum() > (40_000 if whole else 2_000)


def test_a_follower_may_begin_with_a_book() -> None:
    market = Market()
    later = QueueFollower(TICK)
    later.begin(market.engine)
    later.close_bin(market.engine)
    traded = stream(*sold((1, 5), (2, 3)), record("A", "B", BID, 1, 20), *sold((20, 1)))
    market.engine.apply(traded)
    later.apply(traded)
    later.close_bin(market.engine)
    joins = later.joins()
    assert (joins.ahead[0, 0], joins.wait_bins[0, 0], joins.how[0, 0]) == (8, 1, FILLED_AT)
    with pytest.raises(ParameterError, match="the follower has begun"):
        later.begin(market.engine)


def test_room_is_made_as_it_is_needed() -> None:
    """More orders, bins and records of one event than there is room for at first."""
    market = Market()
    many = [record("A", "B", BID - 1 - i % 50, 1, 100 + i) for i in range(9_000)]
    market.bin(*many, *[record("A", "B", BID, 1, 50_000 + i) for i in range(1_500)])
    market.bin(*sold(*[(50_000 + i, 1) for i in range(1_200)]))
    assert market.first() == (8, -1, 0)  # the venue's order was another one: what was ahead is there still
    market.bin(*sold((1, 5), (2, 3), *[(51_200 + i, 1) for i in range(300)]))
    assert market.first() == (8, 3, FILLED_AT)
    for _ in range(1_100):
        market.bin()
    assert len(market.queue.joins().how) == 1_104


def test_a_replay_follows_it_as_by_hand(tmp_path: Path) -> None:
    """From the first record on, and from the book before the first bin: joins of that book and what came of them."""
    path = tmp_path / "market.dbn.zst"
    write_market(path, seed=3, minutes=1, effect=0.5, date="2026-02-06", start="09:29")
    instrument = Instrument("SYNM6", "0.25")
    whole, late = (QueueFollower(TICK, max_wait_bins=50) for _ in range(2))
    bins = list(replay(open_dbn(path), instrument, queue=whole))
    by_hand, engine = QueueFollower(TICK, max_wait_bins=50), BookEngine(instrument)
    records, at = np.concatenate(list(open_dbn(path))), 0
    for closed in bins:
        before, at = at, engine.apply_until(records, at, int(closed.fields["bin_end_ns"]))
        by_hand.apply(records, before, at)
        by_hand.close_bin(engine)
    for found, expected in zip(whole.joins(), by_hand.joins(), strict=True):
        assert np.array_equal(found, expected)
    start = int(bins[100].fields["bin_start_ns"])
    later = list(replay(open_dbn(path), instrument, start_ns=start, warmup_s=5, queue=late))
    assert len(later) == len(bins) - 100
    for found, expected in zip(late.joins(), whole.joins(), strict=True):
        assert np.array_equal(found, expected[100:])
    assert (late.joins().how > 0).sum() > 20


def test_none_joins_where_bins_are_not_valid() -> None:
    """A silence makes bins invalid; whoever waits goes on waiting."""
    quotes = [record("A", "B", BID, 5, 1), record("A", "A", ASK, 4, 2), record("A", "B", BID - 3, 1, 3, ts=3 * SECOND)]
    queue = QueueFollower(TICK)
    bins = list(replay([stream(*quotes)], Instrument("X", "0.25"), max_silence_s=1, queue=queue))
    valid = np.array([closed.fields["book_valid"] for closed in bins])
    assert 10 <= valid.sum() < len(valid)
    assert np.array_equal(queue.joins().ahead[:, 0] > 0, valid)


def test_a_feed_of_the_best_prices_has_no_queues() -> None:
    market = Market()
    market.bin(record("A", "B", BID, 9, 0, flags=LAST | 64))
    market.bin(*event(record("T", "A", BID - 1, 1, 900)))
    assert market.first() == (8, -1, 0)
    assert market.queue.joins().ahead[1:].tolist() == [[0, 0], [0, 0]]


def test_a_replay_refuses_a_follower_of_something_else() -> None:
    records = [stream(record("A", "B", BID, 1, 1))]
    with pytest.raises(ParameterError, match="queue: its tick_int is 1; must be 250000000"):
        replay(records, Instrument("X", "0.25"), queue=QueueFollower(1))
    used = Market().queue
    with pytest.raises(ParameterError, match="queue: the follower has begun; make a new one for each replay"):
        replay(records, Instrument("X", "0.25"), queue=used)


@pytest.mark.parametrize(
    ("arguments", "name"), [({"tick_int": 0}, "tick_int"), ({"max_wait_bins": 0}, "max_wait_bins")]
)
def test_arguments_are_checked(arguments: dict[str, int], name: str) -> None:
    with pytest.raises(ParameterError, match=f"^{name}=0"):
        QueueFollower(**{"tick_int": TICK, **arguments})
