"""The corrections of the rows of one market, from what was drawn of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

import msgspec
import numpy as np
import polars as pl
from numpy.typing import NDArray

from vp_contract import EvalSpec, FillModel
from vp_harness.evaluation.resampling import DAYS_TO_RESAMPLE
from vp_harness.judgement.drawn import Drawn, Moments, places_in
from vp_harness.judgement.overfitting import deflated_sharpe, overfitting_probability
from vp_harness.judgement.search import p_error, p_values
from vp_harness.judgement.verdict import confirmed_interval, look_factor, verdict_of
from vp_harness.research.records import CONFIRM_PREFIX, ROW_KEY, Correction, judged_days

PNL: Final[Mapping[FillModel, str]] = {
    "mid": "mean_pnl_ticks",
    "cross": "net_pnl_ticks",
    "queue": "queue_net_pnl_ticks",
}
"""The figure of `Measures` that is the mean pnl a trade under each fill model."""
COUNTED: Final[Mapping[FillModel, str]] = {"mid": "n_signals", "cross": "n_signals", "queue": "queue_filled"}
"""The figure that counts the trades it is the mean of."""

_ROWS_AT_ONCE: Final = 16_384
"""Rows that are told of their trials at once."""


@dataclass(frozen=True)
class Tally:
    """What was drawn on one market: see `drawing`. `best` and `best_confirm` are (1 + draws).

    `n_trials` and `n_looks` count distinct choosing and confirming parts, `n_retired` runs that do not count any more.
    `incomplete` says why the search is not whole, if it is not.
    """

    known: Drawn
    best: NDArray[np.float32]
    best_confirm: NDArray[np.float32]
    n_trials: int
    n_looks: int
    n_retired: int
    draws: int
    seed: int
    incomplete: str


class Judge:
    """Makes the corrections of the rows of one market: what all of them have in common is computed once."""

    def __init__(
        self, runs: pl.DataFrame, tally: Tally, moments: Moments, *, n_rows: int, sequence: int, state: str
    ) -> None:
        """`runs` are those of the rows, `n_rows` how many rows there are; `moments` are of the choosing parts."""
        texts = runs.select(pl.col("eval_json").unique()).with_row_index("evaluation")
        self._evaluations = [msgspec.json.decode(text, type=EvalSpec) for text in texts["eval_json"]]
        self._runs = runs.select("run_id", "eval_json").join(texts, on="eval_json").drop("eval_json")
        self._resampled = dict(resampled_days(runs))
        self._tally, self._n_rows, self._sequence, self._state = tally, n_rows, sequence, state
        self._deflated, self._overfitting = _overfitting(tally, moments)
        self._factor = look_factor(tally.best_confirm)
        self._p_error_of_1 = float(p_error(1.0, tally.draws))

    def corrections(self, rows: pl.DataFrame, figures: pl.DataFrame) -> Iterator[Correction]:
        """One correction a row of some: `rows` has run_id, threshold, choose (the code) and able; `figures` are the
        stored rows of their runs.
        """
        told = rows.join(self._runs, on="run_id", how="left", maintain_order="left").join(
            figures.select(FIGURES).with_columns(stored=True),
            on=ROW_KEY,
            how="left",
            maintain_order="left",
        )
        for some in told.iter_slices(_ROWS_AT_ONCE):
            for row in self._with_trials(some).iter_rows(named=True):
                yield self._correction(row)

    def _with_trials(self, rows: pl.DataFrame) -> pl.DataFrame:
        """Rows with what is known of their choosing parts, nothing of those that were not drawn."""
        tally = self._tally
        places, there = places_in(tally.known.choosing, rows["choose"].to_numpy())
        places = places[there]
        statistics = tally.known.statistics[places]
        p = p_values(tally.best, statistics)
        columns = {
            "statistic": statistics,
            "p": p,
            "p_error": p_error(p, tally.draws),
            "deflated": self._deflated[places],
        }
        of_trial = pl.DataFrame({"row": np.flatnonzero(there).astype(np.uint32), **columns})
        of_trial = of_trial.with_columns(pl.col("deflated").fill_nan(None))
        return rows.with_row_index("row").join(of_trial, on="row", how="left", maintain_order="left")

    def _correction(self, row: Mapping[str, Any]) -> Correction:
        tally, run_id, able = self._tally, row["run_id"], row["able"]
        evaluation = self._evaluations[row["evaluation"]]
        low = high = None
        trades = 0
        if row["stored"]:
            trades = row[f"{CONFIRM_PREFIX}{COUNTED[evaluation.fill_model]}"]
            drawn = min(trades, self._resampled.get(run_id, trades))
            low, high = confirmed_interval(*confirmed_net(row, evaluation), drawn, self._factor)
        verdict, doubt = verdict_of(
            row["p"] if able else None, low, high, trades, least=evaluation.min_signals, incomplete=tally.incomplete
        )
        return Correction(
            run_id=run_id,
            threshold=row["threshold"],
            p_corrected=row["p"] if able else 1.0,
            n_trials=tally.n_trials,
            draws=tally.draws,
            seed=tally.seed,
            n_rows=self._n_rows,
            p_error=row["p_error"] if able else self._p_error_of_1,
            statistic=row["statistic"],
            n_looks=tally.n_looks,
            n_retired=tally.n_retired,
            confirmed_low=low,
            confirmed_high=high,
            verdict=verdict,
            doubt=doubt,
            deflated_sharpe=row["deflated"],
            overfitting=self._overfitting,
            sequence=self._sequence,
            state=self._state,
        )


def resampled_days(runs: pl.DataFrame) -> Iterator[tuple[str, int]]:
    """(run_id, days of its confirming part) of the runs whose intervals are of resampled days."""
    several = runs.filter(pl.col("days_json") != "").select("run_id", "days_json", "confirm_first", "confirm_end")
    for run_id, days_json, first, end in several.unique("run_id").iter_rows():
        days = sum(day.first < end and first < day.end for day in judged_days(days_json))
        if days >= DAYS_TO_RESAMPLE:
            yield run_id, days


def _names(model: FillModel) -> tuple[str, str, str]:
    name = f"{CONFIRM_PREFIX}{PNL[model]}"
    return name, f"{name}_low", f"{name}_high"


FIGURES: Final = tuple(
    dict.fromkeys(
        [
            "run_id",
            "threshold",
            *(f"{CONFIRM_PREFIX}{name}" for name in COUNTED.values()),
            *(name for model in PNL for name in _names(model)),
        ]
    )
)
"""The columns of a stored row that its correction is made of."""


def confirmed_net(
    row: Mapping[str, float | None], evaluation: EvalSpec
) -> tuple[float | None, float | None, float | None]:
    """Net pnl of the confirming part under the fill model of the evaluation: mean, low, high, in ticks.

    The interval is that of the row alone, not corrected for anything.
    """
    mid = evaluation.fill_model == "mid"
    cost = evaluation.paid_ticks if mid else 0.0  # the stored net pnl of the others has paid it
    mean, low, high = (row[name] for name in _names(evaluation.fill_model))
    return (
        None if mean is None else mean - cost,
        None if low is None else low - cost,
        None if high is None else high - cost,
    )


def _overfitting(tally: Tally, moments: Moments) -> tuple[NDArray[np.float64], float | None]:
    """The deflated Sharpe ratio of each choosing part, in order of their codes, NaN where it has none, and the
    probability of overfitting of all.
    """
    if not len(moments.figures):
        return np.empty(0, np.float64), None
    trades, mean, deviation, skewness, kurtosis = moments.figures.T
    able = (trades > 1) & (deviation > 0)
    sharpe = np.divide(mean, deviation, out=np.full(len(mean), np.nan), where=able)
    variance = float(np.var(sharpe[able])) if able.any() else 0.0
    deflated = deflated_sharpe(sharpe, trades, skewness, kurtosis, n_trials=tally.n_trials, variance=variance)
    return deflated, overfitting_probability(moments.sums, moments.counts)
