"""`LiveBins`: records are pushed as they come, and the bins that they or the clock close come out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Final, Literal, NamedTuple

import numpy as np

from vp_book._checked import FOREVER, checked_int, whole_number
from vp_book.bins.asked import checked_bins
from vp_book.bins.machine import BinMachine
from vp_book.bins.positioned import PositionedSource
from vp_book.bins.reader import Bin
from vp_book.book.engine import BookEngine
from vp_book.dbn.files import utc
from vp_book.dbn.header import Header
from vp_book.dbn.reading import Batch, ReadReport
from vp_book.dbn.symbols import Named, SymbolTrack, listed
from vp_book.errors import SymbolError
from vp_book.instrument import Instrument
from vp_book.physics.parameters import Physics

from .pushed import Pushed, PushedStream

_NS_PER_MS: Final = 1_000_000
_LONGEST_HOLD_BACK_MS: Final = 60_000


class FeedMark(NamedTuple):
    """What made a difference to the bins and is in no record: it happened after `records` of the instrument had come.

    `"close"`: `close_until(ts_ns)` closed bins before their last record had come. `"lost"`: `lose(ts_ns)`.
    """

    kind: Literal["close", "lost"]
    records: int
    ts_ns: int


class LiveBins:
    """Bins of records that are pushed as they come: a replay that has not ended yet.

    Pushing records in any pieces gives the bins that `replay` gives of all of them, to the bit, up to the bin that is
    not over. Records close bins as soon as they begin a later one. The clock does the same where no record comes, by
    `close_until`: `hold_back_ms` after a bin's end. What comes later than that is counted (`late` of the certificate)
    and belongs to the next bin.

    What is pushed is an array of `MBO_DTYPE`, shape (n,), of this instrument; records of `databento_dbn`, one or a
    list; or bytes of a DBN stream, cut anywhere. Of the last two, records of other instruments are left out as far as
    metadata, symbol mappings, or `instrument_id` tell them apart. Where nothing does, the first record says which
    instrument the book is of, and another one is refused.

    The other arguments are those of `replay`. Not safe for use from several threads at once.

        bins = LiveBins(Instrument("ESH6", "0.25"), hold_back_ms=20)
        for piece in socket_pieces:  # bytes
            for bin_ in bins.push(piece) + bins.close_until(time.time_ns()):
                print(bin_.fields["ts_ns"], bin_.cells["pressure_variant"])  # float64, shape (2 * radius + 1,)

    Raises `ParameterError` for a value outside what is allowed.
    """

    def __init__(
        self,
        instrument: Instrument,
        physics: Physics | None = None,
        *,
        cell_width_ms: int = 100,
        grid_radius_ticks: int = 50,
        n_absolute_ticks: int = 8192,
        start_ns: int | None = None,
        end_ns: int | None = None,
        warmup_s: float = 1800,
        max_silence_s: float | None = None,
        hold_back_ms: int = 0,
        instrument_id: int | None = None,
        large_size: int | None = None,
    ) -> None:
        asked = checked_bins(
            cell_width_ms=cell_width_ms,
            grid_radius_ticks=grid_radius_ticks,
            start_ns=start_ns,
            end_ns=end_ns,
            warmup_s=warmup_s,
            max_silence_s=max_silence_s,
            large_size=large_size,
        )
        self._hold_back_ns = whole_number("hold_back_ms", hold_back_ms, 0, _LONGEST_HOLD_BACK_MS) * _NS_PER_MS
        self.engine: BookEngine = asked.engine(instrument, physics, n_absolute_ticks, "flags")
        self.records = 0
        self._machine = BinMachine(PositionedSource((), self.engine, True), self.engine, asked)
        self._stream = PushedStream()
        self._header: Header | None = None
        self._track = SymbolTrack(instrument.symbol, {}, None)
        if instrument_id is not None:
            number = checked_int("instrument_id", instrument_id, 0, 2**32 - 1)
            self._track.named = Named(number, instrument.symbol)
        self._report: ReadReport | None = None  # None as long as all came as arrays
        self._closed: list[Bin] = []
        self._marks: list[FeedMark] = []
        self._unmarked: FeedMark | None = None  # the newest close, which matters only if a record comes too late

    @property
    def due_ns(self) -> int | None:
        """When `close_until` closes the next bin (ns UTC), None before a record has said when bins begin."""
        end = self._machine.next_end_ns
        return None if end is None or end > self._machine.limit_ns else end + self._hold_back_ns

    def push(self, records: Pushed) -> list[Bin]:
        """Apply records; returns the bins that they closed, in order.

        Raises `ParameterError` for what cannot be pushed or is of another instrument, `DbnFormatError` and
        `DbnDamagedError` for bytes that are no DBN, `SymbolError` when their metadata does not have the symbol. What
        came before the record in question is applied, and the bins that it closed are returned by the next call.
        """
        batch = self._stream.take(records)
        if self._stream.header is not None:
            self.begin_stream(self._stream.header)
        if batch is not None:
            if isinstance(records, np.ndarray):
                self._apply(batch.records)
            else:
                self.apply_batch(batch)
        self._stream.refuse_damage()
        return self.closed()

    def closed(self) -> list[Bin]:
        """The bins that are closed and have not been returned yet."""
        bins, self._closed = self._closed, []
        return bins

    def begin_stream(self, header: Header) -> None:
        """The metadata of the bytes from here on. Its mappings hold where the stream does not say otherwise."""
        if header is self._header:
            return
        symbol = self._track.symbol
        if header.intervals and symbol not in header.intervals:
            has = listed(sorted(header.intervals))
            raise SymbolError(f"pushed bytes: symbol {symbol} is not in the metadata; it has {has}")
        self._header = header
        self._track = SymbolTrack(symbol, header.intervals, None if header.intervals else self._track.named)
        self._machine.source.claims_start |= header.start_ns is not None

    def apply_batch(self, batch: Batch, *, routed: bool = False) -> None:
        """Apply what a stream gave; `routed` when it is of several instruments, and none may be guessed."""
        report = self._report = self._report or ReadReport()
        report.records += batch.count
        for rtype, times in batch.skipped_before(len(batch.records)).items():
            report.skipped[rtype] = report.skipped.get(rtype, 0) + times
        if not routed and self._header is None and not self._track.known and not batch.mappings:
            self._apply(batch.records)
            return
        kept, unmapped = self._track.select(batch.records, batch.mappings)
        own = batch.records[kept]
        report.filtered += len(batch.records) - len(own)
        report.unmapped += 0 if unmapped is None else int(np.count_nonzero(unmapped))
        self._apply(own)

    def close_until(self, ts_ns: int) -> list[Bin]:
        """The time is `ts_ns` (ns UTC): returns the bins that end `hold_back_ms` or more before it, closed now.

        Nothing is closed before the first record says when bins begin, unless `start_ns` does. A bin in which the book
        stands inside an event waits for the end of that event, at most 100 ms longer; it is not `book_valid` then.
        """
        ts_ns = checked_int("ts_ns", ts_ns, 0, FOREVER)
        unsettled = self._machine.unsettled
        before = len(self._closed)
        self._closed += self._machine.close_until(ts_ns, self._hold_back_ns)
        if len(self._closed) > before:
            self._unmarked = FeedMark("close", self.records, ts_ns)
            if unsettled:
                self._mark_close()
        return self.closed()

    def lose(self, ts_ns: int) -> None:
        """The feed was lost at `ts_ns` (ns UTC), and what is pushed next is of a new connection.

        Bins that end after that are not `book_valid` until a snapshot has come; the certificate names the gap.
        """
        ts_ns = checked_int("ts_ns", ts_ns, 0, FOREVER)
        self._mark_close()
        self._marks.append(FeedMark("lost", self.records, ts_ns))
        self._stream.restart()
        self._machine.lose(ts_ns)

    def take_marks(self, *, newest_close: bool = False) -> list[FeedMark]:
        """The marks since this was asked last: kept with the records, they make `replay_marked` give the same bins.

        With `newest_close` the newest close is among them although no record has come too late for it: at the end of a
        recording nothing else says that the bins up to it were closed.
        """
        if newest_close:
            self._mark_close()
        marks, self._marks = self._marks, []
        return marks

    def certificate(self) -> dict[str, Any]:
        """`Replay.certificate` as of the records so far, with `late` and `gaps`.

        `late` is the number of records of events that began before the end of a bin which the clock had closed. Each
        of `gaps` has `begin_ns`, and `end_ns` of the snapshot that ended it, 0 while there is none.
        """
        certificate = self._machine.certificate()
        gaps = self._machine.gaps
        certificate["late"] = self._machine.late
        certificate["gaps"] = [{"begin_ns": gap.begin_ns, "end_ns": gap.end_ns} for gap in gaps]
        certificate["reasons"] += [
            f"the feed was lost at {utc(gap.begin_ns)}, "
            + (f"and the book whole again at {utc(gap.end_ns)}" if gap.end_ns else "and no snapshot has come since")
            for gap in gaps
        ]
        report = self._report
        if report is not None:
            certificate["reading"] = {
                "symbol": self._track.symbol,
                "publisher": None,
                "dataset": None if self._header is None else self._header.dataset,
                "records": report.records,
                "filtered": report.filtered,
                "unmapped": report.unmapped,
                "skipped": {str(rtype): times for rtype, times in sorted(report.skipped.items())},
            }
        certificate["ok"] = not certificate["reasons"]
        return certificate

    def _apply(self, records: np.ndarray) -> None:
        machine = self._machine
        if not len(records) or machine.full:
            return
        behind, before = machine.behind, len(self._closed)
        self.records += len(records)
        for segment in machine.source.take(records):
            self._closed.extend(machine.take(segment))
        if machine.behind > behind:
            self._mark_close()
        elif len(self._closed) > before:
            self._unmarked = None

    def _mark_close(self) -> None:
        if self._unmarked is not None:
            self._marks.append(self._unmarked)
            self._unmarked = None


def replay_marked(source: Iterable[np.ndarray], bins: LiveBins, marks: Iterable[FeedMark]) -> Iterator[Bin]:
    """The bins that a feed gave, of its recorded records and the marks that were kept with them.

    `source` yields arrays of `MBO_DTYPE` (a `DbnSource`, or any iterable), `bins` is fresh, with the arguments of then.

        for bin_ in replay_marked(open_dbn(parts), LiveBins(instrument, hold_back_ms=20), marks):
            print(bin_.fields["ts_ns"])

    Raises what `LiveBins.push` raises, and what iterating the source raises.
    """
    waiting = list(marks)
    for chunk in source:
        while len(chunk) and waiting and waiting[0].records <= bins.records + len(chunk):
            mark = waiting.pop(0)
            until = max(mark.records - bins.records, 0)
            yield from bins.push(chunk[:until])
            chunk = chunk[until:]
            yield from _again(bins, mark)
        yield from bins.push(chunk)
    for mark in waiting:
        if mark.records <= bins.records:  # else its records are not there
            yield from _again(bins, mark)


def _again(bins: LiveBins, mark: FeedMark) -> list[Bin]:
    if mark.kind == "close":
        return bins.close_until(mark.ts_ns)
    bins.lose(mark.ts_ns)
    return []
