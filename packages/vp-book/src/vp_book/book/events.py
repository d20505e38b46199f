"""Where events begin and end, and what is counted of a whole event when it is over.

An event ends with a record flagged F_LAST; by declaration, for venues that set no such flag, where the venue's time
changes. One that stays open while the clock moves on by more than `EVENT_LIMIT_NS` has lost its end: it is ended there
and counted. A stream in which no live record ever carries F_LAST has no event ends at all, and its book must not be
observed.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from vp_book._jit import called, inlined
from vp_book.marks.rules import SWEEP_LEVELS, mark_sweeps
from vp_book.physics.depth import change_depth
from vp_book.sessions import JUMP_NS

from .orders import O_FILL, O_SIZE, O_TICK, find
from .state import ASK, BID, Arrays

EVENT_LIMIT_NS: Final = 100_000_000
"""How long an event may last by `ts_recv`. Those of a real session last up to 0.95 ms."""

ENDLESS_RECORDS: Final = 1_000
"""After so many live records without any F_LAST, over more time than an event may last, there will be none."""

GOES_ON: Final = 0
ENDED: Final = 1
ENDLESS: Final = 2

_LIMIT: Final = 2**62


@inlined
def event_time(r: Any) -> int:
    """The time that the records of an event share: the venue's, or ours where it gives none."""
    venue = np.int64(r.ts_event)
    if venue <= 0 or venue >= _LIMIT:
        venue = np.int64(r.ts_recv)
    return venue  # type: ignore[return-value]


@called
def overdue(ts_recv: int, now: int, s: Any, counts: Any) -> int:
    """The clock moves on by more than an event may last: GOES_ON, ENDED or ENDLESS."""
    suspect = s.suspect
    silence = suspect >= 0 and abs(ts_recv - suspect) <= JUMP_NS
    if silence or s.event_clock == 0:
        # the clock catches up with a silence, or with its very first time: the event is no older than that
        s.event_clock = now
        return GOES_ON
    if s.by_time == 0 and s.event_end_seen == 0:
        book = counts.record_add + counts.record_cancel + counts.record_modify + counts.record_clear
        other = counts.record_trade + counts.record_fill + counts.record_none + counts.record_unknown_action
        if book + other - counts.snapshot_records >= ENDLESS_RECORDS:
            return ENDLESS
    counts.unended_event += 1
    return ENDED


@inlined
def end_event(a: Arrays) -> None:
    """What the event announced is settled."""
    s = a.scalars[0]
    if s.pending_fills > 0:
        settle_fills(a)
    if s.event_traded != 0 or s.event_filled != 0 or s.event_sideless != 0:
        _compare_trades_and_fills(s, a.counts[0])
    if s.event_levels >= SWEEP_LEVELS:
        mark_sweeps(a.marks, a.stats[0], s, a.aggressors)
    s.event_levels = 0
    s.aggressors_noted = 0
    s.events += 1
    s.in_event = 0
    s.in_snapshot = 0
    a.stats[0].events += 1


@called
def settle_fills(a: Arrays) -> None:
    """Fills that no cancel or modify followed were hidden quantity: nothing displayed changed."""
    s = a.scalars[0]
    for i in range(s.pending_fills):
        slot = find(a.orders, a.pending[i])
        if slot >= 0 and a.orders[slot, O_FILL] > 0:
            a.counts[0].hidden_fill += 1
            fill = a.orders[slot, O_FILL]
            a.orders[slot, O_FILL] = 0
            change_depth(BID if a.orders[slot, O_SIZE] > 0 else ASK, a.orders[slot, O_TICK], 0, fill, False, a)
    s.pending_fills = 0


@called
def _compare_trades_and_fills(s: Any, counts: Any) -> None:
    """What was traded is what the fills of resting orders say. In an auction both sides of a trade rest."""
    traded = s.event_traded
    filled = s.event_filled
    if s.event_sideless != 0:
        counts.sideless_events += 1
        counts.sideless_traded += traded
        counts.sideless_filled += filled
    else:
        counts.trade_events += 1
        if traded != filled:
            counts.unequal_events += 1
            counts.unequal_volume += abs(traded - filled)
    s.event_traded = 0
    s.event_filled = 0
    s.event_sideless = 0
