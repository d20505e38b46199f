"""What a dataset is like, against plain loops and against what the dataset itself holds."""

import math
import statistics

import numpy as np
import pytest

from vp_harness import Dataset, ParameterError
from vp_harness.analysis import directional_regimes, projection_tries, spectrum_health
from vp_harness.analysis.projections import changes_of, projected
from vp_harness.analysis.regimes import averaged, direction
from vp_harness.analysis.ticks import Ticks


@pytest.fixture(scope="module")
def dataset(research):
    return Dataset.open(research.lake, research.dataset_id)


def of_tick(ticks, values, bin_seq, row, lag):
    """The value of a cell's tick `lag` bins later, by hand; None where there is none."""
    then, rows = bin_seq + lag, values.shape[1]
    if not 0 <= then < len(values) or not (ticks.valid[bin_seq] and ticks.valid[then]):
        return None
    there = row + int(ticks.spot[bin_seq]) - int(ticks.spot[then])
    return float(values[then, there]) if 0 <= there < rows else None


@pytest.mark.parametrize("lag", [5, -3, 0])
def test_a_tick_is_followed_through_moves_of_spot(dataset, lag):
    ticks, score = Ticks(dataset), dataset.grid("flow_score")
    assert len(set(np.diff(ticks.spot))) > 1, "spot never moves"
    found = ticks.at(score, lag)
    for bin_seq in [*range(8), *range(1000, 1100), *range(len(score) - 8, len(score))]:
        for row in range(score.shape[1]):
            wanted = of_tick(ticks, score, bin_seq, row, lag)
            assert found[bin_seq, row] == wanted if wanted is not None else math.isnan(found[bin_seq, row])


def test_the_served_projection_is_found_again(dataset):
    ticks, score, config = Ticks(dataset), dataset.grid("flow_score"), dataset.config
    changes = changes_of(ticks, score)
    cubic = config.projection_cubic_scale if config.projection_use_cubic else 0.0
    for horizon_ms in config.projection_horizons_ms:
        damping = config.projection_damping_lambda
        said = projected(score, changes, horizon_ms / 1000, cubic_scale=cubic, damping=damping)
        known = ~np.isnan(said)
        assert known.mean() > 0.9
        np.testing.assert_allclose(said[known], dataset.grid(f"proj_{horizon_ms}")[known], atol=1e-9)


def test_the_health_of_a_spectrum_by_hand(dataset):
    found = spectrum_health(dataset)
    ticks, score = Ticks(dataset), dataset.grid("flow_score")
    codes = dataset.grid("flow_state_code")[ticks.valid].ravel().tolist()
    assert found.flow_states == pytest.approx(
        {"-1": codes.count(-1) / len(codes), "0": codes.count(0) / len(codes), "+1": codes.count(1) / len(codes)}
    )
    assert sum(found.states.values()) == pytest.approx(1)
    assert found.bins_valid == int(dataset.bins["book_valid"].sum())
    horizon_ms = dataset.config.projection_horizons_ms[0]
    lag, said = horizon_ms // dataset.config.cell_width_ms, dataset.grid(f"proj_{horizon_ms}")
    errors, kept = [], []
    for bin_seq in range(len(score)):
        for row in range(0, score.shape[1]):
            came = of_tick(ticks, score, bin_seq, row, lag)
            if came is not None:
                errors.append(abs(float(said[bin_seq, row]) - came))
                kept.append(abs(float(score[bin_seq, row]) - came))
    first = found.projections[0]
    assert first.cells == len(errors)
    assert first.error == pytest.approx(statistics.fmean(errors))
    assert first.kept_error == pytest.approx(statistics.fmean(kept))
    assert first.skill == pytest.approx(1 - statistics.fmean(errors) / statistics.fmean(kept))


def test_every_form_of_projection_is_tried_on_the_same_cells(dataset):
    tries = projection_tries(dataset, cubic_scales=(0.0, 0.1), dampings=(0.0, 1.0))
    assert sum(one.served for one in tries) == 1
    for horizon in range(len(dataset.config.projection_horizons_ms)):
        assert len({one.horizons[horizon].cells for one in tries}) == 1
        assert len({one.horizons[horizon].error for one in tries}) > 1
    assert tries == projection_tries(dataset, cubic_scales=(0.0, 0.1), dampings=(0.0, 1.0))


def test_a_regime_by_hand(dataset):
    band, window, threshold = 4, 25, 0.05
    (found,) = directional_regimes(dataset, bands=[band], windows=[window], threshold=threshold)
    ticks, score = Ticks(dataset), dataset.grid("flow_score")
    middle, n = score.shape[1] // 2, len(score)
    leaning = [
        (
            statistics.fmean(score[t, middle - band : middle])
            - statistics.fmean(score[t, middle + 1 : middle + 1 + band])
        )
        / 2
        if ticks.valid[t]
        else math.nan
        for t in range(n)
    ]
    sign = []
    for t in range(n):
        known = [] if t + 1 < window else [value for value in leaning[t + 1 - window : t + 1] if not math.isnan(value)]
        mean = statistics.fmean(known) if known else 0.0
        sign.append(1 if mean >= threshold else -1 if mean <= -threshold else 0)
    assert (found.up, found.down) == pytest.approx((sign.count(1) / n, sign.count(-1) / n))
    assert found.up + found.down + found.neither == pytest.approx(1)
    spells = sum(now != 0 and now != before for before, now in zip([0, *sign], sign, strict=False))
    assert found.spells == spells > 3
    moves = [
        sign[t] * (ticks.mid[t + window] - ticks.mid[t])
        for t in range(window - 1, n - window, window)
        if sign[t] != 0 and not math.isnan(ticks.mid[t + window] - ticks.mid[t])
    ]
    assert found.moves == len(moves)
    assert found.edge_ticks == pytest.approx(statistics.fmean(moves))
    assert found.edge_low is not None
    assert found.edge_high is not None
    assert found.edge_low < statistics.fmean(moves) < found.edge_high


def test_what_builds_up_below_and_thins_out_above_is_up():
    score = np.zeros((2, 11))
    score[0, :5], score[0, 6:] = 0.5, -0.5
    assert direction(score, 4, np.array([True, False])).tolist()[0] == 0.5
    assert math.isnan(direction(score, 4, np.array([True, False]))[1])
    values = np.array([1.0, np.nan, 3.0, np.nan, np.nan, np.nan])
    assert averaged(values, 3)[2:].tolist()[:3] == [2.0, 3.0, 3.0]
    assert np.isnan(averaged(values, 3)[[0, 1, 5]]).all()


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"bands": [0]}, "bands=0"),
        ({"bands": [999]}, "bands=999"),
        ({"windows": [0]}, "windows=0"),
        ({"windows": [10**6]}, "windows=1000000"),
        ({"threshold": 0.0}, "threshold=0.0"),
        ({"threshold": 2.0}, "threshold=2.0"),
    ],
)
def test_what_regimes_refuse(dataset, wrong, says):
    with pytest.raises(ParameterError, match=says):
        directional_regimes(dataset, **wrong)
