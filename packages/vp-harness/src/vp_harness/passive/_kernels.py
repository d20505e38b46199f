"""What the bins after an order say of it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from vp_harness._jit import kernel


@kernel
def look_ahead(
    price: NDArray[np.int64],
    ahead: NDArray[np.int64],
    wait: NDArray[np.int32],
    quotes: NDArray[np.int64],
    valid: NDArray[np.bool_],
    tick: int,
    max_wait: int,
    steps: NDArray[np.int64],
    through: NDArray[np.int32],
    moves: NDArray[np.float64],
) -> None:
    """Fill `through` (bins, 2) and `moves` (m, bins, 2): see `table.FILL_COLUMNS`.

    `price`, `ahead` and `wait` are (bins, 2), `quotes` (4, bins) those of `fills_table`, `steps` (m) bins after a fill.
    """
    n_bins = valid.shape[0]
    for side in range(2):
        for i in range(n_bins):
            if ahead[i, side] == 0:
                continue
            filled = wait[i, side] >= 0
            last = i + wait[i, side] - 1 if filled else min(i + max_wait, n_bins - 1)
            for t in range(i + 1, last + 1):
                if quotes[2, t] == 0 and quotes[3, t] == 0:
                    continue  # no valid quote in the bin
                stands = quotes[3, t] <= price[i, side] if side == 0 else quotes[2, t] >= price[i, side]
                if stands:
                    through[i, side] = t - i
                    break
            if not filled:
                continue
            fill = i + wait[i, side]
            before = fill - 1
            while not valid[before]:  # the bin in which it joined is valid
                before -= 1
            mid = quotes[0, before] + quotes[1, before]
            for m in range(steps.shape[0]):
                t = fill + steps[m]
                if t < n_bins and valid[t]:
                    moved = (quotes[0, t] + quotes[1, t] - mid) / (2.0 * tick)
                    moves[m, i, side] = moved if side == 0 else -moved
