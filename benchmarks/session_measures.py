"""What is measured of a session of market-by-order records: the same of a real one and of a synthetic one."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from vp_book import Instrument, open_dbn, replay
from vp_book.records import F_LAST, F_SNAPSHOT

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

NS = 1_000_000_000
BIN_NS = NS // 10
RADIUS = 110
"""Rows of the window on either side of spot: room for the depth profile on both sides of a wide spread."""
DEPTH_TICKS = 100
"""Distances from the touch, in ticks, of the depth profile."""


@dataclass
class Orders:
    """Orders that arrived inside the window, and what became of them."""

    age_s: list[float] = field(default_factory=list)  # at its end, or at the end of the window
    ended: list[bool] = field(default_factory=list)
    filled: list[bool] = field(default_factory=list)  # ended by a fill
    taken: list[int] = field(default_factory=list)  # contracts of each aggressor
    levels_taken: list[int] = field(default_factory=list)
    refreshes: int = 0  # an iceberg showed again
    fills_of: defaultdict[int, int] = field(default_factory=lambda: defaultdict(int))
    icebergs: set[int] = field(default_factory=set)


@dataclass
class Session:
    """One session as measured: `records` are those received in the window, snapshots apart."""

    name: str
    seconds: float
    records: npt.NDArray[Any]
    event_ns: Ints  # receive time of each event, from the window's start
    event_sizes: Ints  # records of each event
    orders: Orders
    mid_ticks: Floats  # at the end of each 100 ms bin
    spread_ticks: Ints
    depth: Floats  # mean contracts at 0 .. DEPTH_TICKS - 1 ticks behind the touch, both sides
    distance_of: dict[str, Ints]  # of adds and cancels, ticks behind the touch as it stood at the bin before
    spot_ticks: Ints  # once a second, as the two images are
    depth_image: Ints  # (second, row): contracts displayed, rows as in `Bin.cells`
    force_image: Floats  # pressure less vacuum

    def of(self, action: bytes) -> npt.NDArray[Any]:
        """The records of one action."""
        return self.records[self.records["action"] == action]


def follow_orders(records: npt.NDArray[Any], start_ns: int, end_ns: int) -> Orders:
    """Follow every order from its add to its end; an order is filled when its last event held a fill of it."""
    out = Orders()
    size_of: dict[int, int] = {}
    born: dict[int, int] = {}
    filled: defaultdict[int, int] = defaultdict(int)
    traded: dict[int, int] = {}
    columns = ("ts_recv", "action", "order_id", "price", "size", "flags")
    for ts, action, order, price, size, flags in zip(*(records[c].tolist() for c in columns), strict=True):
        inside = ts >= start_ns and not flags & F_SNAPSHOT
        if action == b"A":
            size_of[order] = size
            if inside:
                born[order] = ts
        elif action == b"F":
            filled[order] += size
            if inside:
                out.fills_of[order] += size
        elif action == b"T":
            traded[price] = traded.get(price, 0) + size
        elif action == b"M":
            if inside and order in filled and size > size_of.get(order, 0) - filled[order]:
                out.refreshes += 1
                out.icebergs.add(order)
            size_of[order] = size
        elif action == b"C":
            size_of[order] = size_of.get(order, 0) - size
            if size_of[order] <= 0:
                del size_of[order]
                if order in born:
                    out.age_s.append((ts - born.pop(order)) / NS)
                    out.ended.append(True)
                    out.filled.append(order in filled)
        if flags & F_LAST:
            if inside and traded:
                out.taken.append(sum(traded.values()))
                out.levels_taken.append(len(traded))
            filled.clear()
            traded.clear()
    out.age_s += [(end_ns - ts) / NS for ts in born.values()]
    out.ended += [False] * len(born)
    out.filled += [False] * len(born)
    return out


def distances(records: npt.NDArray[Any], action: bytes, start_ns: int, quotes: Ints, tick_int: int) -> Ints:
    """Ticks behind the touch of the records of an action, against the quote at the end of the bin before."""
    rows = records[records["action"] == action]
    at = (rows["ts_recv"].astype(np.int64) - start_ns) // BIN_NS - 1
    rows, at = rows[at >= 0], at[at >= 0]
    bid, ask = quotes[at].T
    ticks = rows["price"] // tick_int
    return np.where(rows["side"] == b"B", bid - ticks, ticks - ask)


def measure(name: str, path: Path, symbol: str, start_ns: int, end_ns: int) -> Session:
    """Read a file once and replay it once, both through vp-book."""
    everything = np.concatenate([chunk.copy() for chunk in open_dbn(path, symbol=symbol)])
    everything = everything[everything["ts_recv"] < end_ns]
    instrument = Instrument(symbol, "0.25")
    mids, quotes, spots, depths, forces = [], [], [], [], []
    depth = np.zeros(DEPTH_TICKS)
    bins = replay([everything], instrument, grid_radius_ticks=RADIUS, start_ns=start_ns, end_ns=end_ns, warmup_s=0)
    for i, closed in enumerate(bins):
        bid = int(closed.fields["best_bid_price_int"]) // instrument.tick_int
        ask = int(closed.fields["best_ask_price_int"]) // instrument.tick_int
        mids.append((bid + ask) / 2 if closed.fields["book_valid"] else np.nan)
        quotes.append((bid, ask))
        if i % 10 == 0 and closed.fields["book_valid"]:
            spot = int(closed.fields["spot_ref_price_int"]) // instrument.tick_int
            spots.append(spot)
            depths.append(closed.cells["rest_depth"])
            forces.append(closed.cells["pressure_variant"] - closed.cells["vacuum_variant"])
            row = RADIUS + bid - spot
            depth += closed.cells["bid_depth"][row - DEPTH_TICKS + 1 : row + 1][::-1]
            row = RADIUS + ask - spot
            depth += closed.cells["ask_depth"][row : row + DEPTH_TICKS]
    live = everything[(everything["ts_recv"] >= start_ns) & ((everything["flags"] & F_SNAPSHOT) == 0)]
    ends = np.flatnonzero(live["flags"] & F_LAST)
    quote_ticks = np.array(quotes, dtype=np.int64)
    mid_ticks = np.array(mids)
    return Session(
        name=name,
        seconds=(end_ns - start_ns) / NS,
        records=live,
        event_ns=live["ts_recv"][ends].astype(np.int64) - start_ns,
        event_sizes=np.diff(ends, prepend=-1),
        orders=follow_orders(everything, start_ns, end_ns),
        mid_ticks=mid_ticks,
        spread_ticks=(quote_ticks[:, 1] - quote_ticks[:, 0])[~np.isnan(mid_ticks)],
        depth=depth / (2 * len(spots)),
        distance_of={
            action: distances(live, action.encode(), start_ns, quote_ticks, instrument.tick_int) for action in "AC"
        },
        spot_ticks=np.array(spots, dtype=np.int64),
        depth_image=np.array(depths),
        force_image=np.array(forces),
    )


def counts(session: Session, window_s: float) -> Ints:
    """Events in each whole window of the session."""
    n = int(session.seconds / window_s)
    at = (session.event_ns / (window_s * NS)).astype(np.int64)
    return np.bincount(at[at < n], minlength=n)


def fano(session: Session, window_s: float) -> float:
    """Variance of the counts over their mean: 1 for a Poisson process."""
    n = counts(session, window_s)
    return float(n.var() / n.mean())


def autocorrelation(values: Floats, lags: int) -> Floats:
    """Autocorrelation at lags 1 .. `lags`."""
    centred = values - values.mean()
    power = float(centred @ centred)
    return np.array([float(centred[:-lag] @ centred[lag:]) / power for lag in range(1, lags + 1)])


def returns(session: Session, seconds: float) -> Floats:
    """Changes of the mid over steps of `seconds`, ticks, valid books only."""
    change = np.diff(session.mid_ticks[:: round(seconds * NS / BIN_NS)])
    return change[~np.isnan(change)]


def survival(orders: Orders, at_s: Floats) -> Floats:
    """Share of orders that live longer than each age, those still resting at the end counted (Kaplan, Meier 1958)."""
    age = np.array(orders.age_s)
    order = np.argsort(age, kind="stable")
    ended = np.array(orders.ended)[order]
    at_risk = np.arange(len(age), 0, -1)
    curve = np.concatenate([[1.0], np.cumprod(1.0 - ended / at_risk)])
    return curve[np.searchsorted(age[order], at_s, side="right")]


def tail(values: Ints, at: Ints) -> Floats:
    """Share of values that are at least `at`."""
    return 1.0 - np.searchsorted(np.sort(values), at, side="left") / len(values)


def share_up_to(values: npt.NDArray[Any], limit: float) -> float:
    """Share of values that are at most `limit`."""
    return float(np.mean(values <= limit))
