"""Judging one signal on one dataset: every threshold under every evaluation, from values computed once."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256
from typing import Final, NamedTuple, Protocol

import numpy as np
import polars as pl
from numpy.typing import NDArray

from vp_contract import EvalSpec, RuntimeConfig
from vp_harness.cache import Cache
from vp_harness.evaluation.events import Events, detect_events
from vp_harness.evaluation.joining import joined_passive, joined_prices, joined_table
from vp_harness.evaluation.measures import Trades, measure
from vp_harness.evaluation.outcomes import ExitRule, Fills, OutcomeTable, Prices, exit_rule, opened, outcome_table
from vp_harness.evaluation.split import DayBins, TimeSplit, day_bins, days_split, windows
from vp_harness.passive.table import PassiveFills
from vp_harness.research.records import PARTS, DayRow, ThresholdRow
from vp_harness.signals import Signal

TABLE_BYTES: Final = 128 * 2**20
"""Outcome tables of one dataset that are kept: forty of an hour of 36,000 bins."""


class PricedBins(Protocol):
    """What outcomes are computed of: a dataset, or bins at hand."""

    @property
    def config(self) -> RuntimeConfig:
        """The resolved config."""
        ...

    @property
    def bins(self) -> pl.DataFrame:
        """The per-bin fields."""
        ...

    @property
    def has_fills(self) -> bool:
        """Whether it says what became of passive orders."""
        ...

    @property
    def passive_fills(self) -> PassiveFills | None:
        """That, where it does."""
        ...


class OutcomeTables:
    """The outcome tables of one dataset, or of several days that follow one another, each computed once as long as
    there are not too many. `day_ends` are the ends (exclusive) of the days in bins of all.
    """

    def __init__(self, *days: PricedBins) -> None:
        prices = [Prices.from_bins(day.bins, day.config.tick_int) for day in days]
        passive = [day.passive_fills if day.has_fills else None for day in days]
        self._days = list(zip(prices, passive, strict=True))
        known = [fills for fills in passive if fills is not None]
        self.prices = prices[0] if len(days) == 1 else joined_prices(prices)
        self.passive = None
        if len(known) == len(days):
            self.passive = known[0] if len(days) == 1 else joined_passive(known)
        self.day_ends: tuple[int, ...] = tuple(np.cumsum([len(day.valid) for day in prices]).tolist())
        self._tables: Cache[OutcomeTable] = Cache(TABLE_BYTES * len(days), lambda table: table.nbytes)

    def of(self, rule: ExitRule) -> OutcomeTable:
        """The table of one exit rule."""
        return self._tables.of(rule, lambda: self._compute(rule))

    def _compute(self, rule: ExitRule) -> OutcomeTable:
        tables = [outcome_table(prices, rule, passive) for prices, passive in self._days]
        return tables[0] if len(tables) == 1 else joined_table(tables)


class Evaluated(NamedTuple):
    """What `evaluate` found. `day_rows` is empty for one day."""

    split: TimeSplit
    rows: list[ThresholdRow]
    days: tuple[DayBins, ...]
    day_rows: list[DayRow]


def evaluate(
    values: NDArray[np.float64],
    signal: Signal,
    tables: OutcomeTables,
    evaluation: EvalSpec,
    *,
    cell_width_ms: int,
    seed: str,
    thresholds: tuple[float, ...] | None = None,
) -> Evaluated:
    """The split, and a row for each threshold of `signal`, whose `values` (n_bins) are at hand.

    `thresholds` replace the signal's own, which of several days are measured on the first. `seed` is any text; a row's
    bootstrap is seeded with it and the threshold. Of several days each row has a row a day too. Raises ExperimentError
    when the capture is too short for the split.
    """
    ends = tables.day_ends
    own, first_bin = signal.thresholds.resolve(values[: ends[0]], evaluation.warmup_bins)
    days = day_bins(ends, first_bin, evaluation.warmup_bins)
    split = days_split(days, evaluation)
    table = tables.of(exit_rule(evaluation))
    ranges_of = [windows(days, first, end) for first, end in split.parts]
    rows: list[ThresholdRow] = []
    day_rows: list[DayRow] = []
    for threshold in thresholds if thresholds is not None else own:
        events = _events(values, signal, tables, evaluation, threshold, days)
        digest = sha256(f"{seed} {threshold!r}".encode()).digest()

        seed_of_row = int.from_bytes(digest[:8], "little")
        opening = [
            opened(
                events.between(first, end), table, allow_overlap=evaluation.allow_overlap, model=evaluation.fill_model
            )
            for first, end in split.parts
        ]
        parts = [
            measure(
                of_part,
                table,
                n_bins=sum(stop - start for start, stop in ranges),
                cell_width_ms=cell_width_ms,
                seed=seed_of_row,
                day_ends=[stop for _, stop in ranges],
            )
            for of_part, ranges in zip(opening, ranges_of, strict=True)
        ]
        rows.append(
            ThresholdRow(
                threshold=threshold,
                choose=parts[0],
                confirm=parts[1],
                event_bins=events.bins.tolist(),
                event_directions=events.directions.tolist(),
            )
        )
        if len(days) == 1:
            continue
        for part, of_part, ranges in zip(PARTS, opening, ranges_of, strict=True):
            for first, end in ranges:
                of_day = of_part.between(first, end)
                day_rows.append(
                    DayRow(
                        threshold=threshold,
                        part=part,
                        day=_day_of(days, first),
                        figures=measure(
                            of_day, table, n_bins=end - first, cell_width_ms=cell_width_ms, seed=seed_of_row
                        ),
                        deviation_ticks=_deviation(of_day, table.of(evaluation.fill_model)),
                    )
                )
    return Evaluated(split, rows, days, day_rows)


def _events(
    values: NDArray[np.float64],
    signal: Signal,
    tables: OutcomeTables,
    evaluation: EvalSpec,
    threshold: float,
    days: Sequence[DayBins],
) -> Events:
    """The events of every day: state and cooldown of a day know nothing of the one before."""
    found = []
    for day in days:
        events = detect_events(
            values[day.start : day.end],
            tables.prices.valid[day.start : day.end],
            threshold=threshold,
            cooldown_bins=evaluation.cooldown_bins,
            first_bin=day.first - day.start,
            probability=signal.kind == "probability",
        )
        found.append(Events(events.bins + day.start, events.directions))
    if len(found) == 1:
        return found[0]
    return Events(
        np.concatenate([events.bins for events in found]), np.concatenate([events.directions for events in found])
    )


def _deviation(events: Events, fills: Fills) -> float | None:
    """Standard deviation of the pnl of the trades of some events, ticks; None of fewer than two."""
    pnl = Trades.of(events, fills).pnl_ticks
    return float(np.std(pnl, ddof=1)) if len(pnl) > 1 else None


def _day_of(days: Sequence[DayBins], bin_seq: int) -> int:
    """Which day a bin is of, from 0."""
    return next(i for i, day in enumerate(days) if bin_seq < day.end)
