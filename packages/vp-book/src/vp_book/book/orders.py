"""The order map: open addressing with linear probing, no tombstones.

A slot is a row of four int64, half a cache line: id, price tick, signed size, pending fill. The size is positive for a
bid, negative for an ask and 0 for a free slot. Ids are the venue's uint64 read as int64.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from vp_book._jit import inlined, kernel

O_ID: Final = 0
O_TICK: Final = 1
O_SIZE: Final = 2
O_FILL: Final = 3
O_COLUMNS: Final = 4

_MIX = np.uint64(0x9E3779B97F4A7C15)
_FOLD = np.uint64(32)


@inlined
def home(order_id: int, mask: int) -> int:
    """First slot to try for an id: a multiplicative hash, high bits folded onto low ones."""
    h = np.uint64(order_id) * _MIX
    return np.int64((h ^ (h >> _FOLD)) & np.uint64(mask))  # type: ignore[return-value]


@inlined
def find(orders: np.ndarray, order_id: int) -> int:
    """Slot of an id, or -1."""
    mask = orders.shape[0] - 1
    slot = home(order_id, mask)
    while orders[slot, O_SIZE] != 0:
        if orders[slot, O_ID] == order_id:
            return slot
        slot = (slot + 1) & mask
    return -1


@inlined
def insert(orders: np.ndarray, order_id: int, tick: int, signed_size: int) -> None:
    """Put in an id that is not there; the caller keeps the map at most half full."""
    mask = orders.shape[0] - 1
    slot = home(order_id, mask)
    while orders[slot, O_SIZE] != 0:
        slot = (slot + 1) & mask
    orders[slot, O_ID] = order_id
    orders[slot, O_TICK] = tick
    orders[slot, O_SIZE] = signed_size
    orders[slot, O_FILL] = 0


@inlined
def remove(orders: np.ndarray, slot: int) -> None:
    """Free a slot and close the gap, so that every probe chain stays unbroken."""
    mask = orders.shape[0] - 1
    gap = slot
    probe = slot
    while True:
        probe = (probe + 1) & mask
        if orders[probe, O_SIZE] == 0:
            break
        # the entry may fill the gap unless its home lies cyclically after the gap
        if ((probe - home(orders[probe, O_ID], mask)) & mask) >= ((probe - gap) & mask):
            for c in range(O_COLUMNS):
                orders[gap, c] = orders[probe, c]
            gap = probe
    orders[gap, O_SIZE] = 0


@kernel
def rehash(old: np.ndarray, new: np.ndarray) -> None:
    """Copy every order into an empty, larger map."""
    mask = new.shape[0] - 1
    for i in range(old.shape[0]):
        if old[i, O_SIZE] != 0:
            slot = home(old[i, O_ID], mask)
            while new[slot, O_SIZE] != 0:
                slot = (slot + 1) & mask
            for c in range(O_COLUMNS):
                new[slot, c] = old[i, c]
