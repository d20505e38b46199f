"""Records written down one after the other, for the built-in input of the digest."""

from __future__ import annotations

from typing import Any, Final, NamedTuple

import numpy as np

from vp_book.records import (
    ACTION_ADD,
    ACTION_CANCEL,
    ACTION_CLEAR,
    ACTION_FILL,
    ACTION_MODIFY,
    ACTION_TRADE,
    F_LAST,
    MBO_DTYPE,
    MBO_WORDS,
    NS_PER_S,
    RTYPE_MBO,
    SIDE_ASK,
    SIDE_BID,
    SIDE_NONE,
    UNDEF_PRICE,
)

BID: Final = SIDE_BID
ASK: Final = SIDE_ASK
NONE: Final = SIDE_NONE
MS: Final = 1_000_000
SECOND: Final = NS_PER_S
PUBLISHER: Final = 1
INSTRUMENT: Final = 4711


class Record(NamedTuple):
    """One record as a scenario says it: times are relative to the tape's, the price is `tick` price ticks and `off`."""

    action: int
    order_id: int = 0
    side: int = NONE
    tick: int | None = None  # None for an undefined price
    size: int = 0
    flags: int = 0
    off: int = 0  # 1e-9 beside the tick
    recv: int = 0  # ns after the tape's time
    venue: int | None = None  # ts_event, ns after the tape's time; None for 1 us before ts_recv
    absolute: int | None = None  # ts_recv as such
    instrument: int = INSTRUMENT
    sequence: int | None = None  # None for the next one


def add(order_id: int, side: int, tick: int | None, size: int, **more: Any) -> Record:
    """An order comes to rest."""
    return Record(ACTION_ADD, order_id, side, tick, size)._replace(**more)


def cancel(order_id: int, side: int, tick: int | None, size: int, **more: Any) -> Record:
    """`size` is taken off an order."""
    return Record(ACTION_CANCEL, order_id, side, tick, size)._replace(**more)


def modify(order_id: int, side: int, tick: int | None, size: int, **more: Any) -> Record:
    """Price and size of an order become these."""
    return Record(ACTION_MODIFY, order_id, side, tick, size)._replace(**more)


def trade(side: int, tick: int | None, size: int, order_id: int = 0, **more: Any) -> Record:
    """An aggressor of this side traded."""
    return Record(ACTION_TRADE, order_id, side, tick, size)._replace(**more)


def fill(order_id: int, side: int, tick: int | None, size: int, **more: Any) -> Record:
    """An order was filled."""
    return Record(ACTION_FILL, order_id, side, tick, size)._replace(**more)


def clear(**more: Any) -> Record:
    """Every order goes."""
    return Record(ACTION_CLEAR)._replace(**more)


class Tape:
    """Records of one instrument in order; `now` is ns UTC, and moved on by whoever writes."""

    def __init__(self, start_ns: int, tick_int: int) -> None:
        self.now = start_ns
        self._tick_int = tick_int
        self._rows: list[tuple[int, ...]] = []

    def wait(self, ms: float) -> None:
        """Nothing happens for a time."""
        self.now += round(ms * MS)

    def write(self, *records: Record) -> None:
        """Write records as they are."""
        for r in records:
            price = UNDEF_PRICE if r.tick is None else r.tick * self._tick_int + r.off
            recv = self.now + r.recv if r.absolute is None else r.absolute
            venue = max(recv - 1_000, 0) if r.venue is None else self.now + r.venue
            sequence = len(self._rows) if r.sequence is None else r.sequence
            self._rows.append(
                (recv, venue, r.order_id, price, r.size, r.flags, r.action, r.side, r.instrument, sequence)
            )

    def event(self, *records: Record) -> None:
        """Write records of one event, a microsecond apart, of which the last one is flagged F_LAST."""
        for i, r in enumerate(records):
            last = F_LAST if i == len(records) - 1 else 0
            self.write(r._replace(flags=r.flags | last, recv=r.recv + 1_000 * i))

    def records(self) -> np.ndarray:
        """All of it, an array of MBO_DTYPE."""
        records = np.zeros(len(self._rows), MBO_DTYPE)
        columns = list(zip(*self._rows, strict=True))
        records["length"] = MBO_WORDS
        records["rtype"] = RTYPE_MBO
        records["publisher_id"] = PUBLISHER
        names = ("ts_recv", "ts_event", "order_id", "price", "size", "flags")
        for name, column in zip(names, columns[:6], strict=True):
            records[name] = column
        records["action"] = np.array(columns[6], np.uint8).view("S1")
        records["side"] = np.array(columns[7], np.uint8).view("S1")
        records["instrument_id"] = columns[8]
        records["sequence"] = columns[9]
        return records


class Draw:
    """Whole numbers below 2^31 - 1 that look random: x -> 48271 x mod (2^31 - 1). Owes nothing to a library."""

    def __init__(self, seed: int) -> None:
        self._state = seed

    def below(self, n: int) -> int:
        """The next one, below `n`."""
        self._state = self._state * 48271 % 2147483647
        return self._state // 8 % n
