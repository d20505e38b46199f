"""What a client waits for: the encoding of a bin, and the time from connecting to the first one."""

from __future__ import annotations

import asyncio
import itertools
import os
import platform
import statistics
import time
from pathlib import Path
from typing import Any, Final

import numpy as np
from websockets.asyncio.client import connect

from vp_bench import BenchError
from vp_contract import STREAM_PATH, GridUpdate, encode_grid, encode_message, grid_schema, signal_update
from vp_harness import checkpoint_path, located, open_lake
from vp_stream import OpenedServing, StreamSettings, start_in_background
from vp_stream.frames import warm_log
from vp_stream.servings import LakeCatalogue

_WARM_BINS: Final = 200
_TIMEOUT_S: Final = 300.0


def measure(lake_root: Path, config_root: Path, serving: str, bins: int, repeat: int) -> dict[str, Any]:
    """Microseconds of encoding over `bins` bins of a serving, milliseconds to the first bin over `repeat` streams.

    Frame log and book checkpoint of the serving are removed and made again on the way.
    """
    lake = open_lake(lake_root)
    catalogue = LakeCatalogue(lake, config_root)
    opened = catalogue.open(serving)
    published = catalogue.published(serving)
    runtime = published.runtime
    encoding, size = _encoding(opened, grid_schema(runtime), bins)
    checkpoint = checkpoint_path(runtime, located(published.sources, lake), lake.book_cache_dir)
    start = [
        _starts("nothing kept", lake_root, config_root, serving, repeat, [opened.run.path, checkpoint]),
        _starts("warm book checkpoint", lake_root, config_root, serving, repeat, [opened.run.path]),
    ]
    warm_log(opened.run)
    start.append(_starts("finished frame log", lake_root, config_root, serving, repeat, []))
    return {
        "serving_id": opened.serving_id,
        "rows": runtime.grid_rows,
        "bins": bins,
        "streams": repeat,
        "machine": f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}",
        "bytes_per_bin": size,
        "encoding": encoding,
        "start": start,
    }


def _encoding(opened: OpenedServing, schema: Any, bins: int) -> tuple[list[dict[str, Any]], int]:
    """The times of each stage, and the mean bytes of a bin."""
    feed = opened.run.feed
    items = list(itertools.islice(feed.bins(), _WARM_BINS + bins))
    if len(items) <= _WARM_BINS:
        raise BenchError(
            f"{opened.serving_id}: it has {len(items)} bins; more than {_WARM_BINS} are needed; take another"
        )
    now = time.perf_counter_ns
    times = np.empty((len(items), 3), np.int64)
    size = 0
    for i, item in enumerate(items):
        scored = item.scored
        t0 = now()
        encode_message(GridUpdate.from_bin(scored.fields, signal_update(scored.derivative, item.served)))
        t1 = now()
        encode_grid(schema, scored.cells)
        t2 = now()
        frame = feed.encode(item).frame
        times[i] = (t1 - t0, t2 - t1, now() - t2)
        size += len(frame.update) + len(frame.grid)
    rows = []
    for i, stage in enumerate(("JSON", "Arrow IPC", "whole frame")):
        p50, p95, p99, most = (np.percentile(times[_WARM_BINS:, i], (50, 95, 99, 100)) / 1000).round(1).tolist()
        rows.append({"stage": stage, "p50_us": p50, "p95_us": p95, "p99_us": p99, "max_us": most})
    return rows, size // len(items)


def _starts(
    name: str, lake_root: Path, config_root: Path, serving: str, repeat: int, removed: list[Path]
) -> dict[str, Any]:
    """Fresh servers, each with one client; the files `removed` are gone before each."""
    runs: list[tuple[float, float]] = []
    for _ in range(repeat):
        for path in removed:
            path.unlink(missing_ok=True)
        settings = StreamSettings(lake_root=lake_root, config_root=config_root, port=0)
        with start_in_background(settings) as server:
            address = f"{server.url.replace('http', 'ws', 1)}{STREAM_PATH}?serving={serving}"
            runs.append(asyncio.run(_first_bin(address)))
    config, first = zip(*runs, strict=True)
    return {
        "state": name,
        "runtime_config_ms": round(statistics.median(config), 1),
        "first_bin_ms": round(statistics.median(first), 1),
        "min_first_bin_ms": round(min(first), 1),
        "max_first_bin_ms": round(max(first), 1),
    }


async def _first_bin(address: str) -> tuple[float, float]:
    """Milliseconds from before the connect to the config and to the whole first bin."""
    began = time.perf_counter()
    async with asyncio.timeout(_TIMEOUT_S), connect(address, max_size=None, compression=None) as client:
        config = await client.recv()
        if not isinstance(config, str) or '"runtime_config"' not in config:
            raise BenchError(f"{address}: expected runtime_config, got {config!r}"[:300])
        configured = time.perf_counter()
        await client.recv()
        await client.recv()
        return (configured - began) * 1000, (time.perf_counter() - began) * 1000
