"""Ranks, sums over blocks of bins and their bootstrap. Plain loops; `sample` and `measures` allocate and name."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from vp_harness._jit import kernel


@kernel
def average_ranks(values: NDArray[np.float64], order: NDArray[np.int64], ranks: NDArray[np.float64]) -> None:
    """Ranks from 1 on, equal values with the mean of theirs. `order` (n) sorts `values`."""
    n = values.shape[0]
    first = 0
    while first < n:
        last = first
        while last + 1 < n and values[order[last + 1]] == values[order[first]]:
            last += 1
        rank = 0.5 * (first + last) + 1.0
        for i in range(first, last + 1):
            ranks[order[i]] = rank
        first = last + 1


@kernel
def cell_sums(
    x: NDArray[np.float64],
    y: NDArray[np.float64],
    left_x: NDArray[np.float64],
    left_y: NDArray[np.float64],
    moves: NDArray[np.float64],
    decile: NDArray[np.int64],
    cell: int,
    out: NDArray[np.float64],
) -> None:
    """Sums over cells of `cell` samples each, into `out` (cells, 4 + 6 h + 10 + 10 h), zero before.

    `x` (n) and `y` (n, h) are standardised ranks, `left_x` and `left_y` what the baselines leave of them, `moves`
    (n, h) are forward moves. In order: x, x2, left_x, left_x2; for each h y, y2, xy and the same of what is left; the
    count of each decile; for each h the sum of moves in each decile. Samples beyond the last whole cell are left out.
    """
    horizons = y.shape[1]
    deciles = 4 + 6 * horizons
    for t in range(out.shape[0] * cell):
        row = out[t // cell]
        row[0] += x[t]
        row[1] += x[t] * x[t]
        row[2] += left_x[t]
        row[3] += left_x[t] * left_x[t]
        d = decile[t]
        row[deciles + d] += 1.0
        for h in range(horizons):
            at = 4 + 6 * h
            row[at] += y[t, h]
            row[at + 1] += y[t, h] * y[t, h]
            row[at + 2] += x[t] * y[t, h]
            row[at + 3] += left_y[t, h]
            row[at + 4] += left_y[t, h] * left_y[t, h]
            row[at + 5] += left_x[t] * left_y[t, h]
            row[deciles + 10 + 10 * h + d] += moves[t, h]


@kernel
def block_starts(seed: np.uint64, width: int, starts: NDArray[np.int64]) -> None:
    """Fill `starts` (draws, blocks) with cells in [0, `width`), by splitmix64 (Steele, Lea and Flood 2014)."""
    state = seed
    for draw in range(starts.shape[0]):
        for block in range(starts.shape[1]):
            state += np.uint64(0x9E3779B97F4A7C15)
            z = state
            z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
            z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
            z = z ^ (z >> np.uint64(31))
            starts[draw, block] = np.int64(((z >> np.uint64(32)) * np.uint64(width)) >> np.uint64(32))


@kernel
def resampled(
    cells: NDArray[np.float64],
    cell: int,
    cells_a_block: int,
    horizons: int,
    starts: NDArray[np.int64],
    out: NDArray[np.float64],
) -> None:
    """The figures of each resample, into `out` (12 h, draws): rank IC and partial one for each h, then for each h the
    mean move in each decile; NaN where a resample has none.

    `cells` are those of `cell_sums`, `starts` (draws, blocks) the first cells of blocks of `cells_a_block`.
    """
    width = cells.shape[1]
    places = cells.shape[0] - cells_a_block + 1
    blocks = np.zeros((places, width))
    for place in range(places):
        for i in range(cells_a_block):
            for f in range(width):
                blocks[place, f] += cells[place + i, f]
    total = np.empty(width)
    n = float(starts.shape[1] * cells_a_block * cell)
    deciles = 4 + 6 * horizons
    for draw in range(starts.shape[0]):
        total[:] = 0.0
        for block in range(starts.shape[1]):
            row = blocks[starts[draw, block]]
            for f in range(width):
                total[f] += row[f]
        for h in range(horizons):
            at = 4 + 6 * h
            for kind in range(2):
                sx, sxx = total[2 * kind], total[2 * kind + 1]
                sy, syy, sxy = total[at + 3 * kind], total[at + 3 * kind + 1], total[at + 3 * kind + 2]
                of_x, of_y = sxx - sx * sx / n, syy - sy * sy / n
                varies = of_x > 1e-9 * n and of_y > 1e-9 * n  # in the whole part both are n
                out[kind * horizons + h, draw] = (sxy - sx * sy / n) / np.sqrt(of_x * of_y) if varies else np.nan
            for d in range(10):
                count = total[deciles + d]
                moved = total[deciles + 10 + 10 * h + d]
                out[2 * horizons + 10 * h + d, draw] = moved / count if count > 0 else np.nan


@kernel
def autocorrelations(x: NDArray[np.float64], later: NDArray[np.int32], out: NDArray[np.float64]) -> None:
    """Correlation of `x` (n) with itself at the samples `later` (h, n), into `out` (h); -1 is a sample without one."""
    for h in range(later.shape[0]):
        pairs = 0
        s1 = s2 = s11 = s22 = s12 = 0.0
        for t in range(x.shape[0]):
            if later[h, t] >= 0:
                first, second = x[t], x[later[h, t]]
                pairs += 1
                s1 += first
                s2 += second
                s11 += first * first
                s22 += second * second
                s12 += first * second
        out[h] = np.nan
        if pairs > 1:
            spread = (s11 - s1 * s1 / pairs) * (s22 - s2 * s2 / pairs)
            if spread > 1e-12 * pairs * pairs:
                out[h] = (s12 - s1 * s2 / pairs) / np.sqrt(spread)


@kernel
def bounds_of(draws: NDArray[np.float64], low: float, high: float, out: NDArray[np.float64]) -> None:
    """The quantiles `low` and `high` of each row of `draws` (q, draws) without its NaN, into `out` (q, 2).

    What is beyond the quantiles is selected, not sorted: they are near the ends.
    """
    n_draws = draws.shape[1]
    kept = np.empty(n_draws)
    for q in range(draws.shape[0]):
        known = 0
        for draw in range(n_draws):
            if not np.isnan(draws[q, draw]):
                kept[known] = draws[q, draw]
                known += 1
        for side in range(2):
            if known < 2:
                out[q, side] = np.nan
                continue
            # the upper quantile is the lower one of what is negated
            sign = 1.0 if side == 0 else -1.0
            place = (low if side == 0 else 1.0 - high) * (known - 1)
            below = min(int(np.floor(place)), known - 2)
            size = below + 2
            smallest = np.sort(sign * kept[:size])
            for draw in range(size, known):
                value = sign * kept[draw]
                if value < smallest[size - 1]:
                    at = size - 1
                    while at > 0 and smallest[at - 1] > value:
                        smallest[at] = smallest[at - 1]
                        at -= 1
                    smallest[at] = value
            out[q, side] = sign * (smallest[below] + (smallest[below + 1] - smallest[below]) * (place - below))
