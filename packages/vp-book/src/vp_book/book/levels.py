"""Displayed size per price: a dense ladder over the range, and a map with a heap for prices outside it, see `_far`.

The best price of a side is exact wherever it lies. Inside the range it is an index that moves with the ladder; outside
it is the top of the heap, so no rescan of the orders is ever needed.
"""

from __future__ import annotations

import numpy as np

from vp_book._jit import kernel, piece

from .far import FAR_HEAP, FAR_SIZE, FREE, best_far, change_far
from .state import ASK, BID, NO_LEVEL, S_BEST_ASK, S_BEST_BID, S_FAR_ASKS, S_FAR_BIDS, S_RANGE_LO


@piece
def change(ladder: np.ndarray, far: np.ndarray, scalars: np.ndarray, side: int, tick: int, delta: int) -> None:
    """Add `delta` to the displayed size of one side at one price tick."""
    index = tick - scalars[S_RANGE_LO]
    if index < 0 or index >= ladder.shape[1]:
        change_far(far, scalars, side, tick, delta)
        return
    size = ladder[side, index] + delta
    ladder[side, index] = size
    if side == BID:
        if index > scalars[S_BEST_BID]:
            scalars[S_BEST_BID] = index
        elif size == 0 and index == scalars[S_BEST_BID]:
            while index >= 0 and ladder[BID, index] == 0:
                index -= 1
            scalars[S_BEST_BID] = index
    elif index < scalars[S_BEST_ASK]:
        scalars[S_BEST_ASK] = index
    elif size == 0 and index == scalars[S_BEST_ASK]:
        n = ladder.shape[1]
        while index < n and ladder[ASK, index] == 0:
            index += 1
        scalars[S_BEST_ASK] = index


@kernel
def best_bid(ladder: np.ndarray, far: np.ndarray, scalars: np.ndarray) -> tuple[int, int]:
    """(price tick, displayed size) of the highest bid; (NO_LEVEL, 0) when there is none."""
    index = scalars[S_BEST_BID]
    if scalars[S_FAR_BIDS] > 0 and (index < 0 or far[BID, FAR_HEAP, 0] >= scalars[S_RANGE_LO] + ladder.shape[1]):
        return best_far(far, BID)
    if index < 0:
        return NO_LEVEL, 0
    return scalars[S_RANGE_LO] + index, ladder[BID, index]


@kernel
def best_ask(ladder: np.ndarray, far: np.ndarray, scalars: np.ndarray) -> tuple[int, int]:
    """(price tick, displayed size) of the lowest ask; (NO_LEVEL, 0) when there is none."""
    index = scalars[S_BEST_ASK]
    empty = index >= ladder.shape[1]
    if scalars[S_FAR_ASKS] > 0 and (empty or far[ASK, FAR_HEAP, 0] < scalars[S_RANGE_LO]):
        return best_far(far, ASK)
    if empty:
        return NO_LEVEL, 0
    return scalars[S_RANGE_LO] + index, ladder[ASK, index]


@kernel
def clear(ladder: np.ndarray, far: np.ndarray, scalars: np.ndarray) -> None:
    """Empty both sides."""
    ladder[:] = 0
    for side in range(2):
        if scalars[S_FAR_BIDS + side] > 0:
            far[side, FAR_SIZE] = FREE
    scalars[S_BEST_BID] = -1
    scalars[S_BEST_ASK] = ladder.shape[1]
    scalars[S_FAR_BIDS] = 0
    scalars[S_FAR_ASKS] = 0
