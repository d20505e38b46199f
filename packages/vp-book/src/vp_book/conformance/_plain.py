"""The plain part of the input: a small book, and what usually happens to it."""

from __future__ import annotations

import numpy as np

from vp_book.records import (
    ACTION_ADD,
    ACTION_CANCEL,
    ACTION_FILL,
    ACTION_MODIFY,
    ACTION_TRADE,
    F_LAST,
    F_SNAPSHOT,
    MBO_DTYPE,
)

_START_NS = 1_770_000_000_000_000_000
_LIVE = 600


def fixed_input() -> np.ndarray:
    """The fixed input: a 40-level book, then events that add, pull, trade and refresh around a fixed middle."""
    rows: list[tuple[int, int, int, int, int, int, int]] = []  # ts, id, price tick, size, flags, action, side
    ask, bid = ord("A"), ord("B")
    size_of: dict[int, int] = {}
    for level in range(20):
        for side, tick in ((bid, 1999 - level), (ask, 2001 + level)):
            rows.append((_START_NS, len(rows) + 1, tick, 5 + level, F_SNAPSHOT, ACTION_ADD, side))
            size_of[len(rows)] = 5 + level
    where = {row[1]: (row[2], row[6]) for row in rows}
    state = 12345
    ts = _START_NS
    for _ in range(_LIVE):
        state = (1103515245 * state + 12345) % 2**31
        draw = state >> 8
        ts += 1_000_000 + draw % 7_000_000
        known = 1 + draw % len(where)
        tick, side = where[known]
        kind = draw % 5
        if kind == 0 or size_of[known] == 0:
            side = bid if draw % 2 else ask
            tick = 2000 + (-1 - draw % 9 if side == bid else 1 + draw % 9)
            new = len(where) + 1
            where[new], size_of[new] = (tick, side), 1 + draw % 12
            rows.append((ts, new, tick, size_of[new], F_LAST, ACTION_ADD, side))
        elif kind == 1:
            taken = 1 + draw % size_of[known]
            size_of[known] -= taken
            rows.append((ts, known, tick, taken, F_LAST, ACTION_CANCEL, side))
        elif kind == 2:
            tick += -1 if side == bid else 1
            where[known], size_of[known] = (tick, side), 1 + draw % 15
            rows.append((ts, known, tick, size_of[known], F_LAST, ACTION_MODIFY, side))
        else:
            taken = 1 + draw % size_of[known]
            aggressor = ask if side == bid else bid
            rows.append((ts, 0, tick, taken, 0, ACTION_TRADE, aggressor))
            rows.append((ts + 1000, known, tick, taken, 0, ACTION_FILL, side))
            if kind == 3:
                size_of[known] -= taken
                rows.append((ts + 2000, known, tick, taken, F_LAST, ACTION_CANCEL, side))
            else:
                rows.append((ts + 2000, known, tick, size_of[known], F_LAST, ACTION_MODIFY, side))
    records = np.zeros(len(rows), MBO_DTYPE)
    table = np.array(rows, np.int64)
    records["length"] = 14
    records["rtype"] = 160
    records["ts_recv"] = records["ts_event"] = table[:, 0]
    records["order_id"] = table[:, 1]
    records["price"] = table[:, 2] * 250_000_000
    records["size"] = table[:, 3]
    records["flags"] = table[:, 4]
    records["action"] = table[:, 5].astype(np.uint8).view("S1")
    records["side"] = table[:, 6].astype(np.uint8).view("S1")
    return records
