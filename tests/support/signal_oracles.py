"""Every signal from its definition: whole histories in plain Python, no state carried from bin to bin.

An oracle takes a `Market` and gives the value at every bin. Column names and formulas are those of the specification;
nothing here is shared with the code under test.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

Numbers = list[float]
BANDS = ((1, 3, 3), (4, 11, 8), (12, 23, 12))  # from, to, nominal width


@dataclass
class Market:
    """Columns name -> (bins, rows), fields name -> (bins,), as plain numbers."""

    radius: int
    cell_width_ms: int
    cell_int: int
    columns: Mapping[str, Any]
    fields: Mapping[str, Any]

    @property
    def n_bins(self) -> int:
        return len(next(iter([*self.columns.values(), *self.fields.values()])))

    def row(self, column: str, t: int, k: int) -> float:
        return float(self.columns[column][t][self.radius + k])

    def field(self, name: str, t: int) -> int:
        return int(self.fields[name][t])

    def ks(self, first: int, last: int) -> list[int]:
        """Distances `first` to `last` that have rows."""
        return [k for k in range(first, last + 1) if k <= self.radius]

    def mean(self, column: str, t: int, side: int, first: int, last: int) -> float:
        """Mean over the rows of one side, -1 below and 1 above spot; 0 without rows."""
        values = [self.row(column, t, side * k) for k in self.ks(first, last)]
        return math.fsum(values) / len(values) if values else 0.0


BID, ASK = -1, 1


def ema(series: Sequence[float], alpha: float) -> Numbers:
    out: Numbers = []
    for x in series:
        out.append(x if not out else out[-1] + alpha * (x - out[-1]))
    return out


def ema_span(series: Sequence[float], span: float) -> Numbers:
    return ema(series, 2 / (span + 1))


def ols(series: Sequence[float], window: int) -> list[float | None]:
    """Slope of the least-squares line through the last `window` values; None before there are as many."""
    out: list[float | None] = []
    x = [i - (window - 1) / 2 for i in range(window)]
    spread = math.fsum(v * v for v in x)
    for t in range(len(series)):
        if t + 1 < window:
            out.append(None)
            continue
        y = series[t + 1 - window : t + 1]
        middle = math.fsum(y) / window
        out.append(math.fsum(a * (b - middle) for a, b in zip(x, y, strict=True)) / spread)
    return out


def robust_z(series: Sequence[float | None], window: int, minimum: int = 30) -> Numbers:
    """Undefined values never enter; a bin without a value has z 0."""
    seen: Numbers = []
    out = []
    for x in series:
        if x is None:
            out.append(0.0)
            continue
        seen.append(x)
        last = np.array(seen[-window:])
        z = 0.0
        if len(last) >= minimum:
            center = np.median(last)
            scale = 1.4826 * np.median(np.abs(last - center))
            if scale >= 1e-9:
                z = float((x - center) / scale)
        out.append(z)
    return out


def safe_ratio(above: float, below: float) -> float:
    return above / below if below != 0 else 0.0


def imbalance(m: Market, span: int = 5) -> Numbers:
    now = []
    for t in range(m.n_bins):
        bid, ask = m.field("best_bid_size", t), m.field("best_ask_size", t)
        now.append(safe_ratio(bid - ask, bid + ask))
    return ema_span(now, span)


def depth_imbalance(m: Market, reach: float = 10, decay: float = 3, span: int = 5) -> Numbers:
    now = []
    for t in range(m.n_bins):
        bid, ask, spot = (m.field(f"{name}_price_int", t) for name in ("best_bid", "best_ask", "spot_ref"))
        if not bid or not ask:
            now.append(0.0)
            continue
        mid = (bid + ask) / 2
        bids, asks = [], []
        for k in range(-m.radius, m.radius + 1):
            distance = abs(spot + k * m.cell_int - mid) / m.cell_int
            if distance <= reach:
                bids.append(math.exp(-distance / decay) * m.row("bid_depth", t, k))
                asks.append(math.exp(-distance / decay) * m.row("ask_depth", t, k))
        total = math.fsum(bids) + math.fsum(asks)
        now.append(safe_ratio(math.fsum(bids) - math.fsum(asks), total))
    return ema_span(now, span)


def ofi(m: Market, window: int = 10, levels: int = 5, depth_window: int = 3000, z_window: int = 300) -> Numbers:
    def depth(column: str, t: int, price: int) -> float:
        k = price // m.cell_int - m.field("spot_ref_price_int", t) // m.cell_int
        return m.row(column, t, k) if -m.radius <= k <= m.radius else 0.0

    flows: list[Numbers] = []  # per bin, per level
    depths: list[Numbers] = []
    for t in range(m.n_bins):
        bid, ask = m.field("best_bid_price_int", t), m.field("best_ask_price_int", t)
        both = bid != 0 and ask != 0
        flow, displayed = [], []
        for level in range(levels):
            if not both:
                flow.append(0.0)
                displayed.append(0.0)
                continue
            q = depth("bid_depth", t, bid - level * m.cell_int)
            r = depth("ask_depth", t, ask + level * m.cell_int)
            displayed.append((q + r) / 2)
            e = 0.0
            if t > 0:
                bid0, ask0 = m.field("best_bid_price_int", t - 1), m.field("best_ask_price_int", t - 1)
                if bid0 and ask0:
                    q0 = depth("bid_depth", t - 1, bid0 - level * m.cell_int)
                    r0 = depth("ask_depth", t - 1, ask0 + level * m.cell_int)
                    e = (bid >= bid0) * q - (bid <= bid0) * q0 - ((ask <= ask0) * r - (ask >= ask0) * r0)
            flow.append(e)
        flows.append(flow)
        depths.append(displayed)
    raw = []
    for t in range(m.n_bins):
        total = 0.0
        for level in range(levels):
            recent = [flow[level] for flow in flows[max(0, t + 1 - window) : t + 1]]
            shown = [displayed[level] for displayed in depths[max(0, t + 1 - depth_window) : t + 1]]
            total += sum(recent) / max(1.0, sum(shown) / len(shown))
        raw.append(total)
    return [math.tanh(z / 3) for z in robust_z(raw, z_window)]


def net_edge(m: Market, reach: int = 10, span: int = 10) -> Numbers:
    now = []
    for t in range(m.n_bins):

        def weighed(column: str, side: int, t: int = t) -> float:
            return math.fsum(m.row(column, t, side * k) / k for k in m.ks(1, reach))

        p_below, p_above = weighed("pressure_variant", BID), weighed("pressure_variant", ASK)
        v_below, v_above = weighed("vacuum_variant", BID), weighed("vacuum_variant", ASK)
        now.append(safe_ratio(p_below + v_above - p_above - v_below, p_below + v_above + p_above + v_below))
    return ema_span(now, span)


def trade_flow(m: Market, span: int = 50) -> Numbers:
    now = []
    for t in range(m.n_bins):
        buy, sell = m.field("buy_volume", t), m.field("sell_volume", t)
        now.append((buy - sell) / (buy + sell + 1))
    return ema_span(now, span)


def ads_lean(m: Market) -> Numbers:
    lean = []
    for t in range(m.n_bins):
        total = mass = 0.0
        for first, last, width in BANDS:
            if not m.ks(first, last):
                continue
            add = m.mean("v_add", t, BID, first, last) - m.mean("v_add", t, ASK, first, last)
            pull = m.mean("v_pull", t, ASK, first, last) - m.mean("v_pull", t, BID, first, last)
            total += (add + pull) / math.sqrt(width)
            mass += 1 / math.sqrt(width)
        lean.append(total / mass)
    return lean


def ads(
    m: Market,
    windows: Sequence[int] = (10, 25, 50),
    z_window: int = 200,
    minimum: int = 30,
    weights: Sequence[float] = (0.40, 0.35, 0.25),
) -> Numbers:
    lean = ads_lean(m)
    parts = [[math.tanh(z / 3) for z in robust_z(ols(lean, window), z_window, minimum)] for window in windows]
    return [sum(w * part[t] for w, part in zip(weights, parts, strict=True)) for t in range(m.n_bins)]


def pfp(m: Market, lag: int = 5) -> Numbers:
    eps = 1e-6

    def lead(intensity: Callable[[int, int, int], float]) -> Numbers:
        inner = [intensity(t, 1, 3) for t in range(m.n_bins)]
        outer = [intensity(t, 5, 12) for t in range(m.n_bins)]
        late = ema([inner[t] * outer[t - lag] for t in range(lag, m.n_bins)], 0.1)
        now = ema([inner[t] * outer[t] for t in range(lag, m.n_bins)], 0.1)
        return [0.0] * lag + [min((a + eps) / (b + eps), 10.0) for a, b in zip(late, now, strict=True)]

    def adds(side: int) -> Callable[[int, int, int], float]:
        return lambda t, a, b: m.mean("v_add", t, side, a, b) + m.mean("v_fill", t, side, a, b)

    def pulls(side: int) -> Callable[[int, int, int], float]:
        return lambda t, a, b: m.mean("v_pull", t, side, a, b)

    four = zip(lead(adds(BID)), lead(adds(ASK)), lead(pulls(ASK)), lead(pulls(BID)), strict=True)
    return [0.6 * (a - b) + 0.4 * (c - d) for a, b, c, d in four][: m.n_bins]


def spg(m: Market, variant: str = "odd") -> Numbers:
    net, curve = [], []
    for t in range(m.n_bins):
        pressure, vacuum = (
            np.gradient([m.row(column, t, k) for k in range(-m.radius, m.radius + 1)])
            for column in ("pressure_variant", "vacuum_variant")
        )
        at = [m.radius + k for k in m.ks(1, 16)]
        mirrored = [m.radius - k for k in m.ks(1, 16)]
        p_above, p_below = float(np.mean(pressure[at])), float(np.mean(pressure[mirrored]))
        v_above, v_below = float(np.mean(vacuum[at])), float(np.mean(vacuum[mirrored]))
        if variant == "odd":
            net.append(-(p_above + p_below) + (v_above + v_below))
        else:
            net.append((p_above - p_below) + (v_above - v_below))
        inside = [k for k in range(-2, 3) if abs(k) < m.radius]
        second = [
            m.row("pressure_variant", t, k + 1)
            - 2 * m.row("pressure_variant", t, k)
            + m.row("pressure_variant", t, k - 1)
            for k in inside
        ]
        curve.append(math.fsum(second) / len(second))
    fast, slow, bend = ema_span(net, 5), ema_span(net, 20), ema_span(curve, 10)
    bent = 0.3 if variant == "even" else 0.0
    return [0.7 * (0.6 * f + 0.4 * s) - bent * c for f, s, c in zip(fast, slow, bend, strict=True)]


def erd(m: Market, variant: str = "a") -> Numbers:
    def entropy(states: Sequence[float]) -> float:
        shares = [sum(s == state for s in states) / len(states) for state in (-1, 0, 1)]
        return -math.fsum(p * math.log2(p) for p in shares if p > 0)

    whole, leans = [], []
    for t in range(m.n_bins):
        states = [m.row("flow_state_code", t, k) for k in range(-m.radius, m.radius + 1)]
        below, above = states[: m.radius], states[m.radius + 1 :]
        whole.append(entropy(states))
        if variant == "a":
            leans.append(m.mean("flow_score", t, BID, 1, m.radius) - m.mean("flow_score", t, ASK, 1, m.radius))
        else:
            leans.append(entropy(above) - entropy(below))
    gates = [max(0.0, z - 0.5) for z in robust_z(whole, 100)]
    return [lean * gate for lean, gate in zip(leans, gates, strict=True)]


def jad(m: Market) -> Numbers:
    def weighed(column: str, t: int, side: int) -> float:
        ks = m.ks(1, 24)
        return math.fsum(m.row(column, t, side * k) / k for k in ks) / math.fsum(1 / k for k in ks)

    blended = []
    for t in range(m.n_bins):
        jerk, accel = (
            0.5 * (weighed(f"{order}_add", t, BID) - weighed(f"{order}_add", t, ASK))
            + 0.5 * (weighed(f"{order}_pull", t, ASK) - weighed(f"{order}_pull", t, BID))
            for order in "ja"
        )
        blended.append(0.4 * jerk + 0.6 * accel if jerk * accel > 0 else 0.8 * jerk + 0.2 * accel)
    return [math.tanh(z / 3) for z in robust_z(blended, 300)]


def iirc(m: Market) -> Numbers:
    def log_ratio(t: int, side: int) -> float:
        add, pull, fill = (
            math.fsum(m.row(column, t, side * k) for k in m.ks(1, 16)) for column in ("v_add", "v_pull", "v_fill")
        )
        return math.log(1 + add / (pull + fill + 1))

    imbalances = [log_ratio(t, BID) - log_ratio(t, ASK) for t in range(m.n_bins)]
    fast, slow = ols(imbalances, 10), ols(imbalances, 30)
    return [
        0.0 if abs(x) < 0.1 else 0.6 * (f or 0.0) + 0.4 * (s or 0.0)
        for x, f, s in zip(imbalances, fast, slow, strict=True)
    ]


def msd(m: Market, variant: str = "weighted") -> Numbers:
    return [
        math.fsum(
            side * m.row("vacuum_variant", t, side * k) / (k if variant == "weighted" else 1)
            for k in range(1, m.radius + 1)
            for side in (BID, ASK)
        )
        for t in range(m.n_bins)
    ]


def ads_pfp_svac(m: Market) -> Numbers:
    def bins(ms: float, least: int) -> int:
        return max(least, math.floor(ms / m.cell_width_ms + 0.5))

    windows = [bins(ms, 2) for ms in (1000, 2500, 5000)]
    z_window, lag = bins(20_000, 2), bins(500, 1)
    minimum = math.ceil(0.15 * z_window)
    slopes = ads(m, windows, z_window, minimum)
    leads = [math.tanh(x) for x in pfp(m, lag)]
    asymmetry = msd(m)
    svac = [x / max(size, 1e-6) for x, size in zip(asymmetry, ema([abs(x) for x in asymmetry], 0.05), strict=True)]
    out = []
    for t in range(m.n_bins):
        slope_count = max(0, t + 1 - (max(windows) - 1))  # slopes of the longest window so far
        warm = [(0.3, svac[t])]
        if slope_count >= minimum:
            warm.append((0.4, slopes[t]))
        if t >= lag:
            warm.append((0.3, leads[t]))
        out.append(sum(w * x for w, x in warm) / sum(w for w, _ in warm))
    return out


ORACLES: Mapping[str, Callable[..., Numbers]] = {
    "imbalance": imbalance,
    "depth_imbalance": depth_imbalance,
    "ofi": ofi,
    "net_edge": net_edge,
    "trade_flow": trade_flow,
    "ads": ads,
    "pfp": pfp,
    "spg": spg,
    "erd": erd,
    "jad": jad,
    "iirc": iirc,
    "msd": msd,
    "ads_pfp_svac": ads_pfp_svac,
}
