"""The results store: what was run and what came out, append-only.

`runs_meta.parquet` has one row a run, `runs.parquet` one row a threshold of a run, `corrections.parquet` the p-values
and verdicts that know about all rows tried so far, `searches.parquet` what was drawn of them for that,
`information.parquet` what their signals say before anything is traded, and `retired.parquet` which runs do not count
any more and why. All are directories of immutable part files, which any
Parquet reader takes as one table. A run is listed when its meta row and its threshold rows are both there: they are
appended in the order rows, then meta, so a process that dies in between leaves a run that does not exist yet.
"""

from __future__ import annotations

import hashlib
import os
import threading
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

import msgspec
import polars as pl

from vp_contract import EvalSpec
from vp_harness.errors import DatasetChangedError, ParameterError, ResultsError, UnknownRunError
from vp_harness.evaluation.metrics import Metrics
from vp_harness.evaluation.trades import trades_of
from vp_harness.information import stored
from vp_harness.information.measures import Information
from vp_harness.lake.dataset import BINS_FILE, Dataset
from vp_harness.lake.ledger import Ledger
from vp_harness.lake.paths import LEDGER, Lake
from vp_harness.research.parts import PART, PartTable

CONFIRM_PREFIX: Final = "confirm_"
"""Figures of the confirmation part carry it; those of the part that was searched carry none."""

FINISHED: Final = "finished"


class Run(msgspec.Struct, frozen=True, kw_only=True):
    """One signal with one parameter set on one dataset under one evaluation. JSON texts are canonical.

    `choose_first` to `choose_end` (exclusive) are the bins that were searched, `confirm_first` to `confirm_end` those
    that were kept for confirmation. `elapsed_s` is its own evaluation and its share of computing the signal, which it
    has in common with other runs. `trust_json` is what was looked into before the values were judged: see
    `signals.trust.TrustReport`.
    """

    run_id: str
    experiment: str
    dataset_id: str
    signal: str
    params_json: str
    eval_json: str
    runtime_json: str
    config_hash: str
    versions_json: str
    choose_first: int
    choose_end: int
    confirm_first: int
    confirm_end: int
    elapsed_s: float
    created_utc: str
    trust_json: str = ""
    status: str = FINISHED
    dataset_files_json: str = ""
    """Digests of the files of the dataset it was judged on, by name: see `anchors`. Empty in runs of version 0.1."""
    values_digest: str = ""
    """SHA-256 of the signal's values on the dataset: see `workspace.values_digest`. Empty in runs of version 0.1."""
    market_json: str = ""
    """Which market at which time it was judged on: see `judgement.market`. Empty in runs of an early version."""


class ThresholdRow(msgspec.Struct, frozen=True, kw_only=True):
    """What one threshold of a run gave. Events are all that fired, in both parts and the embargo between them."""

    threshold: float
    choose: Metrics
    confirm: Metrics
    event_bins: list[int]
    event_directions: list[int]


class Correction(msgspec.Struct, frozen=True, kw_only=True):
    """What all rows tried so far say about one row, among `n_trials` trials: those of `n_rows` rows, identical ones
    counted once.

    `p_corrected` has the Monte Carlo standard error `p_error`; `statistic` is the standardised net pnl of the choosing
    part that it is the p-value of. `confirmed_low` and `confirmed_high` bound the net pnl of the confirming part in
    ticks at 95 %, corrected for `n_looks` rows whose confirming part was looked at. `verdict` is *proven*, *unproven*
    or *refuted*, `doubt` says why it is not proven. `n_retired` runs do not count any more. `deflated_sharpe` and
    `overfitting` are probabilities: see `judgement.overfitting`. `sequence` numbers the corrections, `state` is a
    digest of what was drawn so far.

    In parts of version 0.1 every row is a trial, `n_rows` is 0 and there is no verdict.
    """

    run_id: str
    threshold: float
    p_corrected: float
    n_trials: int
    draws: int
    seed: int
    n_rows: int = 0
    p_error: float | None = None
    statistic: float | None = None
    n_looks: int | None = None
    n_retired: int = 0
    confirmed_low: float | None = None
    confirmed_high: float | None = None
    verdict: str = ""
    doubt: str = ""
    deflated_sharpe: float | None = None
    overfitting: float | None = None
    sequence: int = 0
    state: str = ""


class Retirement(msgspec.Struct, frozen=True, kw_only=True):
    """That a run does not count any more. The record stays, as the run does."""

    run_id: str
    reason: str
    actor: str
    created_utc: str


def _polars_types(struct: type[msgspec.Struct], prefix: str = "") -> dict[str, pl.DataType]:
    known: dict[object, pl.DataType] = {int: pl.Int64(), float: pl.Float64(), str: pl.String()}
    known[float | None] = pl.Float64()
    known[int | None] = pl.Int64()
    return {prefix + field.name: known[field.type] for field in msgspec.structs.fields(struct)}


_CONVERTING: Final = threading.Lock()
_META: Final = _polars_types(Run)
_LATER_META: Final = {"dataset_files_json": "", "values_digest": "", "market_json": ""}
_ROWS: Final = (
    {"run_id": pl.String(), "threshold": pl.Float64()}
    | _polars_types(Metrics)
    | _polars_types(Metrics, CONFIRM_PREFIX)
    | {"event_bins": pl.List(pl.Int32()), "event_directions": pl.List(pl.Int8())}
)
_CORRECTIONS: Final = _polars_types(Correction)
_LATER: Final = {
    field.name: field.default for field in msgspec.structs.fields(Correction) if field.default is not msgspec.NODEFAULT
}
_RETIRED: Final = _polars_types(Retirement)
_SEARCHES: Final[dict[str, pl.DataType]] = {
    "batch": pl.String(),
    "market_json": pl.String(),
    "choose_start_ns": pl.Int64(),
    "choose_end_ns": pl.Int64(),
    "confirm_start_ns": pl.Int64(),
    "confirm_end_ns": pl.Int64(),
    "base_draws": pl.Int64(),
    "seed": pl.Int64(),
    "first_draw": pl.Int64(),
    "end_draw": pl.Int64(),
    "best_choose": pl.List(pl.Float32()),
    "best_confirm": pl.List(pl.Float32()),
    "rows": pl.List(
        pl.Struct(
            {
                "run_id": pl.String(),
                "threshold": pl.Float64(),
                "choose": pl.String(),
                "confirm": pl.String(),
                "able": pl.Boolean(),
            }
        )
    ),
    "drawn": pl.List(
        pl.Struct(
            {
                "digest": pl.String(),
                "confirms": pl.Boolean(),
                "statistic": pl.Float32(),
                "mean": pl.Float64(),
                "deviation": pl.Float64(),
                "moments": pl.List(pl.Float64()),
            }
        )
    ),
}
"""What was drawn at once: see `judgement.drawing`."""


class ResultsStore:
    """The store under `root`: a results directory, or a Lake, which knows its own. Made by the first append."""

    def __init__(self, root: str | os.PathLike[str] | Lake) -> None:
        directory = root.results_dir if isinstance(root, Lake) else Lake(root).root
        self.root = directory
        self._lake = root if isinstance(root, Lake) else None
        self._meta = PartTable(directory / "runs_meta.parquet", _META, _LATER_META)
        self._rows = PartTable(directory / "runs.parquet", _ROWS)
        self._corrections = PartTable(directory / "corrections.parquet", _CORRECTIONS, _LATER)
        self._searches = PartTable(directory / "searches.parquet", _SEARCHES)
        self._information = PartTable(directory / "information.parquet", stored.SCHEMA)
        self._retired = PartTable(directory / "retired.parquet", _RETIRED)
        self._ledger = Ledger(directory / LEDGER)

    def append(
        self, runs: Sequence[tuple[Run, Sequence[ThresholdRow]]], information: Sequence[Information] = ()
    ) -> None:
        """Store finished runs with their rows and what their signals say, all of them or (whatever dies when) none.

        A run of an id that is stored already does no harm: readers see the first one.
        """
        if not runs:
            return
        for run, rows in runs:
            if not rows:
                raise ResultsError(f"run {run.run_id} has no rows: a run without thresholds is not a result")
        stem = hashlib.sha256(" ".join(run.run_id for run, _ in runs).encode()).hexdigest()[:16]
        flat = [_flat(run.run_id, row) for run, rows in runs for row in rows]
        # by columns: of dictionaries a row each it takes twice as long
        self._rows.append(stem, pl.DataFrame({name: [row[name] for row in flat] for name in _ROWS}, schema=_ROWS))
        if information:
            self._information.append(stem, stored.stored_rows(information))
        metas = [msgspec.to_builtins(run) for run, _ in runs]
        self._meta.append(stem, pl.DataFrame(metas, schema=_META, orient="row"))
        self._enter_parts()

    def append_corrections(self, corrections: Sequence[Correction]) -> None:
        """Store p-values and verdicts; later ones take the place of earlier ones, or those that count more rows."""
        if corrections:
            flat = [msgspec.to_builtins(correction) for correction in corrections]
            frame = pl.DataFrame(flat, schema=_CORRECTIONS, orient="row")
            counted = corrections[0].n_rows or corrections[0].n_trials
            self._corrections.append(f"{corrections[0].sequence:06d}{counted:012d}", frame)
            self._enter_parts()

    def append_searches(self, batches: Sequence[dict[str, object]]) -> None:
        """Store what was drawn; each batch has the columns of `searches`."""
        if batches:
            frame = pl.DataFrame(list(batches), schema=_SEARCHES, orient="row")
            self._searches.append(hashlib.sha256(" ".join(frame["batch"]).encode()).hexdigest()[:16], frame)
            self._enter_parts()

    def append_retirements(self, retirements: Sequence[Retirement]) -> None:
        """Store that runs do not count any more."""
        if retirements:
            flat = [msgspec.to_builtins(retirement) for retirement in retirements]
            stem = hashlib.sha256(repr(flat).encode()).hexdigest()[:16]
            self._retired.append(stem, pl.DataFrame(flat, schema=_RETIRED, orient="row"))
            self._enter_parts()

    def searches(self) -> pl.DataFrame:
        """One row a batch of draws: see `judgement.drawing`."""
        return self._searches.read().unique("batch", keep="first", maintain_order=True).drop(PART)

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

    def runs(self) -> pl.DataFrame:
        """One row a listed run, with the fields of `Run`, in order of their ids."""
        meta = self._meta.read().unique("run_id", keep="first", maintain_order=True).drop(PART)
        return meta.join(self._rows.read().select("run_id").unique(), on="run_id", how="semi").sort("run_id")

    def rows(self, run_ids: Iterable[str] | None = None) -> pl.DataFrame:
        """One row a threshold of the listed runs (or of those asked for): see `ThresholdRow` and `Metrics`."""
        rows = self._rows.read()
        first_part = rows.group_by("run_id").agg(pl.col(PART).min())
        rows = rows.join(first_part, on=["run_id", PART], how="semi").drop(PART)
        rows = rows.unique(["run_id", "threshold"], keep="first", maintain_order=True)
        wanted = self.runs().select("run_id")
        if run_ids is not None:
            wanted = wanted.filter(pl.col("run_id").is_in(list(run_ids)))
        return rows.join(wanted, on="run_id", how="semi").sort("run_id", "threshold")

    def information(self, run_ids: Iterable[str] | None = None) -> pl.DataFrame:
        """What the signals of the listed runs (or of those asked for) say before anything is traded: run_id, then one
        row a horizon of a part (choose, confirm), with the fields of `PartInformation` and `HorizonFigures`.

        Runs of an early version, and those whose parts are too short, have none.
        """
        wanted = self.runs().select("run_id", *stored.KEY)
        if run_ids is not None:
            wanted = wanted.filter(pl.col("run_id").is_in(list(run_ids)))
        rows = self._information.read().drop(PART).unique([*stored.KEY, "part", "horizon_ms"], keep="first")
        return wanted.join(rows, on=stored.KEY).sort("run_id", "part", "horizon_ms").drop(stored.KEY)

    def corrections(self) -> pl.DataFrame:
        """One row a corrected threshold row: of several the last, or that which counted the most rows."""
        rows = pl.when(pl.col("n_rows") > 0).then("n_rows").otherwise("n_trials")
        newest = self._corrections.read().with_columns(n_rows=rows).sort("sequence", "n_rows", PART, descending=True)
        return newest.unique(["run_id", "threshold"], keep="first", maintain_order=True).drop(PART)

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
        rows = self._rows.read()
        for run_id in sorted(set(self._meta.read()["run_id"]) - set(rows["run_id"])):
            yield f"the rows of run {run_id}", "its entry in runs_meta.parquet is there"
        corrected = self._corrections.read().select("run_id", "threshold").unique()
        lost = corrected.join(rows, on=["run_id", "threshold"], how="anti").group_by("run_id").len().sort("run_id")
        for run_id, count in lost.iter_rows():
            yield f"{count} rows of run {run_id}", "p-values of them are there"

    @property
    def _tables(self) -> tuple[PartTable, ...]:
        return self._meta, self._rows, self._corrections, self._searches, self._information, self._retired

    def _enter_parts(self) -> None:
        """Enter what the ledger does not know: what was appended just now, by a dead process, or by version 0.1."""
        self._ledger.append_parts(part for table in self._tables for part in table.entries())

    def run(self, run_id: str) -> Run:
        """One listed run by its id; UnknownRunError otherwise."""
        found = self.runs().filter(pl.col("run_id") == run_id)
        if found.is_empty():
            raise UnknownRunError(f"no finished run {run_id!r} in {self.root}: `vp compare` lists the run ids")
        with _CONVERTING:  # see vp_contract.yaml.reading: the first uses of a struct must not meet
            return msgspec.convert(found.row(0, named=True), Run)

    def trades(self, run_id: str, threshold: float | None = None) -> pl.DataFrame:
        """The trades of a run, at one threshold or at all of them, one row each: see `evaluation.trades.trades_of`.

        Recomputed from the stored events and the bins of the dataset. Raises UnknownRunError, ParameterError for a
        threshold the run has not, DatasetMissingError or DatasetDamagedError when the dataset cannot be read,
        DatasetChangedError when its bins are not those the run was judged on, and ResultsError for a store that was
        opened without its lake.
        """
        if self._lake is None:
            raise ResultsError(f"the store {self.root} was opened without its lake: open ResultsStore(open_lake(...))")
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
        dataset = Dataset.open(self._lake, run.dataset_id)
        judged_on = msgspec.json.decode(run.dataset_files_json or "{}", type=dict[str, str])
        if judged_on.get(BINS_FILE, dataset.checksums[BINS_FILE]) != dataset.checksums[BINS_FILE]:
            raise DatasetChangedError(
                f"dataset {run.dataset_id}: {BINS_FILE} is not the one that run {run_id} was judged on: bring the "
                "original dataset back from a copy"
            )
        parts = {
            "choose": (run.choose_first, run.choose_end),
            "confirm": (run.confirm_first, run.confirm_end),
        }
        evaluation = msgspec.json.decode(run.eval_json, type=EvalSpec)
        return trades_of(rows, parts, evaluation, dataset.bins, dataset.config.tick_int)

    def has_run(self, run_id: str) -> bool:
        """Whether a run of this id is listed."""
        return run_id in self.runs()["run_id"]


def _flat(run_id: str, row: ThresholdRow) -> dict[str, object]:
    confirm = {CONFIRM_PREFIX + name: value for name, value in msgspec.to_builtins(row.confirm).items()}
    return {
        "run_id": run_id,
        "threshold": row.threshold,
        **msgspec.to_builtins(row.choose),
        **confirm,
        "event_bins": row.event_bins,
        "event_directions": row.event_directions,
    }
