"""A change of displayed size: into the levels, and into the flow."""

from __future__ import annotations

from vp_book._jit import aside
from vp_book.book import state as st
from vp_book.book.levels import change
from vp_book.book.state import Arrays

from .flow import attribute


@aside
def change_depth(side: int, tick: int, d: int, fill: int, state: bool, a: Arrays) -> None:
    """Displayed size moves by `d`; unless it is a matter of state, that is flow and `fill` was announced for it."""
    if a.scalars[st.S_ANCHORED] == 0:
        _range_around_first(tick, a)
    if d != 0:
        change(a.ladder, a.far, a.scalars, side, tick, d)
    if state:
        a.counts[st.N_DEPTH_STATE_BID + side] += d
        d = 0
    if d != 0 or fill != 0:
        attribute(side, tick, d, fill, a)


@aside
def _range_around_first(tick: int, a: Arrays) -> None:
    """Until a valid BBO says where the market is, the range lies around the first order."""
    s = a.scalars
    s[st.S_ANCHORED] = 1
    bucket = s[st.S_BUCKET]
    cells = a.ladder.shape[1] // bucket
    s[st.S_RANGE_CELL] = (tick + bucket // 2) // bucket - cells // 2
    s[st.S_RANGE_LO] = s[st.S_RANGE_CELL] * bucket - bucket // 2
