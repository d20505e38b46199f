"""The fair value and how the price follows it.

The fair value is a random walk with jumps, and with a planted effect it drifts the way the pressure pushed one lag
earlier. Whenever it is a whole tick or more away from the agreed mid, informed takers sweep the levels in between at
once, so that the mid is the walk seen through a one-tick ratchet: it has no memory, and no flow announces its moves.
"""

from __future__ import annotations

from typing import Final

from vp_book.records import NS_PER_S
from vp_book.synthetic.market.draws import below, one_in
from vp_book.synthetic.market.jit import called
from vp_book.synthetic.market.model import MICRO
from vp_book.synthetic.market.state import ASK, BID, N_LEVELS, Sim
from vp_book.synthetic.orders.flow import add_order, order_size
from vp_book.synthetic.orders.matching import aggress, withdraw

_EDGE: Final = 1_024
"""Levels at either end of the range that the price never enters."""
_PROBES: Final = 3
"""Sweeps that meet hidden quantity before one comes that is large enough for it."""
_REGIME_STEPS: Final = 6_000
"""Mean number of steps between changes of the volatility regime."""
_TASTE_STEPS: Final = 200
"""Mean number of steps between changes of what a level near the price attracts."""
_TASTE_RADIUS: Final = 80

_LEAST_TASTE: Final = 180
_TASTE_SPREAD: Final = 140
"""What a price attracts before it is a round one: from the least on, in 256ths."""
_CALMEST_REGIME: Final = 60
_REGIME_SPREAD: Final = 90
"""Volatility of a regime, in hundredths of the usual one: the calmest, and so many numbers from there on."""
_LONGEST_JUMP: Final = 7
"""Most ticks of a jump; shorter ones are likelier."""
_RETREAT_ODDS: Final = 2
"""Makers see one sweep in so many coming."""
_MOST_RETREATING: Final = 6
"""Orders that makers pull at most in front of a sweep."""
_RETREAT_NS: Final = 15_000
_RETREAT_SPREAD_NS: Final = 120_000
_PROBE_NS: Final = 40_000
_PROBE_SPREAD_NS: Final = 300_000
_RESTING_OF_TEN: Final = 7
"""Sweeps in ten that are larger than what they meet; the rest of them stays as an order."""
_REFILLS: Final = 4
"""Orders that makers put into the space behind a sweep: fewer than this."""
_LAST_REFILL_NS: Final = 1_000
"""When one comes into a level that would be empty otherwise."""
_REFILL_NS: Final = 30_000
_REFILL_SPREAD_NS: Final = 400_000
"""Times from one record of a sweep to the next: the least, and how much longer it may be."""


@called
def fresh_taste(sim: Sim, level: int) -> int:
    """What a price attracts, in 256ths of the profile: round numbers more, and every price its own share of luck."""
    taste = _LEAST_TASTE + below(sim, _TASTE_SPREAD)
    tick = sim["base_tick"] + level
    if tick % 40 == 0:
        taste = taste * 9 // 5
    elif tick % 20 == 0:
        taste = taste * 3 // 2
    elif tick % 4 == 0:
        taste = taste * 6 // 5
    return int(taste)


@called
def _swept(sim: Sim, side: int, ticks: int) -> tuple[int, int]:
    """Displayed and hidden contracts in the `ticks` levels that an aggressor of `side` meets first."""
    ref = sim["ref_bid"]
    shown = 0
    hidden = 0
    for i in range(ticks):
        level = ref + 1 + i if side == BID else ref - i
        shown += sim["levels"][level]["depth"]
        hidden += sim["levels"][level]["hidden"]
    return shown, hidden


@called
def _retreat(sim: Sim, now: int, side: int) -> int:
    """Makers who see it coming pull some of the newest orders in the way. Returns the time when they are done."""
    level = sim["ref_bid"] + 1 if side == BID else sim["ref_bid"]
    for _ in range(1 + below(sim, _MOST_RETREATING)):
        if sim["levels"][level]["count"] < 2:
            break
        withdraw(sim, now, sim["levels"][level]["tail"])
        now += _RETREAT_NS + below(sim, _RETREAT_SPREAD_NS)
    return now


@called
def sweep(sim: Sim, now: int, side: int, ticks: int) -> None:
    """Move the market `ticks` ticks in the direction of aggressors of `side`, starting at `now` ns."""
    limit = sim["ref_bid"] + ticks if side == BID else sim["ref_bid"] + 1 - ticks
    if one_in(sim, _RETREAT_ODDS):
        now = _retreat(sim, now, side)
    for _ in range(_PROBES):
        shown, hidden = _swept(sim, side, ticks)
        if hidden == 0 or shown == 0:
            break
        aggress(sim, now, side, limit, shown, False)
        now += _PROBE_NS + below(sim, _PROBE_SPREAD_NS)
    shown, hidden = _swept(sim, side, ticks)
    rest = 2 * order_size(sim, 0) if below(sim, 10) < _RESTING_OF_TEN else 0
    if shown + hidden > 0:
        aggress(sim, now, side, limit, shown + hidden + rest, True)
    sim["ref_bid"] += ticks if side == BID else -ticks
    sim["moves"] += 1
    # Makers step into the space that opened, up to three at once and the rest through the burst that a move excites.
    for _ in range(below(sim, _REFILLS)):
        now += _REFILL_NS + below(sim, _REFILL_SPREAD_NS)
        add_order(sim, now, side, 0)
    if shown + hidden == 0 and sim["levels"][limit]["count"] == 0:
        add_order(sim, now + _LAST_REFILL_NS, side, 0)


@called
def step_fair(sim: Sim, now: int) -> int:
    """One step of the fair value at `now` ns, and what follows from it. Returns by how many ticks the price moved."""
    second = sim["seconds"][(now - sim["start"]) // NS_PER_S]
    if one_in(sim, _REGIME_STEPS):
        sim["regime"] = _CALMEST_REGIME + below(sim, _REGIME_SPREAD)
    step = second["step"] * sim["regime"] // 100
    sim["fair"] += step if below(sim, 2) == 0 else -step
    sim["fair"] += sim["drift"] * sim["episodes"][sim["drift_episode"]]["sign"]
    if one_in(sim, sim["jump_odds"]):
        jump = (1 + below(sim, 1 + below(sim, _LONGEST_JUMP))) * MICRO
        sim["fair"] += jump if below(sim, 2) == 0 else -jump
        sim["jumps"] += 1
    if one_in(sim, _TASTE_STEPS):
        level = sim["ref_bid"] - _TASTE_RADIUS + below(sim, 2 * _TASTE_RADIUS)
        sim["levels"][level]["taste"] = fresh_taste(sim, level)

    mid = sim["ref_bid"] * MICRO + MICRO // 2
    gap = sim["fair"] - mid
    side = BID if gap > 0 else ASK
    ticks = abs(gap) // MICRO
    if ticks == 0:
        return 0
    target = sim["ref_bid"] + (ticks if side == BID else -ticks)
    if target < _EDGE or target > N_LEVELS - _EDGE:
        sim["fair"] = mid
        return 0
    sweep(sim, now, side, ticks)
    return int(ticks)
