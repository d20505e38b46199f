"""Uninformed flow: placements, pulls, changes of resting orders and small takers.

Each price level attracts a depth, by its distance from the touch and its own taste. A placement event picks a side
and a distance and adds or pulls, the likelier the farther the level is below or above what it attracts, so depth
wanders around a profile that moves with the market. None of this looks at the fair value: without a planted effect,
flow knows nothing of where the price goes next.
"""

from __future__ import annotations

from typing import Final

from vp_book.synthetic.market.draws import below, draw, one_in
from vp_book.synthetic.market.jit import called
from vp_book.synthetic.market.state import BID, KIND_PLAIN, MAX_ICEBERGS, N_WALLS, NIL, Sim
from vp_book.synthetic.market.tables import DISTANCE_BITS, MAX_DISTANCE
from vp_book.synthetic.orders.matching import aggress, replace, submit, withdraw
from vp_book.synthetic.orders.queues import best_level

ONE: Final = 65_536
"""Certainty, in the integer probabilities of this module."""
TILT_FULL: Final = 12
TILT_NONE: Final = 24
"""A planted effect tilts placements fully out to the first distance (ticks) and not at all from the second on."""

_IMBALANCE_WEIGHT: Final = 2_600
"""What a touch with depth on one side only adds to the probability of an add there, and takes from it on the other."""
_LEAST_CHANCE: Final = ONE // 100
"""A placement adds, and it pulls, with at least this probability."""
KEEP_AT_TOUCH: Final = 5
"""Contracts that pulls and uninformed takers leave at the best price: only informed flow moves it."""
_FAR: Final = 8
"""From this distance on, orders are larger: one in four has twice the size."""

_ICEBERG_REACH: Final = 5
_ICEBERG_ODDS: Final = 100
"""Up to this distance from the touch one new order in so many is an iceberg."""
_LEAST_PEAK: Final = 4
_PEAK_SPREAD: Final = 9
_LEAST_HIDDEN: Final = 15
_HIDDEN_SPREAD: Final = 106
"""Contracts that an iceberg displays and hides: the least, and so many different numbers from there on."""

_CHANGE_KINDS: Final = 20
_MOVES_BELOW: Final = 11
_SHRINKS_BELOW: Final = 16
"""Of so many modifications the first are moves, those up to the second bound shrink an order, the rest enlarge one."""
_LONGEST_MOVE: Final = 3
_LARGEST_GROWTH: Final = 3
"""Most ticks that a modification moves an order, and most contracts that it adds to one."""

_TURN_ODDS: Final = 4
"""One uninformed taker in so many takes from the other side than the one before."""
_LARGE_TAKER_ODDS: Final = 12
_LARGE_TAKER_FACTOR: Final = 4
"""One uninformed taker in so many is larger, by the factor."""


@called
def level_at(sim: Sim, side: int, distance: int) -> int:
    """Level `distance` ticks behind the agreed quote of a side."""
    ref = sim["ref_bid"]
    return int(ref - distance if side == BID else ref + 1 + distance)


@called
def pick_distance(sim: Sim) -> int:
    """Distance from the touch at which something happens."""
    return int(sim["distances"][draw(sim) & ((1 << DISTANCE_BITS) - 1)])


@called
def order_size(sim: Sim, distance: int) -> int:
    """Size of a new plain order."""
    word = draw(sim)
    size = sim["sizes"][word & 255]
    if distance >= _FAR and (word >> 8) & 3 == 0:
        size *= 2
    return int(size)


@called
def tilt(sim: Sim, side: int, distance: int) -> int:
    """What the planted pressure adds to the probability of an add (65536 is 1)."""
    if distance >= TILT_NONE:
        return 0
    sign = sim["episodes"][sim["episode"]]["sign"]
    amount = sim["tilt"] * sign
    if distance > TILT_FULL:
        amount = amount * (TILT_NONE - distance) // (TILT_NONE - TILT_FULL)
    return int(amount if side == BID else -amount)


@called
def _depth_but_walls(sim: Sim, level: int) -> int:
    """Displayed depth of a level without walls: were they counted, plain orders would all leave a level with one."""
    depth = sim["levels"][level]["depth"]
    for i in range(N_WALLS):
        wall = sim["walls"][i]
        if wall["slot"] != NIL:
            order = sim["orders"][wall["slot"]]
            if order["id"] == wall["id"] and order["level"] == level:
                depth -= order["size"]
    return int(depth)


@called
def add_probability(sim: Sim, side: int, distance: int, level: int) -> int:
    """Probability (65536 is 1) that a placement adds: towards the attracted depth, lower on the thin side."""
    attracted = max(1, sim["profile"][distance] * sim["levels"][level]["taste"] >> 8)
    depth = _depth_but_walls(sim, level)
    square = attracted * attracted
    probability = square * ONE // (square + depth * depth)
    own = sim["levels"][level_at(sim, side, 0)]["depth"]
    other = sim["levels"][level_at(sim, 1 - side, 0)]["depth"]
    probability += _IMBALANCE_WEIGHT * (own - other) // (own + other + 1)
    probability += tilt(sim, side, distance)
    return int(min(max(probability, _LEAST_CHANCE), ONE - _LEAST_CHANCE))


@called
def pick_order(sim: Sim, level: int) -> int:
    """A plain order of a level, the newer the likelier; NIL when there is none. Others answer only to their owner."""
    count = sim["levels"][level]["count"]
    if count == 0:
        return NIL
    steps = below(sim, 1 + below(sim, count))
    slot = sim["levels"][level]["tail"]
    for _ in range(steps):
        slot = sim["orders"][slot]["prev"]
    while slot != NIL and sim["orders"][slot]["kind"] != KIND_PLAIN:
        slot = sim["orders"][slot]["prev"]
    return int(slot)


@called
def add_order(sim: Sim, now: int, side: int, distance: int) -> None:
    """Add a plain order or, near the touch, now and then an iceberg."""
    level = level_at(sim, side, distance)
    if distance <= _ICEBERG_REACH and one_in(sim, _ICEBERG_ODDS) and sim["icebergs"] < MAX_ICEBERGS:
        shown, hidden = _LEAST_PEAK + below(sim, _PEAK_SPREAD), _LEAST_HIDDEN + below(sim, _HIDDEN_SPREAD)
        submit(sim, now, side, level, shown, hidden, KIND_PLAIN)
    else:
        submit(sim, now, side, level, order_size(sim, distance), 0, KIND_PLAIN)


@called
def place(sim: Sim, now: int) -> None:
    """Add to or pull from one level."""
    side = draw(sim) & 1
    distance = pick_distance(sim)
    level = level_at(sim, side, distance)
    if below(sim, ONE) < add_probability(sim, side, distance, level):
        add_order(sim, now, side, distance)
        return
    slot = pick_order(sim, level)
    if slot == NIL:
        return
    if distance > 0 or sim["levels"][level]["depth"] - sim["orders"][slot]["size"] >= KEEP_AT_TOUCH:
        withdraw(sim, now, slot)


@called
def change(sim: Sim, now: int) -> None:
    """Modify a resting order: move it a few ticks, or shrink it in place, or enlarge it and lose its priority."""
    side = draw(sim) & 1
    distance = pick_distance(sim)
    level = level_at(sim, side, distance)
    slot = pick_order(sim, level)
    if slot == NIL or sim["orders"][slot]["peak"] > 0:
        return
    size = int(sim["orders"][slot]["size"])
    kind = below(sim, _CHANGE_KINDS)
    if kind < _MOVES_BELOW:
        if distance == 0 and sim["levels"][level]["depth"] - size < KEEP_AT_TOUCH:
            return
        target = min(max(distance + below(sim, 2 * _LONGEST_MOVE + 1) - _LONGEST_MOVE, 0), MAX_DISTANCE)
        # An order goes where a placement would go: moves must not undo the depth that placements make.
        if target != distance and below(sim, ONE) < add_probability(sim, side, target, level_at(sim, side, target)):
            replace(sim, now, slot, level_at(sim, side, target), size)
    elif kind < _SHRINKS_BELOW:
        if size > 1 and sim["levels"][level]["depth"] - size >= KEEP_AT_TOUCH:
            replace(sim, now, slot, level, 1 + below(sim, size - 1))
    else:
        replace(sim, now, slot, level, size + 1 + below(sim, _LARGEST_GROWTH))


@called
def take(sim: Sim, now: int) -> bool:
    """An uninformed taker: part of the best level, the same side as the last one three times in four."""
    if one_in(sim, _TURN_ODDS):
        sim["taker"] = 1 - sim["taker"]
    side = int(sim["taker"])
    level = best_level(sim, 1 - side)
    size = int(sim["sizes"][draw(sim) & 255])
    if one_in(sim, _LARGE_TAKER_ODDS):
        size *= _LARGE_TAKER_FACTOR
    if level == NIL:
        return False
    size = min(size, sim["levels"][level]["depth"] - KEEP_AT_TOUCH)
    if size < 1:
        return False
    aggress(sim, now, side, level, size, False)
    return True
