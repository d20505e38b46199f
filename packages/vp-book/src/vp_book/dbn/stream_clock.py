"""The clock of a stream by itself, without a book: where it begins, where it stands, and where it jumps too far."""

from __future__ import annotations

from typing import Final, Literal, TypeAlias

import numpy as np

from vp_book._checked import FOREVER, kernel_view
from vp_book._fields import plain_reader
from vp_book._jit import kernel
from vp_book.book.clock import AGREED, HOLD, NO_CLOCK, NO_SUSPECT, judge
from vp_book.book.state import SCALARS, Arrays
from vp_book.records import F_BAD_TS_RECV, F_LAST, F_SNAPSHOT

Clock: TypeAlias = Literal["ts_recv", "ts_event"]
"""Which time of a live record is its time."""

CLOCK: Final = 0  # 0 before the first record that can be believed
SUSPECT: Final = 1  # as `suspect` of an engine's scalars
UNTIMED: Final = 2  # as their `suspect_untimed`
BEGAN: Final = 3  # the first clock, 0 before it
WITHIN: Final = 4  # as their `in_snapshot`

_read_engine = plain_reader(SCALARS, "clock", "suspect", "suspect_untimed", "first_clock", "in_snapshot")

_UNDEFINED_NS: Final = 2**64 - 1
_UNWITNESSED = F_SNAPSHOT | F_BAD_TS_RECV


def by_event_time(records: np.ndarray) -> np.ndarray:
    """The records with `ts_event` as `ts_recv`, but for those of snapshots and those without a `ts_event`; a copy."""
    timed = (records["flags"] & F_SNAPSHOT == 0) & (records["ts_event"] != _UNDEFINED_NS)
    out = records.copy()
    out["ts_recv"] = np.where(timed, records["ts_event"], records["ts_recv"])
    return out


def clock_state() -> np.ndarray:
    """The state of `follow` before the first record: int64, of the names above."""
    return np.array([0, NO_CLOCK, 0, 0, 0], np.int64)


def engine_clock(a: Arrays) -> np.ndarray:
    """The state of `follow` where an engine stands."""
    return np.array(_read_engine(a.scalars), np.int64)


def follow(records: np.ndarray, state: np.ndarray, limit_ns: int = FOREVER) -> int:
    """Index of the record by which the clock has certainly moved on by more than `limit_ns`; their number for none.

    `state` is brought up to the record before that one. Which records move the clock is what the book's own rule says
    (`vp_book.book.clock`): a single time that nothing confirms is damage of its record, and no jump.
    """
    return int(follow_clock(kernel_view(records), state, limit_ns))


@kernel
def follow_clock(records: np.ndarray, state: np.ndarray, limit_ns: int) -> int:
    """`follow` over records of KERNEL_DTYPE."""
    n: int = records.shape[0]
    for i in range(n):
        r = records[i]
        clock = state[CLOCK]
        suspect = state[SUSPECT]
        ts_recv = np.int64(r.ts_recv)
        now, verdict = judge(ts_recv, np.int64(r.ts_event), r.flags, clock, suspect, state[UNTIMED], state[WITHIN])
        within = 1 if r.flags & F_SNAPSHOT != 0 and r.flags & F_LAST == 0 else 0
        if verdict & HOLD != 0:
            state[SUSPECT] = ts_recv
            state[UNTIMED] = 1 if r.flags & _UNWITNESSED != 0 else 0
            state[WITHIN] = within
            continue
        if clock == 0 and now > 0:
            state[BEGAN] = min(now, suspect) if verdict & AGREED != 0 else now
        elif now - clock > limit_ns:
            return i
        state[SUSPECT] = NO_SUSPECT if now > 0 else NO_CLOCK
        state[CLOCK] = now
        state[WITHIN] = within
    return n
