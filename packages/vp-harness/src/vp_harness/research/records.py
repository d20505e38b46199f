"""The records of the results store: what its tables have, and under which names."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

import msgspec
import polars as pl

from vp_harness.columns import frame_of
from vp_harness.evaluation.measures import Measures

CONFIRM_PREFIX: Final = "confirm_"
"""Figures of the confirmation part carry it; those of the part that was searched carry none."""

ROW_KEY: Final = ("run_id", "threshold")
"""Columns that name a row of a run, in every table that is about rows."""

FINISHED: Final = "finished"


PARTS: Final = ("choose", "confirm")
"""The parts of the time: that which was searched, and that which was kept."""


class JudgedDay(msgspec.Struct, frozen=True, kw_only=True):
    """One day of a run on several: its New York date, its dataset, and its bins among those of all (see `DayBins`)."""

    date: str
    dataset_id: str
    start: int
    first: int
    end: int


class LeftOut(msgspec.Struct, frozen=True, kw_only=True):
    """A day that was asked for and could not be made: its New York date, and why in a few words."""

    date: str
    reason: str


class Run(msgspec.Struct, frozen=True, kw_only=True):
    """One signal with one parameter set on one dataset under one evaluation. JSON texts are canonical.

    `choose_first` to `choose_end` (exclusive) are the bins that were searched, `confirm_first` to `confirm_end` those
    that were kept for confirmation. `elapsed_s` is its own evaluation and its share of computing the signal, which it
    has in common with other runs. `trust_json` is what was checked before the values were judged: see
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
    days_json: str = ""
    """The days of a run on several, each a `JudgedDay`, in order of time; empty for a run on one dataset. `dataset_id`
    then names all of them together: there is no dataset of that id."""
    left_out_json: str = ""
    """The days that were asked for and left out, each a `LeftOut`; empty where there are none."""
    carry: int = 0
    """1 where the signal kept what it had learned from day to day."""
    cost_from: str = ""
    """Who says what a round trip pays: see `evaluation.costs`. Empty in runs of an early version."""
    fee_per_side: str = ""
    """The fee that it is made of, decimal text in the quote currency, where the instrument file says it."""

    @property
    def days(self) -> tuple[JudgedDay, ...]:
        """What `days_json` says."""
        return judged_days(self.days_json)

    @property
    def bounds(self) -> tuple[tuple[int, int], tuple[int, int]]:
        """The bins of the choosing and of the confirming part, ends exclusive."""
        return (self.choose_first, self.choose_end), (self.confirm_first, self.confirm_end)

    @property
    def left_out(self) -> tuple[LeftOut, ...]:
        """What `left_out_json` says."""
        return msgspec.json.decode(self.left_out_json, type=tuple[LeftOut, ...]) if self.left_out_json else ()


def judged_days(days_json: str) -> tuple[JudgedDay, ...]:
    """The days that `days_json` of a run names; none for a run on one dataset."""
    return msgspec.json.decode(days_json, type=tuple[JudgedDay, ...]) if days_json else ()


class ThresholdRow(msgspec.Struct, frozen=True, kw_only=True):
    """What one threshold of a run gave. Events are all that fired, in both parts and the embargo between them."""

    threshold: float
    choose: Measures
    confirm: Measures
    event_bins: list[int]
    event_directions: list[int]


OF_DATASETS: Final = ("run_id", "dataset_id", "dataset_files_json", "days_json")
"""Columns of runs that `runs_by_dataset` reads."""


def runs_by_dataset(runs: pl.DataFrame) -> pl.DataFrame:
    """`run_id`, `dataset_id` and `dataset_files_json` of runs: of one on several days a row for each of them."""
    columns = ("run_id", "dataset_id", "dataset_files_json")
    several = runs.filter(pl.col("days_json") != "")
    if several.is_empty():
        return runs.select(columns)
    rows: list[tuple[str, str, str]] = []
    for run_id, days_json, files_json in several.select("run_id", "days_json", "dataset_files_json").iter_rows():
        files = msgspec.json.decode(files_json or "{}", type=dict[str, str])
        for day in judged_days(days_json):
            own = files_of_day(files, day.dataset_id)
            rows.append((run_id, day.dataset_id, msgspec.json.encode(own, order="sorted").decode() if own else ""))
    days = pl.DataFrame(rows, schema=dict.fromkeys(columns, pl.String()), orient="row")
    return pl.concat([runs.filter(pl.col("days_json") == "").select(columns), days])


def files_of_day(files: Mapping[str, str], dataset_id: str) -> dict[str, str]:
    """Of the digests of a run on several days those of one dataset, by the names of its files."""
    prefix = f"{dataset_id}/"
    return {name.removeprefix(prefix): digest for name, digest in files.items() if name.startswith(prefix)}


class DayRow(msgspec.Struct, frozen=True, kw_only=True):
    """What one threshold of a run on several days gave on one of them, `day` counted from 0.

    `deviation_ticks` is the standard deviation of the net pnl a trade, under the fill model of the experiment.
    """

    threshold: float
    part: str
    day: int
    figures: Measures
    deviation_ticks: float | None


def days_frame(days: Iterable[tuple[Run, Iterable[DayRow]]]) -> pl.DataFrame:
    """The rows of `DAYS` to store."""
    flat = [(run, run.days[row.day], row) for run, rows in days for row in rows]
    columns: dict[str, Sequence[Any]] = {
        "run_id": [run.run_id for run, _, _ in flat],
        "threshold": [row.threshold for _, _, row in flat],
        "date": [day.date for _, day, _ in flat],
        "dataset_id": [day.dataset_id for _, day, _ in flat],
        "part": [row.part for _, _, row in flat],
        "deviation_ticks": [row.deviation_ticks for _, _, row in flat],
        **{name: [getattr(row.figures, name) for _, _, row in flat] for name in _MEASURES},
    }
    return frame_of(columns, DAYS)


def rows_frame(runs: Iterable[tuple[Run, Iterable[ThresholdRow]]]) -> pl.DataFrame:
    """The rows of `ROWS` to store."""
    flat = [(run.run_id, row) for run, rows in runs for row in rows]
    columns: dict[str, Sequence[Any]] = {
        "run_id": [run_id for run_id, _ in flat],
        **{name: [getattr(row, name) for _, row in flat] for name in ("threshold", "event_bins", "event_directions")},
        **{name: [getattr(row.choose, name) for _, row in flat] for name in _MEASURES},
        **{CONFIRM_PREFIX + name: [getattr(row.confirm, name) for _, row in flat] for name in _MEASURES},
    }
    return frame_of(columns, ROWS)


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


_MEASURES: Final = tuple(field.name for field in msgspec.structs.fields(Measures))

META: Final = _polars_types(Run)
LATER_META: Final[dict[str, object]] = {
    **dict.fromkeys(("dataset_files_json", "values_digest", "market_json", "days_json", "left_out_json"), ""),
    **dict.fromkeys(("cost_from", "fee_per_side"), ""),
    "carry": 0,
}
DAYS: Final[dict[str, pl.DataType]] = {
    "run_id": pl.String(),
    "threshold": pl.Float64(),
    "date": pl.String(),
    "dataset_id": pl.String(),
    "part": pl.String(),
    "deviation_ticks": pl.Float64(),
} | _polars_types(Measures)
ROWS: Final = (
    {"run_id": pl.String(), "threshold": pl.Float64()}
    | _polars_types(Measures)
    | _polars_types(Measures, CONFIRM_PREFIX)
    | {"event_bins": pl.List(pl.Int32()), "event_directions": pl.List(pl.Int8())}
)
LATER_ROWS: Final = dict.fromkeys(
    prefix + field.name
    for prefix in ("", CONFIRM_PREFIX)
    for field in msgspec.structs.fields(Measures)
    if field.default is not msgspec.NODEFAULT
)
LATER_DAYS: Final = tuple(
    field.name for field in msgspec.structs.fields(Measures) if field.default is not msgspec.NODEFAULT
)
CORRECTIONS: Final = _polars_types(Correction)
LATER_CORRECTIONS: Final = {
    field.name: field.default for field in msgspec.structs.fields(Correction) if field.default is not msgspec.NODEFAULT
}
RETIRED: Final = _polars_types(Retirement)
LISTED: Final[dict[str, pl.DataType]] = {
    "run_id": pl.String(),
    "threshold": pl.Float64(),
    "choose": pl.String(),
    "confirm": pl.String(),
    "able": pl.Boolean(),
}
"""Of each row of a batch: the digests of its parts, empty where nothing fired, and whether it can win."""
DRAWN: Final[dict[str, pl.DataType]] = {
    "digest": pl.String(),
    "confirms": pl.Boolean(),
    "statistic": pl.Float32(),
    "mean": pl.Float64(),
    "deviation": pl.Float64(),
    "moments": pl.List(pl.Float64()),
}
"""Of each trial that was drawn first in a batch: statistic, mean and deviation of its first draws in ticks, and, of a
choosing part, the moments of its trades: see `overfitting.trade_moments`."""
SEARCHES: Final[dict[str, pl.DataType]] = {
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
    "rows": pl.List(pl.Struct(LISTED)),
    "drawn": pl.List(pl.Struct(DRAWN)),
}
"""What was drawn at once: see `judgement.drawing`."""


def rows_on_day(rows: pl.DataFrame, start: int, end: int) -> pl.DataFrame:
    """Stored rows with the events of bins `start` (inclusive) to `end` (exclusive) alone, counted from there."""
    cut: dict[str, list[list[int]]] = {"event_bins": [], "event_directions": []}
    for bins, directions in rows.select("event_bins", "event_directions").iter_rows():
        kept = [(at - start, way) for at, way in zip(bins, directions, strict=True) if start <= at < end]
        cut["event_bins"].append([at for at, _ in kept])
        cut["event_directions"].append([way for _, way in kept])
    return rows.with_columns(pl.Series(name, lists, ROWS[name]) for name, lists in cut.items())
