"""Ranks, sums over blocks of bins and their bootstrap. Plain loops; `sample` and `measures` allocate and name."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from vp_harness._jit import called, kernel

OF_SIGNAL: Final = 14
"""Sums of a cell that are of no horizon: x, x2, left_x, left_x2, and the counts of the ten deciles."""


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
def move_sums(y: NDArray[np.float64], left_y: NDArray[np.float64], cell: int, out: NDArray[np.float64]) -> None:
    """Sums over cells of `cell` samples each of what no signal changes, into `out` (cells + 1, 4 h), zero before.

    `y` (n, h) are standardised ranks of moves, `left_y` (n, h) what the baselines leave of them. In order: y, y2,
    left_y, left_y2 of each h. The last row is of the samples beyond the last whole cell.
    """
    horizons = y.shape[1]
    for t in range(y.shape[0]):
        row = out[t // cell]
        for h in range(horizons):
            row[h] += y[t, h]
            row[horizons + h] += y[t, h] * y[t, h]
            row[2 * horizons + h] += left_y[t, h]
            row[3 * horizons + h] += left_y[t, h] * left_y[t, h]


@kernel
def signal_sums(
    x: NDArray[np.float64],
    y: NDArray[np.float64],
    left_x: NDArray[np.float64],
    left_y: NDArray[np.float64],
    moves: NDArray[np.float64],
    decile: NDArray[np.int64],
    cell: int,
    out: NDArray[np.float64],
) -> None:
    """The same of what a signal has a part in, into `out` (cells + 1, OF_SIGNAL + 12 h), zero before.

    `x` (n) are standardised ranks of its values, `left_x` what the baselines leave of them, `decile` (n) those of the
    values, `moves` (n, h) forward moves. In order: x, x2, left_x, left_x2; the count of each decile; xy and left_x
    left_y of each h; for each decile the sum of the moves of each h.
    """
    horizons = y.shape[1]
    pairs = OF_SIGNAL
    moved = pairs + 2 * horizons
    for t in range(y.shape[0]):
        row = out[t // cell]
        row[0] += x[t]
        row[1] += x[t] * x[t]
        row[2] += left_x[t]
        row[3] += left_x[t] * left_x[t]
        row[4 + decile[t]] += 1.0
        of_decile = moved + horizons * decile[t]
        for h in range(horizons):
            row[pairs + h] += x[t] * y[t, h]
            row[pairs + horizons + h] += left_x[t] * left_y[t, h]
            row[of_decile + h] += moves[t, h]


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


@called
def _figures(total: NDArray[np.float64], n: float, horizons: int, out: NDArray[np.float64]) -> None:
    """The figures of `n` samples, see `resampled`, from their sums: those of `signal_sums` and after them those of
    `move_sums`.
    """
    pairs = OF_SIGNAL
    moved = pairs + 2 * horizons
    own = moved + 10 * horizons
    for kind in range(2):
        sx, sxx = total[2 * kind], total[2 * kind + 1]
        of_x = sxx - sx * sx / n
        for h in range(horizons):
            at = own + 2 * kind * horizons + h
            sy, syy, sxy = total[at], total[at + horizons], total[pairs + kind * horizons + h]
            of_y = syy - sy * sy / n
            varies = of_x > 1e-9 * n and of_y > 1e-9 * n  # in the whole part both are n
            out[kind * horizons + h] = (sxy - sx * sy / n) / np.sqrt(of_x * of_y) if varies else np.nan
    for d in range(10):
        count = total[4 + d]
        for h in range(horizons):
            of_decile = total[moved + horizons * d + h]
            out[2 * horizons + 10 * h + d] = of_decile / count if count > 0 else np.nan


@kernel
def resampled(
    cells: NDArray[np.float64],
    cell: int,
    cells_a_block: int,
    horizons: int,
    starts: NDArray[np.int64],
    out: NDArray[np.float64],
) -> None:
    """The figures of each resample, into `out` (draws, 12 h): rank IC and partial one for each h, then for each h the
    mean move in each decile; NaN where a resample has none.

    `cells` (cells + 1, OF_SIGNAL + 16 h) has what `signal_sums` and `move_sums` give side by side; the last row is not
    drawn. `starts` (draws, blocks) are the first cells of blocks of `cells_a_block`.
    """
    width = cells.shape[1]
    places = cells.shape[0] - cells_a_block
    blocks = np.zeros((places, width))
    for place in range(places):
        for i in range(cells_a_block):
            for f in range(width):
                blocks[place, f] += cells[place + i, f]
    total = np.empty(width)
    n_blocks = starts.shape[1]
    n = float(n_blocks * cells_a_block * cell)
    for draw in range(starts.shape[0]):
        total[:] = 0.0
        for block in range(0, n_blocks - 1, 2):  # two at once: the totals are read and written half as often
            first, second = starts[draw, block], starts[draw, block + 1]
            for f in range(width):
                total[f] = total[f] + blocks[first, f] + blocks[second, f]
        if n_blocks % 2:
            for f in range(width):
                total[f] += blocks[starts[draw, n_blocks - 1], f]
        _figures(total, n, horizons, out[draw])


@kernel
def whole(cells: NDArray[np.float64], n: int, horizons: int, out: NDArray[np.float64]) -> None:
    """The figures of all `n` samples into `out` (12 h), in the order of `resampled`."""
    total = np.zeros(cells.shape[1])
    for i in range(cells.shape[0]):
        total += cells[i]
    _figures(total, float(n), horizons, out)


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
def bounds_of(ordered: NDArray[np.float64], low: float, high: float, out: NDArray[np.float64]) -> None:
    """The quantiles `low` and `high` of each row of `ordered` (q, draws), ascending with its NaN at the end and without
    them, into `out` (q, 2).
    """
    for q in range(ordered.shape[0]):
        known = ordered.shape[1]
        while known and np.isnan(ordered[q, known - 1]):
            known -= 1
        for side in range(2):
            if known < 2:
                out[q, side] = np.nan
                continue
            place = (low if side == 0 else 1.0 - high) * (known - 1)
            below = min(int(np.floor(place)), known - 2)
            share = place - below
            if side == 0:
                out[q, side] = ordered[q, below] + (ordered[q, below + 1] - ordered[q, below]) * share
            else:  # the upper quantile is the lower one seen from the other end
                above = known - 1 - below
                out[q, side] = ordered[q, above] + (ordered[q, above - 1] - ordered[q, above]) * share
