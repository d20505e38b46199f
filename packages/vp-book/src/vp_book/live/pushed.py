"""What is pushed, an array, record objects or bytes, as batches of market-by-order records."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Final, SupportsBytes

import numpy as np

from vp_book.dbn.bytes import DBN_MAGIC, ZSTD_MAGIC
from vp_book.dbn.header import Header, damage_at, pushed_header
from vp_book.dbn.reading import Batch, split_records
from vp_book.errors import DbnDamagedError, DbnFormatError, ParameterError
from vp_book.records import MBO_DTYPE, MBO_WORDS, RTYPE_MBO

Pushed = np.ndarray | bytes | bytearray | memoryview | SupportsBytes | Iterable[SupportsBytes]
"""What can be pushed: an array of `MBO_DTYPE`, bytes of a DBN stream, or records of `databento_dbn`, one or several."""

_NAME: Final = Path("pushed bytes")
_TS_OUT_WORDS: Final = 2


class PushedStream:
    """A stream that comes in pieces. `header` is the metadata of its bytes, None as long as it has had none.

    Bytes may be cut anywhere; they begin with metadata, or with a record. `head` are the bytes of the metadata that the
    last piece completed, if it did, and `whole` those of the whole records that were taken last.
    """

    def __init__(self) -> None:
        self.header: Header | None = None
        self.head = self.whole = b""
        self._rest = b""  # of bytes: the beginning of what is not whole yet
        self._begun = False
        self._words = 0  # of a market-by-order record, 0 before the first one of a stream without metadata
        self._offset = 0
        self._records = 0
        self._damage: DbnDamagedError | None = None

    def restart(self) -> None:
        """The connection is a new one: what had begun to come is dropped, and metadata may come again."""
        self._rest = b""
        self._begun = False
        self._words = self._offset = self._records = 0
        self._damage = None

    def refuse_damage(self) -> None:
        """Raise `DbnDamagedError` if a record of impossible length follows what was taken last."""
        if self._damage is not None:
            raise self._damage

    def take(self, pushed: Pushed) -> Batch | None:
        """The whole records in what is pushed and what was left of before; None if there are none.

        Raises `ParameterError` for what is none of the kinds, `DbnFormatError` or `DbnDamagedError` for bytes that are
        no DBN. Damage behind whole records is raised by `refuse_damage`, once these have been dealt with.
        """
        self.refuse_damage()
        if isinstance(pushed, np.ndarray):
            if pushed.dtype != MBO_DTYPE or pushed.ndim != 1:
                raise ParameterError(
                    f"records: an array of {pushed.dtype}, shape {pushed.shape}; must be one-dimensional, of MBO_DTYPE"
                )
            return Batch(0, len(pushed), pushed, []) if len(pushed) else None
        if isinstance(pushed, (bytes, bytearray, memoryview)):
            return self._bytes(bytes(pushed))
        return _objects(pushed)

    def _bytes(self, data: bytes) -> Batch | None:
        data = self._rest + data if self._rest else data
        self._rest = self.head = self.whole = b""
        if not self._begun:
            if len(data) < len(ZSTD_MAGIC):
                self._rest = data
                return None
            if data.startswith(ZSTD_MAGIC):
                raise DbnFormatError(f"{_NAME}: they are compressed with zstd; push the bytes of a raw DBN stream")
            if data.startswith(DBN_MAGIC):
                header, size = pushed_header(_NAME, data)
                if header is None:
                    self._rest = data
                    return None
                self.header, self._words, self._offset = header, header.words, size
                self.head, data = data[:size], data[size:]
            self._begun = True
        if not data:
            return None
        words = self._words or _words_of(data)
        batch, taken, bad = split_records(np.frombuffer(data, np.uint8), self._offset, words or MBO_WORDS)
        self._words = words
        self._offset += taken
        self._records += batch.count
        if bad:
            self._damage = damage_at(_NAME, "a record of impossible length", self._offset, self._records)
        self.whole, self._rest = data[:taken], data[taken:]
        return batch if batch.count else None


def _objects(pushed: object) -> Batch | None:
    """The batch of record objects, one or several, of any type; they are whole, and need no metadata."""
    objects = [pushed] if hasattr(pushed, "__bytes__") else pushed
    if not isinstance(objects, Iterable):
        raise ParameterError(_refused(pushed))
    parts = []
    for one in objects:
        if isinstance(one, (int, str)) or not hasattr(one, "__bytes__"):
            raise ParameterError(_refused(one))
        parts.append(bytes(one))
    if not parts:
        return None
    data = b"".join(parts)
    batch, taken, bad = split_records(np.frombuffer(data, np.uint8), 0, _words_of(data) or MBO_WORDS)
    if bad or taken < len(data):
        raise ParameterError("records: the bytes of an object are no DBN record; must be records of databento_dbn")
    return batch


def _refused(one: object) -> str:
    return (
        f"records={type(one).__name__}: must be an array of MBO_DTYPE, bytes of a DBN stream, or records of "
        "databento_dbn (one, or a list)"
    )


def _words_of(data: bytes) -> int:
    """The length of the first market-by-order record, where that is one it can have; 0 if there is none."""
    at = 0
    while at + 1 < len(data) and data[at]:
        if data[at + 1] == RTYPE_MBO:
            return data[at] if data[at] == MBO_WORDS + _TS_OUT_WORDS else MBO_WORDS
        at += 4 * data[at]
    return 0
