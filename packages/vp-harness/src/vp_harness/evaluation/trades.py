"""The trades of a row, one by one: what its figures are the means of."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from vp_contract import EvalSpec
from vp_harness.evaluation.events import Events
from vp_harness.evaluation.outcomes import (
    NOT_OPENED,
    STOP,
    TAKE_PROFIT,
    TIMEOUT,
    ExitRule,
    Fills,
    OutcomeTable,
    Prices,
    exit_rule,
    opened,
    outcome_table,
)

OUTCOMES: Final[Mapping[int, str]] = {TAKE_PROFIT: "take_profit", STOP: "stop", TIMEOUT: "timeout"}
"""Words of the outcomes of a trade."""

MODELS: Final = ("mid", "cross")
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

_PRICE_UNIT: Final = 1e-9
"""Of a price_int, in the quote currency."""


def trades_of(
    rows: pl.DataFrame, parts: Mapping[str, tuple[int, int]], evaluation: EvalSpec, bins: pl.DataFrame, tick_int: int
) -> pl.DataFrame:
    """The trades of stored rows (threshold, event_bins, event_directions), in order of threshold and time.

    `parts` are bin ranges by name, ends exclusive, such as {"choose": (300, 11000), "confirm": (12200, 18000)}; events
    outside of them (in the embargo) are no trades. `bins` is the per-bin table of the dataset, `tick_int` its price
    tick in price_int. The events that open a position are those that the figures of the rows count.

    A trade has `threshold`, `part`, `side` (buy, sell) and the bin whose close decided it: `event_bin` and its end
    `event_ts_ns` (ns since the epoch, UTC). For each fill model it has `outcome` (take_profit, stop, timeout), bin,
    time and price of entry and exit, and `pnl_ticks` after costs. Prices are in the quote currency; those of `mid` are
    no quotes that one could trade at. A model under which the order found no valid book to trade in has nulls.
    """
    prices = Prices.from_bins(bins, tick_int)
    rule = exit_rule(evaluation)
    table = outcome_table(prices, rule)
    times = bins["ts_ns"].to_numpy()
    frames = [pl.DataFrame(schema=SCHEMA)]
    for threshold, bins_of_row, directions in rows.select("threshold", "event_bins", "event_directions").iter_rows():
        fired = Events(np.array(bins_of_row, np.int64), np.array(directions, np.int8))
        for part, (first, end) in parts.items():
            events = opened(fired.between(first, end), table, allow_overlap=evaluation.allow_overlap)
            frame = pl.DataFrame(
                {
                    "side": np.where(events.directions > 0, "buy", "sell").tolist(),
                    "event_bin": events.bins,
                    "event_ts_ns": times[events.bins],
                    **_model_columns("mid", events, table, prices, times),
                    **_model_columns("cross", events, table, prices, times),
                },
                schema={name: kind for name, kind in SCHEMA.items() if name not in ("threshold", "part")},
            )
            frames.append(
                frame.select(pl.lit(threshold, pl.Float64()).alias("threshold"), pl.lit(part).alias("part"), pl.all())
            )
    return pl.concat(frames)


def _model_columns(
    model: str, events: Events, table: OutcomeTable, prices: Prices, times: NDArray[np.int64]
) -> dict[str, pl.Series]:
    fills: Fills = table.mid if model == "mid" else table.cross
    row = (events.directions < 0).astype(np.int64)
    outcome = fills.outcome[row, events.bins]
    traded = outcome != NOT_OPENED
    entry = events.bins if model == "mid" else _first_valid(prices.valid, events.bins + table.rule.latency_bins)
    entry = np.where(traded, entry, 0)  # an order without a trade may be beyond the last bin
    leave = fills.exit_bin[row, events.bins]
    pnl = fills.pnl_ticks[row, events.bins]
    sign = events.directions.astype(np.int64)
    bid, ask = prices.quotes[0, entry], prices.quotes[1, entry]
    half = bid + ask if model == "mid" else 2 * np.where(sign > 0, ask, bid)
    moved = pnl + (_cost(model, table.rule))
    exit_half = half + sign * np.round(moved * 2 * prices.tick_int).astype(np.int64)
    values = {
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


def _cost(model: str, rule: ExitRule) -> float:
    """What a round trip has cost in the pnl of a model, in ticks."""
    return rule.cost_ticks if model == "cross" else 0.0


def _first_valid(valid: NDArray[np.bool_], bins: NDArray[np.int64]) -> NDArray[np.int64]:
    """The first bin with a valid book at or after each of `bins`; beyond the last one where there is none."""
    there = np.append(np.flatnonzero(valid), len(valid))
    return there[np.minimum(np.searchsorted(there, bins), len(there) - 1)]
