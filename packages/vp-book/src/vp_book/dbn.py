"""Opening DBN files: metadata, symbols, and market-by-order records in chunks of bounded size."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from os import PathLike
from pathlib import Path
from typing import Final

import databento_dbn
import numpy as np

from . import _stride
from ._bytes import DBN_MAGIC, ByteSource, CorruptBytesError, read_ahead
from ._mapping import read_mapping
from .errors import DbnDamagedError, DbnError, DbnFormatError, ParameterError, SymbolError
from .records import MBO_BYTES, MBO_DTYPE, MBO_WORDS, RTYPE_MBO

_VERSIONS: Final = (1, 2, 3)
_RTYPE_SYMBOL_MAPPING: Final = 22
_MAX_METADATA_BYTES: Final = 64 << 20
"""A few kilobytes of zstd can claim any length; a hundred thousand symbols take 22 MB."""
_NS: Final = 1_000_000_000
_FOREVER: Final = 2**64 - 1


@dataclass(slots=True)
class ReadReport:
    """What one pass over a file met; filled while it is iterated.

    `records` counts whole records of every type, `skipped` those that were not market-by-order records by their rtype,
    `filtered` those of other instruments or publishers. `damage` says why reading stopped early, if it did.
    """

    records: int = 0
    skipped: dict[int, int] = field(default_factory=dict)
    filtered: int = 0
    damage: str | None = None


@dataclass(frozen=True, slots=True)
class _Interval:
    """`symbol` is `instrument_id` from `start_ns` up to `end_ns` of ts_recv."""

    instrument_id: int
    start_ns: int
    end_ns: int


@dataclass(frozen=True, slots=True)
class ReadPosition:
    """Where a pass over a file stood before a chunk: enough to go on from there as if it had never stopped.

    `byte_offset` counts decompressed bytes. The rest is what the pass had learned by then: its report, the instrument
    ids of the symbol as (id, from ts_recv, to ts_recv), and the publishers met.
    """

    byte_offset: int
    records: int
    filtered: int
    skipped: dict[int, int]
    instrument_ids: list[tuple[int, int, int]]
    publishers: list[int]


class DbnSource:
    """A DBN file of the mbo schema. Iterating yields arrays of `MBO_DTYPE` with one instrument's records.

    Each iteration reads the file anew from its start; `report` belongs to the newest one, and `position` is where the
    chunk it yielded last begins (None before the first).
    """

    def __init__(
        self, path: Path, symbol: str | None, publisher: int | None, chunk_records: int, tolerate_truncated: bool
    ) -> None:
        self.path = path
        self.report = ReadReport()
        self.position: ReadPosition | None = None
        self.publisher = publisher
        self._chunk_bytes = chunk_records * MBO_BYTES
        self._tolerate = tolerate_truncated
        source = ByteSource(path)
        try:
            self.version, metadata, self._header_bytes = _read_metadata(path, source)
        except CorruptBytesError as error:
            raise self._damage(f"corrupt zstd data ({error})", error.offset, self.report) from None
        finally:
            source.close()
        schema = metadata.schema
        if schema is not None and str(schema) != "mbo":
            raise DbnFormatError(f"{path}: schema is {schema}, only mbo can be replayed")
        self.dataset = metadata.dataset
        self.start_ns = metadata.start
        self.end_ns = metadata.end
        try:
            self._intervals = _intervals(metadata)
        except ValueError as error:  # a date that is none
            raise DbnDamagedError(f"{path}: metadata can not be decoded ({error})", offset=8, records=0) from None
        self.symbols = sorted(self._intervals) or sorted(metadata.symbols)
        self.symbol = self._choose(symbol)

    def _choose(self, symbol: str | None) -> str:
        if symbol is None:
            if len(self.symbols) == 1:
                return self.symbols[0]
            raise SymbolError(f"{self.path}: choose a symbol; the file has {_listed(self.symbols)}")
        # without mappings in the metadata, symbol-mapping records may still name it
        if self._intervals and symbol not in self._intervals:
            raise SymbolError(f"{self.path}: symbol {symbol} is not in the file; it has {_listed(self.symbols)}")
        return symbol

    def __iter__(self) -> Iterator[np.ndarray]:
        """Chunks of records in file order.

        Raises `DbnDamagedError` when the file ends inside a record or is corrupt (unless that is tolerated: then the
        whole records before the damage are yielded and `report.damage` says what happened), `SymbolError` when several
        publishers are mixed and none was chosen, or when nothing in the file names the symbol.
        """
        known = [(i.instrument_id, i.start_ns, i.end_ns) for i in self._intervals.get(self.symbol, ())]
        return self.chunks_from(ReadPosition(self._header_bytes, 0, 0, {}, known, []))

    def chunks_from(self, position: ReadPosition) -> Iterator[np.ndarray]:
        """The chunks from a position on that an earlier pass over the same file reported; raises as iterating does."""
        self.report = report = ReadReport(position.records, dict(position.skipped), position.filtered)
        intervals = {name: list(values) for name, values in self._intervals.items()}
        if position.instrument_ids:
            intervals[self.symbol] = [_Interval(*known) for known in position.instrument_ids]
        publishers = _PublisherCheck(self.path, self.publisher, position.publishers)
        source = ByteSource(self.path)
        try:
            for before, chunk in self._chunks(source, report, intervals, position.byte_offset):
                self.position = replace(before, publishers=sorted(publishers.seen))
                mine = publishers.only(chunk[self._is_mine(chunk, intervals)])
                report.filtered += len(chunk) - len(mine)
                if len(mine):
                    yield mine
        except DbnDamagedError as error:
            if not self._tolerate:
                raise
            report.damage = str(error)
        finally:
            source.close()
        if self.symbol not in intervals and report.damage is None:
            raise SymbolError(
                f"{self.path}: nothing in the file maps {_listed([self.symbol])} to an instrument; "
                f"it has {_listed(sorted(intervals))}"
            )

    def _chunks(
        self, source: ByteSource, report: ReadReport, intervals: dict[str, list[_Interval]], at: int
    ) -> Iterator[tuple[ReadPosition, np.ndarray]]:
        """(Where they begin, market-by-order records of every instrument) from byte `at` on, as they come."""
        rest = np.empty(0, np.uint8)
        try:
            source.skip(at)
            if source.offset < at:
                raise self._damage(f"ends before byte {at}, where reading was to go on,", source.offset, report)
            for buffer in read_ahead(source, self._chunk_bytes):
                if len(rest):
                    buffer = np.concatenate([rest, buffer])
                ids = [(i.instrument_id, i.start_ns, i.end_ns) for i in intervals.get(self.symbol, ())]
                before = ReadPosition(at, report.records, report.filtered, dict(report.skipped), ids, [])
                records, taken, bad = self._split(buffer, report, intervals)
                if len(records):
                    yield before, records
                if bad:
                    raise self._damage("a record of impossible length", at + taken, report)
                rest = buffer[taken:]
                at += taken
        except CorruptBytesError as error:
            raise self._damage(f"corrupt zstd data ({error})", error.offset, report) from None
        if len(rest):
            raise self._damage("ends inside a record", at, report)
        if not source.ended_whole():
            raise self._damage("ends inside a zstd frame", at, report)

    def _split(
        self, buffer: np.ndarray, report: ReadReport, intervals: dict[str, list[_Interval]]
    ) -> tuple[np.ndarray, int, bool]:
        """(MBO records of a buffer, bytes of its whole records, whether nonsense follows them)."""
        n = len(buffer) // MBO_BYTES
        plain = buffer[: n * MBO_BYTES].view(MBO_DTYPE)
        # if every 56th byte pair says "56 bytes, mbo", then by induction there is nothing else: no copy needed
        if n and (plain["length"] == MBO_WORDS).all() and (plain["rtype"] == RTYPE_MBO).all():
            report.records += n
            return plain, n * MBO_BYTES, False
        offsets = np.empty(len(buffer) // _stride.HEADER_BYTES + 1, np.int64)
        rtypes = np.empty(len(offsets), np.uint8)
        count, taken, bad = _stride.scan(buffer, offsets, rtypes)
        offsets, rtypes = offsets[:count], rtypes[:count]
        report.records += count
        for rtype, times in zip(*np.unique(rtypes[rtypes != RTYPE_MBO], return_counts=True), strict=True):
            report.skipped[int(rtype)] = report.skipped.get(int(rtype), 0) + int(times)
        for at in offsets[rtypes == _RTYPE_SYMBOL_MAPPING]:
            self._take_mapping(buffer[at : at + 4 * int(buffer[at])].tobytes(), intervals)
        mbo = offsets[rtypes == RTYPE_MBO]
        out = np.empty((len(mbo), MBO_BYTES), np.uint8)
        _stride.gather(buffer, mbo, out)
        return out.reshape(-1).view(MBO_DTYPE), int(taken), bool(bad)

    def _take_mapping(self, record: bytes, intervals: dict[str, list[_Interval]]) -> None:
        """A symbol-mapping record of the stream: from its time on, the symbol is this instrument."""
        mapping = read_mapping(record)
        if mapping is None:
            return  # a mapping that can't be read names nothing; it stays counted as skipped
        instrument_id, names = mapping
        for name in names:
            known = intervals.setdefault(name, [])
            if all(i.instrument_id != instrument_id for i in known):
                known.append(_Interval(instrument_id, 0, _FOREVER))

    def _is_mine(self, chunk: np.ndarray, intervals: dict[str, list[_Interval]]) -> np.ndarray | slice:
        """Which records are the symbol's: by instrument id and the UTC date of ts_recv."""
        mine = np.zeros(len(chunk), np.bool_)
        for interval in intervals.get(self.symbol, ()):
            same = chunk["instrument_id"] == interval.instrument_id
            same &= (chunk["ts_recv"] >= interval.start_ns) & (chunk["ts_recv"] < interval.end_ns)
            mine |= same
        return slice(None) if mine.all() else mine

    def _damage(self, what: str, offset: int, report: ReadReport) -> DbnDamagedError:
        return DbnDamagedError(
            f"{self.path}: {what} at byte {offset} (decompressed); {report.records} whole records came before it",
            offset=offset,
            records=report.records,
        )


class _PublisherCheck:
    """A book is of one publisher: keeps the chosen one's records, or refuses a mixture."""

    def __init__(self, path: Path, wanted: int | None, seen: list[int]) -> None:
        self._path = path
        self._wanted = wanted
        self.seen = set(seen)

    def only(self, records: np.ndarray) -> np.ndarray:
        if not len(records):
            return records
        ids = records["publisher_id"]
        first = int(ids[0])
        here = {first} if (ids == first).all() else {int(i) for i in np.unique(ids)}
        self.seen |= here
        if self._wanted is not None:
            return records if here == {self._wanted} else records[ids == self._wanted]
        if len(self.seen) > 1:
            raise SymbolError(f"{self._path}: choose a publisher; the file mixes {_listed(sorted(self.seen))}")
        return records


def open_dbn(
    path: str | PathLike[str],
    *,
    symbol: str | None = None,
    publisher: int | None = None,
    chunk_records: int = 262_144,
    tolerate_truncated: bool = False,
) -> DbnSource:
    """Open a `.dbn` or `.dbn.zst` file of the mbo schema, DBN version 1, 2 or 3.

    Iterating the result yields arrays of `MBO_DTYPE` with at most `chunk_records` records of `symbol` (which may be
    left out when the file has just one) from `publisher`. Raises `DbnFormatError` for what is not such a file,
    `DbnDamagedError` for damaged metadata, `SymbolError` for a symbol that is not there, `ParameterError` for a chunk
    below one record.
    """
    if chunk_records < 1:
        raise ParameterError(f"chunk_records must be at least 1, got {chunk_records!r}")
    return DbnSource(Path(path), symbol, publisher, chunk_records, tolerate_truncated)


def _read_metadata(path: Path, source: ByteSource) -> tuple[int, databento_dbn.Metadata, int]:
    """(DBN version, metadata, bytes up to the first record)."""
    prefix = source.read(8)
    if len(prefix) < 8 and not source.ended_whole():
        raise DbnDamagedError(f"{path}: ends inside its first zstd frame", offset=len(prefix), records=0)
    if prefix[:3] != DBN_MAGIC:
        raise DbnFormatError(f"{path}: the decompressed bytes are not DBN; a fragment without metadata can not be read")
    if len(prefix) < 8:
        raise DbnDamagedError(f"{path}: ends inside the metadata at byte {len(prefix)}", offset=len(prefix), records=0)
    version = prefix[3]
    if version not in _VERSIONS:
        raise DbnFormatError(f"{path}: DBN version {version} is not known; versions 1, 2 and 3 are")
    length = int.from_bytes(prefix[4:8], "little")
    if length > _MAX_METADATA_BYTES:
        raise DbnDamagedError(f"{path}: metadata claims {length} bytes", offset=4, records=0)
    body = source.read(length)
    if len(body) < length:
        end = 8 + len(body)
        raise DbnDamagedError(f"{path}: ends inside the metadata at byte {end}", offset=end, records=0)
    try:
        metadata = databento_dbn.Metadata.decode(prefix + body)
    except databento_dbn.DBNError as error:
        raise DbnDamagedError(f"{path}: metadata can not be decoded ({error})", offset=8, records=0) from None
    return version, metadata, 8 + length


def _intervals(metadata: databento_dbn.Metadata) -> dict[str, list[_Interval]]:
    """Instrument ids by symbol. An id holds for its UTC dates only."""
    found: dict[str, list[_Interval]] = {}
    for symbol, entries in metadata.mappings.items():
        for entry in entries:
            if not str(entry["symbol"]).isdecimal():
                raise DbnError(f"symbol {symbol!r} maps to {entry['symbol']!r}, which is no instrument id")
            interval = _Interval(
                int(entry["symbol"]), _midnight_ns(entry["start_date"]), _midnight_ns(entry["end_date"])
            )
            found.setdefault(symbol, []).append(interval)
    return found


def _midnight_ns(day: date) -> int:
    return int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp()) * _NS


def _listed(values: list[str] | list[int]) -> str:
    # a damaged file may name symbols that no terminal should be sent
    shown = ", ".join(text if (text := str(value)).isprintable() else ascii(text) for value in values[:20])
    return (shown or "none") + (f" and {len(values) - 20} more" if len(values) > 20 else "")
