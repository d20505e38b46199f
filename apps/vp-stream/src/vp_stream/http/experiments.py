"""What was researched, for whoever looks for something to stream: runs, their figures, and which alias serves them."""

from __future__ import annotations

import contextlib
import logging
import threading
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Protocol, get_args
from urllib.parse import quote

import msgspec
import polars as pl

from vp_contract import STREAM_PATH
from vp_harness import CONFIRM_PREFIX, SORTS, Measures, ResultsStore, compare
from vp_harness.errors import DatasetError, ParameterError, ResultsError, UnknownRunError
from vp_stream.errors import Refusal
from vp_stream.http.answers import (
    DayFigures,
    DayLeftOut,
    RunChoices,
    RunDetail,
    RunList,
    RunQuery,
    RunRow,
    RunSort,
    ThresholdFigures,
    TradeFill,
    TradeList,
    TradeQuery,
    TradeRow,
)
from vp_stream.http.research.answers import Equity, EquityQuery, HorizonRow
from vp_stream.http.research.trades import CachedTrades
from vp_stream.servings.catalogue import Catalogue

_logger = logging.getLogger(__name__)

_DATE = pl.col("runtime_json").str.json_path_match("$.dt").fill_null("")
_FIGURES = Measures.__struct_fields__
_JUDGED = (
    "verdict",
    "doubt",
    "p_corrected",
    "p_error",
    "n_trials",
    "confirmed_low",
    "confirmed_high",
    "n_looks",
    "n_retired",
    "statistic",
    "deflated_sharpe",
    "overfitting",
    "ic",
    "ic_horizon_ms",
)


class Experiments(Protocol):
    """Look-up of finished runs. Every method may block and is called in a worker thread."""

    def runs(self, query: RunQuery) -> RunList:
        """Runs at their best threshold, best first. Raises `Refusal`."""
        ...

    def detail(self, run_id: str) -> RunDetail:
        """One run with all its thresholds. Raises `Refusal` with the code `unknown_run`."""
        ...

    def trades(self, run_id: str, query: TradeQuery) -> TradeList:
        """Trades of one run. Raises `Refusal` with the code `unknown_run`, `unknown_threshold` or `unavailable`."""
        ...

    def equity(self, run_id: str, query: EquityQuery) -> Equity:
        """Equity of one run at a threshold. Raises `Refusal` as `trades` does."""
        ...


class StoredExperiments:
    """The runs of a results store. Safe across threads; parts of the store are read once, as they never change."""

    def __init__(self, store: ResultsStore, catalogue: Catalogue) -> None:
        self._store = store
        self._trades = CachedTrades(store)
        self._catalogue = catalogue
        self._lock = threading.Lock()

    def runs(self, query: RunQuery) -> RunList:
        """As `Experiments.runs`."""
        with self._reading():
            rows = compare(
                self._store,
                experiment=query.experiment,
                signal=query.signal,
                dataset_id=query.dataset_id,
                min_signals=query.min_signals,
                # which threshold stands for a run is never chosen by the confirming part
                sort=query.sort if query.sort in SORTS else "statistic",
                best_per_run=True,
            )
            named = ("run_id", "experiment", "signal", "dataset_id")
            known = self._store.runs((*named, "runtime_json")).select(*named, date=_DATE)
        rows = rows.join(known.select("run_id", "date"), on="run_id", maintain_order="left")
        for column, wanted in (("date", query.date), ("verdict", query.verdict)):
            if wanted is not None:
                rows = rows.filter(pl.col(column) == wanted)
        aliases = self._aliases()
        if query.sort == "alias":
            served = [aliases.get(run_id) for run_id in rows["run_id"]]
            rows = rows.with_columns(pl.Series("alias", served, dtype=pl.String))
        rows = ordered(rows, query)
        return RunList(
            total=rows.height,
            first=query.first,
            runs=[_row(row, aliases) for row in rows.slice(query.first, query.top_n).iter_rows(named=True)],
            choices=RunChoices(
                **{
                    name: known[name].unique().sort().to_list()
                    for name in ("experiment", "signal", "dataset_id", "date")
                },
                sort=list(get_args(RunSort)),
            ),
        )

    def detail(self, run_id: str) -> RunDetail:
        """As `Experiments.detail`."""
        with self._reading():
            run = self._store.run(run_id)
            rows = compare(self._store, run_ids=[run_id], min_signals=0, retired=True)
            information = self._store.information([run_id]).sort(pl.col("part") != "choose", "horizon_ms")
            days = self._store.days([run_id])
        config = msgspec.json.decode(run.runtime_json)
        of_run = rows.sort("threshold")
        return RunDetail(
            run_id=run.run_id,
            experiment=run.experiment,
            dataset_id=run.dataset_id,
            date=str(config.get("dt", "")),
            signal=run.signal,
            params=msgspec.json.decode(run.params_json),
            eval=msgspec.json.decode(run.eval_json),
            cost=of_run["cost"][0],
            config=config,
            config_hash=run.config_hash,
            versions=msgspec.json.decode(run.versions_json),
            choose_first=run.choose_first,
            choose_end=run.choose_end,
            confirm_first=run.confirm_first,
            confirm_end=run.confirm_end,
            elapsed_s=run.elapsed_s,
            created_utc=run.created_utc,
            thresholds=[_threshold(row) for row in of_run.iter_rows(named=True)],
            information=[
                HorizonRow(**{name: row[name] for name in HorizonRow.__struct_fields__})
                for row in information.iter_rows(named=True)
            ],
            days=[_day(row) for row in days.iter_rows(named=True)],
            left_out=[DayLeftOut(date=day.date, reason=day.reason) for day in run.left_out],
            **_stream(run.run_id, self._aliases()),
        )

    def trades(self, run_id: str, query: TradeQuery) -> TradeList:
        """As `Experiments.trades`."""
        with self._reading():
            trades = self._trades.of(run_id, query.threshold, query.sort, down=query.order == "descending")
            run = self._store.run(run_id)
        wanted = trades.slice(query.first, query.count)
        datasets = [(day.start, day.dataset_id) for day in run.days] or [(0, run.dataset_id)]
        return TradeList(
            run_id=run_id,
            total=trades.height,
            first=query.first,
            trades=[_trade(row, datasets) for row in wanted.iter_rows(named=True)],
        )

    def equity(self, run_id: str, query: EquityQuery) -> Equity:
        """As `Experiments.equity`."""
        with self._reading():
            return self._trades.equity(run_id, query)

    def _aliases(self) -> Mapping[str, str]:
        """What is served; nothing when there is no registry yet: runs can be looked at before one is promoted."""
        try:
            return self._catalogue.aliases_by_run()
        except Refusal as refusal:
            if refusal.code != "unavailable":
                raise
            return {}

    @contextlib.contextmanager
    def _reading(self) -> Iterator[None]:
        with self._lock:
            try:
                yield
            except UnknownRunError as error:
                raise Refusal("unknown_run", "no finished run has this id") from error
            except ParameterError as error:
                raise Refusal("unknown_threshold", "the run has no such threshold: its detail lists them") from error
            except DatasetError as error:
                _logger.error("the dataset of a run cannot be read", exc_info=error)
                problem = "the dataset of the run cannot be read: `vp verify lake` says why"
                raise Refusal("unavailable", problem) from error
            except (ResultsError, OSError) as error:  # their texts hold paths of this machine
                _logger.error("the results store cannot be read", exc_info=error)
                problem = "the results store cannot be read: `vp verify lake` names what is damaged"
                raise Refusal("unavailable", problem) from error


def ordered(rows: pl.DataFrame, query: RunQuery) -> pl.DataFrame:
    """Runs, ranked already by one of `SORTS`, in the order that is asked for. Nulls come last in every order.

    >>> rows = pl.DataFrame({"run_id": ["b", "a", "c"], "signal": ["x", "z", None], "threshold": [1.0, 1.0, 2.0]})
    >>> ordered(rows, RunQuery(sort="signal", order="descending"))["run_id"].to_list()
    ['a', 'b', 'c']
    """
    ranked = query.sort in SORTS
    if ranked and query.order == "best":
        return rows
    words = rows.schema[query.sort] == pl.String
    descending = query.order == "descending" or (query.order == "best" and not words)
    column = pl.col(query.sort).abs() if query.sort == "ic" else pl.col(query.sort)
    return rows.sort([column, "run_id"], descending=[descending, False], nulls_last=True)


def _row(row: Mapping[str, Any], aliases: Mapping[str, str]) -> RunRow:
    return RunRow(
        run_id=row["run_id"],
        experiment=row["experiment"],
        dataset_id=row["dataset_id"],
        date=row["date"],
        signal=row["signal"],
        params=msgspec.json.decode(row["params_json"]),
        created_utc=row["created_utc"],
        **_figures(row),
        **_stream(row["run_id"], aliases),
    )


def _day(row: Mapping[str, Any]) -> DayFigures:
    named = ("threshold", "date", "dataset_id", "part")
    return DayFigures(**{name: row[name] for name in named}, figures=Measures(**{name: row[name] for name in _FIGURES}))


def _threshold(row: Mapping[str, Any]) -> ThresholdFigures:
    return ThresholdFigures(**_figures(row))


def _trade(row: Mapping[str, Any], datasets: Sequence[tuple[int, str]]) -> TradeRow:
    """`datasets` say where the bins of each day begin, ascending."""
    return TradeRow(
        threshold=row["threshold"],
        part=row["part"],
        side=row["side"],
        event_bin=row["event_bin"],
        event_ts_ns=row["event_ts_ns"],
        dataset_id=[dataset_id for start, dataset_id in datasets if start <= row["event_bin"]][-1],
        mid=_fill(row, "mid"),
        cross=_fill(row, "cross"),
        queue=_fill(row, "queue"),
    )


def _fill(row: Mapping[str, Any], model: str) -> TradeFill | None:
    if row[f"{model}_outcome"] is None:
        return None
    return TradeFill(**{name: row[f"{model}_{name}"] for name in TradeFill.__struct_fields__})


def _figures(row: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "threshold": row["threshold"],
        "choose": Measures(**{name: row[name] for name in _FIGURES}),
        "confirm": Measures(**{name: row[CONFIRM_PREFIX + name] for name in _FIGURES}),
        **{name: row[name] for name in _JUDGED},
    }


def _stream(run_id: str, aliases: Mapping[str, str]) -> dict[str, Any]:
    alias = aliases.get(run_id)
    query = None if alias is None else f"?serving={quote(alias, safe='')}"
    return {
        "can_stream": alias is not None,
        "alias": alias,
        "streaming_url": query and STREAM_PATH + query,
        "page_url": query and "/vacuum-pressure.html" + query,
    }
