"""Kernels of the learned signals: features, labels, and values of a model.

Every row of an output is made by the same additions whether one bin is taken or many, so that a batch and a single step
give the same bits. A library's matrix product does not promise that.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from vp_harness._jit import kernel

_Floats = NDArray[np.float64]
_Ints = NDArray[np.int64]


@kernel
def band_leans(grid: _Floats, bands: _Ints, sign: float, out: _Floats, column: int) -> None:
    """`sign` times (mean below spot - mean above spot) of each band (from, to) into `out[:, column + band]`.

    A band has the rows that exist; without any it is 0.
    """
    radius = grid.shape[1] // 2
    for t in range(grid.shape[0]):
        for b in range(bands.shape[0]):
            last = min(bands[b, 1], radius)
            below = 0.0
            above = 0.0
            for k in range(bands[b, 0], last + 1):
                below += grid[t, radius - k]
                above += grid[t, radius + k]
            rows = last - bands[b, 0] + 1
            out[t, column + b] = sign * (below - above) / rows if rows > 0 else 0.0


@kernel
def slopes(x: _Floats, ring: _Floats, seen: int, out: _Floats, column: int) -> None:
    """Least-squares slopes of every series of `x` (bins, series) over the last `ring.shape[0]` bins, 0 before."""
    window = ring.shape[0]
    scale = window * (window * window - 1.0) / 12.0
    for t in range(x.shape[0]):
        newest = (seen + t) % window
        for m in range(x.shape[1]):
            ring[newest, m] = x[t, m]
            out[t, column + m] = 0.0
        if seen + t + 1 < window:
            continue
        newer = newest
        older = newer + 1 if newer + 1 < window else 0
        for i in range(window // 2):
            weight = ((window - 1) / 2.0 - i) / scale
            for m in range(x.shape[1]):
                out[t, column + m] += weight * (ring[newer, m] - ring[older, m])
            newer = newer - 1 if newer > 0 else window - 1
            older = older + 1 if older + 1 < window else 0


@kernel
def moments(x: _Floats, ring: _Floats, seen: int, windows: _Ints, n_moments: int, out: _Floats, column: int) -> None:
    """Mean, standard deviation and, with `n_moments` 3, skewness of the last bins, for each window and series.

    Of as many bins as there are before the window is full. `ring` (longest window, series). The skewness of a series
    that does not vary is 0. `out` is filled by series, then window, then moment.
    """
    size = ring.shape[0]
    for t in range(x.shape[0]):
        at = seen + t
        for m in range(x.shape[1]):
            ring[at % size, m] = x[t, m]
            for w in range(windows.size):
                n = min(windows[w], at + 1)
                total = 0.0
                for i in range(n):
                    total += ring[(at - i) % size, m]
                mean = total / n
                second = 0.0
                third = 0.0
                for i in range(n):
                    d = ring[(at - i) % size, m] - mean
                    second += d * d
                    third += d * d * d
                deviation = math.sqrt(second / n)
                to = column + (m * windows.size + w) * n_moments
                out[t, to] = mean
                out[t, to + 1] = deviation
                if n_moments == 3:
                    out[t, to + 2] = third / n / (deviation * deviation * deviation) if deviation > 1e-9 else 0.0


@kernel
def carried_mid(twice_mid: _Ints, state: _Ints, level: _Ints, step: _Ints) -> None:
    """Twice the last valid mid less twice the first one, and the change from the bin before.

    `twice_mid` is 0 in a bin without a valid book; such a bin repeats the level. `state` is (first, last, whether there
    is one).
    """
    for t in range(twice_mid.size):
        step[t] = 0
        if twice_mid[t] != 0:
            if state[2] == 0:
                state[0] = twice_mid[t]
                state[2] = 1
            else:
                step[t] = twice_mid[t] - state[1]
            state[1] = twice_mid[t]
        level[t] = state[1] - state[0]


@kernel
def changes(x: _Floats, ring: _Floats, seen: int, windows: _Ints, out: _Floats, column: int) -> None:
    """x less what it was each of `windows` bins ago, 0 before there are so many. `ring` has the longest window + 1."""
    size = ring.size
    for t in range(x.size):
        at = seen + t
        ring[at % size] = x[t]
        for w in range(windows.size):
            out[t, column + w] = x[t] - ring[(at - windows[w]) % size] if at >= windows[w] else 0.0


@kernel
def outcomes(
    twice_mid: _Ints, profit: int, stop: int, max_hold: int, labels: NDArray[np.int8], known_at: _Ints
) -> None:
    """Which way the mid went from each bin, and the bin that decided it; distances in units of `twice_mid`.

    A long and a short are entered at the mid of a bin. 1: the mid rose by `profit` before it fell by `stop`. -1: it
    fell by `profit` before it rose by `stop`. 0: both were stopped, or `max_hold` bins have passed. `known_at` is -1
    for a bin whose outcome is not known by the last bin, and for one without a valid book.
    """
    n = twice_mid.size
    for i in range(n):
        labels[i] = 0
        known_at[i] = -1
        if twice_mid[i] == 0:
            continue
        long = True
        short = True
        for j in range(i + 1, min(n, i + max_hold + 1)):
            if twice_mid[j] != 0:
                moved = twice_mid[j] - twice_mid[i]
                if long and moved >= profit:
                    labels[i] = 1
                elif short and moved <= -profit:
                    labels[i] = -1
                long = long and moved > -stop
                short = short and moved < stop
            if labels[i] != 0 or j == i + max_hold or not (long or short):
                known_at[i] = j
                break


@kernel
def standardise(x: _Floats, center: _Floats, scale: _Floats, out: _Floats) -> None:
    """(x - center) / scale of every row."""
    for t in range(x.shape[0]):
        for m in range(x.shape[1]):
            out[t, m] = (x[t, m] - center[m]) / scale[m]


@kernel
def margins(x: _Floats, weights: _Floats, intercept: float, out: _Floats) -> None:
    """weights . x + intercept of every row."""
    for t in range(x.shape[0]):
        total = intercept
        for m in range(x.shape[1]):
            total += weights[m] * x[t, m]
        out[t] = total


@kernel
def nearest_votes(
    known: _Floats, labels: NDArray[np.int8], x: _Floats, distances: _Floats, votes: _Floats, out: _Floats
) -> None:
    """Mean label of the `distances.size` nearest rows of `known`, each weighing 1 / distance.

    Of rows equally far the earlier is nearer. `distances` and `votes` are room for the nearest so far, in order.
    """
    most = distances.size
    for t in range(x.shape[0]):
        found = 0
        for i in range(known.shape[0]):
            worst = distances[most - 1] if found == most else math.inf
            total = 0.0
            for m in range(x.shape[1]):
                d = x[t, m] - known[i, m]
                total += d * d
                if total >= worst:
                    break
            if total >= worst:
                continue
            at = found if found < most else most - 1
            while at > 0 and distances[at - 1] > total:
                distances[at] = distances[at - 1]
                votes[at] = votes[at - 1]
                at -= 1
            distances[at] = total
            votes[at] = labels[i]
            found = min(found + 1, most)
        above = 0.0
        below = 0.0
        for i in range(found):
            weight = 1.0 / max(math.sqrt(distances[i]), 1e-9)
            above += weight * votes[i]
            below += weight
        out[t] = above / below


@kernel
def departures(
    x: _Floats, center: _Floats, components: _Floats, variances: _Floats, first: _Floats, error: _Floats, far: _Floats
) -> None:
    """Score on the first component, length of what the components leave over, and Mahalanobis distance within them.

    `components` is (components, rows), of length 1 each; one whose variance is 0 does not count in the distance.
    """
    left = np.empty(x.shape[1])
    for t in range(x.shape[0]):
        for k in range(x.shape[1]):
            left[k] = x[t, k] - center[k]
        distance = 0.0
        for c in range(components.shape[0]):
            score = 0.0
            for k in range(x.shape[1]):
                score += components[c, k] * (x[t, k] - center[k])
            for k in range(x.shape[1]):
                left[k] -= score * components[c, k]
            if variances[c] > 0.0:
                distance += score * score / variances[c]
            if c == 0:
                first[t] = score
        rest = 0.0
        for k in range(x.shape[1]):
            rest += left[k] * left[k]
        error[t] = math.sqrt(rest)
        far[t] = math.sqrt(distance)
