"""Cells of one price at other times: a grid follows spot, so a tick changes its row."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from vp_harness.lake.dataset import Dataset

_AT_ONCE: Final = 2048
"""Bins whose rows are looked up at once."""


class Ticks:
    """Where the ticks of a dataset are.

    `spot` (n_bins) is the tick number of row k = 0, `valid` (n_bins) whether the book was valid, `mid` (n_bins) the mid
    in ticks, nan where it was not.
    """

    def __init__(self, dataset: Dataset) -> None:
        bins, tick = dataset.bins, dataset.config.tick_int
        self.width_s = dataset.config.cell_width_ms / 1000
        self.spot: NDArray[np.int64] = bins["spot_ref_price_int"].to_numpy() // tick
        self.valid: NDArray[np.bool_] = bins["book_valid"].to_numpy()
        twice = bins["best_bid_price_int"].to_numpy() + bins["best_ask_price_int"].to_numpy()
        self.mid: NDArray[np.float64] = np.where(self.valid, twice / (2 * tick), np.nan)

    def at(self, values: NDArray[Any], lag: int) -> NDArray[np.float64]:
        """The values (n_bins, rows) of each cell's own tick `lag` bins later, or earlier where it is negative.

        nan where there is no such bin, the tick is outside the grid there, or the book of either bin is not valid.
        Example: spot rises by a tick from bin 0 to bin 1, so `at(values, 1)[0, row]` is `values[1, row - 1]`.
        """
        bins, rows = values.shape
        found = np.full((bins, rows), np.nan)
        first, end = max(0, -lag), min(bins, bins - lag)
        for start in range(first, end, _AT_ONCE):
            now = np.arange(start, min(start + _AT_ONCE, end))
            then = now + lag
            row = np.arange(rows)[None, :] + (self.spot[now] - self.spot[then])[:, None]
            inside = (row >= 0) & (row < rows) & (self.valid[now] & self.valid[then])[:, None]
            looked_up = np.take_along_axis(values[then], np.clip(row, 0, rows - 1), axis=1)
            found[now] = np.where(inside, looked_up, np.nan)
        return found
