"""Who traded as aggressor in the event at hand.

An order that is modified so that it crosses trades with its own id: the feed has T and F of that id and side, F of the
orders it met, and C or M of all of them, its own at the price it left. Its own F says that nothing which rested was
filled, so it must be distinguished from them. The T comes first (before all 107 such F of a real session).

With each goes what it has traded in the event: how much, at how many prices (each one worse for it than those before),
and the last of these. The table is an open-addressing map whose rows are [id, side, event, size, levels, price]. A row
of another event is free, so that the end of an event clears it at no cost. Removal is not needed. At most half of it is
used.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from vp_book._jit import called, kernel

from .orders import home
from .state import BID

G_ID: Final = 0
G_SIDE: Final = 1
G_EVENT: Final = 2
G_SIZE: Final = 3
G_LEVELS: Final = 4
G_PRICE: Final = 5
G_COLUMNS: Final = 6

_LIMIT: Final = 2**62


@called
def note_aggressor(table: np.ndarray, s: Any, order_id: int, side: int, size: int, price: int) -> None:
    """A T record names this id and side, and how much was traded at which price (beyond `_LIMIT` if undefined)."""
    mask = table.shape[0] - 1
    event = s.events + 1
    slot = home(order_id, mask)
    while table[slot, G_EVENT] == event and (table[slot, G_ID] != order_id or table[slot, G_SIDE] != side):
        slot = (slot + 1) & mask
    row = table[slot]
    if row[G_EVENT] != event:
        row[G_ID] = order_id
        row[G_SIDE] = side
        row[G_EVENT] = event
        row[G_SIZE] = 0
        row[G_LEVELS] = 0
        s.aggressors_noted += 1
    row[G_SIZE] += size
    if -_LIMIT <= price <= _LIMIT and (
        row[G_LEVELS] == 0 or (price > row[G_PRICE] if side == BID else price < row[G_PRICE])
    ):
        row[G_PRICE] = price
        row[G_LEVELS] += 1
        s.event_levels = max(s.event_levels, row[G_LEVELS])


@called
def is_aggressor(table: np.ndarray, s: Any, order_id: int, side: int) -> bool:
    """Whether a T record of this event named this id and side."""
    mask = table.shape[0] - 1
    event = s.events + 1
    slot = home(order_id, mask)
    while table[slot, G_EVENT] == event:
        if table[slot, G_ID] == order_id and table[slot, G_SIDE] == side:
            return True
        slot = (slot + 1) & mask
    return False


@kernel
def copy_aggressors(old: np.ndarray, new: np.ndarray, scalars: np.ndarray) -> None:
    """Copy the entries of the event at hand into an empty, larger table."""
    s = scalars[0]
    event = s.events + 1
    mask = new.shape[0] - 1
    for i in range(old.shape[0]):
        if old[i, G_EVENT] == event:
            slot = home(old[i, G_ID], mask)
            while new[slot, G_EVENT] == event:
                slot = (slot + 1) & mask
            for column in range(G_COLUMNS):
                new[slot, column] = old[i, column]
