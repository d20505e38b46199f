"""The search-corrected p-value: its arithmetic, and that it is honest about luck."""

import dataclasses

import numpy as np
import pytest

from vp_harness.errors import ParameterError
from vp_harness.evaluation.events import Events
from vp_harness.evaluation.leaving import NOT_OPENED
from vp_harness.evaluation.outcomes import ExitRule, Prices, opened, outcome_table
from vp_harness.judgement.overfitting import moments_of, trade_moments
from vp_harness.judgement.search import (
    Shares,
    corrected_p_values,
    draw_first,
    draw_more,
    first_scores,
    more_scores,
    shares_of,
    shifted_means,
)
from vp_harness.judgement.trials import Trial, trials_between
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


def summed_in_turn(trial, share):
    """The mean pnl of a shift, added up in order of time in the precision that the kernel has."""
    placed = trial.table.placements[trial.model]
    moved = []
    for day, (first, end) in enumerate(trial.windows or [(trial.first, trial.end)]):
        of_day = trial.events.between(first, end)
        shift = int(np.floor(share * (end - first)))
        for at, way in zip(of_day.bins.tolist(), of_day.directions.tolist(), strict=True):
            moved.append((day, at + shift - (end - first if at + shift >= end else 0), 0 if way > 0 else 1))
    total, count, busy_until = 0.0, 0, -1
    for _, at, row in sorted(moved):
        code = int(placed.code[row, at, 0])
        if code < 0 or (at <= busy_until and not trial.allow_overlap):
            continue
        busy_until = code >> 1
        count += code & 1
        total += float(placed.pnl_ticks[row, at, 1])
    return total / count if count else 0.0


def many_trials(model, allow_overlap, windows):
    """Trials of rows in which much, little and nothing fired, and what they are cut from."""
    prices = random_market(1, 600)
    table = outcome_table(prices, ExitRule(max_hold_bins=40, latency_bins=2), random_orders(prices, 600))
    rng = np.random.default_rng(3)
    rows = [random_events(rng, prices.valid, count, 0, 600) for count in (30, 1, 0, 200, 60)]
    rows.insert(2, Events(np.array([10, 560]), np.array([1, -1], np.int8)))  # none of them in the window
    ends = np.cumsum([len(row) for row in rows])
    events = Events(np.concatenate([row.bins for row in rows]), np.concatenate([row.directions for row in rows]))
    like = Trial(Events(events.bins[:0], events.directions[:0]), table, 50, 500, allow_overlap, 1, model, windows)
    return trials_between(events, ends - [len(row) for row in rows], ends, like), rows


KINDS = pytest.mark.parametrize(
    ("model", "allow_overlap", "windows"),
    [
        ("mid", False, ()),
        ("cross", False, ()),
        ("queue", False, ()),
        ("cross", True, ()),
        ("queue", True, ()),
        ("cross", False, ((50, 260), (300, 500))),
    ],
)


@KINDS
def test_a_mean_is_to_the_bit_what_adding_up_in_turn_gives(model, allow_overlap, windows):
    trials, _ = many_trials(model, allow_overlap, windows)
    shares = np.append(0.0, shares_of(60))
    for i in (0, 1, 5):
        means = shifted_means(trials[i], Shares(shares))
        assert means.tolist() == [summed_in_turn(trials[i], share) for share in shares]


@KINDS
def test_many_trials_at_once_are_to_the_bit_each_alone(model, allow_overlap, windows):
    trials, rows = many_trials(model, allow_overlap, windows)
    assert len(trials) == 6
    assert trials.counts.tolist() == [len(row.between(50, 500)) for row in rows]
    assert trials.counts[2] == trials.counts[3] == 0
    assert trials.digests() == [
        trial.digest if len(trial.events) else "" for trial in map(trials.__getitem__, range(6))
    ]
    assert trials.codes().tolist() == [int(digest or "0", 16) for digest in trials.digests()]
    shares, later = Shares(shares_of(99), observed=True), Shares(shares_of(150)[99:])
    some = trials.some([4, 0, 1])
    alone = [trials[4], trials[0], trials[1]]
    for without_sign in (False, True):
        best, best_later = np.full(100, -np.inf, np.float32), np.full(51, -np.inf, np.float32)
        drawn = draw_first(some, shares, best, without_sign=without_sign)
        draw_more(some, later, drawn.standards, best_later, without_sign=without_sign)
        first = [first_scores(trial, shares) for trial in alone]
        more = [more_scores(trial, later, one.mean, one.deviation) for trial, one in zip(alone, first, strict=True)]
        assert drawn.statistics.tolist() == [one.values[0] for one in first]
        assert drawn.standards.tolist() == [[one.mean, one.deviation] for one in first]
        size = np.abs if without_sign else np.positive
        assert best.tolist() == np.max([size(one.values) for one in first], axis=0).tolist()
        assert best_later.tolist() == np.max([size(one.values) for one in more], axis=0).tolist()
    assert moments_of(some).tolist() == [trade_moments(trial).tolist() for trial in alone]


def test_rows_without_any_event_are_trials_without_any():
    table = outcome_table(random_market(1, 600), ExitRule(max_hold_bins=40))
    none = Events(np.empty(0, np.int64), np.empty(0, np.int8))
    trials = trials_between(none, np.zeros(2, np.int64), np.zeros(2, np.int64), Trial(none, table, 0, 600))
    assert (trials.digests(), trials.counts.tolist()) == (["", ""], [0, 0])
    assert trials.codes().tolist() == [0, 0]


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
