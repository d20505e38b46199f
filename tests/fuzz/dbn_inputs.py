"""Bytes that are, or nearly are, DBN files: whole files from the encoder's own parts, then damage of many kinds.

Everything is drawn from one `random.Random`, so an input is its seed.
"""

from __future__ import annotations

import random
import struct
from collections.abc import Callable
from datetime import timedelta
from typing import Final

import databento_dbn
import numpy as np
import zstandard
from support.dbn_files import DAY, metadata
from support.records import T0, nonsense

SKIPPABLE_FRAME: Final = b"\x50\x2a\x4d\x18" + struct.pack("<I", 4) + b"note"
HOUR: Final = 3600 * 10**9
_EDGES: Final = (0, 1, 2**7 - 1, 2**7, 2**8 - 1, 2**15, 2**31 - 1, 2**31, 2**32 - 1, 2**62, 2**63 - 1, 2**63, 2**64 - 1)
_SYMBOLS: Final = ("TEST", "OTHER", "TEST-OTHER", "T" * 70, "²", "")


def any_input(draw: random.Random) -> bytes:
    """One input: anything from a sound file to noise."""
    kind = draw.random()
    if kind < 0.05:
        return draw.randbytes(draw.randint(0, 300))
    data = sound_file(draw)
    if draw.random() < 0.8:
        data = mutated(draw, data)
    return packed(draw, data) if draw.random() < 0.5 else data


def sound_file(draw: random.Random) -> bytes:
    """A file of the mbo schema (rarely another) with records of several types, as the official encoder writes it."""
    version = draw.choice((1, 2, 3))
    ts_out = draw.random() < 0.3
    names = ["TEST", *draw.sample(("OTHER", "TEST-OTHER"), draw.choice((0, 0, 1)))]
    head = metadata(
        {name: number for number, name in enumerate(names, 17077)},
        version=version,
        ts_out=ts_out,
        mapped=draw.random() < 0.8,
        schema=draw.choice((databento_dbn.Schema.MBO,) * 9 + (databento_dbn.Schema.TRADES,)),
        days=(DAY - timedelta(days=draw.choice((0, 1))), DAY + timedelta(days=draw.choice((1, 2, 3000)))),
        start=draw.choice((*(T0 - HOUR,) * 6, T0, 1, 2**62)),
        end=draw.choice((None, *(T0 + HOUR,) * 4, T0 - HOUR, T0 + 9 * 24 * HOUR, 2**63)),
    )
    return head + b"".join(records(draw, version, ts_out))


def next_file(draw: random.Random) -> bytes:
    """What may lie behind a sound file in a session: mostly one that begins where that ends, with a snapshot."""
    begin = T0 + draw.choice((*(HOUR,) * 8, 0, 2 * HOUR, 50 * HOUR))
    days = (DAY, DAY + timedelta(days=9))
    head = metadata(start=begin, end=draw.choice((None, begin + HOUR)), days=days, mapped=draw.random() < 0.9)
    rows = nonsense(draw.getrandbits(32), draw.randint(0, 60))
    rows["ts_recv"] += begin - T0
    rows["ts_event"] = rows["ts_recv"]
    snapshot = slice(0, draw.choice((0, 1, 20, 60)))
    rows["flags"][snapshot] = 40
    rows["ts_recv"][snapshot] = begin
    rows["action"][snapshot] = b"A"
    rows["action"][:1] = draw.choice((b"R", b"A"))
    return head + rows.tobytes()


def records(draw: random.Random, version: int, ts_out: bool) -> list[bytes]:
    """Encoded records: market-by-order full of contradictions, now and then another type in between."""
    rows = nonsense(draw.getrandbits(32), draw.randint(0, 120), spread=draw.choice((3, 400, 20_000)))
    for _ in range(draw.choice((0, 0, 1, 5))):
        if len(rows):
            _wild_field(draw, rows)
    trailer = struct.pack("<Q", T0 + 5) if ts_out else b""
    out = []
    for row in rows:
        raw = row.tobytes()
        out.append(bytes([(len(raw) + len(trailer)) // 4]) + raw[1:] + trailer)
        if draw.random() < 0.03:
            out.append(_other_record(draw, version))
    return out


def _wild_field(draw: random.Random, rows: np.ndarray) -> None:
    """An edge value in one column of one or all rows."""
    name = draw.choice([n for n in rows.dtype.names or () if n not in ("length", "rtype")])
    at = slice(None) if draw.random() < 0.2 else draw.randrange(len(rows))
    size = rows.dtype[name].itemsize
    raw = (draw.choice(_EDGES) if draw.random() < 0.8 else draw.getrandbits(64)) % 2 ** (8 * size)
    rows[name][at] = np.frombuffer(raw.to_bytes(size, "little"), rows.dtype[name])[0]


def _other_record(draw: random.Random, version: int) -> bytes:
    """A record that is no market-by-order record; some types exist only in outline: a header and noise."""
    raw, number = databento_dbn.SType.RAW_SYMBOL, databento_dbn.SType.INSTRUMENT_ID
    asked, given = draw.choice(("TEST", "TEST", "OTHER", "ES.FUT")), draw.choice(("17077", "OTHER", "TEST", ""))
    made: tuple[Callable[[], object], ...] = (
        lambda: databento_dbn.SystemMsg(T0, "heartbeat"),
        lambda: databento_dbn.SymbolMappingMsgV1(1, 17077, T0, "TEST", "17077", T0, T0 + 1),
        lambda: databento_dbn.SymbolMappingMsg(1, 17077, T0, raw, "TEST", number, "17077", T0, T0 + 1),
        lambda: databento_dbn.SymbolMappingMsg(1, draw.choice((17077, 17078)), T0, raw, asked, raw, given, T0, T0 + 1),
        lambda: databento_dbn.ErrorMsg(T0, "slow"),
    )
    if draw.random() < 0.6:
        return bytes(draw.choice(made)())  # type: ignore[call-overload]
    words = draw.choice((4, 5, 12, 14, 20, 90, 255))
    rtype = draw.choice((0, 1, 10, 18, 19, 20, 21, 22, 23, 24, 160, 161, draw.randrange(256)))
    return bytes([words, rtype]) + draw.randbytes(4 * words - 2)


def mutated(draw: random.Random, data: bytes) -> bytes:
    """Damage: flips, edge values, cuts, repeats, spliced files; more of it in the first bytes, where structure is."""
    out = bytearray(data)
    for _ in range(draw.choice((1, 1, 2, 4, 16))):
        if not out:
            break
        at = draw.randrange(len(out) if draw.random() < 0.85 else min(len(out), 300))
        kind = draw.randrange(9)
        if kind == 0:
            out[at] ^= 1 << draw.randrange(8)
        elif kind == 1:
            out[at] = draw.choice((0, 1, 127, 128, 255, draw.randrange(256)))
        elif kind == 2:
            size = draw.choice((1, 2, 4, 8))
            out[at : at + size] = (draw.choice(_EDGES) % 2 ** (8 * size)).to_bytes(size, "little")
        elif kind == 3:
            del out[at:]
        elif kind == 4:
            del out[at : at + draw.choice((1, 4, 8, 56, 500))]
        elif kind == 5:
            out[at:at] = draw.randbytes(draw.choice((1, 4, 8, 56, 64)))
        elif kind == 6:
            out[at:at] = out[at : at + draw.choice((8, 56, 400))] * draw.choice((1, 2, 10))
        elif kind == 7:
            other = sound_file(draw)
            out[at:] = other[min(at, len(other)) :]
        else:
            text = draw.choice(_SYMBOLS).encode()[:12]
            out[at : at + len(text)] = text
    return bytes(out)


def packed(draw: random.Random, data: bytes) -> bytes:
    """Compressed in one or several frames, with or without checksum and content size, sometimes damaged after that."""
    cuts = sorted(draw.randrange(len(data) + 1) for _ in range(draw.choice((0, 0, 1, 3))))
    parts = [data[a:b] for a, b in zip([0, *cuts], [*cuts, len(data)], strict=True)]
    compressor = zstandard.ZstdCompressor(
        level=draw.choice((-5, 1, 3, 19)), write_checksum=draw.random() < 0.5, write_content_size=draw.random() < 0.5
    )
    frames = [compressor.compress(part) for part in parts]
    if draw.random() < 0.2:
        frames.insert(draw.randint(1, len(frames)), SKIPPABLE_FRAME)
    out = b"".join(frames)
    return mutated(draw, out) if draw.random() < 0.4 else out
