"""What passive orders of a session would have met, and what following them costs.

    uv run python benchmarks/passive_fills.py ../shared/data/esh4-glbx-mdp3-20231225.mbo.dbn.zst \\
        --instrument configs/instruments/esh4.yaml --pipeline esh4_reopen --start 17:45 --end 18:59 --from 18:00:05
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from pathlib import Path

import numpy as np
import polars as pl

from vp_book.queue import QueueFollower
from vp_contract import RuntimeConfig, load_instrument
from vp_harness import Dataset, generate, import_file
from vp_harness.execution.configs import pipeline_config
from vp_harness.execution.pipeline import conformance_digests, new_york_ns, scored_bins
from vp_harness.passive.table import max_wait_bins

REPEATS = 3


def processor_s(config: RuntimeConfig, raw: Path, follows: bool) -> float:
    """Processor seconds of a replay with its scores, which is generation without the writing."""
    queue = QueueFollower(config.tick_int, max_wait_bins=max_wait_bins(config.cell_width_ms)) if follows else None
    began = time.process_time()
    for _ in scored_bins(config, raw, queue=queue):
        pass
    return time.process_time() - began


def main() -> None:
    parser = argparse.ArgumentParser(description="Passive orders of a session: how many are filled, and the cost.")
    parser.add_argument("raw", type=Path)
    parser.add_argument("--instrument", type=Path, default=Path("configs/instrument.yaml"))
    parser.add_argument("--pipeline", default="demo")
    parser.add_argument("--start", help="HH:MM New York, instead of the pipeline's")
    parser.add_argument("--end", help="HH:MM New York, instead of the pipeline's")
    parser.add_argument("--from", dest="first", help="HH:MM:SS New York: orders from then on are counted")
    options = parser.parse_args()
    lock = load_instrument(options.instrument)
    times = {"start_time": options.start, "end_time": options.end}
    config = pipeline_config(options.pipeline, Path("configs"), lock)
    config = config.replace(**{name: value for name, value in times.items() if value})
    conformance_digests()  # compiled and cached ahead of the clock
    with tempfile.TemporaryDirectory() as lake:
        raw, _ = import_file(lake, options.raw, lock)
        dataset = Dataset.open(lake, generate(config, lake))
        counted = counted_orders(dataset, config, options.first)
        print(told(counted, config.cell_width_ms))
        seconds = [[processor_s(config, raw, follows) for follows in (False, True)] for _ in range(REPEATS)]
    without, with_queue = (statistics.median(column) for column in zip(*seconds, strict=True))
    print(f"replay and scores: {without:.2f} s of processor time, {with_queue:.2f} s with the queues")


def counted_orders(dataset: Dataset, config: RuntimeConfig, first: str | None) -> pl.DataFrame:
    """The orders from a time on that had all of their time to be filled."""
    fills = dataset.fills.join(dataset.bins.select("bin_seq", "bin_end_ns"), on="bin_seq", maintain_order="left")
    whole = fills.filter(pl.col("bin_seq") < dataset.n_bins - max_wait_bins(config.cell_width_ms))
    if first is None:
        return whole
    begins = new_york_ns(config.dt, first[:5]) + int(first[6:] or 0) * 1_000_000_000
    return whole.filter(pl.col("bin_end_ns") >= begins)


def told(orders: pl.DataFrame, cell_width_ms: int) -> str:
    """The figures in a sentence."""
    waits = orders["wait_bins"].drop_nulls().to_numpy() * cell_width_ms / 1000
    quotes = orders["quote_through_bins"].drop_nulls().len() / orders.height
    moves = [np.nanmean(orders[name].drop_nulls().to_numpy()) for name in ("move_1s_ticks", "move_5s_ticks")]
    return (
        f"{orders.height:,} orders: {100 * len(waits) / orders.height:.1f} % are filled, after "
        f"{np.median(waits):.1f} s in the median; {100 * quotes:.1f} % meet a quote at their price first; the mid "
        f"moves by {moves[0]:+.2f} ticks in 1 s and {moves[1]:+.2f} in 5 s after a fill"
    )


if __name__ == "__main__":
    main()
