"""The search-corrected p-value: its arithmetic, and that it is honest about luck."""

import dataclasses

import numpy as np
import pytest

from vp_harness.errors import ParameterError
from vp_harness.evaluation.events import Events
from vp_harness.evaluation.leaving import NOT_OPENED
from vp_harness.evaluation.outcomes import ExitRule, Prices, opened, outcome_table
from vp_harness.judgement.search import Shares, Trial, corrected_p_values, shifted_means
from vp_harness.passive.table import PassiveFills

TICK = 250_000_000


def random_market(seed, n=3000):
    rng = np.random.default_rng(seed)
    bid = 20_000 + np.cumsum(rng.integers(-1, 2, n))
    quotes = np.array([bid, bid + 1, bid, bid, bid + 1, bid + 1], np.int64) * TICK
    return Prices(quotes, rng.random(n) > 0.02, TICK)


def random_events(rng, valid, count, first, end):
    bins = np.sort(rng.choice(np.arange(first, end)[valid[first:end]], count, replace=False))
    return Events(bins.astype(np.int64), rng.choice(np.array([-1, 1], np.int8), count))


def random_orders(prices, n):
    """Passive orders at the touch of every bin, of which most are filled some bins later."""
    wait = np.random.default_rng(5).integers(-1, 12, (2, n)).astype(np.int32)
    wait[wait == 0] = 1
    return PassiveFills(prices.quotes[:2].copy(), wait, np.full((2, 2, n), np.nan), 20)


@pytest.mark.parametrize("model", ["mid", "cross", "queue"])
@pytest.mark.parametrize("allow_overlap", [False, True])
def test_a_shift_moves_every_event_and_drops_overlap_anew(allow_overlap, model):
    prices = random_market(1, 600)
    table = outcome_table(prices, ExitRule(max_hold_bins=40, latency_bins=2), random_orders(prices, 600))
    fills = table.fills[model]
    first, end = 50, 500
    events = random_events(np.random.default_rng(2), prices.valid, 30, first, end)
    shares = np.array([0.0, 0.013, 0.4, 0.99])
    means = shifted_means(Trial(events, table, first, end, allow_overlap, model=model), Shares(shares))
    for mean, share in zip(means, shares, strict=True):
        moved = (events.bins - first + int(share * (end - first))) % (end - first) + first
        order = np.argsort(moved)
        on_book = prices.valid[moved[order]]
        taken = opened(
            Events(moved[order][on_book], events.directions[order][on_book]),
            table,
            allow_overlap=allow_overlap,
            model=model,
        )
        row = (taken.directions < 0).astype(int)
        traded = fills.outcome[row, taken.bins] != NOT_OPENED
        assert traded.all() or model != "mid"
        assert mean == pytest.approx(fills.pnl_ticks[row, taken.bins][traded].mean())


def test_p_values_are_uniform_when_there_is_nothing_to_find():
    """120 searches of 20 rows each over random walks: a naive test would find something in most of them."""
    found = []
    for seed in range(120):
        rng = np.random.default_rng(seed + 1000)
        prices = random_market(seed, 1500)
        table = outcome_table(prices, ExitRule(tp_ticks=4, sl_ticks=4, max_hold_bins=60))
        trials = [Trial(random_events(rng, prices.valid, 40, 0, 1400), table, 0, 1400) for _ in range(20)]
        found.append(corrected_p_values(trials, draws=99).min())
    values = np.array(found)
    assert np.mean(values <= 0.05) <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / 120)
    assert 0.4 < values.mean() < 0.6


def test_an_effect_is_found_among_many_rows_without_one():
    rng = np.random.default_rng(5)
    prices = random_market(5)
    table = outcome_table(prices, ExitRule(tp_ticks=4, sl_ticks=4, max_hold_bins=60))
    trials = [Trial(random_events(rng, prices.valid, 60, 0, 2800), table, 0, 2800) for _ in range(30)]
    bins = trials[0].events.bins
    better = np.where(table.cross.pnl_ticks[0, bins] >= table.cross.pnl_ticks[1, bins], 1, -1).astype(np.int8)
    trials[0] = Trial(Events(bins, better), table, 0, 2800)
    p = corrected_p_values(trials)
    assert p[0] <= 0.003  # a draw may shift by nothing, and counts against the row
    assert p[1:].min() > 0.01


def test_more_rows_never_make_a_row_look_better():
    rng = np.random.default_rng(6)
    prices = random_market(6)
    table = outcome_table(prices, ExitRule(max_hold_bins=60))
    trials = [Trial(random_events(rng, prices.valid, 50, 0, 2800), table, 0, 2800) for _ in range(12)]
    alone = corrected_p_values(trials[:3])
    together = corrected_p_values(trials)
    assert (together[:3] >= alone).all()


def test_rows_with_too_few_events_cannot_win_but_count():
    prices = random_market(7)
    table = outcome_table(prices, ExitRule(max_hold_bins=60))
    few = Trial(random_events(np.random.default_rng(1), prices.valid, 4, 0, 2800), table, 0, 2800, min_events=5)
    none = Trial(Events(np.empty(0, np.int64), np.empty(0, np.int8)), table, 0, 2800)
    assert corrected_p_values([few, none]).tolist() == [1.0, 1.0]
    able = Trial(random_events(np.random.default_rng(2), prices.valid, 60, 0, 2800), table, 0, 2800)
    unable = [
        Trial(random_events(np.random.default_rng(n), prices.valid, 40, 0, 2800), table, 0, 2800) for n in range(9)
    ]
    unable = [dataclasses.replace(trial, min_events=10**9) for trial in unable]
    assert corrected_p_values([able, *unable])[0] > corrected_p_values([able])[0]


def test_events_outside_of_the_window_are_refused():
    table = outcome_table(random_market(8, 100), ExitRule(max_hold_bins=10))
    with pytest.raises(ParameterError, match="must be within 0:50"):
        Trial(Events(np.array([60]), np.array([1], np.int8)), table, 0, 50)
    with pytest.raises(ParameterError, match="window=0:101"):
        Trial(Events(np.empty(0, np.int64), np.empty(0, np.int8)), table, 0, 101)


def test_identical_trials_are_one_and_change_no_p_value():
    prices = random_market(3, 900)
    table, same, other = (
        outcome_table(prices, ExitRule(tp_ticks=tp, sl_ticks=4, max_hold_bins=60)) for tp in (4, 4, 5)
    )
    rng = np.random.default_rng(5)
    events = [random_events(rng, prices.valid, 30, 0, 800) for _ in range(3)]
    few = [Trial(events[0], table, 0, 800), Trial(events[1], table, 0, 800), Trial(events[1], other, 0, 800)]
    many = [few[0], few[1], Trial(events[0], same, 0, 800), few[2], few[1], Trial(events[0], table, 0, 810)]
    digests = [trial.digest for trial in many]
    assert [digests.index(digest) for digest in digests] == [0, 1, 0, 3, 1, 5]
    p_few, p_many = (corrected_p_values(trials, draws=99) for trials in (few, many[:5]))
    assert p_many.tolist() == [p_few[0], p_few[1], p_few[0], p_few[2], p_few[1]]
