"""One pass over the files of a source: its chunks from a position on, and where it stands before each of them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

import numpy as np

from vp_book.book.events import EVENT_LIMIT_NS
from vp_book.errors import DbnDamagedError, SymbolError
from vp_book.records import F_LAST, F_SNAPSHOT

from .bytes import ByteSource
from .files import DbnFile, refuse_gap
from .header import Header, damage_at
from .reading import Batch, ReadReport, read_batches
from .stream_clock import BEGAN, CLOCK, WITHIN, Clock, by_event_time, clock_state, follow
from .symbols import Named, SymbolTrack, listed

_TAIL_RECORDS: Final = 64
"""Records at the end of a chunk that are searched first for the end of an event."""


@dataclass(frozen=True, slots=True)
class OpenedFiles:
    """What `open_dbn` decided: which files, whose records, in what chunks.

    `timed` says that the records' clock is needed to know what the files cover: the metadata does not say it, or may
    be wrong.
    """

    files: tuple[DbnFile, ...]
    headers: tuple[Header, ...]
    symbol: str
    publisher: int | None
    chunk_bytes: int
    tolerate_truncated: bool
    timed: bool
    clock: Clock = "ts_recv"


@dataclass(frozen=True, slots=True)
class ReadPosition:
    """Where a pass over a source stands before a chunk: enough to go on from there as if it had never stopped.

    `byte_offset` counts decompressed bytes of file number `file`, before which `file_records` records were read. The
    rest is what the pass had learned by then: its report, what the stream said about the symbol, the publishers met,
    the clock of the instrument's records (`stream_clock`), and the time up to which all its events were whole
    (`open` when the event at that time had begun and not ended).
    """

    file: int
    byte_offset: int
    file_records: int = 0
    records: int = 0
    filtered: int = 0
    unmapped: int = 0
    skipped: tuple[tuple[int, int], ...] = ()
    named: Named | None = None
    publishers: tuple[int, ...] = ()
    clock: tuple[int, ...] = field(default_factory=lambda: tuple(clock_state().tolist()))
    whole_ns: int = 0
    open: bool = False


@dataclass(frozen=True, slots=True)
class _Chunk:
    """The chunk yielded last, and where it came from: for an error that names the place of one of its records."""

    records: np.ndarray
    batch: Batch
    kept: np.ndarray | slice
    unmapped: np.ndarray | None
    of_publisher: np.ndarray | slice

    def in_batch(self, index: int) -> int:
        """Which record of the batch a record of the chunk is."""
        if index == len(self.records):
            return len(self.batch.records)
        return int(np.arange(len(self.batch.records))[self.kept][self.of_publisher][index])


class DbnPass:
    """One pass over a source, from a position on. Iterate it once: it yields arrays of `MBO_DTYPE`, shape (n,).

    `report` is what has been read so far, `position` where the chunk yielded last begins (None before the first). A
    chunk never spans two files.
    """

    def __init__(self, opened: OpenedFiles, position: ReadPosition | None = None) -> None:
        start = ReadPosition(0, opened.headers[0].size) if position is None else position
        self.position: ReadPosition | None = None
        self.report = ReadReport(start.records, dict(start.skipped), start.filtered, start.unmapped)
        self._opened = opened
        self._now = start
        self._chunk: _Chunk | None = None

    @property
    def covered_ns(self) -> tuple[int, int]:
        """The span that is covered, as far as this pass has come; see `DbnSource.covered_ns`."""
        first, last = self._opened.headers[0], self._opened.headers[-1]
        began, clock = self._now.clock[BEGAN], self._now.clock[CLOCK]
        start = first.start_ns if first.start_ns is not None else began
        if self.report.damage is not None:
            return start, max(start, self._now.whole_ns, clock - EVENT_LIMIT_NS)
        if last.end_ns is not None:
            return start, last.end_ns
        return start, max(start, clock + 1) if clock else start

    def __iter__(self) -> Iterator[np.ndarray]:
        """The chunks in file order; raises as `DbnSource.__iter__` does."""
        opened = self._opened
        seen = set(self._now.publishers)
        first = self._now.file
        for number in range(first, len(opened.files)):
            if number > first:
                self._enter(number)
            try:
                yield from self._chunks_of(number, seen)
            except DbnDamagedError as error:
                if not opened.tolerate_truncated:
                    raise
                self.report.damage = str(error)
                return
        if opened.publisher is not None and seen and opened.publisher not in seen:
            raise SymbolError(
                f"{', '.join(str(file.path) for file in opened.files)}: publisher {opened.publisher} has no record of "
                f"{opened.symbol}; there are records of {listed(sorted(seen))}"
            )

    def report_before(self, index: int) -> ReadReport:
        """What reading had met before a record of the chunk yielded last."""
        chunk, position = self._chunk, self.position
        if chunk is None or position is None:
            return ReadReport()
        batch, n = chunk.batch, chunk.in_batch(index)
        skipped = dict(position.skipped)
        for rtype, times in batch.skipped_before(n).items():
            skipped[rtype] = skipped.get(rtype, 0) + times
        unmapped = 0 if chunk.unmapped is None else int(np.count_nonzero(chunk.unmapped[:n]))
        return ReadReport(
            records=position.records + batch.records_before(n),
            skipped=skipped,
            filtered=position.filtered + n - index,
            unmapped=position.unmapped + unmapped,
        )

    def damaged_from(self, index: int, what: str) -> None:
        """A record of the chunk yielded last, and whatever follows it, is damage: raise it, or end the report there."""
        chunk, position = self._chunk, self.position
        if chunk is None or position is None:
            raise IndexError(f"record {index} of no chunk")
        report, place = self.report_before(index), chunk.batch.byte_of(chunk.in_batch(index))
        error = damage_at(self._opened.files[position.file].path, what, place, report.records - position.file_records)
        if not self._opened.tolerate_truncated:
            raise error
        self._now = _behind(position, report, position.named, set(position.publishers), chunk.records[:index])
        self.report = replace(report, damage=str(error))

    def _enter(self, number: int) -> None:
        """Go over to the next file. What the stream said about the symbol holds on where its metadata says nothing."""
        header = self._opened.headers[number]
        named = None if header.intervals else self._now.named
        self._now = replace(
            self._now, file=number, byte_offset=header.size, file_records=self.report.records, named=named
        )

    def _chunks_of(self, number: int, seen: set[int]) -> Iterator[np.ndarray]:
        """The chunks of one file from where this pass stands in it. `seen` are the publishers met so far."""
        opened, report = self._opened, self.report
        file, header = opened.files[number], opened.headers[number]
        track = SymbolTrack(opened.symbol, header.intervals, self._now.named)
        fresh = number > 0 and self._now.byte_offset == header.size
        source = ByteSource(file.path)
        try:
            at, read = self._now.byte_offset, self._now.records - self._now.file_records
            for batch in read_batches(file.path, source, at, header.words, opened.chunk_bytes, read):
                before = replace(self._now, byte_offset=batch.offset)
                kept, unmapped = track.select(batch.records, batch.mappings)
                of_symbol = batch.records[kept]
                of_publisher = self._of_publisher(file.path, of_symbol, seen)
                wanted = of_symbol[of_publisher]
                if opened.clock == "ts_event":
                    wanted = by_event_time(wanted)
                report.records += batch.count
                report.filtered += len(batch.records) - len(wanted)
                report.unmapped += 0 if unmapped is None else int(np.count_nonzero(unmapped))
                for rtype, times in batch.skipped_before(len(batch.records)).items():
                    report.skipped[rtype] = report.skipped.get(rtype, 0) + times
                self._now = _behind(before, report, track.named, seen, wanted if opened.timed else wanted[:0])
                if fresh and len(wanted):
                    self._refuse_seam(number, before.clock[CLOCK], wanted)
                    fresh = False
                if len(wanted):
                    self.position = before
                    self._chunk = _Chunk(wanted, batch, kept, unmapped, of_publisher)
                    yield wanted
        finally:
            source.close()
        if not track.known:
            raise SymbolError(
                f"{file.path}: nothing in the file maps {listed([opened.symbol])} to an instrument; "
                f"it has {listed(sorted(track.names))}"
            )

    def _of_publisher(self, path: Path, records: np.ndarray, seen: set[int]) -> np.ndarray | slice:
        """Which records are of the publisher; a mixture is refused if none was chosen."""
        everything = slice(None)
        if not len(records):
            return everything
        ids = records["publisher_id"]
        first = int(ids[0])
        here = {first} if (ids == first).all() else {int(i) for i in np.unique(ids)}
        seen |= here
        if self._opened.publisher is not None:
            return everything if here == {self._opened.publisher} else ids == self._opened.publisher
        if len(seen) > 1:
            raise SymbolError(f"{path}: choose a publisher; the file mixes {listed(sorted(seen))}")
        return everything

    def _refuse_seam(self, number: int, last_ns: int, records: np.ndarray) -> None:
        """Whether two files follow one another, where only the records say so."""
        before, after = self._opened.files[number - 1], self._opened.files[number]
        if before.end_ns is not None and after.start_ns is not None:
            return
        state = clock_state()
        follow(records, state)
        ends = before.end_ns if before.end_ns is not None else last_ns
        begins = after.start_ns if after.start_ns is not None else int(state[BEGAN])
        if ends and begins:
            refuse_gap(before.path, ends, after.path, begins, claimed=False)


def _behind(
    before: ReadPosition, report: ReadReport, named: Named | None, seen: set[int], timed: np.ndarray
) -> ReadPosition:
    """Where a pass stands behind a batch; `timed` are the records of the instrument in it, if their clock matters."""
    state = np.array(before.clock, np.int64)
    whole_ns, is_open = before.whole_ns, before.open
    if len(timed):
        ends = _last_event_end(timed)
        resumed = bool(state[WITHIN]) and not timed["flags"][0] & F_SNAPSHOT
        follow(timed[: ends + 2], state)  # with the first record of an event that has not ended
        if ends >= 0 or resumed or not is_open:
            whole_ns, is_open = int(state[CLOCK]), ends < len(timed) - 1
        follow(timed[ends + 2 :], state)
    return replace(
        before,
        records=report.records,
        filtered=report.filtered,
        unmapped=report.unmapped,
        skipped=tuple(sorted(report.skipped.items())),
        named=named,
        publishers=tuple(sorted(seen)),
        clock=tuple(state.tolist()),
        whole_ns=whole_ns,
        open=is_open,
    )


def _last_event_end(records: np.ndarray) -> int:
    """Index of the last record with F_LAST, or of a snapshot that a live record follows; -1 if there is none."""
    for begin in (max(len(records) - _TAIL_RECORDS, 0), 0):
        flags = records["flags"][begin:]
        ended = flags & F_LAST != 0
        ended[:-1] |= (flags[:-1] & F_SNAPSHOT != 0) & (flags[1:] & F_SNAPSHOT == 0)
        ends = np.flatnonzero(ended)
        if len(ends):
            return begin + int(ends[-1])
    return -1
