"""The clock of a replay, `ts_recv`, and what is done about a record whose own time cannot be true.

A record is **suspect** when its `ts_recv` jumps ahead of the clock by more than a minute while it lies more than a
minute from the record's own `ts_event`. It is taken at the old clock. The clock follows only if the very next record
agrees, which is to say that its time lies within a minute of the suspect's: then nothing was damaged, the market was
silent. Otherwise the suspect is counted as a clock outlier.

Two kinds of records have no `ts_event` to be compared with: those of a snapshot, whose orders are hours old, and those
flagged F_BAD_TS_RECV. They are believed as soon as there is a clock, but for a jump in the middle of a snapshot, whose
records all have one time. The first clock of all needs a witness: a record
near its own `ts_event`, or two neighbours that agree. So no single damaged record at the head of a file sets it.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from vp_book._checked import FOREVER, kernel_view
from vp_book._jit import called, inlined, kernel
from vp_book.records import F_BAD_TS_RECV, F_SNAPSHOT
from vp_book.sessions import JUMP_NS

from .state import Arrays

NO_SUSPECT: Final = -1
NO_CLOCK: Final = -2
"""No suspect, and no clock yet. Otherwise `suspect` is the suspect's `ts_recv`."""

HOLD: Final = 1  # this record is suspect
REFUTED: Final = 2  # the suspect before it was an outlier
AGREED: Final = 4  # it agrees with the suspect before it

_LIMIT: Final = FOREVER
_UNWITNESSED: Final = F_SNAPSHOT | F_BAD_TS_RECV


def first_clock(records: np.ndarray, engine_arrays: Arrays | None = None) -> int | None:
    """The first clock (ns UTC) of an engine that is given these records; None when they do not set one.

    `records` is an array of `MBO_DTYPE`. `engine_arrays` is the state of an engine that was given the records before
    them and has no clock yet: with it the answer does not depend on where chunks are cut. It is the time of the first
    record that can be believed, by the rules of this module; of two that witness each other, the earlier one's.

    Raises `ParameterError` for what is not an array of `MBO_DTYPE`.
    """
    suspect, untimed = NO_CLOCK, 0
    if engine_arrays is not None:
        s = engine_arrays.scalars[0]
        if s.clock != 0:
            return int(s.first_clock)
        suspect, untimed = int(s.suspect), int(s.suspect_untimed)
    found = int(find_first_clock(kernel_view(records), suspect, untimed))
    return found if found > 0 else None


@kernel
def find_first_clock(records: np.ndarray, suspect: int, untimed: int) -> int:
    """The first clock, or 0."""
    for i in range(records.shape[0]):
        r = records[i]
        ts_recv = np.int64(r.ts_recv)
        now, verdict = judge(ts_recv, np.int64(r.ts_event), r.flags, 0, suspect, untimed, 0)
        if now > 0:
            return min(now, suspect) if verdict & AGREED != 0 else now
        suspect = int(ts_recv) if verdict & HOLD != 0 else NO_CLOCK
        untimed = 1 if r.flags & _UNWITNESSED != 0 else 0
    return 0


@inlined
def judge(
    ts_recv: int, ts_event: int, flags: int, clock: int, suspect: int, untimed: int, within: int
) -> tuple[int, int]:
    """(the clock at which a record is applied, HOLD | REFUTED | AGREED) after `suspect`, if there is one.

    `untimed` says that the suspect had no `ts_event` to compare it with, `within` that the record continues a snapshot,
    whose first record has set the clock. Times are uint64 read as int64.
    """
    if ts_recv < 0 or ts_recv >= _LIMIT:
        return clock, REFUTED if suspect >= 0 else 0
    verdict = 0
    if suspect >= 0:
        if ts_recv > 0 and abs(ts_recv - suspect) <= JUMP_NS:
            verdict = AGREED
        elif untimed == 0 or ts_recv < suspect:  # an untimed one in the past may have been true
            verdict = REFUTED
    if clock != 0 and ts_recv - clock <= JUMP_NS:
        return max(clock, ts_recv), verdict
    if verdict == AGREED:
        return ts_recv, verdict
    if flags & _UNWITNESSED != 0:
        if clock != 0 and (within == 0 or flags & F_SNAPSHOT == 0):
            return ts_recv, verdict
    elif 0 <= ts_event < _LIMIT and abs(ts_recv - ts_event) <= JUMP_NS:
        return ts_recv, verdict
    return clock, verdict | HOLD


@called
def clock_after(ts_recv: int, ts_event: int, flags: int, s: Any) -> int:
    """The clock at which a record is applied. Changes nothing."""
    clock, suspect, untimed = s.clock, s.suspect, s.suspect_untimed
    now, _ = judge(ts_recv, ts_event, flags, clock, suspect, untimed, s.in_snapshot)
    return now


@called
def take_clock(ts_recv: int, ts_event: int, flags: int, s: Any, counts: Any) -> None:
    """Move the clock with a record that is suspect, or comes after one, or jumps; count what is wrong with its time."""
    clock = s.clock
    suspect = s.suspect
    untimed, within = s.suspect_untimed, s.in_snapshot
    now, verdict = judge(ts_recv, ts_event, flags, clock, suspect, untimed, within)
    if verdict & REFUTED != 0:
        counts.clock_outlier += 1
    if verdict & HOLD != 0:
        s.suspect = ts_recv
        s.suspect_untimed = 1 if flags & _UNWITNESSED != 0 else 0
        return
    s.suspect = NO_SUSPECT if now > 0 else NO_CLOCK
    if ts_recv < 0 or ts_recv >= _LIMIT:
        counts.bad_clock += 1
    elif ts_recv < clock:
        counts.clock_backwards += 1
    elif clock == 0:
        s.first_clock = min(now, suspect) if verdict & AGREED != 0 else now
    else:
        s.max_gap = max(s.max_gap, now - clock)
    s.clock = now
