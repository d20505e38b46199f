"""The matching engine: what an order sent to the venue does to the book, and the records it leaves.

The pattern of records is CME's as Databento passes it on. An aggressor gives, per level, one T and then an F for
each resting order it meets; a second packet of the same event brings the aggressor's remainder if it rests (A), and
for every order filled a C of all it displayed or an M to what it displays now.
"""

from __future__ import annotations

from typing import Final

from vp_book.records import ACTION_ADD, ACTION_CANCEL, ACTION_FILL, ACTION_MODIFY, ACTION_TRADE
from vp_book.synthetic.market.draws import below
from vp_book.synthetic.market.jit import called
from vp_book.synthetic.market.state import BID, KIND_PLAIN, NIL, Sim
from vp_book.synthetic.orders.emit import begin_event, end_event, new_packet, record
from vp_book.synthetic.orders.queues import link, new_id, new_order, release, stamp, unlink

_AFTER_TRADES_NS: Final = 5_000
_AFTER_TRADES_SPREAD_NS: Final = 12_000
"""Time from the packet with an aggressor's trades to that with what they left of the orders: the least, and how much
longer it may be."""


@called
def submit(sim: Sim, now: int, side: int, level: int, size: int, hidden: int, kind: int) -> int:
    """A limit order that does not trade. Returns its slot, or NIL when the venue is full."""
    if sim["free_n"] == 0:
        return NIL
    begin_event(sim, now)
    slot = new_order(sim, new_id(sim), side, level, size, hidden, kind)
    record(sim, ACTION_ADD, side, sim["orders"][slot]["id"], level, size)
    end_event(sim)
    return slot


@called
def withdraw(sim: Sim, now: int, slot: int) -> None:
    """Cancel a whole order."""
    begin_event(sim, now)
    order = sim["orders"][slot]
    record(sim, ACTION_CANCEL, order["side"], order["id"], order["level"], order["size"])
    unlink(sim, slot)
    release(sim, slot)
    end_event(sim)


@called
def replace(sim: Sim, now: int, slot: int, level: int, size: int) -> None:
    """Change price and displayed size. Priority stays only when the price stays and the size does not grow."""
    begin_event(sim, now)
    order = sim["orders"][slot]
    if level == order["level"] and size <= order["size"]:
        sim["levels"][level]["depth"] -= order["size"] - size
        order["size"] = size
    else:
        unlink(sim, slot)
        order["level"] = level
        order["size"] = size
        link(sim, slot)
    stamp(sim, slot)
    record(sim, ACTION_MODIFY, order["side"], order["id"], level, size)
    end_event(sim)


@called
def _fill_level(sim: Sim, level_index: int, take: int, n_touched: int) -> int:
    """Fill `take` contracts of a level from the front of its queue. Returns how many orders the event has touched."""
    level = sim["levels"][level_index]
    serial = sim["serial"]
    while take > 0:
        slot = level["head"]
        order = sim["orders"][slot]
        if order["serial"] != serial:
            order["serial"] = serial
            order["shown"] = order["size"]
            sim["touched"][n_touched] = slot
            n_touched += 1
        fill = min(take, order["size"])
        record(sim, ACTION_FILL, order["side"], order["id"], level_index, fill)
        take -= fill
        order["size"] -= fill
        level["depth"] -= fill
        if order["size"] == 0:
            unlink(sim, slot)
            if order["hidden"] > 0:
                order["size"] = min(order["peak"], order["hidden"])
                order["hidden"] -= order["size"]
                link(sim, slot)
    return n_touched


@called
def aggress(sim: Sim, now: int, side: int, limit: int, size: int, rests: bool) -> int:
    """Send a marketable order of `side` that trades through to level `limit`; returns what it could not fill.

    What is left rests at `limit` when `rests`, else it is gone. The caller has made sure that something can trade.
    """
    begin_event(sim, now)
    taker = new_id(sim)
    left = size
    n_touched = 0
    step = 1 if side == BID else -1
    level = sim["ref_bid"] + 1 if side == BID else sim["ref_bid"]
    while left > 0 and (limit - level) * step >= 0:
        take = min(left, sim["levels"][level]["depth"] + sim["levels"][level]["hidden"])
        if take > 0:
            record(sim, ACTION_TRADE, side, taker, level, take)
            n_touched = _fill_level(sim, level, take, n_touched)
            left -= take
        level += step
    new_packet(sim, sim["recv"] + _AFTER_TRADES_NS + below(sim, _AFTER_TRADES_SPREAD_NS))
    maker_side = 1 - side
    if left > 0 and rests and sim["free_n"] > 0:
        new_order(sim, taker, side, limit, left, 0, KIND_PLAIN)
        record(sim, ACTION_ADD, side, taker, limit, left)
    for i in range(n_touched):
        slot = sim["touched"][i]
        order = sim["orders"][slot]
        if order["size"] == 0:
            record(sim, ACTION_CANCEL, maker_side, order["id"], order["level"], order["shown"])
            release(sim, slot)
        else:
            stamp(sim, slot)
            record(sim, ACTION_MODIFY, maker_side, order["id"], order["level"], order["size"])
    end_event(sim)
    return left
