"""The head of a DBN file: its version and metadata, read before the first record."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

import databento_dbn

from vp_book.errors import DbnDamagedError, DbnFormatError
from vp_book.records import MBO_WORDS, UNDEF_TIMESTAMP

from .bytes import DBN_MAGIC, ByteSource, CorruptBytesError
from .symbols import Interval, intervals_of

_VERSIONS: Final = (1, 2, 3)
_PREFIX_BYTES: Final = 8
_MAX_METADATA_BYTES: Final = 64 << 20
"""A few kilobytes of zstd can claim any length; a hundred thousand symbols take 22 MB."""
_TS_OUT_WORDS: Final = 2


@dataclass(frozen=True, slots=True)
class Header:
    """What stands before the records of one file.

    `start_ns` and `end_ns` are the span that the metadata claims, None where it claims none. `size` is the bytes up to
    the first record, `words` the only `length` that a market-by-order record of this file can have. `intervals` are
    the mappings by symbol, `symbols` the names that the file was asked for.
    """

    version: int
    dataset: str
    start_ns: int | None
    end_ns: int | None
    size: int
    words: int
    symbols: tuple[str, ...]
    intervals: dict[str, list[Interval]]


def read_header(path: Path) -> Header:
    """Read it. Raises `DbnFormatError` for what is no such file, `DbnDamagedError` for a damaged one."""
    source = ByteSource(path)
    try:
        version, metadata, size = _read_metadata(path, source)
    except CorruptBytesError as error:
        raise damage_at(path, f"corrupt zstd data ({error})", error.offset, 0) from None
    finally:
        source.close()
    return _header_of(path, version, metadata, size)


def pushed_header(name: Path, data: bytes) -> tuple[Header | None, int]:
    """(The header at the front of bytes that come piece by piece, its size); None as long as it is not whole.

    `name` is what the bytes are called in a message. Raises as `read_header` does.
    """
    if len(data) < _PREFIX_BYTES:
        return None, 0
    size = _PREFIX_BYTES + _metadata_bytes(name, data)
    if len(data) < size:
        return None, 0
    metadata = _decode(name, data[:size])
    return _header_of(name, data[3], metadata, size), size


def _header_of(path: Path, version: int, metadata: databento_dbn.Metadata, size: int) -> Header:
    schema = metadata.schema
    if schema is not None and str(schema) != "mbo":
        raise DbnFormatError(f"{path}: schema is {schema}, only mbo can be replayed")
    start, end = metadata.start, metadata.end
    try:
        intervals = intervals_of(path, metadata)
    except ValueError as error:  # a date that is none
        raise DbnDamagedError(f"{path}: metadata cannot be decoded ({error})", offset=8, records=0) from None
    return Header(
        version=version,
        dataset=metadata.dataset,
        start_ns=start if 0 < start < UNDEF_TIMESTAMP else None,
        end_ns=end if end is not None and 0 < end < UNDEF_TIMESTAMP else None,
        size=size,
        words=MBO_WORDS + (_TS_OUT_WORDS if metadata.ts_out else 0),
        symbols=tuple(metadata.symbols),
        intervals=intervals,
    )


def damage_at(path: Path, what: str, offset: int, records: int) -> DbnDamagedError:
    """The error for damage at a byte of the decompressed file, behind `records` whole records of it."""
    return DbnDamagedError(
        f"{path}: {what} at byte {offset} (decompressed); {records} whole records came before it",
        offset=offset,
        records=records,
    )


def _read_metadata(path: Path, source: ByteSource) -> tuple[int, databento_dbn.Metadata, int]:
    """(DBN version, metadata, bytes up to the first record)."""
    prefix = source.read(_PREFIX_BYTES)
    if len(prefix) < _PREFIX_BYTES and not source.ended_whole():
        raise DbnDamagedError(f"{path}: ends inside its first zstd frame", offset=len(prefix), records=0)
    if prefix[:3] != DBN_MAGIC:
        raise DbnFormatError(f"{path}: the decompressed bytes are not DBN; a fragment without metadata cannot be read")
    if len(prefix) < _PREFIX_BYTES:
        raise DbnDamagedError(f"{path}: ends inside the metadata at byte {len(prefix)}", offset=len(prefix), records=0)
    length = _metadata_bytes(path, prefix)
    body = source.read(length)
    if len(body) < length:
        end = _PREFIX_BYTES + len(body)
        raise DbnDamagedError(f"{path}: ends inside the metadata at byte {end}", offset=end, records=0)
    return prefix[3], _decode(path, prefix + body), _PREFIX_BYTES + length


def _metadata_bytes(path: Path, prefix: bytes) -> int:
    """The length that the first eight bytes claim for the metadata behind them."""
    version = prefix[3]
    if version not in _VERSIONS:
        raise DbnFormatError(f"{path}: DBN version {version} is not known; versions 1, 2 and 3 are")
    length = int.from_bytes(prefix[4:8], "little")
    if length > _MAX_METADATA_BYTES:
        raise DbnDamagedError(f"{path}: metadata claims {length} bytes", offset=4, records=0)
    return length


def _decode(path: Path, head: bytes) -> databento_dbn.Metadata:
    try:
        return databento_dbn.Metadata.decode(head)
    except databento_dbn.DBNError as error:
        raise DbnDamagedError(f"{path}: metadata cannot be decoded ({error})", offset=8, records=0) from None
