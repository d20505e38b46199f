"""The state of the queue kernels: flat arrays, named columns.

Of the order that a join follows nothing but its place in time matters: whatever came to its level before it is ahead,
as long as it keeps its priority. So every order has the number of its arrival, and a join the number at which it came.

- `orders`   int64 (capacity, 6): open-addressing map of resting orders, with the first columns of `book.orders`
- `joins`    int64 (2 * most bins to wait, 8): the joins that are followed, a ring by bin and side
- `levels`   int64 (2, SLOTS, 3): by side and price tick modulo SLOTS, the list of joins at a level, oldest first
- `entries`  int64 (capacity, 8): the orders of the open event that rested at a level with joins
- `traded`   int64 (capacity, 4): the levels of the open event at which something traded
- `takers`   int64 (capacity, 2): ids and sides of the T records of the open event
- `scalars`  int64 (S_COUNT,)
- `out_price`, `out_ahead` int64, `out_wait` int32, `out_how` int8, all (bins, 2): what became of each join
"""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np

O_SEQ: Final = 3
O_ENTRY: Final = 4
O_EVENT: Final = 5
O_WIDTH: Final = 6

J_TICK: Final = 0
J_SEQ: Final = 1
J_AHEAD: Final = 2
J_GAVE: Final = 3  # what the orders ahead gave in the open event
J_BIN: Final = 4
J_ALIVE: Final = 5
J_NEXT: Final = 6
J_SIDE: Final = 7
J_WIDTH: Final = 8

L_TICK: Final = 0
L_HEAD: Final = 1  # row of `joins` plus 1, 0 for none
L_TAIL: Final = 2
L_WIDTH: Final = 3
SLOTS: Final = 1 << 15

E_SIDE: Final = 0
E_TICK: Final = 1
E_SIZE: Final = 2  # as the event found it
E_SEQ: Final = 3
E_FILLED: Final = 4  # passive F at its price
E_PENDING: Final = 5  # of these, what no cancel or modify has followed yet
E_LEFT: Final = 6  # what is displayed of it after the last cancel or modify; -1 before the first
E_LOST: Final = 7  # it has lost its priority
E_WIDTH: Final = 8

V_SIDE: Final = 0
V_TICK: Final = 1
V_FILLED: Final = 2
V_TRADED: Final = 3
V_WIDTH: Final = 4

S_USED: Final = 0  # orders in the map
S_SEQ: Final = 1
S_EVENT: Final = 2
S_ENTRIES: Final = 3
S_TRADED: Final = 4
S_TAKERS: Final = 5
S_BIN: Final = 6
S_TICK_INT: Final = 7
S_LOWEST: Final = 8  # lowest and highest tick of a trade of the open event
S_HIGHEST: Final = 9
S_FIRST: Final = 10  # lowest and highest tick of a join, of bids, then of asks; wider than need be
S_CROWDED: Final = 14  # joins that were not followed because their level's place was taken by one far away
S_TOB: Final = 15  # whether a record was of a feed that knows the best prices only
S_COUNT: Final = 16

NO_LOW: Final = 2**62
NO_HIGH: Final = -(2**62)

AT: Final = 1
THROUGH: Final = 2


class Queue(NamedTuple):
    """The whole state, in the form that compiled code takes."""

    orders: np.ndarray
    joins: np.ndarray
    levels: np.ndarray
    entries: np.ndarray
    traded: np.ndarray
    takers: np.ndarray
    scalars: np.ndarray
    out_price: np.ndarray
    out_ahead: np.ndarray
    out_wait: np.ndarray
    out_how: np.ndarray


def empty_queue(max_wait_bins: int, tick_int: int) -> Queue:
    """The state before the first record."""
    scalars = np.zeros(S_COUNT, np.int64)
    scalars[S_EVENT] = 1
    scalars[S_TICK_INT] = tick_int
    scalars[[S_LOWEST, S_FIRST, S_FIRST + 2]] = NO_LOW
    scalars[[S_HIGHEST, S_FIRST + 1, S_FIRST + 3]] = NO_HIGH
    bins = 1024
    return Queue(
        orders=np.zeros((1 << 14, O_WIDTH), np.int64),
        joins=np.zeros((2 * max_wait_bins, J_WIDTH), np.int64),
        levels=np.zeros((2, SLOTS, L_WIDTH), np.int64),
        entries=np.zeros((1 << 10, E_WIDTH), np.int64),
        traded=np.zeros((1 << 10, V_WIDTH), np.int64),
        takers=np.zeros((1 << 10, 2), np.int64),
        scalars=scalars,
        out_price=np.zeros((bins, 2), np.int64),
        out_ahead=np.zeros((bins, 2), np.int64),
        out_wait=np.full((bins, 2), -1, np.int32),
        out_how=np.zeros((bins, 2), np.int8),
    )


def doubled(rows: np.ndarray, fill: int = 0) -> np.ndarray:
    """The same rows with as many more behind them."""
    more = np.full_like(rows, fill)
    return np.concatenate([rows, more])
