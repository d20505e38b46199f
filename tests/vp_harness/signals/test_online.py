"""What an online simulation measures."""

import time

import pytest
from support.rogue_signals import Lean, LeanStepper
from support.signal_markets import RandomMarket

from vp_harness import ParameterError, signals
from vp_harness.signals import simulate_online

SLOW_S = 0.02


class Training(Lean):
    """Trains itself anew every 40 bins, which takes 20 ms."""

    name = "training"

    def start(self, context=None):
        return TrainingStepper()


class TrainingStepper(LeanStepper):
    refits = 0
    seen = 0

    def step(self, bin):
        self.seen += 1
        if self.seen % 40 == 0:
            time.sleep(SLOW_S)
            self.refits += 1
        return super().step(bin)


def test_refits_are_measured_apart():
    """Sleeping takes at least as long as asked for: lower bounds hold on any machine."""
    report = simulate_online(Training(), RandomMarket(30, 200), 1000 * SLOW_S / 2)
    assert report.refits.bins == 5
    assert report.steps.bins == 195
    assert report.refits.p50_ms is not None
    assert report.refits.p50_ms >= 1000 * SLOW_S
    assert report.over_budget >= 5


def test_progress_is_told():
    told = []
    simulate_online(signals.create("imbalance"), RandomMarket(31, 2500), 100.0, lambda *done: told.append(done))
    assert told == [(1000, 2500), (2000, 2500)]


@pytest.mark.parametrize("budget", [0.0, -1.0, float("nan"), float("inf")])
def test_a_budget_is_positive(budget):
    with pytest.raises(ParameterError, match="bin_budget_ms"):
        simulate_online(signals.create("imbalance"), RandomMarket(32, 10), budget)
