"""The book and its physics in plain Python, from the definitions: dictionaries, and sums over all that ever happened.

Shares no code with vp_book. Slow on purpose.
"""

from __future__ import annotations

import heapq
import math
from collections import defaultdict
from dataclasses import dataclass, field

import numpy as np

CHANNELS = ("add", "pull", "fill", "bid_depth", "ask_depth")
UNDEFINED = 2**62
MINUTE = 60_000_000_000


@dataclass
class Order:
    side: str
    tick: int
    size: int


@dataclass
class OracleBook:
    """Apply records one by one; look at it whenever you like."""

    tick_int: int = 250_000_000
    orders: dict[int, Order] = field(default_factory=dict)
    depth: dict[tuple[str, int], int] = field(default_factory=lambda: defaultdict(int))
    # (price tick, channel) -> [(time, amount)], for everything that was flow
    impulses: dict[tuple[int, str], list[tuple[int, float]]] = field(default_factory=lambda: defaultdict(list))
    flow: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    flow_at: dict[tuple[str, int], int] = field(default_factory=lambda: defaultdict(int))
    announced: dict[int, int] = field(default_factory=dict)
    clock: int = 0
    first_clock: int = 0
    doubted: tuple[int, bool] | None = None
    """ts_recv of the record just before that was not believed, and whether it had a ts_event to be held against."""
    outliers: int = 0
    backwards: int = 0
    events: int = 0
    hidden: int = 0
    trades: list[tuple[int, str, int]] = field(default_factory=list)
    touched: dict[int, int] = field(default_factory=dict)
    tops: dict[str, list[int]] = field(default_factory=lambda: defaultdict(list))
    """Per side, a heap of every tick that ever had depth; those without any are dropped when they surface."""

    def apply(self, r: np.void) -> bool:
        """One record; True at an event boundary."""
        action, side = r["action"].decode(), r["side"].decode()
        order_id, size, flags = int(r["order_id"]), int(r["size"]), int(r["flags"])
        self._tick_clock(r)
        state = bool(flags & 32)
        price = int(r["price"])
        tick = None if abs(price) > UNDEFINED else (2 * price + self.tick_int) // (2 * self.tick_int)
        if action == "R":
            self._settle()
            self.orders.clear()
            self.depth.clear()
            self.tops.clear()
        elif action == "T":
            self.trades.append((self.clock, side, size))
        elif action == "F":
            self._fill(order_id, side, tick, size)
        elif action in "ACM" and side != "N":
            if action == "C":
                self._cancel(order_id, size, state)
            elif flags & 64 and action == "A":
                self._top_of_book(order_id, side, tick, size, state)
            elif tick is not None:
                self._place(order_id, side, tick, size, state)
        if flags & 128:
            self._settle()
            self.events += 1
            return True
        return False

    def clock_with(self, r: np.void) -> int:
        """The clock at which a record is applied: the old one, unless its time can be believed."""
        return self._believed(r)[0]

    def _believed(self, r: np.void) -> tuple[int, bool, bool]:
        """(clock, whether the record is doubted, whether it says the same time as the doubted one before it)."""
        ts, event = int(r["ts_recv"]), int(r["ts_event"])
        if ts >= UNDEFINED:
            return self.clock, False, False
        agrees = self.doubted is not None and ts > 0 and abs(ts - self.doubted[0]) <= MINUTE
        if self.clock and ts <= self.clock + MINUTE:
            return max(self.clock, ts), False, agrees
        has_witness = not int(r["flags"]) & (32 | 8)
        near = has_witness and event < UNDEFINED and abs(ts - event) <= MINUTE
        if agrees or near or (self.clock and not has_witness):
            return ts, False, agrees
        return self.clock, True, agrees

    def _tick_clock(self, r: np.void) -> None:
        now, doubt, agrees = self._believed(r)
        ts = int(r["ts_recv"])
        if self.doubted is not None and not agrees:
            before, had_witness = self.doubted
            if had_witness or ts >= UNDEFINED or ts < before:
                self.outliers += 1
        if not self.clock and now:
            self.first_clock = min(now, self.doubted[0]) if self.doubted and agrees else now
        if not doubt and ts < self.clock:
            self.backwards += 1
        self.doubted = (ts, not int(r["flags"]) & (32 | 8)) if doubt else None
        self.clock = now

    def _leg(self, side: str, tick: int, d: int, fill: int, state: bool) -> None:
        if d:
            self.depth[side, tick] += d
            heapq.heappush(self.tops[side], -tick if side == "B" else tick)
            if not self.depth[side, tick]:
                del self.depth[side, tick]
        if state:
            d = 0
        if not d and not fill:
            return
        rest = d + fill
        amounts = {"add": max(rest, 0), "pull": max(-rest, 0), "fill": fill}
        for name, x in amounts.items():
            self.flow[name] += x
        self.flow_at[side, tick] += amounts["add"] - amounts["pull"] - fill
        if side != "N":
            amounts["bid_depth" if side == "B" else "ask_depth"] = d
        for name, x in amounts.items():
            if x:
                self.impulses[tick, name].append((self.clock, float(x)))
        self.touched[tick] = self.events + 1

    def _place(self, order_id: int, side: str, tick: int, size: int, state: bool) -> None:
        old = self.orders.get(order_id)
        if size == 0:
            if old:
                self._cancel(order_id, old.size, state)
            return
        fill = self.announced.pop(order_id, 0)
        if old and (old.side, old.tick) == (side, tick):
            self._leg(side, tick, size - old.size, fill, state)
        else:
            if old:
                self._leg(old.side, old.tick, -old.size, fill, state)
            self._leg(side, tick, size, 0, state)
        self.orders[order_id] = Order(side, tick, size)

    def _cancel(self, order_id: int, size: int, state: bool) -> None:
        old = self.orders.get(order_id)
        if old is None or size == 0:
            return
        taken = min(size, old.size)
        old.size -= taken
        if not old.size:
            del self.orders[order_id]
        self._leg(old.side, old.tick, -taken, self.announced.pop(order_id, 0), state)

    def _fill(self, order_id: int, side: str, tick: int | None, size: int) -> None:
        if order_id in self.orders:
            self.announced[order_id] = self.announced.get(order_id, 0) + size
        else:
            self.hidden += 1
            if tick is not None:
                self._leg(side, tick, 0, size, False)

    def _settle(self) -> None:
        for order_id, size in self.announced.items():
            if size:
                self.hidden += 1
                order = self.orders[order_id]
                self._leg(order.side, order.tick, 0, size, False)
        self.announced.clear()

    def _top_of_book(self, order_id: int, side: str, tick: int | None, size: int, state: bool) -> None:
        """What the side displays from now on is this order alone. Which old order is replaced and which are cancelled
        is not told apart here, so streams with several orders on a side are compared by depth only."""
        mine = [i for i, order in self.orders.items() if order.side == side]
        if tick is None or size == 0:
            for i in mine:
                self._cancel(i, self.orders[i].size, state)
            return
        if len(mine) == 1:
            order = self.orders.pop(mine[0])
            fill = self.announced.pop(mine[0], 0)
            if order.tick == tick:
                self._leg(side, tick, size - order.size, fill, state)
            else:
                self._leg(side, order.tick, -order.size, fill, state)
                self._leg(side, tick, size, 0, state)
            if order_id in self.orders:
                self._cancel(order_id, self.orders[order_id].size, state)
            self.orders[order_id] = Order(side, tick, size)
            return
        for i in mine:
            self._cancel(i, self.orders[i].size, state)
        self._place(order_id, side, tick, size, state)

    def bbo(self) -> tuple[int, int, int, int]:
        """(bid tick, size, ask tick, size), zeros for an empty side."""
        bid, ask = self._top("B"), self._top("A")
        return bid, self.depth.get(("B", bid), 0), ask, self.depth.get(("A", ask), 0)

    def _top(self, side: str) -> int:
        heap = self.tops[side]
        while heap:
            tick = -heap[0] if side == "B" else heap[0]
            if (side, tick) in self.depth:
                return tick
            heapq.heappop(heap)
        return 0

    def levels(self, side: str) -> list[tuple[int, int]]:
        """(tick, size), best first."""
        found = [(t, size) for (s, t), size in self.depth.items() if s == side]
        return sorted(found, reverse=side == "B")


def chain(taus: tuple[float, float, float], t: float) -> tuple[float, float, float]:
    """v, a, j a time t (s) after one unit impulse: the inverse Laplace transforms, by residues, of
    1/(1+Tv s), s/((1+Tv s)(1+Ta s)) and s^2/((1+Tv s)(1+Ta s)(1+Tj s))."""
    v, a, j = 0.0, 0.0, 0.0
    for i, tau in enumerate(taus):
        decay = math.exp(-t / tau)
        others = [1 - other / tau for m, other in enumerate(taus) if m != i]
        if i == 0:
            v = decay / tau
        if i < 2:
            a -= decay / (tau**2 * (1 - taus[1 - i] / tau))
        j += decay / (tau**3 * others[0] * others[1])
    return v, a, j


def tick_state(
    book: OracleBook,
    tick: int,
    ts_ns: int,
    taus: tuple[float, float, float] = (2.0, 5.0, 10.0),
    tau_rest: float = 30.0,
    c: tuple[float, ...] = (1.0, 0.5, 0.3, 1.0, 1.5, 0.5, 0.3),
    since_ns: int = 0,
) -> dict[str, float]:
    """Every cell field of a tick at a time, as sums over all its impulses since `since_ns`."""
    state: dict[str, float] = {}
    for name in CHANNELS:
        v = a = j = mass = 0.0
        for at, x in book.impulses.get((tick, name), ()):
            if at < since_ns:
                continue
            dt = (ts_ns - at) * 1e-9
            dv, da, dj = chain(taus, dt)
            v, a, j = v + x * dv, a + x * da, j + x * dj
            mass += x * math.exp(-dt / tau_rest)
        state[f"v_{name}"], state[f"a_{name}"], state[f"j_{name}"] = v, a, j
        if name in ("add", "pull", "fill"):
            state[f"{name}_mass"] = mass
    for order in "vaj":
        state[f"{order}_rest_depth"] = state[f"{order}_bid_depth"] + state[f"{order}_ask_depth"]
    state["bid_depth"] = book.depth.get(("B", tick), 0)
    state["ask_depth"] = book.depth.get(("A", tick), 0)
    state["rest_depth"] = state["bid_depth"] + state["ask_depth"]
    rest = state["v_rest_depth"]
    state["pressure_variant"] = c[0] * state["v_add"] + c[1] * max(rest, 0.0) + c[2] * max(state["a_add"], 0.0)
    state["vacuum_variant"] = (
        c[3] * state["v_pull"] + c[4] * state["v_fill"] + c[5] * max(-rest, 0.0) + c[6] * max(state["a_pull"], 0.0)
    )
    return state
