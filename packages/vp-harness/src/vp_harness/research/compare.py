"""Ranking what was run: the chosen part beside the confirmation, and the p-value that knows the search."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final, Literal, TypeAlias, get_args

import msgspec
import polars as pl

from vp_contract import EvalSpec
from vp_harness.errors import ParameterError
from vp_harness.evaluation.costs import cost_words
from vp_harness.prediction.stored import BEST
from vp_harness.research.records import CONFIRM_PREFIX, ROW_KEY, ROWS
from vp_harness.research.results import ResultsStore

Sort: TypeAlias = Literal[
    "statistic", "tp_rate", "mean_pnl_ticks", "net_pnl_ticks", "events_per_hour", "p_corrected", "ic"
]
SORTS: Final[tuple[str, ...]] = get_args(Sort)

_META: Final = (
    "run_id",
    "experiment",
    "dataset_id",
    "signal",
    "params_json",
    "eval_json",
    "config_hash",
    "created_utc",
    "cost_from",
    "fee_per_side",
)
JUDGED: Final = (
    "verdict",
    "doubt",
    "p_corrected",
    "p_error",
    "n_trials",
    "statistic",
    "confirmed_low",
    "confirmed_high",
    "n_looks",
    "n_retired",
    "deflated_sharpe",
    "overfitting",
)
"""Columns of what the whole search says about a row: see `results.Correction`."""
_FIGURES: Final = tuple(name for name in ROWS if name not in (*ROW_KEY, "event_bins", "event_directions"))


def compare(
    store: ResultsStore,
    *,
    experiment: str | None = None,
    signal: str | None = None,
    dataset_id: str | None = None,
    run_ids: Iterable[str] | None = None,
    min_signals: int = 5,
    sort: str = "statistic",
    best_per_run: bool = False,
    top_n: int | None = None,
    retired: bool = False,
    columns: Sequence[str] | None = None,
) -> pl.DataFrame:
    """Rows of all runs that match, best first: the columns of `_META`, `cost` (what a round trip pays and who says so,
    in words), `threshold`, those of `Measures` for the choosing part and, prefixed `confirm_`, for the confirming part,
    then those of `JUDGED` (null where not corrected) and of `prediction.stored.BEST` (null where nothing could be
    measured).

    `min_signals` counts signals of the choosing part. `best_per_run` keeps the best threshold of each run. Ranking
    never looks at the confirming part; `statistic`, the standardised net pnl, is what p-values are of, and does not
    favour rows with few events; `ic`, the rank IC of the signal, ranks by its size. Retired runs are left out unless
    `retired` is set. With `columns` the rows have these alone. Rows are ranked before more is read of them than that
    takes, so `top_n` of a million rows need little memory. Raises ParameterError for an unknown `sort`.
    """
    if sort not in SORTS:
        raise ParameterError(f"sort={sort!r}: must be one of {', '.join(SORTS)}")
    if min_signals < 0:
        raise ParameterError(f"min_signals={min_signals}: must be 0 or more")
    if top_n is not None and top_n < 1:
        raise ParameterError(f"top_n={top_n}: must be 1 or more")
    runs = store.runs(("run_id", "experiment", "signal", "dataset_id"))
    for column, wanted in (("experiment", experiment), ("signal", signal), ("dataset_id", dataset_id)):
        if wanted is not None:
            runs = runs.filter(pl.col(column) == wanted)
    if run_ids is not None:
        asked = pl.DataFrame({"run_id": list(run_ids)}, schema={"run_id": pl.String()})
        runs = runs.join(asked, on="run_id", how="semi")
    if not retired:
        runs = runs.join(store.retired(), on="run_id", how="anti")
    places = _ranked(store, runs["run_id"], sort, min_signals)
    if best_per_run:
        places = places.unique("run_id", keep="first", maintain_order=True)
    if top_n is not None:
        places = places.head(top_n)
    return _filled(store, places, columns)


def _ranked(store: ResultsStore, run_ids: pl.Series, sort: str, min_signals: int) -> pl.DataFrame:
    """Run and threshold of every row with so many signals, best first."""
    own = (sort,) if sort in _FIGURES else ()
    rows = store.rows(run_ids, (*ROW_KEY, "n_signals", *own)).filter(pl.col("n_signals") >= min_signals)
    if sort == "ic":
        rows = rows.join(store.informed(run_ids).select("run_id", "ic"), on="run_id", how="left")
    elif not own:
        rows = rows.join(store.corrections((*ROW_KEY, sort)), on=ROW_KEY, how="left")
    return rows.sort(
        [pl.col(sort).abs() if sort == "ic" else pl.col(sort), *ROW_KEY],
        descending=[sort != "p_corrected", False, False],
        nulls_last=True,
    ).select(ROW_KEY)


def _filled(store: ResultsStore, places: pl.DataFrame, columns: Sequence[str] | None) -> pl.DataFrame:
    """The rows of some runs and thresholds, in their order, with what they are asked for."""
    whole = (*_META, "cost", "threshold", *_FIGURES, *JUDGED, *BEST)
    asked = tuple(columns) if columns is not None else whole
    unknown = [name for name in asked if name not in whole]
    if unknown:
        raise ParameterError(f"columns={unknown[0]!r}: must be of {', '.join(whole)}")

    def of(names: Iterable[str]) -> list[str]:
        return [name for name in names if name in asked and name not in ROW_KEY]

    rows, run_ids = places, places["run_id"].unique()
    if names := of(_META):
        rows = rows.join(store.runs(("run_id", *names), run_ids), on="run_id", how="left", maintain_order="left")
    if "cost" in asked:
        rows = rows.join(_costs(store, run_ids), on="run_id", how="left", maintain_order="left")
    if names := of(_FIGURES):
        rows = rows.join(store.rows(run_ids, (*ROW_KEY, *names)), on=ROW_KEY, how="left", maintain_order="left")
    if names := of(JUDGED):
        rows = rows.join(store.corrections((*ROW_KEY, *names)), on=ROW_KEY, how="left", maintain_order="left")
    if names := of(BEST):
        informed = store.informed(run_ids).select("run_id", *names)
        rows = rows.join(informed, on="run_id", how="left", maintain_order="left")
    if "verdict" in asked:
        rows = rows.with_columns(verdict=pl.col("verdict").replace("", None))
    return rows.select(asked)


def _costs(store: ResultsStore, run_ids: pl.Series) -> pl.DataFrame:
    """What a round trip pays and who says so, in words, of some runs: run_id, cost."""
    runs = store.runs(("run_id", "eval_json", "cost_from", "fee_per_side", "runtime_json"), run_ids)
    unit = pl.col("runtime_json").str.json_path_match("$.qty_unit").fill_null("contracts")
    said = runs.select("eval_json", "cost_from", "fee_per_side", unit)
    words = {
        (text, *rest): cost_words(msgspec.json.decode(text, type=EvalSpec).paid_ticks, *rest)
        for text, *rest in said.unique().iter_rows()
    }
    return runs.select("run_id", cost=pl.Series([words[one] for one in said.iter_rows()], dtype=pl.String()))


def check_known(
    store: ResultsStore, *, experiment: str | None = None, signal: str | None = None, dataset_id: str | None = None
) -> None:
    """Raise ParameterError for a name that no stored run has, with those there are: a typing error ranks nothing."""
    runs = store.runs(("experiment", "signal", "dataset_id"))
    for column, wanted in (("experiment", experiment), ("signal", signal), ("dataset_id", dataset_id)):
        known = sorted(runs[column].unique())
        if wanted is not None and wanted not in known:
            raise ParameterError(
                f"{column}={wanted!r}: no run of it is stored; there are: {', '.join(known) or 'none'}"
            )


def confirmed(name: str) -> str:
    """The column of a figure in the confirming part."""
    return CONFIRM_PREFIX + name
