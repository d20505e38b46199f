"""Phases of a trading day: when a crossed book is normal, and when it is an alarm."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from typing import Final
from zoneinfo import ZoneInfo

import numpy as np

from ._checked import FOREVER
from .records import ACTION_CLEAR, F_SNAPSHOT, NS_PER_S

JUMP_NS: Final = 60_000_000_000
"""One minute: how far a time may lie ahead of the clock, or from `ts_event`, and be believed; see `_clock`."""

PHASES: Final = ("closed", "pre_open", "regular", "after")

CONTINUOUS: Final = {"future_mbo": ("regular",), "equity_mbo": ("regular", "after")}
"""Phases in which every venue of a product type matches orders as they come, so that its book cannot stay crossed.

Before the open it depends on the venue: some collect orders for an auction, and their books are crossed by design.
"""

NEW_YORK: Final = ZoneInfo("America/New_York")
_DAY_NS: Final = 86_400 * NS_PER_S
_EPOCH: Final = date(1970, 1, 1)
_EQUITY_START: Final = time(2)
_EQUITY_END: Final = time(16)
_CLOSED, _PRE_OPEN, _REGULAR, _AFTER = range(4)

_FUTURE_WEEKDAY: Final = ((time(0), _REGULAR), (time(17), _PRE_OPEN), (time(18), _REGULAR))
_FUTURE_FRIDAY: Final = ((time(0), _REGULAR), (time(17), _CLOSED))
_FUTURE_SATURDAY: Final = ((time(0), _CLOSED),)
_FUTURE_SUNDAY: Final = ((time(0), _CLOSED), (time(16), _PRE_OPEN), (time(18), _REGULAR))
_EQUITY_WEEKDAY: Final = (
    (time(0), _CLOSED),
    (time(2), _PRE_OPEN),
    (time(9, 30), _REGULAR),
    (time(16), _AFTER),
    (time(20), _CLOSED),
)

_WEEKS: Final = {
    "future_mbo": (*(_FUTURE_WEEKDAY,) * 4, _FUTURE_FRIDAY, _FUTURE_SATURDAY, _FUTURE_SUNDAY),
    "equity_mbo": (*(_EQUITY_WEEKDAY,) * 5, ((time(0), _CLOSED),), ((time(0), _CLOSED),)),
}


def phase_at(product_type: str, ts_ns: int) -> tuple[int, int]:
    """Phase at a time, as an index of `PHASES`, and the time (ns UTC) at which it has to be asked for again.

    The weekly rhythm of the venue in New York time; exchange holidays are not known here.
    """
    moment = datetime.fromtimestamp(ts_ns // NS_PER_S, tz=UTC).astimezone(NEW_YORK)
    day = moment.date()
    bounds = [(datetime.combine(day, at, NEW_YORK), phase) for at, phase in _WEEKS[product_type][day.weekday()]]
    bounds.append((datetime.combine(day + timedelta(days=1), time(0), NEW_YORK), _CLOSED))
    phase = _CLOSED
    for start, starting in bounds:
        if start.timestamp() > moment.timestamp():
            return phase, int(start.timestamp()) * NS_PER_S
        phase = starting
    return phase, int(bounds[-1][0].timestamp()) * NS_PER_S


def in_session(product_type: str, records: np.ndarray) -> np.ndarray:
    """The records (array of `MBO_DTYPE`) of the session window: futures all day, equities 02:00 to 16:00 New York.

    Snapshot and clear records always pass, so that the book is whole when the window opens. A record whose `ts_recv` is
    more than a minute from its `ts_event` goes by the venue's time: it is not left out for its own damage.
    """
    if product_type != "equity_mbo" or not len(records):
        return records
    ts, venue = records["ts_recv"].astype(np.int64), records["ts_event"].astype(np.int64)
    with np.errstate(over="ignore"):
        damaged = (np.abs(ts - venue) > JUMP_NS) & (venue > 0) & (venue < FOREVER)
    ts = np.where(damaged, venue, ts)
    keep = (records["flags"] & F_SNAPSHOT) != 0
    keep |= records["action"] == bytes([ACTION_CLEAR])
    # New York is behind UTC by less than a day: a time lies on its own UTC date there, or on the one before. Only dates
    # that occur are compared, for one undefined time may lie centuries away
    for number in np.unique(ts // _DAY_NS):
        for back in (1, 0):
            day = _EPOCH + timedelta(days=int(number) - back)
            keep |= (ts >= _at_ns(day, _EQUITY_START)) & (ts < _at_ns(day, _EQUITY_END))
    return records if keep.all() else records[keep]


def _at_ns(day: date, at: time) -> int:
    return int(datetime.combine(day, at, NEW_YORK).timestamp()) * NS_PER_S
