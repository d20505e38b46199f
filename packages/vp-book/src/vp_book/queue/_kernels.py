"""Records into the queue ahead of every join, and what each event means for it.

An event is taken as a whole: F records are not in order of priority, so only at its end is it known what the orders
ahead of a join gave and what is left of them.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from vp_book._jit import called, kernel
from vp_book.book.orders import O_ID, O_SIZE, O_TICK, find
from vp_book.book.state import ASK, BID, NO_SIDE
from vp_book.records import (
    ACTION_ADD,
    ACTION_CANCEL,
    ACTION_CLEAR,
    ACTION_FILL,
    ACTION_MODIFY,
    ACTION_TRADE,
    F_LAST,
    F_TOB,
    SIDE_ASK,
    SIDE_BID,
)

from . import state as st
from .arrivals import insert, remove
from .state import Queue

_LIMIT = 2**62
_UNDEFINED_SIZE = 2**32 - 1


@kernel
def follow(records: np.ndarray, start: int, stop: int, q: Queue) -> int:
    """Take `records[start:stop]`; returns the index of the first that was not taken because an array is full."""
    s = q.scalars
    for i in range(start, stop):
        full = (
            2 * (s[st.S_USED] + 1) > q.orders.shape[0]
            or s[st.S_ENTRIES] >= q.entries.shape[0]
            or s[st.S_TRADED] + 1 >= q.traded.shape[0]
            or s[st.S_TAKERS] >= q.takers.shape[0]
        )
        if full:
            return i
        r = records[i]
        _take(r, q)
        if r.flags & F_LAST != 0:
            _end_event(q)
    return stop


@kernel
def end_event(q: Queue) -> None:
    """Whatever event is open is over."""
    _end_event(q)


@kernel
def seed(orders: np.ndarray, q: Queue) -> None:
    """Take the resting orders of a book, at most half as many as there are places: all of them came before any join."""
    for slot in range(orders.shape[0]):
        if orders[slot, O_SIZE] != 0:
            insert(q, orders[slot, O_ID], orders[slot, O_TICK], orders[slot, O_SIZE], 0)


@kernel
def close_bin(q: Queue, joins: bool, ticks: np.ndarray, sizes: np.ndarray) -> None:
    """End a bin: joins that have waited longest are given up, and with `joins` one comes to the touch of each side.

    `ticks` and `sizes` (2,) are the best bid and ask.
    """
    s = q.scalars
    _end_event(q)
    now = s[st.S_BIN]
    waits = q.joins.shape[0] // 2
    for side in range(2):
        row = 2 * (now % waits) + side
        _give_up(q, row)
        if not joins or s[st.S_TOB] != 0:
            continue
        tick = ticks[side]
        level = q.levels[side, tick & (st.SLOTS - 1)]
        if level[st.L_HEAD] != 0 and level[st.L_TICK] != tick:
            s[st.S_CROWDED] += 1
            continue
        s[st.S_SEQ] += 1
        j = q.joins[row]
        j[st.J_TICK] = tick
        j[st.J_SEQ] = s[st.S_SEQ]
        j[st.J_AHEAD] = sizes[side]
        j[st.J_GAVE] = 0
        j[st.J_BIN] = now
        j[st.J_ALIVE] = 1
        j[st.J_NEXT] = 0
        j[st.J_SIDE] = side
        if level[st.L_HEAD] == 0:
            level[st.L_HEAD] = row + 1
        else:
            q.joins[level[st.L_TAIL] - 1, st.J_NEXT] = row + 1
        level[st.L_TAIL] = row + 1
        level[st.L_TICK] = tick
        first = st.S_FIRST + 2 * side
        s[first] = min(s[first], tick)
        s[first + 1] = max(s[first + 1], tick)
        q.out_price[now, side] = tick * s[st.S_TICK_INT]
        q.out_ahead[now, side] = sizes[side]
    s[st.S_BIN] = now + 1


@called
def _give_up(q: Queue, row: int) -> None:
    """Free a row of the ring. Whatever stands before its join in the list is older, and so is over too."""
    j = q.joins[row]
    if j[st.J_SEQ] == 0:
        return
    j[st.J_ALIVE] = 0
    level = q.levels[j[st.J_SIDE], j[st.J_TICK] & (st.SLOTS - 1)]
    while level[st.L_HEAD] != 0 and q.joins[level[st.L_HEAD] - 1, st.J_ALIVE] == 0:
        level[st.L_HEAD] = q.joins[level[st.L_HEAD] - 1, st.J_NEXT]


@called
def _take(r: Any, q: Queue) -> None:
    s = q.scalars
    action = r.action
    if r.flags & F_TOB != 0:
        if s[st.S_TOB] == 0:
            _clear(q)
            s[st.S_TOB] = 1
        return
    if action == ACTION_CLEAR:
        _clear(q)
        return
    size = np.int64(r.size)
    if size == _UNDEFINED_SIZE:
        return
    side = BID if r.side == SIDE_BID else ASK if r.side == SIDE_ASK else NO_SIDE
    order_id = np.int64(r.order_id)
    defined = -_LIMIT <= r.price <= _LIMIT
    tick_int = s[st.S_TICK_INT]
    tick = (2 * r.price + tick_int) // (2 * tick_int) if defined else 0
    if action == ACTION_TRADE:
        if side != NO_SIDE:
            q.takers[s[st.S_TAKERS], 0] = order_id
            q.takers[s[st.S_TAKERS], 1] = side
            s[st.S_TAKERS] += 1
        if defined:
            _trades_at(q, tick)
            if side != NO_SIDE:
                _volume(q, ASK if side == BID else BID, tick, 0, size)
        return
    if action == ACTION_FILL:
        for i in range(s[st.S_TAKERS]):
            if q.takers[i, 0] == order_id and q.takers[i, 1] == side:
                return  # the aggressor's own: nothing that rests was filled
        if defined:
            _trades_at(q, tick)
            if side != NO_SIDE:
                _volume(q, side, tick, size, 0)
                _filled(q, order_id, side, tick, size)
        return
    if side == NO_SIDE:
        return
    if action == ACTION_CANCEL:
        _cancel(q, order_id, size)
    elif action in (ACTION_ADD, ACTION_MODIFY) and defined:
        _place(q, order_id, side, tick, size)


@called
def _trades_at(q: Queue, tick: int) -> None:
    q.scalars[st.S_LOWEST] = min(q.scalars[st.S_LOWEST], tick)
    q.scalars[st.S_HIGHEST] = max(q.scalars[st.S_HIGHEST], tick)


@called
def _volume(q: Queue, side: int, tick: int, filled: int, traded: int) -> None:
    """Volume of a level whose joins it matters to."""
    level = q.levels[side, tick & (st.SLOTS - 1)]
    if level[st.L_HEAD] == 0 or level[st.L_TICK] != tick:
        return
    n = q.scalars[st.S_TRADED]
    at = 0
    while at < n and (q.traded[at, st.V_SIDE] != side or q.traded[at, st.V_TICK] != tick):
        at += 1
    if at == n:
        q.traded[at, st.V_SIDE] = side
        q.traded[at, st.V_TICK] = tick
        q.traded[at, st.V_FILLED] = 0
        q.traded[at, st.V_TRADED] = 0
        q.scalars[st.S_TRADED] += 1
    q.traded[at, st.V_FILLED] += filled
    q.traded[at, st.V_TRADED] += traded


@called
def _entry(q: Queue, slot: int) -> int:
    """The entry of a resting order in the open event; -1 where no join is at its level."""
    o = q.orders[slot]
    side = BID if o[O_SIZE] > 0 else ASK
    level = q.levels[side, o[O_TICK] & (st.SLOTS - 1)]
    if level[st.L_HEAD] == 0 or level[st.L_TICK] != o[O_TICK]:
        return -1
    s = q.scalars
    if o[st.O_EVENT] != s[st.S_EVENT]:
        o[st.O_EVENT] = s[st.S_EVENT]
        o[st.O_ENTRY] = s[st.S_ENTRIES]
        e = q.entries[s[st.S_ENTRIES]]
        s[st.S_ENTRIES] += 1
        e[st.E_SIDE] = side
        e[st.E_TICK] = o[O_TICK]
        e[st.E_SIZE] = abs(o[O_SIZE])
        e[st.E_SEQ] = o[st.O_SEQ]
        e[st.E_FILLED] = 0
        e[st.E_PENDING] = 0
        e[st.E_LEFT] = -1
        e[st.E_LOST] = 0
    return o[st.O_ENTRY]  # type: ignore[no-any-return]


@called
def _filled(q: Queue, order_id: int, side: int, tick: int, size: int) -> None:
    slot = find(q.orders, order_id)
    if slot < 0 or q.orders[slot, O_TICK] != tick or (q.orders[slot, O_SIZE] > 0) != (side == BID):
        return
    entry = _entry(q, slot)
    if entry >= 0:
        q.entries[entry, st.E_FILLED] += size
        q.entries[entry, st.E_PENDING] += size


@called
def _place(q: Queue, order_id: int, side: int, tick: int, size: int) -> None:
    """An add or a modify: from now on the order rests here with this size."""
    slot = find(q.orders, order_id)
    if size == 0:
        if slot >= 0:
            _cancel(q, order_id, abs(q.orders[slot, O_SIZE]))
        return
    s = q.scalars
    signed = size if side == BID else -size
    if slot < 0:
        s[st.S_SEQ] += 1
        insert(q, order_id, tick, signed, s[st.S_SEQ])
        return
    o = q.orders[slot]
    entry = _entry(q, slot)
    pending = q.entries[entry, st.E_PENDING] if entry >= 0 else 0
    moved = o[O_TICK] != tick or (o[O_SIZE] > 0) != (side == BID)
    if moved or size > abs(o[O_SIZE]) - pending:
        s[st.S_SEQ] += 1
        o[st.O_SEQ] = s[st.S_SEQ]
        if entry >= 0:
            q.entries[entry, st.E_LOST] = 1
    if entry >= 0:
        q.entries[entry, st.E_LEFT] = size
        q.entries[entry, st.E_PENDING] = 0
    if moved:
        o[st.O_EVENT] = 0
    o[O_TICK] = tick
    o[O_SIZE] = signed


@called
def _cancel(q: Queue, order_id: int, size: int) -> None:
    slot = find(q.orders, order_id)
    if slot < 0 or size == 0:
        return
    entry = _entry(q, slot)
    signed = q.orders[slot, O_SIZE]
    left = max(0, abs(signed) - size)
    if entry >= 0:
        q.entries[entry, st.E_LEFT] = left
        q.entries[entry, st.E_PENDING] = 0
    if left == 0:
        remove(q, slot)
    else:
        q.orders[slot, O_SIZE] = left if signed > 0 else -left


@called
def _end_event(q: Queue) -> None:
    """What the event means for the joins at its levels."""
    s = q.scalars
    for i in range(s[st.S_ENTRIES]):
        e = q.entries[i]
        size, filled = e[st.E_SIZE], e[st.E_FILLED]
        left = size  # an F that nothing followed was hidden quantity: the display stays
        if e[st.E_LOST] != 0:
            left = 0
        elif e[st.E_LEFT] >= 0:
            left = min(e[st.E_LEFT], max(0, size - filled))
        gave = min(filled, size)
        if left == size and gave == 0:
            continue
        row = q.levels[e[st.E_SIDE], e[st.E_TICK] & (st.SLOTS - 1), st.L_HEAD]
        while row != 0:
            j = q.joins[row - 1]
            if j[st.J_SEQ] > e[st.E_SEQ]:
                j[st.J_AHEAD] -= size - left
                j[st.J_GAVE] += gave
            row = j[st.J_NEXT]
    for i in range(s[st.S_TRADED]):
        v = q.traded[i]
        volume = max(v[st.V_FILLED], v[st.V_TRADED])
        row = q.levels[v[st.V_SIDE], v[st.V_TICK] & (st.SLOTS - 1), st.L_HEAD]
        while row != 0:
            j = q.joins[row - 1]
            if j[st.J_ALIVE] != 0 and j[st.J_AHEAD] <= 0 and volume > j[st.J_GAVE]:
                _fill(q, row - 1, st.AT)
            j[st.J_GAVE] = 0
            row = j[st.J_NEXT]
    for i in range(s[st.S_ENTRIES]):
        e = q.entries[i]
        if e[st.E_FILLED] != 0:
            row = q.levels[e[st.E_SIDE], e[st.E_TICK] & (st.SLOTS - 1), st.L_HEAD]
            while row != 0:
                q.joins[row - 1, st.J_GAVE] = 0
                row = q.joins[row - 1, st.J_NEXT]
    if s[st.S_LOWEST] <= s[st.S_HIGHEST]:
        _trade_through(q)
    s[st.S_ENTRIES] = 0
    s[st.S_TRADED] = 0
    s[st.S_TAKERS] = 0
    s[st.S_EVENT] += 1


@called
def _trade_through(q: Queue) -> None:
    """Something traded at a worse price than that of these joins."""
    s = q.scalars
    lowest, highest = s[st.S_LOWEST], s[st.S_HIGHEST]
    for tick in range(max(lowest + 1, s[st.S_FIRST]), s[st.S_FIRST + 1] + 1):
        _fill_level(q, BID, tick)
    s[st.S_FIRST + 1] = min(s[st.S_FIRST + 1], lowest)
    for tick in range(s[st.S_FIRST + 2], min(highest - 1, s[st.S_FIRST + 3]) + 1):
        _fill_level(q, ASK, tick)
    s[st.S_FIRST + 2] = max(s[st.S_FIRST + 2], highest)
    s[st.S_LOWEST] = st.NO_LOW
    s[st.S_HIGHEST] = st.NO_HIGH


@called
def _fill_level(q: Queue, side: int, tick: int) -> None:
    level = q.levels[side, tick & (st.SLOTS - 1)]
    if level[st.L_TICK] != tick:
        return
    row = level[st.L_HEAD]
    while row != 0:
        if q.joins[row - 1, st.J_ALIVE] != 0:
            _fill(q, row - 1, st.THROUGH)
        row = q.joins[row - 1, st.J_NEXT]


@called
def _fill(q: Queue, row: int, how: int) -> None:
    j = q.joins[row]
    j[st.J_ALIVE] = 0
    q.out_wait[j[st.J_BIN], j[st.J_SIDE]] = q.scalars[st.S_BIN] - j[st.J_BIN]
    q.out_how[j[st.J_BIN], j[st.J_SIDE]] = how


@called
def _clear(q: Queue) -> None:
    """Every order goes, and with the book every join, unfilled."""
    s = q.scalars
    _end_event(q)
    q.orders[:, O_SIZE] = 0
    s[st.S_USED] = 0
    for row in range(q.joins.shape[0]):
        q.joins[row, st.J_ALIVE] = 0
        q.joins[row, st.J_SEQ] = 0
    q.levels[:, :, st.L_HEAD] = 0
    for side in range(2):
        s[st.S_FIRST + 2 * side] = st.NO_LOW
        s[st.S_FIRST + 2 * side + 1] = st.NO_HIGH
