"""What an event boundary shows: the BBO, whether it is valid, and whether the range has to move."""

from __future__ import annotations

from vp_book._jit import piece

from . import state as st
from .levels import best_ask, best_bid
from .state import Arrays


@piece
def look(a: Arrays) -> bool:
    """Look at the book at an event boundary; True when the range has to move before the next record."""
    s = a.scalars
    stats = a.stats
    bid, bid_size = best_bid(a.ladder, a.far, s)
    ask, ask_size = best_ask(a.ladder, a.far, s)
    s[st.S_BID_TICK] = bid
    s[st.S_BID_SIZE] = bid_size
    s[st.S_ASK_TICK] = ask
    s[st.S_ASK_SIZE] = ask_size
    two_sided = bid_size > 0 and ask_size > 0
    valid = two_sided and bid < ask and s[st.S_BAD_BOOK] == 0
    s[st.S_VALID] = valid
    if not two_sided:
        return False
    if bid > ask:
        a.counts[st.N_CROSSED_CLOSED + s[st.S_PHASE]] += 1
    elif bid == ask:
        a.counts[st.N_LOCKED_CLOSED + s[st.S_PHASE]] += 1
    if not valid and s[st.S_ANCHORED] == 2:
        return False
    bucket = s[st.S_BUCKET]
    spot = (bid + ask + bucket) // (2 * bucket)
    if valid:
        s[st.S_SPOT] = spot
        if stats[st.B_QUOTED] == 0:
            stats[st.B_QUOTED] = 1
            stats[st.B_BID_HIGH] = bid
            stats[st.B_BID_LOW] = bid
            stats[st.B_ASK_HIGH] = ask
            stats[st.B_ASK_LOW] = ask
        else:
            stats[st.B_BID_HIGH] = max(stats[st.B_BID_HIGH], bid)
            stats[st.B_BID_LOW] = min(stats[st.B_BID_LOW], bid)
            stats[st.B_ASK_HIGH] = max(stats[st.B_ASK_HIGH], ask)
            stats[st.B_ASK_LOW] = min(stats[st.B_ASK_LOW], ask)
        if s[st.S_ANCHORED] == 1:
            return True
    cells = a.ladder.shape[1] // bucket
    at = spot - s[st.S_RANGE_CELL]
    return bool(at < s[st.S_EDGE_MARGIN] or at >= cells - s[st.S_EDGE_MARGIN])
