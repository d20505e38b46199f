"""Records into the book: what every action means, and what it says about flow.

One kernel runs over a chunk of records and comes back at the end of it, at the end of a bin, or when something has to
be enlarged or moved.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from . import _state as st
from ._boundary import look
from ._clock import JUMP_NS, NO_SUSPECT, clock_after, take_clock
from ._flow import attribute
from ._jit import aside, kernel, piece
from ._levels import change, clear
from ._orders import O_FILL, O_ID, O_SIZE, O_TICK, find, insert, remove
from ._state import ASK, BID, NO_SIDE, Arrays
from .records import (
    ACTION_ADD,
    ACTION_CANCEL,
    ACTION_CLEAR,
    ACTION_FILL,
    ACTION_MODIFY,
    ACTION_NONE,
    ACTION_TRADE,
    F_LAST,
    F_MAYBE_BAD_BOOK,
    F_SNAPSHOT,
    F_TOB,
    SIDE_ASK,
    SIDE_BID,
)

_LIMIT = 2**62
"""Prices and times beyond this are undefined or nonsense; staying below keeps every sum inside int64."""
_NO_TICK = -(2**63)


@kernel
def apply_records(records: np.ndarray, start: int, stop_ns: int, a: Arrays) -> tuple[int, int]:
    """Apply `records[start:]` until an event starts at or after `stop_ns`.

    Returns (index of the first record not applied, status). The caller deals with the status and calls again.
    """
    s = a.scalars
    for i in range(start, records.shape[0]):
        r = records[i]
        flagged = r.flags & F_SNAPSHOT != 0
        ts_recv = np.int64(r.ts_recv)
        now = s[st.S_CLOCK]
        unsure = s[st.S_SUSPECT] != NO_SUSPECT or ts_recv - now > JUMP_NS
        if unsure:
            now = clock_after(ts_recv, np.int64(r.ts_event), r.flags, s)
        elif ts_recv > now:
            now = ts_recv
        if s[st.S_IN_EVENT] == 0 and not (flagged and s[st.S_IN_SNAPSHOT] == 1):
            if s[st.S_IN_SNAPSHOT] == 1:
                # the snapshot ended without F_LAST: what it built is looked at before the first live record
                s[st.S_IN_SNAPSHOT] = 0
                if look(a):
                    return i, st.RECENTER
            if now >= stop_ns:
                return i, st.BIN_END
            # the phase is the venue's: an order sent just before the open may be received just after it
            venue = np.int64(r.ts_event)
            if venue <= 0 or venue > now:
                venue = now
            if venue >= s[st.S_NEXT_PHASE_NS]:
                s[st.S_VENUE_CLOCK] = venue
                return i, st.PHASE
        if _nearly_full(a):
            return i, st.GROW
        if unsure:
            take_clock(ts_recv, np.int64(r.ts_event), r.flags, s, a.counts)
        else:
            _advance_clock(ts_recv, now, a)
        if flagged:
            _enter_snapshot(a)
        else:
            s[st.S_IN_EVENT] = 1
        _apply_record(r, flagged, a)
        if r.flags & F_LAST != 0:
            _end_event(a)
            if look(a):
                return i + 1, st.RECENTER
    return records.shape[0], st.DONE


@piece
def _nearly_full(a: Arrays) -> bool:
    """Whether one more record might not fit."""
    s = a.scalars
    room = a.far.shape[2] - 2
    return bool(
        2 * (s[st.S_BID_ORDERS] + s[st.S_ASK_ORDERS] + 1) > a.orders.shape[0]
        or s[st.S_FAR_BIDS] > room
        or s[st.S_FAR_ASKS] > room
        or s[st.S_PENDING] >= a.pending.shape[0]
    )


@piece
def _advance_clock(ts_recv: int, now: int, a: Arrays) -> None:
    """Move the clock to `now`, an ordinary step, and count what is wrong with a record's own time."""
    s = a.scalars
    if ts_recv < 0:
        a.counts[st.N_BAD_CLOCK] += 1
    elif ts_recv < s[st.S_CLOCK]:
        a.counts[st.N_CLOCK_BACKWARDS] += 1
    else:
        s[st.S_MAX_GAP] = max(s[st.S_MAX_GAP], now - s[st.S_CLOCK])
    s[st.S_CLOCK] = now


@piece
def _enter_snapshot(a: Arrays) -> None:
    """A flagged record: the first one begins a snapshot, which also ends any doubt about the book before it."""
    a.counts[st.N_SNAPSHOT_RECORDS] += 1
    if a.scalars[st.S_IN_SNAPSHOT] == 0:
        a.scalars[st.S_IN_SNAPSHOT] = 1
        a.scalars[st.S_BAD_BOOK] = 0
        a.counts[st.N_SNAPSHOTS] += 1


@piece
def _apply_record(r: Any, state: bool, a: Arrays) -> None:
    """One record. `state`: it is part of a snapshot, so what it moves is not flow."""
    counts = a.counts
    action = r.action
    if r.flags & F_MAYBE_BAD_BOOK != 0:
        counts[st.N_MAYBE_BAD_BOOK] += 1
        a.scalars[st.S_BAD_BOOK] = 1
    if action == ACTION_CLEAR:
        counts[st.N_RECORD_CLEAR] += 1
        _clear_book(a)
        return
    if action == ACTION_NONE:
        counts[st.N_RECORD_NONE] += 1
        return
    side = BID if r.side == SIDE_BID else ASK if r.side == SIDE_ASK else NO_SIDE
    size = np.int64(r.size)
    if action == ACTION_TRADE:
        counts[st.N_RECORD_TRADE] += 1
        _trade(side, size, r.price, a)
        return
    order_id = np.int64(r.order_id)
    if action == ACTION_FILL:
        counts[st.N_RECORD_FILL] += 1
        _fill(order_id, side, size, r.price, a)
        return
    if action == ACTION_ADD:
        counts[st.N_RECORD_ADD] += 1
    elif action == ACTION_CANCEL:
        counts[st.N_RECORD_CANCEL] += 1
    elif action == ACTION_MODIFY:
        counts[st.N_RECORD_MODIFY] += 1
    else:
        counts[st.N_RECORD_UNKNOWN_ACTION] += 1
        return
    if side == NO_SIDE:
        counts[st.N_NO_SIDE] += 1
        return
    if action == ACTION_CANCEL:
        _cancel(order_id, size, state, a)
        return
    tick = _tick_of(r.price, a)
    if r.flags & F_TOB != 0 and action == ACTION_ADD:
        _replace_side(order_id, side, tick, size, state, a)
    elif tick == _NO_TICK:
        counts[st.N_NULL_PRICE] += 1
    else:
        _place(order_id, side, tick, size, action == ACTION_ADD, state, a)


@piece
def _tick_of(price: int, a: Arrays) -> int:
    """Nearest price tick, half up; _NO_TICK for an undefined price."""
    if price > _LIMIT or price < -_LIMIT:
        return _NO_TICK
    tick_int: int = a.scalars[st.S_TICK_INT]
    tick = price // tick_int
    rest = price - tick * tick_int
    if rest != 0:
        a.counts[st.N_OFF_GRID_PRICE] += 1
        if 2 * rest >= tick_int:
            tick += 1
    return tick


@aside
def _change_depth(side: int, tick: int, d: int, fill: int, state: bool, a: Arrays) -> None:
    """Displayed size moves by `d`; unless it is a matter of state, that is flow and `fill` was announced for it."""
    if a.scalars[st.S_ANCHORED] == 0:
        _range_around_first(tick, a)
    if d != 0:
        change(a.ladder, a.far, a.scalars, side, tick, d)
    if state:
        a.counts[st.N_DEPTH_STATE_BID + side] += d
        d = 0
    if d != 0 or fill != 0:
        attribute(side, tick, d, fill, a)


@piece
def _place(order_id: int, side: int, tick: int, size: int, is_add: bool, state: bool, a: Arrays) -> None:
    """An add or a modify: from now on the order rests here with this size."""
    counts = a.counts
    slot = find(a.orders, order_id)
    if slot >= 0 and is_add:
        counts[st.N_DUPLICATE_ADD] += 1
    if size == 0:
        counts[st.N_ZERO_SIZE] += 1
        if slot >= 0:
            _cancel(order_id, abs(a.orders[slot, O_SIZE]), state, a)
        return
    if slot < 0:
        if not is_add:
            counts[st.N_UNKNOWN_MODIFY] += 1
        insert(a.orders, order_id, tick, size if side == BID else -size)
        a.scalars[st.S_BID_ORDERS + side] += 1
        _change_depth(side, tick, size, 0, state, a)
        return
    old_size = abs(a.orders[slot, O_SIZE])
    old_side = BID if a.orders[slot, O_SIZE] > 0 else ASK
    old_tick = a.orders[slot, O_TICK]
    fill = a.orders[slot, O_FILL]
    a.orders[slot, O_TICK] = tick
    a.orders[slot, O_SIZE] = size if side == BID else -size
    a.orders[slot, O_FILL] = 0
    if old_side == side and old_tick == tick:
        if fill > 0 and size != old_size - fill:
            counts[st.N_ICEBERG_REFRESHES] += 1
        _change_depth(side, tick, size - old_size, fill, state, a)
        return
    if old_side != side:
        counts[st.N_SIDE_CHANGE] += 1
        a.scalars[st.S_BID_ORDERS + old_side] -= 1
        a.scalars[st.S_BID_ORDERS + side] += 1
    _change_depth(old_side, old_tick, -old_size, fill, state, a)
    _change_depth(side, tick, size, 0, state, a)


@piece
def _cancel(order_id: int, size: int, state: bool, a: Arrays) -> None:
    """Take `size` off an order; at zero it goes."""
    slot = find(a.orders, order_id)
    if slot < 0:
        a.counts[st.N_UNKNOWN_CANCEL] += 1
        return
    if size == 0:
        a.counts[st.N_ZERO_SIZE] += 1
        return
    signed = a.orders[slot, O_SIZE]
    side = BID if signed > 0 else ASK
    if size > abs(signed):
        a.counts[st.N_OVER_CANCEL] += 1
        size = abs(signed)
    tick = a.orders[slot, O_TICK]
    fill = a.orders[slot, O_FILL]
    a.orders[slot, O_FILL] = 0
    if size == abs(signed):
        remove(a.orders, slot)
        a.scalars[st.S_BID_ORDERS + side] -= 1
    else:
        a.orders[slot, O_SIZE] = signed - size if side == BID else signed + size
    _change_depth(side, tick, -size, fill, state, a)


@piece
def _fill(order_id: int, side: int, size: int, price: int, a: Arrays) -> None:
    """A resting order was filled: keep the quantity for the cancel or modify of the same event."""
    counts = a.counts
    counts[st.N_FILLED_VOLUME] += size
    slot = find(a.orders, order_id)
    if slot >= 0:
        if a.orders[slot, O_FILL] == 0:
            a.pending[a.scalars[st.S_PENDING]] = order_id
            a.scalars[st.S_PENDING] += 1
        a.orders[slot, O_FILL] += size
        if a.orders[slot, O_FILL] > abs(a.orders[slot, O_SIZE]):
            counts[st.N_FILL_OVER_DISPLAYED] += 1
        return
    counts[st.N_HIDDEN_FILL] += 1
    tick = _tick_of(price, a)
    if tick == _NO_TICK:
        counts[st.N_NULL_PRICE] += 1
    else:
        _change_depth(side, tick, 0, size, False, a)


@aside
def _settle_fills(a: Arrays) -> None:
    """Fills that no cancel or modify followed were hidden quantity: nothing displayed changed."""
    s = a.scalars
    for i in range(s[st.S_PENDING]):
        slot = find(a.orders, a.pending[i])
        if slot >= 0 and a.orders[slot, O_FILL] > 0:
            a.counts[st.N_HIDDEN_FILL] += 1
            fill = a.orders[slot, O_FILL]
            a.orders[slot, O_FILL] = 0
            side = BID if a.orders[slot, O_SIZE] > 0 else ASK
            _change_depth(side, a.orders[slot, O_TICK], 0, fill, False, a)
    s[st.S_PENDING] = 0


@piece
def _trade(side: int, size: int, price: int, a: Arrays) -> None:
    """An aggressor traded: statistics only, the book changes by what follows."""
    stats = a.stats
    a.counts[st.N_TRADED_VOLUME] += size
    stats[st.B_TRADES] += 1
    if side == BID:
        stats[st.B_BUY] += size
    elif side == ASK:
        stats[st.B_SELL] += size
    else:
        a.counts[st.N_TRADED_WITHOUT_AGGRESSOR] += size
    if -_LIMIT <= price <= _LIMIT:
        a.scalars[st.S_LAST_TRADE] = price


@aside
def _clear_book(a: Arrays) -> None:
    """Every order goes. That is state, not flow."""
    s = a.scalars
    _settle_fills(a)
    a.orders[:, O_SIZE] = 0
    s[st.S_BID_ORDERS] = 0
    s[st.S_ASK_ORDERS] = 0
    s[st.S_BAD_BOOK] = 0
    clear(a.ladder, s)
    for side in range(2):
        displayed = a.counts[st.N_DEPTH_FLOW_BID + side] + a.counts[st.N_DEPTH_STATE_BID + side]
        a.counts[st.N_DEPTH_STATE_BID + side] -= displayed


@aside
def _replace_side(order_id: int, side: int, tick: int, size: int, state: bool, a: Arrays) -> None:
    """An add of a top-of-book feed: its side is this order now, or nothing when the price is undefined."""
    empty = tick == _NO_TICK or size == 0
    if not empty and a.scalars[st.S_BID_ORDERS + side] == 1:
        slot = find(a.orders, order_id)
        if slot < 0 or not _rests_on(a.orders, slot, side):
            slot = 0
            while not _rests_on(a.orders, slot, side):
                slot += 1
        # the order that was there becomes the new one, so that an unchanged price is one net change and not two flows
        old_tick = a.orders[slot, O_TICK]
        old_size = abs(a.orders[slot, O_SIZE])
        fill = a.orders[slot, O_FILL]
        remove(a.orders, slot)
        if old_tick == tick:
            _change_depth(side, tick, size - old_size, fill, state, a)
        else:
            _change_depth(side, old_tick, -old_size, fill, state, a)
            _change_depth(side, tick, size, 0, state, a)
        other = find(a.orders, order_id)
        if other >= 0:
            _cancel(order_id, abs(a.orders[other, O_SIZE]), state, a)
        insert(a.orders, order_id, tick, size if side == BID else -size)
        return
    slot = 0
    while a.scalars[st.S_BID_ORDERS + side] > 0:
        if _rests_on(a.orders, slot, side):
            # removal may close the gap with a later order: look at this slot again
            _cancel(a.orders[slot, O_ID], abs(a.orders[slot, O_SIZE]), state, a)
        else:
            slot += 1
    if not empty:
        _place(order_id, side, tick, size, True, state, a)


@piece
def _rests_on(orders: np.ndarray, slot: int, side: int) -> bool:
    return bool(orders[slot, O_SIZE] > 0 if side == BID else orders[slot, O_SIZE] < 0)


@aside
def _range_around_first(tick: int, a: Arrays) -> None:
    """Until a valid BBO says where the market is, the range lies around the first order."""
    s = a.scalars
    s[st.S_ANCHORED] = 1
    bucket = s[st.S_BUCKET]
    cells = a.ladder.shape[1] // bucket
    s[st.S_RANGE_CELL] = (tick + bucket // 2) // bucket - cells // 2
    s[st.S_RANGE_LO] = s[st.S_RANGE_CELL] * bucket - bucket // 2


@aside
def _end_event(a: Arrays) -> None:
    """F_LAST: what the event announced is settled."""
    s = a.scalars
    if s[st.S_PENDING] > 0:
        _settle_fills(a)
    s[st.S_EVENTS] += 1
    s[st.S_IN_EVENT] = 0
    s[st.S_IN_SNAPSHOT] = 0
    a.stats[st.B_EVENTS] += 1
