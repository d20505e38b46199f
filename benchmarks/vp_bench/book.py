"""Throughput of decoding and of the book with its physics, on a session tiled to any length."""

from __future__ import annotations

import os
import platform
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import numpy as np
import zstandard

from vp_bench import peers
from vp_bench.peers import BOOK, DECODE, DECODE_ZSTD, PHYSICS
from vp_book import MBO_DTYPE, BookEngine, Instrument, open_dbn
from vp_book.instrument import PRICE_SCALE
from vp_book.records import F_SNAPSHOT
from vp_book.synthetic import write_market

REAL_SESSION: Final = "esh4-glbx-mdp3-20231225.mbo.dbn.zst"


def measure(file: Path | None, records: int, repeat: int, *, with_peers: bool = True) -> dict[str, Any]:
    """Time each stage, and each installed peer, `repeat` times after one warm-up; rates in million records a second."""
    with tempfile.TemporaryDirectory(prefix="vp-bench-") as scratch:
        session = file or real_session() or _synthetic(Path(scratch))
        source = open_dbn(session)
        one = np.concatenate(list(source))
        tiled = tile(one, records)
        plain, packed, single = (Path(scratch) / name for name in ("tiled.dbn", "tiled.dbn.zst", "one.dbn.zst"))
        # a decoder does not care about times, and the session's own keep its symbol mapping valid
        long = np.tile(one, len(tiled) // (len(one) + 1))
        for path, written in ((plain, long), (packed, long), (single, one)):
            _write(path, session, written)

        def decode(path: Path) -> None:
            for _ in open_dbn(path, symbol=source.symbol):
                pass

        def apply(physics: bool) -> BookEngine:
            engine = BookEngine(Instrument(source.symbol, "0.25"))
            engine.set_physics(physics)
            engine.apply(tiled)
            return engine

        stages: list[tuple[str, Callable[[], object]]] = [
            (DECODE, lambda: decode(plain)),
            (DECODE_ZSTD, lambda: decode(packed)),
            (BOOK, lambda: apply(physics=False)),
            (PHYSICS, lambda: apply(physics=True)),
        ]
        rows = [_timed(name, run, len(tiled), repeat) for name, run in stages]
        engine = apply(physics=True)
        rates = {row["stage"]: row["million_records_per_s"] for row in rows}
        shared = peers.Session(single, one, tiled, plain, packed, engine.instrument.tick_int / PRICE_SCALE)
        compared = peers.compare(shared, rates, engine.bbo(), repeat) if with_peers else []
    return {
        "session": session.name,
        "tiles": len(tiled) // (len(one) + 1),
        "events": engine.event_count,
        "certificate_conserved": engine.certificate()["conserved"],
        "machine": f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}",
        "rows": rows,
        "peers": compared,
    }


def real_session() -> Path | None:
    """The real session, where it is."""
    folder = os.environ.get("VP_REAL_DATA")
    path = (Path(folder) if folder else Path("..") / "shared" / "data") / REAL_SESSION
    return path if path.is_file() else None


def tile(session: np.ndarray, at_least: int) -> np.ndarray:
    """Repeat a session until it has `at_least` records, each tile a day after the last.

    A tile begins with a clear and the session's own snapshot, so every id in it can be resolved.
    """
    clear = np.zeros(1, MBO_DTYPE)
    clear[:] = session[:1]
    clear["action"], clear["side"], clear["flags"], clear["order_id"] = b"R", b"N", F_SNAPSHOT, 0
    one = np.concatenate([clear, session])
    count = -(-at_least // len(one))
    tiled = np.tile(one, count)
    span = int(one["ts_recv"][-1] - one["ts_recv"][0]) + 1_000_000_000
    shift = np.repeat(np.arange(count, dtype=np.uint64) * np.uint64(span), len(one))
    tiled["ts_recv"] += shift
    tiled["ts_event"] += shift
    return tiled


def _write(path: Path, session: Path, records: np.ndarray) -> None:
    """Records as a file, with the session's own metadata; compressed when the name ends in .zst."""
    with session.open("rb") as file:
        stream: Any = zstandard.ZstdDecompressor().stream_reader(file) if session.suffix == ".zst" else file
        prefix = stream.read(8)
        body = prefix + stream.read(int.from_bytes(prefix[4:8], "little")) + records.tobytes()
    compressor = zstandard.ZstdCompressor(level=3, write_checksum=True)
    path.write_bytes(compressor.compress(body) if path.suffix == ".zst" else body)


def _synthetic(folder: Path) -> Path:
    path = folder / "synthetic.dbn.zst"
    write_market(path, seed=1, minutes=10)
    return path


def _timed(name: str, run: Callable[[], object], records: int, repeat: int) -> dict[str, Any]:
    run()
    seconds = []
    for _ in range(repeat):
        start = time.perf_counter()
        run()
        seconds.append(time.perf_counter() - start)
    median = statistics.median(seconds)
    rates = [records / s / 1e6 for s in (median, max(seconds), min(seconds))]
    return {
        "stage": name,
        "records": records,
        "median_s": median,
        "million_records_per_s": rates[0],
        "min_million_records_per_s": rates[1],
        "max_million_records_per_s": rates[2],
    }
