"""Opening DBN files: one, or those of a session in order, as market-by-order records in chunks of bounded size."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from os import PathLike, fspath
from pathlib import Path
from typing import Final

import numpy as np

from vp_book._checks import whole_number
from vp_book.book.events import EVENT_LIMIT_NS
from vp_book.errors import DbnDamagedError, DbnError, ParameterError, SymbolError
from vp_book.records import F_LAST, F_SNAPSHOT, MBO_BYTES

from .bytes import ByteSource
from .files import DbnFile, refuse_disorder, refuse_gap
from .header import damage_at, read_header
from .reading import Batch, ReadReport, read_batches
from .stream_clock import BEGAN, CLOCK, WITHIN, clock_state, follow
from .symbols import Named, SymbolTrack, listed, refuse_overlap

_MOST_RECORDS: Final = 2**31 // MBO_BYTES


@dataclass(frozen=True, slots=True)
class ReadPosition:
    """Where a pass over a source stood before a chunk: enough to go on from there as if it had never stopped.

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
    """What was yielded last, and from where: for an error that names the place of one of its records."""

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


class DbnSource:
    """One or several DBN files of the mbo schema. Iterating yields arrays of `MBO_DTYPE` with one instrument's records.

    Each iteration reads the files anew from the start of the first; `report` belongs to the newest one, and `position`
    is where the chunk it yielded last begins (None before the first). A chunk never spans two files.
    """

    def __init__(
        self,
        paths: list[Path],
        symbol: str | None,
        publisher: int | None,
        chunk_records: int,
        tolerate_truncated: bool,
    ) -> None:
        self._headers = [read_header(path) for path in paths]
        self.files = tuple(DbnFile(path, h.start_ns, h.end_ns) for path, h in zip(paths, self._headers, strict=True))
        refuse_disorder(self.files)
        first = self._headers[0]
        self.path = paths[0]
        self.version, self.dataset, self.start_ns = first.version, first.dataset, first.start_ns
        self.end_ns = self._headers[-1].end_ns
        self.publisher = publisher
        self.report = ReadReport()
        self.position: ReadPosition | None = None
        self.tolerate_truncated = tolerate_truncated
        self._chunk_bytes = chunk_records * MBO_BYTES
        # how far the market is known follows from the records only where the metadata does not say, or may be wrong
        self._timed = tolerate_truncated or any(f.start_ns is None or f.end_ns is None for f in self.files)
        self._chunk: _Chunk | None = None
        self._now = ReadPosition(0, first.size)
        for path, header in zip(paths, self._headers, strict=True):
            if header.dataset != first.dataset:
                raise DbnError(f"{path} is of dataset {header.dataset}, {paths[0]} of {first.dataset}")
        self.symbols = sorted({name for header in self._headers for name in header.intervals or header.symbols})
        self.symbol = self._choose(symbol)
        for path, header in zip(paths, self._headers, strict=True):
            refuse_overlap(path, self.symbol, header.intervals.get(self.symbol, []))

    def _choose(self, symbol: str | None) -> str:
        if symbol is None:
            if len(self.symbols) == 1:
                return self.symbols[0]
            raise SymbolError(f"{self.path}: choose a symbol; the file has {listed(self.symbols)}")
        for file, header in zip(self.files, self._headers, strict=True):
            # without mappings in the metadata, symbol-mapping records may still name it
            if header.intervals and symbol not in header.intervals:
                has = listed(sorted(header.intervals))
                raise SymbolError(f"{file.path}: symbol {symbol} is not in the file; it has {has}")
        return symbol

    @property
    def covered_ns(self) -> tuple[int, int]:
        """The span of ts_recv, start inclusive and end exclusive, in which this source knows the market.

        What the metadata claims; where it claims nothing, the first record of the instrument and the last one, as far
        as they have been read. After damage it ends where the last whole event before it does. Complete once the
        source has been iterated to its end.
        """
        began, clock = self._now.clock[BEGAN], self._now.clock[CLOCK]
        start = self.start_ns if self.start_ns is not None else began
        if self.report.damage is not None:
            return start, max(start, self._now.whole_ns, clock - EVENT_LIMIT_NS)
        if self.end_ns is not None:
            return start, self.end_ns
        return start, max(start, clock + 1) if clock else start

    def __iter__(self) -> Iterator[np.ndarray]:
        """Chunks of records in file order.

        Raises `DbnDamagedError` when a file ends inside a record or is corrupt (unless that is tolerated: then the
        whole records before the damage are yielded and `report.damage` says what happened), `DbnError` when the files
        prove to overlap or to leave a gap, `SymbolError` when several publishers are mixed and none was chosen, when
        the chosen one has no record, or when nothing in a file names the symbol.
        """
        return self.chunks_from(ReadPosition(0, self._headers[0].size))

    def chunks_from(self, position: ReadPosition) -> Iterator[np.ndarray]:
        """The chunks from a position on that an earlier pass over the same files reported; raises as iterating does."""
        self._now = position
        self.report = ReadReport(position.records, dict(position.skipped), position.filtered, position.unmapped)
        seen = set(position.publishers)
        for number in range(position.file, len(self.files)):
            if number > position.file:
                self._enter(number)
            try:
                yield from self._chunks_of(number, seen)
            except DbnDamagedError as error:
                if not self.tolerate_truncated:
                    raise
                self.report.damage = str(error)
                return
        if self.publisher is not None and seen and self.publisher not in seen:
            raise SymbolError(
                f"{self._told()}: publisher {self.publisher} has no record of {self.symbol}; "
                f"there are records of {listed(sorted(seen))}"
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
        error = damage_at(self.files[position.file].path, what, place, report.records - position.file_records)
        if not self.tolerate_truncated:
            raise error
        self._now = _behind(position, report, position.named, set(position.publishers), chunk.records[:index])
        self.report = replace(report, damage=str(error))

    def _enter(self, number: int) -> None:
        """Go over to the next file. What the stream said about the symbol holds on where its metadata says nothing."""
        header = self._headers[number]
        named = None if header.intervals else self._now.named
        self._now = replace(
            self._now, file=number, byte_offset=header.size, file_records=self.report.records, named=named
        )

    def _chunks_of(self, number: int, seen: set[int]) -> Iterator[np.ndarray]:
        """The chunks of one file from where this pass stands in it. `seen` are the publishers met so far."""
        file, header, report = self.files[number], self._headers[number], self.report
        track = SymbolTrack(self.symbol, header.intervals, self._now.named)
        fresh = number > 0 and self._now.byte_offset == header.size
        source = ByteSource(file.path)
        try:
            read = self._now.records - self._now.file_records
            for batch in read_batches(file.path, source, self._now.byte_offset, header.words, self._chunk_bytes, read):
                before = replace(self._now, byte_offset=batch.offset)
                kept, unmapped = track.mine_of(batch.records, batch.mappings)
                own = batch.records[kept]
                of_publisher = self._of_publisher(file.path, own, seen)
                mine = own[of_publisher]
                report.records += batch.count
                report.filtered += len(batch.records) - len(mine)
                report.unmapped += 0 if unmapped is None else int(np.count_nonzero(unmapped))
                for rtype, times in batch.skipped_before(len(batch.records)).items():
                    report.skipped[rtype] = report.skipped.get(rtype, 0) + times
                self._now = _behind(before, report, track.named, seen, mine if self._timed else mine[:0])
                if fresh and len(mine):
                    self._refuse_seam(number, before.clock[CLOCK], mine)
                    fresh = False
                if len(mine):
                    self.position = before
                    self._chunk = _Chunk(mine, batch, kept, unmapped, of_publisher)
                    yield mine
        finally:
            source.close()
        if not track.known:
            raise SymbolError(
                f"{file.path}: nothing in the file maps {listed([self.symbol])} to an instrument; "
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
        if self.publisher is not None:
            return everything if here == {self.publisher} else ids == self.publisher
        if len(seen) > 1:
            raise SymbolError(f"{path}: choose a publisher; the file mixes {listed(sorted(seen))}")
        return everything

    def _refuse_seam(self, number: int, last_ns: int, records: np.ndarray) -> None:
        """Whether two files follow one another, where only the records say so."""
        before, after = self.files[number - 1], self.files[number]
        if before.end_ns is not None and after.start_ns is not None:
            return
        state = clock_state()
        follow(records, state)
        ends = before.end_ns if before.end_ns is not None else last_ns
        begins = after.start_ns if after.start_ns is not None else int(state[BEGAN])
        if ends and begins:
            refuse_gap(before.path, ends, after.path, begins, claimed=False)

    def _told(self) -> str:
        return ", ".join(str(file.path) for file in self.files)


def open_dbn(
    path: str | PathLike[str] | Sequence[str | PathLike[str]],
    *,
    symbol: str | None = None,
    publisher: int | None = None,
    chunk_records: int = 262_144,
    tolerate_truncated: bool = False,
) -> DbnSource:
    """Open a `.dbn` or `.dbn.zst` file of the mbo schema, DBN version 1, 2 or 3, or the files of one session in order.

    Iterating the result yields arrays of `MBO_DTYPE` with at most `chunk_records` records of `symbol` (which may be
    left out when there is just one) from `publisher`. Several files are one session: each has to go on where the one
    before it ends.

    Raises `DbnFormatError` for what is not such a file, `DbnDamagedError` for damaged metadata, `SymbolError` for a
    symbol that is not there or is two instruments at once, `DbnError` for files that are not in order, overlap, or
    leave a gap, `ParameterError` for an argument that is not what is allowed.
    """
    paths = _checked_paths(path)
    whole_number("chunk_records", chunk_records, 1, _MOST_RECORDS)
    if symbol is not None and not (isinstance(symbol, str) and symbol):
        raise ParameterError(f"symbol={symbol!r}: must be a text, or None where there is one symbol")
    if publisher is not None:
        whole_number("publisher", publisher, 0, 2**16 - 1)
    if not isinstance(tolerate_truncated, bool):
        raise ParameterError(f"tolerate_truncated={tolerate_truncated!r}: must be True or False")
    return DbnSource(paths, symbol, publisher, chunk_records, tolerate_truncated)


def _checked_paths(path: object) -> list[Path]:
    paths = []
    for one in path if isinstance(path, (list, tuple)) else [path]:
        if not isinstance(one, (str, PathLike)) or not isinstance(fspath(one), str):
            raise ParameterError(f"path={one!r}: must be a path, or a list of paths in order of time")
        paths.append(Path(fspath(one)))
    if not paths:
        raise ParameterError("path=[]: must name at least one file")
    return paths


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
    for begin in (max(len(records) - 64, 0), 0):
        flags = records["flags"][begin:]
        ended = flags & F_LAST != 0
        ended[:-1] |= (flags[:-1] & F_SNAPSHOT != 0) & (flags[1:] & F_SNAPSHOT == 0)
        ends = np.flatnonzero(ended)
        if len(ends):
            return begin + int(ends[-1])
    return -1
