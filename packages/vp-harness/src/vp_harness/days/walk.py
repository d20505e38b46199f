"""Walking forward over days: each day is judged by the row that the days before it would have chosen.

The window of days to choose from begins with the first and grows by one a fold. What a fold says of its day was not
looked at when its row was chosen, so a planted or real effect that fades shows in which days it was there.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Final, Literal, TypeAlias

import msgspec
import polars as pl

from vp_contract import EvalSpec
from vp_harness.errors import ParameterError
from vp_harness.judgement.figures import COUNTED, PNL
from vp_harness.judgement.verdict import LEAST_TRADES, confirmed_interval, t_quantile
from vp_harness.research.records import ROW_KEY, judged_days
from vp_harness.research.results import ResultsStore

Word: TypeAlias = Literal["earns", "loses", "open", "too few trades"]

_OF_RUNS: Final = ("run_id", "experiment", "signal", "params_json", "eval_json", "days_json")


class Fold(msgspec.Struct, frozen=True, kw_only=True):
    """One day, and the row that the `chosen_on` days before it chose.

    `chosen_statistic` is mean net pnl over its standard error on those days, by which rows are ranked. `net_pnl_ticks`
    is the mean net pnl of its `trades` on this day in ticks, with the 95 % interval `low` to `high` (the bootstrap's,
    made wider for few trades). `word`: *earns* where that lies above 0, *loses* where it lies below, else *open*. There
    is no row, and all of them are None, where none of them had trades enough before.
    """

    date: str
    chosen_on: int
    run_id: str | None = None
    signal: str | None = None
    params_json: str | None = None
    threshold: float | None = None
    chosen_trades: int | None = None
    chosen_net_pnl_ticks: float | None = None
    chosen_statistic: float | None = None
    trades: int = 0
    net_pnl_ticks: float | None = None
    low: float | None = None
    high: float | None = None
    word: Word = "too few trades"


class WalkForward(msgspec.Struct, frozen=True, kw_only=True):
    """The folds of an experiment, and the mean net pnl of all trades of their days with its 95 % interval (Student)."""

    experiment: str
    dates: tuple[str, ...]
    folds: tuple[Fold, ...]
    trades: int
    net_pnl_ticks: float | None
    low: float | None
    high: float | None


def walk_forward(store: ResultsStore, experiment: str, *, run_id: str | None = None) -> WalkForward | None:
    """Walk forward over the days of an experiment that was split by days; None where it has no such runs.

    Of runs on different days those on the most count, or with `run_id` those on the days of that run. All rows of the
    experiment that are not retired are candidates, with at least `min_signals` trades on the days that choose.
    Raises UnknownRunError, and ParameterError for a run of another experiment.
    """
    runs = store.runs(_OF_RUNS).filter(pl.col("experiment") == experiment, pl.col("days_json") != "")
    runs = runs.join(store.retired(), on="run_id", how="anti")
    runs = runs.filter(pl.Series([_is_by_day(text) for text in runs["eval_json"]], dtype=pl.Boolean))
    dates_of = {
        found: tuple(day.date for day in judged_days(days_json))
        for found, days_json in runs.select("run_id", "days_json").iter_rows()
    }
    if run_id is not None:
        run = store.run(run_id)
        if run.experiment != experiment:
            raise ParameterError(f"run_id={run_id}: is of experiment {run.experiment!r}, not of {experiment!r}")
        dates = tuple(day.date for day in run.days)
    else:
        dates = max(dates_of.values(), key=lambda found: (len(found), found), default=())
    runs = runs.filter(pl.col("run_id").is_in([found for found, of_run in dates_of.items() if of_run == dates]))
    if runs.is_empty():
        return None
    days = _by_day(store.days(runs["run_id"]), runs)
    folds = [_fold(days, runs, dates, at) for at in range(1, len(dates))]
    return WalkForward(experiment=experiment, dates=dates, folds=tuple(folds), **_together(folds, days))


def _is_by_day(eval_json: str) -> bool:
    return msgspec.json.decode(eval_json, type=EvalSpec).choosing_days(2) is not None


def _by_day(days: pl.DataFrame, runs: pl.DataFrame) -> pl.DataFrame:
    """One row a threshold row and day: trades, net pnl under its fill model with bounds, deviation, `min_signals`."""
    evaluations = {
        run_id: msgspec.json.decode(text, type=EvalSpec)
        for run_id, text in runs.select("run_id", "eval_json").iter_rows()
    }
    found: list[dict[str, Any]] = []
    for row in days.iter_rows(named=True):
        evaluation = evaluations[row["run_id"]]
        model = evaluation.fill_model
        cost = evaluation.paid_ticks if model == "mid" else 0.0
        net = {end: row[f"{PNL[model]}{end}"] for end in ("", "_low", "_high")}
        found.append(
            {
                **{name: row[name] for name in (*ROW_KEY, "date")},
                "least": evaluation.min_signals,
                "n": row[COUNTED[model]] or 0,
                "deviation": row["deviation_ticks"],
                **{f"net{end}": None if value is None else value - cost for end, value in net.items()},
            }
        )
    schema = {"run_id": pl.String(), "threshold": pl.Float64(), "date": pl.String(), "least": pl.Int64()}
    floats = dict.fromkeys(("deviation", "net", "net_low", "net_high"), pl.Float64())
    return pl.DataFrame(found, schema={**schema, "n": pl.Int64(), **floats}, orient="row")


def _fold(days: pl.DataFrame, runs: pl.DataFrame, dates: Sequence[str], at: int) -> Fold:
    """The fold of day `at`: chosen on all before it."""
    date = dates[at]
    best = _pooled(days.filter(pl.col("date").is_in(dates[:at]))).filter(
        pl.col("n") >= pl.max_horizontal("least", 2), pl.col("statistic").is_finite()
    )
    if best.is_empty():
        return Fold(date=date, chosen_on=at)
    chosen = best.sort(["statistic", *ROW_KEY], descending=[True, False, False]).row(0, named=True)
    run = runs.row(by_predicate=pl.col("run_id") == chosen["run_id"], named=True)
    (day,) = days.filter(pl.col("date") == date, *(pl.col(name) == chosen[name] for name in ROW_KEY)).to_dicts()
    low, high = confirmed_interval(day["net"], day["net_low"], day["net_high"], day["n"], 1.0)
    return Fold(
        date=date,
        chosen_on=at,
        run_id=run["run_id"],
        signal=run["signal"],
        params_json=run["params_json"],
        threshold=chosen["threshold"],
        chosen_trades=chosen["n"],
        chosen_net_pnl_ticks=chosen["mean"],
        chosen_statistic=chosen["statistic"],
        trades=day["n"],
        net_pnl_ticks=day["net"],
        low=low,
        high=high,
        word=_word(day["n"], low, high),
    )


def _word(trades: int, low: float | None, high: float | None) -> Word:
    if low is None or high is None or trades < LEAST_TRADES:
        return "too few trades"
    return "earns" if low > 0 else "loses" if high < 0 else "open"


def _pooled(days: pl.DataFrame) -> pl.DataFrame:
    """Rows of several days as one each: n, mean and statistic (mean over standard error), from those of each day."""
    n, mean = pl.col("n"), pl.col("net").fill_null(0.0)
    squares = (n - 1).clip(0) * pl.col("deviation").fill_null(0.0) ** 2 + n * mean**2
    sums = days.group_by(ROW_KEY).agg(
        n.sum(), sum=(n * mean).sum(), squares=squares.sum(), least=pl.col("least").first()
    )
    mean_of_all = pl.col("sum") / n
    variance = ((pl.col("squares") - pl.col("sum") ** 2 / n) / (n - 1)).clip(0.0)
    return sums.select(
        *ROW_KEY,
        "n",
        "least",
        mean=mean_of_all,
        deviation=variance.sqrt(),
        statistic=mean_of_all / (variance / n).sqrt(),
    )


def _together(folds: Sequence[Fold], days: pl.DataFrame) -> dict[str, Any]:
    """The trades of the days of all folds, as one."""
    chosen = pl.DataFrame(
        [(fold.run_id, fold.threshold, fold.date) for fold in folds if fold.trades],
        schema={"run_id": pl.String(), "threshold": pl.Float64(), "date": pl.String()},
        orient="row",
    )
    rows = days.join(chosen, on=[*ROW_KEY, "date"]).with_columns(run_id=pl.lit(""), threshold=pl.lit(0.0))
    if rows.is_empty():
        return {"trades": 0, "net_pnl_ticks": None, "low": None, "high": None}
    whole = _pooled(rows).row(0, named=True)
    n, mean, deviation = whole["n"], whole["mean"], whole["deviation"]
    half = t_quantile(n - 1) * deviation / math.sqrt(n) if n > 1 else None
    return {
        "trades": n,
        "net_pnl_ticks": mean,
        "low": None if half is None else mean - half,
        "high": None if half is None else mean + half,
    }
