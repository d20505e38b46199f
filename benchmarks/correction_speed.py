"""What it costs to judge a large ledger: every row drawn, p-values, intervals and verdicts of all of them.

    uv run python benchmarks/correction_speed.py --rows 100000

The rows are of random signals on an hour of 36,000 bins of a random walk, each with events of its own: nothing is a
duplicate, and nothing is to be found. They are put into a results store as `run_experiment` does, under two evaluations
and `--rows-per-run` thresholds a run; that is not timed. Timed are the first correction, which draws all rows, one with
nothing new, and one after a run more. `--events` is the number of fired events of a row in the whole hour; without
overlap about `opened_a_row` of those in the choosing part open a position. Prints JSON; asserts nothing.
"""

from __future__ import annotations

import argparse
import json
import resource
import tempfile
import time
from dataclasses import dataclass
from typing import Any

import msgspec
import numpy as np
import polars as pl

import vp_harness.judgement.drawing as drawing
from vp_contract import EvalSpec
from vp_harness import ResultsStore
from vp_harness.evaluation.events import Events
from vp_harness.evaluation.measures import Measures
from vp_harness.evaluation.outcomes import ExitRule, Prices, outcome_table
from vp_harness.judgement import correction
from vp_harness.judgement.market import Market
from vp_harness.judgement.overfitting import trade_moments
from vp_harness.judgement.trials import Trial
from vp_harness.lake.manifest import canonical_json
from vp_harness.lake.paths import Lake
from vp_harness.research.records import Run, ThresholdRow

BINS = 36_000
TICK_INT = 250_000_000
EVALUATIONS = (EvalSpec(), EvalSpec(tp_ticks=6, sl_ticks=6))
MARKET = Market(product_type="future_mbo", symbol="X", sources=(), start_ns=0, end_ns=BINS * 10**8, cell_width_ms=100)
_ZEROS: dict[str, Any] = {
    field.name: 0 if field.type is int else 0.0 if field.type is float else None
    for field in msgspec.structs.fields(Measures)
}
EMPTY = Measures(**_ZEROS)


@dataclass
class Walk:
    """Stands for a dataset: the bins of a random walk with a spread of a tick."""

    bins: pl.DataFrame
    has_fills = False

    @property
    def config(self) -> Walk:
        return self

    tick_int = TICK_INT


def walk(seed: int) -> Walk:
    rng = np.random.default_rng(seed)
    bid = (20_000 + np.cumsum(rng.integers(-1, 2, BINS) * (rng.random(BINS) < 0.2))) * TICK_INT
    columns: dict[str, Any] = {}
    for side, price in (("bid", bid), ("ask", bid + TICK_INT)):
        columns |= {f"best_{side}_price_int": price, f"{side}_high_price_int": price, f"{side}_low_price_int": price}
    return Walk(pl.DataFrame({**columns, "book_valid": np.ones(BINS, np.bool_)}))


def a_run(number: int, rows: int, events: int, rng: np.random.Generator) -> tuple[Run, list[ThresholdRow]]:
    """A run whose rows fired at random."""
    evaluation = EVALUATIONS[number % len(EVALUATIONS)]
    run = Run(
        run_id=f"{number:016x}",
        experiment="bench",
        dataset_id="d",
        signal="random",
        params_json="{}",
        eval_json=canonical_json(evaluation).decode(),
        runtime_json="{}",
        config_hash="0" * 64,
        versions_json="{}",
        choose_first=300,
        choose_end=21_720,
        confirm_first=22_920,
        confirm_end=BINS,
        elapsed_s=0.1,
        created_utc="2026-02-06T00:00:00Z",
        market_json=canonical_json(MARKET).decode(),
    )
    made = []
    for threshold in range(1, rows + 1):
        bins = np.unique(rng.integers(300, BINS, events))
        directions = rng.integers(0, 2, len(bins)) * 2 - 1
        made.append(
            ThresholdRow(
                threshold=float(threshold),
                choose=EMPTY,
                confirm=EMPTY,
                event_bins=bins.tolist(),
                event_directions=directions.tolist(),
            )
        )
    return run, made


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=10_000)
    parser.add_argument("--rows-per-run", type=int, default=5)
    parser.add_argument("--events", type=int, default=100)
    options = parser.parse_args()
    rng = np.random.default_rng(1)
    market = walk(1)
    for module in (drawing, correction):  # the market is in memory, and no dataset is on the disk
        setattr(module, "Dataset", type("Datasets", (), {"open": staticmethod(lambda *_: market)}))  # noqa: B010
        setattr(module, "check_runs", lambda *_: 0)  # noqa: B010
    with tempfile.TemporaryDirectory() as folder:
        lake = Lake(folder)
        lake.dataset_dir("d").mkdir(parents=True)
        correct(lake, rng, -1, 5, options.events)  # the kernels are compiled
        for path in sorted(lake.results_dir.rglob("*"), reverse=True):
            path.unlink() if path.is_file() else path.rmdir()
        runs = options.rows // options.rows_per_run
        store = ResultsStore(lake)
        for first in range(0, runs, 1000):
            numbers = range(first, min(first + 1000, runs))
            store.append([a_run(number, options.rows_per_run, options.events, rng) for number in numbers])
        began = time.perf_counter(), time.process_time()
        correction.correct_search(ResultsStore(lake), lake, ["d"])
        all_rows = time.perf_counter() - began[0], time.process_time() - began[1]
        nothing_new = timed(lake)
        ResultsStore(lake).append([a_run(runs, options.rows_per_run, options.events, rng)])
        one_run = timed(lake)
        stored = ResultsStore(lake).corrections()
        trial = example(market, rng, options.events)
        found: dict[str, Any] = {
            "rows": options.rows,
            "draws": int(stored["draws"][0]),
            "fired_a_row_choosing": len(trial.events),
            "opened_a_row": int(trade_moments(trial)[0]),
            "first_correction_s": round(all_rows[0], 2),
            "first_correction_cpu_s": round(all_rows[1], 2),
            "nothing_new_s": round(nothing_new, 2),
            "one_run_more_s": round(one_run, 2),
            "smallest_p": float(stored["p_corrected"].min()),  # type: ignore[arg-type]
            "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
            "searches_mb": sum(p.stat().st_size for p in (lake.results_dir / "searches.parquet").iterdir()) // 10**6,
        }
        print(json.dumps(found, indent=2))


def correct(lake: Lake, rng: np.random.Generator, number: int, rows: int, events: int) -> None:
    ResultsStore(lake).append([a_run(number + 1, rows, events, rng)])
    correction.correct_search(ResultsStore(lake), lake, ["d"])


def timed(lake: Lake) -> float:
    """Seconds of a correction in a store that is opened for it."""
    began = time.perf_counter()
    correction.correct_search(ResultsStore(lake), lake, ["d"])
    return time.perf_counter() - began


def example(market: Walk, rng: np.random.Generator, events: int) -> Trial:
    """The choosing part of a row like those that were judged."""
    _, (row,) = a_run(0, 1, events, rng)
    table = outcome_table(Prices.from_bins(market.bins, TICK_INT), ExitRule(latency_bins=1))
    fired = Events(np.array(row.event_bins, np.int64), np.array(row.event_directions, np.int8))
    return Trial(fired.between(300, 21_720), table, 300, 21_720)


if __name__ == "__main__":
    main()
