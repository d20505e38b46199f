"""Order statistics of sliding windows: kernels.

A window of at most `size` values is a stretch of two arrays, from index `at` on: in `ring` the values in order of
arrival, in `ordered` the same values ascending. One value leaves and one enters a bin, so `ordered` is repaired and
never sorted again. The median is read off its middle, and the median absolute deviation is found in it by binary
search. Both are the very floats that `numpy.median` gives.

Windows lie one after another in their arrays and are named by where they begin, because a kernel that made a view for
each would spend more time counting references to it than searching it. Indices are unsigned where it matters: without
the check for an index from the end, loops become block moves.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from vp_spectrum._jit import called, kernel

_Floats = npt.NDArray[np.float64]

# Makes the median absolute deviation of normal data its standard deviation: 1 / normal quantile of 3/4.
MAD_TO_SIGMA = 1.4826
# Under this scale (in units of the value itself) a cell's z-score is 0.
SCALE_FLOOR = 1e-9
_LARGEST = float(np.finfo(np.float64).max)
_HUGE = 1e300
_SHRINK = 2.0**-64
_ZERO = np.uint64(0)
_ONE = np.uint64(1)


@called
def _locate(ordered: _Floats, at: int, count: int, value: float) -> np.uint64:
    """Index of the first of the `count` ascending values that is not under `value`; one past them if all are."""
    base = np.uint64(at)
    left = np.uint64(count)
    if left == _ZERO:
        return base
    while left > _ONE:  # halving without an early exit compiles to conditional moves: no mispredicted branch
        half = left >> _ONE
        base += half if ordered[base + half - _ONE] < value else _ZERO
        left -= half
    return base + (_ONE if ordered[base] < value else _ZERO)


@called
def _move_up(ordered: _Floats, low: np.uint64, high: np.uint64) -> None:
    """Move the values at `low` to `high` (excluded) up by one."""
    for distance in range(high - low):
        ordered[high - distance] = ordered[high - distance - _ONE]


@called
def _insert(ordered: _Floats, at: int, count: int, value: float) -> None:
    place = _locate(ordered, at, count, value)
    _move_up(ordered, place, np.uint64(at + count))
    ordered[place] = value


@called
def _locate_two(ordered: _Floats, at: int, count: int, one: float, two: float) -> tuple[np.uint64, np.uint64]:
    """`_locate` for two values at once: the loads of the two searches overlap."""
    base = np.uint64(at)
    other = np.uint64(at)
    left = np.uint64(count)
    while left > _ONE:
        half = left >> _ONE
        base += half if ordered[base + half - _ONE] < one else _ZERO
        other += half if ordered[other + half - _ONE] < two else _ZERO
        left -= half
    return base + (_ONE if ordered[base] < one else _ZERO), other + (_ONE if ordered[other] < two else _ZERO)


@called
def _replace(ordered: _Floats, at: int, count: int, old: float, new: float) -> None:
    """Put `new` in for `old`, which is there; only what is between the two moves."""
    gap, place = _locate_two(ordered, at, count, old, new)
    if place > gap:
        place -= _ONE
        for i in range(gap, place):
            ordered[i] = ordered[i + _ONE]
    else:
        _move_up(ordered, place, gap)
    ordered[place] = new


@called
def admit(ring: _Floats, ordered: _Floats, at: int, size: int, count: int, turn: int, value: float) -> None:
    """Let `value` into a window of `count` values at place `turn` of its ring; a full window loses what is there."""
    if count == size:
        _replace(ordered, at, count, ring[at + turn], value)
    else:
        _insert(ordered, at, count, value)
    ring[at + turn] = value


@called
def median(ordered: _Floats, at: int, count: int, unit: float) -> float:
    """Median of the `count` >= 1 ascending values, times `unit`."""
    middle = np.uint64(at + count // 2)
    if count % 2 == 1:
        single: float = ordered[middle] * unit
        return single
    mean: float = (ordered[middle - _ONE] * unit + ordered[middle] * unit) / 2.0
    return mean


@called
def deviation(ordered: _Floats, at: int, count: int, center: float, unit: float) -> float:
    """Median of `abs(value * unit - center)` over the `count` >= 1 ascending values.

    The values nearest to `center` are a stretch of `ordered`. A binary search finds the stretch of the nearer half:
    its farther end is the lower middle deviation, and the nearest value outside of it the upper one.
    """
    reach = np.uint64((count - 1) // 2)  # rank of the lower middle deviation; the stretch has one value more
    end = np.uint64(at + count)
    low = np.uint64(at)
    left = np.uint64(count) - reach - _ONE  # the stretch may begin this much later
    while left > _ZERO:
        half = left >> _ONE
        middle = low + half
        later = center - ordered[middle] * unit > ordered[middle + reach + _ONE] * unit - center
        low = middle + _ONE if later else low
        left = left - half - _ONE if later else half
    lower: float = max(center - ordered[low] * unit, ordered[low + reach] * unit - center)
    if count % 2 == 1:
        return lower
    upper: float = math.inf
    if low > np.uint64(at):
        upper = center - ordered[low - _ONE] * unit
    if low + reach + _ONE < end:
        upper = min(upper, ordered[low + reach + _ONE] * unit - center)
    return (lower + upper) / 2.0


@called
def z_or_zero(ordered: _Floats, at: int, count: int, value: float, unit: float) -> float:
    """`(value - median) / (1.4826 * MAD)`, or 0 when that scale is under `SCALE_FLOOR`.

    `unit` shrinks the numbers on the way; the floor holds for the values themselves, and z does not feel it.
    """
    center = median(ordered, at, count, unit)
    scale = MAD_TO_SIGMA * deviation(ordered, at, count, center, unit)
    if scale < SCALE_FLOOR * unit:
        return 0.0
    return min(_LARGEST, max(-_LARGEST, (value * unit - center) / scale))


@called
def _spread(ordered: _Floats, at: int, count: int, unit: float) -> tuple[float, float, float, float, float]:
    """What the z-scores of a window with the fallback to the standard deviation are made of, see `z_or_std`.

    (center, scale, 0, 0, 0) with the scale of the MAD; (center, 0, shift, largest, std), the last three in units of
    `largest`, when that is 0; zeros when all values are the same.
    """
    first = ordered[at]
    last = ordered[at + count - 1]
    if first == last:
        return 0.0, 0.0, 0.0, 0.0, 0.0
    center = median(ordered, at, count, unit)
    scale = MAD_TO_SIGMA * deviation(ordered, at, count, center, unit)
    if scale > 0.0:
        return center, scale, 0.0, 0.0, 0.0
    shift = 0.0
    for i in range(at, at + count):
        shift += ordered[i] * unit - center
    shift /= count
    largest = max(abs(first * unit - center - shift), abs(last * unit - center - shift))
    squares = 0.0
    for i in range(at, at + count):
        part = (ordered[i] * unit - center - shift) / largest
        squares += part * part
    return center, 0.0, shift, largest, math.sqrt(squares / count)


@called
def _z_of(value: float, unit: float, spread: tuple[float, float, float, float, float]) -> float:
    center, scale, shift, largest, std = spread
    if scale > 0.0:
        return min(_LARGEST, max(-_LARGEST, (value * unit - center) / scale))
    if largest == 0.0:
        return 0.0
    z: float = (value * unit - center - shift) / largest / std
    return z


@called
def z_or_std(ordered: _Floats, at: int, count: int, value: float, unit: float) -> float:
    """`(value - median) / (1.4826 * MAD)`; with a MAD of 0 `(value - mean) / std`; 0 when all values are the same.

    Mean and standard deviation (of the population, as `numpy.std`) are taken about the median and in units of the
    largest deviation. So a window of equal values is found to be one, whatever rounding does to its mean, and neither
    overflow nor underflow can come of the squares.
    """
    return _z_of(value, unit, _spread(ordered, at, count, unit))


@called
def _unit(ordered: _Floats, count: int) -> float:
    """Differences of numbers this large would overflow; z does not change when all are shrunk by a power of two."""
    return _SHRINK if max(abs(ordered[0]), abs(ordered[count - 1])) > _HUGE else 1.0


@kernel
def push(ring: _Floats, ordered: _Floats, seen: int, value: float, min_periods: int, std_fallback: bool) -> float:
    """Let value number `seen` (from 0) into the only window of the arrays; return its z-score there."""
    size = ring.size
    admit(ring, ordered, 0, size, min(seen, size), seen % size, value)
    count = min(seen + 1, size)
    if count < min_periods:
        return 0.0
    unit = _unit(ordered, count)
    if std_fallback:
        return z_or_std(ordered, 0, count, value, unit)
    return z_or_zero(ordered, 0, count, value, unit)


@kernel
def push_all(
    ring: _Floats, ordered: _Floats, seen: int, values: _Floats, min_periods: int, std_fallback: bool, z: _Floats
) -> None:
    """`push` for one value after the other.

    Where the value that enters is the one that leaves, the window stays as it is, and so does its spread: two thirds of
    the bins of the derivative stage, whose balance seldom moves.
    """
    size = ring.size
    unit = 1.0
    spread = (0.0, 0.0, 0.0, 0.0, 0.0)
    known = False
    for i in range(values.size):
        value = values[i]
        turn = (seen + i) % size
        if known and ring[turn] == value and math.copysign(1.0, ring[turn]) == math.copysign(1.0, value):
            z[i] = _z_of(value, unit, spread)
            continue
        if not std_fallback or seen + i + 1 < size or seen + i + 1 < min_periods:
            z[i] = push(ring, ordered, seen + i, value, min_periods, std_fallback)
            continue
        admit(ring, ordered, 0, size, min(seen + i, size), turn, value)
        unit = _unit(ordered, size)
        spread = _spread(ordered, 0, size, unit)
        known = True
        z[i] = _z_of(value, unit, spread)
