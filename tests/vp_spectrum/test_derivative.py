"""Five-state codes and the derivative stage against their tables and definitions."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.spectrum_oracle import OracleStage

from vp_spectrum import DerivativeParams, DerivativeStage, InputError, ParameterError, state5_codes

# The table of the specification, read by eye: "ask bid: above below".
TABLE = """
+ +: +2 +1
+ 0: -1 -2
+ -: -1 -2
0 +: +2 +1
0 0: 0 0
0 -: -1 -2
- +: 0 0
- 0: -1 -2
- -: -1 -2
"""
ROWS = list(range(-5, 6))
CODES = st.lists(st.integers(-2, 2), min_size=len(ROWS), max_size=len(ROWS))
SHORT = DerivativeParams(zscore_window_bins=9, zscore_min_periods=3)


@pytest.mark.parametrize("line", TABLE.split("\n")[1:-1])
def test_codes_are_those_of_the_table(line: str) -> None:
    signs, codes = line.split(":")
    ask, bid = ({"+": 1, "0": 0, "-": -1}[sign] for sign in signs.split())
    above, below = (int(code) for code in codes.split())
    result = state5_codes(ask, bid, np.arange(-2, 3))
    assert result.dtype == np.int8
    assert result.tolist() == [below, below, 0, above, above]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((2, 0, [1]), "ask_sign=2: must be a whole number from -1 to 1"),
        ((0, -3, [1]), "bid_sign=-3"),
        ((0, 0.0, [1]), "bid_sign=0.0"),
        ((0, 0, [0.5]), "k_values: .*whole numbers"),
        ((0, 0, [[1]]), r"k_values: shape \(1, 1\)"),
    ],
)
def test_wrong_arguments_of_codes_are_named(arguments: tuple, message: str) -> None:
    with pytest.raises((ParameterError, InputError), match=message):
        state5_codes(*arguments)


@settings(deadline=None, max_examples=60)
@given(
    bins=st.lists(CODES, min_size=1, max_size=25),
    radius=st.integers(0, 4),
    decay=st.sampled_from([0.0, 0.5, 1.0, 3.0]),
    factors=st.lists(st.floats(0, 3), min_size=5, max_size=5),
    channels=st.lists(st.floats(0, 1), min_size=3, max_size=3).filter(lambda w: sum(w) > 0.1),
)
def test_every_number_is_that_of_the_definition(
    bins: list[list[int]], radius: int, decay: float, factors: list[float], channels: list[float]
) -> None:
    params = replace(
        SHORT,
        center_exclusion_radius=radius,
        spatial_decay_power=decay,
        d1_weight=channels[0],
        d2_weight=channels[1],
        d3_weight=channels[2],
        bull_pressure_weight=factors[0],
        bull_vacuum_weight=factors[1],
        bear_pressure_weight=factors[2],
        bear_vacuum_weight=factors[3],
        mixed_weight=factors[4],
    )
    stage, oracle = DerivativeStage(params, ROWS), OracleStage(params, ROWS)
    for seq, codes in enumerate(bins):
        frame = stage.update(codes)
        expected = oracle.push(codes)
        for name, tolerance in (("base", 1e-14), ("d1", 1e-12), ("d2", 1e-11), ("d3", 1e-10)):
            assert getattr(frame, name) == pytest.approx(expected[name], rel=1e-12, abs=tolerance * 1e1)
        for name in ("bull_intensity", "bear_intensity", "mixed_intensity"):
            assert getattr(frame, name) == pytest.approx(expected[name], abs=1e-13)
        assert frame.sample_count == expected["sample_count"]
        assert frame.ready == (seq >= 2)
        assert frame.name == "derivative"
        assert -1.0 <= frame.score <= 1.0


def test_scores_of_a_long_day_are_those_of_the_definition() -> None:
    """Row counts that are powers of two make every base exact, so that z can be compared to 1e-12 too."""
    rows = [*range(-8, 0), *range(1, 9)]
    params = DerivativeParams(bin_seconds=0.125, d1_weight=0.5, d2_weight=0.25, d3_weight=0.25, mixed_weight=0.5)
    stage, oracle = DerivativeStage(params, rows), OracleStage(params, rows)
    rng = np.random.default_rng(8)
    scores = set()
    for seq in range(400):
        # Long silences make windows whose MAD is 0, where the standard deviation takes over.
        codes = rng.integers(-2, 3, 16) if seq % 100 > 60 or seq % 9 == 0 else np.zeros(16, dtype=np.int64)
        frame = stage.update(codes)
        for name, value in oracle.push(codes.tolist()).items():
            assert getattr(frame, name) == pytest.approx(value, rel=1e-12, abs=1e-12), (seq, name)
        assert frame.ready == (seq >= 59)
        scores.add(frame.score)
    assert len(scores) > 100


def test_the_dominant_state_is_the_heaviest_and_a_tie_is_mixed() -> None:
    stage = DerivativeStage(SHORT, [1, 2, 3, 4])
    assert stage.update([2, 2, 2, -1]).dominant_state == 2
    assert stage.update([-2, -2, 1, 0]).dominant_state == -2
    assert stage.update([2, 2, -1, -1]).dominant_state == 0


def test_equal_shares_in_another_order_are_no_change() -> None:
    """A decaying weight summed in another order must not look like a move of 1e-17."""
    rows = np.arange(-50, 51)
    stage = DerivativeStage(replace(SHORT, spatial_decay_power=0.7), rows)
    codes = np.random.default_rng(3).integers(-2, 3, rows.size)
    stage.update(codes)
    frames = [stage.update(codes[::-1] if i % 2 else codes) for i in range(8)]
    assert all(frame.d1 == 0.0 and frame.z1 == 0.0 and frame.score == 0.0 for frame in frames)


@pytest.mark.parametrize("decay", [0.0, 1.0, 100.0])
def test_weights_sum_to_one(decay: float) -> None:
    params = replace(SHORT, center_exclusion_radius=20, spatial_decay_power=decay)
    weights = DerivativeStage(params, np.arange(-50, 51)).weights
    assert weights.sum() == pytest.approx(1.0, abs=1e-12)
    assert (weights[30:71] == 0.0).all()
    assert (weights[[29, 71]] > 0.0).all()


def test_excluding_every_row_is_refused() -> None:
    with pytest.raises(ParameterError, match="center_exclusion_radius=5: must leave at least one of the 11 rows"):
        DerivativeStage(replace(SHORT, center_exclusion_radius=5), ROWS)
    with pytest.raises(ParameterError, match="of the 0 rows"):
        DerivativeStage(SHORT, np.array([], dtype=np.int64))


@pytest.mark.parametrize(
    ("codes", "message"),
    [
        ([0] * 10, r"state5_code: shape \(10,\), must be \(11,\)"),
        ([0] * 10 + [3], r"state5_code\[10\]=3: must be a whole number from -2 to 2"),
        ([0.0] * 11, "whole numbers"),
        ([300] * 11, r"state5_code\[0\]=300"),
    ],
)
def test_wrong_codes_are_named_and_leave_no_trace(codes: list, message: str) -> None:
    stage = DerivativeStage(SHORT, ROWS)
    with pytest.raises(InputError, match=message):
        stage.update(codes)
    assert stage.update([0] * 11).sample_count == 1


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"center_exclusion_radius": -1}, "center_exclusion_radius=-1"),
        ({"spatial_decay_power": -1.0}, "spatial_decay_power=-1.0"),
        ({"zscore_window_bins": 1}, "zscore_window_bins=1"),
        ({"zscore_min_periods": 10}, "zscore_min_periods=10: must be a whole number from 1 to 9"),
        ({"tanh_scale": -3}, "tanh_scale=-3"),
        ({"d1_weight": 0.0}, "at least one must be above 0"),
        ({"mixed_weight": float("nan")}, "mixed_weight=nan"),
        ({"bin_seconds": "0.1"}, "bin_seconds='0.1'"),
    ],
)
def test_wrong_parameters_are_named(change: dict, message: str) -> None:
    with pytest.raises(ParameterError, match=message):
        replace(SHORT, **change)


@pytest.mark.parametrize("weights", [{}, {"d2_weight": 0.5, "d3_weight": 0.25, "mixed_weight": 0.7}])
def test_many_bins_at_once_are_one_bin_after_the_other(weights):
    rng = np.random.default_rng(4)
    codes = rng.integers(-2, 3, (300, 21)).astype(np.int8)
    codes[50:150] = codes[50]
    params = DerivativeParams(zscore_window_bins=40, zscore_min_periods=10, spatial_decay_power=0.5, **weights)
    one, many = DerivativeStage(params, range(-10, 11)), DerivativeStage(params, range(-10, 11))
    scores = [one.update(row).score for row in codes]
    assert np.concatenate([many.scores(part) for part in np.split(codes, [1, 1, 90])]).tolist() == scores
    codes[3, 2] = 5
    for bad, words in ((codes, "bin 3"), (codes[0], "must be"), (codes.astype(float), "whole numbers")):
        with pytest.raises(InputError, match=words):
            many.scores(bad)
    assert many.update(codes[0]).score == one.update(codes[0]).score
