"""The cell spectrum: kernels.

A cell is named by its absolute index, which a recentering does not change: index in the range + origin. Its composites
lie in column `absolute % n_cells` of `History.composite`, one row a bin, so a bin writes one contiguous row and a
recentering moves nothing. Everything else about a cell follows from its composites, so it is worked out only for cells
that are tracked: slot `absolute % capacity` of `Track`. `_catch_up` is the one way to it, from nothing or from where
the slot stopped, and gives the same bits either way.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from ._jit import called, kernel
from .scores.blend import blend
from .scores.window import admit, z_or_zero

_Floats = npt.NDArray[np.float64]
_Ints = npt.NDArray[np.int64]

# Successive differences of the score reach back over this many bins, the current one included.
SCORES = 4
# Cells on either side of the served ones that are kept ready; how far they may lag (bins), and the bins of catching up
# spent on them in one bin.
GUARD = 12
_LAG = 8
_BUDGET = 96
# Bins by which a build may be late, because it is spread over several bins, before it has to begin anew.
SLACK = 16
_UNLIMITED = 1 << 62
_EPSILON = 1e-12
_HUGE = 1e300
_SHRINK = 2.0**-64
_ONE = np.uint64(1)


class Plan(NamedTuple):
    """The parameters as the kernels want them."""

    windows: _Ints  # (n,) flow windows, ascending
    rollup: _Floats  # (n,) their weights, sum 1
    weights: _Floats  # (3,) of the channels in the score
    tanh_scale: float
    neutral: float
    min_periods: int
    bin_seconds: float  # what differences are divided by
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
    z: _Floats  # (capacity, SCORES, 3) what those scores were blended of, while they are worked out


@called
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


@called
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


@called
def _extend(chain: _Floats, slot: int, rolled: float, links: int, bin_seconds: float) -> None:
    """Move the chain of differences on by a bin; the n-th difference is 0 until there are n bins (`links`) before."""
    value = rolled
    for i in range(4):
        before = chain[slot, i]
        chain[slot, i] = value
        if i < 3:
            value = (value - before) / bin_seconds if links > i else 0.0


@called
def _differences(
    recent: _Floats,
    chain: _Floats,
    slot: int,
    at_bin: int,
    born: int,
    start: int,
    windows: _Ints,
    weights: _Floats,
    bin_seconds: float,
) -> None:
    """Work the composite of bin `at_bin`, which is in `recent`, into rolled, d1, d2, d3 of a chain begun at `start`."""
    rolled = _rolled(recent, slot, at_bin % recent.shape[1], at_bin - born + 1, windows, weights)
    _extend(chain, slot, rolled, at_bin - start, bin_seconds)


@called
def _catch_up(
    history: History, track: Track, plan: Plan, first: int, last: int, target: int, now: int, most: int
) -> int:
    """Bring the cells `[first, last)` up to bin `target`, but each on by `most` bins at most; returns the bins in all.

    Bin `now` is the last recorded; scores are worked out for it and the three before. A slot that holds another cell,
    or the same from an earlier stay in the range or too long ago, is built anew: from three bins before the first value
    that the window of bin `now - 3` needs, since the third difference reaches back that far. A build takes four bins or
    more at once.
    """
    # Taken out of their tuples once: handing those on, or reaching into them, for each cell costs as much as the cell.
    composite, borns = history.composite, history.born
    cells, uptos, sizes, scores = track.cell, track.upto, track.size, track.scores
    recent, chain, ring, ordered = track.recent, track.chain, track.ring, track.ordered
    windows, rollup, seconds, weights = plan.windows, plan.rollup, plan.bin_seconds, plan.weights
    window = track.window
    longest = recent.shape[1]
    depth = composite.shape[0]
    z = track.z
    done = 0
    for cell in range(first, last):
        slot = cell % cells.size
        column = cell % borns.size
        born = borns[column]
        start = born
        if cells[slot] != cell or uptos[slot] < born or now - uptos[slot] > window + SLACK:
            start = max(born, now - window - (SCORES - 1) - 2)
            for past in range(max(born, start - longest), start):
                recent[slot, past % longest] = composite[past % depth, column]
            cells[slot] = cell
            sizes[slot] = 0
            uptos[slot] = start - 1
        valid = start if start == born else start + 3  # the first bin whose differences are those of the whole history
        begin = uptos[slot] + 1
        end = max(begin, min(target + 1, begin + most))
        for at_bin in range(begin, end):
            recent[slot, at_bin % longest] = composite[at_bin % depth, column]
            _differences(recent, chain, slot, at_bin, born, start, windows, rollup, seconds)
            if at_bin < valid:
                continue
            count = sizes[slot]
            for i in range(3):
                admit(ring, ordered, (3 * slot + i) * window, window, count, at_bin % window, chain[slot, i + 1])
            count = min(count + 1, window)
            sizes[slot] = count
            if at_bin <= now - SCORES:
                continue
            score = 0.0
            if count >= plan.min_periods:
                of_bin = z[slot, at_bin % SCORES]
                for i in range(3):
                    of_bin[i] = z_or_zero(ordered, (3 * slot + i) * window, count, chain[slot, i + 1], 1.0)
                score = blend(of_bin, weights, plan.tanh_scale)
            scores[slot, at_bin % SCORES] = score
        uptos[slot] = end - 1
        done += end - begin
    return done


@called
def _project(
    scores: _Floats,
    slot: int,
    now: int,
    seen: int,
    dt: float,
    cubic: float,
    horizons: _Floats,
    damping: _Floats,
    out: _Floats,
    row: int,
) -> None:
    """Projections of a cell from its last scores; a difference is 0 until there are enough bins for it."""
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
        h = horizons[j]
        ahead = (s0 + s1 * h + s2 * h * h / 2.0 + cubic * s3 * h * h * h) * damping[j]
        out[row, j] = min(1.0, max(-1.0, ahead))


@called
def _say(
    history: History,
    track: Track,
    plan: Plan,
    first: int,
    now: int,
    values: _Floats,
    codes: npt.NDArray[np.int8],
    projections: _Floats,
) -> None:
    """Score, state and projections of the cells from `first` on, from their scores of the last bins."""
    scores, borns = track.scores, history.born
    horizons, damping = plan.horizons, plan.damping
    for i in range(codes.size):
        cell = first + i
        slot = cell % track.cell.size
        score = scores[slot, now % SCORES]
        values[4, i] = score
        codes[i] = 1 if score >= plan.neutral else (-1 if score <= -plan.neutral else 0)
        if horizons.size > 0:
            seen = now - borns[cell % borns.size] + 1
            _project(scores, slot, now, seen, plan.bin_seconds, plan.cubic, horizons, damping, projections, i)


@called
def _keep_guard(history: History, track: Track, plan: Plan, first: int, last: int, origin: int, now: int) -> None:
    """Prepare the cells beside the served `[first, last)`, nearest first, so that a window that moves finds them ready.

    The work is spread over bins, which bounds that of each. Cells stop short of the bins whose scores they will need
    when they get served.
    """
    cells, uptos, borns = track.cell, track.upto, history.born
    target = now - SCORES
    budget = _BUDGET
    for distance in range(1, GUARD + 1):
        for side in range(2):
            cell = first - distance if side == 0 else last + distance - 1
            if budget < SCORES or cell < origin or cell >= origin + borns.size:
                continue
            slot = cell % cells.size
            born = borns[cell % borns.size]
            if born <= target and (cells[slot] != cell or uptos[slot] < max(born, target - _LAG)):
                budget -= _catch_up(history, track, plan, cell, cell + 1, target, now, budget)


@kernel
def serve(
    history: History,
    track: Track,
    plan: Plan,
    origin: int,
    low: int,
    now: int,
    values: _Floats,
    codes: npt.NDArray[np.int8],
    projections: _Floats,
) -> None:
    """Results of bin `now` for the cells from index `low` of the range on, whose index 0 is the cell `origin`.

    `values` (5, rows) is composite, d1, d2, d3 and score, `codes` (rows,) the state, `projections` (rows, horizons).
    """
    first = origin + low
    _catch_up(history, track, plan, first, first + codes.size, now, now, _UNLIMITED)
    recent, chain = track.recent, track.chain
    for i in range(codes.size):
        slot = (first + i) % track.cell.size
        values[0, i] = recent[slot, now % recent.shape[1]]
        for j in range(3):
            values[j + 1, i] = chain[slot, j + 1]
    _say(history, track, plan, first, now, values, codes, projections)
    _keep_guard(history, track, plan, first, first + codes.size, origin, now)


@kernel
def rescore(
    history: History,
    track: Track,
    plan: Plan,
    first: int,
    now: int,
    blended: _Floats,
    values: _Floats,
    codes: npt.NDArray[np.int8],
    projections: _Floats,
) -> None:
    """Put the scores `blended` (rows, SCORES), of bin `now` first and then those before, in the place of the default.

    The rest of the results of the cells from `first` on follow from them; `serve` has been called for the bin.
    """
    for i in range(codes.size):
        slot = (first + i) % track.cell.size
        for back in range(min(SCORES, now + 1)):
            track.scores[slot, (now - back) % SCORES] = blended[i, back]
    _say(history, track, plan, first, now, values, codes, projections)
