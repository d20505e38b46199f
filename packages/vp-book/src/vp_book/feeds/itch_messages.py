"""The messages of Nasdaq TotalView-ITCH 5.0: lengths, and where their fields lie.

Offsets count from the byte of the type. All numbers are big-endian. Every message begins with type (1 byte), stock
locate (2), tracking number (2) and nanoseconds since midnight in New York (6). In a file each message stands behind
its length (2 bytes); a length of zero ends the session.
"""

from __future__ import annotations

from typing import Final

import numpy as np

LENGTHS: Final = np.zeros(256, np.uint8)
"""Length of each type that is read, 0 for those that are passed over by the length they come with."""
for _kind, _length in {
    "S": 12, "R": 39, "H": 25, "A": 36, "F": 40, "E": 31, "C": 36, "X": 23, "D": 19, "U": 35, "P": 44, "Q": 40, "B": 19,
}.items():  # fmt: skip
    LENGTHS[ord(_kind)] = _length
LENGTHS.flags.writeable = False

HEADER_BYTES: Final = 11
LONGEST: Final = 255
"""The longest message of a type that is passed over; anything longer is no ITCH."""
DAY_NS: Final = 86_400_000_000_000
PRICE_INT: Final = 100_000
"""`price_int` of 0.0001, the unit of ITCH prices."""

SYSTEM: Final = ord("S")
DIRECTORY: Final = ord("R")
TRADING_STATE: Final = ord("H")
ADD: Final = ord("A")
ADD_BY: Final = ord("F")
EXECUTED: Final = ord("E")
EXECUTED_AT: Final = ord("C")
REDUCED: Final = ord("X")
DELETED: Final = ord("D")
REPLACED: Final = ord("U")
HIDDEN_TRADE: Final = ord("P")
CROSS_TRADE: Final = ord("Q")
BROKEN_TRADE: Final = ord("B")

STOCK_AT: Final = 11  # of R and H
EVENT_AT: Final = 11  # of S
STATE_AT: Final = 19  # of H
ORDER_AT: Final = 11
SIDE_AT: Final = 19  # of A, F
ADD_SHARES_AT: Final = 20  # of A, F and P
ADD_PRICE_AT: Final = 32  # of A, F and P
DONE_SHARES_AT: Final = 19  # of E, C and X
PRINTABLE_AT: Final = 31  # of C
EXECUTED_PRICE_AT: Final = 32  # of C
NEW_ORDER_AT: Final = 19  # of U
NEW_SHARES_AT: Final = 27
NEW_PRICE_AT: Final = 31
CROSS_SHARES_AT: Final = 11  # of Q, 8 bytes
CROSS_PRICE_AT: Final = 27

END_OF_MESSAGES: Final = ord("C")
TRADING: Final = ord("T")
BUY: Final = ord("B")
SELL: Final = ord("S")
NOT_PRINTABLE: Final = ord("N")
