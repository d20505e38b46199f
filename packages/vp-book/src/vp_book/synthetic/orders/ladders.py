"""Ladders: makers who put small orders on many levels within a millisecond, or take such orders off again."""

from __future__ import annotations

from vp_book.synthetic.market.draws import below, draw
from vp_book.synthetic.market.jit import called
from vp_book.synthetic.market.state import KIND_PLAIN, NIL, Sim
from vp_book.synthetic.orders.flow import level_at, pick_order
from vp_book.synthetic.orders.matching import submit, withdraw


@called
def run_ladder(sim: Sim, now: int) -> None:
    """Add to or pull from 6 to 37 levels in a row, one small order each, from 1 to 12 ticks behind the touch on."""
    word = draw(sim)
    side = word & 1
    adds = (word >> 1) & 1
    size = 1 + ((word >> 2) & 3)
    nearest = 1 + below(sim, 12)
    for i in range(6 + below(sim, 32)):
        level = level_at(sim, side, nearest + i)
        now += 4_000 + below(sim, 20_000)
        if adds == 1:
            submit(sim, now, side, level, size, 0, KIND_PLAIN)
            continue
        slot = pick_order(sim, level)
        if slot != NIL and sim["orders"][slot]["size"] <= 4:
            withdraw(sim, now, slot)
