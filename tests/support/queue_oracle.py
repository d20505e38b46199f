"""Queues by the book: lists of orders in priority, and of every join the ids that are ahead. Slow and plain.

Independent of the kernels: a level is a list that is changed as the venue changes it, a join holds a dictionary of what
is left of each order ahead, and an event is kept whole and looked at when it is over.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field

import numpy as np

Level = tuple[str, int]
UNDEFINED = 2**62


@dataclass
class Join:
    """One lot that came to a level at the end of a bin."""

    bin: int
    side: str
    tick: int
    ahead: dict[int, int]
    came_with: int = 0
    wait: int = -1
    how: str = ""


@dataclass
class QueueOracle:
    """Feed it records one by one, `close_bin` where a bin ends."""

    tick_int: int
    max_wait_bins: int
    bin: int = 0
    where: dict[int, Level] = field(default_factory=dict)
    size: dict[int, int] = field(default_factory=dict)
    queue: dict[Level, list[int]] = field(default_factory=lambda: defaultdict(list))
    waiting: dict[Level, list[Join]] = field(default_factory=lambda: defaultdict(list))
    joins: list[Join] = field(default_factory=list)
    event: list[tuple[str, str, int | None, int, int]] = field(default_factory=list)
    """(action, side, tick, size, order id) of the open event."""
    before: dict[int, tuple[Level, int]] = field(default_factory=dict)
    """Level and size, as the open event found them, of the orders that it touches."""
    requeued: set[int] = field(default_factory=set)
    unsettled: dict[int, int] = field(default_factory=dict)

    def apply(self, r: np.void) -> None:
        action, side, order_id = r["action"].decode(), r["side"].decode(), int(r["order_id"])
        size, price = int(r["size"]), int(r["price"])
        tick = None if abs(price) > UNDEFINED else (2 * price + self.tick_int) // (2 * self.tick_int)
        if action == "R":
            self.end_event()
            for held in (self.where, self.size, self.queue, self.waiting):
                held.clear()
        elif size != 2**32 - 1:
            self.event.append((action, side, tick, size, order_id))
            if action == "F" and not self._own(side, order_id) and self.where.get(order_id) == (side, tick):
                self._touch(order_id)
                self.unsettled[order_id] = self.unsettled.get(order_id, 0) + size
            elif action == "C" and side != "N" and order_id in self.where and size:
                self._touch(order_id)
                self.unsettled.pop(order_id, None)
                self._resize(order_id, self.size[order_id] - size)
            elif action in "AM" and side != "N" and tick is not None:
                self._place(order_id, (side, tick), size)
        if int(r["flags"]) & 128:
            self.end_event()

    def _own(self, side: str, order_id: int) -> bool:
        return side != "N" and any(of[0] == "T" and of[1] == side and of[4] == order_id for of in self.event)

    def _touch(self, order_id: int) -> None:
        self.before.setdefault(order_id, (self.where[order_id], self.size[order_id]))

    def _resize(self, order_id: int, size: int) -> None:
        if size > 0:
            self.size[order_id] = size
        else:
            self.queue[self.where.pop(order_id)].remove(order_id)
            del self.size[order_id]
            self.requeued.add(order_id)  # what comes back under this id is another order

    def _place(self, order_id: int, level: Level, size: int) -> None:
        if size == 0:
            if order_id in self.where:
                self._touch(order_id)
                self.unsettled.pop(order_id, None)
                self._resize(order_id, 0)
            return
        if order_id in self.where:
            self._touch(order_id)
            displayed = self.size[order_id] - self.unsettled.pop(order_id, 0)
            if self.where[order_id] == level and size <= displayed:
                self.size[order_id] = size
                return
            self.queue[self.where[order_id]].remove(order_id)
            self.requeued.add(order_id)
        self.where[order_id] = level
        self.size[order_id] = size
        self.queue[level].append(order_id)

    def end_event(self) -> None:
        takers = {(side, order_id) for action, side, _, _, order_id in self.event if action == "T" and side != "N"}
        filled: dict[Level, int] = defaultdict(int)
        traded: dict[Level, int] = defaultdict(int)
        of_order: dict[tuple[int, Level], int] = defaultdict(int)
        ticks = []
        for at, (action, side, tick, size, order_id) in enumerate(self.event):
            if tick is None or action not in "TF":
                continue
            earlier = {(of[1], of[4]) for of in self.event[:at] if of[0] == "T"}
            if action == "F" and side != "N" and (side, order_id) in takers & earlier:
                continue
            ticks.append(tick)
            if side == "N":
                continue
            if action == "T":
                traded["A" if side == "B" else "B", tick] += size
            else:
                filled[side, tick] += size
                of_order[order_id, (side, tick)] += size
        changed = {order_id for action, _, _, _, order_id in self.event if action in "ACM"}
        touched = {level for level, _ in self.before.values()} | set(filled) | set(traded)
        for level in touched:
            for join in self.waiting.get(level, ()):
                gave = 0
                for order_id, (was, size) in self.before.items():
                    if was != level or order_id not in join.ahead:
                        continue
                    fill = of_order[order_id, level]
                    gave += min(fill, size)
                    if order_id in self.requeued or order_id not in self.where:
                        del join.ahead[order_id]
                    elif order_id in changed:
                        join.ahead[order_id] = min(self.size[order_id], max(0, size - fill))
                if max(filled[level], traded[level]) > gave and not any(join.ahead.values()):
                    self._done(join, "at")
        if ticks:
            for (side, tick), waiting in self.waiting.items():
                if min(ticks) < tick if side == "B" else max(ticks) > tick:
                    for join in waiting:
                        self._done(join, "through")
        for level in [level for level, waiting in self.waiting.items() if any(join.how for join in waiting)]:
            self.waiting[level] = [join for join in self.waiting[level] if not join.how]
        self.event, self.before, self.requeued, self.unsettled = [], {}, set(), {}

    def _done(self, join: Join, how: str) -> None:
        if not join.how:
            join.how, join.wait = how, self.bin - join.bin

    def close_bin(self, bid_tick: int, ask_tick: int, *, valid: bool, joins: bool = True) -> None:
        """End a bin; with `joins` a lot comes to each side's touch, if the book is valid."""
        self.end_event()
        over = self.bin - self.max_wait_bins
        for level in [level for level, waiting in self.waiting.items() if waiting and waiting[0].bin <= over]:
            self.waiting[level] = [join for join in self.waiting[level] if join.bin > over]
        if valid and joins:
            for side, tick in (("B", bid_tick), ("A", ask_tick)):
                ahead = {order_id: self.size[order_id] for order_id in self.queue[side, tick]}
                join = Join(self.bin, side, tick, ahead, sum(ahead.values()))
                self.waiting[side, tick].append(join)
                self.joins.append(join)
        self.bin += 1
