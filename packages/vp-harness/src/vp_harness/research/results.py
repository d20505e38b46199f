"""The results store: what was run and what came out, append-only.

`runs_meta.parquet` has one row a run, `runs.parquet` one row a threshold of a run, `corrections.parquet` the p-values
and verdicts that know about all rows tried so far, `searches.parquet` what was drawn of them for that,
`information.parquet` what their signals say before anything is traded, `days.parquet` what a threshold gave on each of
several days, and `retired.parquet` which runs do not count any more and why. All are directories of immutable part
files, which any Parquet reader takes as one table. A run is listed when its meta row and its threshold rows are both
there: they are appended in the order rows, then meta, so a process that dies in between leaves a run that does not
exist yet.
"""

from __future__ import annotations

import hashlib
import itertools
import os
import threading
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

import msgspec
import polars as pl

from vp_contract import EvalSpec
from vp_harness.columns import frame_of
from vp_harness.errors import DatasetChangedError, ParameterError, ResultsError, UnknownRunError
from vp_harness.evaluation.trades import SCHEMA as TRADES
from vp_harness.evaluation.trades import trades_of
from vp_harness.lake.dataset import BINS_FILE, Dataset
from vp_harness.lake.ledger import Ledger
from vp_harness.lake.paths import LEDGER, Lake
from vp_harness.prediction import stored
from vp_harness.prediction.measures import Information
from vp_harness.research.parts import PART, PartTable
from vp_harness.research.records import (
    CORRECTIONS,
    DAYS,
    LATER_CORRECTIONS,
    LATER_DAYS,
    LATER_META,
    LATER_ROWS,
    META,
    PARTS,
    RETIRED,
    ROW_KEY,
    ROWS,
    SEARCHES,
    Correction,
    DayRow,
    Retirement,
    Run,
    ThresholdRow,
    days_frame,
    files_of_day,
    rows_frame,
    rows_on_day,
)

_CONVERTING: Final = threading.Lock()

_COUNTED: Final = pl.when(pl.col("n_rows") > 0).then("n_rows").otherwise("n_trials")
_MADE_AT_ONCE: Final = 16_384
"""Corrections that are objects at once."""


class ResultsStore:
    """The store under `root`: a results directory, or a Lake, which knows its own. Made by the first append."""

    def __init__(self, root: str | os.PathLike[str] | Lake) -> None:
        directory = root.results_dir if isinstance(root, Lake) else Lake(root).root
        self.root = directory
        self._lake = root if isinstance(root, Lake) else None
        self._meta = PartTable(directory / "runs_meta.parquet", META, LATER_META)
        self._rows = PartTable(directory / "runs.parquet", ROWS, LATER_ROWS)
        self._corrections = PartTable(directory / "corrections.parquet", CORRECTIONS, LATER_CORRECTIONS)
        self._searches = PartTable(directory / "searches.parquet", SEARCHES)
        self._information = PartTable(directory / "information.parquet", stored.SCHEMA)
        self._days = PartTable(directory / "days.parquet", DAYS, dict.fromkeys(LATER_DAYS))
        self._retired = PartTable(directory / "retired.parquet", RETIRED)
        self._ledger = Ledger(directory / LEDGER)

    def append(
        self,
        runs: Sequence[tuple[Run, Sequence[ThresholdRow]]],
        information: Sequence[Information] = (),
        days: Sequence[tuple[Run, Sequence[DayRow]]] = (),
    ) -> None:
        """Store finished runs with their rows, what their signals say and what each day of several gave, all of them or
        (whatever dies when) none.

        A run of an id that is stored already does no harm: readers see the first one.
        """
        if not runs:
            return
        for run, rows in runs:
            if not rows:
                raise ResultsError(f"run {run.run_id} has no rows: a run without thresholds is not a result")
        stem = hashlib.sha256(" ".join(run.run_id for run, _ in runs).encode()).hexdigest()[:16]
        self._rows.append(stem, rows_frame(runs))
        if information:
            self._information.append(stem, stored.stored_rows(information))
        of_days = days_frame(days)
        if not of_days.is_empty():
            self._days.append(stem, of_days)
        self._meta.append(stem, frame_of({name: [getattr(run, name) for run, _ in runs] for name in META}, META))
        self._enter_parts()

    def append_corrections(self, corrections: Iterable[Correction]) -> None:
        """Store p-values and verdicts; later ones take the place of earlier ones, or those that count more rows."""
        frames, remaining = [], iter(corrections)
        while some := list(itertools.islice(remaining, _MADE_AT_ONCE)):
            # by columns: dictionaries of a hundred thousand rows take as much memory as all that they were made of
            columns = {name: [getattr(correction, name) for correction in some] for name in CORRECTIONS}
            frames.append(pl.DataFrame(columns, schema=CORRECTIONS))
        if frames:
            first = frames[0].row(0, named=True)
            counted = first["n_rows"] or first["n_trials"]
            self._corrections.append(f"{first['sequence']:06d}{counted:012d}", pl.concat(frames))
            self._enter_parts()

    def append_searches(self, batches: pl.DataFrame) -> None:
        """Store what was drawn; batches have the columns of `searches`."""
        if not batches.is_empty():
            self._searches.append(hashlib.sha256(" ".join(batches["batch"]).encode()).hexdigest()[:16], batches)
            self._enter_parts()

    def append_retirements(self, retirements: Sequence[Retirement]) -> None:
        """Store that runs do not count any more."""
        if retirements:
            flat = [msgspec.to_builtins(retirement) for retirement in retirements]
            stem = hashlib.sha256(repr(flat).encode()).hexdigest()[:16]
            self._retired.append(stem, pl.DataFrame(flat, schema=RETIRED, orient="row"))
            self._enter_parts()

    def searches(self, columns: Sequence[str] = ()) -> pl.DataFrame:
        """One row a batch of draws, or those `columns` of it: see `judgement.drawing`. What was drawn of each row and
        trial, `rows` and `drawn`, takes nearly all of the memory.
        """
        asked = tuple(columns) or tuple(SEARCHES)
        read = self._searches.read(tuple(dict.fromkeys(("batch", *asked))))
        return read.unique("batch", keep="first", maintain_order=True).select(asked)

    def searched(self, batches: pl.Series, columns: Sequence[str]) -> Iterator[pl.DataFrame]:
        """`searches` of some batches, one row at a time: what one part has of them is in memory at once.

        Raises ResultsError when one is not there any more.
        """
        there = self._searches.read(("batch",)).filter(pl.col("batch").is_in(batches.implode()))
        remaining = set(batches)
        for part in self._searches.read_each(tuple(dict.fromkeys(("batch", *columns))), stems=set(there[PART])):
            for one in part.iter_slices(1):
                if one["batch"][0] in remaining:
                    remaining.remove(one["batch"][0])
                    yield one.select(columns)
        if remaining:
            raise ResultsError(f"batch {min(remaining)} of searches.parquet was there and is gone: run this again")

    def retired(self) -> pl.DataFrame:
        """One row a retired run, with the fields of `Retirement`: the first record of each counts."""
        read = self._retired.read().sort("created_utc", PART)
        return read.unique("run_id", keep="first", maintain_order=True).drop(PART)

    def gone(self) -> list[str]:
        """Parts that the ledger names and that are not there, as `table/name`."""
        there = {part for table in self._tables for part in table.entries()}
        tables = {table.directory.name for table in self._tables}
        entered = {part for part in self._ledger.parts() if part.partition("/")[0] in tables}
        return sorted(entered - there)

    def forget(self) -> None:
        """Keep nothing of the parts that were read: of a large store they take more memory than what they say."""
        for table in self._tables:
            table.forget()

    def runs(self, columns: Sequence[str] = (), run_ids: pl.Series | None = None) -> pl.DataFrame:
        """One row a listed run, or one of `run_ids`, in order of their ids: the fields of `Run`, or those `columns` of
        them. Parts without a run that is asked for are not read.
        """
        asked = tuple(columns) or tuple(META)
        stems = None
        if run_ids is not None:
            there = self._meta.read(("run_id",))
            stems = set(there.filter(pl.col("run_id").is_in(run_ids.implode()))[PART])
        meta = self._meta.read(tuple(dict.fromkeys(("run_id", *asked))), stems=stems).drop(PART)
        if run_ids is not None:
            meta = meta.filter(pl.col("run_id").is_in(run_ids.implode()))
        meta = meta.unique("run_id", keep="first", maintain_order=True)
        rows = self._rows.read(("run_id",)).select("run_id").unique()
        return meta.join(rows, on="run_id", how="semi").sort("run_id").select(asked)

    def rows(self, run_ids: Iterable[str] | None = None, columns: Sequence[str] = ()) -> pl.DataFrame:
        """One row a threshold of the listed runs (or of those asked for), in order of run and threshold: see
        `ThresholdRow` and `Measures`. With `columns` these of them alone.

        Parts without a run that is asked for are not read; of a large store few columns take a tenth of the memory.
        """
        keep = _kept_of(self._located(self._wanted(run_ids, ("run_id",))))
        asked = tuple(columns) or tuple(ROWS)
        rows = self._rows.read(tuple(dict.fromkeys((*ROW_KEY, *asked))), keep=keep)
        # keys are put in order and rows taken by them: sorting whole rows holds them twice more
        keys = (
            rows.select(ROW_KEY)
            .with_row_index("place")
            .unique(ROW_KEY, keep="first", maintain_order=True)
            .sort(ROW_KEY)
        )
        return rows.select(asked)[keys["place"]]

    def rows_in_turn(
        self, run_ids: pl.Series, columns: Sequence[str], at_most: int
    ) -> Iterator[Iterator[pl.DataFrame]]:
        """The stored rows of listed runs, of some at a time in the order of `run_ids`: of as many as have `at_most`
        rows, or of one that has more. Those of a turn come part by part as they are stored, in no order, and one that
        was stored twice may come twice. It takes as much memory as a part does; every part that has some of a turn is
        read for it.
        """
        located = self._located(self._wanted(run_ids, ("run_id",)))
        turns = pl.DataFrame({"run_id": run_ids}).join(located, on="run_id", maintain_order="left")
        turns = turns.select("run_id", PART, turn=(pl.col("len").cum_sum() - 1) // at_most)
        del located
        for _, some in turns.group_by("turn", maintain_order=True):
            parts = self._rows.read_each(tuple(dict.fromkeys(("run_id", *columns))), keep=_kept_of(some))
            yield (part.select(columns) for part in parts)

    def _located(self, runs: pl.DataFrame) -> pl.DataFrame:
        """Of each of some runs the part that has its rows, the first one, and how many rows (`len`) there are."""
        there = [pl.DataFrame(schema={"run_id": pl.String(), PART: pl.String(), "len": pl.UInt32()})]
        # part by part: the ids of a large store are not all in memory at once
        parts = self._rows.read_each(("run_id",))
        there += (part.join(runs, on="run_id", how="semi").group_by("run_id", PART).len() for part in parts)
        return pl.concat(there).group_by("run_id").agg(pl.col(PART).min(), pl.col("len").sum())

    def information(self, run_ids: Iterable[str] | None = None) -> pl.DataFrame:
        """What the signals of the listed runs (or of those asked for) say before anything is traded: run_id, then one
        row a horizon of a part (choose, confirm), with the fields of `PartInformation` and `HorizonFigures`.

        Runs of an early version, and those whose parts are too short, have none.
        """
        wanted = self._wanted(run_ids, ("run_id", *stored.KEY))
        rows = self._information.read().drop(PART).join(wanted, on=stored.KEY, how="semi")
        rows = rows.unique([*stored.KEY, "part", "horizon_ms"], keep="first")
        return wanted.join(rows, on=stored.KEY).sort("run_id", "part", "horizon_ms").drop(stored.KEY)

    def informed(self, run_ids: Iterable[str] | None = None) -> pl.DataFrame:
        """One row a listed run (or one asked for) that has information: run_id, and of it what
        `prediction.stored.at_best_horizon` takes.
        """
        wanted = self._wanted(run_ids, ("run_id", *stored.KEY))
        rows = self._information.read((*stored.KEY, *stored.AT_BEST)).drop(PART)
        rows = rows.unique([*stored.KEY, "part", "horizon_ms"], keep="first")
        return wanted.join(stored.at_best_horizon(rows), on=stored.KEY).drop(stored.KEY)

    def days(self, run_ids: Iterable[str] | None = None) -> pl.DataFrame:
        """What each day gave of the listed runs (or of those asked for) on several days, in order of time: run_id,
        threshold, date, dataset_id, part, deviation_ticks (of the net pnl a trade), then the fields of `Measures`. Runs
        on one dataset have none.
        """
        wanted = self._wanted(run_ids, ("run_id",))
        rows = self._days.read().drop(PART).join(wanted, on="run_id", how="semi")
        rows = rows.unique([*ROW_KEY, "date", "part"], keep="first")
        return rows.sort(*ROW_KEY, "date", "part")

    def corrections(self, columns: Sequence[str] = ()) -> pl.DataFrame:
        """One row a corrected threshold row, the fields of `Correction` or the `columns` of them that are asked for: of
        several the last, or that which counted the most rows.
        """
        asked = tuple(columns) or tuple(CORRECTIONS)
        decide = (*ROW_KEY, "sequence", "n_rows", "n_trials")
        read = self._corrections.read(tuple(dict.fromkeys((*decide, *asked))))
        newest = read.with_columns(n_rows=_COUNTED).sort("sequence", "n_rows", PART, descending=True)
        return newest.unique(ROW_KEY, keep="first", maintain_order=True).select(asked)

    def each_correction(self) -> Iterator[pl.DataFrame]:
        """What was corrected, part by part in order of their names: run_id, threshold, state, and by what the newest
        is found: `sequence` and the rows that were `counted`.
        """
        columns = (*ROW_KEY, "state", "sequence", "n_rows", "n_trials")
        for part in self._corrections.read_each(columns):
            yield part.select(*columns[:4], counted=_COUNTED)

    def last_sequence(self) -> int:
        """The number of the last correction, 0 where there is none."""
        return int(self._corrections.read(("sequence",))["sequence"].max() or 0)  # type: ignore[arg-type]

    def _wanted(self, run_ids: Iterable[str] | None, columns: Sequence[str]) -> pl.DataFrame:
        """Columns of the listed runs, or of those asked for."""
        runs = self.runs(columns)
        if run_ids is None:
            return runs
        ids = run_ids if isinstance(run_ids, pl.Series) else pl.Series(list(run_ids), dtype=pl.String())
        return runs.join(pl.DataFrame({"run_id": ids}), on="run_id", how="semi")

    def check_parts(self) -> Iterator[tuple[str, str]]:
        """Read every part again: (its table and name, what is wrong with it or an empty text).

        A table that cannot be read is one of them.
        """
        for table in self._tables:
            yield from table.check_all()

    def missing(self) -> Iterator[tuple[str, str]]:
        """What is not there though the ledger or another table names it: (its name, who names it).

        Raises ResultsError when a part or an entry of the ledger is damaged, which `check_parts` and `Ledger.check`
        name.
        """
        for part in self.gone():
            yield part, "the ledger names it"
        rows = self._rows.read(ROW_KEY)
        for run_id in sorted(set(self._meta.read(("run_id",))["run_id"]) - set(rows["run_id"])):
            yield f"the rows of run {run_id}", "its entry in runs_meta.parquet is there"
        corrected = self._corrections.read(ROW_KEY).select(ROW_KEY).unique()
        lost = corrected.join(rows, on=ROW_KEY, how="anti").group_by("run_id").len().sort("run_id")
        for run_id, count in lost.iter_rows():
            yield f"{count} rows of run {run_id}", "p-values of them are there"

    @property
    def _tables(self) -> tuple[PartTable, ...]:
        return self._meta, self._rows, self._corrections, self._searches, self._information, self._days, self._retired

    def _enter_parts(self) -> None:
        """Enter what the ledger does not know: what was appended just now, by a dead process, or by version 0.1."""
        self._ledger.append_parts(part for table in self._tables for part in table.entries())

    def run(self, run_id: str) -> Run:
        """One listed run by its id; UnknownRunError otherwise."""
        if not self.has_run(run_id):
            raise UnknownRunError(f"no finished run {run_id!r} in {self.root}: `vp compare` lists the run ids")
        ids = self._meta.read(("run_id",)).filter(pl.col("run_id") == run_id)
        found = self._meta.read(stems={ids[PART][0]}).filter(pl.col("run_id") == run_id).drop(PART)
        with _CONVERTING:  # see vp_contract.yaml.reading: the first uses of a struct must not meet
            return msgspec.convert(found.row(0, named=True), Run)

    def trades(self, run_id: str, threshold: float | None = None) -> pl.DataFrame:
        """The trades of a run, at one threshold or at all of them, one row each: see `evaluation.trades.trades_of`.

        Recomputed from the stored events and the bins of the dataset, or of each of several days, whose bins are
        numbered on from day to day. Raises UnknownRunError, ParameterError for a
        threshold the run has not, DatasetMissingError or DatasetDamagedError when the dataset cannot be read,
        DatasetChangedError when its bins are not those the run was judged on, and ResultsError for a store that was
        opened without its lake.
        """
        run = self.run(run_id)
        rows = self.rows([run_id])
        if threshold is not None:
            known = rows["threshold"]
            rows = rows.filter(known == threshold)
            if rows.is_empty():
                raise ParameterError(
                    f"threshold={threshold}: run {run_id} has none of it; it has {', '.join(map(str, sorted(known)))}",
                    argument="threshold",
                )
        evaluation = msgspec.json.decode(run.eval_json, type=EvalSpec)
        found = [pl.DataFrame(schema=TRADES)]
        for start, dataset in self._datasets_of(run):
            end = start + dataset.n_bins
            parts = {
                part: (max(0, first - start), min(end, last) - start)
                for part, (first, last) in zip(PARTS, run.bounds, strict=True)
                if first < end and start < last
            }
            passive = dataset.passive_fills if dataset.has_fills else None
            of_day = rows_on_day(rows, start, end)
            trades = trades_of(of_day, parts, evaluation, dataset.bins, dataset.config.tick_int, passive)
            found.append(trades.with_columns(pl.col("^(event|.*_entry|.*_exit)_bin$") + start))
        return pl.concat(found).sort("threshold", maintain_order=True)

    def _datasets_of(self, run: Run) -> Iterator[tuple[int, Dataset]]:
        """Where each dataset of a run begins among its bins, and the dataset, whose bins are those it was judged on."""
        if self._lake is None:
            raise ResultsError(f"the store {self.root} was opened without its lake: open ResultsStore(open_lake(...))")
        judged_on = msgspec.json.decode(run.dataset_files_json or "{}", type=dict[str, str])
        for start, dataset_id in [(day.start, day.dataset_id) for day in run.days] or [(0, run.dataset_id)]:
            dataset = Dataset.open(self._lake, dataset_id)
            files = files_of_day(judged_on, dataset_id) if run.days else judged_on
            if BINS_FILE in files and not dataset.has_bins_of(files[BINS_FILE]):
                raise DatasetChangedError(
                    f"dataset {dataset_id}: {BINS_FILE} is not the one that run {run.run_id} was judged on: bring the "
                    "original dataset back from a copy"
                )
            yield start, dataset

    def has_run(self, run_id: str) -> bool:
        """Whether a run of this id is listed."""
        return run_id in self.runs(("run_id",))["run_id"]


def _kept_of(located: pl.DataFrame) -> dict[str, pl.Expr]:
    """By part which of its rows are those of the runs that are located in it."""
    return {
        str(key[0]): pl.col("run_id").is_in(some["run_id"].implode())
        for key, some in located.partition_by(PART, as_dict=True).items()
    }
