"""What was researched, for whoever looks for something to stream: runs, their figures, and which alias serves them."""

from __future__ import annotations

import contextlib
import logging
import threading
from collections.abc import Iterator, Mapping
from typing import Any, Protocol
from urllib.parse import quote

import msgspec
import polars as pl

from vp_contract import STREAM_PATH
from vp_harness import CONFIRM_PREFIX, SORTS, Metrics, ResultsStore, compare
from vp_harness.errors import DatasetError, ParameterError, ResultsError, UnknownRunError
from vp_stream.errors import Refusal
from vp_stream.http.answers import (
    RunChoices,
    RunDetail,
    RunList,
    RunQuery,
    RunRow,
    ThresholdFigures,
    TradeFill,
    TradeList,
    TradeQuery,
    TradeRow,
)
from vp_stream.servings.catalogue import Catalogue

_logger = logging.getLogger(__name__)

_FIGURES = Metrics.__struct_fields__
_JUDGED = (
    "verdict",
    "doubt",
    "p_corrected",
    "p_error",
    "n_trials",
    "confirmed_low",
    "confirmed_high",
    "n_looks",
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


class StoredExperiments:
    """The runs of a results store. Safe across threads; parts of the store are read once, as they never change."""

    def __init__(self, store: ResultsStore, catalogue: Catalogue) -> None:
        self._store = store
        self._catalogue = catalogue
        self._lock = threading.Lock()

    def runs(self, query: RunQuery) -> RunList:
        """As `Experiments.runs`."""
        with self._reading():
            rows = compare(
                self._store,
                signal=query.signal,
                dataset_id=query.dataset_id,
                min_signals=query.min_signals,
                sort=query.sort,
                best_per_run=True,
                top_n=query.top_n,
            )
            known = self._store.runs().select("signal", "dataset_id").unique()
        aliases = self._aliases()
        return RunList(
            runs=[_row(row, aliases) for row in rows.iter_rows(named=True)],
            choices=RunChoices(
                signal=sorted(known["signal"].unique()),
                dataset_id=sorted(known["dataset_id"].unique()),
                sort=list(SORTS),
            ),
        )

    def detail(self, run_id: str) -> RunDetail:
        """As `Experiments.detail`."""
        with self._reading():
            run = self._store.run(run_id)
            rows = compare(
                self._store, experiment=run.experiment, dataset_id=run.dataset_id, signal=run.signal, min_signals=0
            )
        mine = rows.filter(pl.col("run_id") == run_id).sort("threshold")
        return RunDetail(
            run_id=run.run_id,
            experiment=run.experiment,
            dataset_id=run.dataset_id,
            signal=run.signal,
            params=msgspec.json.decode(run.params_json),
            eval=msgspec.json.decode(run.eval_json),
            config=msgspec.json.decode(run.runtime_json),
            config_hash=run.config_hash,
            versions=msgspec.json.decode(run.versions_json),
            choose_first=run.choose_first,
            choose_end=run.choose_end,
            confirm_first=run.confirm_first,
            confirm_end=run.confirm_end,
            elapsed_s=run.elapsed_s,
            created_utc=run.created_utc,
            thresholds=[_threshold(row) for row in mine.iter_rows(named=True)],
            **_stream(run.run_id, self._aliases()),
        )

    def trades(self, run_id: str, query: TradeQuery) -> TradeList:
        """As `Experiments.trades`."""
        with self._reading():
            trades = self._store.trades(run_id, query.threshold)
        wanted = trades.slice(query.first, query.count)
        return TradeList(
            run_id=run_id,
            total=trades.height,
            first=query.first,
            trades=[_trade(row) for row in wanted.iter_rows(named=True)],
        )

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


def _row(row: Mapping[str, Any], aliases: Mapping[str, str]) -> RunRow:
    return RunRow(
        run_id=row["run_id"],
        experiment=row["experiment"],
        dataset_id=row["dataset_id"],
        signal=row["signal"],
        params=msgspec.json.decode(row["params_json"]),
        created_utc=row["created_utc"],
        **_figures(row),
        **_stream(row["run_id"], aliases),
    )


def _threshold(row: Mapping[str, Any]) -> ThresholdFigures:
    return ThresholdFigures(**_figures(row))


def _trade(row: Mapping[str, Any]) -> TradeRow:
    return TradeRow(
        threshold=row["threshold"],
        part=row["part"],
        side=row["side"],
        event_bin=row["event_bin"],
        event_ts_ns=row["event_ts_ns"],
        mid=_fill(row, "mid"),
        cross=_fill(row, "cross"),
    )


def _fill(row: Mapping[str, Any], model: str) -> TradeFill | None:
    if row[f"{model}_outcome"] is None:
        return None
    return TradeFill(**{name: row[f"{model}_{name}"] for name in TradeFill.__struct_fields__})


def _figures(row: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "threshold": row["threshold"],
        "choose": Metrics(**{name: row[name] for name in _FIGURES}),
        "confirm": Metrics(**{name: row[CONFIRM_PREFIX + name] for name in _FIGURES}),
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
