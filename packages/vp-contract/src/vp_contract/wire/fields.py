"""The columns of a bin and of its cells: names and types, stated once for messages, Arrow and Parquet.

Names and meanings are those of book-physics (section 6) and spectrum (sections 1 and 2).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, Literal, NamedTuple, TypeAlias

ColumnType: TypeAlias = Literal["bool", "int8", "int32", "int64", "float64"]


class Field(NamedTuple):
    """A column. `type` is both its numpy and its Arrow name; `text` means a decimal string in JSON.

    JSON readers keep integers exactly only to 2^53, which times in ns and prices in 1e-9 exceed.
    """

    name: str
    type: ColumnType
    text: bool = False


BIN_FIELDS: Final = (
    Field("bin_seq", "int64"),
    Field("ts_ns", "int64", text=True),
    Field("bin_start_ns", "int64", text=True),
    Field("bin_end_ns", "int64", text=True),
    Field("bin_event_count", "int64"),
    Field("event_id", "int64"),
    Field("mid_price", "float64"),
    Field("spot_ref_price_int", "int64", text=True),
    Field("best_bid_price_int", "int64", text=True),
    Field("best_ask_price_int", "int64", text=True),
    Field("best_bid_size", "int64"),
    Field("best_ask_size", "int64"),
    Field("book_valid", "bool"),
    Field("trade_count", "int64"),
    Field("buy_volume", "int64"),
    Field("sell_volume", "int64"),
    Field("last_trade_price_int", "int64", text=True),
    Field("bid_high_price_int", "int64", text=True),
    Field("bid_low_price_int", "int64", text=True),
    Field("ask_high_price_int", "int64", text=True),
    Field("ask_low_price_int", "int64", text=True),
    Field("best_ask_move_ticks", "int64"),
    Field("best_bid_move_ticks", "int64"),
    Field("ask_reprice_sign", "int8"),
    Field("bid_reprice_sign", "int8"),
    Field("microstate_id", "int8"),
    Field("chase_up_flag", "bool"),
    Field("chase_down_flag", "bool"),
)
"""Per-bin scalars, in order."""

_CHANNELS: Final = ("add", "pull", "fill", "rest_depth", "bid_depth", "ask_depth")

CELL_FIELDS: Final = (
    Field("k", "int32"),
    Field("pressure_variant", "float64"),
    Field("vacuum_variant", "float64"),
    Field("add_mass", "float64"),
    Field("pull_mass", "float64"),
    Field("fill_mass", "float64"),
    Field("rest_depth", "int64"),
    Field("bid_depth", "int64"),
    Field("ask_depth", "int64"),
    *(Field(f"{order}_{channel}", "float64") for order in "vaj" for channel in _CHANNELS),
    Field("last_event_id", "int64"),
)
"""Book and physics columns of a cell, in order."""

SCORE_FIELDS: Final = (
    Field("composite", "float64"),
    Field("composite_d1", "float64"),
    Field("composite_d2", "float64"),
    Field("composite_d3", "float64"),
    Field("flow_score", "float64"),
    Field("flow_state_code", "int8"),
    Field("state5_code", "int8"),
)
"""Spectrum columns of a cell, in order."""


def projection_fields(horizons_ms: Iterable[int]) -> tuple[Field, ...]:
    """One projected score `proj_<ms>` per horizon."""
    return tuple(Field(f"proj_{horizon}", "float64") for horizon in horizons_ms)


def grid_columns(horizons_ms: Iterable[int]) -> tuple[Field, ...]:
    """All columns of a cell on the wire and in a dataset, in order."""
    return (*CELL_FIELDS, *SCORE_FIELDS, *projection_fields(horizons_ms))
