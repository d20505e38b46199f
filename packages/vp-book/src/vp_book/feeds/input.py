"""The bytes of a feed's file: raw or gzip, in blocks that a thread reads ahead, hashed as they lie on the disk."""

from __future__ import annotations

import gzip
import hashlib
import io
import zlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import date, datetime, time
from pathlib import Path
from typing import Any, Final

from vp_book.errors import ConversionError, ParameterError
from vp_book.records import NS_PER_S
from vp_book.sessions import NEW_YORK

_GZIP_MAGIC: Final = b"\x1f\x8b"
_FIRST_YEAR: Final = 1971
_LAST_YEAR: Final = 2261


class FeedFile:
    """One input file, read once from its start. `sha256` is that of its bytes as they are stored.

    Raises `ConversionError` for a file that cannot be opened.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._hashed = _Hashed(path)
        zipped = self._hashed.head == _GZIP_MAGIC
        raw = io.BufferedReader(self._hashed, 1 << 20)
        self._stream: Any = gzip.GzipFile(fileobj=raw) if zipped else raw
        self._offset = 0

    def __enter__(self) -> FeedFile:
        return self

    def __exit__(self, *error: object) -> None:
        self._hashed.close()

    @property
    def sha256(self) -> str:
        """Complete once everything was read."""
        return self._hashed.digest.hexdigest()

    def text(self) -> io.TextIOWrapper:
        """The file as text, lines counted by the caller."""
        return io.TextIOWrapper(self._stream, encoding="utf-8", newline="")

    def blocks(self, size: int) -> Iterator[bytes]:
        """The decompressed bytes in pieces of `size`, the next one being read while the caller works on one.

        Raises `ConversionError` with the offset for gzip that is cut or corrupt.
        """
        with ThreadPoolExecutor(1, "vp-feed") as reader:
            waiting = reader.submit(self._read, size)
            while block := waiting.result():
                waiting = reader.submit(self._read, size)
                yield block

    def _read(self, size: int) -> bytes:
        try:
            block: bytes = self._stream.read(size)
        except (EOFError, zlib.error, gzip.BadGzipFile) as error:
            what = "ends inside its gzip data" if isinstance(error, EOFError) else f"corrupt gzip data ({error})"
            at = f"after byte {self._offset} (decompressed)"
            raise ConversionError(f"{self.path}: {what} {at}: get the file again", offset=self._offset) from None
        self._offset += len(block)
        return block


class _Hashed(io.RawIOBase):
    """A file that hashes what is read of it, from its start to its end."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        try:
            self._file = path.open("rb", buffering=0)
            self.head = self._file.read(len(_GZIP_MAGIC))
            self._file.seek(0)
        except OSError as error:
            raise ConversionError(f"{path}: cannot be opened ({error.strerror})") from None
        self.digest = hashlib.sha256()

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        got = self._file.readinto(buffer)
        self.digest.update(memoryview(buffer)[:got])
        return got

    def close(self) -> None:
        if not self.closed:
            self._file.close()
        super().close()


def midnight_ns(day: object) -> int:
    """Midnight in New York of a date (`datetime.date`, or text as YYYY-MM-DD), as the feeds count from it, ns UTC.

    It is that of the offset in force at noon, so that times of the trading session are right on days of a clock change.
    """
    on = day
    if isinstance(day, str):
        try:
            on = datetime.strptime(day, "%Y-%m-%d").date()
        except ValueError:
            on = None
    if not isinstance(on, date) or not _FIRST_YEAR <= on.year <= _LAST_YEAR:
        raise ParameterError(f"date={str(day)!r}: must be a day as YYYY-MM-DD, from {_FIRST_YEAR} to {_LAST_YEAR}")
    noon = datetime.combine(on, time(12), NEW_YORK)
    return (int(noon.timestamp()) - 12 * 3600) * NS_PER_S
