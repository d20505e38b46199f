"""A small synthetic market in a lake of its own, with the configs that replay it."""

import shutil
from types import SimpleNamespace

import pytest
from support.small_lake import import_market, write_configs, write_small_market

from vp_harness import Lake, generate


@pytest.fixture(scope="session")
def market_file(tmp_path_factory):
    """A five-minute synthetic session as a DBN file."""
    return write_small_market(tmp_path_factory.mktemp("market") / "session.mbo.dbn.zst")


@pytest.fixture(scope="session")
def research(tmp_path_factory, market_file):
    """`.lake` with the market imported and its dataset `.dataset_id`, `.configs`. Not to be changed by a test."""
    configs = write_configs(tmp_path_factory.mktemp("configs"))
    lake = Lake(tmp_path_factory.mktemp("lake"))
    raw = import_market(lake, configs, market_file)
    dataset_id = generate("small", lake, config_root=configs)
    return SimpleNamespace(lake=lake, configs=configs, raw=raw, dataset_id=dataset_id)


@pytest.fixture
def own(tmp_path, research):
    """The same for a test of its own: a lake with the raw file and no dataset."""
    lake = Lake(tmp_path / "lake")
    raw = lake.raw_dir("future_mbo", "SYN") / research.raw.name
    raw.parent.mkdir(parents=True)
    shutil.copyfile(research.raw, raw)
    return SimpleNamespace(
        lake=lake, configs=write_configs(tmp_path / "configs"), raw=raw, dataset_id=research.dataset_id
    )
