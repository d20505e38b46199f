"""Every signal against its plain-Python oracle, which was written from the table of the specification."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.signal_markets import RandomMarket, Window, oracle_market
from support.signal_oracles import ORACLES

from vp_harness import Dataset, signals

VARIANTS: list[tuple[str, dict[str, Any]]] = [(name, {}) for name in ORACLES] + [
    ("spg", {"variant": "even"}),
    ("erd", {"variant": "b"}),
    ("msd", {"variant": "sum"}),
]
each = pytest.mark.parametrize(("name", "params"), VARIANTS, ids=lambda value: str(value))


def agree(source, name, params, **more):
    """Reductions run in another order in the oracle, which a z-score of a narrow window magnifies."""
    signal = signals.create(name, **params, **more)
    expected = ORACLES[name](oracle_market(source, signal), **params)
    values = signal.compute(source)
    np.testing.assert_allclose(values, expected, rtol=1e-9, atol=1e-9)
    return values


def test_every_signal_has_an_oracle():
    built_in = {signal.name for signal in (*signals.BASELINES, *signals.STATISTICAL)}
    assert set(ORACLES) == built_in - {"derivative"}  # the oracle of the derivative stage is with vp-spectrum


@each
@pytest.mark.parametrize("radius", [10, 30])
def test_random_markets(name, params, radius):
    values = agree(RandomMarket(1, 700, radius), name, params)
    assert np.ptp(values) > 0


@each
@pytest.mark.parametrize("radius", [1, 2, 4])
def test_windows_too_small_for_some_bands(name, params, radius):
    agree(RandomMarket(2, 150, radius), name, params)


@each
@pytest.mark.parametrize("width_ms", [1000, 3000])
def test_wider_bins(name, params, width_ms):
    agree(RandomMarket(3, 150, 6, width_ms=width_ms), name, params)


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 10_000), n_bins=st.integers(1, 130), radius=st.integers(1, 14), which=st.data())
def test_any_market(seed, n_bins, radius, which):
    name, params = which.draw(st.sampled_from(VARIANTS))
    agree(RandomMarket(seed, n_bins, radius), name, params)


def test_the_mean_depth_of_ofi_forgets():
    """With windows shorter than the data, both ofi's rings go round many times."""
    market = RandomMarket(4, 400, 8)
    signal = signals.create("ofi", window_bins=7, depth_window_bins=50, levels=3, zscore_window_bins=60)
    expected = ORACLES["ofi"](oracle_market(market, signal), 7, 3, 50, 60)
    np.testing.assert_allclose(signal.compute(market), expected, rtol=1e-9, atol=1e-9)


@each
def test_a_synthetic_session(research, name, params):
    dataset = Dataset.open(research.lake, research.dataset_id)
    agree(Window(dataset, 0, 1200), name, params)


@pytest.mark.real_data
@each
def test_the_real_session(real_dataset, name, params):
    """Before the open, through the auction, and the first 40 s of trading."""
    values = agree(Window(real_dataset, 900, 1600), name, params)
    assert np.ptp(values) > 0
