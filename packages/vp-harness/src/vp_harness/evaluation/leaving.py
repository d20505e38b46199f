"""Positions that are left at the quote, and passive orders that become one: the kernels of `outcomes`.

Prices are in half price_int units. Row 0 is up, row 1 down.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from vp_harness._jit import kernel

NOT_OPENED: Final = 0
TAKE_PROFIT: Final = 1
STOP: Final = 2
TIMEOUT: Final = 3


@kernel
def leave_at(
    quotes: NDArray[np.int64],
    valid: NDArray[np.bool_],
    row: int,
    entry: int,
    start: int,
    deadline: int,
    tp: int,
    sl: int,
    latency: int,
) -> tuple[int, int, int]:
    """The outcome of a position that was entered at `entry` in bin `start`, the bin in which it is gone, and its pnl.

    `quotes` (6, n_bins) are those of `outcomes.Prices`. The side one would leave at decides, bin after bin, and the
    order to leave reaches the market `latency` bins later.
    """
    leave_side = 0 if row == 0 else 1
    high = 2 if row == 0 else 4
    sign = 1 if row == 0 else -1
    outcome = TIMEOUT
    leave = deadline
    for t in range(start + 1, deadline - latency + 1):
        if not valid[t]:
            continue
        best = quotes[high, t] if row == 0 else quotes[high + 1, t]
        worst = quotes[high + 1, t] if row == 0 else quotes[high, t]
        if sign * (entry - 2 * worst) >= sl:
            outcome = STOP
        elif sign * (2 * best - entry) >= tp:
            outcome = TAKE_PROFIT
        if outcome != TIMEOUT:
            leave = t + latency
            break
    while leave < deadline and not valid[leave]:
        leave += 1
    gone = leave
    while not valid[leave]:  # the book is not valid any more: the last quote that was
        leave -= 1
    return outcome, gone, sign * (2 * quotes[leave_side, leave] - entry)


@kernel
def walk_queue(
    quotes: NDArray[np.int64],
    valid: NDArray[np.bool_],
    tp: int,
    sl: int,
    max_hold: int,
    latency: int,
    price: NDArray[np.int64],
    wait: NDArray[np.int32],
    max_wait: int,
    join: NDArray[np.int64],
    fill: NDArray[np.int64],
    outcome: NDArray[np.int8],
    exit_bin: NDArray[np.int64],
    pnl: NDArray[np.int64],
) -> None:
    """`price` and `wait` are those of `PassiveFills`; everything that is filled here is (2, n_bins)."""
    n_bins = valid.shape[0]
    for row in range(2):
        for event in range(n_bins):
            deadline = min(event + max_hold, n_bins - 1)
            exit_bin[row, event] = deadline
            if not valid[event]:
                continue
            start = event + latency
            while start <= deadline and not valid[start]:
                start += 1
            if start > deadline or wait[row, start] < -1:
                continue
            join[row, event] = start
            if wait[row, start] < 0 or start + wait[row, start] > deadline:
                exit_bin[row, event] = min(start + max_wait, deadline)  # given up
                continue
            fill[row, event] = start + wait[row, start]
            outcome[row, event], exit_bin[row, event], pnl[row, event] = leave_at(
                quotes, valid, row, 2 * price[row, start], fill[row, event], deadline, tp, sl, latency
            )
