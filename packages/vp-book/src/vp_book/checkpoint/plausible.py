"""Whether arrays that were read from a file are a state that a book can have.

Compiled code indexes these arrays without looking, and takes for granted that they agree with one another. A checksum
is no signature: whoever writes a file can make it right. So everything a kernel or a bin relies on is checked here,
and a forged file can give wrong flow and no worse.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from vp_book._checked import FOREVER
from vp_book.book import state as st
from vp_book.book.aggressors import G_EVENT
from vp_book.book.apply import UNBOUND
from vp_book.book.clock import NO_CLOCK, NO_SUSPECT
from vp_book.book.far import FAR_HEAP, FAR_SIZE, FAR_TICK, FREE
from vp_book.book.orders import O_FILL, O_ID, O_SIZE, O_TICK
from vp_book.book.state import ASK, BID, Arrays
from vp_book.sessions import PHASES

_GROWING: Final = {"orders": 0, "far": 2, "pending": 0, "aggressors": 0}
"""Arrays that the engine enlarges, and along which axis."""

_LARGEST_SIZE: Final = 2**32
_LARGEST_TICK: Final = 2**62
_LARGEST_COUNT: Final = 2**61
_LARGEST_FLOAT: Final = 1e200
"""Modes are sums of sizes times weights, which stay below 1e121."""

_MIX: Final = np.uint64(0x9E3779B97F4A7C15)


def check_state(a: Arrays, fresh: Arrays) -> None:
    """Hold a state that was read against a fresh one of the same book; ValueError says what does not fit."""
    _check_shapes(a, fresh)
    _check_scalars(a, fresh)
    _check_floats(a)
    _check_orders(a)
    _check_levels(a)
    _check_counts(a)


def _require(holds: object, what: str) -> None:
    if not holds:
        raise ValueError(what)


def _check_shapes(a: Arrays, fresh: Arrays) -> None:
    for name, expected in fresh._asdict().items():
        array = getattr(a, name)
        axis = _GROWING.get(name)
        _require(
            array.ndim == expected.ndim and array.dtype == expected.dtype,
            f"{name} is {array.dtype} of shape {array.shape}",
        )
        for i, (n, n_expected) in enumerate(zip(array.shape, expected.shape, strict=True)):
            _require(n == n_expected or (i == axis and n > n_expected), f"{name} has shape {array.shape}")
    for name, places in (("orders", len(a.orders)), ("far", a.far.shape[2]), ("aggressors", len(a.aggressors))):
        _require(places & (places - 1) == 0, f"{name} is a map of {places} places, which is no power of two")


def _check_scalars(a: Arrays, fresh: Arrays) -> None:
    s = a.scalars
    n = len(a.touched)
    ticks = a.ladder.shape[1]
    flag = (0, 1)
    bounds = {
        st.S_RANGE_CELL: (-_LARGEST_TICK, _LARGEST_TICK),
        st.S_BEST_BID: (-1, ticks - 1),
        st.S_BEST_ASK: (0, ticks),
        st.S_FAR_BIDS: (0, a.far.shape[2] // 2),
        st.S_FAR_ASKS: (0, a.far.shape[2] // 2),
        st.S_PENDING: (0, len(a.pending)),
        st.S_CLOCK: (0, FOREVER - 1),
        st.S_VENUE_CLOCK: (0, FOREVER - 1),
        st.S_FIRST_CLOCK: (0, s[st.S_CLOCK]),
        st.S_MAX_GAP: (0, FOREVER - 1),
        st.S_WEIGHTS_AT: (-1, s[st.S_CLOCK]),
        st.S_ORIGIN: (0, s[st.S_CLOCK]),
        st.S_PHYSICS_ON: flag,
        st.S_IN_EVENT: flag,
        st.S_IN_SNAPSHOT: flag,
        st.S_ANCHORED: (0, 2),
        st.S_EVENTS: (0, _LARGEST_COUNT),
        st.S_BAD_BOOK: flag,
        st.S_PHASE: (0, len(PHASES) - 1),
        st.S_VALID: flag,
        st.S_SUSPECT: (NO_CLOCK, FOREVER - 1),
        st.S_SUSPECT_BARE: flag,
        st.S_BY_TIME: flag,
        st.S_EVENT_CLOCK: (0, FOREVER - 1),
        st.S_LAST_SEEN: flag,
        st.S_EVENT_TRADED: (0, _LARGEST_COUNT),
        st.S_EVENT_FILLED: (0, _LARGEST_COUNT),
        st.S_EVENT_SIDELESS: flag,
        st.S_AGGRESSORS: (0, len(a.aggressors) // 2),
        st.S_SEQUENCE: (0, 2**32 - 1),
        st.S_IDS: (UNBOUND, 2**48 - 1),
        st.S_ONLY_INSTRUMENT: (UNBOUND, 2**32 - 1),
        st.S_ONLY_PUBLISHER: (UNBOUND, 2**16 - 1),
    }
    for index, (low, high) in bounds.items():
        _require(low <= s[index] <= high, f"scalar {index} is {s[index]}, {low} to {high} are allowed")
    _require((s[st.S_CLOCK] == 0) <= (s[st.S_SUSPECT] != NO_SUSPECT), "it has no clock, and does not wait for one")
    fixed = [st.S_TICK_INT, st.S_BUCKET, st.S_EDGE_MARGIN]
    _require(
        np.array_equal(s[fixed], fresh.scalars[fixed]) and np.array_equal(a.params, fresh.params),
        "it is of another instrument or physics than it says",
    )
    bucket, cell = int(s[st.S_BUCKET]), int(s[st.S_RANGE_CELL])
    if s[st.S_ANCHORED]:
        _require(
            s[st.S_RANGE_LO] == cell * bucket - bucket // 2, "the first tick of its range is not that of its cells"
        )
    else:
        _require(s[st.S_RANGE_LO] == cell == 0, "it has a range before it has an order")
    if s[st.S_ANCHORED] == 2:
        margin = int(s[st.S_EDGE_MARGIN])
        _require(margin <= int(s[st.S_SPOT]) - cell < n - margin, "spot lies at the edge of its range or beyond")
    _require((a.aggressors[:, G_EVENT] <= s[st.S_EVENTS] + 1).all(), "an aggressor is of an event to come")
    in_event = int((a.aggressors[:, G_EVENT] == s[st.S_EVENTS] + 1).sum())
    _require(in_event == s[st.S_AGGRESSORS], f"{in_event} aggressors where {s[st.S_AGGRESSORS]} are said to be")


def _check_floats(a: Arrays) -> None:
    for name, array in (("physics", a.physics), ("clock", a.clock)):
        _require((np.abs(array) <= _LARGEST_FLOAT).all(), f"its {name} is not finite, or beyond any market")  # NaN too
    _require(_within(a.touched, 0, int(a.scalars[st.S_EVENTS]) + 1), "an event to come touched a cell")


def _check_orders(a: Arrays) -> None:
    orders, s = a.orders, a.scalars
    slots = np.flatnonzero(orders[:, O_SIZE])
    resting = orders[slots]
    sizes, ticks, fills = resting[:, O_SIZE], resting[:, O_TICK], resting[:, O_FILL]
    bids, asks = int((sizes > 0).sum()), int((sizes < 0).sum())
    _require(
        (bids, asks) == (s[st.S_BID_ORDERS], s[st.S_ASK_ORDERS]) and 2 * (bids + asks) <= len(orders),
        f"{bids} bids and {asks} asks rest in a map of {len(orders)}",
    )
    _require(_within(sizes, -_LARGEST_SIZE, _LARGEST_SIZE), "an order is larger than any can be")
    _require(_within(ticks, -_LARGEST_TICK, _LARGEST_TICK), "an order rests at no price")
    _require(_within(fills, 0, _LARGEST_COUNT), "a fill is negative")
    _require(
        np.isin(resting[fills > 0, O_ID], a.pending[: s[st.S_PENDING]]).all(), "a fill is not among those to be settled"
    )
    _check_map("an order", orders[:, O_ID], orders[:, O_SIZE] != 0)


def _check_map(what: str, keys: np.ndarray, used: np.ndarray) -> None:
    """Every key of an open-addressing map is there once, and no free place lies between it and its first choice."""
    slots = np.flatnonzero(used)
    present = keys[slots]
    _require(len(np.unique(present)) == len(present), f"{what} is there twice")
    n = len(used)
    mixed = present.astype(np.uint64) * _MIX
    home = ((mixed ^ (mixed >> np.uint64(32))) & np.uint64(n - 1)).astype(np.int64)
    free_before = np.concatenate([[0], np.cumsum(~used)])
    between = free_before[slots] - free_before[home] + np.where(home > slots, free_before[n], 0)
    _require((between == 0).all(), f"{what} cannot be found where it stands")


def _check_levels(a: Arrays) -> None:
    s = a.scalars
    n = a.ladder.shape[1]
    _require((a.ladder >= 0).all(), "a level is negative")
    signed, order_ticks = a.orders[:, O_SIZE], a.orders[:, O_TICK]
    for side, mine in ((BID, signed > 0), (ASK, signed < 0)):
        _check_far(a.far[side], int(s[st.S_FAR_BIDS + side]), side)
        index = a.far[side, FAR_TICK] - s[st.S_RANGE_LO]
        shown = a.far[side, FAR_SIZE] > 0
        _require(((index < 0) | (index >= n))[shown].all(), "a level inside the range is kept outside of it")
        expected, where = np.unique(order_ticks[mine], return_inverse=True)
        depth = np.zeros(len(expected), np.int64)
        np.add.at(depth, where, np.abs(signed[mine]))
        inside = np.flatnonzero(a.ladder[side])
        ticks = np.concatenate([inside + s[st.S_RANGE_LO], a.far[side, FAR_TICK, shown]])
        sizes = np.concatenate([a.ladder[side, inside], a.far[side, FAR_SIZE, shown]])
        order = np.argsort(ticks, kind="stable")
        _require(
            np.array_equal(ticks[order], expected) and np.array_equal(sizes[order], depth),
            "its levels do not hold what its orders do",
        )
        best = (inside[-1] if side == BID else inside[0]) if len(inside) else (-1 if side == BID else n)
        _require(s[st.S_BEST_BID + side] == best, "its best price is another than its levels say")


def _check_far(far: np.ndarray, n: int, side: int) -> None:
    used = far[FAR_SIZE] != FREE
    _require((far[FAR_SIZE] >= FREE).all() and int(used.sum()) == n, "levels outside the range are miscounted")
    _check_map("a level outside the range", far[FAR_TICK], used)
    heap = far[FAR_HEAP, :n]
    _require(np.array_equal(np.sort(heap), np.sort(far[FAR_TICK, used])), "the heap has other levels than the map")
    children, parents = heap[1:], heap[np.arange(n - 1) // 2] if n > 1 else heap[:0]
    _require((parents > children if side == BID else parents < children).all(), "the heap is out of order")
    if n:
        _require((far[FAR_SIZE, used & (far[FAR_TICK] == heap[0])] > 0).all(), "the best level displays nothing")


def _check_counts(a: Arrays) -> None:
    signed = [st.N_DEPTH_FLOW_BID, st.N_DEPTH_FLOW_ASK, st.N_DEPTH_FLOW_NONE]
    signed += [st.N_DEPTH_STATE_BID, st.N_DEPTH_STATE_ASK]
    _require(_within(a.counts[signed], -_LARGEST_COUNT, _LARGEST_COUNT), "a counter is beyond any market")
    _require(_within(np.delete(a.counts, signed), 0, _LARGEST_COUNT), "a counter is negative, or beyond any market")
    _require(_within(a.stats[: st.B_BID_HIGH], 0, _LARGEST_COUNT), "a bin's counter is negative, or beyond any market")
    quote = np.concatenate([a.stats[st.B_BID_HIGH :], a.scalars[[st.S_BID_TICK, st.S_ASK_TICK, st.S_SPOT]]])
    _require(_within(quote, -_LARGEST_TICK, _LARGEST_TICK), "a quote is at no price")


def _within(values: np.ndarray, low: int, high: int) -> bool:
    return bool(((values >= low) & (values <= high)).all())
