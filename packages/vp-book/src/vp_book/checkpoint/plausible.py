"""Whether arrays that were read from a file are a state that a book can have.

Compiled code indexes these arrays without bounds checks, and relies on them to agree with one another. A checksum
is no signature: whoever writes a file can make it right. So everything a kernel or a bin relies on is checked here,
and a forged file can give wrong flow and no worse.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from vp_book._checked import FOREVER
from vp_book.book.aggressors import G_EVENT, G_LEVELS
from vp_book.book.apply import UNBOUND
from vp_book.book.clock import NO_CLOCK, NO_SUSPECT
from vp_book.book.far import FAR_HEAP, FAR_SIZE, FAR_TICK, FREE
from vp_book.book.orders import O_FILL, O_ID, O_SHOWN, O_SIZE, O_TICK, O_TURN
from vp_book.book.state import ANCHORED, ASK, BID, COUNTS, NO_RANGE, Arrays
from vp_book.marks import MARK_KINDS, MARK_SIDES, MOST_MARKS
from vp_book.marks.rules import M_KIND, M_SIDE, M_SIZE
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
    _check_marks(a)


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
    s, expected = a.scalars[0], fresh.scalars[0]
    n = len(a.touched)
    ticks = a.ladder.shape[1]
    flag = (0, 1)
    bounds = {
        "range_cell": (-_LARGEST_TICK, _LARGEST_TICK),
        "far_used": (0, a.far.shape[2] // 2),
        "turns": (0, _LARGEST_COUNT),
        "pending_fills": (0, len(a.pending)),
        "clock": (0, FOREVER - 1),
        "venue_clock": (0, FOREVER - 1),
        "first_clock": (0, s.clock),
        "max_gap": (0, FOREVER - 1),
        "weights_at": (-1, s.clock),
        "origin": (0, s.clock),
        "physics_on": flag,
        "in_event": flag,
        "in_snapshot": flag,
        "anchored": (NO_RANGE, ANCHORED),
        "events": (0, _LARGEST_COUNT),
        "bad_book": flag,
        "phase": (0, len(PHASES) - 1),
        "valid": flag,
        "suspect": (NO_CLOCK, FOREVER - 1),
        "suspect_untimed": flag,
        "by_time": flag,
        "event_clock": (0, FOREVER - 1),
        "event_end_seen": flag,
        "bought": (0, _LARGEST_COUNT),
        "sold": (0, _LARGEST_COUNT),
        "priced_volume": (0, _LARGEST_COUNT),
        "turnover_high": (-_LARGEST_COUNT, _LARGEST_COUNT),
        "turnover_low": (0, _LARGEST_COUNT),
        "event_traded": (0, _LARGEST_COUNT),
        "event_filled": (0, _LARGEST_COUNT),
        "event_sideless": flag,
        "aggressors_noted": (0, len(a.aggressors) // 2),
        "event_levels": (0, _LARGEST_COUNT),
        "large_size": (1, _LARGEST_SIZE),
        "sequence": (0, 2**32 - 1),
        "ids": (UNBOUND, 2**48 - 1),
        "only_instrument": (UNBOUND, 2**32 - 1),
        "only_publisher": (UNBOUND, 2**16 - 1),
    }
    for name, (low, high) in bounds.items():
        values = np.atleast_1d(s[name])
        _require(_within(values, low, high), f"{name} is {values.tolist()}, {low} to {high} are allowed")
    _require(-1 <= s.best[BID] < ticks and 0 <= s.best[ASK] <= ticks, f"best is {s.best.tolist()} of {ticks} ticks")
    _require((s.clock == 0) <= (s.suspect != NO_SUSPECT), "it has no clock, and does not wait for one")
    fixed = all(s[name] == expected[name] for name in ("tick_int", "bucket", "edge_margin"))
    _require(
        fixed and a.params.tobytes() == fresh.params.tobytes(), "it is of another instrument or physics than it says"
    )
    bucket, cell = int(s.bucket), int(s.range_cell)
    if s.anchored:
        _require(s.range_lo == cell * bucket - bucket // 2, "the first tick of its range is not that of its cells")
    else:
        _require(s.range_lo == cell == 0, "it has a range before it has an order")
    if s.anchored == ANCHORED:
        margin = int(s.edge_margin)
        _require(margin <= int(s.spot) - cell < n - margin, "spot lies at the edge of its range or beyond")
    _require((a.aggressors[:, G_EVENT] <= s.events + 1).all(), "an aggressor is of an event to come")
    in_event = int((a.aggressors[:, G_EVENT] == s.events + 1).sum())
    _require(in_event == s.aggressors_noted, f"{in_event} aggressors where {s.aggressors_noted} are declared")


def _check_floats(a: Arrays) -> None:
    for name, array in (("physics", a.physics), ("weights", a.weights.view(np.float64))):
        _require((np.abs(array) <= _LARGEST_FLOAT).all(), f"its {name} is not finite, or beyond any market")  # NaN too
    _require(_within(a.touched, 0, int(a.scalars[0].events) + 1), "an event to come touched a cell")


def _check_orders(a: Arrays) -> None:
    orders, s = a.orders, a.scalars[0]
    slots = np.flatnonzero(orders[:, O_SIZE])
    resting = orders[slots]
    sizes, ticks, fills = resting[:, O_SIZE], resting[:, O_TICK], resting[:, O_FILL]
    bids, asks = int((sizes > 0).sum()), int((sizes < 0).sum())
    _require(
        (bids, asks) == (s.resting[BID], s.resting[ASK]) and 2 * (bids + asks) <= len(orders),
        f"{bids} bids and {asks} asks rest in a map of {len(orders)}",
    )
    _require(_within(sizes, -_LARGEST_SIZE, _LARGEST_SIZE), "an order is larger than any can be")
    _require(_within(ticks, -_LARGEST_TICK, _LARGEST_TICK), "an order rests at no price")
    _require(_within(fills, 0, _LARGEST_COUNT), "a fill is negative")
    _require(
        np.isin(resting[fills > 0, O_ID], a.pending[: s.pending_fills]).all(), "a fill is not among those to be settled"
    )
    _require(_within(resting[:, O_SHOWN], 0, _LARGEST_COUNT), "an order has shown less than nothing")
    _require(_within(resting[:, O_TURN], 1, int(s.turns)), "an order has a place in its queue that was never given")
    _require(len(np.unique(resting[:, O_TURN])) == len(resting), "two orders have one place in their queues")
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
    s = a.scalars[0]
    n = a.ladder.shape[1]
    _require((a.ladder >= 0).all(), "a level is negative")
    signed, order_ticks = a.orders[:, O_SIZE], a.orders[:, O_TICK]
    for side, of_side in ((BID, signed > 0), (ASK, signed < 0)):
        _check_far(a.far[side], int(s.far_used[side]), side)
        index = a.far[side, FAR_TICK] - s.range_lo
        shown = a.far[side, FAR_SIZE] > 0
        _require(((index < 0) | (index >= n))[shown].all(), "a level inside the range is kept outside of it")
        expected, where = np.unique(order_ticks[of_side], return_inverse=True)
        depth = np.zeros(len(expected), np.int64)
        np.add.at(depth, where, np.abs(signed[of_side]))
        inside = np.flatnonzero(a.ladder[side])
        ticks = np.concatenate([inside + s.range_lo, a.far[side, FAR_TICK, shown]])
        sizes = np.concatenate([a.ladder[side, inside], a.far[side, FAR_SIZE, shown]])
        order = np.argsort(ticks, kind="stable")
        _require(
            np.array_equal(ticks[order], expected) and np.array_equal(sizes[order], depth),
            "its levels do not hold what its orders do",
        )
        best = (inside[-1] if side == BID else inside[0]) if len(inside) else (-1 if side == BID else n)
        _require(s.best[side] == best, "its best price is another than its levels say")


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
    counts = a.counts[0]
    for name in COUNTS.names or ():
        low = -_LARGEST_COUNT if name in ("depth_flow", "depth_state") else 0
        _require(
            _within(np.atleast_1d(counts[name]), low, _LARGEST_COUNT),
            f"counter {name} is negative, or beyond any market",
        )
    stats, s = a.stats[0], a.scalars[0]
    for name in ("events", "trades", "buy", "sell", "quoted"):
        _require(0 <= stats[name] <= _LARGEST_COUNT, f"a bin's counter {name} is negative, or beyond any market")
    n = a.traded.shape[1]
    _require(0 <= stats.traded_from <= stats.traded_to <= n, "the trades of its bin lie in no range")
    _require(_within(a.traded, 0, _LARGEST_COUNT), "a volume is negative, or beyond any market")
    outside = a.traded.sum() - a.traded[:, stats.traded_from : stats.traded_to].sum()
    _require(outside == 0, "a trade of its bin lies outside of where they are said to be")
    quote = [stats.bid_high, stats.bid_low, stats.ask_high, stats.ask_low, s.bid_tick, s.ask_tick, s.spot]
    _require(_within(np.array(quote), -_LARGEST_TICK, _LARGEST_TICK), "a quote is at no price")


def _check_marks(a: Arrays) -> None:
    used = int(a.stats[0].marks)
    _require(0 <= used <= MOST_MARKS, f"{used} marks, 0 to {MOST_MARKS} are allowed")
    rows = a.marks[:used]
    known = _within(rows[:, M_KIND], 0, len(MARK_KINDS) - 1) and _within(rows[:, M_SIDE], 0, len(MARK_SIDES) - 1)
    _require(known, "a mark is of no kind, or of no side")
    _require((np.diff(rows[:, M_SIZE]) <= 0).all(), "its marks are not in order of their size")
    _require((a.aggressors[:, G_LEVELS] >= 0).all(), "an aggressor has traded at less than no price")


def _within(values: np.ndarray, low: int, high: int) -> bool:
    return bool(((values >= low) & (values <= high)).all())
