"""When something is a mark, and the 16 largest of a bin.

Rows of `Arrays.marks` are [kind, price_int, size, side, detail], see `mark.Mark`. They are kept in order: the largest
first, of equal ones by kind, price, side and detail, so that which of them are kept does not depend on their order.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from vp_book._jit import called, inlined
from vp_book.book.aggressors import G_EVENT, G_LEVELS, G_PRICE, G_SIDE, G_SIZE
from vp_book.book.state import BID

ICEBERG: Final = 0
SWEEP: Final = 1
LARGE: Final = 2
PULL: Final = 3

MOST_MARKS: Final = 16
"""Marks of a bin that are kept."""

SWEEP_LEVELS: Final = 3
"""Prices at which an aggressor trades in one event, for a sweep."""

PULL_TICKS: Final = 5
"""How far from the best price of its side an order may be withdrawn to be a pull."""

M_KIND: Final = 0
M_PRICE: Final = 1
M_SIZE: Final = 2
M_SIDE: Final = 3
M_DETAIL: Final = 4
M_COLUMNS: Final = 5

_TRADE: Final = 0
_ORDER: Final = 1


@called
def put(marks: np.ndarray, stats: Any, kind: int, price_int: int, size: int, side: int, detail: int) -> None:
    """Keep a mark if it is one of the largest of the bin so far."""
    used = stats.marks
    at = used
    while at > 0 and _comes_before(marks, at - 1, kind, price_int, size, side, detail):
        at -= 1
    if at == MOST_MARKS:
        return
    for row in range(min(used, MOST_MARKS - 1), at, -1):
        for column in range(M_COLUMNS):
            marks[row, column] = marks[row - 1, column]
    marks[at, M_KIND] = kind
    marks[at, M_PRICE] = price_int
    marks[at, M_SIZE] = size
    marks[at, M_SIDE] = side
    marks[at, M_DETAIL] = detail
    stats.marks = min(used + 1, MOST_MARKS)


@inlined
def _comes_before(marks: np.ndarray, row: int, kind: int, price_int: int, size: int, side: int, detail: int) -> bool:
    """Whether a mark belongs before the one in a row."""
    if size != marks[row, M_SIZE]:
        return bool(size > marks[row, M_SIZE])
    if kind != marks[row, M_KIND]:
        return bool(kind < marks[row, M_KIND])
    if price_int != marks[row, M_PRICE]:
        return bool(price_int < marks[row, M_PRICE])
    if side != marks[row, M_SIDE]:
        return bool(side < marks[row, M_SIDE])
    return bool(detail < marks[row, M_DETAIL])


@called
def mark_trade(marks: np.ndarray, stats: Any, price_int: int, size: int, side: int) -> None:
    """A trade of the large size or more."""
    put(marks, stats, LARGE, price_int, size, side, _TRADE)


@called
def mark_order(marks: np.ndarray, stats: Any, s: Any, tick: int, size: int, side: int) -> None:
    """An order of the large size or more has come to rest here, or has become as large."""
    put(marks, stats, LARGE, tick * s.tick_int, size, side, _ORDER)


@called
def mark_refresh(marks: np.ndarray, stats: Any, s: Any, tick: int, size: int, side: int, shown: int) -> None:
    """An order was filled and displays more than the fills left of it."""
    put(marks, stats, ICEBERG, tick * s.tick_int, size, side, shown)


@called
def mark_withdrawal(marks: np.ndarray, stats: Any, s: Any, tick: int, size: int, side: int) -> None:
    """The large size or more was withdrawn; it is a pull near the best price that stood before the event."""
    if s.valid == 0:
        return
    distance = s.bid_tick - tick if side == BID else tick - s.ask_tick
    if distance <= PULL_TICKS:
        put(marks, stats, PULL, tick * s.tick_int, size, side, max(distance, 0))


@inlined
def moves_away(side: int, old_side: int, tick: int, old_tick: int) -> bool:
    """Whether an order that moves is withdrawn from where it was: it changes its side, or goes to a worse price."""
    return bool(side != old_side or (tick < old_tick if side == BID else tick > old_tick))


@called
def mark_sweeps(marks: np.ndarray, stats: Any, s: Any, aggressors: np.ndarray) -> None:
    """The event is over, and an aggressor has traded at so many prices."""
    event = s.events + 1
    for slot in range(aggressors.shape[0]):
        if aggressors[slot, G_EVENT] == event and aggressors[slot, G_LEVELS] >= SWEEP_LEVELS:
            row = aggressors[slot]
            put(marks, stats, SWEEP, row[G_PRICE], row[G_SIZE], row[G_SIDE], row[G_LEVELS])
