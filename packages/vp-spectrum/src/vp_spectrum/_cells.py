"""The cell spectrum: kernels.

A cell is named by its absolute index, which a recentering does not change: index in the range + origin. Its composites
lie in column `absolute % n_cells` of `History.composite`, one row a bin, so a bin writes one contiguous row and a
recentering moves nothing. Everything else about a cell follows from its composites, so it is worked out only for cells
that are tracked: slot `absolute % capacity` of `Track`. `catch_up` is the one way to it, from nothing or from where
the slot stopped, and gives the same bits either way.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from ._blend import blend
from ._jit import kernel
from ._window import admit, z_or_zero

_Floats = npt.NDArray[np.float64]
_Ints = npt.NDArray[np.int64]

# Successive differences of the score reach back over this many bins, the current one included.
SCORES = 4
_EPSILON = 1e-12
_HUGE = 1e300
_SHRINK = 2.0**-64
_ONE = np.uint64(1)


class Plan(NamedTuple):
    """The parameters as the kernels want them."""

    windows: _Ints  # (n,) flow windows, ascending
    rollup: _Floats  # (n,) their weights, sum 1
    divisors: _Floats  # (3,) of the successive differences d1, d2, d3
    weights: _Floats  # (3,) of the channels in the score
    tanh_scale: float
    neutral: float
    min_periods: int
    bin_seconds: float
    horizons: _Floats  # (h,) seconds
    damping: _Floats  # (h,) factor of each projection
    cubic: float  # factor of the cubic term, 0 when it is off


class History(NamedTuple):
    """What is kept of every cell of the range."""

    composite: _Floats  # (depth, n_cells or a little more): row bin % depth, column absolute % n_cells
    born: _Ints  # (n_cells,): the bin in which the cell of that column entered the range


class Track(NamedTuple):
    """What is kept of the cells that can be served, by slot."""

    cell: _Ints  # (capacity,) absolute index of the cell in the slot
    upto: _Ints  # (capacity,) last bin worked in; -1 for none
    recent: _Floats  # (capacity, longest flow window) composites, at bin % size
    chain: _Floats  # (capacity, 4) rolled, d1, d2, d3 of bin `upto`
    window: int  # length of a z-window
    ring: _Floats  # (capacity * 3 * window,) d1, d2, d3 in order of arrival, a window each
    ordered: _Floats  # (capacity * 3 * window,) the same, ascending
    size: _Ints  # (capacity,) values in each of the three windows
    scores: _Floats  # (capacity, SCORES) at bin % SCORES


@kernel
def _composites(pressure: _Floats, vacuum: _Floats, out: _Floats) -> int:
    finite = 0
    for i in range(pressure.size):
        p = pressure[i]
        v = vacuum[i]
        size = max(abs(p), abs(v))
        unit = _SHRINK if size > _HUGE else 1.0  # the sum of two such numbers may overflow; the ratio does not care
        out[i] = (p * unit - v * unit) / (abs(p) * unit + abs(v) * unit + _EPSILON * unit)
        finite += 1 if abs(p) < np.inf and abs(v) < np.inf else 0
    return finite


@kernel
def record(pressure: _Floats, vacuum: _Floats, row: _Floats, origin: int) -> int:
    """Write `(P - V) / (abs(P) + abs(V) + 1e-12)` of all cells to a row of the history; returns how many are finite."""
    n_cells = pressure.size
    turn = n_cells - origin % n_cells  # cells from here on are in the columns from 0 on
    finite = _composites(pressure[:turn], vacuum[:turn], row[n_cells - turn : n_cells])
    return finite + _composites(pressure[turn:], vacuum[turn:], row[: n_cells - turn])


@kernel
def _rolled(recent: _Floats, slot: int, newest: int, seen: int, windows: _Ints, weights: _Floats) -> float:
    """Weighted sum of the means of the last `min(window, seen)` composites, summed from the newest back."""
    total = 0.0
    rolled = 0.0
    taken = 0
    at = np.uint64(newest)
    for j in range(windows.size):
        length = min(windows[j], seen)
        while taken < length:
            total += recent[slot, at]
            at = (at if at > 0 else np.uint64(recent.shape[1])) - _ONE
            taken += 1
        rolled += weights[j] * (total / length)
    return rolled


@kernel
def _extend(chain: _Floats, slot: int, rolled: float, links: int, divisors: _Floats) -> None:
    """Move the chain of differences on by a bin; the n-th difference is 0 until there are n bins (`links`) before."""
    value = rolled
    for i in range(4):
        before = chain[slot, i]
        chain[slot, i] = value
        if i < 3:
            value = (value - before) / divisors[i] if links > i else 0.0


@kernel
def catch_up(
    history: History, track: Track, plan: Plan, cell: int, target: int, now: int, scored: int, z: _Floats
) -> None:
    """Bring the slot of `cell` up to bin `target`, with scores from bin `scored` on; bin `now` is the last recorded.

    A slot that holds another cell, or this one from an earlier stay in the range or too long ago, is built anew: three
    bins before the first value that the window of bin `now - 3` needs, since the third difference reaches back that
    far. `z` is room for three numbers.
    """
    composite = history.composite
    recent = track.recent
    slot = cell % track.cell.size
    column = cell % history.born.size
    born = history.born[column]
    longest = recent.shape[1]
    window = track.window
    start = born
    if track.cell[slot] != cell or track.upto[slot] < born or now - track.upto[slot] > window:
        start = max(born, now - window - (SCORES - 1) - 2)
        for past in range(max(born, start - longest), start):
            recent[slot, past % longest] = composite[past % composite.shape[0], column]
        track.cell[slot] = cell
        track.size[slot] = 0
        track.upto[slot] = start - 1
    first = start if start == born else start + 3
    count = track.size[slot]
    for at_bin in range(track.upto[slot] + 1, target + 1):
        newest = at_bin % longest
        recent[slot, newest] = composite[at_bin % composite.shape[0], column]
        rolled = _rolled(recent, slot, newest, at_bin - born + 1, plan.windows, plan.rollup)
        _extend(track.chain, slot, rolled, at_bin - start, plan.divisors)
        if at_bin < first:
            continue
        for i in range(3):
            at = (3 * slot + i) * window
            admit(track.ring, track.ordered, at, window, count, at_bin % window, track.chain[slot, i + 1])
        count = min(count + 1, window)
        if at_bin >= scored:
            score = 0.0
            if count >= plan.min_periods:
                for i in range(3):
                    at = (3 * slot + i) * window
                    z[i] = z_or_zero(track.ordered, at, count, track.chain[slot, i + 1], 1.0)
                score = blend(z, plan.weights, plan.tanh_scale)
            track.scores[slot, at_bin % SCORES] = score
    track.size[slot] = count
    track.upto[slot] = max(track.upto[slot], target)


@kernel
def _project(scores: _Floats, slot: int, now: int, seen: int, plan: Plan, out: _Floats, row: int) -> None:
    """Projections of a cell from its last scores; a difference is 0 until there are enough bins for it."""
    dt = plan.bin_seconds
    s0 = scores[slot, now % SCORES]
    s1 = 0.0
    s2 = 0.0
    s3 = 0.0
    if seen > 1:
        before = scores[slot, (now - 1) % SCORES]
        s1 = (s0 - before) / dt
        if seen > 2:
            before2 = scores[slot, (now - 2) % SCORES]
            slope = (before - before2) / dt
            s2 = (s1 - slope) / dt
            if seen > 3:
                slope2 = (before2 - scores[slot, (now - 3) % SCORES]) / dt
                s3 = (s2 - (slope - slope2) / dt) / dt
    for j in range(out.shape[1]):
        h = plan.horizons[j]
        ahead = (s0 + s1 * h + s2 * h * h / 2.0 + plan.cubic * s3 * h * h * h) * plan.damping[j]
        out[row, j] = min(1.0, max(-1.0, ahead))


@kernel
def serve(
    history: History,
    track: Track,
    plan: Plan,
    first: int,
    now: int,
    values: _Floats,
    codes: npt.NDArray[np.int8],
    projections: _Floats,
) -> None:
    """Results of bin `now` for the cells from absolute index `first` on.

    `values` (5, rows) is composite, d1, d2, d3 and score, `codes` (rows,) the state, `projections` (rows, horizons).
    """
    z = np.empty(3)
    for i in range(codes.size):
        cell = first + i
        catch_up(history, track, plan, cell, now, now, now - SCORES + 1, z)
        slot = cell % track.cell.size
        values[0, i] = track.recent[slot, now % track.recent.shape[1]]
        for j in range(3):
            values[j + 1, i] = track.chain[slot, j + 1]
        score = track.scores[slot, now % SCORES]
        values[4, i] = score
        codes[i] = 1 if score >= plan.neutral else (-1 if score <= -plan.neutral else 0)
        if projections.shape[1] > 0:
            seen = now - history.born[cell % history.born.size] + 1
            _project(track.scores, slot, now, seen, plan, projections, i)


@kernel
def keep_guard(
    history: History, track: Track, plan: Plan, first: int, last: int, low: int, high: int, now: int, period: int
) -> None:
    """Prepare cells beside the served `[first, last)`, nearest first, down to `low` and up to (not with) `high`.

    So that a window that moves by a few cells finds them ready: each is caught up every `period` bins, and at most one
    is built a bin, which bounds the work. They stop short of the bins whose scores a cell that gets served will need.
    """
    target = now - SCORES + 1
    z = np.empty(3)
    built = False
    for distance in range(1, max(first - low, high - last) + 1):
        for side in range(2):
            cell = first - distance if side == 0 else last + distance - 1
            born = history.born[cell % history.born.size]
            if cell < low or cell >= high or born > target:
                continue
            slot = cell % track.cell.size
            stale = track.cell[slot] != cell or track.upto[slot] < born or now - track.upto[slot] > period * 2
            if (stale and not built) or (not stale and (now + cell) % period == 0):
                built = built or stale
                catch_up(history, track, plan, cell, target, now, now + 1, z)
