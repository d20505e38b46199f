"""How fast a sweep is: rows a second on one core, of every statistical signal on an hour of 36,000 bins.

    uv run python benchmarks/sweep_speed.py

A row is one threshold of one parameter set under one evaluation. What is timed is `run_experiment` with one worker, on
a dataset that is made, in a process whose kernels are loaded and that has compared the dataset with its checksums:
planning, signals, their checks, evaluation and storing. The correction for the search, which depends on the rows alone,
is timed apart. `checks_cpu_s` is what the checks of the signals took of the first, `rows_per_cpu_s` is of the processor
time of the process, for a machine that does other things besides. `--folder` keeps the dataset for the next time;
`--derivative` sweeps forty parameter sets of that signal alone; `--profile` prints where the time goes.
"""

from __future__ import annotations

import argparse
import cProfile
import json
import pstats
import resource
import shutil
import tempfile
import time
from hashlib import sha256
from pathlib import Path
from typing import Any

import msgspec

import vp_harness.research.experiment as experiment_module
import vp_harness.signals.trust as trust_module
from vp_book.synthetic import write_market
from vp_contract import ExperimentSpec, load_experiment, load_instrument
from vp_harness import Dataset, Lake, ResultsStore, generate, import_file, list_datasets, run_experiment

CONFIGS = Path(__file__).parents[1] / "configs"
SIGNALS: dict[str, dict[str, list[Any]]] = {
    "derivative": {"zscore_window_bins": [200, 240, 300, 400, 600], "d2_weight": [0.0, 0.5]},
    "ads": {"zscore_window_bins": [150, 200, 250, 300, 400], "tanh_scale": [2.0, 3.0]},
    "pfp": {"lag_bins": [3, 4, 5, 6, 8], "ema_alpha": [0.05, 0.1]},
    "spg": {"fast_span_bins": [3, 4, 5, 6, 8], "slow_span_bins": [20, 40]},
    "erd": {"zscore_window_bins": [80, 100, 150, 200, 300], "gate_floor": [0.25, 0.5]},
    "jad": {"zscore_window_bins": [200, 250, 300, 400, 500], "tanh_scale": [2.0, 3.0]},
    "iirc": {"fast_window_bins": [5, 8, 10, 12, 15], "slow_window_bins": [30, 60]},
    "msd": {"variant": ["weighted", "sum"]},
    "ads_pfp_svac": {"zscore_window_ms": [15000, 20000, 25000, 30000, 40000], "lag_ms": [300, 500]},
}
EVALUATIONS: dict[str, list[Any]] = {"cooldown_bins": [20, 60]}
DERIVATIVE: dict[str, dict[str, list[Any]]] = {
    "derivative": {
        "zscore_window_bins": [150, 200, 240, 300, 350, 400, 450, 500, 550, 600],
        "d2_weight": [0.0, 0.25, 0.5, 0.75],
    }
}
DERIVATIVE_EVALUATIONS: dict[str, list[Any]] = {"cooldown_bins": [20, 40, 60]}
WARM: dict[str, list[Any]] = {"cooldown_bins": [20], "tp_ticks": [5]}


def configs_in(folder: Path, minutes: int) -> Path:
    """The shipped configs with a demo capture of so many minutes."""
    root = folder / "configs"
    shutil.copytree(CONFIGS, root)
    end = 9 * 60 + 25 + minutes
    pipeline = root / "pipelines" / "demo.yaml"
    text = pipeline.read_text(encoding="utf-8")
    pipeline.write_text(text.replace("end_time: 09:55", f"end_time: {end // 60:02d}:{end % 60:02d}"), encoding="utf-8")
    return root


def hour(lake: Lake, folder: Path, configs: Path, minutes: int) -> str:
    """The dataset, made unless it is there."""
    there = list_datasets(lake)
    if there:
        return there[0]
    market = folder / "hour.mbo.dbn.zst"
    write_market(market, seed=1, minutes=minutes, effect=0.8)
    import_file(lake, market, load_instrument(configs / "instrument.yaml"))
    return generate("demo", lake, config_root=configs)


def spec_of(
    name: str,
    evaluations: dict[str, list[Any]],
    sets: int | None = None,
    swept: dict[str, dict[str, list[Any]]] = SIGNALS,
) -> ExperimentSpec:
    """Every signal that is swept with its parameter sets (or the first of them) under some evaluations."""
    spec = msgspec.to_builtins(load_experiment(CONFIGS / "experiments" / "demo.yaml"))
    per_signal = {
        signal: {**{axis: values[:sets] for axis, values in axes.items()}, **evaluations}
        for signal, axes in swept.items()
    }
    return msgspec.convert({**spec, "name": name, "sweep": {"per_signal": per_signal}}, ExperimentSpec)


def digest_of(store: ResultsStore, experiment: str) -> str:
    """SHA-256 over all numbers of an experiment's rows: a change that is only faster does not change it."""
    runs = store.runs().filter(experiment=experiment)
    return sha256(store.rows(runs["run_id"]).write_json().encode()).hexdigest()[:16]


def clocks() -> tuple[float, float]:
    """Seconds on the wall and of this process."""
    return time.perf_counter(), time.process_time()


def since(began: tuple[float, float]) -> tuple[float, float]:
    """The same since then."""
    wall, cpu = clocks()
    return wall - began[0], cpu - began[1]


def timed_checks() -> list[float]:
    """Seconds of processor time of every check of a signal from here on."""
    spent: list[float] = []
    module: Any = trust_module
    check = module.check

    def timed(*arguments: Any, **named: Any) -> Any:
        began = time.thread_time()
        report = check(*arguments, **named)
        spent.append(time.thread_time() - began)
        return report

    module.check = timed
    return spent


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=int, default=60)
    parser.add_argument("--folder", type=Path, help="where the dataset is, or is made")
    parser.add_argument("--derivative", action="store_true")
    parser.add_argument("--profile", action="store_true")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder: Path = args.folder or Path(temporary)
        configs = configs_in(Path(temporary), args.minutes)
        lake = Lake(folder / "lake")
        dataset = Dataset.open(lake, hour(lake, folder, configs, args.minutes))
        fresh = Lake(Path(temporary) / "timed")
        fresh.datasets_dir.parent.mkdir(parents=True, exist_ok=True)
        fresh.datasets_dir.symlink_to(lake.datasets_dir.absolute())
        fresh.root.joinpath("raw").symlink_to(lake.root.joinpath("raw").absolute())
        run_experiment(spec_of("warm", WARM, 1), fresh, config_root=configs, workers=1)
        spent: list[tuple[float, float]] = []
        module: Any = experiment_module
        correct = module.correct_search

        def timed(*arguments: Any) -> int:
            began = clocks()
            rows = correct(*arguments)
            spent.append(since(began))
            return rows

        module.correct_search = timed
        checks_s = timed_checks()
        spec = spec_of("timed", EVALUATIONS)
        if args.derivative:
            spec = spec_of("timed", DERIVATIVE_EVALUATIONS, swept=DERIVATIVE)
        profile = cProfile.Profile()
        if args.profile:
            profile.enable()
        began = clocks()
        result = run_experiment(spec, fresh, config_root=configs, workers=1)
        whole = since(began)
        profile.disable()
        elapsed, cpu = (all_of - part for all_of, part in zip(whole, spent[-1], strict=True))
        store = ResultsStore(fresh)
        rows = store.rows(result.run_ids).height
        figures = {
            "bins": dataset.n_bins,
            "runs": result.computed,
            "rows": rows,
            "seconds": round(elapsed, 2),
            "cpu_s": round(cpu, 2),
            "rows_per_s": round(rows / elapsed, 1),
            "rows_per_cpu_s": round(rows / cpu, 1),
            "checks_cpu_s": round(sum(checks_s), 2),
            "correction_s": round(spent[-1][0], 2),
            "correction_cpu_s": round(spent[-1][1], 2),
            "peak_rss_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
            "digest": digest_of(store, "timed"),
        }
        print(json.dumps(figures, indent=2))
        if args.profile:
            pstats.Stats(profile).sort_stats("cumulative").print_stats(45)


if __name__ == "__main__":
    main()
