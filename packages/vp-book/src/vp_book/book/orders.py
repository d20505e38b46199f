"""The order map: open addressing with linear probing, no tombstones.

A slot is a row of six int64: id, price tick, signed size, pending fill, turn, shown so far. The size is positive for a
bid, negative for an ask and 0 for a free slot. Ids are the venue's uint64 read as int64. Of two orders at a price the
one with the lower turn is filled first. What an order has shown so far is its first size and whatever it has displayed
anew since.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from vp_book._jit import inlined, kernel

O_ID: Final = 0
O_TICK: Final = 1
O_SIZE: Final = 2
O_FILL: Final = 3
O_TURN: Final = 4
O_SHOWN: Final = 5
O_COLUMNS: Final = 6

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
def insert(orders: np.ndarray, order_id: int, tick: int, signed_size: int, turn: int) -> None:
    """Put in an id that is not there; the caller keeps the map at most half full."""
    mask = orders.shape[0] - 1
    slot = home(order_id, mask)
    while orders[slot, O_SIZE] != 0:
        slot = (slot + 1) & mask
    orders[slot, O_ID] = order_id
    orders[slot, O_TICK] = tick
    orders[slot, O_SIZE] = signed_size
    orders[slot, O_FILL] = 0
    orders[slot, O_TURN] = turn
    orders[slot, O_SHOWN] = abs(signed_size)


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


@kernel
def ahead(orders: np.ndarray, order_id: int) -> tuple[int, int]:
    """(orders, size) that are filled before an order, of its side and price; (-1, -1) for an id that does not rest."""
    slot = find(orders, order_id)
    if slot < 0:
        return -1, -1
    tick, signed, turn = orders[slot, O_TICK], orders[slot, O_SIZE], orders[slot, O_TURN]
    count = 0
    size = 0
    for i in range(orders.shape[0]):
        other = orders[i, O_SIZE]
        if orders[i, O_TICK] == tick and orders[i, O_TURN] < turn and (other > 0 if signed > 0 else other < 0):
            count += 1
            size += abs(other)
    return count, size


def resting_at(orders: np.ndarray, bid: bool, tick: int) -> tuple[np.ndarray, np.ndarray]:
    """(ids, uint64; sizes, int64), shape (orders,), of the orders of a side at a price tick, in order of turn."""
    sizes = orders[:, O_SIZE]
    there = orders[(orders[:, O_TICK] == tick) & (sizes > 0 if bid else sizes < 0)]
    there = there[np.argsort(there[:, O_TURN])]
    return there[:, O_ID].astype(np.uint64), np.abs(there[:, O_SIZE])
