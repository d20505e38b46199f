"""Ranking what was run: the chosen part beside the confirmation, and the p-value that knows the search."""

from __future__ import annotations

from typing import Final, Literal, TypeAlias, get_args

import polars as pl

from vp_harness.errors import ParameterError
from vp_harness.information.stored import at_best_horizon
from vp_harness.research.results import CONFIRM_PREFIX, ResultsStore

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
_LISTS: Final = ("event_bins", "event_directions")


def compare(
    store: ResultsStore,
    *,
    experiment: str | None = None,
    signal: str | None = None,
    dataset_id: str | None = None,
    min_signals: int = 5,
    sort: str = "statistic",
    best_per_run: bool = False,
    top_n: int | None = None,
    retired: bool = False,
) -> pl.DataFrame:
    """Rows of all runs that match, best first: the columns of `_META`, `threshold`, those of `Metrics` for the choosing
    part and, prefixed `confirm_`, for the confirming part, then those of `JUDGED` (null where not corrected) and of
    `information.stored.at_best_horizon` (null where nothing could be measured).

    `min_signals` counts signals of the choosing part. `best_per_run` keeps the best threshold of each run. Ranking
    never looks at the confirming part; `statistic`, the standardised net pnl, is what p-values are of, and does not
    favour rows with few events; `ic`, the rank IC of the signal, ranks by its size. Retired runs are left out unless
    `retired` is set. Raises ParameterError for an unknown `sort`.
    """
    if sort not in SORTS:
        raise ParameterError(f"sort={sort!r}: must be one of {', '.join(SORTS)}")
    if min_signals < 0:
        raise ParameterError(f"min_signals={min_signals}: must be 0 or more")
    if top_n is not None and top_n < 1:
        raise ParameterError(f"top_n={top_n}: must be 1 or more")
    runs = store.runs().select(_META)
    for column, wanted in (("experiment", experiment), ("signal", signal), ("dataset_id", dataset_id)):
        if wanted is not None:
            runs = runs.filter(pl.col(column) == wanted)
    if not retired:
        runs = runs.join(store.retired(), on="run_id", how="anti")
    rows = store.rows(runs["run_id"]).drop(_LISTS).filter(pl.col("n_signals") >= min_signals)
    informed = at_best_horizon(store.information(runs["run_id"]))
    corrections = store.corrections().select("run_id", "threshold", *JUDGED)
    corrections = corrections.with_columns(verdict=pl.col("verdict").replace("", None))
    ranked = (
        runs.join(rows, on="run_id")
        .join(corrections, on=["run_id", "threshold"], how="left")
        .join(informed, on="run_id", how="left")
        .sort(
            [pl.col(sort).abs() if sort == "ic" else pl.col(sort), "run_id", "threshold"],
            descending=[sort != "p_corrected", False, False],
            nulls_last=True,
        )
    )
    if best_per_run:
        ranked = ranked.unique("run_id", keep="first", maintain_order=True)
    return ranked.head(top_n) if top_n is not None else ranked


def check_known(
    store: ResultsStore, *, experiment: str | None = None, signal: str | None = None, dataset_id: str | None = None
) -> None:
    """Raise ParameterError for a name that no stored run has, with those there are: a typing error ranks nothing."""
    runs = store.runs()
    for column, wanted in (("experiment", experiment), ("signal", signal), ("dataset_id", dataset_id)):
        known = sorted(runs[column].unique())
        if wanted is not None and wanted not in known:
            raise ParameterError(
                f"{column}={wanted!r}: no run of it is stored; there are: {', '.join(known) or 'none'}"
            )


def confirmed(name: str) -> str:
    """The column of a figure in the confirming part."""
    return CONFIRM_PREFIX + name
