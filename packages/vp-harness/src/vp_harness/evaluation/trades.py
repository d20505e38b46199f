"""The trades of a row, one by one: what its figures are the means of."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from vp_book.instrument import PRICE_SCALE
from vp_contract import EvalSpec, FillModel
from vp_harness.evaluation.events import Events
from vp_harness.evaluation.leaving import NOT_OPENED, STOP, TAKE_PROFIT, TIMEOUT
from vp_harness.evaluation.outcomes import (
    ExitRule,
    OutcomeTable,
    Prices,
    exit_rule,
    opened,
    outcome_table,
)
from vp_harness.passive.table import PassiveFills

OUTCOMES: Final[Mapping[int, str]] = {TAKE_PROFIT: "take_profit", STOP: "stop", TIMEOUT: "timeout"}
"""Words of the outcomes of a trade."""

MODELS: Final[tuple[FillModel, ...]] = ("mid", "cross", "queue")
"""Fill models that a trade has columns of."""

_OF_A_MODEL: Final = {
    "outcome": pl.String(),
    "entry_bin": pl.Int64(),
    "entry_ts_ns": pl.Int64(),
    "entry_price": pl.Float64(),
    "exit_bin": pl.Int64(),
    "exit_ts_ns": pl.Int64(),
    "exit_price": pl.Float64(),
    "pnl_ticks": pl.Float64(),
}
SCHEMA: Final[Mapping[str, pl.DataType]] = {
    "threshold": pl.Float64(),
    "part": pl.String(),
    "side": pl.String(),
    "event_bin": pl.Int64(),
    "event_ts_ns": pl.Int64(),
    **{f"{model}_{name}": kind for model in MODELS for name, kind in _OF_A_MODEL.items()},
}
"""Columns of `trades_of`."""

_PRICE_UNIT: Final = 1 / PRICE_SCALE
"""Of a price_int, in the quote currency."""


def trades_of(
    rows: pl.DataFrame,
    parts: Mapping[str, tuple[int, int]],
    evaluation: EvalSpec,
    bins: pl.DataFrame,
    tick_int: int,
    passive: PassiveFills | None = None,
) -> pl.DataFrame:
    """The trades of stored rows (threshold, event_bins, event_directions), in order of threshold and time.

    `parts` are bin ranges by name, ends exclusive, such as {"choose": (300, 11000), "confirm": (12200, 18000)}; events
    outside of them (in the embargo) are no trades. `bins` is the per-bin table of the dataset, `tick_int` its price
    tick in price_int, `passive` what became of passive orders, if the dataset says so. The events that open a position
    are those that the figures of the rows count.

    A trade has `threshold`, `part`, `side` (buy, sell) and the bin whose close decided it: `event_bin` and its end
    `event_ts_ns` (ns since the epoch, UTC). For each fill model it has `outcome` (take_profit, stop, timeout), bin,
    time and price of entry and exit, and `pnl_ticks` after costs. Prices are in the quote currency; those of `mid` are
    no quotes that one could trade at. A model under which the order found no valid book to trade in has nulls, and so
    has `queue` where the passive order was not filled, or nothing is known of it.
    """
    prices = Prices.from_bins(bins, tick_int)
    rule = exit_rule(evaluation)
    table = outcome_table(prices, rule, passive)
    times = bins["ts_ns"].to_numpy()
    frames = [pl.DataFrame(schema=SCHEMA)]
    for threshold, bins_of_row, directions in rows.select("threshold", "event_bins", "event_directions").iter_rows():
        fired = Events(np.array(bins_of_row, np.int64), np.array(directions, np.int8))
        for part, (first, end) in parts.items():
            events = opened(
                fired.between(first, end), table, allow_overlap=evaluation.allow_overlap, model=evaluation.fill_model
            )
            of_models: dict[str, pl.Series] = {}
            for model in MODELS:
                of_models |= _model_columns(model, events, table, prices, times)
            frame = pl.DataFrame(
                {
                    "side": np.where(events.directions > 0, "buy", "sell").tolist(),
                    "event_bin": events.bins,
                    "event_ts_ns": times[events.bins],
                    **of_models,
                },
                schema={name: kind for name, kind in SCHEMA.items() if name not in ("threshold", "part")},
            )
            frames.append(
                frame.select(pl.lit(threshold, pl.Float64()).alias("threshold"), pl.lit(part).alias("part"), pl.all())
            )
    return pl.concat(frames)


def equity_of(trades: pl.DataFrame, model: str) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """When trades ended (int64 ns since the epoch, UTC, ascending) and the sum of their pnl so far (float64 ticks).

    `trades` are rows of `trades_of`; those without a fill under `model`, one of `MODELS`, are left out.

    >>> trades = pl.DataFrame({"mid_exit_ts_ns": [9, 3, None], "mid_pnl_ticks": [2.0, -1.0, None]})
    >>> [values.tolist() for values in equity_of(trades, "mid")]
    [[3, 9], [-1.0, 1.0]]
    """
    done = trades.filter(pl.col(f"{model}_pnl_ticks").is_not_null()).sort(f"{model}_exit_ts_ns", maintain_order=True)
    times = done[f"{model}_exit_ts_ns"].to_numpy().astype(np.int64)
    return times, np.cumsum(done[f"{model}_pnl_ticks"].to_numpy().astype(np.float64))


def _model_columns(
    model: FillModel, events: Events, table: OutcomeTable, prices: Prices, times: NDArray[np.int64]
) -> dict[str, pl.Series]:
    fills = table.fills.get(model)
    if fills is None:
        return {f"{model}_{name}": pl.Series([None] * len(events), dtype=kind) for name, kind in _OF_A_MODEL.items()}
    row = (events.directions < 0).astype(np.int64)
    outcome = fills.outcome[row, events.bins]
    traded = outcome != NOT_OPENED
    entry, half = _entries(model, events, table, prices, traded)
    leave = fills.exit_bin[row, events.bins]
    pnl = fills.pnl_ticks[row, events.bins]
    sign = events.directions.astype(np.int64)
    moved = pnl + (_cost(model, table.rule))
    exit_half = half + sign * np.round(moved * 2 * prices.tick_int).astype(np.int64)
    values: dict[str, Any] = {
        "outcome": [OUTCOMES.get(code) for code in outcome.tolist()],
        "entry_bin": entry,
        "entry_ts_ns": times[entry],
        "entry_price": half * (_PRICE_UNIT / 2),
        "exit_bin": leave,
        "exit_ts_ns": times[leave],
        "exit_price": exit_half * (_PRICE_UNIT / 2),
        "pnl_ticks": pnl,
    }
    known = pl.Series(traded)
    return {
        f"{model}_{name}": pl.Series(value, dtype=_OF_A_MODEL[name]).zip_with(
            known, pl.Series([None], dtype=_OF_A_MODEL[name])
        )
        for name, value in values.items()
    }


def _entries(
    model: FillModel, events: Events, table: OutcomeTable, prices: Prices, traded: NDArray[np.bool_]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The bin of each entry and twice its price; of what was not `traded` they mean nothing."""
    row = (events.directions < 0).astype(np.int64)
    if table.queue is not None and model == "queue":
        join = table.queue.join_bin[row, events.bins]
        return np.where(traded, table.queue.fill_bin[row, events.bins], 0), 2 * table.queue.passive.price_int[row, join]
    entry = events.bins if model == "mid" else _first_valid(prices.valid, events.bins + table.rule.latency_bins)
    entry = np.where(traded, entry, 0)  # an order without a trade may be beyond the last bin
    bid, ask = prices.quotes[0, entry], prices.quotes[1, entry]
    return entry, bid + ask if model == "mid" else 2 * np.where(row == 0, ask, bid)


def _cost(model: FillModel, rule: ExitRule) -> float:
    """What a round trip has cost in the pnl of a model, in ticks."""
    return 0.0 if model == "mid" else rule.cost_ticks


def _first_valid(valid: NDArray[np.bool_], bins: NDArray[np.int64]) -> NDArray[np.int64]:
    """The first bin with a valid book at or after each of `bins`; beyond the last one where there is none."""
    there = np.append(np.flatnonzero(valid), len(valid))
    return there[np.minimum(np.searchsorted(there, bins), len(there) - 1)]
