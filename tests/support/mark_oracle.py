"""Marks by their definitions, in plain Python, over the oracle book: what an order was before a record and after it.

Shares no code with vp_book. Every mark is kept, and the largest of a bin are picked when it is asked for.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field

import numpy as np

from support.book_oracle import UNDEFINED, UNDEFINED_SIZE, Key, OracleBook

Found = tuple[str, int, int, str, int]
"""kind, price_int, size, side, detail."""

KINDS = ("iceberg", "sweep", "large", "pull")
SIDES = {"B": "buy", "A": "sell", "N": "none"}


@dataclass
class MarkOracle(OracleBook):
    """An oracle book that also says what was a mark. Bins of `width` ns begin at `start`."""

    large: int = 50
    start: int = 0
    width: int = 100_000_000
    bin: int = 0
    found: dict[int, list[Found]] = field(default_factory=lambda: defaultdict(list))
    shown: dict[Key, int] = field(default_factory=dict)
    prints: list[tuple[int, str, int, int]] = field(default_factory=list)
    """(order id, side, price, size) of the T records of the event at hand that have an aggressor."""

    def marks(self, bin_seq: int) -> list[Found]:
        """The 16 largest of a bin; of equal ones by kind, price, side and detail."""
        sides = list(SIDES.values())
        ranked = sorted(self.found[bin_seq], key=lambda m: (-m[2], KINDS.index(m[0]), m[1], sides.index(m[3]), m[4]))
        return ranked[:16]

    def apply(self, r: np.void) -> bool:
        """One record; True when it ends an event."""
        self.arrive(r)
        flags = int(r["flags"])
        if not (self.in_event or (self.in_snapshot and flags & 32)):
            now = self.clock_with(r) or self.start  # what comes before any time belongs to the first bin
            self.bin = (now - self.start) // self.width
        action, side, size, price = r["action"].decode(), r["side"].decode(), int(r["size"]), int(r["price"])
        if action == "T" and size != UNDEFINED_SIZE:
            if side != "N":
                self.prints.append((int(r["order_id"]), side, price, size))
            if size >= self.large and abs(price) <= UNDEFINED:
                self._note("large", price, size, side, 0)
        top_of_book = bool(flags & 64)
        key: Key = (int(r["order_id"]), side) if top_of_book else int(r["order_id"])
        before, touch = self.orders.get(key), self.standing
        was = (before.side, before.tick, before.size) if before else None
        filled = self.announced.get(key, 0)
        if action == "R":
            self.shown.clear()
        # what is announced is settled at the end of the event, which this record may be
        changes = action in "ACM" and side != "N" and size != UNDEFINED_SIZE
        changes &= action == "C" or abs(price) <= UNDEFINED
        ended = super().apply(r)
        if changes and not top_of_book:
            self._compare(key, was, filled, touch, stated=action != "C", quiet=bool(flags & 32))
        return ended

    def _compare(
        self,
        key: Key,
        was: tuple[str, int, int] | None,
        filled: int,
        touch: tuple[int, int] | None,
        *,
        stated: bool,
        quiet: bool,
    ) -> None:
        """What a record made of an order; `stated`: it says how much the order displays, and not how much less."""
        order = self.orders.get(key)
        now = (order.side, order.tick, order.size) if order else None
        if now == was and not filled:
            return
        left = was[2] - filled if was else 0
        moved = was is None or now is None or now[:2] != was[:2]
        more = 0 if now is None or not stated else now[2] - (left if was else 0)
        self.shown[key] = (self.shown.get(key, 0) if was else 0) + max(more, 0)
        if quiet:
            return
        if now is not None and (now[2] >= self.large) and (moved or was is None):
            self._note("large", now[1] * self.tick_int, now[2], now[0], 1)
        elif now is not None and was is not None and not moved and more > 0:
            if filled:
                self._note("iceberg", now[1] * self.tick_int, now[2], now[0], self.shown[key])
            elif was[2] < self.large <= now[2]:
                self._note("large", now[1] * self.tick_int, now[2], now[0], 1)
        if was is None or touch is None:
            return
        side, tick, _ = was
        if now is None or (moved and (now[0] != side or (now[1] < tick if side == "B" else now[1] > tick))):
            withdrawn = left
        else:
            withdrawn = 0 if moved else left - now[2]
        away = touch[0] - tick if side == "B" else tick - touch[1]
        if withdrawn >= self.large and away <= 5:
            self._note("pull", tick * self.tick_int, withdrawn, side, max(away, 0))

    def _end_event(self, look: bool = True) -> bool:
        by_aggressor: dict[tuple[int, str], list[tuple[int, int]]] = defaultdict(list)
        for order_id, side, price, size in self.prints:
            by_aggressor[order_id, side].append((price, size))
        for (_, side), prints in by_aggressor.items():
            reached: list[int] = []  # prices, each beyond those before
            for price, _ in prints:
                if abs(price) <= UNDEFINED and all(price > p if side == "B" else price < p for p in reached):
                    reached.append(price)
            if len(reached) >= 3:
                self._note("sweep", reached[-1], sum(size for _, size in prints), side, len(reached))
        self.prints.clear()
        return super()._end_event(look)

    def _note(self, kind: str, price_int: int, size: int, side: str, detail: int) -> None:
        self.found[self.bin].append((kind, price_int, size, SIDES[side], detail))
