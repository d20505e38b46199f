"""Event detection against the definition, spelled out in plain Python."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vp_harness.errors import ParameterError
from vp_harness.evaluation.events import Events, detect_events

LEVELS = [-2.0, -1.0, -0.5, 0.0, 0.2, 0.5, 0.8, 1.0, 2.0, float("nan"), float("inf")]


def oracle(values, valid, threshold, cooldown, first, probability):
    events: list[Any] = []
    previous = "flat"
    for t, value in enumerate(values):
        low = 1 - threshold if probability else -threshold
        state = "up" if value >= threshold else "down" if value <= low else "flat"
        new = state != "flat" and (probability or state != previous)
        previous = state
        rested = not events or t - events[-1][0] >= cooldown
        if new and rested and t >= first and valid[t]:
            events.append((t, 1 if state == "up" else -1))
    return events


@given(
    bins=st.lists(st.tuples(st.sampled_from(LEVELS), st.booleans()), max_size=60),
    threshold=st.sampled_from([0.5, 0.8, 1.0, 2.0]),
    cooldown=st.integers(0, 10),
    first=st.integers(0, 30),
    probability=st.booleans(),
)
@settings(deadline=None)
def test_events_are_those_of_the_definition(bins, threshold, cooldown, first, probability):
    if probability and not 0.5 < threshold <= 1:
        threshold = 0.8
    values = np.array([value for value, _ in bins], np.float64)
    valid = np.array([flag for _, flag in bins], np.bool_)
    events = detect_events(
        values, valid, threshold=threshold, cooldown_bins=cooldown, first_bin=first, probability=probability
    )
    expected = oracle(values, valid, threshold, cooldown, first, probability)
    assert list(zip(events.bins.tolist(), events.directions.tolist(), strict=True)) == expected


def test_a_signed_signal_fires_once_while_it_stays_up():
    values = np.array([0.0, 1.0, 1.0, 1.0, -1.0, 0.0, 1.0])
    events = detect_events(values, np.ones(7, np.bool_), threshold=1.0, cooldown_bins=0)
    assert events.bins.tolist() == [1, 4, 6]
    assert events.directions.tolist() == [1, -1, 1]


def test_a_state_entered_without_a_book_is_not_new_when_the_book_is_back():
    values = np.array([0.0, 1.0, 1.0, 0.0, 1.0])
    valid = np.array([True, False, True, True, True])
    assert detect_events(values, valid, threshold=1.0, cooldown_bins=0).bins.tolist() == [4]


def test_between_takes_the_first_bin_and_leaves_the_end():
    events = Events(np.array([3, 5, 9]), np.array([1, -1, 1], np.int8))
    assert events.between(5, 9).bins.tolist() == [5]


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"threshold": 0.0}, "threshold=0.0"),
        ({"threshold": float("nan")}, "threshold=nan"),
        ({"threshold": 0.5, "probability": True}, r"\(0.5, 1\]"),
        ({"cooldown_bins": -1}, "cooldown_bins=-1"),
        ({"book_valid": np.ones(4, np.bool_)}, "of the length of book_valid"),
    ],
)
def test_bad_arguments_are_named(change, named):
    arguments = {"values": np.zeros(3), "book_valid": np.ones(3, np.bool_), "threshold": 1.0, "cooldown_bins": 0}
    with pytest.raises(ParameterError, match=named):
        detect_events(**(arguments | change))
