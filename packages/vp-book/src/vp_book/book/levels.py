"""Displayed size per price: a dense ladder over the range, and a map with a heap for prices outside it, see `_far`.

The best price of a side is exact wherever it lies. Inside the range it is an index that moves with the ladder; outside
it is the top of the heap, so no rescan of the orders is ever needed.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from vp_book._jit import called, inlined, kernel

from .far import FAR_HEAP, FAR_SIZE, FREE, best_far, change_far
from .orders import O_SIZE, O_TICK
from .state import ASK, BID, NO_LEVEL, Arrays


@inlined
def change(ladder: np.ndarray, far: np.ndarray, s: Any, side: int, tick: int, delta: int) -> None:
    """Add `delta` to the displayed size of one side at one price tick."""
    index = tick - s.range_lo
    if index < 0 or index >= ladder.shape[1]:
        change_far(far, s, side, tick, delta)
        return
    size = ladder[side, index] + delta
    ladder[side, index] = size
    if side == BID:
        if index > s.best[BID]:
            s.best[BID] = index
        elif size == 0 and index == s.best[BID]:
            while index >= 0 and ladder[BID, index] == 0:
                index -= 1
            s.best[BID] = index
    elif index < s.best[ASK]:
        s.best[ASK] = index
    elif size == 0 and index == s.best[ASK]:
        n = ladder.shape[1]
        while index < n and ladder[ASK, index] == 0:
            index += 1
        s.best[ASK] = index


@kernel
def best_bid(ladder: np.ndarray, far: np.ndarray, scalars: np.ndarray) -> tuple[int, int]:
    """(price tick, displayed size) of the highest bid; (NO_LEVEL, 0) when there is none."""
    s = scalars[0]
    index = s.best[BID]
    if s.far_used[BID] > 0 and (index < 0 or far[BID, FAR_HEAP, 0] >= s.range_lo + ladder.shape[1]):
        return best_far(far, BID)
    if index < 0:
        return NO_LEVEL, 0
    return s.range_lo + index, ladder[BID, index]


@kernel
def best_ask(ladder: np.ndarray, far: np.ndarray, scalars: np.ndarray) -> tuple[int, int]:
    """(price tick, displayed size) of the lowest ask; (NO_LEVEL, 0) when there is none."""
    s = scalars[0]
    index = s.best[ASK]
    empty = index >= ladder.shape[1]
    if s.far_used[ASK] > 0 and (empty or far[ASK, FAR_HEAP, 0] < s.range_lo):
        return best_far(far, ASK)
    if empty:
        return NO_LEVEL, 0
    return s.range_lo + index, ladder[ASK, index]


@kernel
def best_levels(a: Arrays, row: int, counted: bool, found: np.ndarray, out: np.ndarray) -> bool:
    """Put the best levels of both sides, bids first, into `out[row]` (3, 2, n): ticks, sizes, orders; best first.

    `found` (2,) gets how many there are; what is behind them in `out` is left as it is. Orders are counted on demand,
    since all of them have to be looked at. False when a side needs a level that lies outside of the range: the far
    levels are in no order, so that its `found` is -1 and the caller has to put them in.
    """
    s = a.scalars[0]
    n = a.ladder.shape[1]
    within = True
    for side in range(2):
        step = -1 if side == BID else 1
        index = s.best[side]
        count = 0
        beyond = False
        if s.far_used[side] > 0:
            top = a.far[side, FAR_HEAP, 0]
            beyond = top >= s.range_lo + n if side == BID else top < s.range_lo
        while not beyond and count < out.shape[3] and 0 <= index < n:
            if a.ladder[side, index] != 0:
                out[row, 0, side, count] = s.range_lo + index
                out[row, 1, side, count] = a.ladder[side, index]
                count += 1
            index += step
        found[side] = count
        if beyond or (count < out.shape[3] and s.far_used[side] > 0):
            found[side] = -1
            within = False
    if within and counted:
        _count(a.orders, row, found, out)
    return within


@kernel
def count_orders(orders: np.ndarray, row: int, found: np.ndarray, out: np.ndarray) -> None:
    """Put the orders of the levels of `out[row]`, which is as in `best_levels`, into its last part."""
    _count(orders, row, found, out)


@called
def _count(orders: np.ndarray, row: int, found: np.ndarray, out: np.ndarray) -> None:
    last_bid, last_ask = found[BID] - 1, found[ASK] - 1
    lowest = out[row, 0, BID, last_bid] if last_bid >= 0 else NO_LEVEL
    highest = out[row, 0, ASK, last_ask] if last_ask >= 0 else NO_LEVEL
    out[row, 2] = 0
    for slot in range(orders.shape[0]):
        size = orders[slot, O_SIZE]
        tick = orders[slot, O_TICK]
        if size > 0 and last_bid >= 0 and tick >= lowest:
            i = 0
            while out[row, 0, BID, i] != tick:
                i += 1
            out[row, 2, BID, i] += 1
        elif size < 0 and last_ask >= 0 and tick <= highest:
            i = 0
            while out[row, 0, ASK, i] != tick:
                i += 1
            out[row, 2, ASK, i] += 1


@kernel
def clear(ladder: np.ndarray, far: np.ndarray, scalars: np.ndarray) -> None:
    """Empty both sides."""
    s = scalars[0]
    ladder[:] = 0
    for side in range(2):
        if s.far_used[side] > 0:
            far[side, FAR_SIZE] = FREE
    s.best[BID] = -1
    s.best[ASK] = ladder.shape[1]
    s.far_used[BID] = 0
    s.far_used[ASK] = 0
