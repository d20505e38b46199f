"""The scalars of a bin as members of `grid_update`.

Generated from `vp_contract.wire.columns` by `python -m vp_contract bin-fields`; edits are lost.
"""

from __future__ import annotations

from msgspec import Struct

from vp_contract.wire.numbers import Int64Text, WireCount, WireInt


class BinFields(Struct, frozen=True, kw_only=True):
    """Members in the order of `BIN_COLUMNS`, where their units and meanings are."""

    bin_seq: WireCount
    ts_ns: Int64Text
    bin_start_ns: Int64Text
    bin_end_ns: Int64Text
    bin_event_count: WireCount
    event_id: WireCount
    mid_price: float
    spot_ref_price_int: Int64Text
    best_bid_price_int: Int64Text
    best_ask_price_int: Int64Text
    best_bid_size: WireCount
    best_ask_size: WireCount
    book_valid: bool
    trade_count: WireCount
    buy_volume: WireCount
    sell_volume: WireCount
    last_trade_price_int: Int64Text
    bid_high_price_int: Int64Text
    bid_low_price_int: Int64Text
    ask_high_price_int: Int64Text
    ask_low_price_int: Int64Text
    best_ask_move_ticks: WireInt
    best_bid_move_ticks: WireInt
    ask_reprice_sign: int
    bid_reprice_sign: int
    microstate_id: int
    chase_up_flag: bool
    chase_down_flag: bool
    cum_buy_volume: WireCount = 0
    cum_sell_volume: WireCount = 0
    vwap_price_int: Int64Text = "0"
