"""Kernels of the signals: loops over bins, whose state lies in arrays of the caller.

A kernel takes any number of bins, so that a batch and a single step run the same code. Grids are (bins, rows), row
`radius + k` is k cells above spot. What belongs to the side below spot and what belongs to the side above it is summed
apart, each from spot outwards: a book mirrored about the mid then gives the same sums with the sides exchanged, to the
last bit.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from vp_harness._jit import kernel

_Floats = NDArray[np.float64]
_Ints = NDArray[np.int64]

# Keeps the ratio of two products finite and near 1 when both vanish.
_EPSILON = 1e-6


@kernel
def side_sums(grid: _Floats, weights: _Floats, below: _Floats, above: _Floats) -> None:
    """Sum `weights[|k| - 1] * grid[k]` over the rows k < 0 into `below` and over k > 0 into `above`."""
    radius = grid.shape[1] // 2
    n_bins = grid.shape[0]
    t = 0
    # Four bins at a time: each sum keeps its order, and none waits for the addition of another.
    while t + 4 <= n_bins:
        low_0 = low_1 = low_2 = low_3 = 0.0
        high_0 = high_1 = high_2 = high_3 = 0.0
        for i in range(weights.size):
            weight = weights[i]
            low_0 += weight * grid[t, radius - 1 - i]
            low_1 += weight * grid[t + 1, radius - 1 - i]
            low_2 += weight * grid[t + 2, radius - 1 - i]
            low_3 += weight * grid[t + 3, radius - 1 - i]
            high_0 += weight * grid[t, radius + 1 + i]
            high_1 += weight * grid[t + 1, radius + 1 + i]
            high_2 += weight * grid[t + 2, radius + 1 + i]
            high_3 += weight * grid[t + 3, radius + 1 + i]
        below[t], below[t + 1], below[t + 2], below[t + 3] = low_0, low_1, low_2, low_3
        above[t], above[t + 1], above[t + 2], above[t + 3] = high_0, high_1, high_2, high_3
        t += 4
    for rest in range(t, n_bins):
        low = 0.0
        high = 0.0
        for i in range(weights.size):
            low += weights[i] * grid[rest, radius - 1 - i]
            high += weights[i] * grid[rest, radius + 1 + i]
        below[rest] = low
        above[rest] = high


@kernel
def ema(x: _Floats, alpha: float, state: _Floats, out: _Floats) -> None:
    """Exponential moving average; `state` is (value, whether there is one)."""
    for t in range(x.size):
        if state[1] == 0.0:
            state[0] = x[t]
            state[1] = 1.0
        else:
            state[0] += alpha * (x[t] - state[0])
        out[t] = state[0]


@kernel
def slope(x: _Floats, ring: _Floats, seen: int, out: _Floats) -> None:
    """Least-squares slope per bin over the last `ring.size` values, NaN before; `seen` values came before these.

    Values at equal distances from the middle of the window have opposite weights. They are subtracted first, so that
    the slope of equal values is exactly 0 and that of negated values exactly the negative.
    """
    window = ring.size
    scale = window * (window * window - 1.0) / 12.0
    for t in range(x.size):
        newer = (seen + t) % window
        ring[newer] = x[t]
        if seen + t + 1 < window:
            out[t] = math.nan
            continue
        older = newer + 1 if newer + 1 < window else 0
        total = 0.0
        for i in range(window // 2):
            total += ((window - 1) / 2.0 - i) * (ring[newer] - ring[older])
            newer = newer - 1 if newer > 0 else window - 1
            older = older + 1 if older + 1 < window else 0
        out[t] = total / scale


@kernel
def lead(
    inner: _Floats, outer: _Floats, alpha: float, most: float, ring: _Floats, state: _Floats, seen: int, out: _Floats
) -> None:
    """How much better `inner` goes with the `outer` of `ring.size` bins ago than with that of now.

    It is 0 for as many bins, and within [0, `most`] from then on. `state` is (EMA of inner * earlier outer, EMA of
    inner * outer).
    """
    lag = ring.size
    for t in range(inner.size):
        at = seen + t
        out[t] = 0.0
        if at >= lag:
            earlier = inner[t] * ring[at % lag]
            now = inner[t] * outer[t]
            if at == lag:
                state[0] = earlier
                state[1] = now
            else:
                state[0] += alpha * (earlier - state[0])
                state[1] += alpha * (now - state[1])
            below = state[1] + _EPSILON
            if below > 0.0:  # always, as intensities are not negative
                out[t] = min(most, max(0.0, (state[0] + _EPSILON) / below))
        ring[at % lag] = outer[t]


@kernel
def side_gradients(grid: _Floats, reach: int, below: _Floats, above: _Floats) -> None:
    """Means over the rows -reach..-1 and 1..reach of the difference along k: central, one-sided at the edge."""
    rows = grid.shape[1]
    radius = rows // 2
    for t in range(grid.shape[0]):
        low = 0.0
        high = 0.0
        for k in range(1, reach + 1):
            i = radius - k
            j = radius + k
            if k < radius:
                low += (grid[t, i + 1] - grid[t, i - 1]) / 2.0
                high += (grid[t, j + 1] - grid[t, j - 1]) / 2.0
            else:
                low += grid[t, i + 1] - grid[t, i]
                high += grid[t, j] - grid[t, j - 1]
        below[t] = low / reach
        above[t] = high / reach


@kernel
def curvature(grid: _Floats, reach: int, out: _Floats) -> None:
    """Mean over the rows -reach..reach, the outermost rows of the grid left out, of the second difference along k."""
    radius = grid.shape[1] // 2
    last = min(reach, radius - 1)
    for t in range(grid.shape[0]):
        total = 0.0
        for k in range(-last, last + 1):
            i = radius + k
            total += grid[t, i + 1] - 2.0 * grid[t, i] + grid[t, i - 1]
        out[t] = total / (2 * last + 1)


@kernel
def entropies(
    codes: _Floats, terms: _Floats, side_terms: _Floats, whole: _Floats, below: _Floats, above: _Floats
) -> None:
    """Entropy in bits of the codes -1, 0, 1 over all rows, those below spot and those above it.

    `terms[c]` is `-p log2 p` for p = c of all rows, `side_terms[c]` the same of the rows of one side.
    """
    radius = codes.shape[1] // 2
    for t in range(codes.shape[0]):
        down = 0
        flat = 0
        for i in range(radius):
            down += codes[t, i] < 0.0
            flat += codes[t, i] == 0.0
        up = radius - down - flat
        down_above = 0
        flat_above = 0
        for i in range(radius + 1, codes.shape[1]):
            down_above += codes[t, i] < 0.0
            flat_above += codes[t, i] == 0.0
        up_above = radius - down_above - flat_above
        below[t] = side_terms[down] + side_terms[flat] + side_terms[up]
        above[t] = side_terms[down_above] + side_terms[flat_above] + side_terms[up_above]
        spot = codes[t, radius]
        down += down_above + (spot < 0.0)
        flat += flat_above + (spot == 0.0)
        up += up_above + (spot > 0.0)
        whole[t] = terms[down] + terms[flat] + terms[up]


@kernel
def log_ratio(arriving: _Floats, leaving: _Floats, out: _Floats) -> None:
    """log(1 + arriving / (leaving + 1)), natural; rates are not negative, and one that is counts as 0."""
    for t in range(arriving.size):
        out[t] = math.log(1.0 + max(arriving[t], 0.0) / (max(leaving[t], 0.0) + 1.0))


@kernel
def balance_about_mid(
    bid_depth: _Floats,
    ask_depth: _Floats,
    best_bid: _Ints,
    best_ask: _Ints,
    spot: _Ints,
    cell: int,
    reach: float,
    decay: float,
    out: _Floats,
) -> None:
    """(bids - asks) / (bids + asks) of depth weighted exp(-d / decay), d <= `reach` cells from the mid.

    0 without both best prices.
    """
    radius = bid_depth.shape[1] // 2
    for t in range(out.size):
        out[t] = 0.0
        if best_bid[t] == 0 or best_ask[t] == 0:
            continue
        offset = best_bid[t] + best_ask[t] - 2 * spot[t]  # twice the mid's distance above row 0, as all distances here
        middle = offset // (2 * cell)
        exact = offset % (2 * cell) == 0
        bids = 0.0
        asks = 0.0
        for side in (-1, 1):
            k = middle + 1 if side > 0 else (middle - 1 if exact else middle)
            some_bids = 0.0
            some_asks = 0.0
            while -radius <= k <= radius:
                distance = abs(2 * cell * k - offset) / (2.0 * cell)
                if distance > reach:
                    break
                weight = math.exp(-distance / decay)
                some_bids += weight * bid_depth[t, radius + k]
                some_asks += weight * ask_depth[t, radius + k]
                k += side
            bids += some_bids
            asks += some_asks
        if exact and -radius <= middle <= radius:
            bids += bid_depth[t, radius + middle]
            asks += ask_depth[t, radius + middle]
        if bids + asks > 0.0:
            out[t] = (bids - asks) / (bids + asks)


@kernel
def order_flow(
    bid_depth: _Floats,
    ask_depth: _Floats,
    best_bid: _Ints,
    best_ask: _Ints,
    spot: _Ints,
    cell: int,
    before: _Floats,
    before_cells: _Ints,
    flows: _Floats,
    flow_sums: _Floats,
    depths: _Floats,
    depth_sums: _Floats,
    seen: int,
    out: _Floats,
) -> None:
    """Order flow imbalance at the touch and the levels behind it, each in units of its mean depth, added up.

    `before` (2, levels) holds bids and asks of the bin before and `before_cells` (its best bid, its best ask, whether
    it has both). `flows` (window, levels) and `depths` (window, levels) are rings with their column sums. All of these
    are whole numbers, so that the sums stay exact however long they run.
    """
    radius = bid_depth.shape[1] // 2
    levels = flows.shape[1]
    for t in range(out.size):
        at = seen + t
        both = best_bid[t] != 0 and best_ask[t] != 0
        bid = best_bid[t] // cell
        ask = best_ask[t] // cell
        spot_cell = spot[t] // cell
        flow_turn = at % flows.shape[0]
        depth_turn = at % depths.shape[0]
        total = 0.0
        for m in range(levels):
            bids = 0.0
            asks = 0.0
            flow = 0.0
            if both:
                i = bid - m - spot_cell + radius
                j = ask + m - spot_cell + radius
                if 0 <= i <= 2 * radius:
                    bids = bid_depth[t, i]
                if 0 <= j <= 2 * radius:
                    asks = ask_depth[t, j]
                if before_cells[2] == 1:
                    bid_change = 0.0
                    ask_change = 0.0
                    if bid >= before_cells[0]:
                        bid_change += bids
                    if bid <= before_cells[0]:
                        bid_change -= before[0, m]
                    if ask <= before_cells[1]:
                        ask_change += asks
                    if ask >= before_cells[1]:
                        ask_change -= before[1, m]
                    flow = bid_change - ask_change
                before[0, m] = bids
                before[1, m] = asks
            flow_sums[m] += flow - flows[flow_turn, m]
            flows[flow_turn, m] = flow
            depth_sums[m] += bids + asks - depths[depth_turn, m]
            depths[depth_turn, m] = bids + asks
            mean_depth = depth_sums[m] / 2.0 / min(at + 1, depths.shape[0])
            total += flow_sums[m] / max(1.0, mean_depth)
        before_cells[0] = bid
        before_cells[1] = ask
        before_cells[2] = 1 if both else 0
        out[t] = total
