"""A small market that never ends up crossed: what orders do in an ordinary event, of every kind there is."""

from __future__ import annotations

from ._tape import ASK, BID, Draw, Record, Tape, add, cancel, fill, modify, trade


class Market:
    """Orders around a middle that wanders, written to a tape event by event.

    `orders` is what rests, by id: (side, tick, size); bids below `middle`, asks from it on.
    """

    def __init__(self, tape: Tape, seed: int, middle: int, *, depth: int = 12, flags: int = 0) -> None:
        self.tape = tape
        self.orders: dict[int, tuple[int, int, int]] = {}
        self.middle = middle
        self._flags = flags
        self._draw = Draw(seed)
        self._next = 1_000
        self._depth = depth

    def new(self, side: int, distance: int, size: int) -> Record:
        """An add, `distance` ticks behind the best price there could be."""
        self._next += 1
        tick = self.middle - 1 - distance if side == BID else self.middle + distance
        self.orders[self._next] = (side, tick, size)
        return add(self._next, side, tick, size, flags=self._flags)

    def opening(self, size: int = 3) -> list[Record]:
        """Adds of two orders a price on both sides."""
        both = (BID, ASK)
        return [self.new(side, d, size + (d + n) % 7) for d in range(self._depth) for n in (0, 1) for side in both]

    def step(self, wait_ms: float) -> None:
        """One event of some kind."""
        self.tape.wait(wait_ms)
        kind = self._draw.below(16)
        if kind < 4 or len(self.orders) < 20:
            side = (BID, ASK)[self._draw.below(2)]
            self.tape.event(self.new(side, self._draw.below(self._depth), 1 + self._draw.below(9)))
        elif kind < 7:
            self._pull()
        elif kind < 10:
            self._change()
        elif kind < 14:
            self._sweep((BID, ASK)[self._draw.below(2)])
        else:
            self._wander(1 if self._draw.below(2) else -1)

    def jump(self, ticks: int) -> None:
        """Every order moves by so many ticks, one after the other, in one event."""
        self.middle += ticks
        records = []
        for order_id, (side, tick, size) in sorted(self.orders.items()):
            self.orders[order_id] = (side, tick + ticks, size)
            records.append(modify(order_id, side, tick + ticks, size, flags=self._flags))
        self.tape.event(*records)

    def _some(self) -> int:
        ids = sorted(self.orders)
        return ids[self._draw.below(len(ids))]

    def _pull(self) -> None:
        order_id = self._some()
        side, tick, size = self.orders[order_id]
        taken = size if self._draw.below(2) else 1 + self._draw.below(size)
        self.tape.event(self._take(order_id, side, tick, taken))

    def _take(self, order_id: int, side: int, tick: int, taken: int) -> Record:
        left = self.orders[order_id][2] - taken
        if left:
            self.orders[order_id] = (side, tick, left)
        else:
            del self.orders[order_id]
        return cancel(order_id, side, tick, taken, flags=self._flags)

    def _change(self) -> None:
        order_id = self._some()
        side, tick, _ = self.orders[order_id]
        if self._draw.below(2):
            distance = self._draw.below(self._depth)
            tick = self.middle - 1 - distance if side == BID else self.middle + distance
        self.orders[order_id] = (side, tick, 1 + self._draw.below(11))
        self.tape.event(modify(order_id, *self.orders[order_id], flags=self._flags))

    def _sweep(self, side: int) -> None:
        """An aggressor meets the best orders of a side: filled whole, in part, or refreshed like an iceberg."""
        aggressor = BID if side == ASK else ASK
        best = sorted(self.orders, key=lambda i: (self.orders[i][1] if side == ASK else -self.orders[i][1], i))
        met = [i for i in best if self.orders[i][0] == side][: 1 + self._draw.below(3)]
        trades, after = [], []
        for n, order_id in enumerate(met):
            _, tick, size = self.orders[order_id]
            taken = size if n < len(met) - 1 else 1 + self._draw.below(size)
            trades.append(trade(aggressor, tick, taken))
            after.append(fill(order_id, side, tick, taken, flags=self._flags))
            if taken == size and self._draw.below(3) == 0:
                self.orders[order_id] = (side, tick, 1 + self._draw.below(8))  # displayed anew, and more or less of it
                after.append(modify(order_id, *self.orders[order_id], flags=self._flags))
            elif taken < size and self._draw.below(2):
                self.orders[order_id] = (side, tick, size - taken)
                after.append(modify(order_id, *self.orders[order_id], flags=self._flags))
            else:
                after.append(self._take(order_id, side, tick, taken))
        self.tape.event(*trades, *after)

    def _wander(self, way: int) -> None:
        """The middle moves by a tick; whoever stands there leaves, and others come."""
        moved = self.middle + way
        side = ASK if way > 0 else BID
        gone = [
            (i, tick, size)
            for i, (s, tick, size) in sorted(self.orders.items())
            if s == side and (tick < moved if side == ASK else tick >= moved)
        ]
        records = [self._take(i, side, tick, size) for i, tick, size in gone]
        self.middle = moved
        records.append(self.new(BID if way > 0 else ASK, 0, 2 + self._draw.below(6)))
        self.tape.event(*records)
