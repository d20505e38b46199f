"""The seam between two files of a session: the snapshot at the head of the next one, compared with the book."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from vp_book.book.engine import BookEngine
from vp_book.book.orders import O_ID, O_SIZE, O_TICK
from vp_book.records import ACTION_CLEAR, F_BAD_TS_RECV, F_SNAPSHOT, SIDE_NONE, UNDEF_PRICE

_CLEAR = bytes([ACTION_CLEAR])


class Seam(NamedTuple):
    """What the snapshot at `ts_ns` showed, in orders.

    `orders` is the number of its own. Of these the book had `different` ones with another size or price, and did not
    have the `extra` ones. `missing` are those of the book that the snapshot did not have.
    """

    ts_ns: int
    orders: int
    missing: int
    extra: int
    different: int

    @property
    def agrees(self) -> bool:
        """Whether the snapshot and the book are the same orders."""
        return not (self.missing or self.extra or self.different)


def head_snapshot(records: np.ndarray, begun: bool) -> int:
    """How many leading records belong to one snapshot; `begun`: it began in the records before."""
    flagged = (records["flags"] & F_SNAPSHOT) != 0
    n = len(records) if flagged.all() else int(np.argmin(flagged))
    clears = np.flatnonzero(records["action"][:n] == _CLEAR)
    clears = clears if begun else clears[clears > 0]
    return int(clears[0]) if len(clears) else n


def compare(engine: BookEngine, snapshot: np.ndarray) -> Seam:
    """Compare the records of a snapshot with an engine's resting orders: by id, side, price and displayed size."""
    other = BookEngine(engine.instrument, n_absolute_ticks=64, edge_margin_ticks=1)  # for its orders alone
    other.apply(snapshot)
    book, shown = _resting(engine), _resting(other)
    _, in_book, in_snapshot = np.intersect1d(book[:, 0], shown[:, 0], assume_unique=True, return_indices=True)
    return Seam(
        ts_ns=int(snapshot["ts_recv"][0]),
        orders=len(shown),
        missing=len(book) - len(in_book),
        extra=len(shown) - len(in_snapshot),
        different=int(np.count_nonzero((book[in_book] != shown[in_snapshot]).any(axis=1))),
    )


def as_state(snapshot: np.ndarray) -> np.ndarray:
    """The records that make a book what a snapshot shows, whatever it was before: a clear goes first."""
    if snapshot["action"][0] == _CLEAR:
        return snapshot
    clear = snapshot[:1].copy()
    clear["action"], clear["side"] = _CLEAR, bytes([SIDE_NONE])
    clear["order_id"], clear["size"], clear["price"] = 0, 0, UNDEF_PRICE
    clear["flags"] &= F_SNAPSHOT | F_BAD_TS_RECV
    return np.concatenate([clear, snapshot])


def _resting(engine: BookEngine) -> np.ndarray:
    """(id, price tick, size, negative for an ask) of every resting order."""
    orders = engine.arrays.orders
    rows: np.ndarray = orders[orders[:, O_SIZE] != 0][:, [O_ID, O_TICK, O_SIZE]]
    return rows
