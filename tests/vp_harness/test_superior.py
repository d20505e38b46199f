"""Hansen's test beside the corrected p-value: its arithmetic, and that both say the same of a clear case."""

import math

import msgspec
import numpy as np
import pytest

from null_markets import DATASET, EVALUATION, datasets_are, judge, market, tried_on
from vp_harness import Lake, ResultsStore, superior_ability
from vp_harness.errors import ParameterError, ResultsError, UnknownRunError
from vp_harness.evaluation.outcomes import exit_rule
from vp_harness.judgement import superior
from vp_harness.judgement.correction import with_markets
from vp_harness.judgement.superior import PERIODS, superior_p_values
from vp_harness.research.records import Retirement

FIRST = f"{0:016x}"


@pytest.fixture
def searched(tmp_path):
    """Gives the corrected p of the experiment of `null_markets` on a market, and what Hansen's test says of it."""

    def search(source, evaluation=EVALUATION):
        lake = Lake(tmp_path)
        lake.dataset_dir(DATASET).mkdir(parents=True)
        store = ResultsStore(lake)
        with datasets_are(source):
            judged = judge(source, tried_on(source), evaluation, store, lake, DATASET)
            return judged, superior_ability(FIRST, lake), lake

    return search


def test_both_find_what_leads_the_price(searched):
    judged, found, _ = searched(market("martingale", 1, 8000, lead=0.9))
    assert judged.p <= 0.02
    assert found.p <= 0.02
    assert found.p_corrected == judged.p
    assert found.p_lower <= found.p <= found.p_upper


def test_both_find_nothing_where_nothing_is(searched):
    judged, found, lake = searched(market("martingale", 5, 6000))
    assert judged.p > 0.1
    assert found.p > 0.1
    assert found.n_trials == ResultsStore(lake).corrections()["n_trials"][0]


def test_costs_count_under_the_mid_fills_too(searched):
    costly = msgspec.structs.replace(EVALUATION, cost_ticks=9.0)  # more than any trade may earn
    judged, found, _ = searched(market("martingale", 1, 8000, lead=0.9), costly)
    assert judged.p <= 0.02  # shifted events pay as much: it asks for the place of the events
    assert found.p > 0.3  # Hansen's asks for money
    assert found.p_upper == 1.0


def test_the_pnl_of_a_period_is_that_of_its_trades(searched):
    source = market("martingale", 1, 6000)
    _, _, lake = searched(source)
    store = ResultsStore(lake)
    with datasets_are(source):
        placed = superior._placed_trials(store, lake, with_markets(store, lake), 100)
    runs = store.runs()
    assert {(one.start_ns, one.end_ns) for one in placed} == {(placed[0].start_ns, placed[0].end_ns)}
    spans = placed[0].market.times
    start, end = (int(superior._open_ns(time_ns, spans)) for time_ns in (placed[0].start_ns, placed[0].end_ns))
    first, last = runs["choose_first"][0], runs["choose_end"][0]
    sums = {one.trial.digest: superior._pnl_by_period(one, spans, start, end) for one in placed}
    rows = store.rows().filter(store.rows()["n_signals"] > 0)
    means = sorted((rows["mean_pnl_ticks"] * rows["n_signals"]).to_list())
    assert sorted(float(values.sum()) for values in sums.values()) == pytest.approx(means)
    one = placed[0].trial
    table = one.table.of(one.model)
    busy, by_hand = -1, [0.0] * PERIODS
    for bin_, direction in zip(one.events.bins.tolist(), one.events.directions.tolist(), strict=True):
        row = 0 if direction > 0 else 1
        if bin_ <= busy:
            continue
        busy = int(one.table.open_until[row, bin_])
        by_hand[(bin_ - first) * PERIODS // (last - first)] += float(table.pnl_ticks[row, bin_])
    assert sums[one.digest].tolist() == pytest.approx(by_hand)
    assert one.table.rule == exit_rule(EVALUATION)


def test_what_is_between_two_days_does_not_count():
    spans = [(100, 200), (150, 180), (1000, 1100)]
    wanted = {50: 0, 100: 0, 150: 50, 200: 100, 600: 100, 1000: 100, 1050: 150, 1100: 200, 9999: 200}
    assert superior._open_ns(list(wanted), spans).tolist() == list(wanted.values())


def test_a_row_that_never_earned_anything_is_no_evidence():
    rng = np.random.default_rng(3)
    pnl = rng.normal(size=(4, 100))
    quiet = np.concatenate([pnl, np.zeros((3, 100))])
    assert superior_p_values(quiet, draws=199) == superior_p_values(pnl, draws=199)
    assert superior_p_values(pnl + 1.0, draws=199)[1] <= 1 / 199
    assert math.isclose(superior_p_values(pnl - 1.0, draws=199)[2], 1.0)
    with pytest.raises(ResultsError, match="nothing to test"):
        superior_p_values(np.zeros((2, 100)))


def test_what_it_refuses(searched, monkeypatch):
    source = market("martingale", 1, 3000)
    _, _, lake = searched(source)
    with datasets_are(source):
        with pytest.raises(UnknownRunError):
            superior_ability("f" * 16, lake)
        monkeypatch.setattr(superior, "MOST_ROWS", 7)
        with pytest.raises(ResultsError, match="8 rows were tried on the market of this run"):
            superior_ability(FIRST, lake)
        retirement = Retirement(run_id=FIRST, reason="test", actor="test", created_utc="2026-02-06T00:00:00Z")
        ResultsStore(lake).append_retirements([retirement])
        with pytest.raises(ParameterError, match="is retired"):
            superior_ability(FIRST, lake)
        monkeypatch.setitem(__import__("sys").modules, "arch.bootstrap", None)
        with pytest.raises(ResultsError, match=r"pip install 'vp-harness\[spa\]'"):
            superior_ability(f"{1:016x}", lake)
