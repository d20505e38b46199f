"""The map of resting orders with the number of their arrival: open addressing, as `book.orders`."""

from __future__ import annotations

import numpy as np

from vp_book._jit import called, kernel
from vp_book.book.orders import O_ID, O_SIZE, O_TICK, home

from . import state as st
from .state import Queue


@kernel
def rehash(old: np.ndarray, new: np.ndarray) -> None:
    """Copy every order into an empty, larger map."""
    mask = new.shape[0] - 1
    for i in range(old.shape[0]):
        if old[i, O_SIZE] != 0:
            slot = home(old[i, O_ID], mask)
            while new[slot, O_SIZE] != 0:
                slot = (slot + 1) & mask
            for c in range(st.O_WIDTH):
                new[slot, c] = old[i, c]


@called
def insert(q: Queue, order_id: int, tick: int, signed: int, seq: int) -> None:
    """Put in an id that is not there."""
    mask = q.orders.shape[0] - 1
    slot = home(order_id, mask)
    while q.orders[slot, O_SIZE] != 0:
        slot = (slot + 1) & mask
    o = q.orders[slot]
    o[O_ID] = order_id
    o[O_TICK] = tick
    o[O_SIZE] = signed
    o[st.O_SEQ] = seq
    o[st.O_EVENT] = 0
    q.scalars[st.S_USED] += 1


@called
def remove(q: Queue, slot: int) -> None:
    """Free a slot and close the gap, so that every probe chain stays unbroken."""
    mask = q.orders.shape[0] - 1
    gap = slot
    probe = slot
    while True:
        probe = (probe + 1) & mask
        if q.orders[probe, O_SIZE] == 0:
            break
        if ((probe - home(q.orders[probe, O_ID], mask)) & mask) >= ((probe - gap) & mask):
            for c in range(st.O_WIDTH):
                q.orders[gap, c] = q.orders[probe, c]
            gap = probe
    q.orders[gap, O_SIZE] = 0
    q.scalars[st.S_USED] -= 1
