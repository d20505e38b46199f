"""The learned signals from the table of the specification: features, labels and models in plain Python and NumPy.

Whole histories, no state carried from bin to bin; nothing here is shared with the code under test.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from support.signal_oracles import BANDS, BID, Market, Numbers, ads_lean, ols, robust_z

FLOW = ("v_add", "v_pull", "a_add", "a_pull", "j_add", "j_pull")
WINDOWS = (50, 200, 600)
Columns = list[Numbers]


def mids(m: Market) -> list[float | None]:
    """In ticks; None without a valid book."""
    out: list[float | None] = []
    for t in range(m.n_bins):
        bid, ask = m.field("best_bid_price_int", t), m.field("best_ask_price_int", t)
        out.append((bid + ask) / 2 / m.cell_int if bid and ask and bid < ask else None)
    return out


def carried(m: Market) -> Numbers:
    """The last valid mid less the first, 0 before there is one."""
    out: Numbers = []
    first: float | None = None
    last: float | None = None
    for mid in mids(m):
        if mid is not None:
            first = mid if first is None else first
            last = mid
        out.append(0.0 if last is None or first is None else last - first)
    return out


def returns(m: Market) -> Numbers:
    levels = carried(m)
    return [0.0, *(b - a for a, b in itertools.pairwise(levels))]


def rolled(series: Sequence[float], *, skew: bool = False) -> Columns:
    """Mean, deviation (and skewness) over each window, or over what there is of it."""
    columns: Columns = []
    for window in WINDOWS:
        last = [np.array(series[max(0, t + 1 - window) : t + 1]) for t in range(len(series))]
        columns += [[float(x.mean()) for x in last], [float(x.std()) for x in last]]
        if skew:
            columns.append(
                [float(((x - x.mean()) ** 3).mean() / x.std() ** 3) if x.std() > 1e-9 else 0.0 for x in last]
            )
    return columns


def slopes(series: Sequence[float], window: int) -> Numbers:
    return [x or 0.0 for x in ols(series, window)]


def net(m: Market, t: int, k: int) -> float:
    return m.row("pressure_variant", t, k) - m.row("vacuum_variant", t, k)


def net_row(m: Market, k: int) -> Numbers:
    return [net(m, t, k) for t in range(m.n_bins)]


def every(m: Market, step: int) -> list[int]:
    return [k for k in range(-m.radius, m.radius + 1) if k % step == 0]


def flow_leans(m: Market) -> Columns:
    columns: Columns = []
    for name in FLOW:
        sign = -1 if name.endswith("pull") else 1
        for first, last, _ in BANDS:
            columns.append(
                [
                    sign * (m.mean(name, t, BID, first, last) - m.mean(name, t, -BID, first, last))
                    for t in range(m.n_bins)
                ]
            )
    return columns


def svm_sp(m: Market) -> Columns:
    columns = [net_row(m, k) for k in every(m, 5)]
    for first, last, _ in BANDS:
        lean = []
        for t in range(m.n_bins):
            sides = [[net(m, t, side * k) for k in m.ks(first, last)] for side in (-1, 1)]
            below, above = (sum(x) / len(x) if x else 0.0 for x in sides)
            lean.append(below - above)
        columns += rolled(lean)
    return columns + rolled(returns(m))


def gbm_mf(m: Market) -> Columns:
    leans = flow_leans(m)
    spot = net_row(m, 0)
    spread = []
    for t, mid in enumerate(mids(m)):
        width = m.field("best_ask_price_int", t) - m.field("best_bid_price_int", t)
        spread.append(0.0 if mid is None else width / m.cell_int)
    return [
        *leans,
        *(slopes(lean, 50) for lean in leans),
        spot,
        *rolled(spot),
        *rolled(returns(m), skew=True),
        spread,
    ]


def knn_cl(m: Market) -> Columns:
    level = carried(m)
    momentum = [[level[t] - level[t - w] if t >= w else 0.0 for t in range(m.n_bins)] for w in (10, 50, 200)]
    lean = ads_lean(m)
    return [
        *flow_leans(m),
        *(slopes(lean, w) for w in (10, 25, 50)),
        *(net_row(m, k) for k in every(m, 10)),
        *momentum,
    ]


def lsvm_der(m: Market) -> Columns:
    leans = flow_leans(m)
    divergences: Columns = []
    for name in FLOW:
        sign = -1 if name.endswith("pull") else 1
        mass = math.fsum(1 / k for k in m.ks(1, 50))
        divergences.append(
            [
                sign * math.fsum((m.row(name, t, -k) - m.row(name, t, k)) / k for k in m.ks(1, 50)) / mass
                for t in range(m.n_bins)
            ]
        )
    return [*leans, *(slopes(lean, w) for w in (100, 300) for lean in leans), *divergences]


def xgb_snap(m: Market) -> Columns:
    reach = min(25, m.radius)
    bins = range(m.n_bins)
    columns: Columns = [
        [m.row(column, t, k) for t in bins]
        for column in ("pressure_variant", "vacuum_variant", "flow_score")
        for k in range(-reach, reach + 1)
    ]
    columns += rolled(returns(m))
    for column in ("pressure_variant", "vacuum_variant"):
        for side in (-1, 1):
            columns.append([math.fsum(m.row(column, t, side * k) for k in m.ks(1, m.radius)) for t in bins])
    return columns


FEATURES: Mapping[str, Callable[[Market], Columns]] = {
    "svm_sp": svm_sp,
    "gbm_mf": gbm_mf,
    "knn_cl": knn_cl,
    "lsvm_der": lsvm_der,
    "xgb_snap": xgb_snap,
}


def outcome(path: Sequence[float | None], i: int, tp: int, sl: int, hold: int) -> tuple[int, int] | None:
    """(label, bin that decided it) of the bin `i` of a path of mids; None while it is not known."""
    if path[i] is None:
        return None
    long = short = True
    for j in range(i + 1, i + hold + 1):
        if j >= len(path):
            return None
        start, end = path[i], path[j]
        moved = None if start is None or end is None else end - start
        if moved is not None:
            if long and moved >= tp:
                return 1, j
            if short and moved <= -tp:
                return -1, j
            long, short = long and moved > -sl, short and moved < sl
            if not long and not short:
                return 0, j
    return 0, i + hold


def walk_forward(
    m: Market, rows: np.ndarray, params: Any, fit: Callable[[np.ndarray, np.ndarray], Callable[[np.ndarray], float]]
) -> Numbers:
    """The value at every bin; `fit` takes rows and labels -1, 0, 1 and gives the function from a row to the value."""
    path = mids(m)
    values = []
    model = None
    for t in range(m.n_bins):
        late = t + 1 - params.train_from_bins
        if late >= 0 and late % params.refit_bins == 0:
            known = {}
            for i in range(max(0, t + 1 - params.train_bins), t + 1):
                found = outcome(path[: t + 1], i, params.tp_ticks, params.sl_ticks, params.max_hold_bins)
                if found is not None and found[1] <= t - params.embargo_bins:
                    known[i] = found[0]
            labels = np.array(list(known.values()))
            if min((labels == 1).sum(), (labels == -1).sum()) >= 10:
                model = fit(rows[list(known)], labels)
        values.append(0.0 if model is None else model(rows[t]))
    return values


def pca_ad(m: Market, window: int, refit: int) -> Numbers:
    rows = np.array([[net(m, t, k) for k in range(-m.radius, m.radius + 1)] for t in range(m.n_bins)])
    error: list[float | None] = []
    far: list[float | None] = []
    first: list[float | None] = []
    center = components = deviations = None
    for t in range(m.n_bins):
        if t + 1 >= window and (t + 1 - window) % refit == 0:
            last = rows[t + 1 - window : t + 1]
            center = last.mean(axis=0)
            _, sizes, vectors = np.linalg.svd(last - center, full_matrices=False)
            components, deviations = vectors[:10].copy(), sizes[:10] / math.sqrt(window)
            if components[0][: m.radius].sum() < components[0][m.radius + 1 :].sum():
                components[0] *= -1
        if center is None:
            for column in (error, far, first):
                column.append(None)
            continue
        scores = components @ (rows[t] - center)
        assert components is not None
        error.append(float(np.linalg.norm(rows[t] - center - components.T @ scores)))
        far.append(float(np.linalg.norm(scores / deviations)))
        first.append(float(scores[0]))
    ks = m.ks(1, m.radius)
    flow = [
        math.fsum(
            m.row("v_add", t, -k) - m.row("v_pull", t, -k) - m.row("v_add", t, k) + m.row("v_pull", t, k) for k in ks
        )
        / len(ks)
        for t in range(m.n_bins)
    ]
    zs = zip(*(robust_z(series, 300) for series in (error, far, first, flow)), strict=True)
    return [
        (0.5 * max(e, 0) + 0.5 * max(d, 0)) * (0.6 * math.tanh(p / 3) + 0.4 * math.tanh(f / 3)) for e, d, p, f in zs
    ]
