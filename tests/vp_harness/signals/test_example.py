"""The example of a plug-in package, installed and used."""

import json
import sys

import numpy as np
import pytest
from support.installed import install
from support.packages import ROOT
from support.signal_markets import RandomMarket

from vp_harness import Dataset, ResultsStore, compare, run_experiment, signals

EXPERIMENT = """
name: plugged
serving: small
eval: {warmup_bins: 100, tp_ticks: 3, sl_ticks: 2, max_hold_bins: 100, cooldown_bins: 5, min_signals: 2}
sweep:
  per_signal:
    microprice: {span_bins: [1, 5], thresholds: [0.1, 0.3]}
    imbalance: {}
"""


@pytest.fixture
def installed(tmp_path, monkeypatch):
    """The example beside the packages of this environment."""
    install(ROOT / "docs" / "examples" / "microprice-signal", tmp_path / "site")
    monkeypatch.syspath_prepend(str(tmp_path / "site"))
    yield
    sys.modules.pop("microprice_signal", None)


def test_it_is_listed_run_and_ranked_like_any_other(installed, own):
    assert "microprice" in signals.names()
    assert signals.owner("microprice") == "microprice-signal"
    (own.configs / "experiments" / "plugged.yaml").write_text(EXPERIMENT)
    result = run_experiment("plugged", own.lake, config_root=own.configs)
    assert result.computed == 3
    store = ResultsStore(own.lake)
    ran = store.runs().filter(signal="microprice")
    assert sorted(json.loads(text)["span_bins"] for text in ran["params_json"]) == [1, 5]
    for text in ran["trust_json"]:
        assert all(check["ok"] for check in json.loads(text)["checks"])
    rows = compare(store, experiment="plugged", min_signals=0)
    assert set(rows["signal"]) == {"microprice", "imbalance"}


def test_its_numbers_are_the_microprice(installed, research):
    dataset = Dataset.open(research.lake, research.dataset_id)
    values = signals.create("microprice", span_bins=1).compute(dataset)
    bid, ask, bids, asks = (
        dataset.bins[name].to_numpy()
        for name in ("best_bid_price_int", "best_ask_price_int", "best_bid_size", "best_ask_size")
    )
    expected = ((ask * bids + bid * asks) / (bids + asks) - (bid + ask) / 2) / 250_000_000
    assert values == pytest.approx(expected, abs=1e-6)
    assert np.abs(values).max() <= 0.5 * (ask - bid).max() / 250_000_000


def test_what_holds_of_every_signal_holds_of_it(installed):
    signal = signals.create("microprice")
    market = RandomMarket(40, 400)
    assert signals.check(signal, market).ok
    assert signal.compute(market.mirrored()) == pytest.approx(-signal.compute(market), abs=1e-6)
