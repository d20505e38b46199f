"""Records out of the bytes of one file: market-by-order ones as arrays, mappings beside them, damage at its offset."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import numpy as np

from vp_book.records import MBO_BYTES, MBO_DTYPE, MBO_WORDS, RTYPE_MBO

from . import stride as _stride
from .bytes import ByteSource, CorruptBytesError, read_ahead
from .header import damage_at
from .mapping import SymbolMapping, read_mapping

_RTYPE_SYMBOL_MAPPING: Final = 22


@dataclass(slots=True)
class ReadReport:
    """What one pass over a source met; filled while it is iterated.

    `records` counts whole records of every type, `skipped` those that were not market-by-order records by their rtype,
    `filtered` those of other instruments or publishers, `unmapped` those among them that the metadata does not
    explain: of the instrument's own id outside of its dates, or of another id in a file of one symbol. `damage` says
    why reading stopped early, if it did.
    """

    records: int = 0
    skipped: dict[int, int] = field(default_factory=dict)
    filtered: int = 0
    unmapped: int = 0
    damage: str | None = None


@dataclass(frozen=True, slots=True)
class Batch:
    """What one buffer held: market-by-order records of every instrument, and where its mappings stand among them.

    `offset` is the byte at which the buffer begins, `count` its whole records of every type, `mappings` pairs of
    (market-by-order records before it, what it says). Unless every record is market-by-order and 56 bytes long,
    `places` holds the byte of each from `offset` and `numbers` its place among all of them, and `rtypes` the types of
    all.
    """

    offset: int
    count: int
    records: np.ndarray
    mappings: list[tuple[int, SymbolMapping]]
    places: np.ndarray | None = None
    numbers: np.ndarray | None = None
    rtypes: np.ndarray | None = None

    def byte_of(self, index: int) -> int:
        """Byte offset in the decompressed file of market-by-order record `index`."""
        return self.offset + (MBO_BYTES * index if self.places is None else int(self.places[index]))

    def records_before(self, index: int) -> int:
        """Records of every type before market-by-order record `index`, or all of them."""
        if index == len(self.records):
            return self.count
        return index if self.numbers is None else int(self.numbers[index])

    def skipped_before(self, index: int) -> dict[int, int]:
        """How many records of other types come before market-by-order record `index`, by rtype."""
        if self.rtypes is None:
            return {}
        types, times = np.unique(self.rtypes[: self.records_before(index)], return_counts=True)
        return {int(t): int(n) for t, n in zip(types, times, strict=True) if t != RTYPE_MBO}


def read_batches(path: Path, source: ByteSource, at: int, words: int, chunk_bytes: int, before: int) -> Iterator[Batch]:
    """The records from byte `at` on, as they come; `before` whole records of the file lie before it.

    `words` is the only length that a market-by-order record can have here. Raises `DbnDamagedError` behind the last
    whole record.
    """
    rest = np.empty(0, np.uint8)
    try:
        source.skip(at)
        if source.offset < at:
            raise damage_at(path, f"ends before byte {at}, where reading was to go on,", source.offset, before)
        for buffer in read_ahead(source, chunk_bytes):
            if len(rest):
                buffer = np.concatenate([rest, buffer])
            batch, taken, bad = split_records(buffer, at, words)
            before += batch.count
            if batch.count:
                yield batch
            if bad:
                raise damage_at(path, "a record of impossible length", at + taken, before)
            rest = buffer[taken:]
            at += taken
    except CorruptBytesError as error:
        raise damage_at(path, f"corrupt zstd data ({error})", error.offset, before) from None
    if len(rest):
        raise damage_at(path, "ends inside a record", at, before)
    if not source.ended_whole():
        raise damage_at(path, "ends inside a zstd frame", at, before)


def split_records(buffer: np.ndarray, offset: int, words: int) -> tuple[Batch, int, bool]:
    """(What a buffer holds, bytes of its whole records, whether nonsense follows them)."""
    n = len(buffer) // MBO_BYTES
    plain = buffer[: n * MBO_BYTES].view(MBO_DTYPE)
    # if every 56th byte pair says "56 bytes, mbo", then by induction there is nothing else: no copy needed
    if n and words == MBO_WORDS and (plain["length"] == MBO_WORDS).all() and (plain["rtype"] == RTYPE_MBO).all():
        return Batch(offset, n, plain, []), n * MBO_BYTES, False
    places = np.empty(len(buffer) // _stride.HEADER_BYTES + 1, np.int64)
    rtypes = np.empty(len(places), np.uint8)
    count, taken, bad = _stride.scan(buffer, words, places, rtypes)
    places, rtypes = places[:count], rtypes[:count]
    is_mbo = rtypes == RTYPE_MBO
    before = np.cumsum(is_mbo)
    mappings = []
    for i in np.flatnonzero(rtypes == _RTYPE_SYMBOL_MAPPING):
        at = int(places[i])
        # a mapping that can't be read names nothing; it stays counted as skipped
        if mapping := read_mapping(buffer[at : at + 4 * int(buffer[at])].tobytes()):
            mappings.append((int(before[i]), mapping))
    mbo = places[is_mbo]
    out = np.empty((len(mbo), MBO_BYTES), np.uint8)
    _stride.gather(buffer, mbo, out)
    records = out.reshape(-1).view(MBO_DTYPE)
    batch = Batch(offset, int(count), records, mappings, mbo, np.flatnonzero(is_mbo), rtypes)
    return batch, int(taken), bool(bad)
