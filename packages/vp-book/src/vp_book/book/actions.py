"""What every action means for the book, and what it says about flow."""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from vp_book._jit import called, inlined
from vp_book.marks.rules import mark_order, mark_refresh, mark_trade, mark_withdrawal, moves_away
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

from .aggressors import is_aggressor, note_aggressor
from .events import settle_fills
from .levels import clear
from .orders import O_FILL, O_ID, O_SHOWN, O_SIZE, O_TICK, O_TURN, find, insert, remove
from .state import ASK, BID, NO_SIDE, TURNOVER_BITS, Arrays

_LIMIT: Final = 2**62
"""Prices beyond this are undefined or nonsense; staying below keeps every sum inside int64."""
_LARGEST_TRADED: Final = 2**52
"""A trade at a price beyond this (4.5 million of the quote currency) is nonsense, and not in the mean price."""
_NO_TICK: Final = -(2**63)
_UNDEFINED_SIZE: Final = 2**32 - 1
_TOB_MIX: Final = 0x2545F4914F6CDD1D
"""Odd, and nothing like an order id: see `_key`."""


@inlined
def apply_record(r: Any, state: bool, a: Arrays) -> None:
    """One record. `state`: it is part of a snapshot, so what it moves is not flow."""
    counts = a.counts[0]
    action = r.action
    if r.flags & F_MAYBE_BAD_BOOK != 0:
        counts.maybe_bad_book += 1
        a.scalars[0].bad_book = 1
    if action == ACTION_CLEAR:
        counts.record_clear += 1
        _clear_book(a)
        return
    if action == ACTION_NONE:
        counts.record_none += 1
        return
    side = BID if r.side == SIDE_BID else ASK if r.side == SIDE_ASK else NO_SIDE
    size = np.int64(r.size)
    if size == _UNDEFINED_SIZE and _skip_unsized(action, r.flags, r.price, counts):
        return
    order_id = np.int64(r.order_id)
    if action == ACTION_TRADE:
        counts.record_trade += 1
        _trade(order_id, side, size, r.price, a)
        return
    if action == ACTION_FILL:
        counts.record_fill += 1
        if a.scalars[0].aggressors_noted != 0 and is_aggressor(a.aggressors, a.scalars[0], order_id, side):
            counts.aggressor_fill += 1
            counts.aggressor_fill_volume += size
            return
        _fill(_key(order_id, r.flags, side), side, size, r.price, a)
        return
    if action == ACTION_ADD:
        counts.record_add += 1
    elif action == ACTION_CANCEL:
        counts.record_cancel += 1
    elif action == ACTION_MODIFY:
        counts.record_modify += 1
    else:
        counts.record_unknown_action += 1
        return
    if side == NO_SIDE:
        counts.no_side += 1
        return
    key = _key(order_id, r.flags, side)
    marked = not state and r.flags & F_TOB == 0  # marks are of orders, and of those that come and go by flow
    if action == ACTION_CANCEL:
        _cancel(key, size, state, marked, a)
        return
    tick = _tick_of(r.price, a)
    if r.flags & F_TOB != 0 and action == ACTION_ADD:
        _replace_side(key, side, tick, size, state, a)
    elif tick == _NO_TICK:
        counts.null_price += 1
    else:
        _place(key, side, tick, size, action == ACTION_ADD, state, marked, a)


@called
def _skip_unsized(action: int, flags: int, price: int, counts: Any) -> bool:
    """Whether a record whose size is undefined is to be left out; it is then counted, under its action too."""
    if action == ACTION_ADD:
        if flags & F_TOB != 0 and (price > _LIMIT or price < -_LIMIT):
            return False  # it empties its side, and needs no size for that
        counts.record_add += 1
    elif action == ACTION_CANCEL:
        counts.record_cancel += 1
    elif action == ACTION_MODIFY:
        counts.record_modify += 1
    elif action == ACTION_TRADE:
        counts.record_trade += 1
    elif action == ACTION_FILL:
        counts.record_fill += 1
    else:
        return False
    counts.undefined_size += 1
    return True


@inlined
def _key(order_id: int, flags: int, side: int) -> int:
    """What an order goes by in the order map: its id, and in a top-of-book feed its id and its side.

    Such a feed may give one id, 0 say, to both of its sides. A mixed id could only be met by a true one if the venue
    happened to use the one number in 2**64 that is its own mixed with this constant.
    """
    return order_id ^ (_TOB_MIX * (side + 1)) if flags & F_TOB != 0 else order_id


@inlined
def _tick_of(price: int, a: Arrays) -> int:
    """Nearest price tick; _NO_TICK for an undefined price. A price between the ticks is counted."""
    if price > _LIMIT or price < -_LIMIT:
        return _NO_TICK
    tick_int: int = a.scalars[0].tick_int
    tick = _nearest_tick(price, tick_int)
    if tick * tick_int != price:  # a remainder would be a second division
        a.counts[0].off_grid_price += 1
    return tick


@inlined
def _nearest_tick(price: int, tick_int: int) -> int:
    """Price tick nearest to a defined price, half up."""
    tick = price // tick_int
    if 2 * (price - tick * tick_int) >= tick_int:
        tick += 1
    return tick


@inlined
def _next_turn(s: Any) -> int:
    """A place in the queues behind every order that rests."""
    s.turns += 1
    return s.turns  # type: ignore[no-any-return]


@inlined
def _place(order_id: int, side: int, tick: int, size: int, is_add: bool, state: bool, marked: bool, a: Arrays) -> None:
    """An add or a modify: from now on the order rests here with this size."""
    counts = a.counts[0]
    slot = find(a.orders, order_id)
    if slot >= 0 and is_add:
        counts.duplicate_add += 1
    if size == 0:
        counts.zero_size += 1
        if slot >= 0:
            _cancel(order_id, abs(a.orders[slot, O_SIZE]), state, marked, a)
        return
    s, stats = a.scalars[0], a.stats[0]
    if slot < 0:
        if not is_add:
            counts.unknown_modify += 1
        insert(a.orders, order_id, tick, size if side == BID else -size, _next_turn(a.scalars[0]))
        a.scalars[0].resting[side] += 1
        if marked and size >= s.large_size:
            mark_order(a.marks, stats, s, tick, size, side)
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
            counts.iceberg_refreshes += 1
        if size > old_size - fill:  # more than the fills left of it: the addition goes behind what rests there
            a.orders[slot, O_TURN] = _next_turn(a.scalars[0])
            a.orders[slot, O_SHOWN] += size - (old_size - fill)
            if marked and fill > 0:
                mark_refresh(a.marks, stats, s, tick, size, side, a.orders[slot, O_SHOWN])
            elif marked and old_size < s.large_size <= size:
                mark_order(a.marks, stats, s, tick, size, side)
        elif marked and old_size - fill - size >= s.large_size:
            mark_withdrawal(a.marks, stats, s, tick, old_size - fill - size, side)
        change_depth(side, tick, size - old_size, fill, state, a)
        return
    a.orders[slot, O_TURN] = _next_turn(a.scalars[0])
    a.orders[slot, O_SHOWN] += max(size - (old_size - fill), 0)
    if marked and old_size - fill >= s.large_size and moves_away(side, old_side, tick, old_tick):
        mark_withdrawal(a.marks, stats, s, old_tick, old_size - fill, old_side)
    if marked and size >= s.large_size:
        mark_order(a.marks, stats, s, tick, size, side)
    if old_side != side:
        counts.side_change += 1
        a.scalars[0].resting[old_side] -= 1
        a.scalars[0].resting[side] += 1
    change_depth(old_side, old_tick, -old_size, fill, state, a)
    change_depth(side, tick, size, 0, state, a)


@inlined
def _cancel(order_id: int, size: int, state: bool, marked: bool, a: Arrays) -> None:
    """Take `size` off an order; at zero it goes."""
    slot = find(a.orders, order_id)
    if slot < 0:
        a.counts[0].unknown_cancel += 1
        return
    if size == 0:
        a.counts[0].zero_size += 1
        return
    signed = a.orders[slot, O_SIZE]
    side = BID if signed > 0 else ASK
    if size > abs(signed):
        a.counts[0].over_cancel += 1
        size = abs(signed)
    tick = a.orders[slot, O_TICK]
    fill = a.orders[slot, O_FILL]
    a.orders[slot, O_FILL] = 0
    if size == abs(signed):
        remove(a.orders, slot)
        a.scalars[0].resting[side] -= 1
    else:
        a.orders[slot, O_SIZE] = signed - size if side == BID else signed + size
    if marked and size - fill >= a.scalars[0].large_size:
        mark_withdrawal(a.marks, a.stats[0], a.scalars[0], tick, size - fill, side)
    change_depth(side, tick, -size, fill, state, a)


@inlined
def _fill(order_id: int, side: int, size: int, price: int, a: Arrays) -> None:
    """A resting order was filled: keep the quantity for the cancel or modify of the same event."""
    counts = a.counts[0]
    counts.filled_volume += size
    a.scalars[0].event_filled += size
    slot = find(a.orders, order_id)
    if slot >= 0:
        if a.orders[slot, O_FILL] == 0:
            a.pending[a.scalars[0].pending_fills] = order_id
            a.scalars[0].pending_fills += 1
        a.orders[slot, O_FILL] += size
        if a.orders[slot, O_FILL] > abs(a.orders[slot, O_SIZE]):
            counts.fill_over_displayed += 1
        return
    counts.hidden_fill += 1
    tick = _tick_of(price, a)
    if tick == _NO_TICK:
        counts.null_price += 1
    else:
        change_depth(side, tick, 0, size, False, a)


@inlined
def _trade(order_id: int, side: int, size: int, price: int, a: Arrays) -> None:
    """An aggressor traded: statistics only, the book changes by what follows."""
    stats = a.stats[0]
    a.scalars[0].event_traded += size
    if side == NO_SIDE:
        a.scalars[0].event_sideless = 1
    else:
        note_aggressor(a.aggressors, a.scalars[0], order_id, side, size, price)
    a.counts[0].traded_volume += size
    stats.trades += 1
    if side == BID:
        stats.buy += size
        a.scalars[0].bought += size
    elif side == ASK:
        stats.sell += size
        a.scalars[0].sold += size
    else:
        a.counts[0].traded_without_aggressor += size
    if -_LIMIT <= price <= _LIMIT:
        a.scalars[0].last_trade = price
        if size >= a.scalars[0].large_size:
            mark_trade(a.marks, stats, price, size, side)
        _trade_at(side, size, price, a)


@called
def _trade_at(side: int, size: int, price: int, a: Arrays) -> None:
    """The volume of a trade goes to the cell of its price, and into the mean price."""
    s = a.scalars[0]
    if -_LARGEST_TRADED <= price <= _LARGEST_TRADED:
        high = price >> TURNOVER_BITS
        s.priced_volume += size
        s.turnover_high += high * size
        s.turnover_low += (price - (high << TURNOVER_BITS)) * size
    if side == NO_SIDE:
        return
    # A price between the ticks, of a trade at the middle of the quote, is nothing wrong: it is not counted as such.
    cell = (_nearest_tick(price, s.tick_int) - s.range_lo) // s.bucket
    if 0 <= cell < a.traded.shape[1]:
        stats = a.stats[0]
        a.traded[side, cell] += size
        if stats.traded_to == 0:
            stats.traded_from = cell
        stats.traded_from = min(stats.traded_from, cell)
        stats.traded_to = max(stats.traded_to, cell + 1)


@called
def _clear_book(a: Arrays) -> None:
    """Every order goes. That is state, not flow."""
    s = a.scalars[0]
    settle_fills(a)
    a.orders[:, O_SIZE] = 0
    s.resting[BID] = 0
    s.resting[ASK] = 0
    s.bad_book = 0
    clear(a.ladder, a.far, a.scalars)
    for side in range(2):
        displayed = a.counts[0].depth_flow[side] + a.counts[0].depth_state[side]
        a.counts[0].depth_state[side] -= displayed


@called
def _replace_side(order_id: int, side: int, tick: int, size: int, state: bool, a: Arrays) -> None:
    """An add of a top-of-book feed: its side is this order now, or nothing when the price is undefined."""
    empty = tick == _NO_TICK or size == 0
    if not empty and a.scalars[0].resting[side] == 1:
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
        insert(a.orders, order_id, tick, size if side == BID else -size, _next_turn(a.scalars[0]))
        return
    slot = 0
    while a.scalars[0].resting[side] > 0:
        if _rests_on(a.orders, slot, side):
            # removal may close the gap with a later order: look at this slot again
            _cancel(a.orders[slot, O_ID], abs(a.orders[slot, O_SIZE]), state, False, a)
        else:
            slot += 1
    if not empty:
        _place(order_id, side, tick, size, True, state, False, a)


@inlined
def _rests_on(orders: np.ndarray, slot: int, side: int) -> bool:
    return bool(orders[slot, O_SIZE] > 0 if side == BID else orders[slot, O_SIZE] < 0)
