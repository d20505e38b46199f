"""Price-time priority: one queue of orders per price level, doubly linked through the order slots."""

from __future__ import annotations

from typing import Final

from vp_book.synthetic.market.draws import below
from vp_book.synthetic.market.jit import called
from vp_book.synthetic.market.state import BID, NIL, Sim

_SKIPPED_IDS: Final = 3
"""From one order id to the next: 1 to this."""
_SEEN_TICKS: Final = 64
"""Ticks behind the agreed quote within which a best level is looked for."""


@called
def link(sim: Sim, slot: int) -> None:
    """Put an order at the back of its level's queue and count it there."""
    order = sim["orders"][slot]
    level = sim["levels"][order["level"]]
    order["prev"] = level["tail"]
    order["next"] = NIL
    if level["tail"] == NIL:
        level["head"] = slot
    else:
        sim["orders"][level["tail"]]["next"] = slot
    level["tail"] = slot
    level["count"] += 1
    level["depth"] += order["size"]
    level["hidden"] += order["hidden"]


@called
def unlink(sim: Sim, slot: int) -> None:
    """Take an order out of its level's queue, with what it still displays and hides."""
    order = sim["orders"][slot]
    level = sim["levels"][order["level"]]
    if order["prev"] == NIL:
        level["head"] = order["next"]
    else:
        sim["orders"][order["prev"]]["next"] = order["next"]
    if order["next"] == NIL:
        level["tail"] = order["prev"]
    else:
        sim["orders"][order["next"]]["prev"] = order["prev"]
    level["count"] -= 1
    level["depth"] -= order["size"]
    level["hidden"] -= order["hidden"]


@called
def new_id(sim: Sim) -> int:
    """The venue's next order id. Ids are shared by all of its instruments, so some are skipped."""
    sim["next_id"] += 1 + below(sim, _SKIPPED_IDS)
    return int(sim["next_id"])


@called
def new_order(sim: Sim, order_id: int, side: int, level: int, size: int, hidden: int, kind: int) -> int:
    """Queue a new order and return its slot. The caller has made sure that a slot is free."""
    sim["free_n"] -= 1
    slot = int(sim["free"][sim["free_n"]])
    order = sim["orders"][slot]
    order["id"] = order_id
    order["side"] = side
    order["level"] = level
    order["size"] = size
    order["hidden"] = hidden
    order["peak"] = size if hidden > 0 else 0
    order["kind"] = kind
    if hidden > 0:
        sim["icebergs"] += 1
    stamp(sim, slot)
    link(sim, slot)
    return slot


@called
def release(sim: Sim, slot: int) -> None:
    """Give back the slot of an order that is in no queue any more."""
    order = sim["orders"][slot]
    if order["peak"] > 0:
        sim["icebergs"] -= 1
    order["id"] = 0
    sim["free"][sim["free_n"]] = slot
    sim["free_n"] += 1


@called
def stamp(sim: Sim, slot: int) -> None:
    """Note when and in which packet an order last changed: a later snapshot repeats it."""
    order = sim["orders"][slot]
    order["ts"] = sim["now"]
    order["sequence"] = sim["sequence"]


@called
def best_level(sim: Sim, side: int) -> int:
    """The best level of a side that has orders, looking some ticks from where the market's agreed quote is.

    NIL when there is none so near.
    """
    ref = sim["ref_bid"]
    for distance in range(_SEEN_TICKS):
        level = ref - distance if side == BID else ref + 1 + distance
        if sim["levels"][level]["count"] > 0:
            return int(level)
    return NIL
