"""ITCH messages to MBO records: one pass over the bytes of all stocks that keeps the orders of one."""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from vp_book._jit import called, inlined, kernel
from vp_book.book.orders import O_COLUMNS, O_ID, O_SIZE, O_TICK, find, insert, remove
from vp_book.records import (
    ACTION_ADD,
    ACTION_CANCEL,
    ACTION_CLEAR,
    ACTION_FILL,
    ACTION_NONE,
    ACTION_TRADE,
    F_LAST,
    F_MAYBE_BAD_BOOK,
    F_SNAPSHOT,
    MBO_WORDS,
    RTYPE_MBO,
    SIDE_ASK,
    SIDE_BID,
    SIDE_NONE,
    UNDEF_PRICE,
)

from . import itch_messages as m

# Status of `take_messages`.
MORE: Final = 0
"""Every whole message of the block is taken."""
FULL: Final = 1
"""The output has no room for another message."""
GROW: Final = 2
"""The order map is half full."""
RESUMED: Final = 3
"""Trading goes on after a halt: the book has to be stated again."""
OVER: Final = 4
"""A length of zero ended the session."""
BAD_TYPE: Final = 5
BAD_LENGTH: Final = 6
BAD_TIME: Final = 7
BAD_SIDE: Final = 8
SECOND_LOCATE: Final = 9
KNOWN_ORDER: Final = 10

MOST_RECORDS: Final = 3
"""Records of one message: an execution is T, F and C."""

STATE: Final = np.dtype(
    [
        ("symbol", "<i8"),  # the stock's name, 8 bytes, big-endian
        ("publisher", "<i8"),
        ("locate", "<i8"),  # -1: the directory has not named the stock yet
        ("midnight", "<i8"),  # ns UTC of midnight in New York
        ("messages", "<i8"),
        ("stocks", "<i8"),  # messages of the stock directory
        ("first", "<i8"),  # ns since midnight, -1 before the first message
        ("last", "<i8"),
        ("ended", "<i8"),  # 1: the feed said that there are no more messages
        ("halted", "<i8"),
        ("resting", "<i8"),
        ("halts", "<i8"),
        ("unknown_orders", "<i8"),  # messages of an order that was never added
        ("over_size", "<i8"),  # executions and cancels of more than was left
    ]
)
"""What the conversion knows between two blocks, one record."""


@kernel
def take_messages(
    block: np.ndarray,
    at: int,
    size: int,
    lengths: np.ndarray,
    orders: np.ndarray,
    out: np.ndarray,
    used: int,
    state: np.ndarray,
    own: np.ndarray,
) -> tuple[int, int, int]:
    """Convert the messages of `block[at:size]` until something has to be done about them.

    `orders` are the stock's resting orders by reference number, prices in 0.0001; `out[used:]` takes the records,
    `own` counts the stock's messages by type. Returns (first byte not taken, records in `out`, status).
    """
    s = state[0]
    while at + 2 <= size:
        length = _number(block, at, 2)
        if length == 0:
            return at, used, OVER
        if at + 3 > size:
            break
        kind = block[at + 2]
        known = np.int64(lengths[kind])
        if known != length:
            if known != 0:
                return at, used, BAD_LENGTH
            if not (65 <= kind <= 90 or 97 <= kind <= 122):
                return at, used, BAD_TYPE
            if length < m.HEADER_BYTES or length > m.LONGEST:
                return at, used, BAD_LENGTH
        begin = at + 2
        end = begin + length
        if end > size:
            break
        since = _number(block, begin + 5, 6)
        if since >= m.DAY_NS:
            return at, used, BAD_TIME
        locate = _number(block, begin + 1, 2)
        if locate == s.locate or kind == m.DIRECTORY or kind == m.SYSTEM:
            if used + MOST_RECORDS > out.shape[0]:
                return at, used, FULL
            if 2 * (s.resting + 1) > orders.shape[0]:
                return at, used, GROW
            used, status = _take(block, begin, kind, locate, since, orders, out, used, s, own)
            if status > OVER:
                return at, used, status
        else:
            status = MORE
        if s.first < 0:
            s.first = since
        s.last = max(s.last, since)
        s.messages += 1
        at = end
        if status == RESUMED:
            return at, used, status
    return at, used, MORE


@kernel
def state_orders(orders: np.ndarray, order: np.ndarray, out: np.ndarray, begin: int, state: np.ndarray) -> None:
    """The resting orders in slots `order[begin:]` as records of a snapshot, as many as `out` holds.

    They are of the message taken last; the last of all of them ends the snapshot.
    """
    s = state[0]
    for i in range(out.shape[0]):
        slot = order[begin + i]
        size = orders[slot, O_SIZE]
        side = SIDE_BID if size > 0 else SIDE_ASK
        flags = F_SNAPSHOT | (F_LAST if begin + i + 1 == order.shape[0] else 0)
        _put(out, i, ACTION_ADD, side, orders[slot, O_ID], orders[slot, O_TICK], abs(size), s.last, flags, s)
        out[i].sequence = (s.messages - 1) & 0xFFFFFFFF


@kernel
def put_clear(out: np.ndarray, flags: int, state: np.ndarray) -> None:
    """One record that empties the book, of the last message."""
    _put_plain(out, 0, ACTION_CLEAR, state[0].last, flags, state[0])
    out[0].sequence = (state[0].messages - 1) & 0xFFFFFFFF


@called
def _take(
    block: np.ndarray,
    at: int,
    kind: int,
    locate: int,
    since: int,
    orders: np.ndarray,
    out: np.ndarray,
    n: int,
    s: Any,
    own: np.ndarray,
) -> tuple[int, int]:
    """One message of the stock, the directory or the system: (records in `out`, status)."""
    if kind == m.SYSTEM:
        if block[at + m.EVENT_AT] == m.END_OF_MESSAGES:
            s.ended = 1
        return n, MORE
    if kind == m.DIRECTORY:
        s.stocks += 1
        if _number(block, at + m.STOCK_AT, 8) == s.symbol:
            if s.locate >= 0 and s.locate != locate:
                return n, SECOND_LOCATE
            own[kind] += 1
            if s.locate < 0:  # a day begins with an empty book
                s.locate = locate
                _put_plain(out, n, ACTION_CLEAR, since, F_LAST, s)
                return n + 1, MORE
        return n, MORE
    if kind == m.ADD or kind == m.ADD_BY:
        letter = block[at + m.SIDE_AT]
        if letter != m.BUY and letter != m.SELL:
            return n, BAD_SIDE
        side = SIDE_BID if letter == m.BUY else SIDE_ASK
        order_id = _number(block, at + m.ORDER_AT, 8)
        if find(orders, order_id) >= 0:
            return n, KNOWN_ORDER
        own[kind] += 1
        shares = _number(block, at + m.ADD_SHARES_AT, 4)
        n = _add(order_id, side, _number(block, at + m.ADD_PRICE_AT, 4), shares, since, orders, out, n, s)
        return n, MORE
    if kind == m.REPLACED and find(orders, _number(block, at + m.NEW_ORDER_AT, 8)) >= 0:
        return n, KNOWN_ORDER
    own[kind] += 1
    if kind == m.TRADING_STATE:
        trading = block[at + m.STATE_AT] == m.TRADING
        if trading and s.halted == 1:
            s.halted = 0
            return n, RESUMED
        if not trading and s.halted == 0:
            s.halted = 1
            s.halts += 1
            _put_plain(out, n, ACTION_NONE, since, F_MAYBE_BAD_BOOK | F_LAST, s)
            return n + 1, MORE
    elif kind == m.HIDDEN_TRADE:
        price, shares = _number(block, at + m.ADD_PRICE_AT, 4), _number(block, at + m.ADD_SHARES_AT, 4)
        _put(out, n, ACTION_TRADE, SIDE_NONE, 0, price, shares, since, F_LAST, s)
        return n + 1, MORE
    elif kind == m.CROSS_TRADE:
        price, shares = _number(block, at + m.CROSS_PRICE_AT, 4), _number(block, at + m.CROSS_SHARES_AT, 8)
        if shares > 0:  # a cross in which nothing traded has no shares
            _put(out, n, ACTION_TRADE, SIDE_NONE, 0, price, min(shares, 2**32 - 2), since, F_LAST, s)
            return n + 1, MORE
    elif kind == m.EXECUTED or kind == m.EXECUTED_AT or kind == m.REDUCED or kind == m.DELETED or kind == m.REPLACED:
        return _change(block, at, kind, since, orders, out, n, s), MORE
    return n, MORE


@called
def _change(
    block: np.ndarray, at: int, kind: int, since: int, orders: np.ndarray, out: np.ndarray, n: int, s: Any
) -> int:
    """A message of an order that rests: executed, reduced, deleted or replaced."""
    order_id = _number(block, at + m.ORDER_AT, 8)
    slot = find(orders, order_id)
    partly = kind == m.EXECUTED or kind == m.EXECUTED_AT or kind == m.REDUCED
    if slot < 0:
        s.unknown_orders += 1
        shares = _number(block, at + m.DONE_SHARES_AT, 4) if partly else 0
        _put(out, n, ACTION_CANCEL, SIDE_NONE, order_id, 0, shares, since, F_LAST, s)
        out[n].price = UNDEF_PRICE
        return n + 1
    signed, price = orders[slot, O_SIZE], orders[slot, O_TICK]
    side = SIDE_BID if signed > 0 else SIDE_ASK
    left = abs(signed)
    shares = _number(block, at + m.DONE_SHARES_AT, 4) if partly else left
    if shares > left:
        s.over_size += 1
    if kind == m.EXECUTED or kind == m.EXECUTED_AT:
        traded_at, printed = price, True
        if kind == m.EXECUTED_AT:
            traded_at = _number(block, at + m.EXECUTED_PRICE_AT, 4)
            # what is not printable is a part of a cross, whose own message has the volume
            printed = block[at + m.PRINTABLE_AT] != m.NOT_PRINTABLE
        if printed:
            aggressor = SIDE_ASK if side == SIDE_BID else SIDE_BID
            _put(out, n, ACTION_TRADE, aggressor, 0, traded_at, shares, since, 0, s)
            n += 1
        _put(out, n, ACTION_FILL, side, order_id, traded_at, shares, since, 0, s)
        n += 1
    if shares >= left:
        remove(orders, slot)
        s.resting -= 1
    else:
        orders[slot, O_SIZE] = signed - shares if signed > 0 else signed + shares
    _put(out, n, ACTION_CANCEL, side, order_id, price, shares, since, 0 if kind == m.REPLACED else F_LAST, s)
    n += 1
    if kind == m.REPLACED:
        new_id, new_price = _number(block, at + m.NEW_ORDER_AT, 8), _number(block, at + m.NEW_PRICE_AT, 4)
        n = _add(new_id, side, new_price, _number(block, at + m.NEW_SHARES_AT, 4), since, orders, out, n, s)
    return n


@inlined
def _add(
    order_id: int, side: int, price: int, shares: int, since: int, orders: np.ndarray, out: np.ndarray, n: int, s: Any
) -> int:
    if shares > 0:
        insert(orders, order_id, price, shares if side == SIDE_BID else -shares, 0)
        s.resting += 1
    _put(out, n, ACTION_ADD, side, order_id, price, shares, since, F_LAST, s)
    return n + 1


@inlined
def _put(
    out: np.ndarray,
    n: int,
    action: int,
    side: int,
    order_id: int,
    price: int,
    shares: int,
    since: int,
    flags: int,
    s: Any,
) -> None:
    """One record; `price` is in 0.0001."""
    _put_plain(out, n, action, since, flags, s)
    out[n].side = side
    out[n].order_id = order_id
    out[n].price = price * m.PRICE_INT
    out[n].size = shares


@inlined
def _put_plain(out: np.ndarray, n: int, action: int, since: int, flags: int, s: Any) -> None:
    """One record without an order."""
    r = out[n]
    r.length = MBO_WORDS
    r.rtype = RTYPE_MBO
    r.publisher_id = s.publisher
    r.instrument_id = s.locate
    r.ts_event = s.midnight + since
    r.order_id = 0
    r.price = UNDEF_PRICE
    r.size = 0
    r.flags = flags
    r.channel_id = 0
    r.action = action
    r.side = SIDE_NONE
    r.ts_recv = s.midnight + since  # a file of the feed has one clock
    r.ts_in_delta = 0
    r.sequence = s.messages & 0xFFFFFFFF


@inlined
def _number(block: np.ndarray, at: int, size: int) -> int:
    """`size` big-endian bytes; eight of them as int64."""
    value = np.int64(0)
    for i in range(size):
        value = value << 8 | np.int64(block[at + i])
    return value  # type: ignore[return-value]


def order_map(slots: int) -> np.ndarray:
    """An empty map for `take_messages`; `slots` is a power of two."""
    return np.zeros((slots, O_COLUMNS), np.int64)
