"""The fill models against slow walks written from the definition, in ticks and plain Python."""

import functools

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vp_harness.errors import ParameterError
from vp_harness.evaluation.events import Events
from vp_harness.evaluation.leaving import NOT_OPENED, STOP, TAKE_PROFIT, TIMEOUT
from vp_harness.evaluation.outcomes import PRICE_COLUMNS, ExitRule, Prices, opened, outcome_table
from vp_harness.passive.table import PassiveFills

TICK = 250_000_000


@st.composite
def markets(draw):
    """Bins of (bid, ask, bid_high, bid_low, ask_high, ask_low) in ticks, and whether the book was valid."""
    n = draw(st.integers(1, 40))
    bid = 1000
    rows, valid = [], []
    for _ in range(n):
        bid += draw(st.integers(-3, 3))
        ask = bid + draw(st.integers(1, 3))
        up, down, ask_up, ask_down = (draw(st.integers(0, 3)) for _ in range(4))
        rows.append((bid, ask, bid + up, bid - down, ask + ask_up, max(ask - ask_down, bid)))
        valid.append(draw(st.integers(0, 5)) > 0)
    return rows, valid


def prices_of(rows, valid):
    return Prices(np.array(rows, np.int64).T.copy() * TICK, np.array(valid, np.bool_), TICK)


def mid_oracle(rows, valid, event, direction, rule):
    mid = [(bid + ask) / 2 for bid, ask, *_ in rows]
    end = min(event + rule.max_hold_bins, len(rows) - 1)
    last = mid[event]
    for t in range(event + 1, end + 1):
        if not valid[t]:
            continue
        _, _, bid_high, bid_low, ask_high, ask_low = rows[t]
        gains = [
            direction * ((bid_high + ask_high) / 2 - mid[event]),
            direction * ((bid_low + ask_low) / 2 - mid[event]),
        ]
        if min(gains) <= -rule.sl_ticks:
            return STOP, t, -rule.sl_ticks
        if max(gains) >= rule.tp_ticks:
            return TAKE_PROFIT, t, rule.tp_ticks
        last = mid[t]
    return TIMEOUT, end, direction * (last - mid[event])


def cross_oracle(rows, valid, event, direction, rule):
    """Follows the order, not the kernel: a list of bins in which the market can be traded."""
    end = min(event + rule.max_hold_bins, len(rows) - 1)
    tradable = [t for t in range(len(rows)) if valid[t]]
    entries = [t for t in tradable if event + rule.latency_bins <= t <= end]
    if not entries:
        return NOT_OPENED, end, 0.0
    start = entries[0]
    return left(rows, valid, start, rows[start][1] if direction > 0 else rows[start][0], end, direction, rule)


def queue_oracle(rows, valid, event, direction, rule, orders, max_wait):
    """`orders` maps the bins at whose end an order joins to (price, bins until it is filled or None)."""
    end = min(event + rule.max_hold_bins, len(rows) - 1)
    joins = [t for t in range(event + rule.latency_bins, end + 1) if valid[t]]
    if not joins or joins[0] not in orders:
        return NOT_OPENED, end, 0.0
    price, wait = orders[joins[0]]
    if wait is None or joins[0] + wait > end:
        return NOT_OPENED, min(joins[0] + max_wait, end), 0.0
    return left(rows, valid, joins[0] + wait, price, end, direction, rule)


def left(rows, valid, start, entry, end, direction, rule):
    """What a position earns that was entered in bin `start`: it is left by crossing."""
    tradable = [t for t in range(len(rows)) if valid[t]]

    def leave(decided, outcome):
        exits = [t for t in tradable if decided + rule.latency_bins <= t <= end]
        gone = exits[0] if exits else end
        quote = rows[max(t for t in tradable if t <= gone)]
        price = quote[0] if direction > 0 else quote[1]
        return outcome, gone, direction * (price - entry) - rule.cost_ticks

    for t in range(start + 1, end - rule.latency_bins + 1):
        if not valid[t]:
            continue
        _, _, bid_high, bid_low, ask_high, ask_low = rows[t]
        extremes = (bid_high, bid_low) if direction > 0 else (ask_high, ask_low)
        gains = [direction * (price - entry) for price in extremes]
        if min(gains) <= -rule.sl_ticks:
            return leave(t, STOP)
        if max(gains) >= rule.tp_ticks:
            return leave(t, TAKE_PROFIT)
    return leave(end, TIMEOUT)


@st.composite
def orders_of(draw, rows, valid):
    """Passive orders by the bin at whose end they join, of both directions, and when they are given up."""
    max_wait = draw(st.integers(1, 12))
    waits = st.none() | st.integers(1, max_wait)
    joined = [t for t in range(len(rows)) if valid[t] and draw(st.integers(0, 9))]
    return [{t: (rows[t][side], draw(waits)) for t in joined} for side in (0, 1)], max_wait


def passive_of(orders, max_wait, n_bins):
    price, wait = np.zeros((2, n_bins), np.int64), np.full((2, n_bins), -2, np.int32)
    for row, of_side in enumerate(orders):
        for t, (ticks, waited) in of_side.items():
            price[row, t], wait[row, t] = ticks * TICK, -1 if waited is None else waited
    return PassiveFills(price, wait, np.full((2, 2, n_bins), np.nan), max_wait)


@given(
    data=st.data(),
    market=markets(),
    rule=st.builds(
        ExitRule,
        tp_ticks=st.sampled_from([1, 2.5, 4, 8]),
        sl_ticks=st.sampled_from([1, 2, 4]),
        max_hold_bins=st.integers(4, 50),
        latency_bins=st.integers(0, 3),
        cost_ticks=st.sampled_from([0, 0.5]),
    ),
)
@settings(deadline=None)
def test_every_bin_and_direction_comes_out_as_defined(data, market, rule):
    rows, valid = market
    orders, max_wait = data.draw(orders_of(rows, valid))
    table = outcome_table(prices_of(rows, valid), rule, passive_of(orders, max_wait, len(rows)))
    queue = [functools.partial(queue_oracle, orders=orders[row], max_wait=max_wait) for row in (0, 1)]
    for row, direction in enumerate((1, -1)):
        for event in range(len(rows)):
            end = min(event + rule.max_hold_bins, len(rows) - 1)
            models = ((table.mid, mid_oracle), (table.cross, cross_oracle), (table.of("queue"), queue[row]))
            for fills, oracle in models:
                found = (
                    int(fills.outcome[row, event]),
                    int(fills.exit_bin[row, event]),
                    float(fills.pnl_ticks[row, event]),
                )
                if valid[event]:
                    assert found == pytest.approx(oracle(rows, valid, event, direction, rule)), (oracle, event)
                else:
                    assert found == (NOT_OPENED, end, 0.0)


@given(market=markets(), cut=st.integers(0, 39), max_hold=st.integers(1, 10))
@settings(deadline=None)
def test_an_outcome_depends_on_nothing_after_its_horizon(market, cut, max_hold):
    rows, valid = market
    rule = ExitRule(tp_ticks=2, sl_ticks=2, max_hold_bins=max_hold, latency_bins=0)
    whole = outcome_table(prices_of(rows, valid), rule)
    changed = [row if t <= cut else tuple(price + 50 for price in row) for t, row in enumerate(rows)]
    other = outcome_table(prices_of(changed, valid), rule)
    for event in range(max(0, min(cut - max_hold, len(rows) - max_hold))):
        assert whole.mid.pnl_ticks[:, event].tolist() == other.mid.pnl_ticks[:, event].tolist()
        assert whole.cross.pnl_ticks[:, event].tolist() == other.cross.pnl_ticks[:, event].tolist()


def test_a_bin_that_reaches_both_is_a_stop():
    rows = [(1000, 1001, 1000, 1000, 1001, 1001), (1000, 1001, 1010, 990, 1011, 991)]
    table = outcome_table(prices_of(rows, [True, True]), ExitRule())
    assert table.mid.outcome[:, 0].tolist() == [STOP, STOP]
    assert table.mid.pnl_ticks[:, 0].tolist() == [-4.0, -4.0]
    assert table.cross.outcome[:, 0].tolist() == [STOP, STOP]


def test_crossing_the_spread_both_ways_costs_the_spread():
    rows = [(1000, 1001, 1000, 1000, 1001, 1001)] * 3
    table = outcome_table(prices_of(rows, [True] * 3), ExitRule(cost_ticks=0.5))
    assert table.mid.pnl_ticks[:, 0].tolist() == [0.0, 0.0]
    assert table.cross.pnl_ticks[:, 0].tolist() == [-1.5, -1.5]


def test_without_overlap_the_next_position_opens_after_the_last_is_over():
    rows = [(1000, 1001, 1000, 1000, 1001, 1001)] * 20
    table = outcome_table(prices_of(rows, [True] * 20), ExitRule(max_hold_bins=5))
    events = Events(np.array([0, 3, 5, 6, 12]), np.array([1, 1, -1, 1, 1], np.int8))
    assert opened(events, table, allow_overlap=False).bins.tolist() == [0, 6, 12]
    assert opened(events, table, allow_overlap=True) is events


def test_who_waits_in_a_queue_opens_nothing_else_and_only_the_model_queue_says_so():
    rows = [(1000, 1001, 1000, 1000, 1001, 1001)] * 20
    rule = ExitRule(max_hold_bins=8)
    orders = [{0: (1000, None), 5: (1000, 3)}, {}]
    with_queue = outcome_table(prices_of(rows, [True] * 20), rule, passive_of(orders, 4, 20))
    without = outcome_table(prices_of(rows, [True] * 20), rule)
    assert with_queue.of("queue").exit_bin[0, [0, 5]].tolist() == [4, 13]  # given up after 4 bins, and a timeout
    assert with_queue.of("queue").pnl_ticks[0, [0, 5]].tolist() == [0.0, 0.0]  # in at the bid, out at the bid
    for model in ("mid", "cross"):
        assert with_queue.digests[model] == without.digests[model]
        assert np.array_equal(with_queue.busy_until(model), without.busy_until(model))
    assert (with_queue.busy_until("queue") >= with_queue.open_until).all()
    with pytest.raises(ParameterError, match="fill_model=queue: the dataset does not say what became of passive"):
        without.of("queue")
    with pytest.raises(ParameterError, match="passive: is of 3 bins, must be of 20"):
        outcome_table(prices_of(rows, [True] * 20), rule, passive_of(orders[1:] * 2, 4, 3))


def test_prices_come_from_the_columns_of_a_dataset():
    bins = pl.DataFrame({name: [i, i + 10] for i, name in enumerate(PRICE_COLUMNS)} | {"book_valid": [True, False]})
    prices = Prices.from_bins(bins, TICK)
    assert prices.quotes.tolist() == [[i, i + 10] for i in range(6)]
    assert prices.valid.tolist() == [True, False]


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"tp_ticks": 0}, "tp_ticks=0"),
        ({"sl_ticks": -4}, "sl_ticks=-4"),
        ({"max_hold_bins": 0}, "max_hold_bins=0"),
        ({"latency_bins": 1200}, "latency_bins=1200"),
        ({"cost_ticks": float("nan")}, "cost_ticks=nan"),
    ],
)
def test_bad_rules_are_named(change, named):
    with pytest.raises(ParameterError, match=named):
        ExitRule(**change)


def test_breakeven_pays_for_the_costs_too():
    assert ExitRule().breakeven_tp_rate == pytest.approx(4 / 12)
    assert ExitRule(cost_ticks=1).breakeven_tp_rate == pytest.approx(5 / 12)
