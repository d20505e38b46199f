"""What it costs to look into signals before they are judged: their share of `vp run`.

    uv run python benchmarks/trust_cost.py --minutes 3 30

Runs an experiment of each signal alone, with its default parameters and one evaluation, on a synthetic market of so
many minutes (1800 and 18,000 bins), with one worker, in a process whose kernels are loaded, and prints the processor
time of the look and its share of the whole: planning, reading the dataset, values, look, evaluation, information,
storing and correction. `--sets` gives each that many parameter sets (only signals that have a parameter to vary): the
first is looked into thoroughly, the others briefly. `--learned` takes the learned signals too, whose
trainings take minutes.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from pathlib import Path
from typing import Any

import msgspec

from sweep_speed import CONFIGS, configs_in, hour, timed_checks
from vp_contract import ExperimentSpec, load_experiment
from vp_harness import Dataset, Lake, run_experiment, signals

VARIED: dict[str, tuple[str, list[Any]]] = {
    "imbalance": ("span_bins", [5, 6, 7, 8, 9, 10, 11, 12, 13, 14]),
    "depth_imbalance": ("span_bins", [5, 6, 7, 8, 9, 10, 11, 12, 13, 14]),
    "ofi": ("window_bins", [10, 11, 12, 13, 14, 15, 16, 17, 18, 19]),
    "net_edge": ("span_bins", [10, 11, 12, 13, 14, 15, 16, 17, 18, 19]),
    "trade_flow": ("span_bins", [50, 51, 52, 53, 54, 55, 56, 57, 58, 59]),
    "derivative": ("zscore_window_bins", [240, 241, 242, 243, 244, 245, 246, 247, 248, 249]),
    "ads": ("zscore_window_bins", [200, 201, 202, 203, 204, 205, 206, 207, 208, 209]),
    "pfp": ("lag_bins", [5, 6, 7, 8, 9, 10, 11, 12, 13, 14]),
    "spg": ("slow_span_bins", [20, 21, 22, 23, 24, 25, 26, 27, 28, 29]),
    "erd": ("zscore_window_bins", [100, 101, 102, 103, 104, 105, 106, 107, 108, 109]),
    "jad": ("zscore_window_bins", [300, 301, 302, 303, 304, 305, 306, 307, 308, 309]),
    "iirc": ("slow_window_bins", [30, 31, 32, 33, 34, 35, 36, 37, 38, 39]),
    "msd": ("variant", ["weighted", "sum"]),
    "ads_pfp_svac": ("lag_ms", [500, 600, 700, 800, 900, 1000, 1100, 1200, 1300, 1400]),
}


def spec_of(name: str, axes: dict[str, list[Any]]) -> ExperimentSpec:
    """One signal under the demo's evaluation; on a short capture some of it has to be shorter."""
    spec = msgspec.to_builtins(load_experiment(CONFIGS / "experiments" / "demo.yaml"))
    spec["eval"] |= {"max_hold_bins": 100}
    return msgspec.convert({**spec, "name": "trust", "sweep": {"per_signal": {name: axes}}}, ExperimentSpec)


def fresh(lake: Lake, folder: Path) -> Lake:
    """A lake with the same dataset and no results."""
    other = Lake(folder)
    other.datasets_dir.parent.mkdir(parents=True)
    other.datasets_dir.symlink_to(lake.datasets_dir.absolute())
    other.root.joinpath("raw").symlink_to(lake.root.joinpath("raw").absolute())
    return other


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=int, nargs="+", default=[3, 30])
    parser.add_argument("--sets", type=int, default=1)
    parser.add_argument("--signal", nargs="+", help="these alone")
    parser.add_argument("--learned", action="store_true")
    args = parser.parse_args()
    spent = timed_checks()
    learned = {signal.name for signal in signals.LEARNED}
    names = args.signal or [name for name in signals.names() if args.learned or name not in learned]
    with tempfile.TemporaryDirectory() as temporary:
        for minutes in args.minutes:
            folder = Path(temporary) / str(minutes)
            configs = configs_in(folder, minutes)
            lake = Lake(folder / "lake")
            dataset = Dataset.open(lake, hour(lake, folder, configs, minutes))
            for name in names:
                axis, values = VARIED.get(name, ("", []))
                axes = {axis: values[: args.sets]} if values else {}
                for turn in ("warm", "timed"):
                    own = fresh(lake, folder / f"{turn}-{name}")
                    spent.clear()
                    began = time.process_time()
                    result = run_experiment(spec_of(name, axes), own, config_root=configs, workers=1)
                    whole = time.process_time() - began
                figures = {
                    "signal": name,
                    "bins": dataset.n_bins,
                    "runs": result.computed,
                    "whole_ms": round(1e3 * whole, 1),
                    "look_ms": round(1e3 * sum(spent), 1),
                    "share": round(sum(spent) / whole, 3),
                }
                print(json.dumps(figures), flush=True)


if __name__ == "__main__":
    main()
