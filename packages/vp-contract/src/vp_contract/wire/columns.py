"""The one table of columns: what a bin and its cells hold, with type, unit and meaning.

Everything that names columns is made from it: the Arrow schema of the grid, the members of `grid_update`, the Parquet
tables of a dataset, the data dictionary, `docs/columns.md`, and the page's types and readers (through the JSON Schema).
Names and meanings are those of book-physics (section 6) and spectrum (sections 1 and 2). A column is added by a row
here and by the code that fills it: `vp_book` for those of a bin and of the book, `vp_spectrum` for the scores.
CONTRIBUTING.md goes through it step by step.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, Literal, NamedTuple, TypeAlias

ColumnType: TypeAlias = Literal["bool", "int8", "int32", "int64", "float64", "string"]
JsonType: TypeAlias = Literal["flag", "code", "signed", "count", "text", "number", "word"]
Fold: TypeAlias = Literal["last", "first", "sum", "highest", "lowest"]

_JSON_OF_TYPE: Final[dict[ColumnType, JsonType]] = {
    "bool": "flag",
    "int8": "code",
    "int32": "signed",
    "int64": "count",
    "float64": "number",
    "string": "word",
}


class Column(NamedTuple):
    """A column. `type` is both its numpy and its Arrow name; a column never holds a null.

    `json` says how a member of `grid_update` is written where that is not what its type says. `text` is a decimal
    string: JSON readers keep integers exactly only to 2^53, which times in ns and prices in 1e-9 exceed. A `count` is
    never negative, a `signed` number may be. `since` is the contract version that added the column. `folds` says what
    the column is of several bins that are sent as one: its value in the last or the first of them, their sum, or the
    highest or lowest. Cells are summed by price. A bin in which all columns that fold to a highest or lowest value are
    0 has no quotes, and is left out of these.
    """

    name: str
    type: ColumnType
    unit: str
    meaning: str
    json: JsonType | None = None
    since: str = "1.0"
    folds: Fold = "last"

    @property
    def json_type(self) -> JsonType:
        """How the column stands in JSON."""
        return self.json or _JSON_OF_TYPE[self.type]


_NS: Final = "ns since 1970-01-01 UTC"
_PRICE: Final = "1e-9 of the quote currency"
_QUANTITY: Final = "instrument units (contracts or shares)"

BIN_COLUMNS: Final = (
    Column("bin_seq", "int64", "count", "Number of the bin, from 0; empty bins are counted."),
    Column("ts_ns", "int64", _NS, "Time of the bin: its end.", "text"),
    Column("bin_start_ns", "int64", _NS, "Start of the bin, inclusive.", "text", folds="first"),
    Column(
        "bin_end_ns", "int64", _NS, "End of the bin, exclusive; all state is read there, at an event boundary.", "text"
    ),
    Column(
        "bin_event_count",
        "int64",
        "count",
        "Events that began in the bin; an event is all records up to F_LAST.",
        folds="sum",
    ),
    Column("event_id", "int64", "count", "Events since the start of the file, up to the bin's end."),
    Column("mid_price", "float64", "quote currency", "Mean of best bid and best ask; 0 without a valid book."),
    Column(
        "spot_ref_price_int",
        "int64",
        _PRICE,
        "The mid rounded to the nearest cell, half up: the price of row k = 0.",
        "text",
    ),
    Column("best_bid_price_int", "int64", _PRICE, "Best bid; 0 if there is none.", "text"),
    Column("best_ask_price_int", "int64", _PRICE, "Best ask; 0 if there is none.", "text"),
    Column("best_bid_size", "int64", _QUANTITY, "Displayed quantity at the best bid."),
    Column("best_ask_size", "int64", _QUANTITY, "Displayed quantity at the best ask."),
    Column("book_valid", "bool", "flag", "Both sides are there, uncrossed, and the book is complete."),
    Column("trade_count", "int64", "count", "Trade records of the bin.", folds="sum"),
    Column("buy_volume", "int64", _QUANTITY, "Traded quantity with a buying aggressor.", folds="sum"),
    Column("sell_volume", "int64", _QUANTITY, "Traded quantity with a selling aggressor.", folds="sum"),
    Column("last_trade_price_int", "int64", _PRICE, "Price of the last trade so far; 0 before the first.", "text"),
    Column(
        "bid_high_price_int",
        "int64",
        _PRICE,
        "Highest best bid at the valid event boundaries of the bin.",
        "text",
        folds="highest",
    ),
    Column(
        "bid_low_price_int",
        "int64",
        _PRICE,
        "Lowest best bid at the valid event boundaries of the bin.",
        "text",
        folds="lowest",
    ),
    Column(
        "ask_high_price_int",
        "int64",
        _PRICE,
        "Highest best ask at the valid event boundaries of the bin.",
        "text",
        folds="highest",
    ),
    Column(
        "ask_low_price_int",
        "int64",
        _PRICE,
        "Lowest best ask at the valid event boundaries of the bin.",
        "text",
        folds="lowest",
    ),
    Column(
        "best_ask_move_ticks",
        "int64",
        "ticks",
        "Change of the best ask since the bin before; 0 unless both are valid.",
        "signed",
    ),
    Column(
        "best_bid_move_ticks",
        "int64",
        "ticks",
        "Change of the best bid since the bin before; 0 unless both are valid.",
        "signed",
    ),
    Column("ask_reprice_sign", "int8", "-1, 0, 1", "Sign of best_ask_move_ticks."),
    Column("bid_reprice_sign", "int8", "-1, 0, 1", "Sign of best_bid_move_ticks."),
    Column("microstate_id", "int8", "0 to 8", "(ask_reprice_sign + 1) * 3 + (bid_reprice_sign + 1)."),
    Column("chase_up_flag", "bool", "flag", "Both sides moved up."),
    Column("chase_down_flag", "bool", "flag", "Both sides moved down."),
    Column(
        "cum_buy_volume",
        "int64",
        _QUANTITY,
        "Traded quantity with a buying aggressor since the first record of the session's files.",
        since="1.1",
    ),
    Column(
        "cum_sell_volume",
        "int64",
        _QUANTITY,
        "Traded quantity with a selling aggressor since the first record of the session's files.",
        since="1.1",
    ),
    Column(
        "vwap_price_int",
        "int64",
        _PRICE,
        "Mean price of all trades since the first record of the session's files, weighted by quantity and rounded half "
        "up; 0 before the first.",
        "text",
        since="1.1",
    ),
)
"""Scalars of a bin, in order: members of `grid_update`, columns of `bins.parquet`."""

MARKS: Final = "marks"
"""The member of `grid_update`, and the list column of `bins.parquet`, with the marks of a bin."""

MARK_COLUMNS: Final = (
    Column(
        "kind",
        "string",
        "word",
        "iceberg (a resting order was filled and shows more than the fills left), sweep (an aggressor traded at three "
        "prices or more in one event), large (a trade, or an order that comes to rest, of large_size or more), or pull "
        "(large_size or more withdrawn at once, at most 5 ticks from the best price of its side).",
        since="1.1",
    ),
    Column(
        "price_int", "int64", _PRICE, "Where it happened: of a sweep the last price it reached.", "text", since="1.1"
    ),
    Column(
        "size",
        "int64",
        _QUANTITY,
        "What an iceberg displays now, a sweep traded in all, a trade or an order has, or was withdrawn.",
        since="1.1",
    ),
    Column("side", "string", "word", "Whose: buy (bids and buying aggressors), sell, or none.", since="1.1"),
    Column(
        "detail",
        "int64",
        "by kind",
        "iceberg: what it has shown so far; sweep: at how many prices it traded; large: 0 a trade, 1 an order; pull: "
        "ticks from the best price.",
        since="1.1",
    ),
)
"""Members of a mark, in order."""

MARK_KINDS: Final = ("iceberg", "sweep", "large", "pull")
MARK_SIDES: Final = ("buy", "sell", "none")
"""What `kind` and `side` of a mark may be, in the order in which marks of equal size stand."""

MOST_MARKS: Final = 16
"""Marks of a bin, and of several as one."""

_ORDERS: Final = (
    ("v", "units per s", "Velocity: rate, smoothed with tau_velocity"),
    ("a", "units per s^2", "Acceleration: change of the velocity, smoothed with tau_acceleration"),
    ("j", "units per s^3", "Jerk: change of the acceleration, smoothed with tau_jerk"),
)
_CHANNELS: Final = (
    ("add", "added quantity"),
    ("pull", "pulled quantity"),
    ("fill", "filled quantity"),
    ("rest_depth", "the change of displayed depth, both sides"),
    ("bid_depth", "the change of displayed bid depth"),
    ("ask_depth", "the change of displayed ask depth"),
)

BOOK_COLUMNS: Final = (
    Column("k", "int32", "cells", "Row: cells above spot (below it if negative)."),
    Column("pressure_variant", "float64", "units per s", "c1 v_add + c2 max(v_rest_depth, 0) + c3 max(a_add, 0)."),
    Column(
        "vacuum_variant",
        "float64",
        "units per s",
        "c4 v_pull + c5 v_fill + c6 max(-v_rest_depth, 0) + c7 max(a_pull, 0).",
    ),
    Column("add_mass", "float64", _QUANTITY, "Added quantity, decaying with tau_rest_decay."),
    Column("pull_mass", "float64", _QUANTITY, "Pulled (cancelled) quantity, decaying with tau_rest_decay."),
    Column("fill_mass", "float64", _QUANTITY, "Filled quantity, decaying with tau_rest_decay."),
    Column("rest_depth", "int64", _QUANTITY, "Displayed quantity of both sides."),
    Column("bid_depth", "int64", _QUANTITY, "Displayed quantity of bids."),
    Column("ask_depth", "int64", _QUANTITY, "Displayed quantity of asks."),
    *(
        Column(f"{order}_{channel}", "float64", unit, f"{meaning}, of {of}.")
        for order, unit, meaning in _ORDERS
        for channel, of in _CHANNELS
    ),
    Column("last_event_id", "int64", "count", "The last event that touched the cell; 0 if none did."),
    Column("buy_volume", "int64", _QUANTITY, "Traded in the bin with a buying aggressor.", since="1.1", folds="sum"),
    Column("sell_volume", "int64", _QUANTITY, "Traded in the bin with a selling aggressor.", since="1.1", folds="sum"),
)
"""What the book says of a cell, in order."""

SCORE_COLUMNS: Final = (
    Column("composite", "float64", "-1 to 1", "(pressure - vacuum) / (|pressure| + |vacuum| + 1e-12)."),
    Column("composite_d1", "float64", "per s", "Change of the rolled composite."),
    Column("composite_d2", "float64", "per s^2", "Change of composite_d1."),
    Column("composite_d3", "float64", "per s^3", "Change of composite_d2."),
    Column("flow_score", "float64", "-1 to 1", "Blend of the robust z-scores of the three changes through tanh."),
    Column("flow_state_code", "int8", "-1, 0, 1", "flow_score at or beyond the neutral threshold, either way."),
    Column(
        "state5_code",
        "int8",
        "-2 to 2",
        "Bull vacuum +2, bull pressure +1, mixed 0, bear pressure -1, bear vacuum -2.",
    ),
)
"""What the spectrum says of a cell, in order."""


def projection_columns(horizons_ms: Iterable[int]) -> tuple[Column, ...]:
    """One projected score `proj_<ms>` per horizon."""
    return tuple(
        Column(f"proj_{horizon}", "float64", "-1 to 1", f"flow_score projected {horizon} ms ahead.")
        for horizon in horizons_ms
    )


def grid_columns(horizons_ms: Iterable[int]) -> tuple[Column, ...]:
    """All columns of a cell, on the wire and in `grid_clean.parquet` (which has `bin_seq` before them), in order."""
    return (*BOOK_COLUMNS, *SCORE_COLUMNS, *projection_columns(horizons_ms))


def folding(columns: Iterable[Column], fold: Fold) -> tuple[str, ...]:
    """The names of those columns that fold so, in order."""
    return tuple(column.name for column in columns if column.folds == fold)


LEVELS_MS: Final = (1_000, 10_000, 60_000, 300_000)
"""About how long several bins are that the page asks for as one, by how far time is zoomed out."""

MAX_HISTORY_STEP: Final = 36_000
"""Bins that a `history` may ask for as one."""


def levels_of(bin_ms: int) -> tuple[int, ...]:
    """How many bins that is at each level, the finest first: 1, then those of `LEVELS_MS` that are more than the last
    and that can be asked for.

    >>> levels_of(100)
    (1, 10, 100, 600, 3000)
    >>> levels_of(2)
    (1, 500, 5000, 30000)
    """
    levels = [1]
    for level_ms in LEVELS_MS:
        every = (2 * level_ms + bin_ms) // (2 * bin_ms)  # rounded, halves up
        if levels[-1] < every <= MAX_HISTORY_STEP:
            levels.append(every)
    return tuple(levels)
