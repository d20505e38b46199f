"""Time of `ScoreChain.update` and of its parts for one bin, after warm-up.

    uv run python benchmarks/spectrum.py [--bins 3000] [--cells 8192] [--radius 50 200] [--walk] [--cpu]

Prints medians and tails in microseconds and asserts nothing. Every cell of the range changes in every bin, which is the
worst case: a real book is silent in most of them. `--cpu` counts the time of this thread only: on a busy machine the
tails of the ordinary clock are those of the scheduler.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

import vp_spectrum as vs
from vp_spectrum import _cells


@dataclass
class BenchBin:
    fields: dict[str, object]
    pressure: npt.NDArray[np.float64]
    vacuum: npt.NDArray[np.float64]
    window_lo: int
    shift_cells: int = 0
    cells: dict[str, npt.NDArray[Any]] = field(default_factory=dict)


class Stopwatch:
    """Wraps functions so that each call leaves its time in microseconds under a name."""

    def __init__(self, clock: Callable[[], int]) -> None:
        self.clock = clock
        self.times: dict[str, list[float]] = {}

    def wrap(self, name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        times, clock = self.times.setdefault(name, []), self.clock

        def timed(*args: Any) -> Any:
            begin = clock()
            result = function(*args)
            times.append((clock() - begin) / 1e3)
            return result

        return timed

    def report(self, skip: int, title: str) -> None:
        print(f"\n{title}\n{'us':28}{'p50':>9}{'p95':>9}{'p99':>9}{'max':>9}")
        for name, times in self.times.items():
            kept = np.array(times[-(len(times) - skip) :])
            print(f"{name:28}" + "".join(f"{x:9.1f}" for x in (*np.percentile(kept, (50, 95, 99)), kept.max())))


def run(cells: int, radius: int, bins: int, walk: bool, clock: Callable[[], int]) -> None:
    rng = np.random.default_rng(7)
    amounts = rng.gamma(1.0, 1.0, (2, 61, cells))
    signs = rng.integers(-1, 2, (2, bins))
    score_chain = vs.ScoreChain(vs.SpectrumParams(horizons_ms=(500, 1000)), vs.DerivativeParams(), cells, radius)
    watch = Stopwatch(clock)
    update = watch.wrap("ScoreChain.update", score_chain.update)
    inner = score_chain._spectrum
    inner.update = watch.wrap("  CellSpectrum.update", inner.update)  # type: ignore[method-assign]
    stage = score_chain._stage
    stage.update = watch.wrap("  DerivativeStage.update", stage.update)  # type: ignore[method-assign]
    saved = (_cells.record, _cells.serve)
    _cells.record = watch.wrap("    record (all cells)", saved[0])
    _cells.serve = watch.wrap("    serve (shown and guard)", saved[1])
    low = cells // 2 - radius
    try:
        for i in range(bins):
            if walk and i % 3 == 0:
                low = min(max(low + int(rng.integers(-1, 2)), 0), cells - 2 * radius - 1)
            fields: dict[str, object] = {
                "ts_ns": i * 100_000_000,
                "ask_reprice_sign": int(signs[0, i]),
                "bid_reprice_sign": int(signs[1, i]),
            }
            update(BenchBin(fields, amounts[0, i % 61], amounts[1, i * 7 % 61], low))
    finally:
        _cells.record, _cells.serve = saved
    moves = "window walks 1 cell in 2 of 9 bins" if walk else "window stands still"
    watch.report(min(700, bins // 2), f"{cells} cells, {2 * radius + 1} rows, {bins} bins, {moves}")


def main() -> None:
    parser = argparse.ArgumentParser(description="Time of a bin's scoring, stage by stage.")
    parser.add_argument("--bins", type=int, default=3000)
    parser.add_argument("--cells", type=int, default=8192)
    parser.add_argument("--radius", type=int, nargs="+", default=[50, 200])
    parser.add_argument("--walk", action="store_true", help="let the window walk")
    parser.add_argument("--cpu", action="store_true", help="time of this thread, not of the wall")
    options = parser.parse_args()
    clock = time.thread_time_ns if options.cpu else time.perf_counter_ns
    for radius in options.radius:
        run(options.cells, radius, options.bins, options.walk, clock)


if __name__ == "__main__":
    main()
