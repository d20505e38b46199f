"""A short dataset of a real session."""

import numpy as np
import pytest
from support.packages import ROOT
from support.real_session import real_session

from vp_contract import load_instrument
from vp_harness import Dataset, generate, import_file
from vp_harness.execution.configs import pipeline_config


@pytest.mark.real_data
def test_the_reopening_of_a_holiday_session(tmp_path):
    configs = ROOT / "configs"
    lock = load_instrument(configs / "instruments" / "esh4.yaml")
    _, found = import_file(tmp_path, real_session(), lock)
    assert (found.records, found.name) == (68_792, "esh4-20231225.mbo.dbn.zst")
    config = pipeline_config("esh4_reopen", configs, lock).replace(start_time="17:58", end_time="18:02")
    dataset = Dataset.open(tmp_path, generate(config, tmp_path))
    assert dataset.n_bins == 2400
    assert dataset.sound
    valid = dataset.bins["book_valid"].to_numpy()
    assert not valid[:1100].any()  # crossed before the open, as is normal there
    assert valid[1300:].all()
    mid = dataset.bins["mid_price"].to_numpy()
    assert (mid[~valid] == 0).all()
    assert 4800.125 <= mid[valid].min() <= mid[valid].max() <= 4811.625
    assert np.isfinite(dataset.grid("pressure_variant")).all()
    assert (np.abs(dataset.grid("flow_score")) <= 1).all()
