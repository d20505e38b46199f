"""What an experiment would do: counted and estimated, nothing written and nothing judged."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Mapping
from typing import Any, Final

import msgspec
import polars as pl

from vp_book import VpBookError
from vp_contract import CampaignSpec, ParallelSpec, RuntimeConfig
from vp_harness import signals
from vp_harness.days.made import of_day
from vp_harness.errors import PipelineError, RawFileError
from vp_harness.evaluation.costs import cost_words
from vp_harness.evaluation.evaluate import TABLE_BYTES
from vp_harness.evaluation.workspace import COLUMN_BYTES, WORK_BYTES, columns_bytes
from vp_harness.execution.campaign import Campaign, PlannedDataset, estimate
from vp_harness.execution.configs import ExperimentChain, ExperimentLike, experiment_chain
from vp_harness.execution.executors import parallel_of
from vp_harness.execution.generate import dataset_id_of, identity_of
from vp_harness.execution.pipeline import bins_in_capture
from vp_harness.lake.manifest import canonical_json
from vp_harness.lake.paths import Lake, LakeLike, open_lake
from vp_harness.lake.sources import source_options
from vp_harness.research.idle import UnreadParams, idle_dataset_axes
from vp_harness.research.results import ResultsStore
from vp_harness.research.sweep import MAX_ROWS, PlannedSignal, plan, rows_of_signals, wanted_signals

_PROCESS_BYTES: Final = 400 * 2**20
"""A process with the libraries and kernels of this package loaded, and a sweep's results on their way to the store."""


class DryRun(msgspec.Struct, frozen=True, kw_only=True):
    """What an experiment would do.

    `rows` are thresholds under an evaluation, at most: of thresholds that a signal measures some may be equal.
    `signals` are distinct ones, by a digest of name and parameters. `datasets` are ids, `to_make` those that are not
    in the lake. `seconds` are of one core, None when nothing is stored that tells how long a row takes; `basis` says
    what that rests on. `memory_bytes` is of all workers together. `idle` names axes that are known to change nothing,
    `costs` says what a round trip pays and who says so, in words, each once; `left_out` says why each of several days
    that cannot be made is left out.
    """

    experiment: str
    rows: int
    runs: int
    signals: int
    datasets: tuple[str, ...]
    to_make: tuple[str, ...]
    bins_to_make: int
    seconds: float | None
    memory_bytes: int
    idle: tuple[str, ...]
    basis: str
    costs: tuple[str, ...] = ()
    left_out: dict[str, str] = {}


def dry_run(
    spec: ExperimentLike,
    lake_root: LakeLike | None = None,
    *,
    config_root: str | os.PathLike[str] | None = None,
    executor: str | None = None,
    workers: int | None = None,
    scheduler: str | None = None,
    max_rows: int = MAX_ROWS,
) -> DryRun:
    """Plan an experiment and say what it would do. Writes nothing to the lake.

    The arguments are those of `run_experiment`. The time of rows is that of rows of the same signals in the results
    store, a bin; that of datasets comes from datasets of the pipeline in the lake, else from some bins that are made
    in a temporary directory. Raises what `run_experiment` raises before it computes anything.
    """
    lake = open_lake(lake_root)
    chain = experiment_chain(spec, config_root)
    planned = plan(chain, max_rows)
    parallel = parallel_of(chain.experiment.parallel, executor, workers, scheduler)
    points: dict[bytes, PlannedSignal] = {}
    distinct: set[bytes] = set()
    costs: dict[str, None] = {}
    unread = UnreadParams()
    for signal in planned:
        points.setdefault(signal.config.numbers_json(), signal)
        created = signal.create()
        distinct.add(_digest(created))
        unread.take(signal, created)
        of_signal = (signal.cost_from, signal.fee_per_side, chain.instrument.qty_unit)
        costs.update(dict.fromkeys(cost_words(one.paid_ticks, *of_signal) for one in signal.evaluations))
    datasets, left_out = _datasets(lake, chain, points.values())
    missing = [dataset for dataset in datasets if not dataset.exists]
    making = estimate(Campaign(_as_campaign(chain), chain.pipeline, lake, tuple(datasets)))
    rows_s, basis = _row_seconds(ResultsStore(lake), rows_of_signals(chain), datasets)
    return DryRun(
        experiment=chain.experiment.name,
        rows=planned.size.rows,
        runs=planned.size.runs,
        signals=len(distinct),
        datasets=tuple(dataset.dataset_id for dataset in datasets),
        to_make=tuple(dataset.dataset_id for dataset in missing),
        bins_to_make=sum(dataset.bins for dataset in missing),
        seconds=None if rows_s is None else round(rows_s + making.seconds, 3),
        memory_bytes=_memory(chain, datasets, *_workers(parallel)),
        idle=(*idle_dataset_axes(chain), *unread.axes()),
        basis=f"datasets: {making.basis}; rows: {basis}",
        costs=tuple(costs),
        left_out=left_out,
    )


def _digest(signal: signals.Signal) -> bytes:
    params: Any = msgspec.to_builtins(signal.params)
    return hashlib.sha256(canonical_json([signal.name, params])).digest()[:16]


def _datasets(
    lake: Lake, chain: ExperimentChain, points: Iterable[PlannedSignal]
) -> tuple[list[PlannedDataset], dict[str, str]]:
    """The datasets, and of several days those that have no raw files."""
    found: dict[str, PlannedDataset] = {}
    left_out: dict[str, str] = {}
    for point in points:
        for date in chain.dates:
            config: RuntimeConfig = of_day(point.config, date)
            try:
                sources = source_options(config, lake)
            except (RawFileError, PipelineError, VpBookError) as error:
                if len(chain.dates) == 1:
                    raise
                left_out[date] = str(error)
                continue
            dataset_id = dataset_id_of(config, identity_of(config, sources))
            exists = lake.dataset_dir(dataset_id).is_dir()
            found[dataset_id] = PlannedDataset(
                date, chain.experiment.name, dict(point.overrides), config, sources, dataset_id, exists
            )
    if not found:
        date, reason = next(iter(left_out.items()))
        raise PipelineError(f"none of the {len(chain.dates)} days can be made; {date}: {reason}")
    return list(found.values()), left_out


def _as_campaign(chain: ExperimentChain) -> CampaignSpec:
    """The datasets of an experiment are those of a campaign without dates of its own."""
    return CampaignSpec(name=chain.experiment.name, pipeline=chain.pipeline.name)


def _row_seconds(
    store: ResultsStore, wanted: Mapping[str, int], datasets: Iterable[PlannedDataset]
) -> tuple[float | None, str]:
    """Seconds of all rows on one core, from what rows of the same signals took a bin; and what that rests on."""
    read = store.runs(("run_id", "signal", "elapsed_s", "confirm_end"))
    runs = read.filter(pl.col("signal").is_in(list(wanted)))
    if runs.is_empty():
        return None, "no run of these signals is stored yet: run one, and its time is the basis"
    rows = store.rows(runs["run_id"], ("run_id",)).group_by("run_id").len("rows")
    # of a run: the bins of its dataset end where its confirming part does
    per_row = runs.join(rows, on="run_id").with_columns(
        per_row=pl.col("elapsed_s") / pl.col("rows") / pl.col("confirm_end")
    )
    by_signal = dict(per_row.group_by("signal").agg(pl.col("per_row").median()).iter_rows())
    others = float(per_row["per_row"].median() or 0.0)  # type: ignore[arg-type]
    bins = sum(dataset.bins for dataset in datasets)
    seconds = sum(count * bins * by_signal.get(name, others) for name, count in wanted.items())
    return seconds, f"{runs.height} stored runs of {len(by_signal)} of the {len(wanted)} signals"


def _workers(parallel: ParallelSpec) -> tuple[int, int]:
    """Processes of this machine that compute, and threads in each."""
    if parallel.executor == "local":
        return 1, parallel.workers
    return (parallel.workers if parallel.executor == "processes" else 1), 1


def _memory(chain: ExperimentChain, datasets: Iterable[PlannedDataset], processes: int, threads: int) -> int:
    """Columns that are kept and that are read at once, copies that one signal makes, outcome tables, and all else."""
    largest = 0
    for dataset in datasets:
        bins, rows = bins_in_capture(dataset.config), dataset.config.grid_rows
        reads = [len(signals.signal_class(name).required_columns) for name in wanted_signals(chain)]
        needed = sorted((columns_bytes(bins, rows, columns) for columns in reads), reverse=True)
        most = max(needed, default=0)
        kept = min(max(COLUMN_BYTES, columns_bytes(bins, rows, 1)), sum(needed))
        at_work = max(most, min(WORK_BYTES, sum(needed[:threads])))
        largest = max(largest, kept + at_work + most + TABLE_BYTES)
    return processes * (_PROCESS_BYTES + largest)
