"""Hansen's test of superior predictive ability beside the corrected p-value: the same question by another method.

It asks whether the best of all rows of a market earns more than 0 net in the choosing part (Hansen 2005, "A test for
superior predictive ability", Journal of Business and Economic Statistics 23). It resamples stretches of time instead of
shifting events, so it takes no part of what the corrected p-value rests on. It has one p-value for the whole search.
"""

from __future__ import annotations

from collections.abc import Sequence
from importlib.util import find_spec
from typing import Any, Final, NamedTuple

import msgspec
import numpy as np
import polars as pl
from numpy.typing import ArrayLike, NDArray

from vp_harness.errors import DatasetMissingError, ParameterError, ResultsError
from vp_harness.evaluation.evaluate import OutcomeTables
from vp_harness.evaluation.leaving import NOT_OPENED
from vp_harness.evaluation.outcomes import opened
from vp_harness.evaluation.split import DayBins
from vp_harness.judgement.correction import with_markets
from vp_harness.judgement.drawing import EVENTS, SPLIT, rows_of, taken_apart
from vp_harness.judgement.market import MARKET, Market, groups
from vp_harness.judgement.search import SEED
from vp_harness.judgement.trials import Trial
from vp_harness.lake.anchors import check_runs
from vp_harness.lake.dataset import Dataset
from vp_harness.lake.paths import LakeLike, open_lake
from vp_harness.research.records import judged_days
from vp_harness.research.results import ResultsStore

PERIODS: Final = 100
"""Stretches of equal length that the choosing time of a market is divided into; ten in a row make a block."""
DRAWS: Final = 1999
MOST_ROWS: Final = 5_000
"""Rows of a market above which the test is not made: it holds the pnl of all of them in every resample."""


class SuperiorAbility(msgspec.Struct, frozen=True, kw_only=True):
    """What the test says of the search that a run belongs to.

    `p` is Hansen's consistent p-value; `p_lower` and `p_upper` bound it: rows that lose are left out for the first and
    count in full for the second. `p_corrected` is the smallest corrected p-value of the same search, None where it has
    none. `n_trials` distinct rows traded, in `periods` stretches of `period_s` seconds.
    """

    run_id: str
    p: float
    p_lower: float
    p_upper: float
    p_corrected: float | None
    n_trials: int
    periods: int
    period_s: float
    draws: int


def superior_ability(
    run_id: str, lake_root: LakeLike | None = None, *, most_rows: int | None = None
) -> SuperiorAbility:
    """Test all rows that count together with those of a run: see `correct_search`. Nothing is stored.

    More rows than `most_rows` (`MOST_ROWS`) are not tested. Raises UnknownRunError, ResultsError without the extra
    `spa` or for too many rows or none that traded, and DatasetMissingError where a dataset of the search is gone.
    """
    lake = open_lake(lake_root)
    store = ResultsStore(lake)
    store.run(run_id)
    _superior_test()
    retired = store.retired()["run_id"]
    if run_id in set(retired):
        raise ParameterError(f"run_id={run_id}: the run is retired and counts no more", argument="run_id")
    runs = with_markets(store, lake).filter(~pl.col("run_id").is_in(list(retired)))
    texts = sorted(runs["market_json"].unique())
    number = dict(zip(texts, groups([MARKET.decode(text) for text in texts]), strict=True))
    market = number[runs.filter(pl.col("run_id") == run_id)["market_json"][0]]
    runs = runs.filter(pl.col("market_json").is_in([text for text in texts if number[text] == market]))
    placed = _placed_trials(store, lake, runs, MOST_ROWS if most_rows is None else most_rows)
    spans = sorted({span for one in placed for span in one.market.times})
    start = int(_open_ns([one.start_ns for one in placed], spans).min())
    end = int(_open_ns([one.end_ns for one in placed], spans).max())
    pnl = np.array([_pnl_by_period(one, spans, start, end) for one in placed])
    p_lower, p, p_upper = superior_p_values(pnl)
    stored = store.corrections().filter(pl.col("run_id").is_in(list(runs["run_id"])))["p_corrected"].min()
    return SuperiorAbility(
        run_id=run_id,
        p=p,
        p_lower=p_lower,
        p_upper=p_upper,
        p_corrected=None if stored is None else float(stored),  # type: ignore[arg-type]
        n_trials=len(placed),
        periods=PERIODS,
        period_s=round((end - start) / PERIODS / 1e9, 3),
        draws=DRAWS,
    )


def superior_p_values(pnl: NDArray[np.float64], *, draws: int = DRAWS, seed: int = SEED) -> tuple[float, float, float]:
    """Hansen's lower, consistent and upper p-value that no row of `pnl` (rows, periods), in ticks, earns more than 0.

    The bootstrap is the stationary one, with blocks of the square root of the number of periods. Rows whose pnl is the
    same in all periods, such as those that never traded, say nothing and are left out. Raises ResultsError where none
    is left, or without the extra `spa`.
    """
    test = _superior_test()
    telling = pnl[np.ptp(pnl, axis=1) > 0]
    if not len(telling):
        raise ResultsError("no row of this market traded in its choosing part: there is nothing to test")
    spa = test(np.zeros(telling.shape[1]), -telling.T, reps=draws, seed=np.random.default_rng(seed))
    spa.compute()
    found = spa.pvalues
    return float(found["lower"]), float(found["consistent"]), float(found["upper"])


def can_test() -> bool:
    """Whether the extra `spa` is installed."""
    return find_spec("arch") is not None


def _superior_test() -> Any:
    try:
        from arch.bootstrap import SPA
    except ImportError as error:
        raise ResultsError(
            "the test of superior predictive ability needs an extra that is not installed: "
            "pip install 'vp-harness[spa]'"
        ) from error
    return SPA


class _Placed(NamedTuple):
    """The choosing part of a row, [start_ns, end_ns) of its market."""

    trial: Trial
    market: Market
    start_ns: int
    end_ns: int


def _placed_trials(store: ResultsStore, lake: LakeLike, runs: pl.DataFrame, most_rows: int) -> list[_Placed]:
    """The distinct trials of runs that fired."""
    found: dict[str, _Placed] = {}
    rows = store.rows(runs["run_id"], EVENTS)
    if rows.height > most_rows:
        raise ResultsError(
            f"{rows.height:,} rows were tried on the market of this run; superior predictive ability is tested of "
            f"{most_rows:,} or fewer"
        )
    together = ["dataset_id", "market_json", "days_json", *SPLIT]
    for _, group in runs.sort("run_id").group_by(together, maintain_order=True):
        judged = judged_days(group["days_json"][0])
        try:
            ids = [day.dataset_id for day in judged] or [group["dataset_id"][0]]
            datasets = [Dataset.open(lake, one) for one in ids]
        except DatasetMissingError as error:
            raise DatasetMissingError(f"{error}; the test needs all datasets of a search") from error
        for dataset in datasets:
            check_runs(store, dataset)
        days = [DayBins(day.start, day.first, day.end) for day in judged]
        market = MARKET.decode(group["market_json"][0])
        split = {name: int(group[name][0]) for name in SPLIT}
        of_group = rows.join(group.select("run_id"), on="run_id", how="semi")
        for some in rows_of(group, *taken_apart([of_group]), OutcomeTables(*datasets), split, days):
            choosing = some.parts[0]
            times = market.time_of(choosing.like.first), market.time_of(choosing.like.end)
            for i, digest in enumerate(choosing.digests()):
                if digest and digest not in found:
                    found[digest] = _Placed(choosing[i], market, *times)
    if not found:
        raise ResultsError("no row of this market traded in its choosing part: there is nothing to test")
    return list(found.values())


def _open_ns(times_ns: ArrayLike, spans: Sequence[tuple[int, int]]) -> NDArray[np.int64]:
    """How long the market was looked at before each time: what is between two days does not count.

    `spans` ascend and may overlap. Example: at 12 of [(0, 5), (10, 20)] it is 7.
    """
    times = np.asarray(times_ns, np.int64)
    open_ns, seen = np.zeros_like(times), 0
    for first, last in spans:
        begin = max(first, seen)
        open_ns += np.maximum(np.minimum(times, last) - begin, 0)
        seen = max(seen, last)
    return open_ns


def _pnl_by_period(
    placed: _Placed, spans: Sequence[tuple[int, int]], start_ns: int, end_ns: int
) -> NDArray[np.float64]:
    """Net pnl in ticks of the trades decided in each of `PERIODS` stretches of `_open_ns` [start_ns, end_ns)."""
    trial = placed.trial
    events = opened(trial.events, trial.table, allow_overlap=trial.allow_overlap, model=trial.model)
    fills = trial.table.of(trial.model)
    row = (events.directions < 0).astype(np.int64)
    cost = trial.table.rule.cost_ticks if trial.model == "mid" else 0.0  # that of the others is paid already
    traded = fills.outcome[row, events.bins] != NOT_OPENED
    pnl = np.where(traded, fills.pnl_ticks[row, events.bins] - cost, 0.0)
    times = _open_ns([placed.market.time_of(at) for at in events.bins.tolist()], spans)
    period = (times - start_ns) * PERIODS // (end_ns - start_ns)
    return np.bincount(period, pnl, minlength=PERIODS).astype(np.float64)
