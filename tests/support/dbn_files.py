"""Small DBN files, made with the official library's own encoder."""

from __future__ import annotations

import struct
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace

import databento_dbn
import numpy as np
import zstandard

from support.book_oracle import OracleBook
from support.records import T0, TICK
from vp_book import MBO_DTYPE

DAY = datetime.fromtimestamp(T0 // 10**9, tz=UTC).date()


def metadata(
    symbols: dict[str, int] | None = None,
    *,
    version: int = 3,
    schema: databento_dbn.Schema = databento_dbn.Schema.MBO,
    days: tuple[date, date] = (DAY, DAY + timedelta(days=2)),
    ts_out: bool = False,
    mapped: bool = True,
    start: int = T0 - 3600 * 10**9,
    end: int | None = None,
) -> bytes:
    """Encoded metadata of a file with these symbols and instrument ids, which covers `start` (to `end`)."""
    symbols = {"TEST": 17077} if symbols is None else symbols
    mappings = [
        SimpleNamespace(
            raw_symbol=name,
            intervals=[SimpleNamespace(start_date=days[0], end_date=days[1], symbol=str(number))],
        )
        for name, number in symbols.items()
    ]
    return bytes(
        databento_dbn.Metadata(
            dataset="GLBX.MDP3",
            start=start,
            end=end,
            stype_in=databento_dbn.SType.RAW_SYMBOL,
            stype_out=databento_dbn.SType.INSTRUMENT_ID,
            schema=schema,
            symbols=list(symbols),
            mappings=mappings if mapped else [],
            ts_out=ts_out,
            version=version,
        )
    )


def write_dbn(path: Path, records: np.ndarray, head: bytes | None = None, *, level: int = 3) -> Path:
    """Write records after metadata; compressed when the name ends in .zst."""
    body = (metadata() if head is None else head) + records.tobytes()
    path.write_bytes(
        zstandard.ZstdCompressor(level=level, write_checksum=True).compress(body) if path.suffix == ".zst" else body
    )
    return path


def with_span(source: Path, target: Path, start_ns: int, end_ns: int | None = None) -> Path:
    """A copy of a compressed file whose metadata claims another span; `end_ns` None claims no end."""
    data = bytearray(zstandard.ZstdDecompressor().stream_reader(source.read_bytes()).read())
    at = 8 + 16 + 2  # magic, version and length; dataset; schema
    data[at : at + 16] = struct.pack("<QQ", start_ns, 2**64 - 1 if end_ns is None else end_ns)
    target.write_bytes(zstandard.ZstdCompressor(write_checksum=True).compress(bytes(data)))
    return target


def head_snapshot(book: OracleBook, ts_ns: int, *, clear: bool = True, last: bool = True) -> np.ndarray:
    """The resting orders of a book as the records at the head of a day's file, `last` with F_LAST on the last one."""
    rows = [(order_id, order.side, order.tick, order.size) for order_id, order in book.orders.items()]
    out = np.zeros(len(rows) + clear, MBO_DTYPE)
    out["length"], out["rtype"], out["publisher_id"], out["instrument_id"] = 14, 160, 1, 17077
    out["flags"], out["ts_recv"] = 40, ts_ns
    if clear:
        out["action"][0], out["side"][0], out["price"][0], out["ts_event"][0] = b"R", b"N", 2**63 - 1, ts_ns
    for row, (order_id, side, tick, size) in zip(out[int(clear) :], rows, strict=True):
        row["action"], row["side"], row["order_id"] = b"A", side, order_id
        row["price"], row["size"], row["ts_event"] = tick * TICK, size, ts_ns - 3 * 3600 * 10**9
    if last and len(out):
        out["flags"][-1] |= 128
    return out


def read_all(chunks: object) -> np.ndarray:
    """All the records of a source in one array."""
    parts = list(chunks)  # type: ignore[call-overload]
    return np.concatenate(parts) if parts else np.zeros(0, MBO_DTYPE)
