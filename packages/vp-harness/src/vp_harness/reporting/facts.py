"""What a report tells of a run, gathered from the results store and the dataset."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

import msgspec
import numpy as np
import polars as pl

from vp_contract import EvalSpec, FillModel
from vp_harness.days.walk import WalkForward, walk_forward
from vp_harness.errors import DatasetError, ParameterError, ResultsError
from vp_harness.execution.pipeline import NEW_YORK
from vp_harness.judgement.figures import COUNTED
from vp_harness.judgement.market import Market
from vp_harness.judgement.superior import SuperiorAbility, can_test, superior_ability
from vp_harness.judgement.verdict import t_quantile
from vp_harness.lake.dataset import Dataset
from vp_harness.lake.paths import Lake
from vp_harness.research.compare import compare
from vp_harness.research.records import Run
from vp_harness.research.results import ResultsStore

_OF_OTHERS: Final = (
    "run_id",
    "signal",
    "threshold",
    *(f"{part}net_pnl_ticks{end}" for part in ("", "confirm_") for end in ("", "_low", "_high")),
    "p_corrected",
    "verdict",
)
"""What is shown of the other rows of an experiment, of which there may be a million."""
_MOST_TESTED: Final = 1000
"""Rows of a search above which a report has no test of Hansen's: it takes seconds and hundreds of megabytes then."""

_CLOCK_STEPS_MIN: Final = (1, 2, 5, 10, 15, 30, 60)


@dataclass(frozen=True)
class Facts:
    """A run at one threshold: `row` is its ranked row, `trades` are all its trades, `others` what is shown of the
    rows of its experiment.

    `trades` is None, and `missing` says why, when the dataset is gone or another one. `information` has a row a
    horizon of a part.
    """

    run: Run
    evaluation: EvalSpec
    row: dict[str, Any]
    others: pl.DataFrame
    information: pl.DataFrame
    trades: pl.DataFrame | None
    missing: str
    start_ns: int
    end_ns: int
    sound: bool | None
    cell_width_ms: int
    price_decimals: int
    days: pl.DataFrame
    """One row a day of a row on several, else none: see `ResultsStore.days`."""
    walked: WalkForward | None
    """The folds of walking forward over the days of its experiment."""
    market: Market | None
    superior: SuperiorAbility | None = None
    """Hansen's test of the search that the row is from; None, and `not_tested` says why, where it was not made."""
    not_tested: str = ""

    @property
    def models(self) -> tuple[FillModel, ...]:
        """Fill models that the row has figures of."""
        return tuple(model for model, counted in COUNTED.items() if self.row[counted] is not None)

    @property
    def longest_day_ns(self) -> int:
        """The length of the longest day of the capture."""
        times = self.market.times if self.market and self.run.days else ((self.start_ns, self.end_ns),)
        return max(end - start for start, end in times)

    def place_of(self, ts_ns: int) -> float:
        """A time as seconds of the capture, in which nights take no time: several days stand side by side.

        A time between two days is where the next one begins.
        """
        if not self.run.days or self.market is None:
            return (ts_ns - self.start_ns) / 1e9
        place = 0
        for start, end in self.market.times:
            place += max(0, min(ts_ns, end) - start)
        return place / 1e9

    @property
    def latency(self) -> str:
        """How much later a crossing order trades, in words."""
        bins = self.evaluation.latency_bins
        return f"{bins} bin{'' if bins == 1 else 's'} ({bins * self.cell_width_ms / 1000:g} s)"


def gather(lake: Lake, run_id: str, threshold: float | None = None) -> Facts:
    """The facts of a run at a threshold; without one, at that which ranks first among those with enough signals.

    Raises UnknownRunError, and ParameterError for a threshold that the run has not.
    """
    store = ResultsStore(lake)
    run = store.run(run_id)
    evaluation = msgspec.json.decode(run.eval_json, type=EvalSpec)
    ranked = partial(compare, store, dataset_id=run.dataset_id, min_signals=0, retired=True)
    of_run = ranked(run_ids=[run_id])
    if threshold is not None:
        found = of_run.filter(pl.col("threshold") == threshold)
        if found.is_empty():
            known = ", ".join(map(str, sorted(of_run["threshold"])))
            raise ParameterError(
                f"threshold={threshold}: run {run_id} has none of it; it has {known}", argument="threshold"
            )
    else:
        able = of_run.filter(pl.col("n_signals") >= evaluation.min_signals)
        found = able if not able.is_empty() else of_run
    row = found.row(0, named=True)
    market = msgspec.json.decode(run.market_json, type=Market) if run.market_json else None
    trades, missing, sound = None, "", None
    width, start, end = (market.cell_width_ms, market.start_ns, market.end_ns) if market else (100, 0, 0)
    try:
        datasets = [Dataset.open(lake, one) for one in [day.dataset_id for day in run.days] or [run.dataset_id]]
        width, sound = datasets[0].context.cell_width_ms, all(dataset.sound for dataset in datasets)
        start, end = int(datasets[0].bins["bin_start_ns"][0]), int(datasets[-1].bins["bin_end_ns"][-1])
        trades = store.trades(run_id, row["threshold"])
    except DatasetError as error:
        missing = str(error)
    return Facts(
        run=run,
        evaluation=evaluation,
        row=row,
        others=ranked(experiment=run.experiment, columns=_OF_OTHERS),
        information=store.information([run_id]),
        trades=trades,
        missing=missing,
        start_ns=start,
        end_ns=end,
        sound=sound,
        cell_width_ms=width,
        days=store.days([run_id]).filter(pl.col("threshold") == row["threshold"]),
        walked=walk_forward(store, run.experiment, run_id=run_id) if run.days else None,
        market=market,
        price_decimals=int(msgspec.json.decode(run.runtime_json).get("price_decimals", 2)),
        **_superior(run_id, lake),
    )


def _superior(run_id: str, lake: Lake) -> dict[str, Any]:
    """Hansen's test, or why there is none: it takes an extra, every dataset of the search, and not too many rows."""
    if not can_test():
        return {"not_tested": "install vp-harness[spa]"}
    try:
        return {"superior": superior_ability(run_id, lake, most_rows=_MOST_TESTED)}
    except (ResultsError, DatasetError, ParameterError) as error:
        return {"not_tested": str(error)}


def clock(ts_ns: int, form: str = "%H:%M:%S") -> str:
    """A moment in New York time."""
    return dt.datetime.fromtimestamp(ts_ns / 1e9, NEW_YORK).strftime(form)


@dataclass(frozen=True, slots=True)
class ClockBucket:
    """Trades that were decided in one stretch of the day: mean net pnl in ticks with its 95 % interval (Student)."""

    label: str
    trades: int
    mean: float
    low: float | None
    high: float | None


def by_time_of_day(facts: Facts, model: str = "cross") -> tuple[int, list[ClockBucket]]:
    """(Minutes of a stretch, the stretches in order): about a dozen of them over the capture."""
    minutes = max(1.0, facts.longest_day_ns / 60e9)
    step = next((step for step in _CLOCK_STEPS_MIN if minutes / step <= 13), _CLOCK_STEPS_MIN[-1])
    if facts.trades is None:
        return step, []
    values: dict[str, list[float]] = {}
    for moment, pnl in facts.trades.sort("event_ts_ns").select("event_ts_ns", f"{model}_pnl_ticks").iter_rows():
        if pnl is not None:
            local = dt.datetime.fromtimestamp(moment / 1e9, NEW_YORK)
            minute = (local.hour * 60 + local.minute) // step * step
            values.setdefault(f"{minute // 60:02d}:{minute % 60:02d}", []).append(pnl)
    buckets = []
    for label, pnl in values.items():
        n, mean = len(pnl), float(np.mean(pnl))
        half = t_quantile(n - 1) * float(np.std(pnl, ddof=1)) / n**0.5 if n > 1 else None
        buckets.append(
            ClockBucket(label, n, mean, None if half is None else mean - half, None if half is None else mean + half)
        )
    return step, buckets
