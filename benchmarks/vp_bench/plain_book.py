"""A book in plain Python: dictionaries and two heaps, for comparison. Nothing else uses it."""

from __future__ import annotations

from collections.abc import Iterable
from heapq import heappop, heappush

from vp_book.records import F_LAST

Row = tuple[bytes, bytes, int, int, int, int]
"""action, side, order id, price_int, size, flags."""


class PlainBook:
    """Orders by id, displayed size by price, and lazily cleaned heaps of prices; the BBO at every event boundary."""

    def __init__(self) -> None:
        self._orders: dict[int, tuple[bytes, int, int]] = {}
        self._sizes: dict[bytes, dict[int, int]] = {b"B": {}, b"A": {}}
        self._heaps: dict[bytes, list[int]] = {b"B": [], b"A": []}
        self.bbo = (0, 0, 0, 0)

    def apply(self, rows: Iterable[Row]) -> None:
        """Apply records in order."""
        orders = self._orders
        for action, side, order_id, price, size, flags in rows:
            if action == b"A":
                orders[order_id] = (side, price, size)
                self._change(side, price, size)
            elif action == b"C":
                if order_id in orders:
                    old_side, old_price, old_size = orders.pop(order_id)
                    taken = min(size, old_size)
                    if taken < old_size:
                        orders[order_id] = (old_side, old_price, old_size - taken)
                    self._change(old_side, old_price, -taken)
            elif action == b"M":
                if order_id in orders:
                    old_side, old_price, old_size = orders[order_id]
                    self._change(old_side, old_price, -old_size)
                orders[order_id] = (side, price, size)
                self._change(side, price, size)
            elif action == b"R":
                orders.clear()
                for old in b"B", b"A":
                    self._sizes[old].clear()
                    self._heaps[old].clear()
            if flags & F_LAST:
                self.bbo = (*self._best(b"B"), *self._best(b"A"))

    def _change(self, side: bytes, price: int, delta: int) -> None:
        sizes = self._sizes[side]
        size = sizes.get(price, 0)
        if not size:
            # a price may wait in the heap from before; twice there does no harm
            heappush(self._heaps[side], -price if side == b"B" else price)
        if size + delta:
            sizes[price] = size + delta
        else:
            del sizes[price]

    def _best(self, side: bytes) -> tuple[int, int]:
        sizes, heap = self._sizes[side], self._heaps[side]
        while heap:
            price = -heap[0] if side == b"B" else heap[0]
            if price in sizes:
                return price, sizes[price]
            heappop(heap)
        return 0, 0
