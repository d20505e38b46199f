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
from vp_harness.judgement.drawn import Codes, Drawn, Kept, Met, Standards, as_list, digests_of, places_in
from vp_harness.judgement.fired import Fired
from vp_harness.judgement.market import MARKET
from vp_harness.judgement.overfitting import MOMENTS, moments_of
from vp_harness.judgement.search import Shares, draw_first, draw_more, shares_of
from vp_harness.judgement.trials import Trial, Trials, trials_between
from vp_harness.lake.anchors import check_runs
from vp_harness.lake.dataset import Dataset
from vp_harness.lake.paths import Lake
from vp_harness.research.records import LISTED, ROW_KEY, ROWS, SEARCHES, judged_days
from vp_harness.research.results import ResultsStore

_CHUNK: Final = 512
"""Trials that a thread draws at once."""

_WORKERS: Final = 4
"""Threads at most. A kernel takes all trials of a thread and lets go of the GIL; the rows are read meanwhile."""

_ROWS_OF_BATCH: Final = 200_000
"""Rows of a batch at most. Their events are in memory at once (see `Fired`); what was drawn of them is stored before
more are read."""

_ROWS_AT_ONCE: Final = 4096
_EVENTS_AT_ONCE: Final = 2**20
"""Rows, and events of rows, that are made trials at once."""

_CODED: Final = {**LISTED, "choose": pl.UInt64(), "confirm": pl.UInt64()}
_NO_CODES: Final = np.empty(0, np.uint64)

EVENTS: Final = (*ROW_KEY, "event_bins", "event_directions")
"""The columns of a stored row that trials are made of."""

SPLIT: Final = ("choose_first", "choose_end", "confirm_first", "confirm_end")


class _Named(NamedTuple):
    """Trials of one part of rows: their codes, and where each stands (n) among all that are drawn, which is in order
    of rows, the choosing part before the confirming one.
    """

    codes: Codes
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

    def batches(
        self, runs: pl.DataFrame, draws: Draws, known: Drawn, standards: Standards | None = None
    ) -> Iterator[pl.DataFrame]:
        """Draw the rows of `runs` (see `correction.with_markets`) and give the batches to store, each a row of
        `searches`, one after the other.

        From draw 0 on, trials in `known` are not drawn again. Later draws are made of those that are in `known`, by
        their `standards`.
        """
        parts = (False, True)
        met = tuple(Met(known.codes(confirms=part) if standards is None else _NO_CODES) for part in parts)
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
                yield self._batch(group, rows, tables, draws, _ToDraw(known, standards, met))

    def _batch(
        self,
        runs: pl.DataFrame,
        rows: Iterable[pl.DataFrame],
        tables: OutcomeTables,
        draws: Draws,
        wanted: _ToDraw,
    ) -> pl.DataFrame:
        split = {name: int(runs[name][0]) for name in SPLIT}
        market = MARKET.decode(runs["market_json"][0])
        best, listed, kept = _all_drawn(runs, rows, tables, draws, wanted)
        named = _named(listed, f"{market} {split} {draws}", np.concatenate([part.codes for part in kept]))
        digests = {name: digests_of(listed[name].to_numpy()) for name in ("choose", "confirm")}
        return pl.DataFrame(
            {
                "batch": named,
                "market_json": runs["market_json"][0],
                **{f"{name.replace('first', 'start')}_ns": market.time_of(bin_seq) for name, bin_seq in split.items()},
                "base_draws": draws.base,
                "seed": draws.seed,
                "first_draw": draws.first,
                "end_draw": draws.end,
                "best_choose": pl.Series([best[0]], dtype=SEARCHES["best_choose"]),
                "best_confirm": pl.Series([best[1]], dtype=SEARCHES["best_confirm"]),
                "rows": as_list(listed.with_columns(**digests), "rows"),
                "drawn": as_list(kept[0].table(kept[1]), "drawn"),
            },
            schema=SEARCHES,
        )


class _ToDraw(NamedTuple):
    """Which trials are to be drawn: those that were not `met`, or, by their `standards`, the known ones of these."""

    known: Drawn
    standards: Standards | None
    met: tuple[Met, ...]


def _all_drawn(
    runs: pl.DataFrame, rows: Iterable[pl.DataFrame], tables: OutcomeTables, draws: Draws, wanted: _ToDraw
) -> tuple[NDArray[np.float32], pl.DataFrame, tuple[Kept, Kept]]:
    """The best of each draw in both parts (2, draws), all rows as listed, and what is kept of both parts."""
    split = {name: int(runs[name][0]) for name in SPLIT}
    days = [DayBins(day.start, day.first, day.end) for day in judged_days(runs["days_json"][0])]
    names, fired = taken_apart(rows)
    listed = [pl.DataFrame(schema=_CODED)]
    most = names.height if draws.first == 0 else 0
    kept = Kept(most, confirms=False), Kept(most, confirms=True)

    def jobs() -> Iterator[_Job]:
        above = 0
        for some in rows_of(runs, names, fired, tables, split, days):
            codes = tuple(trials.codes() for trials in some.parts)
            listed.append(some.listed(*codes))
            yield from _jobs(some, codes, above, wanted)
            above += len(some.names)

    best = np.full((2, draws.size), -np.inf, np.float32)
    for result in _drawn(jobs(), draws):
        named = result.named
        np.maximum(best[int(named.confirms)], result.best, out=best[int(named.confirms)])
        if draws.first == 0:
            kept[named.confirms].add(named.codes, named.places, result.statistics, result.standards, result.moments)
    return best, pl.concat(listed), kept


class Rows(NamedTuple):
    """Some rows of one evaluation: `names` (run_id, threshold), and their choosing and confirming parts as trials."""

    names: pl.DataFrame
    parts: tuple[Trials, Trials]

    def listed(self, choose: Codes, confirm: Codes) -> pl.DataFrame:
        """The columns of `LISTED`, with the codes of both parts; able is whether a row has events enough to win."""
        able = self.parts[0].counts >= max(1, self.parts[0].like.min_events)
        return self.names.with_columns(choose=pl.Series(choose), confirm=pl.Series(confirm), able=able)


def taken_apart(rows: Iterable[pl.DataFrame]) -> tuple[pl.DataFrame, Fired]:
    """run_id and threshold of rows, and their events; `rows` have the columns `EVENTS`, some at a time."""
    names, fired = [pl.DataFrame(schema={name: ROWS[name] for name in ROW_KEY})], Fired()
    for some in rows:
        names.append(some.select(ROW_KEY))
        fired.add(some)
    return pl.concat(names), fired


def rows_of(
    runs: pl.DataFrame,
    names: pl.DataFrame,
    fired: Fired,
    tables: OutcomeTables,
    split: Mapping[str, int],
    days: Sequence[DayBins],
) -> Iterator[Rows]:
    """Rows of `runs` (see `taken_apart`) as trials, some at a time, in order of evaluation, run and threshold.

    Rows of one evaluation come together, so that outcome tables are made once. Of a row that comes twice the first
    counts.
    """
    order = names.with_row_index("place").unique(ROW_KEY, keep="first", maintain_order=True)
    order = order.join(runs.select("run_id", "eval_json"), on="run_id").sort("eval_json", *ROW_KEY)
    for part in _slices(order, fired.counts):
        for of_evaluation in part.partition_by("eval_json", maintain_order=True):
            events, starts, ends = fired.of(of_evaluation["place"].to_numpy().astype(np.int64))
            evaluation = msgspec.json.decode(of_evaluation["eval_json"][0], type=EvalSpec)
            table = tables.of(exit_rule(evaluation))
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
            yield Rows(of_evaluation.select(ROW_KEY), (choose, confirm))


def _slices(order: pl.DataFrame, counts: NDArray[np.int64]) -> Iterator[pl.DataFrame]:
    """Rows of `order`, whose `place` is that of their number of events, as many at a time as may be taken apart."""
    ends = counts[order["place"].to_numpy()].cumsum()
    start = before = 0
    while start < order.height:
        fits = int(np.searchsorted(ends, before + _EVENTS_AT_ONCE, side="right"))
        end = min(max(fits, start + 1), start + _ROWS_AT_ONCE, order.height)
        yield order[start:end]
        start, before = end, int(ends[end - 1])


def _jobs(some: Rows, codes: Sequence[Codes], above: int, wanted: _ToDraw) -> Iterator[_Job]:
    """The trials of some rows, before which there are `above`, that are to be drawn; they are met then."""
    for trials, own, confirms in zip(some.parts, codes, (False, True), strict=True):
        may = np.flatnonzero(trials.counts > 0).astype(np.int64)
        if wanted.standards is not None:
            may = may[places_in(wanted.known.codes(confirms=confirms), own[may])[1]]
        new = may[wanted.met[confirms].new_of(own[may])]
        for start in range(0, len(new), _CHUNK):
            chunk = new[start : start + _CHUNK]
            named = _Named(own[chunk], 2 * (above + chunk) + confirms, confirms)
            standards = None
            if wanted.standards is not None:
                standards = wanted.standards.of(named.codes, confirms=confirms)
            yield _Job(named, trials.some(chunk), standards)


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


def _named(listed: pl.DataFrame, drawn_as: str, drawn: Codes) -> str:
    """The name of a batch: by the rows that are listed, how they were drawn, and the digests of what was drawn."""
    names = zip(listed["run_id"], listed["threshold"], strict=True)
    named = sha256(" ".join(sorted(f"{run_id} {threshold!r}" for run_id, threshold in names)).encode())
    digests = digests_of(np.sort(drawn))
    named.update(f"{drawn_as} [".encode())
    for some in range(0, len(digests), _ROWS_AT_ONCE):  # as a list of all would be printed
        quoted = ", ".join(f"{digest!r}" for digest in digests[some : some + _ROWS_AT_ONCE])
        named.update(f"{', ' if some else ''}{quoted}".encode())
    named.update(b"]")
    return named.hexdigest()[:16]
