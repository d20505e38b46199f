"""What an event boundary shows: the BBO, whether it is valid, and whether the range has to move."""

from __future__ import annotations

from vp_book._jit import inlined

from .levels import best_ask, best_bid
from .state import ANCHORED, PROVISIONAL, Arrays


@inlined
def observe_boundary(a: Arrays) -> bool:
    """Read quote and validity at an event boundary; True when the range has to move before the next record."""
    s = a.scalars[0]
    stats = a.stats[0]
    bid, bid_size = best_bid(a.ladder, a.far, a.scalars)
    ask, ask_size = best_ask(a.ladder, a.far, a.scalars)
    s.bid_tick = bid
    s.bid_size = bid_size
    s.ask_tick = ask
    s.ask_size = ask_size
    two_sided = bid_size > 0 and ask_size > 0
    valid = two_sided and bid < ask and s.bad_book == 0
    s.valid = valid
    if not two_sided:
        return False
    if bid > ask:
        a.counts[0].crossed[s.phase] += 1
    elif bid == ask:
        a.counts[0].locked[s.phase] += 1
    if not valid and s.anchored == ANCHORED:
        return False
    bucket = s.bucket
    spot = (bid + ask + bucket) // (2 * bucket)
    if valid:
        s.spot = spot
        if stats.quoted == 0:
            stats.quoted = 1
            stats.bid_high = bid
            stats.bid_low = bid
            stats.ask_high = ask
            stats.ask_low = ask
        else:
            stats.bid_high = max(stats.bid_high, bid)
            stats.bid_low = min(stats.bid_low, bid)
            stats.ask_high = max(stats.ask_high, ask)
            stats.ask_low = min(stats.ask_low, ask)
        if s.anchored == PROVISIONAL:
            return True
    cells = a.ladder.shape[1] // bucket
    at = spot - s.range_cell
    return bool(at < s.edge_margin or at >= cells - s.edge_margin)
