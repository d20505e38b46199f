"""Order-statistics windows against `numpy.median`, to the bit."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from support.spectrum_oracle import robust_z_or_std

import vp_spectrum
from vp_spectrum import InputError, ParameterError, RobustWindow, VpSpectrumError
from vp_spectrum.scores import window as _window
from vp_spectrum.scores.blend import blend, tanh

# Few distinct values make ties; the rest are ordinary, tiny and denormal ones of both signs.
TIED = st.sampled_from([-2.0, -1.0, -0.0, 0.0, 1.0, 1.0, 3.0])
ORDINARY = st.floats(-1e6, 1e6, allow_nan=False)
TINY = st.floats(-1e-300, 1e-300, allow_nan=False, allow_subnormal=True)
STREAM = st.lists(st.one_of(TIED, ORDINARY, TINY), min_size=1, max_size=60)


def windows_of(values: Sequence[float], size: int) -> list[np.ndarray]:
    return [np.array(values[max(0, i + 1 - size) : i + 1]) for i in range(len(values))]


@settings(deadline=None)
@given(values=STREAM, size=st.integers(2, 24), gap=st.integers(0, 3))
def test_median_and_mad_are_those_of_numpy_to_the_bit(values: list[float], size: int, gap: int) -> None:
    at = gap * size
    ring = np.full((gap + 2) * size, np.nan)
    ordered = ring.copy()
    for i, (value, window) in enumerate(zip(values, windows_of(values, size), strict=True)):
        _window.admit(ring, ordered, at, size, min(i, size), i % size, value)
        count = len(window)
        assert np.array_equal(ordered[at : at + count], np.sort(window))
        center = _window.median(ordered, at, count, 1.0)
        assert center == np.median(window)
        assert _window.deviation(ordered, at, count, center, 1.0) == np.median(np.abs(window - center))
    outside = np.delete(ordered, np.s_[at : at + size])
    assert np.isnan(outside).all()


@settings(deadline=None)
@given(values=STREAM, size=st.integers(2, 24), min_periods=st.integers(1, 24))
def test_zero_fallback_is_the_definition(values: list[float], size: int, min_periods: int) -> None:
    robust = RobustWindow(size, min(min_periods, size))
    for value, window in zip(values, windows_of(values, size), strict=True):
        z = robust.push(value)
        assert robust.count == len(window)
        assert robust.ready == (len(window) >= min(min_periods, size))
        center = np.median(window)
        scale = 1.4826 * np.median(np.abs(window - center))
        expected = (value - center) / scale if robust.ready and scale >= 1e-9 else 0.0
        assert z == expected


@settings(deadline=None)
@given(values=st.lists(st.one_of(TIED, TIED, ORDINARY), min_size=1, max_size=60), size=st.integers(2, 24))
@example(values=[0.1] * 12, size=7)  # a constant whose mean, computed naively, is not it
@example(values=[0.1] * 6 + [0.7], size=7)
@example(values=[0.1, 0.1, math.nextafter(0.1, 1.0)], size=3)  # neighbours, whose mean is rounded to one of them
@example(values=[0.0, 0.0, 1e-308], size=3)  # squares that underflow
@example(values=[0.0, 0.0, 1e-308, -2.0], size=4)  # a quotient that overflows
def test_std_fallback_is_the_definition(values: list[float], size: int) -> None:
    robust = RobustWindow(size, 1, fallback="std")
    for value, window in zip(values, windows_of(values, size), strict=True):
        assert robust.push(value) == pytest.approx(robust_z_or_std(window.tolist(), 1), rel=1e-9, abs=1e-9)


@settings(deadline=None)
@given(
    values=st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1, max_size=40),
    size=st.integers(2, 9),
    fallback=st.sampled_from(["zero", "std"]),
)
@example(values=[1.7e308, -1.7e308, 1.7e308, 1e-320], size=3, fallback="std")
@example(values=[5e-324, 0.0, 0.0, 0.0], size=4, fallback="std")
@example(values=[0.0, 0.0, 0.0, 1.7e308], size=4, fallback="std")
def test_every_finite_number_has_a_finite_z(values: list[float], size: int, fallback: str) -> None:
    robust = RobustWindow(size, 1, fallback)  # type: ignore[arg-type]
    assert all(math.isfinite(robust.push(value)) for value in values)


@settings(deadline=None)
@given(values=st.lists(st.integers(-(2**20), 2**20), min_size=1, max_size=50), power=st.integers(-8, 30))
def test_z_does_not_feel_the_scale(values: list[int], power: int) -> None:
    plain, scaled = RobustWindow(12, 3, "std"), RobustWindow(12, 3, "std")
    for value in values:
        assert plain.push(float(value)) == scaled.push(value * 2.0**power)


@settings(deadline=None)
@given(values=STREAM, later=STREAM)
def test_only_the_last_values_count(values: list[float], later: list[float]) -> None:
    used, fresh = RobustWindow(10, 2), RobustWindow(10, 2)
    for value in values:
        used.push(value)
    for i, value in enumerate(later):
        a, b = used.push(value), fresh.push(value)
        if i >= 9:
            assert a == b


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
def test_a_number_that_is_not_finite_is_refused_and_leaves_no_trace(bad: float) -> None:
    robust = RobustWindow(3, 1)
    robust.push(1.0)
    with pytest.raises(InputError, match="must be finite"):
        robust.push(bad)
    assert robust.count == 1
    assert robust.push(2.0) == pytest.approx((2.0 - 1.5) / (1.4826 * 0.5))


@pytest.mark.parametrize(
    ("window", "min_periods", "fallback", "named"),
    [
        (1, 1, "zero", "window=1"),
        (2.0, 1, "zero", "window=2.0"),
        (True, 1, "zero", "window=True"),
        (5, 6, "zero", "min_periods=6"),
        (5, 0, "zero", "min_periods=0"),
        (5, 2, "mean", "fallback='mean'"),
    ],
)
def test_wrong_arguments_are_named(window: int, min_periods: int, fallback: str, named: str) -> None:
    with pytest.raises(ParameterError, match=named) as caught:
        RobustWindow(window, min_periods, fallback)  # type: ignore[arg-type]
    assert isinstance(caught.value, VpSpectrumError)
    assert isinstance(caught.value, ValueError)


@settings(deadline=None)
@given(x=st.one_of(st.floats(-25, 25), st.floats(allow_nan=False)))
@example(x=0.4)
@example(x=5e-324)
@example(x=math.inf)
def test_tanh_is_tanh(x: float) -> None:
    assert tanh(x) == pytest.approx(math.tanh(x), rel=9e-16, abs=0.0)
    assert -1.0 <= tanh(x) <= 1.0
    assert tanh(-x) == -tanh(x)


@settings(deadline=None)
@given(
    z=st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=3, max_size=3),
    weights=st.lists(st.floats(0, 1e6), min_size=3, max_size=3).filter(lambda w: sum(w) > 1e-9),
)
def test_a_blend_stays_in_its_bounds(z: list[float], weights: list[float]) -> None:
    assert -1.0 <= blend(np.array(z), np.array(weights), 1e-6) <= 1.0


@pytest.mark.parametrize("fallback", ["zero", "std"])
def test_an_array_at_once_is_one_value_after_the_other(fallback):
    rng = np.random.default_rng(8)
    values = np.round(rng.normal(size=500), 1) * (rng.random(500) < 0.5)
    one, all_at_once = RobustWindow(40, 10, fallback), RobustWindow(40, 10, fallback)
    z = [one.push(x) for x in values]
    parts = [all_at_once.push_all(part) for part in np.split(values, [1, 1, 200, 203])]
    assert np.concatenate(parts).tolist() == z
    assert all_at_once.count == one.count
    for bad in ([1.0, math.nan], [[1.0]]):
        with pytest.raises(InputError, match="values"):
            all_at_once.push_all(bad)
    assert all_at_once.push(3.0) == one.push(3.0)


@settings(deadline=None, max_examples=60)
@given(
    values=st.lists(st.sampled_from([0.0, -0.0, 1.0, -1.0, 3.5, 1e305]), min_size=1, max_size=80),
    window=st.integers(2, 9),
    fallback=st.sampled_from(["zero", "std"]),
    cut=st.integers(0, 80),
)
def test_values_that_come_back_are_scored_to_the_bit(values, window, fallback, cut):
    one, all_at_once = RobustWindow(window, 2, fallback), RobustWindow(window, 2, fallback)
    z = np.array([one.push(x) for x in values])
    parts = [all_at_once.push_all(part) for part in (values[:cut], values[cut:])]
    assert np.concatenate(parts).tobytes() == z.tobytes()
    assert all_at_once.push(2.0) == one.push(2.0)


def test_the_public_tanh_is_that_of_the_blend():
    x = np.concatenate([np.linspace(-30, 30, 2001), [0.0, 1e-300, -1e-9, 2.0, -2.0]])
    assert vp_spectrum.tanh(x).tolist() == [tanh(value) for value in x]
    assert vp_spectrum.tanh(x).tolist() == [vp_spectrum.tanh_of(value) for value in x]
    assert (vp_spectrum.tanh(-x) == -vp_spectrum.tanh(x)).all()
    with pytest.raises(InputError, match="one dimension"):
        vp_spectrum.tanh(1.0)
