"""How much memory a sweep of a million rows takes: while it runs, and whoever reads its results afterwards.

    uv run python benchmarks/sweep_memory.py --minutes 10      # forces a sweep of a million rows, for so long
    uv run python benchmarks/sweep_memory.py --stored 1000000  # reads a store of so many rows

The first runs `run_experiment` on three minutes of a synthetic market with `max_rows` a million, interrupts it as
Ctrl-C does, and prints rows stored and the memory of the process from time to time. The second fills a results store
with runs of five rows and prints, each of a process of its own, the most memory and the seconds of what reads it. With
`--only corrected --draws 99` rows are drawn fewer times, which takes less time.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import shutil
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from vp_book.synthetic import write_market
from vp_contract import ExperimentSpec, load_experiment, load_instrument
from vp_harness import Lake, ResultsStore, compare, dry_run, import_file, run_experiment
from vp_harness.evaluation.measures import Measures
from vp_harness.execution.configs import experiment_chain
from vp_harness.judgement.correction import correct_search
from vp_harness.judgement.search import DRAWS
from vp_harness.lake.anchors import check_runs
from vp_harness.lake.dataset import Dataset
from vp_harness.research.records import Run, ThresholdRow
from vp_harness.research.sweep import plan

CONFIGS = Path(__file__).parents[1] / "configs"
MILLION = 1_000_000
ROWS_OF_RUN = 5
EVENTS = 120
AT_ONCE = 200
"""Runs of a part: what a second of a sweep stores."""


def status_mb(name: str) -> float:
    """A figure of the process in MB: VmRSS now, VmHWM at most."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return int(status.partition(f"{name}:")[2].split()[0]) / 1024


def configs_in(folder: Path) -> Path:
    """The shipped configs with a demo capture of three minutes."""
    root = folder / "configs"
    shutil.copytree(CONFIGS, root)
    pipeline = root / "pipelines" / "demo.yaml"
    text = pipeline.read_text(encoding="utf-8").replace("end_time: 09:55", "end_time: 09:28")
    pipeline.write_text(text, encoding="utf-8")
    return root


def spec_of() -> ExperimentSpec:
    """200 parameter sets of a signal, 1,000 evaluations of each, its five thresholds: a million rows."""
    spec = msgspec.to_builtins(load_experiment(CONFIGS / "experiments" / "demo.yaml"))
    axes = {
        "span_bins": list(range(1, 201)),
        "cooldown_bins": list(range(10, 60)),
        "tp_ticks": list(range(2, 22)),
    }
    return msgspec.convert({**spec, "name": "million", "sweep": {"per_signal": {"imbalance": axes}}}, ExperimentSpec)


def force(folder: Path, minutes: float) -> None:
    """Run the sweep for some minutes."""
    configs, lake = configs_in(folder), Lake(folder / "lake")
    market = folder / "market.mbo.dbn.zst"
    write_market(market, seed=1, minutes=4, effect=0.8, start="09:24")
    import_file(lake, market, load_instrument(configs / "instrument.yaml"))
    began = time.perf_counter()
    planned = plan(experiment_chain(spec_of(), configs), MILLION)
    planned.check()
    print(f"{planned.size.rows:,} rows planned in {time.perf_counter() - began:.1f} s")
    began, told = time.monotonic(), time.monotonic()

    def watch(what: str, done: int, _total: int) -> None:
        nonlocal told
        now = time.monotonic()
        if what == "runs" and (now - told >= 30 or now - began >= 60 * minutes):
            told = now
            rows = done * ROWS_OF_RUN
            print(f"{rows:>9,} rows, {rows / (now - began):5.0f} a second, {status_mb('VmRSS'):6.0f} MB", flush=True)
        if now - began >= 60 * minutes:
            raise KeyboardInterrupt

    try:
        run_experiment(spec_of(), lake, config_root=configs, workers=1, max_rows=MILLION, progress=watch)
    except KeyboardInterrupt:
        print(f"at most {status_mb('VmHWM'):.0f} MB")


def filled(folder: Path, rows: int) -> tuple[Lake, str]:
    """A lake whose results have so many rows of one experiment, made up but for the first runs; and a dataset of it."""
    configs, lake = configs_in(folder), Lake(folder / "lake")
    market = folder / "market.mbo.dbn.zst"
    write_market(market, seed=1, minutes=4, effect=0.8, start="09:24")
    import_file(lake, market, load_instrument(configs / "instrument.yaml"))
    spec = msgspec.to_builtins(spec_of())
    spec["sweep"] = {"per_signal": {"imbalance": {"span_bins": [5]}}}
    result = run_experiment(msgspec.convert(spec, ExperimentSpec), lake, config_root=configs)
    store = ResultsStore(lake)
    run = store.run(result.run_ids[0])
    rng = np.random.default_rng(1)
    first = store.rows([run.run_id]).row(0, named=True)
    figures = {name: first[name] for name in Measures.__struct_fields__}
    for start in range(0, rows // ROWS_OF_RUN, AT_ONCE):
        runs: list[tuple[Run, list[ThresholdRow]]] = []
        for number in range(start, start + AT_ONCE):
            found = [
                ThresholdRow(
                    threshold=0.1 * (i + 1),
                    choose=Measures(**{**figures, "net_pnl_ticks": float(rng.normal())}),
                    confirm=Measures(**figures),
                    event_bins=np.sort(rng.choice(1800, EVENTS, replace=False)).tolist(),
                    event_directions=rng.choice([-1, 1], EVENTS).tolist(),
                )
                for i in range(ROWS_OF_RUN)
            ]
            named = msgspec.structs.replace(run, run_id=f"{number:016x}", config_hash=f"{number:064x}")
            runs.append((named, found))
        store.append(runs)
    return lake, run.dataset_id


def ids(lake: Lake, _: str) -> int:
    """What a sweep that goes on reads."""
    return len(set(ResultsStore(lake).runs(("run_id",))["run_id"]))


def anchors(lake: Lake, dataset_id: str) -> int:
    """The dataset held to all runs of it."""
    return check_runs(ResultsStore(lake), Dataset.open(lake, dataset_id))


def best(lake: Lake, _: str) -> int:
    """`vp compare`."""
    return compare(ResultsStore(lake), experiment="million", sort="net_pnl_ticks", top_n=20).height


def one_run(lake: Lake, _: str) -> int:
    """The rows of one run."""
    return ResultsStore(lake).rows([f"{7:016x}"]).height


def estimate(lake: Lake, _: str) -> int:
    """`vp run --dry-run`."""
    return dry_run(spec_of(), lake, config_root=lake.root.parent / "configs", max_rows=MILLION).rows


def corrected(lake: Lake, dataset_id: str, draws: int = DRAWS) -> int:
    """All rows corrected for the search for the first time: a million of them take minutes."""
    return correct_search(ResultsStore(lake), lake, [dataset_id], draws=draws)


def every_row(lake: Lake, _: str) -> int:
    """All that is stored, at once: what one should not do."""
    return ResultsStore(lake).rows().height


READERS: tuple[Callable[[Lake, str], int], ...] = (ids, anchors, best, one_run, estimate, every_row, corrected)


def measured(name: str, root: Path, dataset_id: str, draws: int = DRAWS) -> dict[str, Any]:
    """Seconds and the most memory of one reader, in a process that does nothing else."""
    reader = next(one for one in READERS if one.__name__ == name)
    began = time.perf_counter()
    found = corrected(Lake(root), dataset_id, draws) if reader is corrected else reader(Lake(root), dataset_id)
    seconds = round(time.perf_counter() - began, 2)
    return {"reads": name, "found": found, "seconds": seconds, "most_mb": round(status_mb("VmHWM"))}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, help="force a sweep of a million rows for so long")
    parser.add_argument("--stored", type=int, help="read a store of so many rows")
    parser.add_argument("--only", choices=[reader.__name__ for reader in READERS], help="one reader alone")
    parser.add_argument(
        "--draws", type=int, default=DRAWS, help="of the correction: fewer take less time, not less memory"
    )
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        if args.minutes:
            force(folder, args.minutes)
        if args.stored:
            lake, dataset_id = filled(folder / "stored", args.stored)
            spawn = multiprocessing.get_context("spawn")
            for reader in READERS:
                if args.only not in (None, reader.__name__):
                    continue
                with spawn.Pool(1) as pool:
                    print(
                        json.dumps(pool.apply(measured, (reader.__name__, lake.root, dataset_id, args.draws))),
                        flush=True,
                    )


if __name__ == "__main__":
    main()
