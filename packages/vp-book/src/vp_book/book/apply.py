"""Records into the book, one after the other: whose they are, when they happened, and which event they belong to.

One kernel runs over a chunk of records and comes back at the end of it, at the end of a bin, or when something has to
be enlarged or moved.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from vp_book._jit import called, inlined, kernel
from vp_book.records import F_LAST, F_SNAPSHOT
from vp_book.sessions import JUMP_NS

from . import state as st
from .actions import apply_record
from .boundary import observe_boundary
from .clock import NO_SUSPECT, clock_after, take_clock
from .events import ENDED, ENDLESS, EVENT_LIMIT_NS, GOES_ON, end_event, event_time, overdue
from .state import ASK, BID, Arrays

UNBOUND: Final = -1
"""`ids` of a book that has seen no record; `only_instrument` and `only_publisher` where the caller named none."""

_OWN: Final = 0
_SKIPPED: Final = 1
_REFUSED: Final = 2


@kernel
def apply_records(records: np.ndarray, start: int, stop_ns: int, a: Arrays) -> tuple[int, int]:
    """Apply `records[start:]` until an event starts at or after `stop_ns`.

    Returns (index of the first record not applied, status). The caller deals with the status and calls again.
    """
    s = a.scalars[0]
    for i in range(start, records.shape[0]):
        r = records[i]
        ids = (np.int64(r.publisher_id) << 32) | np.int64(r.instrument_id)
        if ids != s.ids:
            whose = _whose(ids, s, a.counts[0])
            if whose == _SKIPPED:
                continue
            if whose == _REFUSED:
                return i, st.FOREIGN
        flagged = r.flags & F_SNAPSHOT != 0
        ts_recv = np.int64(r.ts_recv)
        now = s.clock
        unsure = s.suspect != NO_SUSPECT or ts_recv - now > JUMP_NS
        if unsure:
            now = clock_after(ts_recv, np.int64(r.ts_event), r.flags, s)
        elif ts_recv > now:
            now = ts_recv
        if s.in_event == 1:
            verdict = GOES_ON
            if s.by_time == 1 and event_time(r) != s.event_time:
                verdict = ENDED
            elif now - s.event_clock > EVENT_LIMIT_NS:
                verdict = overdue(ts_recv, now, s, a.counts[0])
            if verdict == ENDLESS:
                return i, st.NO_EVENT_ENDS
            if verdict == ENDED and _end_and_observe(a):
                return i, st.RECENTER
        if s.in_event == 0 and not (flagged and s.in_snapshot == 1):
            if s.in_snapshot == 1:
                # the snapshot ended without F_LAST: what it built is observed before the first live record
                s.in_snapshot = 0
                if _observe_called(a):
                    return i, st.RECENTER
            if now >= stop_ns:
                return i, st.BIN_END
            # the phase is the venue's: an order sent just before the open may be received just after it
            venue = np.int64(r.ts_event)
            if venue <= 0 or venue > now:
                venue = now
            if venue >= s.next_phase_ns:
                s.venue_clock = venue
                return i, st.PHASE
            s.event_clock = now
            if s.by_time == 1:
                s.event_time = event_time(r)
        if _nearly_full(a):
            return i, st.GROW
        if unsure:
            take_clock(ts_recv, np.int64(r.ts_event), r.flags, s, a.counts[0])
        else:
            _advance_clock(ts_recv, now, a)
        if flagged:
            _enter_snapshot(a)
        else:
            s.in_event = 1
            sequence = np.int64(r.sequence)
            if sequence < s.sequence:
                a.counts[0].sequence_backwards += 1
            s.sequence = sequence
        apply_record(r, flagged, a)
        if r.flags & F_LAST != 0 and (flagged or s.by_time == 0):
            if not flagged:
                s.event_end_seen = 1
            end_event(a)
            if observe_boundary(a):
                return i + 1, st.RECENTER
    return records.shape[0], st.DONE


@kernel
def end_open_event(a: Arrays) -> bool:
    """End the event that is open, as where the venue's time changes; True when the range has to move."""
    return _end_and_observe(a)


@called
def _end_and_observe(a: Arrays) -> bool:
    """End an event that no record says is over, and observe the boundary; True when the range has to move."""
    s = a.scalars[0]
    end_event(a)
    if s.by_time == 0 and s.event_end_seen == 0:
        # no event has ever been seen to end: nothing says that this is a moment at which the book is whole
        s.valid = 0
        return False
    return _observe_called(a)


@called
def _observe_called(a: Arrays) -> bool:
    """`observe_boundary`, called from where that happens rarely."""
    return observe_boundary(a)


@called
def _whose(ids: int, s: Any, counts: Any) -> int:
    """A record that is not of the ids the book goes by: the book's first, one to be skipped, or one to be refused."""
    instrument, publisher = ids & 0xFFFFFFFF, ids >> 32
    other_instrument = s.only_instrument != UNBOUND and instrument != s.only_instrument
    other_publisher = s.only_publisher != UNBOUND and publisher != s.only_publisher
    if other_instrument or other_publisher:
        counts.foreign_records += 1
        return _SKIPPED
    if s.ids != UNBOUND:
        return _REFUSED
    s.ids = ids
    return _OWN


@inlined
def _nearly_full(a: Arrays) -> bool:
    """Whether one more record might not fit."""
    s = a.scalars[0]
    room = (a.far.shape[2] >> 1) - 2
    return bool(
        2 * (s.resting[BID] + s.resting[ASK] + 1) > a.orders.shape[0]
        or s.far_used[BID] > room
        or s.far_used[ASK] > room
        or s.pending_fills >= a.pending.shape[0]
        or 2 * (s.aggressors_noted + 1) > a.aggressors.shape[0]
    )


@inlined
def _advance_clock(ts_recv: int, now: int, a: Arrays) -> None:
    """Move the clock to `now`, an ordinary step, and count what is wrong with a record's own time."""
    s = a.scalars[0]
    if ts_recv < 0:
        a.counts[0].bad_clock += 1
    elif ts_recv < s.clock:
        a.counts[0].clock_backwards += 1
    else:
        s.max_gap = max(s.max_gap, now - s.clock)
    s.clock = now


@inlined
def _enter_snapshot(a: Arrays) -> None:
    """A flagged record: the first one begins a snapshot, which also ends any doubt about the book before it."""
    a.counts[0].snapshot_records += 1
    if a.scalars[0].in_snapshot == 0:
        a.scalars[0].in_snapshot = 1
        a.scalars[0].bad_book = 0
        a.counts[0].snapshots += 1


def foreign_record(record: np.void, ids: int) -> str:
    """What is wrong with a record of another instrument or publisher than `ids`, those of the book."""
    return (
        f"records: instrument id {int(record['instrument_id'])} of publisher {int(record['publisher_id'])} in a "
        f"book of instrument id {ids & 0xFFFFFFFF} of publisher {ids >> 32}; a book is of one of each; filter the "
        "records, or name instrument_id and publisher_id to skip the others"
    )
