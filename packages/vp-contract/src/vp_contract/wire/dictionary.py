"""What every column of a dataset means: unit and meaning, for people."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Final, NamedTuple

from vp_contract.wire.fields import BIN_FIELDS, Field, grid_columns


class Entry(NamedTuple):
    """A column of a data dictionary. `type` is its Arrow and numpy type."""

    name: str
    type: str
    unit: str
    meaning: str


_NS: Final = "ns since 1970-01-01 UTC"
_PRICE: Final = "1e-9 of the quote currency"
_QUANTITY: Final = "instrument units (contracts or shares)"

_BIN: Final[Mapping[str, tuple[str, str]]] = {
    "bin_seq": ("count", "Number of the bin, from 0; empty bins are counted."),
    "ts_ns": (_NS, "Time of the bin: its end."),
    "bin_start_ns": (_NS, "Start of the bin, inclusive."),
    "bin_end_ns": (_NS, "End of the bin, exclusive; all state is read there, at an event boundary."),
    "bin_event_count": ("count", "Events that began in the bin; an event is all records up to F_LAST."),
    "event_id": ("count", "Events since the start of the file, up to the bin's end."),
    "mid_price": ("quote currency", "Mean of best bid and best ask; 0 without a valid book."),
    "spot_ref_price_int": (_PRICE, "The mid rounded to the nearest cell, half up: the price of row k = 0."),
    "best_bid_price_int": (_PRICE, "Best bid; 0 if there is none."),
    "best_ask_price_int": (_PRICE, "Best ask; 0 if there is none."),
    "best_bid_size": (_QUANTITY, "Displayed quantity at the best bid."),
    "best_ask_size": (_QUANTITY, "Displayed quantity at the best ask."),
    "book_valid": ("flag", "Both sides are there, uncrossed, and the book is complete."),
    "trade_count": ("count", "Trade records of the bin."),
    "buy_volume": (_QUANTITY, "Traded quantity with a buying aggressor."),
    "sell_volume": (_QUANTITY, "Traded quantity with a selling aggressor."),
    "last_trade_price_int": (_PRICE, "Price of the last trade so far; 0 before the first."),
    "bid_high_price_int": (_PRICE, "Highest best bid at the valid event boundaries of the bin."),
    "bid_low_price_int": (_PRICE, "Lowest best bid at the valid event boundaries of the bin."),
    "ask_high_price_int": (_PRICE, "Highest best ask at the valid event boundaries of the bin."),
    "ask_low_price_int": (_PRICE, "Lowest best ask at the valid event boundaries of the bin."),
    "best_ask_move_ticks": ("ticks", "Change of the best ask since the bin before; 0 unless both are valid."),
    "best_bid_move_ticks": ("ticks", "Change of the best bid since the bin before; 0 unless both are valid."),
    "ask_reprice_sign": ("-1, 0, 1", "Sign of best_ask_move_ticks."),
    "bid_reprice_sign": ("-1, 0, 1", "Sign of best_bid_move_ticks."),
    "microstate_id": ("0 to 8", "(ask_reprice_sign + 1) * 3 + (bid_reprice_sign + 1)."),
    "chase_up_flag": ("flag", "Both sides moved up."),
    "chase_down_flag": ("flag", "Both sides moved down."),
}

_CELL: Final[Mapping[str, tuple[str, str]]] = {
    "k": ("cells", "Row: cells above spot (below it if negative)."),
    "pressure_variant": ("units per s", "c1 v_add + c2 max(v_rest_depth, 0) + c3 max(a_add, 0)."),
    "vacuum_variant": ("units per s", "c4 v_pull + c5 v_fill + c6 max(-v_rest_depth, 0) + c7 max(a_pull, 0)."),
    "add_mass": (_QUANTITY, "Added quantity, decaying with tau_rest_decay."),
    "pull_mass": (_QUANTITY, "Pulled (cancelled) quantity, decaying with tau_rest_decay."),
    "fill_mass": (_QUANTITY, "Filled quantity, decaying with tau_rest_decay."),
    "rest_depth": (_QUANTITY, "Displayed quantity of both sides."),
    "bid_depth": (_QUANTITY, "Displayed quantity of bids."),
    "ask_depth": (_QUANTITY, "Displayed quantity of asks."),
    "last_event_id": ("count", "The last event that touched the cell; 0 if none did."),
    "composite": ("-1 to 1", "(pressure - vacuum) / (|pressure| + |vacuum| + 1e-12)."),
    "composite_d1": ("per s", "Change of the rolled composite."),
    "composite_d2": ("per s^2", "Change of composite_d1."),
    "composite_d3": ("per s^3", "Change of composite_d2."),
    "flow_score": ("-1 to 1", "Blend of the robust z-scores of the three changes through tanh."),
    "flow_state_code": ("-1, 0, 1", "flow_score at or beyond the neutral threshold, either way."),
    "state5_code": ("-2 to 2", "Bull vacuum +2, bull pressure +1, mixed 0, bear pressure -1, bear vacuum -2."),
}

_ORDERS: Final = {
    "v": ("units per s", "Velocity: rate, smoothed with tau_velocity"),
    "a": ("units per s^2", "Acceleration: change of the velocity, smoothed with tau_acceleration"),
    "j": ("units per s^3", "Jerk: change of the acceleration, smoothed with tau_jerk"),
}
_CHANNELS: Final = {
    "add": "added quantity",
    "pull": "pulled quantity",
    "fill": "filled quantity",
    "rest_depth": "the change of displayed depth, both sides",
    "bid_depth": "the change of displayed bid depth",
    "ask_depth": "the change of displayed ask depth",
}


def bin_dictionary() -> tuple[Entry, ...]:
    """The columns of `bins.parquet`, in order."""
    return tuple(Entry(field.name, field.type, *_BIN[field.name]) for field in BIN_FIELDS)


def grid_dictionary(horizons_ms: Iterable[int]) -> tuple[Entry, ...]:
    """The columns of a cell, on the wire and in `grid_clean.parquet` (which has `bin_seq` before them), in order."""
    return tuple(_grid_entries(grid_columns(horizons_ms)))


def _grid_entries(fields: Iterable[Field]) -> Iterator[Entry]:
    for field in fields:
        order, _, channel = field.name.partition("_")
        if order == "proj":
            unit, meaning = "-1 to 1", f"flow_score projected {channel} ms ahead."
        elif order in _ORDERS and channel in _CHANNELS:
            unit, said = _ORDERS[order]
            meaning = f"{said}, of {_CHANNELS[channel]}."
        else:
            unit, meaning = _CELL[field.name]
        yield Entry(field.name, field.type, unit, meaning)
