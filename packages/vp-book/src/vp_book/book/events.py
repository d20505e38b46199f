"""Where events begin and end, and what is said about a whole event when it is over.

An event ends with a record flagged F_LAST; by declaration, for venues that set no such flag, where the venue's time
changes. One that stays open while the clock moves on by more than `EVENT_LIMIT_NS` has lost its end: it is ended there
and counted. A stream in which no live record ever carries F_LAST has no event ends at all, and its book must not be
looked at.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from vp_book._jit import aside, piece
from vp_book.physics.depth import change_depth
from vp_book.sessions import JUMP_NS

from . import state as st
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


@piece
def event_time(r: Any) -> int:
    """The time that the records of an event share: the venue's, or ours where it gives none."""
    venue = np.int64(r.ts_event)
    if venue <= 0 or venue >= _LIMIT:
        venue = np.int64(r.ts_recv)
    return venue  # type: ignore[return-value]


@aside
def overdue(ts_recv: int, now: int, scalars: np.ndarray, counts: np.ndarray) -> int:
    """The clock moves on by more than an event may last: GOES_ON, ENDED or ENDLESS."""
    suspect = scalars[st.S_SUSPECT]
    silence = suspect >= 0 and abs(ts_recv - suspect) <= JUMP_NS
    if silence or scalars[st.S_EVENT_CLOCK] == 0:
        # the clock catches up with a silence, or with its very first time: the event is no older than that
        scalars[st.S_EVENT_CLOCK] = now
        return GOES_ON
    if scalars[st.S_BY_TIME] == 0 and scalars[st.S_LAST_SEEN] == 0:
        live = -counts[st.N_SNAPSHOT_RECORDS]
        for action in range(st.N_RECORD_ADD, st.N_RECORD_UNKNOWN_ACTION + 1):
            live += counts[action]
        if live >= ENDLESS_RECORDS:
            return ENDLESS
    counts[st.N_UNENDED_EVENT] += 1
    return ENDED


@piece
def end_event(a: Arrays) -> None:
    """What the event announced is settled."""
    s = a.scalars
    if s[st.S_PENDING] > 0:
        settle_fills(a)
    if s[st.S_EVENT_TRADED] != 0 or s[st.S_EVENT_FILLED] != 0 or s[st.S_EVENT_SIDELESS] != 0:
        _hold_trades_against_fills(s, a.counts)
    s[st.S_AGGRESSORS] = 0
    s[st.S_EVENTS] += 1
    s[st.S_IN_EVENT] = 0
    s[st.S_IN_SNAPSHOT] = 0
    a.stats[st.B_EVENTS] += 1


@aside
def settle_fills(a: Arrays) -> None:
    """Fills that no cancel or modify followed were hidden quantity: nothing displayed changed."""
    s = a.scalars
    for i in range(s[st.S_PENDING]):
        slot = find(a.orders, a.pending[i])
        if slot >= 0 and a.orders[slot, O_FILL] > 0:
            a.counts[st.N_HIDDEN_FILL] += 1
            fill = a.orders[slot, O_FILL]
            a.orders[slot, O_FILL] = 0
            change_depth(BID if a.orders[slot, O_SIZE] > 0 else ASK, a.orders[slot, O_TICK], 0, fill, False, a)
    s[st.S_PENDING] = 0


@aside
def _hold_trades_against_fills(scalars: np.ndarray, counts: np.ndarray) -> None:
    """What was traded is what the fills of resting orders say. In an auction both sides of a trade rest."""
    traded = scalars[st.S_EVENT_TRADED]
    filled = scalars[st.S_EVENT_FILLED]
    if scalars[st.S_EVENT_SIDELESS] != 0:
        counts[st.N_SIDELESS_EVENTS] += 1
        counts[st.N_SIDELESS_TRADED] += traded
        counts[st.N_SIDELESS_FILLED] += filled
    else:
        counts[st.N_TRADE_EVENTS] += 1
        if traded != filled:
            counts[st.N_UNEQUAL_EVENTS] += 1
            counts[st.N_UNEQUAL_VOLUME] += abs(traded - filled)
    scalars[st.S_EVENT_TRADED] = 0
    scalars[st.S_EVENT_FILLED] = 0
    scalars[st.S_EVENT_SIDELESS] = 0
