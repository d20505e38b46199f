"""Displayed size per price: a dense ladder over the range, and short sorted arrays for prices outside it.

The best price of a side is exact wherever it lies. Inside the range it is an index that moves with the ladder; outside
it is the end of a sorted array, so no rescan of the orders is ever needed.
"""

from __future__ import annotations

import numpy as np

from ._jit import aside, kernel, piece
from ._state import ASK, BID, NO_LEVEL, S_BEST_ASK, S_BEST_BID, S_FAR_ASKS, S_FAR_BIDS, S_RANGE_LO, SIZE, TICK


@piece
def change(ladder: np.ndarray, far: np.ndarray, scalars: np.ndarray, side: int, tick: int, delta: int) -> None:
    """Add `delta` to the displayed size of one side at one price tick."""
    index = tick - scalars[S_RANGE_LO]
    if index < 0 or index >= ladder.shape[1]:
        _change_far(far, scalars, side, tick, delta)
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


@aside
def _change_far(far: np.ndarray, scalars: np.ndarray, side: int, tick: int, delta: int) -> None:
    """The same outside the range: binary search, then one shift to open or close a place."""
    s_count = S_FAR_BIDS + side
    n = scalars[s_count]
    at = np.searchsorted(far[side, TICK, :n], tick)
    if at < n and far[side, TICK, at] == tick:
        far[side, SIZE, at] += delta
        if far[side, SIZE, at] == 0:
            for i in range(at, n - 1):
                far[side, TICK, i] = far[side, TICK, i + 1]
                far[side, SIZE, i] = far[side, SIZE, i + 1]
            scalars[s_count] = n - 1
        return
    for i in range(n, at, -1):
        far[side, TICK, i] = far[side, TICK, i - 1]
        far[side, SIZE, i] = far[side, SIZE, i - 1]
    far[side, TICK, at] = tick
    far[side, SIZE, at] = delta
    scalars[s_count] = n + 1


@kernel
def best_bid(ladder: np.ndarray, far: np.ndarray, scalars: np.ndarray) -> tuple[int, int]:
    """(price tick, displayed size) of the highest bid; (NO_LEVEL, 0) when there is none."""
    n = scalars[S_FAR_BIDS]
    index = scalars[S_BEST_BID]
    if n > 0 and (index < 0 or far[BID, TICK, n - 1] >= scalars[S_RANGE_LO] + ladder.shape[1]):
        return far[BID, TICK, n - 1], far[BID, SIZE, n - 1]
    if index < 0:
        return NO_LEVEL, 0
    return scalars[S_RANGE_LO] + index, ladder[BID, index]


@kernel
def best_ask(ladder: np.ndarray, far: np.ndarray, scalars: np.ndarray) -> tuple[int, int]:
    """(price tick, displayed size) of the lowest ask; (NO_LEVEL, 0) when there is none."""
    index = scalars[S_BEST_ASK]
    empty = index >= ladder.shape[1]
    if scalars[S_FAR_ASKS] > 0 and (empty or far[ASK, TICK, 0] < scalars[S_RANGE_LO]):
        return far[ASK, TICK, 0], far[ASK, SIZE, 0]
    if empty:
        return NO_LEVEL, 0
    return scalars[S_RANGE_LO] + index, ladder[ASK, index]


@kernel
def clear(ladder: np.ndarray, scalars: np.ndarray) -> None:
    """Empty both sides."""
    ladder[:] = 0
    scalars[S_BEST_BID] = -1
    scalars[S_BEST_ASK] = ladder.shape[1]
    scalars[S_FAR_BIDS] = 0
    scalars[S_FAR_ASKS] = 0
