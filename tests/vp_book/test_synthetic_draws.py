"""Random numbers and tables of the synthetic market against plain mathematics."""

from __future__ import annotations

import math
from typing import Any, cast

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vp_book.synthetic.market import draws as _draws
from vp_book.synthetic.market import tables as _tables
from vp_book.synthetic.market.clock import advance
from vp_book.synthetic.market.generate import Market, Session
from vp_book.synthetic.market.model import ACTIVITY, MarketModel, activity_thousandths
from vp_book.synthetic.market.state import RAW_BLOCK, allocate
from vp_book.synthetic.orders.snapshot import open_market

SIM = allocate()[0]


def refill(seed: int) -> None:
    SIM["raw"] = (np.random.PCG64(seed).random_raw(RAW_BLOCK) >> np.uint64(1)).astype(np.int64)
    SIM["raw_next"] = 0


@settings(deadline=None)
@given(st.floats(0, 31.9))
def test_decay_is_exp(x: float) -> None:
    assert _draws.decay(SIM, x) == pytest.approx(math.exp(-x), rel=1e-8)


def test_decay_ends() -> None:
    assert _draws.decay(SIM, 32.0) == 0.0
    assert _draws.decay(SIM, 1e9) == 0.0


def test_exponential_has_its_distribution() -> None:
    refill(1)
    sample = np.sort([_draws.exponential(SIM) for _ in range(50_000)])
    expected = 1 - np.exp(-sample)
    # Kolmogorov-Smirnov: 1.63 / sqrt(n) is the 1 % point.
    assert np.abs(expected - np.arange(1, len(sample) + 1) / len(sample)).max() < 1.63 / math.sqrt(len(sample))


@settings(deadline=None)
@given(st.integers(1, 2**31))
def test_below_stays_below(n: int) -> None:
    SIM["raw_next"] = 0
    SIM["raw"][:2] = (2**63 - 1, 0)
    assert _draws.below(SIM, n) == n - 1
    assert _draws.below(SIM, n) == 0


def test_distances_decline_and_reach_far() -> None:
    counts = np.bincount(_tables.distance_table(), minlength=_tables.MAX_DISTANCE + 1)
    assert counts.sum() == 4096
    assert counts[0] > counts[5] > counts[20] > counts[60] > 0


def test_sizes_and_profile_are_whole_tables() -> None:
    assert len(_tables.size_table()) == 256
    assert _tables.size_table().min() == 1
    profile = _tables.profile_table()
    assert profile.min() > 0
    assert profile[0] < profile[25]
    assert profile[25] > profile[255]


def test_activity_follows_its_knots_and_peaks_at_the_open() -> None:
    assert [activity_thousandths(minute * 60) for minute, _ in ACTIVITY[:-1]] == [v for _, v in ACTIVITY[:-1]]
    assert activity_thousandths(86_400) == activity_thousandths(0)
    assert max(range(0, 86_400, 60), key=activity_thousandths) == (9 * 60 + 30) * 60


def test_compiled_market_is_the_plain_python_one() -> None:
    """Two seconds of a market, a clear and snapshot included, compiled and as the same functions without numba."""
    second = 1_000_000_000
    session = Session(
        seed=9,
        effect=0.6,
        symbol="SYNM6",
        instrument_id=1,
        start_ns=1_770_388_199 * second,
        end_ns=1_770_388_201 * second,
        second_of_day=9 * 3600 + 29 * 60 + 59,
        reset_ns=1_770_388_200 * second,
    )
    outs = []
    for running in (advance, cast(Any, advance).py_func):
        market = Market(session, MarketModel())
        market._refill()
        open_market(market._market)
        market._refill()
        assert running(market._market)
        outs.append(market._sim["out"][: market._sim["out_n"]].copy())
    assert outs[0].tobytes() == outs[1].tobytes()
    assert len(outs[0]) > 2_000
