"""Drawing the shifts of stored rows, each row once: what is kept of them is enough to correct every other row.

A *batch* is what a correction drew at once for runs of one market with one split of its time. It keeps, for every draw,
the best score of its rows in the choosing part and the largest one without its sign in the confirming part, and of each
distinct trial its statistic, what standardised it, and the moments of its trades. The best of all rows of a market is
the maximum over batches, so a new row costs its own draws, and the rows of a batch count even where their dataset or
their part of the results has been deleted since.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from hashlib import sha256
from typing import Final, NamedTuple

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
from vp_harness.judgement.market import MARKET
from vp_harness.judgement.overfitting import MOMENTS, moments_of
from vp_harness.judgement.search import Shares, draw_first, draw_more, shares_of
from vp_harness.judgement.trials import Trial, Trials, trials_between
from vp_harness.lake.anchors import check_runs
from vp_harness.lake.dataset import Dataset
from vp_harness.lake.paths import Lake
from vp_harness.research.records import DRAWN, LISTED, ROW_KEY, SEARCHES, judged_days
from vp_harness.research.results import ResultsStore

_CHUNK: Final = 512
"""Trials that a thread draws at once."""

_WORKERS: Final = 4
"""Threads at most. A kernel takes all trials of a thread and lets go of the GIL; the rows are read meanwhile."""

_ROWS_OF_BATCH: Final = 200_000
"""Rows of a batch at most. Their events are read at once, and what was drawn of them is stored before more are read."""

_ROWS_AT_ONCE: Final = 4096
"""Rows whose lists of events are taken apart at once."""

EVENTS: Final = (*ROW_KEY, "event_bins", "event_directions")
"""The columns of a stored row that trials are made of."""

SPLIT: Final = ("choose_first", "choose_end", "confirm_first", "confirm_end")


class _Named(NamedTuple):
    """Trials of one part of rows: their digests, and where each stands (n) among all that are drawn, which is in order
    of rows, the choosing part before the confirming one.
    """

    digests: Sequence[str]
    places: NDArray[np.int64]
    confirms: bool


class _Job(NamedTuple):
    """What a thread draws at once."""

    named: _Named
    trials: Trials
    standards: NDArray[np.float64] | None
    """(n, 2): what standardises further draws; None for trials that are drawn for the first time."""


class _Result(NamedTuple):
    """`best` (draws), and what is kept of each trial; moments of choosing parts alone. Nothing of it holds events."""

    named: _Named
    best: NDArray[np.float32]
    statistics: NDArray[np.float32]
    standards: NDArray[np.float64]
    moments: NDArray[np.float64]


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

    def __init__(self, store: ResultsStore, lake: Lake) -> None:
        self._store, self._lake = store, lake
        self.lost: dict[str, int] = {}
        """Rows by dataset that could not be drawn because their dataset is gone."""

    def batches(self, runs: pl.DataFrame, draws: Draws, known: Drawn) -> Iterator[pl.DataFrame]:
        """Draw the rows of `runs` (see `correction.with_markets`) and give the batches to store, each a row of
        `searches`, one after the other.

        From draw 0 on, trials in `known` are not drawn again; later draws are made of those that are in `known`.
        """
        standards = known.standards() if draws.first else {}
        done = known.keys() if draws.first == 0 else set()
        together = ["dataset_id", "market_json", "days_json", *SPLIT]
        for _, group in runs.sort("run_id").group_by(together, maintain_order=True):
            dataset_id = group["dataset_id"][0]
            days = judged_days(group["days_json"][0])
            try:
                datasets = [Dataset.open(self._lake, one) for one in [day.dataset_id for day in days] or [dataset_id]]
            except DatasetMissingError:
                lost = self._store.rows(group["run_id"], ("run_id",)).height
                self.lost[dataset_id] = self.lost.get(dataset_id, 0) + lost
                continue
            for dataset in datasets:
                check_runs(self._store, dataset)
            tables = OutcomeTables(*datasets)
            order = group.sort("eval_json", "run_id")["run_id"]
            for rows in self._store.rows_in_turn(order, EVENTS, _ROWS_OF_BATCH):
                yield self._batch(group, rows, tables, draws, standards, done)

    def _batch(
        self,
        runs: pl.DataFrame,
        rows: pl.DataFrame,
        tables: OutcomeTables,
        draws: Draws,
        standards: Mapping[Key, Standard],
        done: set[tuple[str, bool]],
    ) -> pl.DataFrame:
        split = {name: int(runs[name][0]) for name in SPLIT}
        market = MARKET.decode(runs["market_json"][0])
        days = [DayBins(day.start, day.first, day.end) for day in judged_days(runs["days_json"][0])]
        listed = [pl.DataFrame(schema=LISTED)]

        def jobs() -> Iterator[_Job]:
            above = 0
            for some in rows_of(runs, rows, tables, split, days):
                digests = tuple(trials.digests() for trials in some.parts)
                listed.append(some.listed(*digests))
                yield from _jobs(some, digests, above, draws, standards, done)
                above += len(some.names)

        best = np.full((2, draws.size), -np.inf, np.float32)
        results = []
        for result in _drawn(jobs(), draws):
            of_part = best[int(result.named.confirms)]
            np.maximum(of_part, result.best, out=of_part)
            if draws.first == 0:
                results.append(result)
        drawn, rows_listed = _in_order(results), pl.concat(listed)
        names = zip(rows_listed["run_id"], rows_listed["threshold"], strict=True)
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
                "rows": as_list(rows_listed, "rows"),
                "drawn": as_list(drawn, "drawn"),
            },
            schema=SEARCHES,
        )


class Rows(NamedTuple):
    """Some rows of one evaluation: `names` (run_id, threshold), and their choosing and confirming parts as trials."""

    names: pl.DataFrame
    parts: tuple[Trials, Trials]

    def listed(self, choose: Sequence[str], confirm: Sequence[str]) -> pl.DataFrame:
        """The columns of `LISTED`, with the digests of both parts; able is whether a row has events enough to win."""
        able = self.parts[0].counts >= max(1, self.parts[0].like.min_events)
        digests = {name: pl.Series(own, dtype=LISTED[name]) for name, own in (("choose", choose), ("confirm", confirm))}
        return self.names.with_columns(**digests, able=able)


def rows_of(
    runs: pl.DataFrame,
    rows: pl.DataFrame,
    tables: OutcomeTables,
    split: Mapping[str, int],
    days: Sequence[DayBins],
) -> Iterator[Rows]:
    """`rows` (the columns `EVENTS`) of `runs` as trials, some at a time, in order of evaluation, run and threshold.

    Rows of one evaluation come together, so that outcome tables are made once.
    """
    evaluations = runs.select("run_id", "eval_json")
    order = rows.select(ROW_KEY).with_row_index("place").join(evaluations, on="run_id")
    for part in order.sort("eval_json", *ROW_KEY).iter_slices(_ROWS_AT_ONCE):
        for of_evaluation in part.partition_by("eval_json", maintain_order=True):
            some = rows[of_evaluation["place"]]
            evaluation = msgspec.json.decode(of_evaluation["eval_json"][0], type=EvalSpec)
            table = tables.of(exit_rule(evaluation))
            ends = some["event_bins"].list.len().to_numpy().astype(np.int64).cumsum()
            starts = np.concatenate([[0], ends[:-1]])
            events = Events(
                some["event_bins"].explode().drop_nulls().to_numpy().astype(np.int64),
                some["event_directions"].explode().drop_nulls().to_numpy().astype(np.int8),
            )
            choose, confirm = (
                trials_between(
                    events,
                    starts,
                    ends,
                    Trial(
                        events=Events(events.bins[:0], events.directions[:0]),
                        table=table,
                        first=first,
                        end=last,
                        allow_overlap=evaluation.allow_overlap,
                        min_events=evaluation.min_signals,
                        model=evaluation.fill_model,
                        windows=tuple(windows(days, first, last)),
                    ),
                )
                for first, last in (
                    (split["choose_first"], split["choose_end"]),
                    (split["confirm_first"], split["confirm_end"]),
                )
            )
            yield Rows(some.select(ROW_KEY), (choose, confirm))


def _jobs(
    some: Rows,
    digests: Sequence[Sequence[str]],
    above: int,
    draws: Draws,
    standards: Mapping[Key, Standard],
    done: set[tuple[str, bool]],
) -> Iterator[_Job]:
    """The trials of some rows, before which there are `above`, that are to be drawn; they are added to `done`."""
    for trials, own, confirms in zip(some.parts, digests, (False, True), strict=True):
        new = []
        for i, digest in enumerate(own):
            key = Key(digest, confirms)
            if digest and key not in done and (draws.first == 0 or key in standards):
                done.add(key)
                new.append(i)
        for start in range(0, len(new), _CHUNK):
            chunk = new[start : start + _CHUNK]
            named = _Named([own[i] for i in chunk], 2 * (above + np.array(chunk)) + confirms, confirms)
            known = None
            if draws.first:
                known = np.array([standards[Key(digest, confirms)] for digest in named.digests])
            yield _Job(named, trials.some(chunk), known)


def _drawn(jobs: Iterable[_Job], draws: Draws) -> Iterator[_Result]:
    """The results of jobs, each drawn by a thread, in their order."""
    values = shares_of(draws.end, draws.seed)
    shares = Shares(values[: draws.base], observed=True), Shares(values[max(draws.first, draws.base) :])
    with ThreadPoolExecutor(min(_WORKERS, os.cpu_count() or 1)) as pool:
        waiting: deque[Future[_Result]] = deque()
        for job in jobs:
            waiting.append(pool.submit(_draw, job, draws, shares))
            if len(waiting) > 2 * _WORKERS:
                yield waiting.popleft().result()
        for future in waiting:
            yield future.result()


def _draw(job: _Job, draws: Draws, shares: tuple[Shares, Shares]) -> _Result:
    """`shares` of the first draws and of those after them that are made."""
    named, trials, standards = job
    best = np.full(draws.size, -np.inf, np.float32)
    later = best
    statistics, moments = np.empty(0, np.float32), np.empty((0, MOMENTS), np.float64)
    if standards is None:
        first, later = best[: 1 + draws.base], best[1 + draws.base :]
        statistics, standards = draw_first(trials, shares[0], first, without_sign=named.confirms)
        if not named.confirms:
            moments = moments_of(trials)
    if len(later):
        draw_more(trials, shares[1], standards, later, without_sign=named.confirms)
    return _Result(named, best, statistics, standards, moments)


def _in_order(results: Sequence[_Result]) -> pl.DataFrame:
    """The columns of `DRAWN` of all trials, in order of their places."""
    schema = {**DRAWN, "place": pl.Int64()}
    made = [pl.DataFrame(schema=schema)]
    for confirms in (False, True):
        of_part = [result for result in results if result.named.confirms == confirms]
        if not of_part:
            continue
        digests = [digest for result in of_part for digest in result.named.digests]
        standards = np.concatenate([result.standards for result in of_part])
        moments = pl.Series([[]], dtype=DRAWN["moments"]).new_from_index(0, len(digests))
        if not confirms:
            moments = pl.Series(np.concatenate([result.moments for result in of_part])).cast(DRAWN["moments"])
        columns = {
            "digest": digests,
            "confirms": pl.repeat(confirms, len(digests), eager=True),
            "statistic": np.concatenate([result.statistics for result in of_part]),
            "mean": standards[:, 0],
            "deviation": standards[:, 1],
            "moments": moments,
            "place": np.concatenate([result.named.places for result in of_part]),
        }
        made.append(pl.DataFrame(columns, schema=schema))
    return pl.concat(made).sort("place").drop("place")
