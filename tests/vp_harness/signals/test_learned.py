"""The learned signals against features, labels and models written from the table of the specification."""

import json
import os
import subprocess
import sys
from typing import Any

import numpy as np
import pytest
from support.learned_oracles import FEATURES, mids, outcome, pca_ad, walk_forward
from support.learned_quick import QUICK
from support.packages import ROOT
from support.signal_markets import RandomMarket, Shifted, Spliced, oracle_market

from vp_harness import SignalError, signals
from vp_harness.signals import SignalContext, SignalData
from vp_harness.signals.blocks import Block
from vp_harness.signals.learned import features
from vp_harness.signals.learned.gbm_mf import GbmMfFeatures
from vp_harness.signals.learned.knn_cl import KnnCl, KnnClFeatures
from vp_harness.signals.learned.lsvm_der import LsvmDerFeatures
from vp_harness.signals.learned.svm_sp import SvmSpFeatures
from vp_harness.signals.learned.walk_forward import History, Schedule
from vp_harness.signals.learned.xgb_snap import XgbSnapFeatures

MAKERS = {
    "svm_sp": SvmSpFeatures,
    "gbm_mf": GbmMfFeatures,
    "knn_cl": KnnClFeatures,
    "lsvm_der": LsvmDerFeatures,
    "xgb_snap": XgbSnapFeatures,
}
each = pytest.mark.parametrize("name", [signal.name for signal in signals.LEARNED])
each_supervised = pytest.mark.parametrize("name", MAKERS)


def featured(name, market, tick_int=0):
    signal = signals.signal_class(name)
    made: Any = MAKERS[name](market.context)
    columns = {column: np.asarray(market.grid(column), np.float64) for column in signal.required_columns}
    fields = {field: np.asarray(market.bins[field], np.int64) for field in signal.required_fields}
    for array in (*columns.values(), *fields.values()):
        array.setflags(write=False)
    block = Block(market.n_bins, columns, fields)
    prices = features.Prices(block, tick_int or market.context.cell_int, np.zeros(3, np.int64))
    return made(block, prices), made.names


@pytest.mark.parametrize(
    ("name", "count"), [("svm_sp", 45), ("gbm_mf", 53), ("knn_cl", 35), ("lsvm_der", 60), ("xgb_snap", 163)]
)
def test_there_are_as_many_features_as_the_table_counts(name, count):
    made: Any = MAKERS[name](SignalContext())
    names = made.names
    assert len(names) == len(set(names)) == count


@each_supervised
@pytest.mark.parametrize(("radius", "n_bins"), [(50, 60), (12, 700), (2, 80)])
def test_features(name, radius, n_bins):
    market = RandomMarket(1, n_bins, radius)
    rows, names = featured(name, market)
    features_of: Any = FEATURES[name]
    expected = np.array(features_of(oracle_market(market, signals.signal_class(name)))).T
    assert rows.shape == expected.shape == (n_bins, len(names))
    for i, label in enumerate(names):
        np.testing.assert_allclose(rows[:, i], expected[:, i], rtol=1e-8, atol=1e-8, err_msg=label)


@pytest.mark.parametrize(("tp", "sl", "hold"), [(2, 2, 20), (3, 1, 15), (1, 3, 30), (4, 4, 1)])
@pytest.mark.parametrize("embargo", [0, 7])
def test_only_what_is_known_at_a_bin_is_trained_on(tp, sl, hold, embargo):
    """The labels of an oracle that has the mids up to that bin and no other."""
    market = RandomMarket(2, 400)
    path = mids(oracle_market(market, signals.signal_class("svm_sp")))
    twice = np.array([0 if mid is None else round(2 * mid) for mid in path], np.int64)
    history = History(150, 1)
    for t in range(400):
        history.append(np.full((1, 1), float(t)), twice[t : t + 1])
        if t % 37 and t != 399:
            continue
        sample = history.sample(2 * tp, 2 * sl, hold, embargo)
        expected = []
        for i in range(max(0, t + 1 - 150), t + 1):
            found = outcome(path[: t + 1], i, tp, sl, hold)
            if found is not None and found[1] <= t - embargo:
                expected.append((i, *found))
        assert list(zip(sample.bins, sample.labels, sample.known_at, strict=True)) == expected
        assert sample.rows[:, 0].tolist() == [float(i) for i, _, _ in expected]
        assert sample.now == t
    assert {label for _, label, _ in expected} >= {1, -1} or hold == 1


def test_a_history_is_the_same_whatever_the_blocks():
    twice = np.array([round(2 * (m or 0)) for m in mids(oracle_market(RandomMarket(3, 500), KnnCl()))], np.int64)
    rows = np.random.default_rng(0).normal(size=(500, 3))
    whole, parts = History(120, 3), History(120, 3)
    whole.append(rows, twice)
    at = 0
    for n in (1, 119, 1, 200, 3, 176):
        parts.append(rows[at : at + n], twice[at : at + n])
        at += n
    one, other = whole.sample(4, 4, 20, 0), parts.sample(4, 4, 20, 0)
    for name in ("rows", "labels", "bins", "known_at"):
        assert getattr(one, name).tolist() == getattr(other, name).tolist()


def test_trainings_come_at_the_declared_bins():
    schedule = Schedule(100, 30)
    at, trained = 0, []
    for n in (1, 98, 1, 1, 65, 300):
        for first, end, trains in schedule.spans(n):
            assert end > first
            if trains:
                trained.append(at + end)
        at += n
    assert trained == list(range(100, at + 1, 30))


def test_a_tick_is_that_of_the_context():
    """A cell of two ticks: barriers and returns are in ticks."""
    market = RandomMarket(4, 300, spreads=(2,))
    fine = signals.create("knn_cl", **QUICK["knn_cl"])
    values = fine.compute(market)
    market.context = SignalContext(10, 100, 250_000_000, 125_000_000)
    twice = QUICK["knn_cl"] | {"tp_ticks": 4, "sl_ticks": 4}
    np.testing.assert_allclose(signals.create("knn_cl", **twice).compute(market), values, rtol=1e-9, atol=1e-9)
    assert np.ptp(values) > 0


def standardised(rows):
    center, scale = rows.mean(axis=0), rows.std(axis=0)
    scale = np.where(scale > 1e-12 * np.maximum(1, np.abs(center)), scale, np.inf)
    return (rows - center) / scale, lambda row: (row - center) / scale


def nearest(rows, labels):
    scaled, of = standardised(rows)

    def value(row):
        distances = np.sqrt(((scaled - of(row)) ** 2).sum(axis=1))
        order = np.argsort(distances, kind="stable")[:11]
        weights = 1 / np.maximum(distances[order], 1e-9)
        return (weights * labels[order]).sum() / weights.sum()

    return value


def linear(rows, labels):
    from sklearn.svm import LinearSVC

    rows, labels = rows[labels != 0], labels[labels != 0]
    scaled, of = standardised(rows)
    machine = LinearSVC(C=0.1, dual=False, random_state=0, max_iter=5000).fit(scaled, labels)
    return lambda row: machine.decision_function([of(row)])[0]


@pytest.mark.parametrize(("name", "fit", "tolerance"), [("knn_cl", nearest, 1e-6), ("svm_sp", linear, 1e-3)])
def test_values_are_those_of_a_walk_forward_written_out(name, fit, tolerance):
    market = RandomMarket(5, 420)
    signal = signals.create(name, **QUICK[name] | {"embargo_bins": 3, "train_bins": 200})
    oracle = oracle_market(market, signal)
    expected = walk_forward(oracle, np.array(FEATURES[name](oracle)).T, signal.params, fit)
    np.testing.assert_allclose(signal.compute(market), expected, rtol=tolerance, atol=tolerance)
    assert np.ptp(expected) > 0


@pytest.mark.parametrize("radius", [4, 20])
def test_pca_ad(radius):
    market = RandomMarket(6, 500, radius)
    signal = signals.create("pca_ad", window_bins=150, refit_bins=60)
    expected = pca_ad(oracle_market(market, signal), 150, 60)
    # of nine components of nine rows nothing is left over but rounding, which no z-score should be taken of
    found = signal.compute(market)
    np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1e-6)
    assert np.count_nonzero(found) > 100


@each
def test_no_value_knows_what_comes_after_a_training(name):
    """Cut right after a training: its labels would be others if they knew a single bin more."""
    signal = signals.create(name, **QUICK[name])
    before = RandomMarket(7, 420)
    values = signal.compute(before)
    for cut in (60, 61, 190, 191, 195):
        for after in (RandomMarket(8, 420), Shifted(before, 7)):
            assert values[:cut].tolist() == signal.compute(Spliced(before, after, cut))[:cut].tolist()


class PeekingNeighbours(KnnCl):
    """Labels of mids that are five bins ahead."""

    name = "peeking_neighbours"

    def compute(self, dataset):
        fields = {name: np.roll(dataset.field(name), -5) for name in self.required_fields}
        columns = {name: dataset.grid(name) for name in self.required_columns}
        ahead = SignalData(self.reads(), dataset.context, dataset.n_bins, columns, fields, dataset.name)
        return super().compute(ahead)


def test_one_that_trains_on_what_is_not_known_yet_is_refused():
    failed = signals.check(PeekingNeighbours(KnnCl.with_params(QUICK["knn_cl"]).params), RandomMarket(9, 900))
    assert not failed.ok
    assert "looks ahead" in failed.checks[-1].reason


@each
def test_it_says_how_old_its_model_is(name):
    signal = signals.create(name, **QUICK[name])
    market = RandomMarket(10, 260)
    running = signal.run(market.context)
    refits, ready = [], []
    for bin in SignalData.of(market, signal.reads()).steps():
        running.step(bin)
        refits.append(running.refits)
        ready.append(running.ready)
        if name != "pca_ad" and running.refits:
            assert running.detail["age"] == len(refits) - 1 - refits.index(running.refits)
            assert running.detail["trained_bins"] > 20
    assert refits[58] == 0
    assert refits[59] == 1
    assert refits[-1] == (2 if name != "pca_ad" else 5)
    assert ready.index(True) == (59 if name != "pca_ad" else 88)


@each_supervised
def test_without_outcomes_there_is_no_model(name):
    """The mid does not move: the signal stays neutral, and says that it is not ready."""
    signal = signals.create(name, **QUICK[name])
    market = RandomMarket(11, 250)
    for field in ("best_bid_price_int", "best_ask_price_int"):
        market.bins[field] = np.full(250, market.bins[field].max() + (250_000_000 if "ask" in field else 0))
    running = signal.run(market.context)
    values = {running.step(bin) for bin in SignalData.of(market, signal.reads()).steps()}
    assert values == {0.5 if signal.kind == "probability" else 0.0}
    assert (running.ready, running.refits) == (False, 0)


COMPUTED = """
import json, sys
import vp_harness.signals as signals
assert not {"sklearn", "lightgbm", "xgboost"} & set(sys.modules), "imported before it is needed"
sys.path.insert(0, sys.argv[1])
from support.learned_quick import QUICK
from support.signal_markets import RandomMarket
print(json.dumps({name: signals.create(name, **QUICK[name]).compute(RandomMarket(12, 200)).tolist() for name in QUICK}))
"""


def test_the_same_numbers_in_another_process():
    """With another number of threads for the matrix routines."""
    environment = os.environ | {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
    told = subprocess.run(
        [sys.executable, "-c", COMPUTED, str(ROOT / "tests")],
        check=True,
        capture_output=True,
        text=True,
        env=environment,
        timeout=120,
    ).stdout
    for name, values in json.loads(told).items():
        assert signals.create(name, **QUICK[name]).compute(RandomMarket(12, 200)).tolist() == values, name


@pytest.mark.parametrize(
    ("name", "library"),
    [
        ("svm_sp", "sklearn"),
        ("lsvm_der", "sklearn"),
        ("gbm_mf", "lightgbm"),
        ("xgb_snap", "xgboost"),
        ("pca_ad", "threadpoolctl"),
    ],
)
def test_without_the_extra_it_says_what_to_install(monkeypatch, name, library):
    monkeypatch.setitem(sys.modules, library, None)
    words = rf"signal '{name}' needs an extra that is not installed: pip install 'vp-harness\[ml\]'"
    with pytest.raises(SignalError, match=words):
        signals.create(name)
    assert name in signals.names()


def test_a_library_that_is_there_in_part_is_named_too(monkeypatch):
    signal = signals.create("svm_sp")
    monkeypatch.setitem(sys.modules, "sklearn.svm", None)
    with pytest.raises(SignalError, match=r"'svm_sp' needs an extra .*sklearn.svm.*vp-harness\[ml\]"):
        signal.start()
