"""The MBO record as bytes: its dtype, its flags and its actions, as DBN lays them out."""

from __future__ import annotations

from typing import Final

import numpy as np

MBO_DTYPE: Final = np.dtype(
    [
        ("length", "u1"),
        ("rtype", "u1"),
        ("publisher_id", "<u2"),
        ("instrument_id", "<u4"),
        ("ts_event", "<u8"),
        ("order_id", "<u8"),
        ("price", "<i8"),
        ("size", "<u4"),
        ("flags", "u1"),
        ("channel_id", "u1"),
        ("action", "S1"),
        ("side", "S1"),
        ("ts_recv", "<u8"),
        ("ts_in_delta", "<i4"),
        ("sequence", "<u4"),
    ]
)
"""One market-by-order record, 56 bytes, naturally aligned."""

KERNEL_DTYPE: Final = np.dtype(
    [(name, "u1" if name in ("action", "side") else MBO_DTYPE.fields[name][0]) for name in MBO_DTYPE.names]  # type: ignore[index, union-attr]
)
"""The same bytes with action and side as integers, which is what compiled code compares."""

NS_PER_S: Final = 1_000_000_000
"""Times are int64 ns since 1970-01-01 UTC."""

MBO_BYTES: Final = MBO_DTYPE.itemsize
MBO_WORDS: Final = MBO_BYTES // 4
"""The `length` byte of a plain MBO record: DBN counts in 4-byte words."""

RTYPE_MBO: Final = 160

F_LAST: Final = 128
"""Last record of the event for this instrument."""
F_TOB: Final = 64
"""Top-of-book record: an add replaces its whole side."""
F_SNAPSHOT: Final = 32
"""Part of a snapshot or replay of state, not flow."""
F_MBP: Final = 16
"""Aggregated price level rather than an order."""
F_BAD_TS_RECV: Final = 8
"""The receive time is known to be inexact."""
F_MAYBE_BAD_BOOK: Final = 4
"""A gap was found in the channel: the book may be wrong until it is rebuilt."""

UNDEF_PRICE: Final = 2**63 - 1
UNDEF_TIMESTAMP: Final = 2**64 - 1

ACTION_ADD: Final = ord("A")
ACTION_CANCEL: Final = ord("C")
ACTION_MODIFY: Final = ord("M")
ACTION_CLEAR: Final = ord("R")
ACTION_TRADE: Final = ord("T")
ACTION_FILL: Final = ord("F")
ACTION_NONE: Final = ord("N")

SIDE_BID: Final = ord("B")
SIDE_ASK: Final = ord("A")
SIDE_NONE: Final = ord("N")
