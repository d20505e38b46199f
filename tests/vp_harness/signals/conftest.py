"""A dataset of the reopening of the real session."""

import pytest
from support.packages import ROOT
from support.real_session import real_session

from vp_contract import load_instrument
from vp_harness import Dataset, generate, import_file
from vp_harness.execution.configs import pipeline_config


@pytest.fixture(scope="session")
def real_dataset(tmp_path_factory):
    """2,400 bins about the open at 18:00: crossed before it, as is normal there, and valid from then on."""
    lake = tmp_path_factory.mktemp("real")
    lock = load_instrument(ROOT / "configs" / "instruments" / "esh4.yaml")
    import_file(lake, real_session(), lock)
    config = pipeline_config("esh4_reopen", ROOT / "configs", lock).replace(start_time="17:58", end_time="18:02")
    return Dataset.open(lake, generate(config, lake))
