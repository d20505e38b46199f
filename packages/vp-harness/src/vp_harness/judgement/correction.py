"""Judging rows by all that was ever tried on their market: p-values, intervals that know the looks, verdicts.

Rows count together when their datasets are of the same instrument, or of the same raw bytes, at overlapping market
times: see `market.groups`. The name of a dataset, its cell width and its exact limits make no other search of it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from hashlib import sha256
from typing import Final

import msgspec
import numpy as np
import polars as pl
from numpy.typing import NDArray

from vp_contract import RuntimeConfig
from vp_harness._memory import give_back
from vp_harness.errors import DatasetMissingError
from vp_harness.judgement.drawing import SPLIT, Drawer, Draws
from vp_harness.judgement.drawn import Drawn, Moments, Standards, exploded, places_in
from vp_harness.judgement.figures import FIGURES, Judge, Tally
from vp_harness.judgement.market import MARKET, groups, market_of, market_of_config
from vp_harness.judgement.search import DRAWS, SEED, p_error, p_values
from vp_harness.judgement.tried import Tried
from vp_harness.judgement.verdict import P_LIMIT
from vp_harness.lake.anchors import check_runs
from vp_harness.lake.dataset import Dataset
from vp_harness.lake.manifest import canonical_json
from vp_harness.lake.paths import Lake, LakeLike, open_lake
from vp_harness.research.records import SEARCHES, judged_days
from vp_harness.research.results import ResultsStore

MOST_DRAWS: Final = 15_999
"""Draws are doubled up to this many while a p-value is within three of its Monte Carlo errors of `P_LIMIT`."""

_MOST_SHIFTS: Final = 300_000_000
"""Draws times parts of rows, choosing and confirming, above which they are not doubled any more: the error that is left
is told with the p-value."""

_ROWS_JUDGED: Final = 200_000
"""Rows whose corrections are in memory at once. Those of a larger search are stored in several parts."""

_RULES: Final = "2"
"""Raised when a verdict may come out differently from the same draws: stored ones are made anew, drawing nothing."""

_TIMES: Final = ("choose_start_ns", "choose_end_ns", "confirm_start_ns", "confirm_end_ns")
_HEADS: Final = tuple(name for name in SEARCHES if name not in ("rows", "drawn"))
"""What is held of each batch. What it says of rows and trials is most of it, and goes into columns of its own."""

_RUN: Final = ("run_id", "dataset_id", "eval_json", "market_json", "days_json", *SPLIT)
"""What is read of each run: their texts are most of a large store."""


def correct_search(
    store: ResultsStore, lake_root: LakeLike, dataset_ids: Iterable[str], *, draws: int = DRAWS, seed: int = SEED
) -> int:
    """Correct all stored rows that count together with those of the given datasets, and store p-values and verdicts.

    Returns how many rows. Each row counts with the events of its choosing part as a trial and with those of its
    confirming part as a look. Rows with the same events and outcomes are one trial. Only what was not drawn before is
    drawn: nothing is done where nothing is new.

    Raises DatasetChangedError when one of the datasets is not the one that rows of it were judged on.
    """
    lake = open_lake(lake_root)
    wanted = set(dataset_ids)
    for dataset_id in sorted(wanted):
        try:
            check_runs(store, Dataset.open(lake, dataset_id))
        except DatasetMissingError:
            continue  # what was drawn before still counts
    runs = with_markets(store, lake)
    if runs.filter(pl.col("dataset_id").is_in(list(wanted))).is_empty():
        return 0
    searches = store.searches(_HEADS).filter(pl.col("base_draws") == draws, pl.col("seed") == seed)
    texts = sorted({*runs["market_json"], *searches["market_json"]})
    number = dict(zip(texts, groups([MARKET.decode(text) for text in texts]), strict=True))
    store.forget()
    give_back()
    corrected = 0
    for group in sorted(
        {number[text] for text in runs.filter(pl.col("dataset_id").is_in(list(wanted)))["market_json"]}
    ):
        of_group = pl.col("market_json").is_in([text for text in texts if number[text] == group])
        search = _Search(store, lake, runs.filter(of_group), searches.filter(of_group), draws, seed)
        corrected += search.run()
    return corrected


def with_markets(store: ResultsStore, lake: Lake) -> pl.DataFrame:
    """The listed runs, each with its market, and of their other columns what is judged by; of those of an early version
    the market is found out.
    """
    runs = store.runs(_RUN)
    without = runs.filter(pl.col("market_json") == "")
    if without.is_empty():
        return runs
    lacks = store.runs(("run_id", "dataset_id", "runtime_json"), without["run_id"])
    found: dict[str, str] = {}
    by_dataset: dict[str, str] = {}
    for run_id, dataset_id, runtime_json in lacks.iter_rows():
        if dataset_id not in by_dataset:
            try:
                market = market_of(Dataset.open(lake, dataset_id))
            except DatasetMissingError:
                market = market_of_config(msgspec.json.decode(runtime_json, type=RuntimeConfig))
            by_dataset[dataset_id] = canonical_json(market).decode()
        found[run_id] = by_dataset[dataset_id]
    new = pl.col("run_id").replace_strict(found, default=pl.col("market_json"), return_dtype=pl.String())
    return runs.with_columns(market_json=new)


@dataclass
class _Search:
    """All that was tried on one market."""

    store: ResultsStore
    lake: Lake
    runs: pl.DataFrame
    batches: pl.DataFrame
    base: int
    seed: int
    lost: dict[str, int] = field(default_factory=dict)

    def run(self) -> int:
        """Draw what is new, judge all rows, store it; how many rows there are."""
        retired = self.store.retired()["run_id"]
        active = self.runs.filter(~pl.col("run_id").is_in(retired.implode()))
        usable, rows, known = self._stored(active["run_id"], retired)
        unread = self._unread(active, rows, known)
        n_retired = self.runs.height - active.height
        gone = tuple(part for part in self.store.gone() if part.startswith(("runs", "searches", "retired")))
        state = _state(usable, retired, gone)
        if unread.is_empty() and self._is_done(rows, active, state):
            return len(rows)
        drawer = Drawer(self.store, self.lake)
        end = _drawn_to(usable) or self.base
        heads, listed, drawn = [usable], [rows], [known]
        for batch in drawer.batches(unread, Draws(self.base, self.seed, 0, end), known):
            self.store.append_searches(batch)
            heads.append(batch.select(_HEADS))
            listed.append(Tried.of(exploded(batch, "rows"), active["run_id"]))
            drawn.append(Drawn.of(exploded(batch, "drawn")))
            del batch  # the next one is made beside what is left
            give_back()
        usable, rows, known = pl.concat(heads), Tried.together(listed), Drawn.together(drawn)
        del listed, drawn
        give_back()
        usable, more = self._grown(usable, active, rows, drawer, known)
        self.store.append_searches(more)  # at once: all trials must have as many draws
        self.lost = drawer.lost
        state = _state(usable, retired, gone)
        if not self._is_done(rows, active, state):
            self._judge(self._tally(usable, known, n_retired, gone), usable, rows, active, state)
        return len(rows)

    def _judge(self, tally: Tally, usable: pl.DataFrame, rows: Tried, active: pl.DataFrame, state: str) -> None:
        """Store the corrections of all rows."""
        self.store.forget()
        moments = Moments.of(tally.known, self._drawn(usable))
        sequence = self.store.last_sequence() + 1
        judge = Judge(active, tally, moments, n_rows=len(rows), sequence=sequence, state=state)
        del moments  # they are the most of what is known of a trial
        give_back()
        for some in rows.tables(active["run_id"], _ROWS_JUDGED):
            figures = self.store.rows(some["run_id"].unique(), FIGURES)
            self.store.append_corrections(judge.corrections(some, figures))
            give_back()

    def _stored(self, active: pl.Series, retired: pl.Series) -> tuple[pl.DataFrame, Tried, Drawn]:
        """What was drawn before: batches without a retired run, the rows that they list, and their trials.

        Batches whose datasets are gone cannot be drawn without it, and stay whole.
        """
        there = self.runs.filter(pl.col("dataset_id").is_in([one for one in self._days if self._is_there(one)]))
        usable, listed, drawn = [], [], []
        for batch in self.store.searched(self.batches["batch"], ("batch", "rows", "drawn")):
            rows = exploded(batch, "rows")
            runs = rows["run_id"].unique()
            if not runs.is_in(retired.implode()).any() or not runs.is_in(there["run_id"].implode()).all():
                usable.append(batch["batch"][0])
                listed.append(Tried.of(rows, active))
                drawn.append(Drawn.of(exploded(batch, "drawn")))
            give_back()
        return (
            self.batches.filter(pl.col("batch").is_in(usable)),
            Tried.together(listed),
            Drawn.together(drawn),
        )

    def _drawn(self, usable: pl.DataFrame) -> Iterator[pl.DataFrame]:
        """What was drawn of the trials of some batches, read again a batch at a time."""
        for batch in self.store.searched(usable["batch"], ("drawn",)):
            yield exploded(batch, "drawn")
            give_back()

    def _is_there(self, dataset_id: str) -> bool:
        """Whether a dataset, or every one of the days that go by this id, is in the lake."""
        return all(self.lake.dataset_dir(one).is_dir() for one in self._days.get(dataset_id) or (dataset_id,))

    @cached_property
    def _days(self) -> dict[str, tuple[str, ...]]:
        """The datasets of the days by the id that they have together."""
        return {
            dataset_id: tuple(day.dataset_id for day in judged_days(days_json))
            for dataset_id, days_json in self.runs.select("dataset_id", "days_json").unique().iter_rows()
        }

    def _unread(self, active: pl.DataFrame, rows: Tried, known: Drawn) -> pl.DataFrame:
        """Runs that no batch has, or of which a trial was drawn in a batch only that cannot be used any more."""
        read = np.zeros(active.height, np.bool_)
        read[rows.runs] = True
        for confirms in (False, True):
            codes = rows.codes(confirms=confirms)
            lacks = (codes != 0) & ~places_in(known.codes(confirms=confirms), codes)[1]
            read[rows.runs[lacks]] = False
        return active.filter(~read)

    def _is_done(self, rows: Tried, active: pl.DataFrame, state: str) -> bool:
        return rows.all_have(state, self.store.each_correction(), active["run_id"])

    def _grown(
        self, usable: pl.DataFrame, active: pl.DataFrame, rows: Tried, drawer: Drawer, known: Drawn
    ) -> tuple[pl.DataFrame, pl.DataFrame]:
        """The batches with more draws, as long as a p-value near `P_LIMIT` could be on either side of it, and those of
        them that were made here. `rows` are those of the batches.
        """
        made: list[pl.DataFrame] = [pl.DataFrame(schema=SEARCHES)]
        places, there = places_in(known.choosing, rows.choose[rows.able])
        able = np.zeros(len(known.choosing), np.bool_)
        able[places[there]] = True
        standards: Standards | None = None
        while not drawer.lost:
            end = _drawn_to(usable)
            best = self._tally(usable, known, 0, ()).best
            p = p_values(best, known.statistics[able])
            near = np.abs(p - P_LIMIT) < 3.0 * p_error(P_LIMIT, end)
            if not near.any() or 2 * end > MOST_DRAWS or 2 * end * len(known) > _MOST_SHIFTS:
                break
            if rows.others or not all(self._is_there(name) for name in active["dataset_id"].unique()):
                break  # not all of what counts can be drawn again
            standards = standards or Standards(known, self._drawn(usable))
            more = list(drawer.batches(active, Draws(self.base, self.seed, end, 2 * end), known, standards))
            if drawer.lost:
                break
            made += more
            usable = pl.concat([usable, *(batch.select(_HEADS) for batch in more)])
        return usable, pl.concat(made)

    def _tally(self, usable: pl.DataFrame, known: Drawn, n_retired: int, gone: Sequence[str]) -> Tally:
        end = _drawn_to(usable)
        choose, confirm = (_best(usable, name, end) for name in ("best_choose", "best_confirm"))
        n_choose, n_confirm = len(known.choosing), len(known.confirming)
        lost = sum(self.lost.values())
        incomplete = ""
        if gone:
            incomplete = f"{len(gone)} parts of the results are gone, such as {gone[0]}: bring them back from a copy"
        elif lost:
            incomplete = f"{lost} rows of {', '.join(sorted(self.lost))} cannot be counted: bring the dataset back"
        if _mixed(usable):  # what one run confirmed on, another one chose on: both are both
            choose = confirm = np.maximum(choose, confirm)
            n_choose = n_confirm = n_choose + n_confirm
        return Tally(
            known=known,
            best=choose,
            best_confirm=confirm,
            n_trials=n_choose + lost,
            n_looks=n_confirm + lost,
            n_retired=n_retired,
            draws=end,
            seed=self.seed,
            incomplete=incomplete,
        )


def _drawn_to(batches: pl.DataFrame) -> int:
    """To which draw all trials of the batches were drawn; 0 where there are none."""
    return int(batches["end_draw"].max() or 0)  # type: ignore[arg-type]


def _best(batches: pl.DataFrame, column: str, end: int) -> NDArray[np.float32]:
    """The best of all batches, (1 + end): the observed placement, then every draw."""
    best = np.full(1 + end, -np.inf, np.float32)
    for first, values in zip(batches["first_draw"], batches[column], strict=True):
        at = 0 if first == 0 else 1 + first
        part = best[at : at + len(values)]
        np.maximum(part, values.to_numpy(), out=part)
    return best


def _mixed(batches: pl.DataFrame) -> bool:
    """Whether the choosing part of one batch overlaps the confirming part of another."""
    times = batches.select(_TIMES).unique().to_numpy()
    chosen, confirmed = times[:, np.newaxis, :2], times[np.newaxis, :, 2:]
    return bool(((chosen[..., 0] < confirmed[..., 1]) & (confirmed[..., 0] < chosen[..., 1])).any())


def _state(batches: pl.DataFrame, retired: Iterable[str], gone: Iterable[str]) -> str:
    named: Iterator[str] = iter((_RULES, *sorted(batches["batch"]), "-", *sorted(retired), "-", *sorted(gone)))
    return sha256(" ".join(named).encode()).hexdigest()[:16]
