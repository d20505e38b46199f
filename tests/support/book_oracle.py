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
UNDEFINED_SIZE = 2**32 - 1
MINUTE = 60_000_000_000
LONGEST_EVENT = 100_000_000

Key = int | tuple[int, str]
"""What an order goes by: its id; in a top-of-book feed its id and side."""


@dataclass
class Order:
    side: str
    tick: int
    size: int


@dataclass
class OracleBook:
    """Apply records one by one; look at it whenever you like."""

    tick_int: int = 250_000_000
    event_ends: str = "flags"
    orders: dict[Key, Order] = field(default_factory=dict)
    depth: dict[tuple[str, int], int] = field(default_factory=lambda: defaultdict(int))
    # (price tick, channel) -> [(time, amount)], for everything that was flow
    impulses: dict[tuple[int, str], list[tuple[int, float]]] = field(default_factory=lambda: defaultdict(list))
    flow: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    flow_at: dict[tuple[str, int], int] = field(default_factory=lambda: defaultdict(int))
    announced: dict[Key, int] = field(default_factory=dict)
    clock: int = 0
    first_clock: int = 0
    doubted: tuple[int, bool] | None = None
    """ts_recv of the record just before that was not believed, and whether it had a ts_event to be held against."""
    outliers: int = 0
    backwards: int = 0
    events: int = 0
    hidden: int = 0
    aggressor_fills: list[int] = field(default_factory=list)
    unsized: int = 0
    in_event: bool = False
    in_snapshot: bool = False
    event_began: int = 0
    event_time: int = 0
    last_seen: bool = False
    """A live record has carried F_LAST."""
    unended: int = 0
    of_event: list[tuple[str, int, str, int]] = field(default_factory=list)
    """(action, order id, side, size) of the T and F records of the event at hand."""
    balance: list[tuple[int, int, bool]] = field(default_factory=list)
    """Of every event with T or F: volume of T, volume of passive F, whether a T had no aggressor."""
    doubtful: bool = False
    """A gap was announced, and no clear or snapshot has come since."""
    standing: tuple[int, int] | None = None
    """(bid, ask) as of the last look at the book; None if that was not valid."""
    trades: list[tuple[int, str, int]] = field(default_factory=list)
    volume: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    """Traded so far, by aggressor."""
    priced: list[tuple[int, int]] = field(default_factory=lambda: [(0, 0)])
    """(volume, volume times price) of all trades up to each one with a price."""
    last_print: tuple[str, int, int | None] = ("N", 0, None)
    """(aggressor, size, price) of the newest trade; None for a price that is not defined."""
    of_bin: dict[tuple[str, int], int] = field(default_factory=dict)
    """(aggressor, price tick) -> volume traded in the bin that was closed last."""
    touched: dict[int, int] = field(default_factory=dict)
    tops: dict[str, list[int]] = field(default_factory=lambda: defaultdict(list))
    """Per side, a heap of every tick that ever had depth; those without any are dropped when they surface."""

    def arrive(self, r: np.void) -> str:
        """What is over before a record begins, and so is looked at: an "event", a "snapshot", or nothing."""
        now, _, agrees = self._believed(r)
        if self.in_event and self.event_ends == "time" and event_time(r) != self.event_time:
            self._end_event()
            return "event"
        if self.in_event and now - self.event_began > LONGEST_EVENT:
            if agrees or not self.event_began:
                self.event_began = now  # the clock catches up with a silence
            else:
                self.unended += 1
                if self.event_ends == "flags" and not self.last_seen:
                    self._end_event(look=False)
                    self.standing = None
                else:
                    self._end_event()
                return "event"
        if not self.in_event and self.in_snapshot and not int(r["flags"]) & 32:
            self.in_snapshot = False
            self._look()
            return "snapshot"
        return ""

    def finish(self) -> None:
        """No more records come."""
        if self.in_event and self.event_ends == "time":
            self._end_event()

    def apply(self, r: np.void) -> bool:
        """One record; True when it ends an event."""
        self.arrive(r)
        action, side = r["action"].decode(), r["side"].decode()
        order_id, size, flags = int(r["order_id"]), int(r["size"]), int(r["flags"])
        state = bool(flags & 32)
        if not self.in_event:
            self.event_began, self.event_time = self.clock_with(r), event_time(r)
        self._tick_clock(r)
        if state:
            if not self.in_snapshot:
                self.doubtful = False
            self.in_snapshot = True
        else:
            self.in_event = True
        if flags & 4:
            self.doubtful = True
        price = int(r["price"])
        tick = None if abs(price) > UNDEFINED else (2 * price + self.tick_int) // (2 * self.tick_int)
        top_of_book = bool(flags & 64)
        key: Key = (order_id, side) if top_of_book else order_id
        empties = top_of_book and action == "A" and tick is None
        if action == "R":
            self._settle()
            self.orders.clear()
            self.depth.clear()
            self.tops.clear()
            self.doubtful = False
        elif action in "ACMTF" and size == UNDEFINED_SIZE and not empties:
            self.unsized += 1
        elif action == "T":
            self.trades.append((self.clock, side, size))
            self.volume[side] += size
            self.last_print = (side, size, None if tick is None else price)
            if tick is not None:
                self.priced.append((self.priced[-1][0] + size, self.priced[-1][1] + size * price))
            self.of_event.append(("T", order_id, side, size))
        elif action == "F":
            if side != "N" and any(of[:3] == ("T", order_id, side) for of in self.of_event):
                self.aggressor_fills.append(size)
            else:
                self.of_event.append(("F", order_id, side, size))
                self._fill(key, side, tick, size)
        elif action in "ACM" and side != "N":
            if action == "C":
                self._cancel(key, size, state)
            elif top_of_book and action == "A":
                self._top_of_book(key, side, tick, size, state)
            elif tick is not None:
                self._place(key, side, tick, size, state)
        if flags & 128 and (state or self.event_ends == "flags"):
            self.last_seen |= not state
            return self._end_event()
        return False

    def _end_event(self, look: bool = True) -> bool:
        self._settle()
        traded = [(side, size) for action, _, side, size in self.of_event if action == "T"]
        filled = sum(size for action, _, _, size in self.of_event if action == "F")
        volume, sideless = sum(size for _, size in traded), any(side == "N" for side, _ in traded)
        if volume or filled or sideless:
            self.balance.append((volume, filled, sideless))
        self.of_event.clear()
        self.events += 1
        self.in_event = self.in_snapshot = False
        if look:
            self._look()
        return True

    def _look(self) -> None:
        bid, bid_size, ask, ask_size = self.bbo()
        whole = bid_size and ask_size and bid < ask and not self.doubtful
        self.standing = (bid, ask) if whole else None

    def valid(self) -> bool:
        """Whether the book may be shown: it was valid when it was looked at, and nothing has been open since."""
        return self.standing is not None and not self.in_event and not self.in_snapshot

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
        goes_on = int(r["flags"]) & 32 and self.in_snapshot  # all records of a snapshot have one time
        if agrees or near or (self.clock and not has_witness and not goes_on):
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

    def _place(self, order_id: Key, side: str, tick: int, size: int, state: bool) -> None:
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

    def _cancel(self, order_id: Key, size: int, state: bool) -> None:
        old = self.orders.get(order_id)
        if old is None or size == 0:
            return
        taken = min(size, old.size)
        old.size -= taken
        if not old.size:
            del self.orders[order_id]
        self._leg(old.side, old.tick, -taken, self.announced.pop(order_id, 0), state)

    def _fill(self, order_id: Key, side: str, tick: int | None, size: int) -> None:
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

    def _top_of_book(self, order_id: Key, side: str, tick: int | None, size: int, state: bool) -> None:
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


def event_time(r: np.void) -> int:
    """The time that the records of an event share: the venue's, or ours where it gives none."""
    return int(r["ts_event"]) if 0 < int(r["ts_event"]) < UNDEFINED else int(r["ts_recv"])


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
