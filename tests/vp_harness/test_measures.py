"""The figures of a row and their intervals."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vp_harness.errors import ParameterError
from vp_harness.evaluation.events import Events
from vp_harness.evaluation.leaving import NOT_OPENED, STOP, TAKE_PROFIT, TIMEOUT
from vp_harness.evaluation.measures import (
    bootstrap_interval,
    bootstrap_intervals,
    measure,
    profit_factor,
    wilson_interval,
)
from vp_harness.evaluation.outcomes import ExitRule, Fills, OutcomeTable


def table_of(outcomes, pnl):
    n = len(outcomes)
    fills = Fills(
        np.tile(np.array(outcomes, np.int8), (2, 1)),
        np.tile(np.arange(n) + 10, (2, 1)),
        np.vstack([pnl, -np.array(pnl)]).astype(np.float64),
    )
    return OutcomeTable(fills, fills, ExitRule())


def test_a_row_is_counted_as_a_person_would():
    table = table_of([TAKE_PROFIT, STOP, TIMEOUT, STOP, NOT_OPENED], [8, -4, 1, 4, 0])
    events = Events(np.arange(5), np.array([1, 1, 1, -1, 1], np.int8))
    row = measure(events, table, n_bins=36_000, cell_width_ms=100, seed=1)
    assert (row.n_signals, row.n_up, row.n_down) == (5, 4, 1)
    assert row.events_per_hour == pytest.approx(5.0)
    assert (row.tp_rate, row.sl_rate, row.timeout_rate) == (0.25, 0.5, 0.25)
    assert row.mean_pnl_ticks == pytest.approx((8 - 4 + 1 - 4) / 4)
    assert row.profit_factor == pytest.approx(9 / 8)
    assert row.median_time_to_outcome_ms == 1000
    assert row.breakeven_tp_rate == pytest.approx(1 / 3)


def test_no_events_give_no_rates():
    row = measure(
        Events(np.empty(0, np.int64), np.empty(0, np.int8)), table_of([STOP], [1]), n_bins=10, cell_width_ms=100, seed=1
    )
    assert row.n_signals == 0
    assert row.tp_rate is None
    assert row.mean_pnl_ticks_low is None
    assert row.profit_factor is None


@given(trials=st.integers(1, 400), data=st.data())
@settings(deadline=None)
def test_wilson_bounds_solve_the_score_equation(trials, data):
    successes = data.draw(st.integers(0, trials))
    low, high = wilson_interval(successes, trials)
    p = successes / trials
    assert 0 <= low <= p <= high <= 1
    for bound in (low, high):
        if 0 < bound < 1 and 0 < p < 1:
            assert abs(p - bound) / math.sqrt(bound * (1 - bound) / trials) == pytest.approx(1.959964, abs=1e-5)


@given(st.lists(st.floats(-10, 10), min_size=1, max_size=50), st.integers(0, 2**64 - 1))
@settings(deadline=None, max_examples=30)
def test_the_bootstrap_stays_within_the_values_and_repeats(values, seed):
    array = np.array(values)
    low, high = bootstrap_interval(array, seed=seed, draws=50)
    assert array.min() - 1e-9 <= low <= high <= array.max() + 1e-9
    assert (low, high) == bootstrap_interval(array, seed=seed, draws=50)


def plain_places(n, seed, draws):
    """The places of each resample of the stationary bootstrap, with Python's whole numbers of any size."""
    restart = 1.0 / max(1.0, n ** (1 / 3))
    state, all_64 = seed, 2**64 - 1
    for _ in range(draws):
        places, at = [], 0
        for i in range(n):
            state = (state + 0x9E3779B97F4A7C15) & all_64
            z = state
            z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & all_64
            z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & all_64
            z ^= z >> 31
            if i == 0 or (z >> 32) * 2.0**-32 < restart:
                at = int((z & 0xFFFFFFFF) * 2.0**-32 * n)
            else:
                at = at + 1 if at + 1 < n else 0
            places.append(at)
        yield places


def plain_interval(values, seed, draws):
    """The bootstrap draw by draw, summed in order."""
    means = []
    for places in plain_places(len(values), seed, draws):
        total = 0.0
        for at in places:
            total += values[at]
        means.append(total / len(values))
    low, high = np.quantile(means, [0.025, 0.975])
    return float(low), float(high)


@given(
    values=st.lists(st.floats(-20, 20), min_size=1, max_size=30),
    seed=st.integers(0, 2**64 - 1),
    draws=st.integers(1, 25),
)
@settings(deadline=None, max_examples=40)
def test_the_bootstrap_is_that_of_the_plain_loop_bit_for_bit(values, seed, draws):
    pair = np.array([values, values[::-1]], np.float64)
    expected = [plain_interval(row.tolist(), seed, draws) for row in pair]
    assert bootstrap_intervals(pair, seed=seed, draws=draws) == expected
    assert bootstrap_interval(pair[0], seed=seed, draws=draws) == expected[0]


@given(
    values=st.lists(st.tuples(st.floats(-5, 5), st.booleans()), min_size=2, max_size=30),
    seed=st.integers(0, 2**64 - 1),
)
@settings(deadline=None, max_examples=30)
def test_the_interval_of_some_is_that_of_the_ratio_of_two_means(values, seed):
    """The mean of those that are there: their sum over their number, both resampled at the same places."""
    pnl, present = np.array([pnl for pnl, _ in values]), np.array([there for _, there in values])
    present[0] = True
    whole = pnl[present].mean()
    resamples = [[at for at in places if present[at]] for places in plain_places(len(pnl), seed, 20)]
    means = [pnl[at].mean() if at else whole for at in resamples]
    expected = tuple(float(value) for value in np.quantile(means, [0.025, 0.975]))
    other = np.linspace(-1, 1, len(pnl))
    found = bootstrap_intervals(np.stack([other, pnl]), seed=seed, draws=20, present=present)
    assert found[1] == pytest.approx(expected, abs=1e-9)
    assert found[0] == bootstrap_interval(other, seed=seed, draws=20)


def test_the_bootstrap_interval_has_the_width_of_independent_values():
    ratios, covered = [], 0
    for seed in range(200):
        values = np.random.default_rng(seed).normal(size=300)
        low, high = bootstrap_interval(values, seed=seed, draws=400)
        ratios.append((high - low) / (2 * 1.96 * values.std() / math.sqrt(300)))
        covered += low <= 0 <= high
    assert 0.9 < np.mean(ratios) < 1.05
    assert covered >= 180


def test_blocks_widen_the_interval_of_dependent_values():
    values = np.repeat(np.random.default_rng(1).normal(size=100), 10)
    low, high = bootstrap_interval(values, seed=1)
    assert high - low > 1.8 * (2 * 1.96 * values.std() / math.sqrt(1000))


@pytest.mark.parametrize(("successes", "trials"), [(1, 0), (-1, 5), (6, 5)])
def test_impossible_proportions_are_refused(successes, trials):
    with pytest.raises(ParameterError, match=f"successes={successes}, trials={trials}:"):
        wilson_interval(successes, trials)


def test_nothing_to_resample_is_refused():
    with pytest.raises(ParameterError, match="0 values"):
        bootstrap_interval(np.empty(0), seed=1)


def test_profit_factor_needs_a_loss():
    assert profit_factor(np.array([1.0, 2.0])) is None
    assert profit_factor(np.array([3.0, -1.5])) == 2.0
