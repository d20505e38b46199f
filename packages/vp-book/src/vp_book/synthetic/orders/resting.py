"""The orders that rest when a day's file ends, in order of priority: the snapshot at the head of the next one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from vp_book.records import (
    ACTION_ADD,
    ACTION_CANCEL,
    ACTION_CLEAR,
    ACTION_FILL,
    ACTION_MODIFY,
    F_LAST,
    MBO_DTYPE,
    SIDE_ASK,
    SIDE_BID,
    SIDE_NONE,
    UNDEF_PRICE,
)
from vp_book.synthetic.market.model import TICK_INT
from vp_book.synthetic.market.state import ASK, BID, NIL, Sim
from vp_book.synthetic.orders.emit import FLAGS_SNAPSHOT, FLAGS_SNAPSHOT_LAST

_SIDES: Final = {BID: SIDE_BID, ASK: SIDE_ASK}


@dataclass(slots=True)
class _Order:
    side: int
    price: int
    size: int
    ts_event: int  # of its latest change
    sequence: int


class RestingOrders:
    """A book with priority, kept record by record: slow, and only for the few around midnight."""

    def __init__(self) -> None:
        self._orders: dict[int, _Order] = {}
        self._queues: dict[tuple[int, int], dict[int, None]] = {}
        self._filled: dict[int, int] = {}
        self._sequence = 0

    def put(self, order_id: int, order: _Order) -> None:
        """A new order, at the back of its queue."""
        self._orders[order_id] = order
        self._queues.setdefault((order.side, order.price), {})[order_id] = None

    def apply(self, records: np.ndarray) -> None:
        """Records of `MBO_DTYPE`, as this market writes them."""
        names = ("action", "side", "order_id", "price", "size", "flags", "ts_event", "sequence")
        for action, side, order_id, price, size, flags, ts_event, sequence in records[list(names)].tolist():
            self._sequence = sequence
            kind = ord(action)
            if kind == ACTION_ADD:
                self.put(order_id, _Order(ord(side), price, size, ts_event, sequence))
            elif kind == ACTION_CANCEL:
                self._leave(order_id)
                del self._orders[order_id]
            elif kind == ACTION_MODIFY:
                self._modify(order_id, _Order(ord(side), price, size, ts_event, sequence))
            elif kind == ACTION_FILL:
                self._fill(order_id, size)
            if flags & F_LAST:
                self._filled.clear()

    def snapshot(self, ts_ns: int, like: np.ndarray) -> np.ndarray:
        """The book as records: a clear, then bids and asks, the best first, each in order of priority.

        Received at `ts_ns`; each order carries the time and sequence of its own latest change. The columns of the one
        record in `like` that say whose records these are go into all of them.
        """
        bids, asks = (
            sorted((p for s, p in self._queues if s == side), reverse=side == SIDE_BID) for side in _SIDES.values()
        )
        ids = [i for p in bids for i in self._queues[SIDE_BID, p]] + [
            i for p in asks for i in self._queues[SIDE_ASK, p]
        ]
        out = np.zeros(len(ids) + 1, MBO_DTYPE)
        for name in ("length", "rtype", "publisher_id", "instrument_id", "channel_id"):
            out[name] = like[name][0]
        out["flags"], out["ts_recv"] = FLAGS_SNAPSHOT, ts_ns
        out["action"], out["side"] = bytes([ACTION_ADD]), bytes([SIDE_NONE])
        first = out[0]
        first["action"], first["price"], first["ts_event"] = bytes([ACTION_CLEAR]), UNDEF_PRICE, ts_ns
        first["sequence"] = self._sequence
        for row, order_id in zip(out[1:], ids, strict=True):
            order = self._orders[order_id]
            row["order_id"], row["side"] = order_id, bytes([order.side])
            row["price"], row["size"] = order.price, order.size
            row["ts_event"], row["sequence"] = order.ts_event, order.sequence
        out["flags"][-1] = FLAGS_SNAPSHOT_LAST
        return out

    def _leave(self, order_id: int) -> None:
        order = self._orders[order_id]
        queue = self._queues[order.side, order.price]
        del queue[order_id]
        if not queue:
            del self._queues[order.side, order.price]

    def _fill(self, order_id: int, size: int) -> None:
        order = self._orders[order_id]
        self._filled[order_id] = self._filled.get(order_id, 0) + size
        if self._filled[order_id] == order.size:  # if it is an iceberg that shows again, it does so at the back
            queue = self._queues[order.side, order.price]
            del queue[order_id]
            queue[order_id] = None

    def _modify(self, order_id: int, new: _Order) -> None:
        old = self._orders[order_id]
        if new.price != old.price or (new.size > old.size and order_id not in self._filled):
            self._leave(order_id)
            self.put(order_id, new)
        else:
            self._orders[order_id] = new


def resting_orders(sim: Sim) -> RestingOrders:
    """The book of a running market, as its venue shows it."""
    book = RestingOrders()
    levels, orders = sim["levels"], sim["orders"]
    base = int(sim["base_tick"])
    for level in np.flatnonzero(levels["count"]):
        slot = int(levels[level]["head"])
        while slot != NIL:
            order: Any = orders[slot]
            book.put(
                int(order["id"]),
                _Order(
                    side=_SIDES[int(order["side"])],
                    price=(base + int(level)) * TICK_INT,
                    size=int(order["size"]),
                    ts_event=int(order["ts"]),
                    sequence=int(order["sequence"]),
                ),
            )
            slot = int(order["next"])
    book._sequence = int(sim["sequence"])
    return book
