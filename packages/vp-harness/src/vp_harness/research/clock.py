"""What a row would have been had its bins been cut by the venue's clock instead of that of the capture."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import msgspec
import numpy as np
import polars as pl
from numpy.typing import NDArray

from vp_book.queue import QueueFollower
from vp_contract import BIN_COLUMNS, EvalSpec, RuntimeConfig
from vp_harness import signals
from vp_harness.errors import CoverageError, ParameterError
from vp_harness.evaluation.evaluate import OutcomeTables, evaluate
from vp_harness.evaluation.measures import Measures
from vp_harness.execution.pipeline import scored_bins
from vp_harness.lake.anchors import check_runs
from vp_harness.lake.dataset import Dataset
from vp_harness.lake.paths import Lake, LakeLike, open_lake
from vp_harness.lake.sources import located
from vp_harness.passive.table import PassiveFills, fills_of, max_wait_bins
from vp_harness.research.records import CONFIRM_PREFIX, JudgedDay, Run
from vp_harness.research.results import ResultsStore
from vp_harness.signals import Signal, SignalContext
from vp_harness.signals.blocks import CarryingSignal
from vp_harness.signals.declared import SignalData
from vp_harness.signals.trust import compute


class ClockDay(msgspec.Struct, frozen=True, kw_only=True):
    """One of several days under both clocks: see `ClockSensitivity`. Events are those of its bins, in both parts."""

    date: str
    bins: int
    bins_changed: int
    events: int
    events_same: int
    events_event: int


class ClockSensitivity(msgspec.Struct, frozen=True, kw_only=True):
    """A stored row beside the same row with bins cut on `ts_event`.

    `bins_changed` of `bins` close at another best bid or ask. `events` fired in the stored row, `events_same` of them
    in the same bin and direction under the other clock, under which `events_event` fire. A row on several days has its
    `days` one by one.
    """

    run_id: str
    threshold: float
    bins: int
    bins_changed: int
    events: int
    events_same: int
    events_event: int
    choose: Measures
    confirm: Measures
    choose_event: Measures
    confirm_event: Measures
    days: tuple[ClockDay, ...] = ()


def clock_sensitivity(run_id: str, threshold: float, lake_root: LakeLike | None = None) -> ClockSensitivity:
    """Replay the raw files of a row with `ts_event` as the clock, compute its signal and judge it as it was judged.

    Of several days each is cut anew, and they are judged together as the run was; a signal that carried what it had
    learned from day to day carries it under the other clock too. Nothing is stored, and it is no trial: nothing is
    chosen by it. Records of snapshots keep their time. Raises UnknownRunError, ParameterError for a threshold that the
    run has not, CoverageError for files that end before the last bin by the other clock, and what opening the datasets
    and their raw files raises when they are not those of the run.
    """
    lake = open_lake(lake_root)
    store = ResultsStore(lake)
    run = store.run(run_id)
    found = store.rows([run_id]).filter(pl.col("threshold") == threshold)
    if found.is_empty():
        raise ParameterError(f"threshold={threshold}: run {run_id} has none of it", argument="threshold")
    row = found.row(0, named=True)
    datasets = [Dataset.open(lake, one) for one in [day.dataset_id for day in run.days] or [run.dataset_id]]
    for dataset in datasets:
        check_runs(store, dataset)
    params: dict[str, Any] = msgspec.json.decode(run.params_json)
    signal = signals.create(run.signal, **params)
    cut: list[_CutDay] = []
    values = np.concatenate(list(_values(signal, _recut(datasets, lake, signal.required_columns, cut), run)))
    (judged,) = evaluate(
        values,
        signal,
        OutcomeTables(*cut),
        msgspec.json.decode(run.eval_json, type=EvalSpec),
        cell_width_ms=datasets[0].context.cell_width_ms,
        seed=run_id,
        thresholds=(threshold,),
    ).rows
    changed = [_changed(*both) for both in zip(datasets, cut, strict=True)]
    fired = set(zip(row["event_bins"], row["event_directions"], strict=True))
    fired_event = set(zip(judged.event_bins, judged.event_directions, strict=True))
    return ClockSensitivity(
        run_id=run_id,
        threshold=threshold,
        bins=sum(dataset.n_bins for dataset in datasets),
        bins_changed=sum(changed),
        events=len(fired),
        events_same=len(fired & fired_event),
        events_event=len(fired_event),
        choose=_measures(row, ""),
        confirm=_measures(row, CONFIRM_PREFIX),
        choose_event=judged.choose,
        confirm_event=judged.confirm,
        days=tuple(
            ClockDay(
                date=day.date,
                bins=day.end - day.start,
                bins_changed=bins_changed,
                events=_on_day(fired, day),
                events_same=_on_day(fired & fired_event, day),
                events_event=_on_day(fired_event, day),
            )
            for day, bins_changed in zip(run.days, changed, strict=bool(run.days))
        ),
    )


class _CutDay(NamedTuple):
    """What outcomes need of a day whose bins are cut by the other clock: see `evaluate.PricedBins`."""

    config: RuntimeConfig
    bins: pl.DataFrame
    has_fills: bool
    passive_fills: PassiveFills | None


class _Recut(NamedTuple):
    """What a signal reads of it: see `declared.GridSource`."""

    context: SignalContext
    n_bins: int
    bins: pl.DataFrame
    columns: Mapping[str, NDArray[Any]]

    def grid(self, column: str, /) -> NDArray[Any]:
        """One column, (n_bins, 2 * radius + 1)."""
        return self.columns[column]


def _values(signal: Signal, days: Iterator[_Recut], run: Run) -> Iterator[NDArray[np.float64]]:
    """The values of a signal on each day, as the run had them; a day is made when the one before it is done."""
    if run.carry and isinstance(signal, CarryingSignal):
        yield from signal.compute_days(days)
    else:
        for day in days:
            yield compute(signal, SignalData.of(day, signal.reads()))


def _recut(datasets: Sequence[Dataset], lake: Lake, columns: tuple[str, ...], cut: list[_CutDay]) -> Iterator[_Recut]:
    """The bins of each dataset by the other clock, in memory. Of each `cut` keeps the prices and the passive orders."""
    for dataset in datasets:
        files = located(dataset.sources, lake)
        width, n_bins = dataset.config.cell_width_ms, dataset.n_bins
        queue = QueueFollower(dataset.config.tick_int, max_wait_bins=max_wait_bins(width))
        fields: list[Mapping[str, Any]] = []
        grid: dict[str, NDArray[Any]] = {}
        for scored in scored_bins(dataset.config, files, queue=queue, clock="ts_event"):
            fields.append(scored.fields)
            for name in columns:
                column = scored.cells[name]
                if name not in grid:
                    grid[name] = np.zeros((n_bins, dataset.config.grid_rows), column.dtype)
                grid[name][len(fields) - 1] = column
            if len(fields) == n_bins:
                break
        if len(fields) < n_bins:
            raise CoverageError(
                f"dataset {dataset.dataset_id}: by ts_event its files end after {len(fields)} of {n_bins} bins; take a "
                "run on a capture that ends some seconds before its files do"
            )
        known = [column.name for column in BIN_COLUMNS if column.name in dataset.bins.columns]
        bins = pl.DataFrame({name: [of_bin[name] for of_bin in fields] for name in known})
        fills = fills_of(queue, bins, width) if dataset.has_fills else None
        cut.append(_CutDay(dataset.config, bins, dataset.has_fills, fills))
        yield _Recut(dataset.context, n_bins, bins, grid)


def _changed(dataset: Dataset, cut: _CutDay) -> int:
    """How many bins close at another best bid or ask."""
    quotes = [frame.select("best_bid_price_int", "best_ask_price_int").to_numpy() for frame in (dataset.bins, cut.bins)]
    return int((quotes[0] != quotes[1]).any(axis=1).sum())


def _on_day(events: Collection[tuple[int, int]], day: JudgedDay) -> int:
    """How many (bin, direction) are of a day."""
    return sum(day.start <= at < day.end for at, _ in events)


def _measures(row: dict[str, Any], prefix: str) -> Measures:
    return Measures(**{name: row[prefix + name] for name in Measures.__struct_fields__})
