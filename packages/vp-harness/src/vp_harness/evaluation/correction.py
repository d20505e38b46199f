"""The trial ledger: p-values corrected for every row ever tried on the same datasets."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec
import numpy as np
import polars as pl

from vp_contract import EvalSpec
from vp_harness.evaluation.evaluate import OutcomeTables, exit_rule
from vp_harness.evaluation.events import Events
from vp_harness.evaluation.search import DRAWS, SEED, Trial, corrected_p_values, distinct
from vp_harness.lake.anchors import check_runs
from vp_harness.lake.dataset import Dataset
from vp_harness.lake.paths import LakeLike
from vp_harness.research.results import Correction, ResultsStore


def correct_search(
    store: ResultsStore, lake_root: LakeLike, dataset_ids: Iterable[str], *, draws: int = DRAWS, seed: int = SEED
) -> int:
    """Correct all stored rows of the given datasets for one another and store the p-values; returns how many rows.

    The rows are those of every experiment ever run on these datasets. Each counts with the events of its choosing part
    only: the confirming part was not searched. Rows with the same events and outcomes are one trial.

    Raises DatasetChangedError when one of them was judged on other content.
    """
    wanted = set(dataset_ids)
    runs = store.runs().filter(pl.col("dataset_id").is_in(list(wanted))).sort("run_id")
    if runs.is_empty():
        return 0
    by_run = {run["run_id"]: run for run in runs.iter_rows(named=True)}
    rows = store.rows(by_run).select("run_id", "threshold", "event_bins", "event_directions")
    if _is_done(store, rows, draws, seed):
        return rows.height
    datasets = {name: Dataset.open(lake_root, name) for name in runs["dataset_id"].unique()}
    for dataset in datasets.values():
        check_runs(store, dataset)
    tables = {name: OutcomeTables(dataset) for name, dataset in datasets.items()}
    trials = []
    for row in rows.iter_rows(named=True):
        run = by_run[row["run_id"]]
        evaluation = msgspec.json.decode(run["eval_json"], type=EvalSpec)
        events = Events(np.array(row["event_bins"], np.int64), np.array(row["event_directions"], np.int8))
        trials.append(
            Trial(
                events=events.between(run["choose_first"], run["choose_end"]),
                table=tables[run["dataset_id"]].of(exit_rule(evaluation)),
                first=run["choose_first"],
                end=run["choose_end"],
                allow_overlap=evaluation.allow_overlap,
                min_events=evaluation.min_signals,
            )
        )
    n_trials = len(set(distinct(trials)))
    p_values = corrected_p_values(trials, draws=draws, seed=seed)
    store.append_corrections(
        [
            Correction(
                run_id=row["run_id"],
                threshold=row["threshold"],
                p_corrected=float(p),
                n_trials=n_trials,
                n_rows=len(trials),
                draws=draws,
                seed=seed,
            )
            for row, p in zip(rows.iter_rows(named=True), p_values, strict=True)
        ]
    )
    return len(trials)


def _is_done(store: ResultsStore, rows: pl.DataFrame, draws: int, seed: int) -> bool:
    """Whether the p-values of just these rows are stored: the same rows give the same p-values."""
    same = (pl.col("n_rows") == rows.height) & (pl.col("draws") == draws) & (pl.col("seed") == seed)
    corrected = store.corrections().filter(same).join(rows, on=["run_id", "threshold"], how="semi")
    return corrected.height == rows.height
