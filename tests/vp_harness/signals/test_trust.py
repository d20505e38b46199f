"""Signals that look ahead, or are not what they seem, are refused before their values are judged."""

import json
import re

import numpy as np
import pytest
from support.learned_quick import QUICK
from support.rogue_signals import ROGUES, Broken, Lean, NoParams, PeekByOne, TooFew
from support.signal_markets import RandomMarket
from support.small_lake import import_market, write_configs

from vp_harness import Dataset, Lake, ResultsStore, SignalError, SignalTrustError, generate, run_experiment, signals
from vp_harness.signals import FixedThresholds, Signal
from vp_harness.signals.trust import trusted_values

EXPERIMENT = """
name: rogue
serving: small
eval: {{warmup_bins: 100, tp_ticks: 3, sl_ticks: 2, max_hold_bins: 100, cooldown_bins: 5, min_signals: 2}}
sweep: {{per_signal: {{{name}: {{}}}}}}
"""


def run(research, configs, name):
    path = configs / "experiments" / "rogue.yaml"
    path.write_text(EXPERIMENT.format(name=name))
    return run_experiment("rogue", research.lake, config_root=configs)


@pytest.fixture
def lake(tmp_path, market_file):
    """A lake with a dataset and no runs, and its configs."""
    from types import SimpleNamespace

    configs = write_configs(tmp_path / "configs")
    lake = Lake(tmp_path / "lake")
    import_market(lake, configs, market_file)
    return SimpleNamespace(lake=lake, configs=configs, dataset_id=generate("small", lake, config_root=configs))


@pytest.mark.parametrize(("rogue", "words"), ROGUES.items(), ids=lambda value: getattr(value, "name", ""))
def test_a_rogue_is_refused_at_a_run(lake, monkeypatch, rogue, words):
    """With the first bin found and both values; nothing is stored."""
    monkeypatch.setitem(signals._BUILT_IN, rogue.name, rogue)
    with pytest.raises(SignalTrustError, match=words) as caught:
        run(lake, lake.configs, rogue.name)
    number = r"-?\d+(\.\d+)?(e-?\d+)?"
    assert re.search(rf"at bin \d+ of {lake.dataset_id}", str(caught.value))
    assert len(re.findall(rf"(?:it is|gives|and|`step`) {number}", str(caught.value))) == 2
    assert ResultsStore(lake.lake).runs().is_empty()


@pytest.mark.parametrize(("rogue", "words"), ROGUES.items(), ids=lambda value: getattr(value, "name", ""))
@pytest.mark.parametrize("n_bins", [500, 4000])
@pytest.mark.parametrize("thorough", [True, False])
def test_a_rogue_is_seen_through_on_any_market(rogue, words, n_bins, thorough):
    market = RandomMarket(20, n_bins)
    market.bins["mid_price"] = (market.bins["best_bid_price_int"] + market.bins["best_ask_price_int"]) / 2e9
    report = signals.check(rogue(), market, thorough=thorough)
    assert not report.ok
    failed = report.checks[-1]
    assert re.search(words, failed.reason)
    assert failed.bin is not None
    assert 0 <= failed.bin < n_bins
    assert failed.expected != failed.found
    with pytest.raises(SignalTrustError, match=words):
        report.require()


def test_the_first_bin_and_both_values_are_those_of_the_signal():
    market = RandomMarket(21, 600)
    failed = signals.check(PeekByOne(), market).checks[-1]
    honest = Lean().compute(market)
    assert failed.name == "noise"
    assert failed.bin is not None
    assert failed.expected == pytest.approx(honest[failed.bin + 1], abs=1e-8)


@pytest.mark.parametrize("name", signals.names())
@pytest.mark.parametrize("n_bins", [1, 2, 130, 2000])
@pytest.mark.parametrize("thorough", [True, False])
def test_every_registered_signal_is_believed(name, n_bins, thorough):
    signal = signals.create(name, **QUICK.get(name, {}))
    report = signals.check(signal, RandomMarket(22, n_bins), thorough=thorough)
    assert report.ok, report
    if n_bins == 2000:
        assert {check.name for check in report.checks} == {"steps", "noise", "shift", "cut", "run"}
        assert all(check.compared >= 60 for check in report.checks)
        least = 20 if name in QUICK else 100  # few trees have few values
        assert report.live > least or not thorough


def test_a_batch_whose_sums_run_in_another_order_is_believed():
    report = signals.check(Lean(), RandomMarket(23, 1000))
    assert report.ok, report


def test_an_empty_dataset_is_refused():
    with pytest.raises(SignalError, match="has no bins"):
        signals.check(Lean(), RandomMarket(22, 5).first(0))


def test_places_follow_from_dataset_signal_and_parameters():
    market = RandomMarket(24, 3000)
    ofi = signals.create("ofi")
    first = signals.check(ofi, market)
    assert signals.check(ofi, market) == first
    assert signals.check(signals.create("ofi", levels=2), market).stretches != first.stretches
    assert first.stretches[0][0] == 0
    assert first.stretches[-1][1] == 3000


def test_a_signal_that_is_silent_for_long_is_looked_at_where_it_speaks():
    class Late(Lean):
        name = "late"
        params_type = NoParams

        def compute(self, dataset):
            values = super().compute(dataset)
            values[:1000] = 0.0
            values[1000:] -= values[1000:].mean() if len(values) > 1000 else 0.0
            return values

    report = signals.check(Late(), RandomMarket(25, 4000))
    assert not report.ok


def test_the_report_is_stored_with_every_run(lake):
    run_experiment("small", lake.lake, config_root=lake.configs)
    runs = ResultsStore(lake.lake).runs()
    assert len(runs) > 1
    for text in runs["trust_json"]:
        report = json.loads(text)
        assert report["signal"] == "derivative"
        assert report["dataset_id"] == lake.dataset_id
        assert all(check["ok"] for check in report["checks"])
        assert report["live"] > 0 or not report["thorough"]
    thorough = [json.loads(text)["thorough"] for text in runs["trust_json"]]
    assert thorough.count(True) == 2  # the first of two parameter sets, judged with two cooldowns
    dataset = Dataset.open(lake.lake, lake.dataset_id)
    values, again = trusted_values(signals.create("derivative", **json.loads(runs["params_json"][0])), dataset)
    assert json.loads(runs["trust_json"][0])["seed"] == again.seed
    assert len(values) == dataset.n_bins


@pytest.mark.parametrize(
    ("rogue", "words"),
    [(Broken, "'broken' fails on .*ZeroDivisionError: no rows left"), (TooFew, r"shape \(499,\) for the 500 bins")],
)
def test_a_signal_that_fails_is_named(rogue, words):
    with pytest.raises(SignalError, match=words):
        signals.check(rogue(), RandomMarket(26, 500))


def test_a_signal_that_fails_in_a_step_is_named():
    class Stepless(Signal):
        name = "stepless"
        params_type = NoParams
        required_columns = ("vacuum_variant",)
        thresholds = FixedThresholds((1.0,))

        def start(self, context=None):
            return object()

        def compute(self, dataset):
            return np.zeros(dataset.n_bins)

    with pytest.raises(SignalError, match="'stepless' fails in a step: AttributeError"):
        signals.check(Stepless(), RandomMarket(27, 300))
