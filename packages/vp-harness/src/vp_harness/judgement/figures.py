"""The corrections of the rows of one market, from what was drawn of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import msgspec
import numpy as np
import polars as pl
from numpy.typing import NDArray

from vp_contract import EvalSpec
from vp_harness.judgement.drawing import Drawn, Key
from vp_harness.judgement.overfitting import BLOCKS, deflated_sharpe, overfitting_probability
from vp_harness.judgement.search import p_error, p_values
from vp_harness.judgement.verdict import confirmed_interval, look_factor, verdict_of
from vp_harness.research.results import CONFIRM_PREFIX, Correction


@dataclass(frozen=True)
class Tally:
    """What was drawn on one market: see `drawing`. `best` and `best_confirm` are (1 + draws).

    `n_trials` and `n_looks` count distinct choosing and confirming parts, `n_retired` runs that do not count any more.
    `incomplete` says why the search is not whole, if it is not.
    """

    known: Mapping[Key, Drawn]
    best: NDArray[np.float32]
    best_confirm: NDArray[np.float32]
    n_trials: int
    n_looks: int
    n_retired: int
    draws: int
    seed: int
    incomplete: str


def corrections_of(
    rows: pl.DataFrame, figures: pl.DataFrame, runs: pl.DataFrame, tally: Tally, *, sequence: int, state: str
) -> list[Correction]:
    """One correction a row.

    `rows` has run_id, threshold, choose, confirm (digests) and able; `figures` are the stored rows of their runs,
    `runs` the runs.
    """
    judged = {
        run_id: msgspec.json.decode(text, type=EvalSpec)
        for run_id, text in runs.select("run_id", "eval_json").iter_rows()
    }
    deflated, overfitting = _overfitting(tally)
    factor = look_factor(tally.best_confirm)
    choosing = {key.digest: drawn for key, drawn in tally.known.items() if not key.confirms}
    statistics = np.array([drawn.statistic for drawn in choosing.values()], np.float32)
    p_of = dict(zip(choosing, p_values(tally.best, statistics).tolist(), strict=True))
    stored = {(row["run_id"], row["threshold"]): row for row in _figures(figures).iter_rows(named=True)}
    corrections = []
    for run_id, threshold, choose, _, able in rows.iter_rows():
        evaluation = judged[run_id]
        p = p_of[choose] if able else 1.0
        row = stored.get((run_id, threshold))
        low = high = None
        trades = 0
        if row is not None:
            trades = row[f"{CONFIRM_PREFIX}n_signals"]
            low, high = confirmed_interval(*_net(row, evaluation), trades, factor)
        verdict, doubt = verdict_of(
            p if able else None, low, high, trades, least=evaluation.min_signals, incomplete=tally.incomplete
        )
        corrections.append(
            Correction(
                run_id=run_id,
                threshold=threshold,
                p_corrected=p,
                n_trials=tally.n_trials,
                draws=tally.draws,
                seed=tally.seed,
                n_rows=rows.height,
                p_error=float(p_error(p, tally.draws)),
                statistic=choosing[choose].statistic if choose else None,
                n_looks=tally.n_looks,
                n_retired=tally.n_retired,
                confirmed_low=low,
                confirmed_high=high,
                verdict=verdict,
                doubt=doubt,
                deflated_sharpe=deflated.get(choose),
                overfitting=overfitting,
                sequence=sequence,
                state=state,
            )
        )
    return corrections


def _figures(rows: pl.DataFrame) -> pl.DataFrame:
    names = [name for model in ("mean", "net") for name in _names(model)]
    return rows.select("run_id", "threshold", f"{CONFIRM_PREFIX}n_signals", *names)


def _names(model: str) -> tuple[str, str, str]:
    name = f"{CONFIRM_PREFIX}{model}_pnl_ticks"
    return name, f"{name}_low", f"{name}_high"


def _net(row: Mapping[str, float | None], evaluation: EvalSpec) -> tuple[float | None, float | None, float | None]:
    """Net pnl of the confirming part under the fill model of the evaluation: mean, low, high, in ticks."""
    mid = evaluation.fill_model == "mid"
    cost = evaluation.cost_ticks if mid else 0.0  # the stored net pnl of the cross fills has paid it
    mean, low, high = (row[name] for name in _names("mean" if mid else "net"))
    return (
        None if mean is None else mean - cost,
        None if low is None else low - cost,
        None if high is None else high - cost,
    )


def _overfitting(tally: Tally) -> tuple[dict[str, float], float | None]:
    """The deflated Sharpe ratio of each trial by its digest, and the probability of overfitting of all."""
    # in an order that does not depend on when each was drawn: sums round, and ties have a first
    trials = sorted((key.digest, drawn.moments) for key, drawn in tally.known.items() if not key.confirms)
    if not trials:
        return {}, None
    moments = np.array([values for _, values in trials], np.float64)
    trades, mean, deviation = moments[:, 0], moments[:, 1], moments[:, 2]
    able = (trades > 1) & (deviation > 0)
    sharpe = np.divide(mean, deviation, out=np.full(len(mean), np.nan), where=able)
    variance = float(np.var(sharpe[able])) if able.any() else 0.0
    deflated = deflated_sharpe(sharpe, trades, moments[:, 3], moments[:, 4], n_trials=tally.n_trials, variance=variance)
    return (
        {digest: float(value) for (digest, _), value in zip(trials, deflated, strict=True) if value == value},
        overfitting_probability(moments[:, 5 : 5 + BLOCKS], moments[:, 5 + BLOCKS :]),
    )
