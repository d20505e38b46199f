"""What a feed sent, kept as it came: DBN files that are whole up to the last piece whatever dies when, and marks.

A recording is a directory. Its parts are DBN files, numbered, one for each connection and UTC day; their bytes are
those that were received, and a part that goes on after midnight begins with metadata of its own, which says what the
symbols are. `marks.jsonl` keeps what made a difference to the bins and is in no record (`FeedMark`).
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from io import FileIO
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Final

import databento_dbn
import numpy as np

from vp_book.bins.reader import Bin
from vp_book.dbn.header import Header
from vp_book.dbn.reading import Batch
from vp_book.dbn.source import open_dbn
from vp_book.errors import DbnError, DbnFormatError, SymbolError
from vp_book.records import NS_PER_S

from .bins import FeedMark, LiveBins, replay_marked

MARKS_FILE: Final = "marks.jsonl"
ABOUT_FILE: Final = "about.json"

_DAY_NS: Final = 86_400_000_000_000
_LEAST_PART: Final = 128
"""Bytes below which not even the metadata of a part can be whole."""


class Recorder:
    """Writes one recording. The directory is made; it must not be there yet.

    `about` is kept beside the parts, plain JSON values. Every piece is given to the system at once, so that the end of
    the process loses nothing of it. Raises OSError when something cannot be written.
    """

    def __init__(self, directory: Path, about: Mapping[str, object]) -> None:
        self.directory = directory
        self.bytes = self.parts = 0
        directory.mkdir(parents=True)
        (directory / ABOUT_FILE).write_text(json.dumps(dict(about), indent=1) + "\n", encoding="utf-8")
        self._marks = FileIO(directory / MARKS_FILE, "xb")
        self._part: FileIO | None = None
        self._ends_ns = 0  # of the day of the part at hand
        self._head = b""
        self._symbols: dict[str, int] = {}

    def begin(self, head: bytes, header: Header, opened_ns: int) -> None:
        """Another connection: its metadata, as it came. `opened_ns` is the time if that does not say it."""
        self._head = head
        self._begin_part(head, header.start_ns or opened_ns)

    def write(self, whole: bytes, batch: Batch) -> None:
        """Whole records, as they came; what is of the next UTC day begins a part of that day."""
        for _, mapping in batch.mappings:
            self._symbols.update(dict.fromkeys(mapping.names, mapping.instrument_id))
        at = 0
        times = batch.records["ts_recv"]
        while len(times) and int(times.max()) >= self._ends_ns:
            tomorrow = (times >= self._ends_ns) & (times < self._ends_ns + _DAY_NS)  # and no time that is none
            if not tomorrow.any():
                break
            cut = batch.byte_of(int(np.argmax(tomorrow))) - batch.offset
            self._append(whole[at:cut])
            at = cut
            self._begin_part(self._head_of_day(), self._ends_ns)
        self._append(whole[at:])

    def lost(self, ts_ns: int) -> None:
        """The connection is lost; the next part is of another one."""
        self._mark({"lost_ns": ts_ns, "part": self.parts + 1})

    def mark(self, symbol: str, mark: FeedMark) -> None:
        """A mark of the bins of one instrument; those of a lost connection are in `lost`."""
        if mark.kind == "close":
            self._mark({"symbol": symbol, "records": mark.records, "close_ns": mark.ts_ns})

    def close(self) -> None:
        """Nothing more comes."""
        self._marks.close()
        if self._part is not None:
            self._part.close()
            self._part = None

    def _append(self, data: bytes) -> None:
        if data and self._part is not None:
            _write_all(self._part, data)
            self.bytes += len(data)

    def _begin_part(self, head: bytes, start_ns: int) -> None:
        if self._part is not None:
            self._part.close()
        self.parts += 1
        day = start_ns // _DAY_NS
        self._ends_ns = (day + 1) * _DAY_NS
        name = f"{self.parts:04d}-{datetime.fromtimestamp(start_ns // NS_PER_S, tz=UTC):%Y%m%d}.dbn"
        self._part = FileIO(self.directory / name, "xb")
        self._append(head)

    def _head_of_day(self) -> bytes:
        """Metadata of the day that begins now, with what the symbols are: no record of the part need say it."""
        metadata = databento_dbn.Metadata.decode(self._head)
        day = datetime.fromtimestamp(self._ends_ns // NS_PER_S, tz=UTC).date()
        around = (day - timedelta(days=1), day + timedelta(days=2))  # a record may be late
        mappings: list[Any] = [
            SimpleNamespace(
                raw_symbol=name,
                intervals=[SimpleNamespace(start_date=around[0], end_date=around[1], symbol=str(number))],
            )
            for name, number in sorted(self._symbols.items())
        ]
        return bytes(
            databento_dbn.Metadata(
                dataset=metadata.dataset,
                start=self._ends_ns,
                stype_in=databento_dbn.SType.from_str("raw_symbol"),
                stype_out=databento_dbn.SType.from_str("instrument_id"),
                schema=None,
                symbols=sorted(self._symbols),
                mappings=mappings,
                ts_out=metadata.ts_out,
                version=metadata.version,
            )
        )

    def _mark(self, fields: dict[str, object]) -> None:
        _write_all(self._marks, json.dumps(fields).encode() + b"\n")


class Recording:
    """A recording as it lies on the disk, whole or left behind by a process that was killed.

    `parts` are its DBN files in order, `about` what was kept with them. Raises `DbnFormatError` for a directory that
    is no recording.
    """

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.parts = sorted(directory.glob("[0-9]" * 4 + "-*.dbn"))
        try:
            self.about: dict[str, Any] = json.loads((directory / ABOUT_FILE).read_bytes())
            lines = (directory / MARKS_FILE).read_bytes().splitlines(keepends=True)
        except (OSError, ValueError) as error:
            raise DbnFormatError(f"{directory}: is no recording of a feed ({error})") from None
        # the last line may have been cut
        self._marks: list[dict[str, Any]] = [json.loads(line) for line in lines if line.endswith(b"\n")]

    def bins(self, live: LiveBins) -> Iterator[Bin]:
        """The bins that the feed gave of one instrument, to the bit; `live` is fresh, with the arguments of then.

        A record at the end that was not written whole is left out, and so are marks of records that are not there.
        """
        symbol = live.engine.instrument.symbol
        lost: dict[int, int] = {}
        before: dict[int, list[FeedMark]] = {}
        part = 0
        for mark in self._marks:
            if "lost_ns" in mark:
                part = int(mark["part"])
                lost.setdefault(part, int(mark["lost_ns"]))
            elif mark["symbol"] == symbol:
                before.setdefault(part, []).append(FeedMark("close", int(mark["records"]), int(mark["close_ns"])))
        segments = sorted({0, *lost})
        for begin, end in zip(segments, [*segments[1:], len(self.parts) + 1], strict=True):
            if begin in lost:
                live.lose(lost[begin])
            source = (chunk for path in self.parts[max(begin, 1) - 1 : end - 1] for chunk in _records_of(path, symbol))
            yield from replay_marked(source, live, before.get(begin, []))


def _records_of(path: Path, symbol: str) -> Iterator[np.ndarray]:
    """The records of one instrument in one part. A part may end before anything says what the symbol is."""
    try:
        source = open_dbn(path, symbol=symbol, tolerate_truncated=True)
    except DbnError:
        if path.stat().st_size < _LEAST_PART:
            return  # not even its metadata were written
        raise
    some = False
    try:
        for chunk in source:
            some = True
            yield chunk
    except SymbolError:
        if some:
            raise


def _write_all(file: FileIO, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[file.write(view) or 0 :]
