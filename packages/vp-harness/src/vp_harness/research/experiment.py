"""Running an experiment: datasets as needed, every run of the sweep, the correction for the search."""

from __future__ import annotations

import os
import time
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Executor, Future
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any, Final, NamedTuple, TypeAlias

import msgspec
import polars as pl

from vp_contract import EvalSpec, RuntimeConfig
from vp_harness.days.together import DaysWorkspace
from vp_harness.errors import ExperimentError
from vp_harness.evaluation.evaluate import evaluate
from vp_harness.evaluation.split import TimeSplit
from vp_harness.execution.configs import ExperimentChain, ExperimentLike, experiment_chain
from vp_harness.execution.executors import executor_of, in_order, parallel_of
from vp_harness.execution.generate import code_versions, utc_now
from vp_harness.execution.pipeline import Files, conformance_digests
from vp_harness.execution.turns import one_at_a_time
from vp_harness.judgement.correction import correct_search
from vp_harness.lake.anchors import check_runs
from vp_harness.lake.dataset import Dataset
from vp_harness.lake.manifest import canonical_json
from vp_harness.lake.paths import Lake, LakeLike, open_lake
from vp_harness.prediction.measures import Information
from vp_harness.reporting.tracking import Tracked, track
from vp_harness.research.idle import Point, idle_axes
from vp_harness.research.judged_on import JudgedOn, Progress, make_datasets
from vp_harness.research.records import DayRow, Run, ThresholdRow
from vp_harness.research.results import ResultsStore
from vp_harness.research.sweep import MAX_ROWS, Plan, PlannedSignal, plan

Stored: TypeAlias = tuple[Run, list[ThresholdRow]]


class TaskResult(NamedTuple):
    """The runs of a task, what its signal says on the parts of each of their splits, and what each of several days
    gave.
    """

    runs: list[Stored]
    information: list[Information]
    days: list[tuple[Run, list[DayRow]]]


_AHEAD: Final = 3
"""Tasks a worker that wait or run: their results are held until those before them are stored."""

_STORED_TOGETHER_S: Final = 1.0
"""Runs that are finished within so many seconds are stored together: a part of its own for each costs more than
judging it does. A process that is killed loses no more than these."""

_DASK_WORKERS: Final = 32
"""Workers that a cluster may have, for this purpose."""


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
    tracked: Tracked | None = None
    """How the runs were logged to MLflow, where the experiment's `tracking` asks for it."""
    left_out: Mapping[str, str] = field(default_factory=dict)
    """Why each day that is left out could not be made, by its date."""


@dataclass(frozen=True, slots=True)
class _Task:
    """One signal with one parameter set on one dataset: the runs of it that are not stored yet."""

    experiment: str
    made: JudgedOn
    signal: PlannedSignal
    runs: tuple[tuple[str, str, EvalSpec], ...]
    """(run_id, config_hash, evaluation) each."""
    thorough: bool
    """Whether the signal is checked thoroughly: the first of its parameter sets on the dataset is."""


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
    be believed (they are checked before they are judged), ExecutorError, DatasetChangedError when a run that is
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
        datasets = make_datasets(chain, points, lake, source, pool, progress)
        passive = _wants_passive(chain)
        dataset_ids = tuple(dict.fromkeys(one for made in datasets.values() for one in made.days.values()))
        for dataset_id in dataset_ids:
            dataset = Dataset.open(lake, dataset_id)
            check_runs(store, dataset)
            if passive and not dataset.has_fills:
                raise ExperimentError(
                    f"experiment {chain.experiment.name!r}: eval.fill_model queue needs what became of passive orders, "
                    f"which dataset {dataset_id} does not say: it was made by an earlier version; move its directory "
                    "away and run again, which makes it anew under the same id, or use fill_model cross"
                )
        name = chain.experiment.name
        with one_at_a_time(lake.turns_dir / f"run-{name}.lock", f"experiment {name}"):
            run_ids, computed, tried = _run_missing(name, planned, datasets, lake, store, pool, ahead, progress)
            correct_search(store, lake, {made.dataset_id for made in datasets.values()})
    left_out = {date: reason for made in datasets.values() for date, reason in made.left_out.items()}
    tracking = chain.experiment.tracking
    return ExperimentResult(
        experiment=name,
        dataset_ids=dataset_ids,
        run_ids=run_ids,
        computed=computed,
        resumed=len(run_ids) - computed,
        idle_axes=_idle(store, planned, tried),
        tracked=track(name, run_ids, lake, tracking.uri) if tracking.backend == "mlflow" else None,
        left_out=left_out,
    )


def _wants_passive(chain: ExperimentChain) -> bool:
    """Whether some row of an experiment is to be proven under the fill model `queue`."""
    axes = chain.experiment.sweep.per_signal.values()
    named = [value for of_signal in axes for value in of_signal.get("fill_model", ())]
    return "queue" in (chain.experiment.eval.fill_model, *named)


def _idle(store: ResultsStore, planned: Plan, tried: Sequence[str]) -> tuple[str, ...]:
    """The axes that changed nothing; `tried` has one run of each parameter set, in the order of the plan."""
    if len(tried) < 2:
        return ()
    known = store.runs(("run_id", "values_digest"))
    digests = pl.DataFrame({"run_id": tried}).join(known, on="run_id", how="left", maintain_order="left")
    points = zip(planned.points(), digests["values_digest"], strict=True)
    return idle_axes(Point(*point, digest) for point, digest in points)


def _run_missing(
    experiment: str,
    planned: Plan,
    datasets: Mapping[bytes, JudgedOn],
    lake: Lake,
    store: ResultsStore,
    pool: Executor,
    ahead: int,
    progress: Progress | None,
) -> tuple[tuple[str, ...], int, list[str]]:
    """Compute and store the runs that are not stored yet.

    Returns the ids of all, how many were computed, and the first run of each parameter set.
    """
    stored = set(store.runs(("run_id",))["run_id"])
    run_ids: dict[str, None] = {}
    tried: list[str] = []
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
        finished.store()
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
        self._held = TaskResult([], [], [])
        self._stored_at = time.monotonic()

    def add(self, done: TaskResult) -> None:
        """Hold what is done, and store all that is held when the last time is long enough ago."""
        self._held.runs.extend(done.runs)
        self._held.information.extend(done.information)
        self._held.days.extend(done.days)
        if time.monotonic() - self._stored_at >= _STORED_TOGETHER_S:
            self.store()

    def store(self) -> None:
        """Store all that is held. An interrupt in the middle of it leaves it held, to be stored again."""
        self._store.append(self._held.runs, self._held.information, self._held.days)
        self._held = TaskResult([], [], [])
        self._stored_at = time.monotonic()


def _tasks(
    experiment: str,
    planned: Plan,
    datasets: Mapping[bytes, JudgedOn],
    stored: set[str],
    run_ids: dict[str, None],
    tried: list[str],
) -> Iterator[_Task]:
    """What is to be computed, made as it is asked for.

    The ids of all runs, the stored ones too, go into `run_ids`, the first run of every parameter set into `tried`.
    """
    examined: dict[tuple[str, str], bytes] = {}
    config: RuntimeConfig | None = None
    for signal in planned:
        made = datasets[signal.config.numbers_json()]
        runs = _identify(experiment, made, signal)
        run_ids.update(dict.fromkeys(run_id for run_id, _, _ in runs))
        if signal.config is not config:  # the parts of one signal share it
            tried.append(runs[0][0])
        config = signal.config
        missing = tuple(run for run in runs if run[0] not in stored)
        if missing:
            params = canonical_json(dict(signal.params))
            thorough = examined.setdefault((made.dataset_id, signal.name), params) == params
            yield _Task(experiment, made, signal, missing, thorough)


def run_task(lake_root: str | os.PathLike[str], task: _Task) -> TaskResult:
    """Compute a signal once and judge it by every evaluation that is asked for. Runs in any thread or process."""
    began = time.perf_counter()
    made = task.made
    work = made.workspace(os.fspath(lake_root))
    signal = task.signal.create()
    carry = task.signal.carry and isinstance(work, DaysWorkspace)
    if isinstance(work, DaysWorkspace):
        judged = work.judged(signal, thorough=task.thorough, carry=carry)
    else:
        judged = work.judged(signal, thorough=task.thorough)
    shared_s = (time.perf_counter() - began) / len(task.runs)
    done = TaskResult([], [], [])
    information: dict[TimeSplit, Information] = {}
    for run_id, config_hash, evaluation in task.runs:
        began = time.perf_counter()
        split, rows, days, day_rows = evaluate(
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
                f"{made.dataset_id}: it has no threshold to judge"
            )
        if split not in information:
            of_days = (days,) if isinstance(work, DaysWorkspace) else ()
            information[split] = work.information(judged, task.signal.name, split, *of_days)
        run = Run(
            run_id=run_id,
            experiment=task.experiment,
            dataset_id=made.dataset_id,
            signal=task.signal.name,
            params_json=canonical_json(dict(task.signal.params)).decode(),
            eval_json=canonical_json(evaluation).decode(),
            runtime_json=task.signal.config.canonical_json().decode(),
            config_hash=config_hash,
            versions_json=canonical_json(code_versions()).decode(),
            trust_json=canonical_json(judged.trust if len(judged.trust) > 1 else judged.trust[0]).decode(),
            choose_first=split.choose_first,
            choose_end=split.choose_end,
            confirm_first=split.confirm_first,
            confirm_end=split.confirm_end,
            elapsed_s=round(shared_s + time.perf_counter() - began, 6),
            created_utc=utc_now(),
            dataset_files_json=work.files_json,
            values_digest=judged.digest,
            market_json=work.market_json,
            days_json=made.days_json(days),
            left_out_json=made.left_out_json,
            carry=int(carry),
            cost_from=task.signal.cost_from,
            fee_per_side=task.signal.fee_per_side,
        )
        done.runs.append((run, rows))
        done.days.append((run, day_rows))
    done.information.extend(information.values())
    return done


def _identify(experiment: str, made: JudgedOn, signal: PlannedSignal) -> list[tuple[str, str, EvalSpec]]:
    """(run_id, config_hash, evaluation) of every run of a planned signal."""
    runs = []
    runtime = msgspec.json.decode(signal.config.canonical_json())
    for evaluation in signal.evaluations:
        judged = msgspec.to_builtins(evaluation)
        if judged["fill_model"] == EvalSpec().fill_model:  # the ids of runs from before there was a choice stay
            del judged["fill_model"]
        decides: dict[str, Any] = {
            "dataset_id": made.dataset_id,
            "runtime": runtime,
            "signal": signal.name,
            "params": dict(signal.params),
            "thresholds": signal.thresholds,
            "eval": judged,
            "vp_harness": code_versions()["vp-harness"],
            "digests": conformance_digests(),
        }
        if signal.carry and len(made.days) > 1:
            decides["carry"] = True
        config_hash = sha256(canonical_json(decides)).hexdigest()
        run_id = sha256(f"{experiment} {config_hash}".encode()).hexdigest()[:16]
        runs.append((run_id, config_hash, evaluation))
    return runs
