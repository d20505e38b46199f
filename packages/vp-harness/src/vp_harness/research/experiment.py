"""Running an experiment: datasets as needed, every run of the sweep, the correction for the search."""

from __future__ import annotations

import os
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Executor, Future
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Final, NamedTuple, TypeAlias

import msgspec

from vp_contract import EvalSpec, RuntimeConfig
from vp_harness.errors import ExperimentError
from vp_harness.evaluation.evaluate import evaluate
from vp_harness.evaluation.split import TimeSplit
from vp_harness.evaluation.workspace import workspace
from vp_harness.execution.configs import ExperimentChain, ExperimentLike, experiment_chain
from vp_harness.execution.executors import executor_of, in_order, parallel_of
from vp_harness.execution.generate import code_versions, generate_task, run_generate_task, utc_now
from vp_harness.execution.pipeline import Files, conformance_digests
from vp_harness.execution.turns import one_at_a_time
from vp_harness.information.measures import Information
from vp_harness.judgement.correction import correct_search
from vp_harness.lake.anchors import check_runs
from vp_harness.lake.dataset import Dataset
from vp_harness.lake.manifest import canonical_json
from vp_harness.lake.paths import Lake, LakeLike, open_lake
from vp_harness.research.idle import Point, idle_axes
from vp_harness.research.results import ResultsStore, Run, ThresholdRow
from vp_harness.research.sweep import MAX_ROWS, Plan, PlannedSignal, plan

Stored: TypeAlias = tuple[Run, list[ThresholdRow]]


class TaskResult(NamedTuple):
    """The runs of a task, and what its signal says on the parts of each of their splits."""

    runs: list[Stored]
    information: list[Information]


_AHEAD: Final = 3
"""Tasks a worker that wait or run: their results are held until those before them are stored."""

_STORED_TOGETHER_S: Final = 1.0
"""Runs that are finished within so many seconds are stored together: a part of its own for each costs more than
judging it does. A process that is killed loses no more than these."""

_DASK_WORKERS: Final = 32
"""Workers that a cluster may have, for this purpose."""

Progress = Callable[[str, int, int], None]
"""Called with (what is being done, done, in all)."""


@dataclass(frozen=True, slots=True)
class ExperimentResult:
    """What an experiment ran on and which runs it has: `computed` now, or `resumed` from an earlier time."""

    experiment: str
    dataset_ids: tuple[str, ...]
    run_ids: tuple[str, ...]
    computed: int
    resumed: int
    idle_axes: tuple[str, ...] = ()
    """Axes of the sweep that changed no value of a signal: see `idle.idle_axes`."""


@dataclass(frozen=True, slots=True)
class _Task:
    """One signal with one parameter set on one dataset: the runs of it that are not stored yet."""

    experiment: str
    dataset_id: str
    signal: PlannedSignal
    runs: tuple[tuple[str, str, EvalSpec], ...]
    """(run_id, config_hash, evaluation) each."""
    thorough: bool
    """Whether the signal is looked into thoroughly: the first of its parameter sets on the dataset is."""


def run_experiment(
    spec: ExperimentLike,
    lake_root: LakeLike | None = None,
    *,
    config_root: str | os.PathLike[str] | None = None,
    source: Files | None = None,
    executor: str | None = None,
    workers: int | None = None,
    scheduler: str | None = None,
    max_rows: int = MAX_ROWS,
    progress: Progress | None = None,
) -> ExperimentResult:
    """Run every point of an experiment's sweep and store it; points that are stored already are not computed again.

    `spec` is an experiment's name, the path of its file, or the spec itself. The whole sweep is checked before anything
    runs. `executor` (local, processes, dask), `workers` and `scheduler` (the address for dask) replace what its
    `parallel` says; the results are the same. A sweep of more than `max_rows` rows is refused before anything of it is
    made. Rows are stored as they are made, once a second, so an interrupted experiment goes on where it was, and of
    several processes that run the same one at once the first computes, while the others say that they wait. In the end
    the p-values of all rows ever tried on its datasets are corrected for one another.

    Raises ExperimentError for a sweep or capture that cannot be run, SignalTrustError for a signal whose values cannot
    be believed (they are looked into before they are judged), ExecutorError, DatasetChangedError when a run that is
    stored was judged on a dataset of the same id with another content, and what `generate` raises.
    """
    lake = open_lake(lake_root)
    chain = experiment_chain(spec, config_root)
    planned = plan(chain, max_rows)
    points = planned.check()
    store = ResultsStore(lake)
    parallel = parallel_of(chain.experiment.parallel, executor, workers, scheduler)
    ahead = _AHEAD * (parallel.workers if parallel.executor != "dask" else _DASK_WORKERS)
    with executor_of(parallel) as pool:
        datasets = _generate_all(chain, points, lake, source, pool, progress)
        for dataset_id in dict.fromkeys(datasets.values()):
            check_runs(store, Dataset.open(lake, dataset_id))
        dataset_ids = tuple(dict.fromkeys(datasets.values()))
        name = chain.experiment.name
        with one_at_a_time(lake.turns_dir / f"run-{name}.lock", f"experiment {name}"):
            run_ids, computed, tried = _run_missing(name, planned, datasets, lake, store, pool, ahead, progress)
            correct_search(store, lake, dataset_ids)
    idle = _idle(store, tried)
    return ExperimentResult(chain.experiment.name, dataset_ids, run_ids, computed, len(run_ids) - computed, idle)


def _idle(store: ResultsStore, tried: Mapping[str, Point]) -> tuple[str, ...]:
    """The axes that changed nothing; `tried` has one run of each signal on each dataset."""
    digests: dict[str, str] = dict(store.runs().select("run_id", "values_digest").iter_rows())
    return idle_axes(point._replace(digest=digests[run_id]) for run_id, point in tried.items())


def _run_missing(
    experiment: str,
    planned: Plan,
    datasets: Mapping[bytes, str],
    lake: Lake,
    store: ResultsStore,
    pool: Executor,
    ahead: int,
    progress: Progress | None,
) -> tuple[tuple[str, ...], int, dict[str, Point]]:
    """Compute and store the runs that are not stored yet.

    Returns the ids of all, how many were computed, and the points of the sweep by the first of their runs.
    """
    stored = set(store.runs()["run_id"])
    run_ids: dict[str, None] = {}
    tried: dict[str, Point] = {}
    waiting: deque[Future[TaskResult]] = deque()
    finished = _Finished(store)
    computed = 0

    def submitted() -> Iterator[Future[TaskResult]]:
        for task in _tasks(experiment, planned, datasets, stored, run_ids, tried):
            waiting.append(pool.submit(run_task, str(lake.root.absolute()), task))
            yield waiting[-1]

    try:
        for done in in_order(submitted(), ahead):
            waiting.popleft()
            finished.add(done)
            computed += len(done.runs)
            if progress:
                progress("runs", computed, planned.size.runs - (len(run_ids) - computed))
    except KeyboardInterrupt:
        for future in waiting:
            future.cancel()  # does nothing to those that run or are done
        for future in waiting:  # what is done stays
            if future.done() and not future.cancelled() and future.exception() is None:
                finished.add(future.result())
        raise
    finally:
        finished.store()
    return tuple(run_ids), computed, tried


class _Finished:
    """Runs on their way into the store: see `_STORED_TOGETHER_S`."""

    def __init__(self, store: ResultsStore) -> None:
        self._store = store
        self._held = TaskResult([], [])
        self._stored_at = time.monotonic()

    def add(self, done: TaskResult) -> None:
        """Hold what is done, and store all that is held when the last time is long enough ago."""
        self._held.runs.extend(done.runs)
        self._held.information.extend(done.information)
        if time.monotonic() - self._stored_at >= _STORED_TOGETHER_S:
            self.store()

    def store(self) -> None:
        """Store all that is held."""
        held, self._held = self._held, TaskResult([], [])
        self._store.append(*held)
        self._stored_at = time.monotonic()


def _tasks(
    experiment: str,
    planned: Plan,
    datasets: Mapping[bytes, str],
    stored: set[str],
    run_ids: dict[str, None],
    tried: dict[str, Point],
) -> Iterator[_Task]:
    """What is to be computed, made as it is asked for.

    The ids of all runs, the stored ones too, go into `run_ids`, every point by the first of its runs into `tried`.
    """
    examined: dict[tuple[str, str], bytes] = {}
    config: RuntimeConfig | None = None
    for signal in planned:
        dataset_id = datasets[signal.config.numbers_json()]
        runs = _identify(experiment, dataset_id, signal)
        run_ids.update(dict.fromkeys(run_id for run_id, _, _ in runs))
        if signal.config is not config:  # the parts of one signal share it
            tried[runs[0][0]] = Point(signal.name, signal.overrides, signal.point, "")
        config = signal.config
        missing = tuple(run for run in runs if run[0] not in stored)
        if missing:
            params = canonical_json(dict(signal.params))
            thorough = examined.setdefault((dataset_id, signal.name), params) == params
            yield _Task(experiment, dataset_id, signal, missing, thorough)


def run_task(lake_root: str | os.PathLike[str], task: _Task) -> TaskResult:
    """Compute a signal once and judge it by every evaluation that is asked for. Runs in any thread or process."""
    began = time.perf_counter()
    work = workspace(os.fspath(lake_root), task.dataset_id)
    signal = task.signal.create()
    judged = work.judged(signal, thorough=task.thorough)
    shared_s = (time.perf_counter() - began) / len(task.runs)
    stored: list[Stored] = []
    information: dict[TimeSplit, Information] = {}
    for run_id, config_hash, evaluation in task.runs:
        began = time.perf_counter()
        split, rows = evaluate(
            judged.values,
            signal,
            work.tables,
            evaluation,
            cell_width_ms=work.context.cell_width_ms,
            seed=run_id,
            thresholds=task.signal.thresholds,
        )
        if not rows:
            raise ExperimentError(
                f"signal {task.signal.name!r} with {dict(task.signal.params)} is 0 throughout the calibration of "
                f"{task.dataset_id}: it has no threshold to judge"
            )
        if split not in information:
            information[split] = work.information(judged, task.signal.name, split)
        run = Run(
            run_id=run_id,
            experiment=task.experiment,
            dataset_id=task.dataset_id,
            signal=task.signal.name,
            params_json=canonical_json(dict(task.signal.params)).decode(),
            eval_json=canonical_json(evaluation).decode(),
            runtime_json=task.signal.config.canonical_json().decode(),
            config_hash=config_hash,
            versions_json=canonical_json(code_versions()).decode(),
            trust_json=canonical_json(judged.trust).decode(),
            choose_first=split.choose_first,
            choose_end=split.choose_end,
            confirm_first=split.confirm_first,
            confirm_end=split.confirm_end,
            elapsed_s=round(shared_s + time.perf_counter() - began, 6),
            created_utc=utc_now(),
            dataset_files_json=work.files_json,
            values_digest=judged.digest,
            market_json=work.market_json,
        )
        stored.append((run, rows))
    return TaskResult(stored, list(information.values()))


def _generate_all(
    chain: ExperimentChain,
    points: Mapping[bytes, PlannedSignal],
    lake: Lake,
    source: Files | None,
    pool: Executor,
    progress: Progress | None,
) -> dict[bytes, str]:
    """Dataset ids by the part of the config that decides their numbers."""
    specs = {
        name: msgspec.to_builtins(spec) for name, spec in (("pipeline", chain.pipeline), ("serving", chain.serving))
    }
    tasks = [
        generate_task(lake.root, point.config, source, {**specs, "overrides": dict(point.overrides)})
        for point in points.values()
    ]
    if len(tasks) == 1:  # here, where every bin shows
        report = (lambda done, total: progress("dataset", done, total)) if progress else None
        return dict.fromkeys(points, run_generate_task(tasks[0], report))
    futures = [pool.submit(run_generate_task, task) for task in tasks]
    datasets: dict[bytes, str] = {}
    if progress:
        progress("datasets", 0, len(points))
    for key, dataset_id in zip(points, in_order(futures), strict=True):
        datasets[key] = dataset_id
        if progress:
            progress("datasets", len(datasets), len(points))
    return datasets


def _identify(experiment: str, dataset_id: str, signal: PlannedSignal) -> list[tuple[str, str, EvalSpec]]:
    """(run_id, config_hash, evaluation) of every run of a planned signal."""
    runs = []
    runtime = msgspec.json.decode(signal.config.canonical_json())
    for evaluation in signal.evaluations:
        judged = msgspec.to_builtins(evaluation)
        if judged["fill_model"] == EvalSpec().fill_model:  # the ids of runs from before there was a choice stay
            del judged["fill_model"]
        decides: dict[str, Any] = {
            "dataset_id": dataset_id,
            "runtime": runtime,
            "signal": signal.name,
            "params": dict(signal.params),
            "thresholds": signal.thresholds,
            "eval": judged,
            "vp_harness": code_versions()["vp-harness"],
            "digests": conformance_digests(),
        }
        config_hash = sha256(canonical_json(decides)).hexdigest()
        run_id = sha256(f"{experiment} {config_hash}".encode()).hexdigest()[:16]
        runs.append((run_id, config_hash, evaluation))
    return runs
