"""A change of displayed size: into the levels, and into the flow."""

from __future__ import annotations

from vp_book._jit import called
from vp_book.book.levels import change
from vp_book.book.state import NO_RANGE, PROVISIONAL, Arrays

from .flow import attribute


@called
def change_depth(side: int, tick: int, d: int, fill: int, state: bool, a: Arrays) -> None:
    """Displayed size moves by `d`; unless it is a matter of state, that is flow and `fill` was announced for it."""
    if a.scalars[0].anchored == NO_RANGE:
        _range_around_first(tick, a)
    if d != 0:
        change(a.ladder, a.far, a.scalars[0], side, tick, d)
    if state:
        a.counts[0].depth_state[side] += d
        d = 0
    if d != 0 or fill != 0:
        attribute(side, tick, d, fill, a)


@called
def _range_around_first(tick: int, a: Arrays) -> None:
    """Until a valid BBO says where the market is, the range lies around the first order."""
    s = a.scalars[0]
    s.anchored = PROVISIONAL
    bucket = s.bucket
    cells = a.ladder.shape[1] // bucket
    s.range_cell = (tick + bucket // 2) // bucket - cells // 2
    s.range_lo = s.range_cell * bucket - bucket // 2
