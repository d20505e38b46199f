"""The planted effect: measurable when there is one, absent when there is none. Read with NumPy alone."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from vp_book.records import F_LAST, F_SNAPSHOT, MBO_DTYPE
from vp_book.synthetic import write_market

TICK = 250_000_000
RADIUS = 12
MINUTES = 10


def flow_and_price(path: Path, start_ns: int) -> tuple[np.ndarray, np.ndarray]:
    """Per second: net flow near the touch (bid adds and ask pulls count up), and the last trade's price in ticks."""
    data = path.read_bytes()
    records = np.frombuffer(data, dtype=MBO_DTYPE, offset=8 + int.from_bytes(data[4:8], "little"))
    event = np.cumsum((records["flags"] & F_LAST) != 0) - ((records["flags"] & F_LAST) != 0)
    has_trade = np.zeros(int(event[-1]) + 1, dtype=bool)
    has_trade[event[records["action"] == b"T"]] = True
    ticks = records["price"] // TICK
    trades = np.where(records["action"] == b"T", np.arange(len(records)), 0)
    last = ticks[np.maximum.accumulate(trades)]
    second = ((records["ts_recv"] - start_ns) // 1_000_000_000).astype(np.int64)
    plain = ((records["flags"] & F_SNAPSHOT) == 0) & ~has_trade[event] & (np.abs(ticks - last) <= RADIUS)
    sign = np.where(records["action"] == b"A", 1, np.where(records["action"] == b"C", -1, 0))
    sign = sign * np.where(records["side"] == b"B", 1, -1)
    flow = np.bincount(second[plain], (sign * records["size"])[plain], minlength=MINUTES * 60)
    price = np.full(MINUTES * 60, np.nan)
    traded = records["action"] == b"T"
    price[second[traded]] = ticks[traded]
    filled = np.maximum.accumulate(np.where(np.isnan(price), 0, np.arange(len(price))))
    return flow, price[filled]


def lead_correlation(tmp_path: Path, seeds: range, effect: float) -> float:
    """Correlation, over pooled markets, of three seconds' flow with the price change of the eight seconds after."""
    flows, changes = [], []
    for seed in seeds:
        market = write_market(tmp_path / "m.dbn", seed=seed, minutes=MINUTES, effect=effect, start="10:00")
        flow, price = flow_and_price(market.path, market.start_ns)
        at = np.arange(20, MINUTES * 60 - 10)
        flows.append(np.convolve(flow, np.ones(3), "full")[at])
        changes.append(price[at + 8] - price[at])
    return float(np.corrcoef(np.concatenate(flows), np.concatenate(changes))[0, 1])


def test_planted_effect_leads_the_price(tmp_path: Path) -> None:
    assert lead_correlation(tmp_path, range(100, 103), 0.8) > 0.15


def test_without_one_flow_says_nothing(tmp_path: Path) -> None:
    # 6 markets hold about 450 independent spans of 8 s: 0.15 is three standard errors.
    assert abs(lead_correlation(tmp_path, range(200, 206), 0.0)) < 0.15
