"""Clock times, parameters, and that a scored replay is replay plus scoring and nothing else."""

import datetime as dt
from typing import Any

import numpy as np
import pytest

import vp_book
from vp_harness import PipelineError
from vp_harness.execution.configs import pipeline_config
from vp_harness.execution.pipeline import (
    capture_ns,
    derivative_of,
    instrument_of,
    new_york_ns,
    physics_of,
    scored_bins,
    spectrum_of,
)
from vp_spectrum import ScoreChain


@pytest.mark.parametrize(
    ("date", "clock", "utc"),
    [
        ("2026-02-06", "09:30", "2026-02-06T14:30:00+00:00"),
        ("2026-07-06", "09:30", "2026-07-06T13:30:00+00:00"),
        ("2023-12-25", "17:45", "2023-12-25T22:45:00+00:00"),
        ("2026-11-01", "01:30", "2026-11-01T05:30:00+00:00"),
    ],
)
def test_new_york_times(date, clock, utc):
    assert new_york_ns(date, clock) == int(dt.datetime.fromisoformat(utc).timestamp()) * 10**9


def test_a_time_that_does_not_exist_is_refused():
    with pytest.raises(PipelineError, match="2026-03-08 02:30"):
        new_york_ns("2026-03-08", "02:30")


def test_parameters_arrive_where_they_belong(research):
    config = pipeline_config("small", research.configs).replace(
        tau_velocity=1.0, c7_a_pull=0.7, flow_tanh_scale=2.0, state_model_d2_weight=0.5, bucket_size_dollars="0.50"
    )
    assert physics_of(config).tau_velocity == 1.0
    assert physics_of(config).c7_a_pull == 0.7
    assert spectrum_of(config).tanh_scale == 2.0
    assert spectrum_of(config).zscore_window == 60
    assert spectrum_of(config).horizons_ms == (500,)
    assert derivative_of(config).d2_weight == 0.5
    assert derivative_of(config).bin_seconds == 0.1
    assert instrument_of(config).cell_int == 500_000_000


def test_a_scored_replay_is_the_replay_and_its_scores(research):
    config = pipeline_config("small", research.configs)
    start, end = capture_ns(config)
    source = vp_book.open_dbn(research.raw, symbol="SYNM6")
    options: dict[str, Any] = {"grid_radius_ticks": 10, "n_absolute_ticks": 1024, "start_ns": start, "end_ns": end}
    chain = ScoreChain(spectrum_of(config), derivative_of(config), 1024, 10)
    plain = vp_book.replay(source, instrument_of(config), physics_of(config), **options)
    scored = scored_bins(config, research.raw)
    assert scored.expected_bins == 1800
    bins = 0
    for found, expected in zip(scored, plain, strict=True):
        assert found.fields == expected.fields
        assert list(found.cells)[: len(expected.cells)] == list(expected.cells)
        again = chain.update(expected)
        for name, column in expected.cells.items():
            assert np.array_equal(found.cells[name], column)
        for name, column in again.cells.items():
            assert np.array_equal(found.cells[name], column)
        bins += 1
    assert bins == 1800
    assert scored.certificate() == plain.certificate()
    assert scored.certificate()["ok"]


def test_a_capture_of_a_broken_bin_is_refused(research):
    config = pipeline_config("small", research.configs).replace(cell_width_ms=70, projection_horizons_ms=())
    with pytest.raises(PipelineError, match="cell_width_ms 70"):
        scored_bins(config, research.raw)
