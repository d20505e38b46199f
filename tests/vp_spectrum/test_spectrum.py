"""The cell spectrum against its definition, and the properties that follow from it."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from support.spectrum_oracle import OracleSpectrum

from vp_spectrum import CellSpectrum, InputError, ParameterError, SpectrumFrame, SpectrumParams

Field = npt.NDArray[np.float64]
SMALL = SpectrumParams(
    windows=(2, 3, 7),
    rollup_weights=(3.0, 1.0, 2.0),
    zscore_window=12,
    zscore_min_periods=4,
    horizons_ms=(100, 250),
    use_cubic=True,
    damping_lambda=0.5,
)
NAMES = ("composite", "composite_d1", "composite_d2", "composite_d3", "flow_score")


def market(seed: int, bins: int, cells: int) -> tuple[Field, Field]:
    """Random amounts with silent cells, cells that hold still, denormals, and extremes."""
    rng = np.random.default_rng(seed)
    field = rng.normal(0.0, 1.0, (2, bins, cells)) * 10.0 ** rng.integers(-3, 3, cells)
    field[rng.random((2, bins, cells)) < 0.2] = 0.0
    field[:, :, ::7] = 0.0
    field[:, 10:, 1::7] = field[:, 10:11, 1::7]
    field[:, :, 2::7] = np.where(rng.random((2, bins, field[0, :, 2::7].shape[1])) < 0.9, 0.0, 5e-324)
    field[:, :, 3::7] = np.sign(field[:, :, 3::7]) * 1.7e308
    field[:, :, 4::7] = np.round(field[:, :, 4::7])
    return field[0], field[1]


def play(
    params: SpectrumParams,
    pressure: Field,
    vacuum: Field,
    windows: list[tuple[int, int]] | None = None,
    shifts: dict[int, int] | None = None,
) -> list[SpectrumFrame]:
    spectrum = CellSpectrum(params, pressure.shape[1])
    frames = []
    for i, (p, v) in enumerate(zip(pressure, vacuum, strict=True)):
        spectrum.shift((shifts or {}).get(i, 0))
        frames.append(spectrum.update(i, p, v, *(windows[i] if windows else ())))
    return frames


def same_bits(a: SpectrumFrame, b: SpectrumFrame, cells: slice = slice(None)) -> bool:
    """Whether `b`, of a wider window, has in `cells` exactly the numbers of `a`."""
    return (
        all(getattr(a, name).tobytes() == getattr(b, name)[cells].tobytes() for name in (*NAMES, "flow_state_code"))
        and list(a.projections) == list(b.projections)
        and all(a.projections[ms].tobytes() == b.projections[ms][cells].tobytes() for ms in a.projections)
    )


def check_against_oracle(params: SpectrumParams, frames: list[SpectrumFrame], oracle_input: list[tuple]) -> None:
    """`frames` must be of all cells."""
    n_cells = len(oracle_input[0][0])
    oracle = OracleSpectrum(params, n_cells)
    for frame, (p, v, shift) in zip(frames, oracle_input, strict=True):
        oracle.shift(shift)
        measured = np.stack([frame.composite_d1, frame.composite_d2, frame.composite_d3], axis=1)
        oracle.push(p, v, measured.tolist())
        cells = oracle.cells
        expected = np.array([[c.composite[-1], c.d[0][-1], c.d[1][-1], c.d[2][-1], c.score[-1]] for c in cells]).T
        for name, row, tolerance in zip(NAMES, expected, (1e-15, 1e-13, 2e-12, 4e-12, 1e-12), strict=True):
            np.testing.assert_allclose(getattr(frame, name), row, rtol=1e-12, atol=tolerance, err_msg=name)
        off_threshold = np.abs(np.abs(expected[4]) - params.neutral_threshold) > 1e-12
        assert np.array_equal(frame.flow_state_code[off_threshold], np.array([c.code for c in cells])[off_threshold])
        for ms, projection in frame.projections.items():
            np.testing.assert_allclose(projection, [c.projection(ms) for c in cells], rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("params", [SMALL, SpectrumParams(zscore_window=60, zscore_min_periods=10, horizons_ms=(500,))])
def test_every_number_is_that_of_the_definition(params: SpectrumParams) -> None:
    pressure, vacuum = market(1, 150, 21)
    frames = play(params, pressure, vacuum)
    check_against_oracle(params, frames, [(p, v, 0) for p, v in zip(pressure, vacuum, strict=True)])
    assert any((frame.flow_state_code == 1).any() for frame in frames)


def test_the_defaults_over_more_than_their_windows() -> None:
    pressure, vacuum = market(2, 400, 8)
    check_against_oracle(
        SpectrumParams(),
        play(SpectrumParams(), pressure, vacuum),
        [(p, v, 0) for p, v in zip(pressure, vacuum, strict=True)],
    )


@pytest.mark.parametrize("jump", [1, 5, 39, 40, 41, 200])
def test_recentering_moves_histories_with_their_cells(jump: int) -> None:
    pressure, vacuum = market(3, 90, 40)
    shifts = {20: jump, 21: -jump, 30: 3, 40: -7, 60: -jump}
    frames = play(SMALL, pressure, vacuum, None, shifts)
    oracle_input = [(p, v, shifts.get(i, 0)) for i, (p, v) in enumerate(zip(pressure, vacuum, strict=True))]
    check_against_oracle(SMALL, frames, oracle_input)


def test_a_cell_that_comes_back_into_the_range_is_new() -> None:
    spectrum = CellSpectrum(SMALL, 10)
    for i in range(20):
        spectrum.update(i, np.arange(10.0) + i % 3, np.ones(10))
    spectrum.shift(4)
    assert spectrum.seen().tolist() == [20] * 6 + [0] * 4
    spectrum.shift(-4)
    assert spectrum.seen().tolist() == [0] * 4 + [20] * 6
    frame = spectrum.update(20, np.arange(10.0), np.ones(10))
    assert (frame.composite_d1[:4] == 0).all()
    assert (frame.composite_d1[4:] != 0).all()


@settings(deadline=None, max_examples=40)
@given(
    seed=st.integers(0, 2**32 - 1),
    cells=st.integers(1, 90),
    moves=st.lists(st.tuples(st.integers(0, 89), st.integers(0, 30)), min_size=45, max_size=45),
    shifts=st.dictionaries(st.integers(0, 44), st.integers(-100, 100), max_size=3),
)
@example(seed=0, cells=90, moves=[(30 + i % 2, 20) for i in range(44)] + [(70, 20)], shifts={})  # beyond the guard
@example(seed=0, cells=90, moves=[(30, 0)] * 44 + [(0, 90)], shifts={})  # never shown, then everything at once
def test_what_was_served_before_changes_no_number(
    seed: int, cells: int, moves: list[tuple[int, int]], shifts: dict[int, int]
) -> None:
    pressure, vacuum = market(seed, len(moves), cells)
    windows = [(min(lo, cells), min(lo + rows, cells)) for lo, rows in moves]
    narrow = play(SMALL, pressure, vacuum, windows, shifts)
    whole = play(SMALL, pressure, vacuum, None, shifts)
    for part, all_cells in zip(narrow, whole, strict=True):
        assert same_bits(part, all_cells, slice(part.lo, part.hi))


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_cells_that_are_built_over_several_bins_have_the_same_numbers(seed: int) -> None:
    """With a window this long the cells beside the served ones are built piece by piece, and overtaken at times."""
    params = SpectrumParams(zscore_window=250, zscore_min_periods=20, horizons_ms=(300,), use_cubic=True)
    pressure, vacuum = market(seed, 420, 80)
    rng = np.random.default_rng(seed)
    low, windows = 30, []
    for i in range(420):
        low += int(rng.integers(-1, 2)) if i % 50 < 40 else int(rng.integers(-4, 5))
        low = int(rng.integers(0, 76)) if i % 97 == 96 else min(max(low, 0), 75)
        windows.append((low, low + 5))
    narrow = play(params, pressure, vacuum, windows, {200: 9, 330: -20})
    whole = play(params, pressure, vacuum, None, {200: 9, 330: -20})
    for part, all_cells in zip(narrow, whole, strict=True):
        assert same_bits(part, all_cells, slice(part.lo, part.hi))


@settings(deadline=None, max_examples=20)
@given(seed=st.integers(0, 2**32 - 1), cell=st.integers(0, 19))
def test_cells_know_nothing_of_each_other(seed: int, cell: int) -> None:
    pressure, vacuum = market(seed, 30, 20)
    alone = play(SMALL, pressure[:, cell : cell + 1], vacuum[:, cell : cell + 1])
    together = play(SMALL, pressure, vacuum)
    assert all(same_bits(a, b, slice(cell, cell + 1)) for a, b in zip(alone, together, strict=True))


@settings(deadline=None, max_examples=20)
@given(seed=st.integers(0, 2**32 - 1), cut=st.integers(1, 29))
def test_the_future_changes_nothing(seed: int, cut: int) -> None:
    pressure, vacuum = market(seed, 30, 10)
    other = np.concatenate([pressure[:cut], -pressure[cut:] + 1.0])
    for i, (a, b) in enumerate(zip(play(SMALL, pressure, vacuum), play(SMALL, other, vacuum), strict=True)):
        if i < cut:
            assert same_bits(a, b)


@settings(deadline=None, max_examples=20)
@given(seed=st.integers(0, 2**32 - 1), forgotten=st.integers(1, 60))
def test_the_past_beyond_the_windows_changes_nothing(seed: int, forgotten: int) -> None:
    """No rolling sum drifts: after enough bins a long history and a short one give the same bits."""
    pressure, vacuum = market(seed, 100, 6)
    reach = SMALL.zscore_window + max(SMALL.windows) + 6
    long = play(SMALL, pressure, vacuum)[forgotten + reach :]
    short = play(SMALL, pressure[forgotten:], vacuum[forgotten:])[reach:]
    assert len(long) == len(short) > 0
    assert all(same_bits(a, b) for a, b in zip(long, short, strict=True))


@settings(deadline=None, max_examples=60)
@given(
    field=st.lists(
        st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=4, max_size=4), min_size=1, max_size=25
    ),
    cubic=st.floats(-1e6, 1e6),
    bin_seconds=st.floats(1e-6, 86400.0),
)
def test_every_finite_input_has_finite_results_in_bounds(
    field: list[list[float]], cubic: float, bin_seconds: float
) -> None:
    params = replace(SMALL, cubic_scale=cubic, bin_seconds=bin_seconds, horizons_ms=(1, 86_400_000))
    array = np.array(field)
    for frame in play(params, array[:, :2], array[:, 2:]):
        for values in (*(getattr(frame, name) for name in NAMES), *frame.projections.values()):
            assert np.isfinite(values).all()
        for bounded in (frame.composite, frame.flow_score, *frame.projections.values()):
            assert (np.abs(bounded) <= 1.0).all()


def test_a_doubled_market_scores_the_same() -> None:
    """Composites are ratios: but for the 1e-12, only proportions count."""
    pressure, vacuum = market(5, 60, 10)
    keep = [i for i in range(10) if i % 7 > 3]
    for a, b in zip(
        play(SMALL, pressure[:, keep], vacuum[:, keep]),
        play(SMALL, 2.0 * pressure[:, keep], 2.0 * vacuum[:, keep]),
        strict=True,
    ):
        np.testing.assert_allclose(a.flow_score, b.flow_score, atol=1e-6)


def test_a_frame_is_not_touched_by_the_next_bin_and_inputs_by_none() -> None:
    spectrum = CellSpectrum(SMALL, 5)
    pressure = np.arange(5.0)
    pressure.setflags(write=False)
    first = spectrum.update(1, pressure, [5, 4, 3, 2, 1])
    before = first.composite.copy()
    spectrum.update(2, pressure.astype(np.float32)[::-1], np.zeros(5, dtype=np.int32))
    assert np.array_equal(first.composite, before)
    assert (first.ts_ns, first.lo, first.hi) == (1, 0, 5)


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("name", ["pressure", "vacuum"])
def test_an_input_that_is_not_finite_is_refused_and_leaves_no_trace(bad: float, name: str) -> None:
    pressure, vacuum = market(6, 40, 9)
    clean = play(SMALL, pressure, vacuum)
    spectrum = CellSpectrum(SMALL, 9)
    for i in range(40):
        inputs = {"pressure": pressure[i].copy(), "vacuum": vacuum[i].copy()}
        inputs[name][4] = bad
        with pytest.raises(InputError, match=rf"{name}\[4\]=.*must be finite"):
            spectrum.update(i, **inputs)
        assert spectrum.bins == i
        assert same_bits(spectrum.update(i, pressure[i], vacuum[i]), clean[i])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((1, np.zeros(4), np.zeros(5)), r"pressure: shape \(4,\), must be \(5,\)"),
        ((1, np.zeros(5), np.zeros((5, 1))), r"vacuum: shape \(5, 1\)"),
        ((1, np.zeros(5), np.zeros(5, dtype=complex)), "vacuum: dtype complex128"),
        ((1, ["a"] * 5, np.zeros(5)), "pressure: dtype"),
        ((0, np.zeros(5), np.zeros(5)), "ts_ns=0: must not be before the last bin's, 1"),
        ((1.5, np.zeros(5), np.zeros(5)), r"ts_ns=1\.5"),
        ((1, np.zeros(5), np.zeros(5), -1), "lo=-1: must be a whole number from 0 to 5"),
        ((1, np.zeros(5), np.zeros(5), 3, 2), "hi=2: must be a whole number from 3 to 5"),
        ((1, np.zeros(5), np.zeros(5), 3, 6), "hi=6"),
    ],
)
def test_wrong_arguments_are_named(arguments: tuple, message: str) -> None:
    spectrum = CellSpectrum(SMALL, 5)
    spectrum.update(1, np.zeros(5), np.zeros(5))
    with pytest.raises((InputError, ParameterError), match=message):
        spectrum.update(*arguments)
    assert spectrum.bins == 1


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"bin_seconds": 0.0}, "bin_seconds=0.0: must be a number from 1e-06"),
        ({"bin_seconds": math.nan}, "bin_seconds=nan"),
        ({"windows": ()}, "windows=.*at least one"),
        ({"windows": (5, 5)}, "no value may come twice"),
        ({"windows": (0,)}, r"windows\[0\]=0"),
        ({"rollup_weights": (1.0,)}, "rollup_weights=.*must have 3 entries, has 1"),
        ({"rollup_weights": (1.0, -1.0, 1.0)}, r"rollup_weights\[1\]=-1.0"),
        ({"derivative_weights": (0.0, 0.0, 0.0)}, "at least one must be above 0"),
        ({"derivative_weights": (1.0, 1.0)}, "must have 3 entries"),
        ({"tanh_scale": 0.0}, "tanh_scale=0.0"),
        ({"neutral_threshold": 1.5}, "neutral_threshold=1.5"),
        ({"zscore_window": 1}, "zscore_window=1"),
        ({"zscore_min_periods": 13}, "zscore_min_periods=13: must be a whole number from 1 to 12"),
        ({"horizons_ms": (100, 100)}, "no value may come twice"),
        ({"horizons_ms": (0,)}, r"horizons_ms\[0\]=0"),
        ({"use_cubic": 1}, "use_cubic=1"),
        ({"cubic_scale": math.inf}, "cubic_scale=inf"),
        ({"damping_lambda": -0.1}, "damping_lambda=-0.1"),
    ],
)
def test_wrong_parameters_are_named(change: dict, message: str) -> None:
    with pytest.raises(ParameterError, match=message):
        replace(SMALL, **change)


def test_wrong_numbers_of_cells_are_named() -> None:
    with pytest.raises(ParameterError, match="n_cells=0"):
        CellSpectrum(SMALL, 0)
    with pytest.raises(ParameterError, match=r"cells=0\.5"):
        CellSpectrum(SMALL, 4).shift(0.5)  # type: ignore[arg-type]
