"""What must hold of every registered signal, plug-ins too."""

import numpy as np
import pytest
from support.learned_quick import QUICK
from support.signal_markets import RandomMarket, Shifted, Spliced

from vp_harness import signals
from vp_harness.errors import SignalError
from vp_harness.signals import AdaptiveThresholds, SignalData, stages
from vp_spectrum import RobustWindow

ALL = [(name, QUICK.get(name, {})) for name in signals.names()] + [
    ("spg", {"variant": "even"}),
    ("erd", {"variant": "b"}),
    ("msd", {"variant": "sum"}),
]
each = pytest.mark.parametrize(
    ("name", "params"),
    ALL,
    ids=lambda value: str(value)[:24],
)

ROWS_ONLY_FROM_PRICES = ("imbalance", "depth_imbalance", "ofi", "trade_flow")
"""Those whose distances are from the true mid or from the best prices, and not from row 0."""


MARGINS = ("svm_sp", "lsvm_der")
"""Distances from a plane, which have no bound."""


def stepped(signal, source):
    running = signal.run(source.context)
    return [running.step(bin) for bin in SignalData.of(source, signal.reads()).steps()]


@each
@pytest.mark.parametrize("cut", [1, 450, 899])
def test_the_past_does_not_know_the_future(name, params, cut):
    """Whether noise follows, the same later, or nothing."""
    signal = signals.create(name, **params)
    before = RandomMarket(1)
    values = signal.compute(before)
    for after in (RandomMarket(2), Shifted(before, 7), None):
        changed = signal.compute(Spliced(before, after, cut))
        assert values[:cut].tolist() == changed[:cut].tolist()


@each
def test_a_batch_is_the_steps_in_a_row(name, params):
    """Bit for bit: both run the same code."""
    signal = signals.create(name, **params)
    source = RandomMarket(3, 400)
    assert signal.compute(source).tolist() == stepped(signal, source)


@each
def test_steppers_that_run_by_turns_share_nothing(name, params):
    signal = signals.create(name, **params)
    sources = [RandomMarket(seed, 200) for seed in (4, 5)]
    alone = [stepped(signal, source) for source in sources]
    running = [signal.run(source.context) for source in sources]
    by_turns = [
        [one.step(bin) for one, bin in zip(running, bins, strict=True)]
        for bins in zip(*(SignalData.of(source, signal.reads()).steps() for source in sources), strict=True)
    ]
    assert [list(values) for values in zip(*by_turns, strict=True)] == alone


@each
@pytest.mark.parametrize("seed", [6, 7])
def test_values_are_finite_and_bounded(name, params, seed):
    signal = signals.create(name, **params)
    values = signal.compute(RandomMarket(seed, 600, 30))
    assert np.isfinite(values).all()
    assert np.ptp(values) > 0
    if name not in MARGINS and not isinstance(signal.thresholds, AdaptiveThresholds):
        assert np.abs(values).max() <= 5.0


@each
def test_a_market_of_nothing_gives_nothing(name, params):
    """All ratios are 0 / 0 here."""
    signal = signals.create(name, **params)
    market = RandomMarket(8, 120)
    for rows in market._wide.values():
        rows[:] = 0
    for values in market.bins.values():
        values[:] = 0
    neutral = 0.5 if signal.kind == "probability" else 0.0
    assert (signal.compute(market) == neutral).all()


@each
def test_a_mirrored_book_gives_the_opposite(name, params):
    """To the last bit. With even spreads row k of the mirrored book is row -k."""
    if name == "derivative":
        pytest.skip("its table of codes is not symmetric between up and down")
    if name in QUICK:
        pytest.skip("what it has learned of the two sides need not be symmetric")
    signal = signals.create(name, **params)
    market = RandomMarket(9, 500, 30, spreads=(2, 4))
    values, mirrored = signal.compute(market), signal.compute(market.mirrored())
    sign = 1 if params == {"variant": "even"} else -1
    if sign > 0:  # the two sides are added in another order
        np.testing.assert_allclose(mirrored, values, rtol=0, atol=1e-12)
    else:
        assert mirrored.tolist() == (-values).tolist()


@pytest.mark.parametrize("name", ROWS_ONLY_FROM_PRICES)
def test_a_mirrored_book_gives_the_opposite_with_odd_spreads_too(name):
    """Spot is rounded up: row k of the mirrored book is row -k - 1, and these signals take no notice."""
    signal = signals.create(name)
    market = RandomMarket(10, 500, 30, spreads=(1, 2, 3))
    assert signal.compute(market.mirrored()).tolist() == (-signal.compute(market)).tolist()


def test_a_composite_of_ads_alone_is_nothing_until_ads_is_warm():
    market = RandomMarket(14, 200)
    ads_alone = signals.create("ads_pfp_svac", pfp_weight=0.0, svac_weight=0.0).compute(market)
    assert not ads_alone[:78].any()
    assert ads_alone[78:].tolist() == pytest.approx(signals.create("ads").compute(market)[78:])


@each
def test_detail_and_readiness(name, params):
    signal = signals.create(name, **params)
    source = RandomMarket(11, 120)
    running = signal.run(source.context)
    ready = []
    for bin in SignalData.of(source, signal.reads()).steps():
        running.step(bin)
        ready.append(running.ready)
        assert tuple(running.detail) == tuple(part.name for part in signal.detail)
        assert np.isfinite(list(running.detail.values())).all()
    assert ready == sorted(ready)
    assert ready[-1]


@pytest.mark.parametrize(
    ("name", "warm_bins"),
    [("ads", 79), ("pfp", 6), ("jad", 30), ("iirc", 30), ("msd", 1), ("ads_pfp_svac", 79), ("ofi", 30)],
)
def test_when_a_signal_is_ready(name, warm_bins):
    signal = signals.create(name)
    source = RandomMarket(12, 100)
    running = signal.run(source.context)
    ready = []
    for bin in SignalData.of(source, signal.reads()).steps():
        running.step(bin)
        ready.append(running.ready)
    assert ready.index(True) == warm_bins - 1


@pytest.mark.parametrize(
    ("name", "params", "words"),
    [
        ("ads", {"zscore_min_periods": 300}, "zscore_min_periods=300: must be at most zscore_window_bins"),
        ("ads", {"fast_window_bins": 1}, "fast_window_bins"),
        ("spg", {"variant": "neither"}, "variant"),
        ("pfp", {"ema_alpha": 1.5}, "ema_alpha"),
        ("ads_pfp_svac", {"zscore_min_share": 0.0}, "zscore_min_share"),
        ("ofi", {"levels": 0}, "levels"),
    ],
)
def test_parameters_that_make_no_sense_are_refused(name, params, words):
    with pytest.raises(SignalError, match=words):
        signals.create(name, **params)


@pytest.mark.parametrize("name", ["ofi", "depth_imbalance"])
def test_prices_off_the_grid_of_the_context_are_refused(name):
    """A signal that goes by price would take other rows for the levels, without a word."""
    signal = signals.create(name)
    source = RandomMarket(13, 5)
    running = signal.run(signals.SignalContext(10, 100, 400_000_000))
    bins = list(SignalData.of(source, signal.reads()).steps())
    with pytest.raises(SignalError, match=r"spot_ref_price_int.*cell_int=400000000.*context of the dataset"):
        list(map(running.step, bins))


def test_rows_of_another_radius_are_refused():
    signal = signals.create("msd")
    with pytest.raises(SignalError, match=r"\(3,\), its context says \(101,\)"):
        signal.start().step(signals.GridBin({"vacuum_variant": np.zeros(3)}))


def test_no_kernel_is_first_met_in_the_middle_of_a_stream(monkeypatch):
    """Loading one takes longer than a bin. Behind a slope, steps come to the z-score dozens of bins after the start."""
    pushed = []

    class Watched(RobustWindow):
        def push(self, x):
            pushed.append(x)
            return super().push(x)

    monkeypatch.setattr(stages, "RobustWindow", Watched)
    signals.create("ads").start()
    assert pushed
