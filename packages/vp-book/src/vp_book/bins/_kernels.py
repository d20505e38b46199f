"""The columns of whole numbers of a window."""

from __future__ import annotations

import numpy as np

from vp_book._jit import kernel


@kernel
def read_whole(
    ladder: np.ndarray, touched: np.ndarray, traded: np.ndarray, lo: int, bucket: int, out: np.ndarray
) -> None:
    """`CELL_DEPTHS` and `CELL_COUNTS` of the cells from `lo` on.

    `out` is int64 (6, rows), a row for each name; `ladder` int64 (2, price ticks) has `bucket` ticks a cell.
    """
    for row in range(out.shape[1]):
        cell = lo + row
        first = cell * bucket
        bids = np.int64(0)
        asks = np.int64(0)
        for tick in range(first, first + bucket):
            bids += ladder[0, tick]
            asks += ladder[1, tick]
        out[0, row] = bids + asks
        out[1, row] = bids
        out[2, row] = asks
        out[3, row] = touched[cell]
        out[4, row] = traded[0, cell]
        out[5, row] = traded[1, cell]
