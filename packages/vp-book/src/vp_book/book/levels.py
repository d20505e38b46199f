"""Displayed size per price: a dense ladder over the range, and a map with a heap for prices outside it, see `_far`.

The best price of a side is exact wherever it lies. Inside the range it is an index that moves with the ladder; outside
it is the top of the heap, so no rescan of the orders is ever needed.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from vp_book._jit import inlined, kernel

from .far import FAR_HEAP, FAR_SIZE, FREE, best_far, change_far
from .state import ASK, BID, NO_LEVEL


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
