"""Three synthetic days whose planted effect fades."""

import shutil
from types import SimpleNamespace

import pytest
from support.printed import hold_to_schema
from support.small_days import write_days

from vp_harness import Lake, generate_days


@pytest.fixture(autouse=True)
def printed_as_described(monkeypatch):
    """What commands print as JSON here is what their schema says."""
    hold_to_schema(monkeypatch)


@pytest.fixture(scope="session")
def days(tmp_path_factory):
    """`.lake` with the raw files of three days and `.configs` that name them and a closed one. Not to be changed."""
    lake = Lake(tmp_path_factory.mktemp("lake"))
    return SimpleNamespace(lake=lake, configs=write_days(lake, tmp_path_factory.mktemp("days")))


@pytest.fixture
def own_days(tmp_path, days):
    """The same for a test of its own: a lake with the raw files and the datasets, and no result."""
    lake = Lake(tmp_path / "lake")
    generate_days("small", days.lake, config_root=days.configs)
    shutil.copytree(days.lake.raw_dir("future_mbo", "SYN"), lake.raw_dir("future_mbo", "SYN"))
    shutil.copytree(days.lake.datasets_dir, lake.datasets_dir)
    shutil.copytree(days.configs, tmp_path / "configs")
    return SimpleNamespace(lake=lake, configs=tmp_path / "configs")
