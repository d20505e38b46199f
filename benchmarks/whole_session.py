"""A frame log as long as a whole session: its size, opening it, and the columns of its map.

    uv run python benchmarks/whole_session.py --lake-root lake --config-root configs --serving esh4 --keep DIR

Ten minutes of the serving's stored log follow one another, renumbered, until there are `--bins` of them; with --keep
the log stays in that directory and is used again. All bins are then made into columns twice, as a map asks for them: by
reading them, and of what was kept when they passed; both have to be the same. The judge of the serving goes over the
first bins of its own log. Times are of the processor, so that others on the machine change them little.
"""

from __future__ import annotations

import argparse
import itertools
import json
import re
import resource
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import msgspec

from vp_contract import Frame
from vp_harness import open_lake
from vp_stream.frames.logfile import BLOCK_BINS, LogWriter, open_log, read_frames
from vp_stream.frames.overview import Overview
from vp_stream.frames.runs import RunSpec
from vp_stream.frames.sums import PassingColumns
from vp_stream.servings.catalogue import OpenedServing
from vp_stream.servings.published import LakeCatalogue

TILE_BINS = 6000
NUMBERED = re.compile(rb'"bin_seq":\d+,"ts_ns":"\d+","bin_start_ns":"\d+","bin_end_ns":"\d+"')


def tiled(run: RunSpec, bins: int, first: int, bin_ns: int) -> Iterator[Frame]:
    """Bins 0 to `bins` - 1: those of the log from `first` on, again and again."""
    tile = list(itertools.islice(read_frames(run.path, run.key), first, first + TILE_BINS))
    start = int(json.loads(tile[0].update)["bin_start_ns"])
    for seq in range(bins):
        frame = tile[seq % len(tile)]
        end = start + (seq + 1) * bin_ns
        times = (seq, end, end - bin_ns, end)
        numbers = b'"bin_seq":%d,"ts_ns":"%d","bin_start_ns":"%d","bin_end_ns":"%d"' % times
        yield Frame(NUMBERED.sub(numbers, frame.update, count=1), frame.grid)


def measured(opened: OpenedServing, directory: Path, options: argparse.Namespace) -> dict[str, float]:
    run = opened.run
    key = msgspec.structs.replace(run.key, serving_id="srv_day_00000000_00000000")
    path = directory / key.file_name
    if not path.exists():
        writer = LogWriter(path, key)
        frames = tiled(run, options.bins, options.first, opened.cell_width_ms * 1_000_000)
        while block := list(itertools.islice(frames, BLOCK_BINS)):
            writer.write_block(block)
        writer.finish(options.bins)
    began = time.process_time()
    reader, bins, _ = open_log(path, key)
    opening = time.process_time() - began
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    overview, columns = Overview(opened.config), []
    passing, in_passing = PassingColumns(opened.config), 0.0
    began = time.process_time()
    for first in range(0, bins, options.every):
        several = overview.begin()
        for number in range(first // BLOCK_BINS, -(-min(first + options.every, bins) // BLOCK_BINS)):
            of_block = reader.read(number)
            at = number * BLOCK_BINS
            if at >= first:  # else it has passed
                since = time.process_time()
                for frame in of_block:
                    passing.add(frame)
                in_passing += time.process_time() - since
            several.add(of_block[max(first - at, 0) : first + options.every - at])
        columns.append(several.frame())
    making = time.process_time() - began - in_passing
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    began = time.process_time()
    for number in range(bins // options.every):
        first, last = number * options.every, (number + 1) * options.every - 1
        folded = passing.column(first, last)
        if folded is None:
            sys.exit(f"columns of {options.every} bins are not made in passing")
        block, row = divmod(last, BLOCK_BINS)
        if overview.column(folded, reader.read(block)[row]) != columns[number]:
            sys.exit(f"the column of bins {first} to {last} is another one when it is made in passing")
    taking = time.process_time() - began
    reader.close()
    figures = {
        "bins": bins,
        "log_gb": path.stat().st_size / 1e9,
        "opening_ms": opening * 1000,
        "columns": len(columns),
        "columns_read_s": making,
        "columns_more_memory_mb": grown / 1024,
        "columns_kept_s": taking,
        "keeping_us_a_bin": in_passing / bins * 1e6,
        "kept_mb": passing.held_bytes / 1e6,
    }
    if run.judged is not None:
        own = list(itertools.islice(read_frames(run.path, run.key), 300 + options.judged))
        for name, judge in (("judging", run.judged.stored()), ("judging_made", run.judged.made())):
            for frame in own[:300]:  # kernels are loaded
                judge.check(frame)
            began = time.process_time()
            for frame in own[300:]:
                judge.check(frame)
            figures[f"{name}_us_a_bin"] = (time.process_time() - began) / len(own[300:]) * 1e6
    return figures


def main() -> None:
    parser = argparse.ArgumentParser(description="A frame log of a whole session.")
    add = parser.add_argument
    add("--lake-root", type=Path, required=True)
    add("--config-root", type=Path, required=True)
    add("--serving", required=True)
    add("--bins", type=int, default=828_000, help="23 hours of 100 ms")
    add("--first", type=int, default=12_000, help="bin of the stored log with which the ten minutes begin")
    add("--every", type=int, default=3000, help="bins a column")
    add("--judged", type=int, default=1500, help="bins that the judge goes over")
    add("--keep", type=Path, help="directory of the log, used again if it is there")
    options = parser.parse_args()
    opened = LakeCatalogue(open_lake(options.lake_root), options.config_root).open(options.serving)
    with tempfile.TemporaryDirectory() as temporary:
        directory = options.keep or Path(temporary)
        directory.mkdir(parents=True, exist_ok=True)
        figures = measured(opened, directory, options)
    json.dump({name: round(figure, 1) for name, figure in figures.items()}, sys.stdout, indent=2)
    print()


if __name__ == "__main__":
    main()
