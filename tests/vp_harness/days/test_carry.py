"""Learned signals that keep what they have learned from day to day: in order of time, from earlier days alone."""

from typing import Any

import msgspec
import numpy as np
import polars as pl
import pytest
from support.learned_quick import QUICK
from support.signal_markets import RandomMarket

from vp_contract import SweepSpec, load_experiment
from vp_harness import ExperimentError, PromotionError, ResultsStore, promote, run_experiment, signals
from vp_harness.signals import SignalContext
from vp_harness.signals.learned.walk_forward import History, Sample, WalkForwardRun

DATES = ("2026-02-04", "2026-02-05")
each = pytest.mark.parametrize("name", [signal.name for signal in signals.LEARNED])


def market(seed, n_bins=240):
    return RandomMarket(seed, n_bins, 4)


def over(name, *days):
    signal: Any = signals.create(name, **QUICK[name])
    return list(signal.compute_days(days))


@each
def test_a_later_day_leaves_earlier_ones_alike_and_an_earlier_one_does_not(name):
    first, second, third = over(name, market(1), market(2), market(3))
    np.testing.assert_array_equal(first, signals.create(name, **QUICK[name]).compute(market(1)))
    again = over(name, market(1), market(2), market(99))  # the last day is noise
    np.testing.assert_array_equal(again[0], first)
    np.testing.assert_array_equal(again[1], second)
    assert not np.array_equal(again[2], third)
    shorter = over(name, market(1), market(2))  # or is not there
    np.testing.assert_array_equal(np.concatenate(shorter), np.concatenate([first, second]))
    assert not np.array_equal(over(name, market(98), market(2))[1], second)  # it did learn on the first
    alone = signals.create(name, **QUICK[name]).compute(market(2))
    assert not np.array_equal(alone, second)
    live = np.flatnonzero(alone != alone[0])
    assert np.flatnonzero(second != second[0])[0] < live[0]  # it speaks before it could have trained on this day


@pytest.mark.parametrize("embargo", [0, 9])
def test_no_outcome_reaches_into_another_day(embargo):
    """What may be trained on is, day by day, what a history of that day alone knows at its end."""
    rng = np.random.default_rng(3)
    mids = [100 + 2 * np.cumsum(rng.integers(-1, 2, 120)) for _ in range(3)]
    carried = History(200, 1)
    expected_bins: list[int] = []
    for day, path in enumerate(mids):
        alone = History(200, 1)
        for history in (carried, alone):
            rows = np.arange(120 * day, 120 * day + 120, dtype=np.float64)[:, np.newaxis]
            history.append(rows, path.astype(np.int64))
        known = alone.sample(6, 6, 30, embargo)
        now = 120 * (day + 1) - 1
        before = [at for at in expected_bins if at > now - 200]
        found = carried.sample(6, 6, 30, embargo)
        assert found.bins.tolist() == [*before, *(known.bins + 120 * day).tolist()]
        assert found.rows[:, 0].tolist() == found.bins.tolist()  # each row is that of its bin
        assert (found.known_at <= now - embargo).all()
        assert (found.known_at // 120 == found.bins // 120).all()
        expected_bins += (alone.sample(6, 6, 30, 0).bins + 120 * day).tolist()
        carried.next_day(6, 6, 30)


def test_every_training_sees_the_past_alone():
    """What a trainer is handed at any time lies before it, and bins of earlier days are there."""
    seen: list[Sample] = []

    def trainer(sample: Sample) -> None:
        seen.append(sample)

    signal: Any = signals.create("svm_sp", **QUICK["svm_sp"])
    run = signal.begin(SignalContext(radius=4))
    assert isinstance(run, WalkForwardRun)
    run._trainer = trainer
    signal.begin = lambda context: run
    list(signal.compute_days([market(1), market(2)]))
    assert [sample.now for sample in seen] == [59, 189, 319, 449]
    for sample in seen:
        assert (sample.known_at <= sample.now).all()
        assert (sample.known_at >= sample.bins).all()
    assert (seen[-1].bins < 240).any()
    assert (seen[-1].bins >= 240).any()


def spec_of(own_days, **changes):
    spec = load_experiment(own_days.configs / "experiments" / "days.yaml")
    quick = {name: (value,) for name, value in QUICK["lsvm_der"].items()} | {"train_from_bins": (1500,)}
    axes: Any = {
        "lsvm_der": {**quick, "refit_bins": (1500,), "thresholds": (0.2,)},
        "imbalance": {"thresholds": (0.6,)},
    }
    return msgspec.structs.replace(spec, **{"sweep": SweepSpec(per_signal=axes), "dates": DATES, **changes})


def test_an_experiment_carries_what_learns_and_nothing_else(own_days):
    fresh = run_experiment(spec_of(own_days), own_days.lake, config_root=own_days.configs)
    carried = run_experiment(spec_of(own_days, carry=True), own_days.lake, config_root=own_days.configs)
    store = ResultsStore(own_days.lake)
    learned = store.runs().filter(pl.col("signal") == "lsvm_der").sort("carry")
    assert learned["carry"].to_list() == [0, 1]
    assert set(fresh.run_ids) & set(carried.run_ids) == set(store.runs().filter(signal="imbalance")["run_id"])
    first, second = (
        store.days(learned["run_id"]).filter(date=date).select("n_signals", "n_up", "net_pnl_ticks", "tp_rate").rows()
        for date in DATES
    )
    assert first[0] == first[1]  # there is nothing to carry to it
    assert second[0] != second[1]
    with pytest.raises(PromotionError, match="carried its model over 2 days"):
        promote(learned["run_id"][1], "x", own_days.lake, config_root=own_days.configs)


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"dates": ("2026-02-05",)}, "carry: there is one date"),
        ({"sweep": SweepSpec(per_signal={"imbalance": {}})}, "carry: no signal of the experiment learns; .*svm_sp"),
    ],
)
def test_nothing_to_carry_is_said_at_once(own_days, changes, says):
    spec = spec_of(own_days, carry=True, **changes)
    with pytest.raises(ExperimentError, match=says):
        run_experiment(spec, own_days.lake, config_root=own_days.configs)
