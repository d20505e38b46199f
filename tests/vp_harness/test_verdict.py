"""The words proven, unproven and refuted, and the two other measures of overfitting, against plain Python."""

import itertools
import math
import statistics
from types import SimpleNamespace

import msgspec
import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.runs import EMPTY, a_run

from vp_contract import EvalSpec
from vp_harness.evaluation.events import Events
from vp_harness.evaluation.outcomes import ExitRule, Prices, opened, outcome_table
from vp_harness.judgement.drawn import Drawn, Moments
from vp_harness.judgement.figures import Judge, Tally
from vp_harness.judgement.overfitting import BLOCKS, deflated_sharpe, overfitting_probability, trade_moments
from vp_harness.judgement.search import p_error, p_values
from vp_harness.judgement.trials import Trial
from vp_harness.judgement.verdict import confirmed_interval, look_factor, t_quantile, verdict_of
from vp_harness.research.records import DRAWN

FINE = {"p": 0.01, "low": 0.1, "high": 2.0, "trades": 30, "least": 5}


@pytest.mark.parametrize(
    ("change", "verdict", "says"),
    [
        ({}, "proven", ""),
        ({"p": 0.05}, "proven", ""),
        ({"p": 0.051}, "unproven", "the corrected p is 0.051, above 0.05"),
        ({"p": None}, "unproven", "fewer events than min_signals"),
        ({"low": 0.0}, "unproven", "+0.00 to +2.00 ticks a trade, which includes 0"),
        ({"low": -3.0, "high": -0.01}, "refuted", "it loses"),
        ({"low": -3.0, "high": -0.01, "p": 1.0}, "refuted", "it loses"),
        ({"low": -3.0, "high": 0.0}, "unproven", "includes 0"),
        ({"trades": 4, "least": 1}, "unproven", "4 trades, at least 5"),
        ({"trades": 19, "least": 20}, "unproven", "19 trades, at least 20"),
        ({"low": None, "high": None}, "unproven", "trades"),
        ({"incomplete": "parts are gone"}, "unproven", "parts are gone"),
    ],
)
def test_the_verdict(change, verdict, says):
    given_ = {**FINE, **change}
    found = verdict_of(given_.pop("p"), given_.pop("low"), given_.pop("high"), given_.pop("trades"), **given_)
    assert found[0] == verdict
    assert says in found[1]


def test_the_interval_by_hand():
    # 27 trades are 9 blocks: t(8) = 2.3060, over 1.95996 is 1.17655, times sqrt(9/8) = 1.06066 and 1.5: 1.87188
    low, high = confirmed_interval(1.0, 0.2, 1.8, 27, 1.5)
    assert (low, high) == pytest.approx((1 - 0.8 * 1.87188, 1 + 0.8 * 1.87188), abs=1e-4)
    # 2 trades are taken as 2 blocks, the fewest with a spread: t(1) = 12.7062, times sqrt(2)
    assert confirmed_interval(1.0, 0.9, 1.1, 2, 1.0)[0] == pytest.approx(1 - 0.1 * 6.48289 * 1.41421, abs=1e-4)
    assert confirmed_interval(1.0, None, None, 24, 1.0) == (None, None)
    assert confirmed_interval(1.0, 1.0, 1.0, 1, 1.0) == (None, None)


@pytest.mark.parametrize(
    ("freedom", "t"),
    [(1, 12.7062), (1.5, 8.50445), (10, 2.2281), (11, 2.20099), (23, 2.06866), (100, 1.98397)],
)
def test_students_quantile(freedom, t):
    assert t_quantile(freedom) == pytest.approx(t, abs=4e-4)


def test_one_look_needs_no_wider_interval_and_many_do():
    rng = np.random.default_rng(1)
    scores = np.abs(rng.standard_normal((200, 1000))).astype(np.float32)
    one, many = look_factor(scores[0]), look_factor(scores.max(axis=0))
    assert 1.0 <= one < 1.1
    # Bonferroni of 200: 3.66 / 1.96
    assert many == pytest.approx(1.87, abs=0.12)
    assert look_factor(np.empty(0, np.float32)) == 1.0


@given(st.lists(st.floats(-5, 5, width=32), min_size=1, max_size=40), st.floats(-5, 5, width=32))
def test_a_p_value_is_the_share_of_draws_at_least_as_good(best, statistic):
    p = p_values(np.array(best, np.float32), np.array([statistic], np.float32))[0]
    assert p == pytest.approx(sum(value >= np.float32(statistic) for value in best) / len(best))


def test_the_error_of_a_p_value():
    assert p_error(0.05, 999) == pytest.approx(math.sqrt(0.05 * 0.95 / 1000))
    assert p_error(1.0, 999) > 0


def plain_deflated(pnl, n_trials, variance):
    """Bailey and López de Prado 2014, equations 1 and 2, as they stand."""
    mean, n = statistics.fmean(pnl), len(pnl)
    sharpe = mean / statistics.stdev(pnl)
    moment = {k: statistics.fmean((x - mean) ** k for x in pnl) for k in (2, 3, 4)}
    skew, kurt = moment[3] / moment[2] ** 1.5, moment[4] / moment[2] ** 2
    normal, gamma = statistics.NormalDist(), 0.5772156649015329
    best = math.sqrt(variance) * (
        (1 - gamma) * normal.inv_cdf(1 - 1 / n_trials) + gamma * normal.inv_cdf(1 - 1 / (n_trials * math.e))
    )
    return normal.cdf((sharpe - best) * math.sqrt(n - 1) / math.sqrt(1 - skew * sharpe + (kurt - 1) / 4 * sharpe**2))


def a_trial(seed, count=60, model="cross", allow_overlap=False):
    rng = np.random.default_rng(seed)
    bid = 20_000 + np.cumsum(rng.integers(-1, 2, 2000))
    quotes = np.array([bid, bid + 1, bid, bid, bid + 1, bid + 1], np.int64) * 250_000_000
    prices = Prices(quotes, rng.random(2000) > 0.05, 250_000_000)
    table = outcome_table(prices, ExitRule(tp_ticks=4, sl_ticks=3, max_hold_bins=30, latency_bins=3, cost_ticks=0.5))
    bins = np.sort(rng.choice(np.flatnonzero(prices.valid[:1900]), count, replace=False))
    events = Events(bins.astype(np.int64), rng.choice(np.array([-1, 1], np.int8), count))
    return Trial(events, table, 0, 1900, allow_overlap, model=model)


@pytest.mark.parametrize("model", ["mid", "cross"])
@pytest.mark.parametrize("allow_overlap", [False, True])
def test_moments_and_the_deflated_sharpe_ratio_are_those_of_the_trades(model, allow_overlap):
    trial = a_trial(3, model=model, allow_overlap=allow_overlap)
    taken = opened(trial.events, trial.table, allow_overlap=allow_overlap)
    fills = trial.table.fills[model]
    row = (taken.directions < 0).astype(int)
    traded = fills.outcome[row, taken.bins] != 0
    pnl = (fills.pnl_ticks[row, taken.bins][traded] - (0.5 if model == "mid" else 0.0)).tolist()
    moments = trade_moments(trial)
    assert moments[:3] == pytest.approx([len(pnl), statistics.fmean(pnl), statistics.stdev(pnl)])
    blocks = taken.bins[traded] * BLOCKS // 1900
    for block in range(BLOCKS):
        assert moments[5 + block] == pytest.approx(sum(x for x, b in zip(pnl, blocks, strict=True) if b == block))
        assert moments[5 + BLOCKS + block] == np.count_nonzero(blocks == block)
    found = deflated_sharpe(
        moments[1:2] / moments[2:3], moments[:1], moments[3:4], moments[4:5], n_trials=50, variance=0.02
    )
    assert found[0] == pytest.approx(plain_deflated(pnl, 50, 0.02))


def test_no_trades_have_no_moments():
    trial = a_trial(4)
    none = Trial(Events(np.empty(0, np.int64), np.empty(0, np.int8)), trial.table, 0, 1900)
    assert not trade_moments(none).any()
    one = np.ones(1)
    assert np.isnan(deflated_sharpe(np.array([np.nan]), one, one, one, n_trials=3, variance=0.1)).all()


def plain_overfitting(pnl):
    """Bailey, Borwein, López de Prado and Zhu 2015 on rows of block sums with one trade a block."""
    blocks, below = len(pnl[0]), []
    for chosen in itertools.combinations(range(blocks), blocks // 2):
        inside = [statistics.fmean(row[b] for b in chosen) for row in pnl]
        outside = [statistics.fmean(row[b] for b in range(blocks) if b not in chosen) for row in pnl]
        mine = outside[inside.index(max(inside))]
        below.append(sum(value < mine for value in outside) + 1 < (len(pnl) + 1) / 2)
    return statistics.fmean(below)


def test_the_probability_of_overfitting_is_that_of_plain_python():
    rng = np.random.default_rng(2)
    pnl = rng.standard_normal((6, BLOCKS))  # an even number of rows: no rank is the middle one
    assert overfitting_probability(pnl, np.ones_like(pnl)) == pytest.approx(plain_overfitting(pnl.tolist()))
    skill = pnl * 0.1 + np.arange(6)[:, np.newaxis]
    assert overfitting_probability(skill, np.ones_like(skill)) == 0.0
    assert overfitting_probability(pnl[:1], np.ones((1, BLOCKS))) is None


def judged(fill_model, cost, **confirm):
    """The correction of one row whose choosing part is as good as can be."""
    run, _ = a_run(1)
    evaluation = msgspec.json.encode(EvalSpec(fill_model=fill_model, cost_ticks=cost)).decode()
    figures = {f"confirm_{name}": value for name, value in {**msgspec.to_builtins(EMPTY), **confirm}.items()}
    best = np.zeros(1000, np.float32)
    moments = np.arange(5 + 2 * BLOCKS, dtype=float).tolist()
    drawn = pl.DataFrame([("a" * 16, False, 5.0, 0.0, 1.0, moments)], schema=DRAWN, orient="row")
    tally = Tally(
        known=Drawn.of(drawn),
        best=best,
        best_confirm=best,
        n_trials=1,
        n_looks=1,
        n_retired=0,
        draws=999,
        seed=1,
        incomplete="",
    )
    rows = pl.DataFrame({"run_id": [run.run_id], "threshold": [0.1], "choose": tally.known.choosing, "able": [True]})
    stored = pl.DataFrame(
        {"run_id": [run.run_id], "threshold": [0.1], **{name: [value] for name, value in figures.items()}}
    )
    runs = pl.DataFrame([msgspec.to_builtins(msgspec.structs.replace(run, eval_json=evaluation))])
    judge = Judge(runs, tally, Moments.of(tally.known, [drawn]), n_rows=1, sequence=1, state="x")
    (correction,) = judge.corrections(rows, stored)
    return SimpleNamespace(verdict=correction.verdict, low=correction.confirmed_low, high=correction.confirmed_high)


MID = {"mean_pnl_ticks": 2.0, "mean_pnl_ticks_low": 1.0, "mean_pnl_ticks_high": 3.0}
LOSING = {"net_pnl_ticks": -0.5, "net_pnl_ticks_low": -1.5, "net_pnl_ticks_high": 0.5}


def test_lucky_but_costly_is_unproven_and_the_named_fills_decide():
    """At the mid it earns two ticks; what a taker gets is a loss."""
    both = {"n_signals": 400, **MID, **LOSING}
    assert judged("cross", 0.0, **both).verdict == "unproven"
    assert judged("mid", 0.0, **both).verdict == "proven"
    assert judged("mid", 1.0, **both).verdict == "unproven"  # the mid fills pay what a round trip costs too
    assert judged("mid", 4.0, **both).verdict == "refuted"
    winning = {**both, "net_pnl_ticks": 1.0, "net_pnl_ticks_low": 0.5, "net_pnl_ticks_high": 1.5}
    found = judged("cross", 1.0, **winning)  # the stored net pnl has paid it already
    assert found.verdict == "proven"
    assert (found.low, found.high) == pytest.approx((0.5, 1.5), abs=0.02)
