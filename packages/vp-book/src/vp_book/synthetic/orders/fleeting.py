"""Fleeting orders: sent and withdrawn by their owner within milliseconds, whatever the book does meanwhile.

In a real session every sixth order lives for less than a tenth of a second. Flow alone cannot make such orders: a pull
picks among all orders of a level, so a life as short needs turnover as fast.
"""

from __future__ import annotations

from typing import Final

from vp_book.synthetic.market.draws import below, draw
from vp_book.synthetic.market.jit import called
from vp_book.synthetic.market.state import KIND_FLEETING, KIND_PLAIN, MAX_FLEETING, NIL, Sim
from vp_book.synthetic.orders.flow import KEEP_AT_TOUCH, level_at, order_size, pick_distance
from vp_book.synthetic.orders.matching import submit, withdraw

_SHORTEST_NS: Final = 100_000
_DOUBLINGS: Final = 11
"""Lives are spread evenly over the logarithm of time, over so many doublings of the shortest one."""


@called
def flash(sim: Sim, now: int) -> None:
    """Send an order that its owner withdraws again soon; none when the market has as many as it keeps track of."""
    n = sim["fleeting_n"]
    if n == MAX_FLEETING:
        return
    side = draw(sim) & 1
    distance = pick_distance(sim)
    slot = submit(sim, now, side, level_at(sim, side, distance), order_size(sim, distance), 0, KIND_FLEETING)
    if slot == NIL:
        return
    until = now + ((_SHORTEST_NS + below(sim, _SHORTEST_NS)) << below(sim, _DOUBLINGS))
    sim["fleeting"][n]["slot"] = slot
    sim["fleeting"][n]["id"] = sim["orders"][slot]["id"]
    sim["fleeting"][n]["until"] = until
    sim["fleeting_n"] = n + 1
    sim["next_fleeting"] = min(sim["next_fleeting"], until)


@called
def _soonest(sim: Sim) -> int:
    index = 0
    for i in range(1, sim["fleeting_n"]):
        if sim["fleeting"][i]["until"] < sim["fleeting"][index]["until"]:
            index = i
    return index


@called
def withdraw_due(sim: Sim, now: int) -> None:
    """Withdraw the fleeting order whose time has come, unless it was filled or pulled before.

    One without which the best level would be nearly empty stays for good: only informed flow moves the price.
    """
    index = _soonest(sim)
    slot = sim["fleeting"][index]["slot"]
    order = sim["orders"][slot]
    if order["id"] == sim["fleeting"][index]["id"]:
        level = order["level"]
        at_touch = level == level_at(sim, order["side"], 0)
        if at_touch and sim["levels"][level]["depth"] - order["size"] < KEEP_AT_TOUCH:
            order["kind"] = KIND_PLAIN
        else:
            withdraw(sim, now, slot)
    last = sim["fleeting_n"] - 1
    sim["fleeting"][index] = sim["fleeting"][last]
    sim["fleeting_n"] = last
    sim["next_fleeting"] = sim["fleeting"][_soonest(sim)]["until"] if last > 0 else sim["end"]
