"""One busy hour at 100 ms from a raw file to a dataset: seconds and memory, where they go, and how they grow.

    uv run python benchmarks/generate_scale.py [--factor 1 4 16] [--minutes 60]

A synthetic market from 09:00 New York on is replayed from 09:30: the busiest hour of its day. A factor of N repeats its
records N times, squeezed into the same time. Every pass is a process of its own; each does all that the one before it
does and one thing more, so that what the stages take are the differences.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import numpy as np

import vp_book
from vp_bench.book import tile
from vp_book import open_dbn
from vp_book.synthetic import write_market
from vp_contract import FrameChain, FrameEncoder, RuntimeConfig
from vp_harness import Lake, generate
from vp_harness.execution.configs import pipeline_config
from vp_harness.execution.pipeline import capture_ns, conformance_digests, instrument_of, physics_of, scored_bins

SPEC = """\
name: busy
capture: {{product_type: future_mbo, symbol: SYNM6, dt: 2026-02-06, start_time: "09:30", end_time: "{end}"}}
pipeline: {{}}
"""


def decode(config: RuntimeConfig, raw: Path) -> int:
    return sum(len(chunk) for chunk in open_dbn(raw, symbol=config.symbol))


def close(config: RuntimeConfig, raw: Path) -> int:
    start_ns, end_ns = capture_ns(config)
    source = open_dbn(raw, symbol=config.symbol)
    bins = vp_book.replay(
        source, instrument_of(config), physics_of(config), start_ns=start_ns, end_ns=end_ns, warmup_s=1800
    )
    return sum(1 for _ in bins)


def score(config: RuntimeConfig, raw: Path) -> int:
    return sum(1 for _ in scored_bins(config, raw))


def encode(config: RuntimeConfig, raw: Path) -> int:
    encoder, chain = FrameEncoder(config), FrameChain()
    for scored in scored_bins(config, raw):
        chain.add(encoder.encode(scored.fields, scored.cells, scored.derivative))
    return len(chain.links) // 8


def whole(config: RuntimeConfig, raw: Path) -> int:
    with tempfile.TemporaryDirectory(dir=raw.parent) as lake:
        generate(config, Lake(lake), source=raw)
    return 0


PASSES: dict[str, Callable[[RuntimeConfig, Path], int]] = {
    "decode": decode,
    "book, physics, close": close,
    "spectrum": score,
    "encode, hash": encode,
    "parquet, checksums, publish": whole,
}


def one_pass(name: str, spec: Path, raw: Path) -> None:
    """Run one pass in this process: prints its seconds, and the most memory the process held."""
    config = pipeline_config(str(spec), instrument=Path("configs/instrument.yaml"))
    conformance_digests()  # compiled and cached ahead of the clock, as in a process that has generated before
    began = time.perf_counter()
    PASSES[name](config, raw)
    seconds = time.perf_counter() - began
    print(json.dumps({"seconds": seconds, "peak_mb": peak_mb()}))


def peak_mb() -> float:
    """The most memory this program held; ru_maxrss begins with what the process that started it had held."""
    status = Path("/proc/self/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) / 1024


def measured(name: str, spec: Path, raw: Path) -> dict[str, float]:
    command = [sys.executable, __file__, "--one", name, str(spec), str(raw)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    answer: dict[str, float] = json.loads(done.stdout)
    return answer


def squeezed(records: np.ndarray, factor: int, target: Path, original: Path) -> None:
    """The records `factor` times over in the same time, behind the original's metadata."""
    header = original.read_bytes()[: original.stat().st_size - records.nbytes]
    if factor > 1:
        records = tile(records, factor * len(records))
        for name in ("ts_recv", "ts_event"):
            first = records[name][0]
            records[name] = first + (records[name] - first) // np.uint64(factor)
    target.write_bytes(header + records.tobytes())


def main() -> None:
    parser = argparse.ArgumentParser(description="Seconds and memory of generating one busy hour, and how they grow.")
    parser.add_argument("--factor", type=int, nargs="+", default=[1, 4, 16])
    parser.add_argument("--minutes", type=int, default=60)
    parser.add_argument("--one", nargs=3, metavar=("PASS", "SPEC", "RAW"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        one_pass(options.one[0], Path(options.one[1]), Path(options.one[2]))
        return
    with tempfile.TemporaryDirectory() as folder:
        end = 9 * 60 + 30 + options.minutes
        spec = Path(folder) / "busy.yaml"
        spec.write_text(SPEC.format(end=f"{end // 60:02}:{end % 60:02}"))
        original = Path(folder) / "market.dbn"
        write_market(original, seed=5, minutes=30 + options.minutes, start="09:00")
        records = np.concatenate(list(open_dbn(original)))
        print("| events | records | " + " | ".join(PASSES) + " | whole, s | peak RSS, MB |")
        print("| --- | " + " | ".join(["---:"] * (len(PASSES) + 3)) + " |")
        for factor in options.factor:
            raw = Path(folder) / f"market{factor}.dbn"
            squeezed(records, factor, raw, original)
            runs = {name: measured(name, spec, raw) for name in PASSES}
            totals = [run["seconds"] for run in runs.values()]
            stages = [totals[0], *(b - a for a, b in pairwise(totals))]
            cells = [f"{factor}x", f"{factor * len(records):,}", *(f"{stage:.2f}" for stage in stages)]
            print("| " + " | ".join([*cells, f"{totals[-1]:.2f}", f"{runs[list(runs)[-1]]['peak_mb']:.0f}"]) + " |")
            raw.unlink()


if __name__ == "__main__":
    main()
