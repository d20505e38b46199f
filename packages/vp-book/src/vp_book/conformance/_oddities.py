"""Records that contradict the book, or say something about it that an ordinary event does not."""

from __future__ import annotations

from vp_book.records import ACTION_NONE, F_LAST, F_MAYBE_BAD_BOOK, F_SNAPSHOT, F_TOB

from ._market import Market
from ._tape import ASK, BID, NONE, Record, Tape, add, cancel, clear, fill, modify, trade

_UNDEFINED_SIZE = 2**32 - 1


def contradictions(tape: Tape, middle: int, tick_int: int, wait_ms: float) -> None:
    """What the book ignores, clamps, rounds or makes the best of; ids from 1 on, best prices around `middle`."""
    half, quarter = tick_int // 2, tick_int // 4
    bid, ask = middle - 1, middle
    for records in (
        [cancel(1, BID, bid, 5)],  # of an order that is not there
        [modify(2, BID, bid, 4)],  # the same, which becomes an add
        [add(2, BID, bid, 6)],  # there already, at this price
        [add(2, BID, bid - 2, 3)],  # there already, at another
        [cancel(2, BID, bid - 2, 9)],  # more than there is
        [add(3, ASK, ask + 1, 7, off=half)],  # between two ticks: half up
        [add(4, ASK, ask + 1, 5, off=half - 1)],
        [modify(3, ASK, ask + 2, 7, off=-quarter)],
        [add(5, BID, None, 5)],  # no price
        [modify(4, ASK, None, 5)],
        [add(6, NONE, bid, 5), cancel(4, NONE, ask + 1, 5)],  # no side
        [add(7, BID, bid, 0), modify(4, ASK, ask + 1, 0), cancel(3, ASK, ask + 2, 0)],  # no size
        [add(8, BID, bid - 1, 6)],
        [add(8, BID, bid - 1, 0)],  # there already, and nothing now
        [add(9, BID, bid, 4), add(10, BID, bid - 3, 2)],
        [modify(9, ASK, ask + 4, 8)],  # to the other side
        [add(10, ASK, ask + 5, 5)],  # an add does too
        [Record(ACTION_NONE, 11, BID, bid, 3), Record(ord("X"), 12, ASK, ask, 3)],
        [cancel(9, ASK, ask + 4, _UNDEFINED_SIZE), add(13, ASK, ask + 6, _UNDEFINED_SIZE)],
        [trade(BID, ask, _UNDEFINED_SIZE), fill(9, ASK, ask + 4, _UNDEFINED_SIZE)],
        [cancel(9, BID, ask + 4, 3)],  # of the wrong side, which an order has of itself
    ):
        tape.wait(wait_ms)
        tape.event(*records)


def fills(tape: Tape, middle: int, tick_int: int, wait_ms: float) -> None:
    """What F says in its uncommon forms; ids from 101 on."""
    bid, ask = middle - 1, middle
    for records in (
        [add(101, ASK, ask, 9), add(102, ASK, ask + 1, 9), add(103, BID, bid, 9), add(104, BID, bid - 1, 9)],
        [trade(BID, ask, 4), fill(101, ASK, ask, 4)],  # that no cancel follows: hidden behind the display
        [trade(BID, ask, 3), fill(199, ASK, ask, 3)],  # of an order that does not rest
        [trade(NONE, ask, 2), fill(198, NONE, ask, 2, off=tick_int // 2)],  # and has no side
        [trade(ASK, None, 2), fill(197, BID, None, 2)],  # nor a price
        [trade(ASK, bid, 12), fill(103, BID, bid, 12), cancel(103, BID, bid, 9)],  # more than was displayed
        [trade(ASK, bid - 1, 3), fill(104, BID, bid - 1, 1), fill(104, BID, bid - 1, 2), modify(104, BID, bid - 3, 7)],
        [trade(BID, ask, 5), fill(101, ASK, ask, 5), modify(101, ASK, ask, 9)],  # an iceberg shows as much again
        [trade(BID, ask, 4), fill(101, ASK, ask, 4), modify(101, ASK, ask, 5)],  # and this is none
        [trade(BID, ask, 6), fill(101, ASK, ask, 5), cancel(101, ASK, ask, 5)],  # T and F differ
        # an auction: both sides of each trade rest
        [trade(NONE, ask, 4), fill(102, ASK, ask, 4), fill(104, BID, ask, 4), cancel(102, ASK, ask + 1, 4)],
        # an order is modified so that it crosses: its own F fills nothing at the price it leaves
        [
            trade(BID, ask + 1, 5, order_id=104),
            fill(104, BID, ask + 1, 5),
            fill(102, ASK, ask + 1, 5),
            cancel(104, BID, bid - 3, 5),
            cancel(102, ASK, ask + 1, 5),
        ],
        [trade(BID, ask + 1, 1, order_id=104), fill(104, ASK, ask + 1, 1)],  # its id, but not its side
        # its id and side, but another event
        [trade(BID, ask, 2, order_id=105), fill(104, BID, bid - 3, 2), cancel(104, BID, bid - 3, 2)],
    ):
        tape.wait(wait_ms)
        tape.event(*records)


def doubts(market: Market, wait_ms: float) -> None:
    """Crossed and locked books, gaps that put a book in doubt, clears, and snapshots in every form."""
    tape, bid, ask = market.tape, market.middle - 1, market.middle
    for records in (
        [add(200, ASK, ask, 1), add(201, BID, ask, 2)],  # locked
        [modify(201, BID, ask + 2, 2)],  # crossed, at worse prices than the best
        [cancel(201, BID, ask + 2, 2)],
        [add(202, BID, bid - 4, 3, flags=F_MAYBE_BAD_BOOK)],  # in doubt from here
        [add(203, ASK, ask + 4, 3)],
        [clear()],  # and no more
        [add(204, BID, bid - 6, 4)],  # one side only
        [add(205, ASK, ask + 6, 4)],
        [modify(205, ASK, ask + 5, 4, flags=F_MAYBE_BAD_BOOK)],
    ):
        tape.wait(wait_ms)
        tape.event(*records)
    tape.wait(wait_ms)
    whole = {i: order for i, order in market.orders.items() if i % 3}
    market.orders = whole
    state = [add(i, *order, flags=F_SNAPSHOT, venue=-(10**13)) for i, order in sorted(whole.items())]
    tape.event(clear(flags=F_SNAPSHOT), *state)  # whole with its F_LAST, and the end of the doubt
    market.step(wait_ms)
    tape.wait(wait_ms)
    tape.event(cancel(1, BID, bid, 1, flags=F_MAYBE_BAD_BOOK))  # in doubt once more
    tape.wait(wait_ms)
    # a snapshot without a clear or F_LAST over a book that is there: adds that repeat it, and adds that do not
    some = sorted(whole.items())[:6]
    tape.write(*(add(i, side, tick, size + i % 2, flags=F_SNAPSHOT) for i, (side, tick, size) in some))
    for i, (side, tick, size) in some:
        market.orders[i] = (side, tick, size + i % 2)
    tape.wait(wait_ms)
    for _ in range(4):
        market.step(wait_ms)


def top_of_book(tape: Tape, tick_int: int, wait_ms: float) -> None:
    """A feed of best prices, around a price of 0: an add is the whole side, and undefined prices empty it."""
    tob = {"flags": F_TOB}
    for records in (
        [add(0, BID, -1, 5, **tob), add(0, ASK, 1, 6, **tob)],  # one id for both sides
        [add(0, BID, -1, 8, **tob)],  # at the same price
        [add(0, ASK, 2, 3, **tob)],  # at another
        [trade(BID, 2, 2), fill(0, ASK, 2, 2, **tob), add(0, ASK, 2, 1, **tob)],
        [add(7, BID, -2, 4, **tob)],  # by another id
        [add(7, BID, -3, 4, off=tick_int // 2, **tob)],  # -2.5 ticks: half up
        [add(7, BID, -3, 4, off=tick_int // 2 - 1, **tob)],
        [add(0, BID, None, 0, **tob)],  # no bid
        [add(0, BID, -1, 2, **tob)],
        [add(8, BID, -4, 3), add(9, BID, -5, 3)],  # orders besides
        [add(0, BID, -2, 6, **tob)],  # which it replaces
        [add(0, ASK, 3, 0, **tob)],  # no size: no ask
        [add(0, ASK, None, _UNDEFINED_SIZE, **tob)],
        [add(0, ASK, 1, 4, **tob)],
        [add(0, ASK, 1, 4, flags=F_TOB | F_SNAPSHOT), add(0, BID, -1, 7, flags=F_TOB | F_SNAPSHOT)],
    ):
        tape.wait(wait_ms)
        tape.event(*records)


def crossings(tape: Tape, order_id: int, middle: int) -> None:
    """A locked and a crossed book at the tape's time, which goes on by 3 us."""
    for tick in (middle, middle + 3):
        tape.event(modify(order_id, BID, tick, 2, venue=0))
        tape.now += 1_000
    tape.event(modify(order_id, BID, middle - 1, 2, venue=0))
    tape.now += 1_000


def unended(tape: Tape, middle: int, wait_ms: float) -> None:
    """Events that lost their F_LAST; ids from 301 on."""
    tape.wait(wait_ms)
    tape.write(add(301, BID, middle - 2, 3))
    tape.wait(99)
    tape.write(add(302, ASK, middle + 1, 3))  # belongs to it still
    tape.wait(2)
    tape.write(add(303, BID, middle - 1, 3), cancel(301, BID, middle - 2, 1, flags=F_LAST))
