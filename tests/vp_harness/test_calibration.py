"""The harness itself on markets of which the truth is known: a short version of `benchmarks/calibration.py`.

In a market where nothing leads the price, at most one experiment in twenty has a corrected p of 0.05 or less, a row
that is called proven, or a confirmed interval without 0. `VP_CALIBRATION_MARKETS` of each kind are judged.
"""

import math
import os

import numpy as np

from null_markets import EVALUATION, KINDS, judge_bins, market
from vp_harness.evaluation.measures import bootstrap_interval
from vp_harness.judgement.verdict import confirmed_interval

MARKETS = int(os.environ.get("VP_CALIBRATION_MARKETS", "8"))


def unlikely_above(markets, share=0.05):
    """The count that a binomial one exceeds in one of a thousand cases."""
    below = 0.0
    for count in range(markets + 1):
        below += math.comb(markets, count) * share**count * (1 - share) ** (markets - count)
        if below >= 0.999:
            return count
    return markets


def test_nothing_is_found_where_nothing_is():
    found = [judge_bins(market(kind, number, 3000)) for kind in KINDS for number in range(MARKETS)]
    limit = unlikely_above(len(found))
    assert sum(one.p <= 0.05 for one in found) <= limit
    assert sum(one.proven for one in found) <= limit
    assert sum(one.excludes for one in found) <= limit
    assert sum(one.p <= 0.5 for one in found) <= unlikely_above(len(found), 0.5)
    assert any(one.p <= 0.5 for one in found)
    assert {one.rows for one in found} == {8}


def test_what_leads_the_price_is_found():
    found = [judge_bins(market("martingale", number, 8000, lead=0.8)) for number in range(5)]
    assert sum(one.p <= 0.05 for one in found) >= 4
    assert sum(one.proven for one in found) >= 4


def test_a_widened_interval_leaves_the_truth_out_as_seldom_as_it_says():
    """Of 3,000 rows whose 20 trades win or lose four ticks with equal odds; 1.3 times 1.96 deviations are 98.9 %."""
    rng, trades = np.random.default_rng(20), 20
    left_out = 0
    for number in range(3000):
        pnl = rng.choice([-4.0, 4.0], trades)
        interval = bootstrap_interval(pnl, seed=number)
        low, high = confirmed_interval(float(pnl.mean()), *interval, trades, 1.3)
        assert low is not None
        assert high is not None
        left_out += not low <= 0 <= high
    assert left_out / 3000 < 0.018


def test_a_market_is_the_same_from_the_same_seed_and_nothing_leads_in_it():
    for kind in KINDS:
        first, again = market(kind, 3, 2000), market(kind, 3, 2000)
        assert first.bins.equals(again.bins)
        moves = np.diff(first.bins["best_bid_price_int"].to_numpy())
        up = moves[moves != 0] > 0
        assert abs(np.mean(up) - 0.5) < 4 * 0.5 / math.sqrt(len(up))


def test_the_evaluation_hides_no_error_behind_costs():
    assert (EVALUATION.fill_model, EVALUATION.paid_ticks) == ("mid", 0.0)
