"""From a source of records to its events, one at a time: a look at the book at every boundary."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from vp_book.book.engine import BookEngine
from vp_book.dbn.store import Source, arrays_of
from vp_book.errors import ParameterError
from vp_book.records import F_LAST


def events(source: Source, engine: BookEngine) -> Iterator[np.ndarray]:
    """Apply records to an engine event by event: yields the records since the last boundary, once they are applied.

    `source` yields arrays of `MBO_DTYPE` (a `DbnSource`, or what a feed has brought), or is a `databento.DBNStore`. At
    each `yield` the engine stands at an event boundary, where the book is observed, and any of it may be asked. An
    array that ends inside an event is taken whole, and the event goes on in the next one. The records are a copy only
    where an event spans two arrays.

    The engine ends as if the arrays had been applied whole, with the same bits. It takes a call of `apply` for each
    event instead of one for many thousands of records; without `events` nothing is slower.

    Raises what `BookEngine.apply` raises, and `ParameterError` for an engine with `event_ends="time"`, whose boundaries
    are seen only when the next event has begun.

        for records in events(open_dbn("esh6.mbo.dbn.zst"), engine):
            on_event(engine.bbo(), records)  # a callback of yours; shape (records of the event,)
    """
    if engine.arrays.scalars[0].by_time:
        raise ParameterError('engine: has event_ends="time"; events needs an engine whose events end at flags')
    open_event: list[np.ndarray] = []
    for records in arrays_of(source):
        begin = 0
        for end in (np.flatnonzero(records["flags"] & F_LAST) + 1).tolist():
            part = records[begin:end]
            before = engine.event_count
            engine.apply(part)
            begin = end
            open_event.append(part)
            if engine.event_count != before:  # not inside a snapshot, nor of another instrument
                yield part if len(open_event) == 1 else np.concatenate(open_event)
                open_event.clear()
        if begin < len(records):
            rest = records[begin:]
            engine.apply(rest)
            open_event.append(rest.copy())
