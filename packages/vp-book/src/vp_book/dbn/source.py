"""Opening DBN files: one, or those of a session in order, as market-by-order records in chunks of bounded size."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from os import PathLike, fspath
from pathlib import Path
from typing import Final, get_args

import numpy as np

from vp_book._checked import checked_choice, whole_number
from vp_book.errors import DbnError, ParameterError, SymbolError
from vp_book.records import MBO_BYTES

from .files import DbnFile, refuse_disorder
from .header import read_header
from .passes import DbnPass, OpenedFiles, ReadPosition
from .reading import ReadReport
from .stream_clock import Clock
from .symbols import listed, refuse_overlap

_MOST_RECORDS: Final = 2**31 // MBO_BYTES


class DbnSource:
    """One or several DBN files of the mbo schema. Iterating yields arrays of `MBO_DTYPE` with one instrument's records.

    Each iteration is a new pass over the files; `report` and `covered_ns` belong to the newest one. A chunk never spans
    two files.
    """

    def __init__(
        self,
        paths: list[Path],
        symbol: str | None,
        publisher: int | None,
        chunk_records: int,
        tolerate_truncated: bool,
        clock: Clock = "ts_recv",
    ) -> None:
        self._headers = tuple(read_header(path) for path in paths)
        self.files = tuple(DbnFile(path, h.start_ns, h.end_ns) for path, h in zip(paths, self._headers, strict=True))
        refuse_disorder(self.files)
        first = self._headers[0]
        self.path = paths[0]
        self.version, self.dataset, self.start_ns = first.version, first.dataset, first.start_ns
        self.end_ns = self._headers[-1].end_ns
        self.publisher = publisher
        self.tolerate_truncated = tolerate_truncated
        self.clock = clock
        for path, header in zip(paths, self._headers, strict=True):
            if header.dataset != first.dataset:
                raise DbnError(f"{path} is of dataset {header.dataset}, {paths[0]} of {first.dataset}")
        self.symbols = sorted({name for header in self._headers for name in header.intervals or header.symbols})
        self.symbol = self._choose(symbol)
        for path, header in zip(paths, self._headers, strict=True):
            refuse_overlap(path, self.symbol, header.intervals.get(self.symbol, []))
        self._opened = OpenedFiles(
            files=self.files,
            headers=self._headers,
            symbol=self.symbol,
            publisher=publisher,
            chunk_bytes=chunk_records * MBO_BYTES,
            tolerate_truncated=tolerate_truncated,
            timed=tolerate_truncated or any(f.start_ns is None or f.end_ns is None for f in self.files),
            clock=clock,
        )
        self._newest = DbnPass(self._opened)

    def __repr__(self) -> str:
        more = len(self.files) - 1
        return f"DbnSource({self.symbol}, {self.path.name}{f' and {more} more' if more else ''})"

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
    def report(self) -> ReadReport:
        """What the newest pass has met so far."""
        return self._newest.report

    @property
    def covered_ns(self) -> tuple[int, int]:
        """The span of ts_recv, ns UTC, start inclusive and end exclusive, in which this source knows the market.

        What the metadata claims; where it claims nothing, the first record of the instrument and the last one, as far
        as they have been read. After damage it ends where the last whole event before it does. Complete once the
        source has been iterated to its end.
        """
        return self._newest.covered_ns

    def __iter__(self) -> Iterator[np.ndarray]:
        """Chunks of records in file order: arrays of `MBO_DTYPE`, shape (n,), n at least 1.

        Raises `DbnDamagedError` when a file ends inside a record or is corrupt (unless that is tolerated: then the
        whole records before the damage are yielded and `report.damage` says what happened), `DbnError` when the files
        prove to overlap or to leave a gap, `SymbolError` when several publishers are mixed and none was chosen, when
        the chosen one has no record, or when nothing in a file names the symbol.
        """
        return iter(self.read_from())

    def read_from(self, position: ReadPosition | None = None) -> DbnPass:
        """A pass from a position that an earlier pass over the same files reported, or from the start."""
        self._newest = DbnPass(self._opened, position)
        return self._newest


def open_dbn(
    path: str | PathLike[str] | Sequence[str | PathLike[str]],
    *,
    symbol: str | None = None,
    publisher: int | None = None,
    chunk_records: int = 262_144,
    tolerate_truncated: bool = False,
    clock: Clock = "ts_recv",
) -> DbnSource:
    """Open a `.dbn` or `.dbn.zst` file of the mbo schema, DBN version 1, 2 or 3, or the files of one session in order.

    Iterating the result yields arrays of `MBO_DTYPE` with at most `chunk_records` records of `symbol` (which may be
    left out when there is just one) from `publisher`. Several files are one session: each has to go on where the one
    before it ends.

        for records in open_dbn("esh6.mbo.dbn.zst"):
            print(len(records), records["ts_recv"][0], records["price"][0])  # ns UTC, 1e-9 of the currency

    With `clock="ts_event"` the `ts_recv` of every live record is its `ts_event`: whatever is computed of it tells time
    by the venue's clock instead of that of the capture. Records of a snapshot keep theirs.

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
    checked_choice("clock", clock, get_args(Clock))
    return DbnSource(paths, symbol, publisher, chunk_records, tolerate_truncated, clock)


def _checked_paths(path: object) -> list[Path]:
    paths = []
    for one in path if isinstance(path, (list, tuple)) else [path]:
        if not isinstance(one, (str, PathLike)) or not isinstance(fspath(one), str):
            raise ParameterError(f"path={one!r}: must be a path, or a list of paths in order of time")
        paths.append(Path(fspath(one)))
    if not paths:
        raise ParameterError("path=[]: must name at least one file")
    return paths
