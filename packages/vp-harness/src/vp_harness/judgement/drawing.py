"""Drawing the shifts of stored rows, each row once: what is kept of them is enough to correct every other row.

A *batch* is what one correction drew for the runs of one market with one split of its time. It keeps, for every draw,
the best score of its rows in the choosing part and the largest one without its sign in the confirming part, and of each
distinct trial its statistic, what standardised it, and the moments of its trades. The best of all rows of a market is
the maximum over batches, so a new row costs its own draws, and the rows of a batch count even where their dataset or
their part of the results has been deleted since.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256
from typing import Any, Final, NamedTuple

import msgspec
import numpy as np
import polars as pl
from numpy.typing import NDArray

from vp_contract import EvalSpec
from vp_harness.errors import DatasetMissingError
from vp_harness.evaluation.evaluate import OutcomeTables
from vp_harness.evaluation.events import Events
from vp_harness.evaluation.outcomes import exit_rule
from vp_harness.evaluation.split import DayBins, windows
from vp_harness.judgement.drawn import Drawn, Key, Standard, as_list
from vp_harness.judgement.market import Market
from vp_harness.judgement.overfitting import trade_moments
from vp_harness.judgement.search import Shares, Trial, first_scores, more_scores, shares_of
from vp_harness.lake.anchors import check_runs
from vp_harness.lake.dataset import Dataset
from vp_harness.lake.paths import Lake
from vp_harness.research.records import DRAWN, LISTED, SEARCHES, judged_days
from vp_harness.research.results import ResultsStore

_CHUNK: Final = 512
"""Rows that a thread draws at once."""

_WORKERS: Final = 4
"""Threads at most: the kernels let go of the GIL, what surrounds them does not."""

_ROWS_AT_ONCE: Final = 4096
"""Rows whose lists of events are taken apart at once."""

EVENTS: Final = ("run_id", "threshold", "event_bins", "event_directions")
"""The columns of a stored row that trials are made of."""

SPLIT: Final = ("choose_first", "choose_end", "confirm_first", "confirm_end")


class _Job(NamedTuple):
    key: Key
    trial: Trial
    standard: Standard | None
    """What standardises further draws; None for a trial that is drawn for the first time."""


class _Result(NamedTuple):
    best: NDArray[np.float32]
    """(2, draws): choosing, confirming."""
    drawn: pl.DataFrame
    """Of the trials that were drawn for the first time, with the columns of `DRAWN`."""


class Draws(NamedTuple):
    """Which draws: the first `base` standardise a trial; `first` (inclusive) to `end` (exclusive) are made.

    Where `first` is 0 the observed placement comes before them.
    """

    base: int
    seed: int
    first: int
    end: int

    @property
    def size(self) -> int:
        """How many scores each trial gets."""
        return self.end - self.first + (self.first == 0)


class Drawer:
    """Draws for the runs of a store. Datasets are opened when something of them is to be drawn."""

    def __init__(self, store: ResultsStore, lake: Lake, markets: Mapping[str, Market]) -> None:
        """`markets` are those of the runs by run id."""
        self._store, self._lake, self._markets = store, lake, markets
        self.lost: dict[str, int] = {}
        """Rows by dataset that could not be drawn because their dataset is gone."""

    def batches(self, runs: pl.DataFrame, draws: Draws, known: Drawn) -> pl.DataFrame:
        """Draw the rows of `runs` (rows of `ResultsStore.runs`) and give the batches to store, rows of `searches`.

        From draw 0 on, trials in `known` are not drawn again; later draws are made of those that are in `known`.
        """
        made = [pl.DataFrame(schema=SEARCHES)]
        standards = known.standards()
        done = set(standards) if draws.first == 0 else set()
        together = ["dataset_id", "market_json", "days_json", *SPLIT]
        for _, group in runs.sort("run_id").group_by(together, maintain_order=True):
            dataset_id = group["dataset_id"][0]
            rows = self._store.rows(group["run_id"], EVENTS)
            days = judged_days(group["days_json"][0])
            try:
                datasets = [Dataset.open(self._lake, one) for one in [day.dataset_id for day in days] or [dataset_id]]
            except DatasetMissingError:
                self.lost[dataset_id] = self.lost.get(dataset_id, 0) + rows.height
                continue
            for dataset in datasets:
                check_runs(self._store, dataset)
            made.append(self._batch(group, rows, OutcomeTables(*datasets), draws, standards, done))
        return pl.concat(made)

    def _batch(
        self,
        runs: pl.DataFrame,
        rows: pl.DataFrame,
        tables: OutcomeTables,
        draws: Draws,
        standards: Mapping[Key, Standard],
        done: set[Key],
    ) -> pl.DataFrame:
        split = {name: int(runs[name][0]) for name in SPLIT}
        market = self._markets[runs["run_id"][0]]
        days = [DayBins(day.start, day.first, day.end) for day in judged_days(runs["days_json"][0])]
        listed: dict[str, list[Any]] = {name: [] for name in LISTED}

        def jobs() -> Iterator[_Job]:
            for row, trials, able in trials_of(runs, rows, tables, split, days):
                keys = [Key(trial.digest if len(trial.events) else "", bool(i)) for i, trial in enumerate(trials)]
                values = (row["run_id"], row["threshold"], keys[0].digest, keys[1].digest, able)
                for name, value in zip(LISTED, values, strict=True):
                    listed[name].append(value)
                for key, trial in zip(keys, trials, strict=True):
                    if key.digest and key not in done and (draws.first == 0 or key in standards):
                        done.add(key)
                        yield _Job(key, trial, standards.get(key) if draws.first else None)

        best = np.full((2, draws.size), -np.inf, np.float32)
        parts = [pl.DataFrame(schema=DRAWN)]
        for result in _drawn(jobs(), draws):
            np.maximum(best, result.best, out=best)
            parts.append(result.drawn)
        drawn = pl.concat(parts)
        names = zip(listed["run_id"], listed["threshold"], strict=True)
        named = sha256(" ".join(sorted(f"{run_id} {threshold!r}" for run_id, threshold in names)).encode())
        named.update(f"{market} {split} {draws} {sorted(drawn['digest'])}".encode())
        return pl.DataFrame(
            {
                "batch": named.hexdigest()[:16],
                "market_json": runs["market_json"][0],
                **{f"{name.replace('first', 'start')}_ns": market.time_of(bin_seq) for name, bin_seq in split.items()},
                "base_draws": draws.base,
                "seed": draws.seed,
                "first_draw": draws.first,
                "end_draw": draws.end,
                "best_choose": pl.Series([best[0]], dtype=SEARCHES["best_choose"]),
                "best_confirm": pl.Series([best[1]], dtype=SEARCHES["best_confirm"]),
                "rows": as_list(pl.DataFrame(listed, schema=LISTED), "rows"),
                "drawn": as_list(drawn, "drawn"),
            },
            schema=SEARCHES,
        )


def trials_of(
    runs: pl.DataFrame,
    rows: pl.DataFrame,
    tables: OutcomeTables,
    split: Mapping[str, int],
    days: Sequence[DayBins],
) -> Iterator[tuple[dict[str, Any], tuple[Trial, Trial], bool]]:
    """Of each row its name, the trials of both its parts, and whether it has events enough to win.

    Rows of one evaluation come together, so that outcome tables are made once.
    """
    judged = dict(runs.select("run_id", "eval_json").iter_rows())
    rows = rows.with_columns(eval_json=pl.col("run_id").replace_strict(judged, return_dtype=pl.String())).sort(
        "eval_json", "run_id", "threshold"
    )
    evaluation, text = EvalSpec(), ""
    for run_id, threshold, eval_json, events in _events_of(rows):
        if eval_json != text:
            evaluation, text = msgspec.json.decode(eval_json, type=EvalSpec), eval_json
        table = tables.of(exit_rule(evaluation))
        parts = [
            Trial(
                events=events.between(first, last),
                table=table,
                first=first,
                end=last,
                allow_overlap=evaluation.allow_overlap,
                min_events=evaluation.min_signals,
                model=evaluation.fill_model,
                windows=tuple(windows(days, first, last)),
            )
            for first, last in (
                (split["choose_first"], split["choose_end"]),
                (split["confirm_first"], split["confirm_end"]),
            )
        ]
        able = len(parts[0].events) >= max(1, evaluation.min_signals)
        yield {"run_id": run_id, "threshold": threshold}, (parts[0], parts[1]), able


def _events_of(rows: pl.DataFrame) -> Iterator[tuple[str, float, str, Events]]:
    """Run, threshold, evaluation and events of each row; the lists of some rows at a time are taken apart."""
    for part in rows.iter_slices(_ROWS_AT_ONCE):
        bins = part["event_bins"].explode().drop_nulls().to_numpy().astype(np.int64)
        directions = part["event_directions"].explode().drop_nulls().to_numpy().astype(np.int8)
        start = 0
        for run_id, threshold, eval_json, count in zip(
            part["run_id"], part["threshold"], part["eval_json"], part["event_bins"].list.len(), strict=True
        ):
            end = start + count
            yield run_id, threshold, eval_json, Events(bins[start:end], directions[start:end])
            start = end


def _drawn(jobs: Iterable[_Job], draws: Draws) -> Iterator[_Result]:
    """The results of jobs, a chunk a thread."""
    values = shares_of(draws.end, draws.seed)
    shares = Shares(values[: draws.base], observed=True), Shares(values[max(draws.first, draws.base) :])
    with ThreadPoolExecutor(min(_WORKERS, os.cpu_count() or 1)) as pool:
        waiting = []
        for chunk in _chunks(jobs):
            waiting.append(pool.submit(_draw_chunk, chunk, draws, shares))
            if len(waiting) > 2 * _WORKERS:
                yield waiting.pop(0).result()
        for future in waiting:
            yield future.result()


def _chunks(jobs: Iterable[_Job]) -> Iterator[list[_Job]]:
    chunk: list[_Job] = []
    for job in jobs:
        chunk.append(job)
        if len(chunk) == _CHUNK:
            yield chunk
            chunk = []
    if chunk:
        yield chunk


def _draw_chunk(jobs: Sequence[_Job], draws: Draws, shares: tuple[Shares, Shares]) -> _Result:
    """`shares` of the first draws and of those after them that are made."""
    best = np.full((2, draws.size), -np.inf, np.float32)
    drawn: dict[str, list[Any]] = {name: [] for name in DRAWN}
    for key, trial, standard in jobs:
        if standard is not None:
            scores = more_scores(trial, shares[1], *standard).values
        else:
            first = first_scores(trial, shares[0])
            scores = first.values
            if draws.end > draws.base:
                later = more_scores(trial, shares[1], first.mean, first.deviation)
                scores = np.concatenate([scores, later.values])
            moments = [] if key.confirms else trade_moments(trial).tolist()
            values = (*key, float(scores[0]), first.mean, first.deviation, moments)
            for name, value in zip(DRAWN, values, strict=True):
                drawn[name].append(value)
        part = int(key.confirms)
        np.maximum(best[part], np.abs(scores) if key.confirms else scores, out=best[part])
    return _Result(best, pl.DataFrame(drawn, schema=DRAWN))
