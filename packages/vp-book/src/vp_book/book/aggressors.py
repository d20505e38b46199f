"""Who traded as aggressor in the event at hand.

An order that is modified so that it crosses trades with its own id: the feed has T and F of that id and side, F of the
orders it met, and C or M of all of them, its own at the price it left. Its own F says that nothing which rested was
filled, so it must be told from the others. The T comes first (before all 107 such F of a real session).

The table is an open-addressing map whose rows are [id, side, event]. A row of another event is free, so that the end of
an event clears it at no cost. Removal is not needed. At most half of it is used.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from vp_book._jit import called, kernel

from .orders import home

G_ID: Final = 0
G_SIDE: Final = 1
G_EVENT: Final = 2
G_COLUMNS: Final = 3


@called
def note_aggressor(table: np.ndarray, s: Any, order_id: int, side: int) -> None:
    """A T record names this id and side."""
    mask = table.shape[0] - 1
    event = s.events + 1
    slot = home(order_id, mask)
    while table[slot, G_EVENT] == event:
        if table[slot, G_ID] == order_id and table[slot, G_SIDE] == side:
            return
        slot = (slot + 1) & mask
    table[slot, G_ID] = order_id
    table[slot, G_SIDE] = side
    table[slot, G_EVENT] = event
    s.aggressors_noted += 1


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
    s.aggressors_noted = 0
    for i in range(old.shape[0]):
        if old[i, G_EVENT] == event:
            note_aggressor(new, s, old[i, G_ID], old[i, G_SIDE])
