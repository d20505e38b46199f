"""What every action means for the book, and what it says about flow."""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from vp_book._jit import aside, piece
from vp_book.physics.depth import change_depth
from vp_book.records import (
    ACTION_ADD,
    ACTION_CANCEL,
    ACTION_CLEAR,
    ACTION_FILL,
    ACTION_MODIFY,
    ACTION_NONE,
    ACTION_TRADE,
    F_MAYBE_BAD_BOOK,
    F_TOB,
    SIDE_ASK,
    SIDE_BID,
)

from . import state as st
from .aggressors import is_aggressor, note_aggressor
from .events import settle_fills
from .levels import clear
from .orders import O_FILL, O_ID, O_SIZE, O_TICK, find, insert, remove
from .state import ASK, BID, NO_SIDE, Arrays

_LIMIT: Final = 2**62
"""Prices beyond this are undefined or nonsense; staying below keeps every sum inside int64."""
_NO_TICK: Final = -(2**63)
_UNDEFINED_SIZE: Final = 2**32 - 1
_TOB_MIX: Final = 0x2545F4914F6CDD1D
"""Odd, and nothing like an order id: see `_key`."""


@piece
def apply_record(r: Any, state: bool, a: Arrays) -> None:
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
    if size == _UNDEFINED_SIZE and _skip_unsized(action, r.flags, r.price, counts):
        return
    order_id = np.int64(r.order_id)
    if action == ACTION_TRADE:
        counts[st.N_RECORD_TRADE] += 1
        _trade(order_id, side, size, r.price, a)
        return
    if action == ACTION_FILL:
        counts[st.N_RECORD_FILL] += 1
        if a.scalars[st.S_AGGRESSORS] != 0 and is_aggressor(a.aggressors, a.scalars, order_id, side):
            counts[st.N_AGGRESSOR_FILL] += 1
            counts[st.N_AGGRESSOR_FILL_VOLUME] += size
            return
        _fill(_key(order_id, r.flags, side), side, size, r.price, a)
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
    key = _key(order_id, r.flags, side)
    if action == ACTION_CANCEL:
        _cancel(key, size, state, a)
        return
    tick = _tick_of(r.price, a)
    if r.flags & F_TOB != 0 and action == ACTION_ADD:
        _replace_side(key, side, tick, size, state, a)
    elif tick == _NO_TICK:
        counts[st.N_NULL_PRICE] += 1
    else:
        _place(key, side, tick, size, action == ACTION_ADD, state, a)


@aside
def _skip_unsized(action: int, flags: int, price: int, counts: np.ndarray) -> bool:
    """Whether a record whose size is undefined is to be left out; it is then counted, under its action too."""
    if action == ACTION_ADD:
        if flags & F_TOB != 0 and (price > _LIMIT or price < -_LIMIT):
            return False  # it empties its side, and needs no size for that
        counts[st.N_RECORD_ADD] += 1
    elif action == ACTION_CANCEL:
        counts[st.N_RECORD_CANCEL] += 1
    elif action == ACTION_MODIFY:
        counts[st.N_RECORD_MODIFY] += 1
    elif action == ACTION_TRADE:
        counts[st.N_RECORD_TRADE] += 1
    elif action == ACTION_FILL:
        counts[st.N_RECORD_FILL] += 1
    else:
        return False
    counts[st.N_UNDEFINED_SIZE] += 1
    return True


@piece
def _key(order_id: int, flags: int, side: int) -> int:
    """What an order goes by in the order map: its id, and in a top-of-book feed its id and its side.

    Such a feed may give one id, 0 say, to both of its sides. A mixed id could only be met by a true one if the venue
    happened to use the one number in 2**64 that is its own mixed with this constant.
    """
    return order_id ^ (_TOB_MIX * (side + 1)) if flags & F_TOB != 0 else order_id


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
        change_depth(side, tick, size, 0, state, a)
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
        change_depth(side, tick, size - old_size, fill, state, a)
        return
    if old_side != side:
        counts[st.N_SIDE_CHANGE] += 1
        a.scalars[st.S_BID_ORDERS + old_side] -= 1
        a.scalars[st.S_BID_ORDERS + side] += 1
    change_depth(old_side, old_tick, -old_size, fill, state, a)
    change_depth(side, tick, size, 0, state, a)


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
    change_depth(side, tick, -size, fill, state, a)


@piece
def _fill(order_id: int, side: int, size: int, price: int, a: Arrays) -> None:
    """A resting order was filled: keep the quantity for the cancel or modify of the same event."""
    counts = a.counts
    counts[st.N_FILLED_VOLUME] += size
    a.scalars[st.S_EVENT_FILLED] += size
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
        change_depth(side, tick, 0, size, False, a)


@piece
def _trade(order_id: int, side: int, size: int, price: int, a: Arrays) -> None:
    """An aggressor traded: statistics only, the book changes by what follows."""
    stats = a.stats
    a.scalars[st.S_EVENT_TRADED] += size
    if side == NO_SIDE:
        a.scalars[st.S_EVENT_SIDELESS] = 1
    else:
        note_aggressor(a.aggressors, a.scalars, order_id, side)
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
    settle_fills(a)
    a.orders[:, O_SIZE] = 0
    s[st.S_BID_ORDERS] = 0
    s[st.S_ASK_ORDERS] = 0
    s[st.S_BAD_BOOK] = 0
    clear(a.ladder, a.far, s)
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
            change_depth(side, tick, size - old_size, fill, state, a)
        else:
            change_depth(side, old_tick, -old_size, fill, state, a)
            change_depth(side, tick, size, 0, state, a)
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
