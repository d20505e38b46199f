"""The pacer against a plain simulation, with a clock that the tests turn."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vp_stream.clients.schedule import Pacer, Send, Wait
from vp_stream.errors import SettingsError


def about(seconds: float) -> Any:
    """Equal to a time but for rounding."""
    return pytest.approx(seconds)


def always_ready(_: int) -> float:
    return -math.inf


def test_bins_are_due_on_an_absolute_grid_however_late_the_caller_wakes() -> None:
    pacer = Pacer(0.1, always_ready)
    now, sent_at = 50.0, []
    for late in (0.0, 0.03, 0.09, 0.01, 0.0, 0.05):
        choice = pacer.choose(now, 100)
        if isinstance(choice, Wait):
            assert choice.until is not None
            now = choice.until + late
            choice = pacer.choose(now, 100)
        assert isinstance(choice, Send)
        sent_at.append(now)
        pacer.sent(choice.bin_seq)
    choice = pacer.choose(now, 100)
    assert isinstance(choice, Wait)
    assert choice.until == pytest.approx(50.6)  # the seventh bin: six periods after the first, delays left no trace


def test_bins_the_engine_finished_late_go_out_at_once_and_none_is_skipped() -> None:
    ready_at: list[float] = [0.0]
    pacer = Pacer(0.1, ready_at.__getitem__)
    assert pacer.choose(0.0, 1) == Send(0, 0)
    pacer.sent(0)
    assert pacer.choose(30.0, 1) == Wait(None)
    ready_at.extend([30.0] * 50)  # the engine stood still for half a minute, then delivered
    for bin_seq in range(1, 51):
        assert pacer.choose(30.0, 51) == Send(bin_seq, 0)
        pacer.sent(bin_seq)


def test_a_client_that_cannot_keep_up_skips_to_the_newest_due_bin() -> None:
    pacer = Pacer(0.1, always_ready, max_lag_s=1.0)
    assert pacer.choose(0.0, 1000) == Send(0, 0)
    pacer.sent(0)
    assert pacer.choose(1.05, 1000) == Send(1, 0)  # 0.95 s late: within the grace
    pacer.sent(1)
    assert pacer.choose(5.05, 1000) == Send(50, 48)
    pacer.sent(50)
    assert pacer.choose(5.05, 1000) == Wait(about(5.1))


def test_a_skip_never_goes_beyond_what_is_ready() -> None:
    pacer = Pacer(0.1, always_ready)
    assert pacer.choose(0.0, 10) == Send(0, 0)
    pacer.sent(0)
    assert pacer.choose(60.0, 10) == Send(9, 8)


def test_pause_holds_and_resume_goes_on_from_the_same_bin() -> None:
    pacer = Pacer(0.1, always_ready)
    assert pacer.choose(0.0, 100) == Send(0, 0)
    pacer.sent(0)
    pacer.pause()
    assert pacer.choose(500.0, 100) == Wait(None)
    pacer.resume()
    assert pacer.choose(500.0, 100) == Send(1, 0)
    pacer.sent(1)
    assert pacer.choose(500.0, 100) == Wait(about(500.1))


def test_resume_without_a_pause_does_not_move_the_schedule() -> None:
    pacer = Pacer(0.1, always_ready)
    assert pacer.choose(0.0, 100) == Send(0, 0)
    pacer.sent(0)
    pacer.resume()
    assert pacer.choose(0.05, 100) == Wait(about(0.1))


def test_seek_during_a_pause_shows_exactly_one_bin() -> None:
    pacer = Pacer(0.1, always_ready)
    pacer.pause()
    pacer.seek(40)
    assert pacer.choose(1.0, 100) == Send(40, 0)
    pacer.sent(40)
    assert pacer.choose(2.0, 100) == Wait(None)
    pacer.resume()
    assert pacer.choose(3.0, 100) == Send(41, 0)


def test_seek_beyond_what_is_ready_waits_for_it() -> None:
    pacer = Pacer(0.1, always_ready)
    pacer.seek(70)
    assert pacer.choose(1.0, 70) == Wait(None)
    assert pacer.choose(9.0, 71) == Send(70, 0)


def test_without_a_schedule_every_bin_goes_out_at_once_and_none_is_skipped() -> None:
    pacer = Pacer(0.0, always_ready)
    for bin_seq in range(100):
        assert pacer.choose(bin_seq * 60.0, 100) == Send(bin_seq, 0)
        pacer.sent(bin_seq)
    assert pacer.choose(0.0, 100) == Wait(None)


@pytest.mark.parametrize("period", [-1.0, math.nan])
def test_an_impossible_period_is_refused(period: float) -> None:
    with pytest.raises(SettingsError, match="period_s"):
        Pacer(period, always_ready)


@given(
    period=st.floats(0.001, 1.0),
    delays=st.lists(st.floats(0.0, 5.0), min_size=1, max_size=60),
    ready=st.integers(1, 200),
)
def test_whatever_the_delays_every_bin_is_sent_or_counted_as_skipped(
    period: float, delays: list[float], ready: int
) -> None:
    pacer = Pacer(period, always_ready, max_lag_s=0.5)
    now, next_bin = 1000.0, 0
    for delay in delays:
        now += delay
        choice = pacer.choose(now, ready)
        if isinstance(choice, Wait):
            if next_bin >= ready:
                break
            assert choice.until is not None
            assert choice.until > now
            now = choice.until
            choice = pacer.choose(now, ready)
        assert isinstance(choice, Send)
        assert choice.bin_seq - choice.skipped == next_bin
        assert choice.bin_seq < ready
        assert 1000.0 + delays[0] + choice.bin_seq * period <= now + 1e-6  # never before it is due
        pacer.sent(choice.bin_seq)
        next_bin = choice.bin_seq + 1
