"""The arrays of the state: made, moved with spot, and enlarged when nearly full. All that is between kernel calls."""

from __future__ import annotations

from typing import Final

import numpy as np

from vp_book.marks.mark import DEFAULT_LARGE_SIZES
from vp_book.marks.rules import M_COLUMNS, MOST_MARKS
from vp_book.physics.flow import PHYSICS_COLUMNS

from . import aggressors as _aggressors
from . import far as _far
from . import levels as _levels
from . import orders as _orders
from . import state as st
from .apply import UNBOUND
from .clock import NO_CLOCK
from .state import ANCHORED, ASK, BID, Arrays

_FIRST_ORDERS: Final = 1 << 14
_FIRST_FAR_PLACES: Final = 1 << 11
_FIRST_PENDING: Final = 1 << 8
_FIRST_AGGRESSORS: Final = 1 << 6

_LARGEST_SHARE: Final = 4
"""A new map of far levels is filled by a quarter at most, so that the next one is needed after as many more."""


def fresh_arrays(cells: int, price_ticks: int, params: np.ndarray) -> Arrays:
    """The state of a book without a record, with a range of `cells` cells that are `price_ticks` price ticks in all."""
    records = np.zeros(1, st.SCALARS)
    s = records[0]
    s.best[BID] = -1
    s.best[ASK] = price_ticks
    s.bid_tick = st.NO_LEVEL
    s.ask_tick = st.NO_LEVEL
    s.weights_at = -1
    s.physics_on = 1
    s.suspect = NO_CLOCK
    s.ids = UNBOUND
    s.large_size = DEFAULT_LARGE_SIZES["future_mbo"]
    return Arrays(
        orders=np.zeros((_FIRST_ORDERS, _orders.O_COLUMNS), np.int64),
        ladder=np.zeros((2, price_ticks), np.int64),
        far=_far.empty_far(_FIRST_FAR_PLACES),
        physics=np.zeros((cells, PHYSICS_COLUMNS), np.float64),
        touched=np.zeros(cells, np.int64),
        traded=np.zeros((2, cells), np.int64),
        scalars=records,
        counts=np.zeros(1, st.COUNTS),
        stats=np.zeros(1, st.STATS),
        weights=np.zeros(1, st.WEIGHTS),
        params=params,
        pending=np.zeros(_FIRST_PENDING, np.int64),
        aggressors=np.zeros((_FIRST_AGGRESSORS, _aggressors.G_COLUMNS), np.int64),
        marks=np.zeros((MOST_MARKS, M_COLUMNS), np.int64),
    )


def level_ticks(a: Arrays, side: int) -> tuple[np.ndarray, np.ndarray]:
    """(price tick, size) of every level of a side, ascending, copies."""
    inside = np.flatnonzero(a.ladder[side])
    far_ticks, far_sizes = _far.far_levels(a.far, side)
    ticks = np.concatenate([inside + a.scalars[0].range_lo, far_ticks])
    sizes = np.concatenate([a.ladder[side, inside], far_sizes])
    order = np.argsort(ticks, kind="stable")
    return ticks[order], sizes[order]


def read_best_levels(a: Arrays, row: int, counted: bool, found: np.ndarray, out: np.ndarray) -> None:
    """The best levels of both sides, bids first, into `out[row]`, int64 (3, 2, n): price ticks, sizes, orders.

    `found`, int64 (2,), gets how many levels of each side there are among the n; what is behind them is left as it is,
    and so are the orders unless they are to be counted.
    """
    if _levels.best_levels(a, row, counted, found, out):
        return
    for side in (BID, ASK):
        if found[side] < 0:
            ticks, sizes = level_ticks(a, side)
            best = slice(None, None, -1) if side == BID else slice(None)
            count = min(len(ticks), out.shape[3])
            out[row, :2, side, :count] = ticks[best][:count], sizes[best][:count]
            found[side] = count
    if counted:
        _levels.count_orders(a.orders, row, found, out)


def shift_to_middle(a: Arrays) -> int:
    """Cells by which the range has to move up for the BBO to lie in its middle."""
    s = a.scalars[0]
    bucket = int(s.bucket)
    middle = (int(s.bid_tick) + int(s.ask_tick) + bucket) // (2 * bucket)
    return middle - len(a.physics) // 2 - int(s.range_cell)


def recentered(a: Arrays) -> Arrays:
    """The state with spot in the middle of the range; physics and depth move with their absolute tick."""
    s = a.scalars[0]
    levels = [level_ticks(a, side) for side in (BID, ASK)]
    shift = shift_to_middle(a)
    _shift_rows(a.physics, shift)
    _shift_rows(a.touched, shift)
    if a.stats[0].traded_to:
        for side in (BID, ASK):
            _shift_rows(a.traded[side], shift)
        a.stats[0].traded_from, a.stats[0].traded_to = 0, a.traded.shape[1]
    s.range_cell += shift
    s.range_lo += shift * s.bucket
    _levels.clear(a.ladder, a.far, a.scalars)
    index = [ticks - s.range_lo for ticks, _ in levels]
    inside = [(i >= 0) & (i < a.ladder.shape[1]) for i in index]
    a = a._replace(far=_with_room(a.far, max(int((~here).sum()) for here in inside)))
    for side, (ticks, sizes) in enumerate(levels):
        here = inside[side]
        a.ladder[side, index[side][here]] = sizes[here]
        _far.fill_far(a.far, a.scalars, side, ticks[~here], sizes[~here])
        if here.any():
            s.best[side] = index[side][here].max() if side == BID else index[side][here].min()
    if s.valid:
        s.anchored = ANCHORED
    a.counts[0].recentered += 1
    return a


def enlarged(a: Arrays) -> Arrays:
    """The state with room for more of whatever is nearly full."""
    s = a.scalars[0]
    if 2 * (s.resting[BID] + s.resting[ASK] + 1) > len(a.orders):
        orders = np.zeros((2 * len(a.orders), _orders.O_COLUMNS), np.int64)
        _orders.rehash(a.orders, orders)
        a = a._replace(orders=orders)
    if 2 * (max(s.far_used[BID], s.far_used[ASK]) + 2) > a.far.shape[2]:
        levels = [_far.far_levels(a.far, side) for side in (BID, ASK)]
        far = _with_room(_far.empty_far(a.far.shape[2]), max(len(ticks) for ticks, _ in levels))
        for side, (ticks, sizes) in enumerate(levels):  # without those that were emptied
            s.far_used[side] = 0
            _far.fill_far(far, a.scalars, side, ticks, sizes)
        a = a._replace(far=far)
    if s.pending_fills >= len(a.pending):
        a = a._replace(pending=np.concatenate([a.pending, np.zeros_like(a.pending)]))
    if 2 * (s.aggressors_noted + 1) > len(a.aggressors):
        aggressors = np.zeros((2 * len(a.aggressors), _aggressors.G_COLUMNS), np.int64)
        _aggressors.copy_aggressors(a.aggressors, aggressors, a.scalars)
        a = a._replace(aggressors=aggressors)
    return a


def _with_room(far: np.ndarray, levels: int) -> np.ndarray:
    """`far`, which is empty, or an empty one with room for more."""
    capacity = far.shape[2]
    while _LARGEST_SHARE * levels > capacity:
        capacity *= 2
    return far if capacity == far.shape[2] else _far.empty_far(capacity)


def _shift_rows(array: np.ndarray, shift: int) -> None:
    """Move row `i + shift` to row `i` in place; rows that enter are zero."""
    n = len(array)
    if abs(shift) >= n:
        array[:] = 0
    elif shift > 0:
        array[: n - shift] = array[shift:].copy()
        array[n - shift :] = 0
    elif shift < 0:
        array[-shift:] = array[: n + shift].copy()
        array[:-shift] = 0
