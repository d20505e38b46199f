"""DBN files in the making: metadata, and bytes that are hashed, and compressed if wanted, on their way to disk."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Final

import zstandard
from databento_dbn import Metadata, Schema, SType
from databento_dbn.metadata import MappingInterval

from vp_book.atomic import StagedFile
from vp_book.records import NS_PER_S

DBN_VERSION: Final = 3
_LEVEL: Final = 3


class HashedOutput:
    """Writes bytes to a staged file, compressed with zstd if wanted, and hashes both what comes in and what goes out.

    The compressed bytes depend on the version of the zstd library, what comes in does not.
    """

    def __init__(self, file: StagedFile, *, compress: bool) -> None:
        self._file = file
        # a compressor of its own: the objects of one share their state
        self._compressor = (
            zstandard.ZstdCompressor(level=_LEVEL, write_checksum=True).compressobj() if compress else None
        )
        self.content = hashlib.sha256()
        self.written = hashlib.sha256()

    def write(self, data: bytes) -> None:
        """Take all of `data`."""
        self.content.update(data)
        self._pass_on(self._compressor.compress(data) if self._compressor else data)

    def finish(self) -> None:
        """End the zstd frame."""
        if self._compressor:
            self._pass_on(self._compressor.flush())

    def _pass_on(self, data: bytes) -> None:
        self.written.update(data)
        self._file.write(data)


def utc_date(ns: int) -> date:
    """The UTC day of a time, ns UTC."""
    return datetime.fromtimestamp(ns // NS_PER_S, tz=UTC).date()


@dataclass(slots=True)
class _Interval:
    start_date: date
    end_date: date
    symbol: str


@dataclass(slots=True)
class _Mapping:
    raw_symbol: str
    intervals: Sequence[MappingInterval]


def mbo_metadata(dataset: str, symbol: str, instrument_id: int, start_ns: int, end_ns: int) -> Metadata:
    """Metadata of a file of one instrument's market-by-order records, from `start_ns` to `end_ns` (exclusive), ns UTC.

    The symbol is mapped to the instrument id on every UTC day of that span.
    """
    interval = _Interval(utc_date(start_ns), utc_date(end_ns - 1) + timedelta(days=1), str(instrument_id))
    return Metadata(
        dataset=dataset,
        start=start_ns,
        end=end_ns,
        stype_in=SType.from_str("raw_symbol"),
        stype_out=SType.from_str("instrument_id"),
        schema=Schema.from_str("mbo"),
        symbols=[symbol],
        partial=[],
        not_found=[],
        mappings=[_Mapping(symbol, [interval])],
        ts_out=False,
        version=DBN_VERSION,
    )
