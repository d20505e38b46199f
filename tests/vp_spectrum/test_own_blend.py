"""An own blend: with the formula of the default it gives the default's bits, with another what the definition says."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vp_spectrum import (
    Blend,
    CellSpectrum,
    DerivativeParams,
    InputError,
    ParameterError,
    ScoreChain,
    SpectrumFrame,
    SpectrumParams,
    tanh,
)

Z = npt.NDArray[np.float64]
SMALL = SpectrumParams(
    windows=(2, 3, 7),
    zscore_window=12,
    zscore_min_periods=4,
    horizons_ms=(100, 250),
    use_cubic=True,
    damping_lambda=0.5,
)
CELLS = 40


def as_the_default(z: Z) -> Z:
    channels = [weight * tanh(z[:, i] / 3.0) for i, weight in enumerate((0.55, 0.30, 0.15))]
    return (channels[0] + channels[1] + channels[2]) / (0.55 + 0.30 + 0.15)


def strongest(z: Z) -> Z:
    return np.tanh(z[np.arange(len(z)), np.abs(z).argmax(axis=1)] / 3.0)


def play(
    blend: Blend | None, seed: int, windows: list[tuple[int, int]], shifts: dict[int, int], bins: int = 60
) -> list[SpectrumFrame]:
    amounts = np.random.default_rng(seed).gamma(1.0, 1.0, (bins, 2, CELLS)).round(1)
    spectrum = CellSpectrum(SMALL, CELLS, blend=blend)
    frames = []
    for i in range(bins):
        spectrum.shift(shifts.get(i, 0))
        lo, hi = windows[i % len(windows)]
        frames.append(spectrum.update(i, amounts[i, 0], amounts[i, 1], lo, hi))
    return frames


def results(frame: SpectrumFrame, cells: slice = slice(None)) -> list[bytes]:
    arrays: list[npt.NDArray[Any]] = [frame.flow_score, frame.flow_state_code, *frame.projections.values()]
    return [array[cells].tobytes() for array in arrays]


moving = st.lists(st.integers(0, CELLS - 5).map(lambda lo: (lo, lo + 5)), min_size=1, max_size=60)
recentered = st.dictionaries(st.integers(0, 59), st.integers(-CELLS, CELLS), max_size=4)


@given(st.integers(0, 5), moving, recentered)
@settings(max_examples=15, deadline=None)
def test_the_formula_of_the_default_gives_its_bits(
    seed: int, windows: list[tuple[int, int]], shifts: dict[int, int]
) -> None:
    own, default = play(as_the_default, seed, windows, shifts), play(None, seed, windows, shifts)
    assert [results(frame) for frame in own] == [results(frame) for frame in default]


@given(st.integers(0, 5), moving, recentered)
@settings(max_examples=15, deadline=None)
def test_what_was_served_before_changes_no_number(
    seed: int, windows: list[tuple[int, int]], shifts: dict[int, int]
) -> None:
    part, whole = play(strongest, seed, windows, shifts), play(strongest, seed, [(0, CELLS)], shifts)
    for frame, of_all in zip(part, whole, strict=True):
        assert results(frame) == results(of_all, slice(frame.lo, frame.hi))


def test_scores_are_the_function_of_the_z_scores_and_codes_and_projections_follow() -> None:
    given_rows: list[Z] = []

    def noted(z: Z) -> Z:
        given_rows.append(z.copy())
        z[:] = np.nan  # it may do with its argument what it likes
        return np.full(len(z), 0.0) + 3.0 * (given_rows[-1][:, 0] > 0.5)

    frames = play(noted, 1, [(0, CELLS)], {})
    scores = np.array([frame.flow_score for frame in frames])
    assert not scores[:3].any()
    assert scores[3:].any()
    assert set(np.unique(scores)) == {0.0, 1.0}  # clipped
    assert [len(rows) for rows in given_rows[:5]] == [CELLS, 2 * CELLS, 3 * CELLS, 4 * CELLS, 4 * CELLS]
    now = given_rows[-1].reshape(CELLS, 4, 3)[:, 0]
    assert np.array_equal(now[:, 0] > 0.5, scores[-1] == 1.0)
    for row, frame in zip(scores, frames, strict=True):
        assert np.array_equal(frame.flow_state_code, (row >= 0.15).astype(np.int8))
    dt, h = 0.1, 0.25
    slope, curve, third = (np.diff(scores, n, axis=0)[-1] / dt**n for n in (1, 2, 3))
    ahead = (scores[-1] + slope * h + curve * h**2 / 2 + third * h**3 / 6) * np.exp(-0.5 * h)
    np.testing.assert_allclose(frames[-1].projections[250], ahead.clip(-1.0, 1.0), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (lambda z: z, r"blend: gave shape \(40, 3\) of float64 for 40 rows"),
        (lambda z: 0.5, r"blend: gave shape \(\) of float64"),
        (lambda z: ["up"] * len(z), "blend: gave shape .40,. of <U2"),
        (lambda z: np.where(np.arange(len(z)) == 2, np.nan, 0.0), r"blend: gave nan for the z-scores \[.*1 of 40 are"),
    ],
)
def test_what_is_no_score_is_refused_and_the_next_bin_is_right(answer: Any, message: str) -> None:
    failing = False

    def blend(z: Z) -> Any:
        return answer(z) if failing else strongest(z)

    amounts = np.random.default_rng(3).gamma(1.0, 1.0, (9, 2, CELLS))
    spectrum, clean = CellSpectrum(SMALL, CELLS, blend=blend), CellSpectrum(SMALL, CELLS, blend=strongest)
    for i, bin_ in enumerate(amounts):
        expected = clean.update(i, *bin_)
        failing = i == 3
        if failing:
            with pytest.raises(InputError, match=message):
                spectrum.update(i, *bin_)
        else:
            assert results(spectrum.update(i, *bin_)) == results(expected)


def test_what_the_function_raises_passes_through() -> None:
    def broken(z: Z) -> Z:
        raise ZeroDivisionError("own")

    with pytest.raises(ZeroDivisionError, match="own"):
        CellSpectrum(SpectrumParams(zscore_min_periods=1), 8, blend=broken).update(0, np.ones(8), np.ones(8))


def test_what_cannot_be_called_is_refused() -> None:
    with pytest.raises(ParameterError, match=r"blend=\(1, 0, 0\): must be a function"):
        CellSpectrum(SMALL, CELLS, blend=(1, 0, 0))  # type: ignore[arg-type]
    with pytest.raises(ParameterError, match="blend=0"):
        ScoreChain(SMALL, DerivativeParams(), CELLS, 2, blend=0)  # type: ignore[arg-type]
