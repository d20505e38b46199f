"""What a signal says before anything is traded, against scipy, least squares and plain loops."""

import math

import numpy as np
import pytest
from scipy import stats

from vp_harness.evaluation.outcomes import Prices
from vp_harness.prediction import _kernels
from vp_harness.prediction.measures import information_of, peak_of
from vp_harness.prediction.sample import HORIZONS_MS, PartSample, horizons_bins, ranks_of

TICK = 250_000_000
HORIZONS = (1, 2, 5, 20, 50)


def a_market(seed, n=1500, invalid=0.02):
    rng = np.random.default_rng(seed)
    bid = 20_000 + np.cumsum(rng.integers(-1, 2, n))
    quotes = np.array([bid, bid + 1, bid, bid, bid + 1, bid + 1], np.int64) * TICK
    return Prices(quotes, rng.random(n) >= invalid, TICK)


def some_values(rng, n):
    """Correlated, with many equal ones and a few that are not finite."""
    values = np.round(np.cumsum(rng.normal(size=n)) % 3 - 1.5, 1)
    values[rng.integers(0, n, 5)] = np.nan
    return values


def some_baselines(rng, n):
    return {name: np.round(rng.normal(size=n), 1) for name in ("imbalance", "ofi", "trade_flow")} | {
        "net_edge": np.zeros(n)
    }


def measured(prices, values, baselines, horizons=HORIZONS, first=100, end=1400, signal="mine"):
    sample = PartSample(prices, horizons, [(first, end)])
    return sample, information_of(values, sample, baselines, signal=signal, cell_width_ms=100)


@pytest.fixture(params=range(3))
def case(request):
    rng = np.random.default_rng(request.param)
    prices = a_market(request.param)
    n = len(prices.valid)
    values, baselines = some_values(rng, n), some_baselines(rng, n)
    sample, found = measured(prices, values, baselines)
    return prices, np.nan_to_num(values), baselines, sample, found


def plain_sample(prices, horizons, first, end):
    return [
        t
        for t in range(first, end - max(horizons))
        if prices.valid[t] and all(prices.valid[t + horizon] for horizon in horizons)
    ]


def moves_of(prices, bins, horizon):
    mid = (prices.quotes[0] + prices.quotes[1]) / 2 / TICK
    return np.array([mid[t + horizon] - mid[t] for t in bins])


def test_the_rank_ic_is_spearmans(case):
    prices, values, _, sample, found = case
    bins = plain_sample(prices, HORIZONS, 100, 1400)
    assert sample.bins.tolist() == bins
    assert [figures.horizon_ms for figures in found.horizons] == [100 * horizon for horizon in HORIZONS]
    for figures, horizon in zip(found.horizons, HORIZONS, strict=True):
        expected = stats.spearmanr(values[bins], moves_of(prices, bins, horizon)).statistic
        assert figures.ic == pytest.approx(expected, abs=1e-12)
        assert figures.ic_low < figures.ic < figures.ic_high


def test_the_partial_ic_is_that_of_the_residuals_of_ranks(case):
    prices, values, baselines, sample, found = case
    names = ["imbalance", "ofi", "trade_flow"]
    assert found.after == names  # the one that never varies leaves everything
    ranks = [stats.rankdata(baselines[name][sample.bins]) for name in names]
    design = np.stack([np.ones(len(sample.bins)), *ranks], axis=1)

    def left(ranked):
        return ranked - design @ np.linalg.lstsq(design, ranked, rcond=None)[0]

    for figures, horizon in zip(found.horizons, HORIZONS, strict=True):
        moved = stats.rankdata(moves_of(prices, sample.bins, horizon))
        expected = np.corrcoef(left(stats.rankdata(values[sample.bins])), left(moved))[0, 1]
        assert figures.partial_ic == pytest.approx(expected, abs=1e-10)


def test_deciles_by_a_plain_loop(case):
    prices, values, _, sample, found = case
    ranks = stats.rankdata(values[sample.bins])
    for figures, horizon in zip(found.horizons, HORIZONS, strict=True):
        of_decile: list[list[float]] = [[] for _ in range(10)]
        for rank, move in zip(ranks, moves_of(prices, sample.bins, horizon), strict=True):
            of_decile[min(int(10 * (rank - 0.5) / len(ranks)), 9)].append(move)
        assert figures.decile_ticks == pytest.approx([float(np.mean(moves)) for moves in of_decile])


def test_autocorrelation_is_of_the_pairs_that_are_there(case):
    _, values, _, sample, found = case
    rank = dict(zip(sample.bins.tolist(), stats.rankdata(values[sample.bins]), strict=True))
    for figures, horizon in zip(found.horizons, HORIZONS, strict=True):
        pairs = np.array([(rank[t], rank[t + horizon]) for t in rank if t + horizon in rank])
        assert figures.autocorrelation == pytest.approx(np.corrcoef(pairs.T)[0, 1], abs=1e-9)


def test_resamples_are_those_of_moving_blocks():
    """Every resample against one that is put together sample by sample."""
    rng = np.random.default_rng(3)
    prices = a_market(3)
    sample = PartSample(prices, (1, 40), [(100, 1400)])
    n = len(sample.bins)
    x, decile = sample.y[:, 0][rng.permutation(n)], rng.integers(0, 9, n)
    left_x, left_y = rng.normal(size=n), rng.normal(size=(n, 2))
    of_moves, of_signal = (
        np.zeros((sample.n_cells + 1, 4 * 2)),
        np.zeros((sample.n_cells + 1, _kernels.OF_SIGNAL + 12 * 2)),
    )
    _kernels.move_sums(sample.y, left_y, sample.cell, of_moves)
    _kernels.signal_sums(x, sample.y, left_x, left_y, sample.moves, decile, sample.cell, of_signal)
    cells = np.concatenate([of_signal, of_moves], axis=1)
    draws = np.empty((len(sample.starts), 24))
    _kernels.resampled(cells, sample.cell, sample.cells_a_block, 2, sample.starts, draws)
    assert (sample.cell, sample.cells_a_block, sample.blocks) == (2, 20, n // 40)
    for draw in range(0, len(sample.starts), 50):
        taken = np.concatenate([np.arange(start * 2, start * 2 + 40) for start in sample.starts[draw]])
        for h in range(2):
            assert draws[draw, h] == pytest.approx(np.corrcoef(x[taken], sample.y[taken, h])[0, 1])
            assert draws[draw, 2 + h] == pytest.approx(np.corrcoef(left_x[taken], left_y[taken, h])[0, 1])
            for d in range(10):
                inside = taken[decile[taken] == d]
                expected = sample.moves[inside, h].mean() if len(inside) else math.nan
                assert draws[draw, 4 + 10 * h + d] == pytest.approx(expected, nan_ok=True)


@pytest.mark.parametrize("known", [0, 1, 2, 3, 41, 500])
def test_bounds_are_quantiles_of_what_is_known(known):
    rng = np.random.default_rng(known)
    draws = np.full((3, 500), np.nan)
    for row in draws:
        row[rng.permutation(500)[:known]] = rng.normal(size=known).round(1)
    bounds = np.empty((3, 2))
    _kernels.bounds_of(np.sort(draws, axis=1), 0.025, 0.975, bounds)
    if known < 2:
        assert np.isnan(bounds).all()
    else:
        assert bounds == pytest.approx(np.nanquantile(draws, [0.025, 0.975], axis=1).T)


def test_a_planted_lead_is_found_at_its_horizon_and_fades_after_it():
    prices = a_market(5, 6000, invalid=0.0)
    rng = np.random.default_rng(5)
    mid = prices.quotes[0] / TICK
    values = np.zeros(6000)
    values[:-20] = mid[20:] - mid[:-20] + rng.normal(scale=6, size=5980)
    _, found = measured(prices, values, {}, horizons=(1, 5, 20, 100, 400), end=5900)
    assert (found.best_horizon_ms, found.half_ms) == (
        2000,
        10_000,
    )  # of a move of 100 bins a fifth of the variance is known
    best = found.at(2000)
    assert best.ic_low > 0.3
    assert best.decile_ticks[0] < -2 < 2 < best.decile_ticks[9]
    assert found.at(None) is None


def test_nothing_is_left_of_what_everybody_has():
    """A baseline bent by a monotone function adds nothing; one of the baselines is held against the others."""
    prices = a_market(6)
    rng = np.random.default_rng(6)
    baselines = some_baselines(rng, 1500)
    _, found = measured(prices, baselines["ofi"] ** 3 + 7, baselines)
    assert {figures.partial_ic for figures in found.horizons} == {None}
    assert None not in {figures.ic for figures in found.horizons}
    _, found = measured(prices, baselines["ofi"], baselines, signal="ofi")
    assert found.after == ["imbalance", "trade_flow"]
    assert None not in {figures.partial_ic for figures in found.horizons}


def test_intervals_hold_what_is_true_of_signals_that_say_nothing():
    """Slow signals on random walks, whose overlapping moves are far from independent: 95 % at every horizon."""
    inside = []
    for seed in range(60):
        rng = np.random.default_rng(seed)
        prices = a_market(seed, 3000, invalid=0.0)
        values = np.convolve(rng.normal(size=3100), np.ones(100), "valid")[:3000]
        _, found = measured(prices, values, {}, horizons=(1, 20, 100), end=2900)
        inside += [figures.ic_low <= 0 <= figures.ic_high for figures in found.horizons]
    assert 0.9 <= np.mean(inside) <= 0.99


def test_turnover_by_hand():
    """From one side to the other at every second of an hour is 3600 times an hour, standing still is never."""
    quotes = np.full((6, 3700), 100 * TICK, np.int64)
    quotes[1] += TICK
    prices = Prices(quotes, np.ones(3700, bool), TICK)
    sample = PartSample(prices, (1, 10), [(0, 3611)])
    found = information_of(
        (np.arange(3700) % 2 - 0.5).astype(np.float64), sample, {}, signal="mine", cell_width_ms=1000
    )
    assert found.turnover_per_hour == pytest.approx(3600)
    assert {figures.ic for figures in found.horizons} == {None}  # the mid never moves
    still = information_of(np.ones(3700), sample, {}, signal="mine", cell_width_ms=1000)
    assert (still.turnover_per_hour, still.best_horizon_ms, still.half_ms) == (None, None, None)


def test_a_part_without_two_blocks_has_no_figures():
    prices = a_market(1)
    for horizons, end in (((), 1400), ((50,), 160), ((50,), 100)):
        _, found = measured(prices, np.ones(1500), {}, horizons=horizons, end=end)
        assert (found.horizons, found.turnover_per_hour, found.best_horizon_ms) == ([], None, None)
    nowhere = Prices(prices.quotes, np.zeros(1500, bool), TICK)
    assert measured(nowhere, np.ones(1500), {})[1].n_samples == 0


def test_horizons_are_whole_bins_and_fit_eight_times():
    assert horizons_bins(100, 4800) == (1, 2, 5, 10, 20, 50, 100, 300, 600)
    assert horizons_bins(100, 4799)[-1] == 300
    assert horizons_bins(500, 100_000) == (1, 2, 4, 10, 20, 60, 120)
    assert horizons_bins(300, 100_000) == (100, 200)
    assert horizons_bins(100, 7) == ()
    assert max(HORIZONS_MS) == 60_000


def test_where_it_has_halved():
    assert peak_of([(100, 0.1), (500, -0.3), (1000, -0.2), (2000, -0.1)]) == (500, 2000)
    assert peak_of([(100, 0.1), (500, 0.3)]) == (500, None)
    assert peak_of([(100, None), (500, 0.3), (1000, None), (2000, 0.15)]) == (500, 2000)
    assert peak_of([]) == (None, None)


def test_ranks_are_scipys():
    rng = np.random.default_rng(0)
    for size in (1, 2, 500):
        values = rng.integers(0, 20, size).astype(float)
        assert ranks_of(values).tolist() == stats.rankdata(values).tolist()
