"""Walls: a few large orders that appear some ticks away, wander, and are pulled when their time or the price comes."""

from __future__ import annotations

from typing import Final

from vp_book.records import NS_PER_S
from vp_book.synthetic.market.draws import below, one_in
from vp_book.synthetic.market.jit import called
from vp_book.synthetic.market.state import BID, KIND_WALL, N_WALLS, NIL, Sim
from vp_book.synthetic.orders.flow import level_at
from vp_book.synthetic.orders.matching import replace, submit, withdraw

_NEAREST: Final = 4
_FARTHEST: Final = 48
_SHY_DISTANCE: Final = 3
"""A shy wall does not wait for the price to come nearer than this (ticks)."""
_LEAST_SIZE: Final = 60
_SIZE_STEP: Final = 10
_SIZE_STEPS: Final = 25
"""Contracts of a wall: the least, and how many steps it may have above that."""
_LEAST_LIFE_S: Final = 30
_LIFE_SPREAD_S: Final = 600
_RAISE_ODDS: Final = 5
_MOVE_ODDS: Final = 60
"""One turn in so many raises a wall that is not there, and moves one that is."""
_LONGEST_MOVE: Final = 4
"""Ticks."""


@called
def _raise_wall(sim: Sim, now: int, index: int) -> None:
    side = below(sim, 2)
    level = level_at(sim, side, _NEAREST + below(sim, _FARTHEST - _NEAREST))
    slot = submit(sim, now, side, level, _LEAST_SIZE + _SIZE_STEP * below(sim, _SIZE_STEPS), 0, KIND_WALL)
    if slot == NIL:
        return
    wall = sim["walls"][index]
    wall["slot"] = slot
    wall["id"] = sim["orders"][slot]["id"]
    wall["until"] = now + (_LEAST_LIFE_S + below(sim, _LIFE_SPREAD_S)) * NS_PER_S
    wall["shy"] = below(sim, 2)


@called
def tend_wall(sim: Sim, now: int) -> None:
    """Look after one wall, chosen at random: raise it, move it, pull it, or leave it alone."""
    index = below(sim, N_WALLS)
    wall = sim["walls"][index]
    slot = wall["slot"]
    if slot == NIL or sim["orders"][slot]["id"] != wall["id"]:
        wall["slot"] = NIL
        if one_in(sim, _RAISE_ODDS):
            _raise_wall(sim, now, index)
        return
    order = sim["orders"][slot]
    side = int(order["side"])
    distance = sim["ref_bid"] - order["level"] if side == BID else order["level"] - sim["ref_bid"] - 1
    if now >= wall["until"] or (wall["shy"] == 1 and distance <= _SHY_DISTANCE and one_in(sim, 2)):
        withdraw(sim, now, slot)
        wall["slot"] = NIL
    elif one_in(sim, _MOVE_ODDS) and distance > _SHY_DISTANCE:
        target = min(max(distance + below(sim, 2 * _LONGEST_MOVE + 1) - _LONGEST_MOVE, _NEAREST), _FARTHEST)
        if target != distance:
            replace(sim, now, slot, level_at(sim, side, target), order["size"])
