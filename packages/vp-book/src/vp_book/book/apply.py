"""Records into the book, one after the other: whose they are, when they happened, and which event they belong to.

One kernel runs over a chunk of records and comes back at the end of it, at the end of a bin, or when something has to
be enlarged or moved.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from vp_book._jit import aside, kernel, piece
from vp_book.records import F_LAST, F_SNAPSHOT
from vp_book.sessions import JUMP_NS

from . import state as st
from .actions import apply_record
from .boundary import look
from .clock import NO_SUSPECT, clock_after, take_clock
from .events import ENDED, ENDLESS, EVENT_LIMIT_NS, GOES_ON, end_event, event_time, overdue
from .state import Arrays

UNBOUND: Final = -1
"""`S_IDS` of a book that has seen no record, `S_ONLY_INSTRUMENT` and `S_ONLY_PUBLISHER` of one that was told none."""

_OWN: Final = 0
_SKIPPED: Final = 1
_REFUSED: Final = 2


@kernel
def apply_records(records: np.ndarray, start: int, stop_ns: int, a: Arrays) -> tuple[int, int]:
    """Apply `records[start:]` until an event starts at or after `stop_ns`.

    Returns (index of the first record not applied, status). The caller deals with the status and calls again.
    """
    s = a.scalars
    for i in range(start, records.shape[0]):
        r = records[i]
        ids = (np.int64(r.publisher_id) << 32) | np.int64(r.instrument_id)
        if ids != s[st.S_IDS]:
            whose = _whose(ids, s, a.counts)
            if whose == _SKIPPED:
                continue
            if whose == _REFUSED:
                return i, st.FOREIGN
        flagged = r.flags & F_SNAPSHOT != 0
        ts_recv = np.int64(r.ts_recv)
        now = s[st.S_CLOCK]
        unsure = s[st.S_SUSPECT] != NO_SUSPECT or ts_recv - now > JUMP_NS
        if unsure:
            now = clock_after(ts_recv, np.int64(r.ts_event), r.flags, s)
        elif ts_recv > now:
            now = ts_recv
        if s[st.S_IN_EVENT] == 1:
            verdict = GOES_ON
            if s[st.S_BY_TIME] == 1 and event_time(r) != s[st.S_EVENT_TIME]:
                verdict = ENDED
            elif now - s[st.S_EVENT_CLOCK] > EVENT_LIMIT_NS:
                verdict = overdue(ts_recv, now, s, a.counts)
            if verdict == ENDLESS:
                return i, st.NO_EVENT_ENDS
            if verdict == ENDED and _end_and_look(a):
                return i, st.RECENTER
        if s[st.S_IN_EVENT] == 0 and not (flagged and s[st.S_IN_SNAPSHOT] == 1):
            if s[st.S_IN_SNAPSHOT] == 1:
                # the snapshot ended without F_LAST: what it built is looked at before the first live record
                s[st.S_IN_SNAPSHOT] = 0
                if _look_aside(a):
                    return i, st.RECENTER
            if now >= stop_ns:
                return i, st.BIN_END
            # the phase is the venue's: an order sent just before the open may be received just after it
            venue = np.int64(r.ts_event)
            if venue <= 0 or venue > now:
                venue = now
            if venue >= s[st.S_NEXT_PHASE_NS]:
                s[st.S_VENUE_CLOCK] = venue
                return i, st.PHASE
            s[st.S_EVENT_CLOCK] = now
            if s[st.S_BY_TIME] == 1:
                s[st.S_EVENT_TIME] = event_time(r)
        if _nearly_full(a):
            return i, st.GROW
        if unsure:
            take_clock(ts_recv, np.int64(r.ts_event), r.flags, s, a.counts)
        else:
            _advance_clock(ts_recv, now, a)
        if flagged:
            _enter_snapshot(a)
        else:
            s[st.S_IN_EVENT] = 1
            sequence = np.int64(r.sequence)
            if sequence < s[st.S_SEQUENCE]:
                a.counts[st.N_SEQUENCE_BACKWARDS] += 1
            s[st.S_SEQUENCE] = sequence
        apply_record(r, flagged, a)
        if r.flags & F_LAST != 0 and (flagged or s[st.S_BY_TIME] == 0):
            if not flagged:
                s[st.S_LAST_SEEN] = 1
            end_event(a)
            if look(a):
                return i + 1, st.RECENTER
    return records.shape[0], st.DONE


@kernel
def end_open_event(a: Arrays) -> bool:
    """End the event that is open, as where the venue's time changes; True when the range has to move."""
    return _end_and_look(a)


@aside
def _end_and_look(a: Arrays) -> bool:
    """End an event that no record says is over, and look at the book; True when the range has to move."""
    s = a.scalars
    end_event(a)
    if s[st.S_BY_TIME] == 0 and s[st.S_LAST_SEEN] == 0:
        # no event has ever been seen to end: nothing says that this is a moment at which the book is whole
        s[st.S_VALID] = 0
        return False
    return _look_aside(a)


@aside
def _look_aside(a: Arrays) -> bool:
    """`look`, called from where that happens rarely."""
    return look(a)


@aside
def _whose(ids: int, scalars: np.ndarray, counts: np.ndarray) -> int:
    """A record that is not of the ids the book goes by: the book's first, one to be skipped, or one to be refused."""
    instrument, publisher = ids & 0xFFFFFFFF, ids >> 32
    other_instrument = scalars[st.S_ONLY_INSTRUMENT] != UNBOUND and instrument != scalars[st.S_ONLY_INSTRUMENT]
    other_publisher = scalars[st.S_ONLY_PUBLISHER] != UNBOUND and publisher != scalars[st.S_ONLY_PUBLISHER]
    if other_instrument or other_publisher:
        counts[st.N_FOREIGN_RECORDS] += 1
        return _SKIPPED
    if scalars[st.S_IDS] != UNBOUND:
        return _REFUSED
    scalars[st.S_IDS] = ids
    return _OWN


@piece
def _nearly_full(a: Arrays) -> bool:
    """Whether one more record might not fit."""
    s = a.scalars
    room = (a.far.shape[2] >> 1) - 2
    return bool(
        2 * (s[st.S_BID_ORDERS] + s[st.S_ASK_ORDERS] + 1) > a.orders.shape[0]
        or s[st.S_FAR_BIDS] > room
        or s[st.S_FAR_ASKS] > room
        or s[st.S_PENDING] >= a.pending.shape[0]
        or 2 * (s[st.S_AGGRESSORS] + 1) > a.aggressors.shape[0]
    )


@piece
def _advance_clock(ts_recv: int, now: int, a: Arrays) -> None:
    """Move the clock to `now`, an ordinary step, and count what is wrong with a record's own time."""
    s = a.scalars
    if ts_recv < 0:
        a.counts[st.N_BAD_CLOCK] += 1
    elif ts_recv < s[st.S_CLOCK]:
        a.counts[st.N_CLOCK_BACKWARDS] += 1
    else:
        s[st.S_MAX_GAP] = max(s[st.S_MAX_GAP], now - s[st.S_CLOCK])
    s[st.S_CLOCK] = now


@piece
def _enter_snapshot(a: Arrays) -> None:
    """A flagged record: the first one begins a snapshot, which also ends any doubt about the book before it."""
    a.counts[st.N_SNAPSHOT_RECORDS] += 1
    if a.scalars[st.S_IN_SNAPSHOT] == 0:
        a.scalars[st.S_IN_SNAPSHOT] = 1
        a.scalars[st.S_BAD_BOOK] = 0
        a.counts[st.N_SNAPSHOTS] += 1
