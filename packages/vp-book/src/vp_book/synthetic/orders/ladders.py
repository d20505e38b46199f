"""Ladders: makers who put small orders on many levels within a millisecond, or take such orders off again."""

from __future__ import annotations

from typing import Final

from vp_book.synthetic.market.draws import below, draw
from vp_book.synthetic.market.jit import called
from vp_book.synthetic.market.state import KIND_PLAIN, NIL, Sim
from vp_book.synthetic.orders.flow import level_at, pick_order
from vp_book.synthetic.orders.matching import submit, withdraw

_NEAREST_SPREAD: Final = 12
"""A ladder begins at 1 to so many ticks behind the touch."""
_FEWEST_LEVELS: Final = 6
_LEVELS_SPREAD: Final = 32
"""Levels of a ladder: the fewest, and so many different numbers from there on."""
_LARGEST_SIZE: Final = 4
"""Contracts of one order of a ladder, at most; larger orders are not taken for one when a ladder is pulled."""
_STEP_NS: Final = 4_000
_STEP_SPREAD_NS: Final = 20_000
"""Time from one order of a ladder to the next: the least, and how much longer it may be."""


@called
def run_ladder(sim: Sim, now: int) -> None:
    """Add to or pull from 6 to 37 levels in a row, one small order each, from 1 to 12 ticks behind the touch on."""
    word = draw(sim)
    side = word & 1
    adds = (word >> 1) & 1
    size = 1 + ((word >> 2) & (_LARGEST_SIZE - 1))  # a power of 2
    nearest = 1 + below(sim, _NEAREST_SPREAD)
    for i in range(_FEWEST_LEVELS + below(sim, _LEVELS_SPREAD)):
        level = level_at(sim, side, nearest + i)
        now += _STEP_NS + below(sim, _STEP_SPREAD_NS)
        if adds == 1:
            submit(sim, now, side, level, size, 0, KIND_PLAIN)
            continue
        slot = pick_order(sim, level)
        if slot != NIL and sim["orders"][slot]["size"] <= _LARGEST_SIZE:
            withdraw(sim, now, slot)
