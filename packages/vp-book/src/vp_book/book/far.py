"""Price levels outside the range: any number of them, and the best of a side at hand.

Per side a hash map of tick to displayed size (open addressing with linear probing, at most half full), and a heap of
the same ticks with the best on top. A level that is emptied stays in both until it comes to the top, so that a change
costs a few steps however many levels there are; the one on top always displays something. (Sorted arrays were shorter
and fell to 17,000 records/s with 100,000 levels: every new one shifts half of the others.)

`far` is int64 (2, 3, capacity): [side, FAR_TICK or FAR_SIZE, slot] and [side, FAR_HEAP, place in the heap]. A slot
whose size is FREE holds nothing; 0 is a level that was emptied. `far_used[side]` of the scalars is the number of places
in use.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from vp_book._jit import called, inlined, kernel

from .orders import home
from .state import BID

FAR_TICK: Final = 0
FAR_SIZE: Final = 1
FAR_HEAP: Final = 2
FAR_ROWS: Final = 3
FREE: Final = -1


def empty_far(capacity: int) -> np.ndarray:
    """Room for `capacity` places per side, a power of two, of which half can be used."""
    far = np.zeros((2, FAR_ROWS, capacity), np.int64)
    far[:, FAR_SIZE] = FREE
    return far


def far_levels(far: np.ndarray, side: int) -> tuple[np.ndarray, np.ndarray]:
    """(price tick, size) of the levels of a side that display something, in no order."""
    shown = far[side, FAR_SIZE] > 0
    return far[side, FAR_TICK, shown], far[side, FAR_SIZE, shown]


@inlined
def _find_level(far: np.ndarray, side: int, tick: int) -> int:
    """Slot of a tick, or the free one in which it belongs."""
    mask = far.shape[2] - 1
    slot = home(tick, mask)
    while far[side, FAR_SIZE, slot] != FREE and far[side, FAR_TICK, slot] != tick:
        slot = (slot + 1) & mask
    return slot


@called
def change_far(far: np.ndarray, s: Any, side: int, tick: int, delta: int) -> None:
    """Add `delta` to the displayed size of one side at one price tick outside the range."""
    slot = _find_level(far, side, tick)
    if far[side, FAR_SIZE, slot] == FREE:
        far[side, FAR_TICK, slot] = tick
        far[side, FAR_SIZE, slot] = delta
        _push(far, s, side, tick)
        return
    far[side, FAR_SIZE, slot] += delta
    if far[side, FAR_SIZE, slot] == 0 and far[side, FAR_HEAP, 0] == tick:
        _drop_emptied(far, s, side)


@called
def best_far(far: np.ndarray, side: int) -> tuple[int, int]:
    """(price tick, displayed size) of the best level of a side that has one."""
    tick = far[side, FAR_HEAP, 0]
    return tick, far[side, FAR_SIZE, _find_level(far, side, tick)]


@kernel
def fill_far(far: np.ndarray, scalars: np.ndarray, side: int, ticks: np.ndarray, sizes: np.ndarray) -> None:
    """Put these levels, none of which is there yet, into the far levels of a side."""
    for i in range(ticks.shape[0]):
        if sizes[i] > 0:
            change_far(far, scalars[0], side, ticks[i], sizes[i])


@inlined
def _before(side: int, tick: int, other: int) -> bool:
    """Whether `tick` is a better price than `other`."""
    return bool(tick > other if side == BID else tick < other)


@inlined
def _push(far: np.ndarray, s: Any, side: int, tick: int) -> None:
    at = s.far_used[side]
    s.far_used[side] = at + 1
    while at > 0:
        parent = (at - 1) >> 1
        if not _before(side, tick, far[side, FAR_HEAP, parent]):
            break
        far[side, FAR_HEAP, at] = far[side, FAR_HEAP, parent]
        at = parent
    far[side, FAR_HEAP, at] = tick


@called
def _drop_emptied(far: np.ndarray, s: Any, side: int) -> None:
    """Take levels off the top until one displays something."""
    while s.far_used[side] > 0:
        slot = _find_level(far, side, far[side, FAR_HEAP, 0])
        if far[side, FAR_SIZE, slot] > 0:
            return
        _remove_level(far, side, slot)
        n = s.far_used[side] - 1
        s.far_used[side] = n
        last = far[side, FAR_HEAP, n]
        at = 0
        while True:
            child = 2 * at + 1
            if child >= n:
                break
            if child + 1 < n and _before(side, far[side, FAR_HEAP, child + 1], far[side, FAR_HEAP, child]):
                child += 1
            if not _before(side, far[side, FAR_HEAP, child], last):
                break
            far[side, FAR_HEAP, at] = far[side, FAR_HEAP, child]
            at = child
        far[side, FAR_HEAP, at] = last


@inlined
def _remove_level(far: np.ndarray, side: int, slot: int) -> None:
    """Free a slot and close the gap, as in the order map."""
    mask = far.shape[2] - 1
    gap = slot
    probe = slot
    while True:
        probe = (probe + 1) & mask
        if far[side, FAR_SIZE, probe] == FREE:
            break
        if ((probe - home(far[side, FAR_TICK, probe], mask)) & mask) >= ((probe - gap) & mask):
            far[side, FAR_TICK, gap] = far[side, FAR_TICK, probe]
            far[side, FAR_SIZE, gap] = far[side, FAR_SIZE, probe]
            gap = probe
    far[side, FAR_SIZE, gap] = FREE
