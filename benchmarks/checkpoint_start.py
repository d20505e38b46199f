"""Time from opening a raw file to the first scored bin, with and without a warm book checkpoint.

    uv run python benchmarks/checkpoint_start.py ../shared/data/esh4-glbx-mdp3-20231225.mbo.dbn.zst

The session is also repeated, squeezed in time so that all of it still lies on its day: a file of millions of records
whose capture begins near the end.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from pathlib import Path

import numpy as np
import zstandard

from vp_bench.book import tile
from vp_book import open_dbn
from vp_harness.execution.configs import pipeline_config
from vp_harness.execution.pipeline import scored_bins, warm_checkpoint


def main() -> None:
    parser = argparse.ArgumentParser(description="Time to the first scored bin, cold and from a checkpoint.")
    parser.add_argument("session", type=Path, help="the ESH4 session of 2023-12-25, .dbn.zst")
    parser.add_argument("--tiles", type=int, nargs="+", default=[1, 30], help="how often the session is repeated")
    parser.add_argument("--start", default="18:50", help="start of the capture, HH:MM New York")
    parser.add_argument("--repeat", type=int, default=7)
    options = parser.parse_args()
    config = pipeline_config("esh4_reopen", "configs", "configs/instruments/esh4.yaml")
    config = config.replace(start_time=options.start)

    print(f"{'file':>20} {'records':>10} {'cold ms':>9} {'warm ms':>9} {'checkpoint MB':>14}")
    with tempfile.TemporaryDirectory() as folder:
        for tiles in options.tiles:
            for suffix in (".dbn", ".dbn.zst"):
                path = Path(folder) / f"x{tiles}{suffix}"
                records = write(path, options.session, tiles)
                cache = Path(folder) / "cache"
                kept, _ = warm_checkpoint(config, path, cache)
                times = {}
                for name, where in (("cold", None), ("warm", cache)):
                    runs = []
                    for _ in range(options.repeat):
                        began = time.perf_counter()
                        next(scored_bins(config, path, book_cache_dir=where))
                        runs.append((time.perf_counter() - began) * 1000)
                    times[name] = statistics.median(runs)
                size = kept.stat().st_size / 1e6
                print(f"{path.name:>20} {records:>10} {times['cold']:>9.1f} {times['warm']:>9.1f} {size:>14.1f}")


def write(path: Path, session: Path, tiles: int) -> int:
    """The session `tiles` times over, squeezed into its own duration; returns the records of the file."""
    records = np.concatenate(list(open_dbn(session)))
    if tiles > 1:
        records = tile(records, tiles * len(records))
        for name in ("ts_recv", "ts_event"):
            first = records[name][0]
            records[name] = first + (records[name] - first) // np.uint64(tiles)
    with session.open("rb") as file:
        stream = zstandard.ZstdDecompressor().stream_reader(file)
        prefix = stream.read(8)
        body = prefix + stream.read(int.from_bytes(prefix[4:8], "little")) + records.tobytes()
    path.write_bytes(zstandard.ZstdCompressor(level=3).compress(body) if path.suffix == ".zst" else body)
    return len(records)


if __name__ == "__main__":
    main()
