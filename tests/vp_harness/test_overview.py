"""Listing datasets with their state, and reading parts of one."""

import json
import os
import shutil
import time

import numpy as np
import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.small_lake import promote_small

import vp_harness.lake.dataset as dataset_module
from vp_book.atomic import sha256_file
from vp_contract import CampaignSpec
from vp_harness import Dataset, DatasetDamagedError, Lake, ParameterError
from vp_harness.execution.campaign import plan_campaign, run_campaign
from vp_harness.lake.manifest import canonical_json
from vp_harness.lake.overview import overview


@pytest.fixture(scope="module")
def promoted(tmp_path_factory, research):
    root = tmp_path_factory.mktemp("listed")
    lake, configs = Lake(root / "lake"), root / "configs"
    shutil.copytree(research.lake.root, lake.root)
    shutil.copytree(research.configs, configs)
    promote_small(lake, configs)
    return lake, configs


def test_where_a_dataset_is_from_and_what_rests_on_it(promoted, research):
    lake, configs = promoted
    run_campaign(plan_campaign(CampaignSpec(name="trial", pipeline="small"), lake, root=configs))
    ((listed,), problems) = overview(lake, config_root=configs, verify=True)
    assert problems == []
    assert listed.dataset_id == research.dataset_id
    assert (listed.status, listed.bins, listed.pipeline) == ("whole", 1800, "small")
    assert listed.size_bytes == sum(path.stat().st_size for path in lake.dataset_dir(listed.dataset_id).iterdir())
    assert listed.source == research.raw.name
    assert (listed.campaigns, listed.runs, listed.aliases) == (("trial",), 4, ("small",))


def test_damage_and_leftovers_are_listed_not_raised(promoted, tmp_path):
    lake = Lake(tmp_path / "lake")
    shutil.copytree(promoted[0].root, lake.root)
    directory = next(lake.datasets_dir.iterdir())
    left = lake.datasets_dir / ".making-00000000-1-ab-half"
    left.mkdir()
    (left / "bins.parquet").write_bytes(b"half")
    os.utime(left / "bins.parquet", (time.time() - 90_000,) * 2)
    os.utime(left, (time.time() - 90_000,) * 2)
    grid = directory / "grid_clean.parquet"
    grid.chmod(0o644)
    grid.write_bytes(grid.read_bytes()[:-1])
    assert [listed.status for listed in overview(lake, config_root=promoted[1]).datasets] == ["whole", "unfinished"]
    damaged = overview(lake, config_root=promoted[1], verify=True).datasets[0]
    assert (damaged.status, damaged.aliases, damaged.runs) == ("damaged", ("small",), 4)
    assert "grid_clean.parquet is damaged" in damaged.problem
    grid.unlink()
    assert overview(lake, config_root=promoted[1]).datasets[0].problem.endswith("is missing: the dataset is not whole")


def test_damaged_lineage_is_told_and_keeps_no_dataset_from_being_listed(promoted, tmp_path):
    lake = Lake(tmp_path / "lake")
    shutil.copytree(promoted[0].root, lake.root)
    run_campaign(plan_campaign(CampaignSpec(name="trial", pipeline="small"), lake, root=promoted[1]))
    for directory in (lake.lineage_dir, lake.results_dir / "runs.parquet"):
        part = next(directory.iterdir())
        part.chmod(0o644)
        part.write_bytes(part.read_bytes()[:-1])
    lake.registry_path.write_bytes(b"this is no database" * 100)
    ((listed,), problems) = overview(lake, config_root=promoted[1])
    assert (listed.status, listed.campaigns, listed.runs, listed.aliases) == ("whole", (), 0, ())
    assert [problem.partition(" are not shown: ")[0] for problem in problems] == ["campaigns", "runs", "aliases"]


# --- reading parts ---


@settings(deadline=None, max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_a_range_of_bins_is_that_part_of_the_whole(research, data):
    dataset = Dataset.open(research.lake, research.dataset_id)
    start = data.draw(st.integers(0, dataset.n_bins))
    stop = data.draw(st.integers(start, dataset.n_bins))
    column = data.draw(st.sampled_from(["composite", "state5_code", "bid_depth"]))
    part = dataset.grid(column, start, stop)
    whole = dataset.grid(column)
    assert part.dtype == whole.dtype
    assert np.array_equal(part, whole[start:stop])


@pytest.mark.parametrize(
    "absent", [pl.lit(value=False), pl.col("bin_seq") == 1799, pl.col("k") == -10, pl.col("k") == 3]
)
def test_cells_that_are_not_stored_are_zero(research, tmp_path, absent):
    lake = Lake(tmp_path / "lake")
    shutil.copytree(research.lake.dataset_dir(research.dataset_id), lake.dataset_dir(research.dataset_id))
    path = lake.dataset_dir(research.dataset_id) / "grid_clean.parquet"
    cells = pl.read_parquet(path)
    path.chmod(0o644)
    cells.filter(~absent).write_parquet(path)
    sums = path.with_name("checksums.json")
    listed = {**json.loads(sums.read_bytes()), path.name: sha256_file(path)}
    sums.chmod(0o644)
    sums.write_bytes(canonical_json(listed))
    wanted = cells.select(pl.when(~absent).then(pl.col("composite")).otherwise(0.0)).to_series().to_numpy()
    found = Dataset.open(lake, research.dataset_id).grid("composite")
    assert np.array_equal(found, wanted.reshape(1800, 21))


def test_a_file_is_compared_with_its_checksum_once_for_each_state_of_it(research, tmp_path, monkeypatch):
    lake = Lake(tmp_path / "lake")
    shutil.copytree(research.lake.dataset_dir(research.dataset_id), lake.dataset_dir(research.dataset_id))
    path = lake.dataset_dir(research.dataset_id) / "grid_clean.parquet"
    hashed = []

    def noted(file):
        hashed.append(file.name)
        return sha256_file(file)

    monkeypatch.setattr(dataset_module, "sha256_file", noted)

    def read():
        hashed.clear()
        Dataset.open(lake, research.dataset_id).grid("composite")
        return hashed.count(path.name)

    assert [read(), read()] == [1, 1]  # of a file written just now, the next write may show no other time
    after_a_while = time.time_ns() + 5_000_000_000
    monkeypatch.setattr(time, "time_ns", lambda: after_a_while)
    assert [read(), read(), read()] == [1, 0, 0]
    Dataset.open(lake, research.dataset_id).verify()
    assert hashed.count(path.name) == 1  # who asks for it has every file read
    hashed.clear()
    Dataset.open(lake, research.dataset_id).compare()
    assert not hashed.count(path.name)  # and who goes on to use the dataset none that was found right
    times = path.stat()
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.chmod(0o644)
    path.write_bytes(data)
    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))
    for use in (read, Dataset.open(lake, research.dataset_id).compare):
        with pytest.raises(DatasetDamagedError, match=r"grid_clean\.parquet is damaged"):
            use()


@pytest.mark.parametrize(("start", "stop"), [(-1, 5), (5, 4), (0, 1801)])
def test_a_range_that_is_not_there_is_an_error(research, start, stop):
    with pytest.raises(ParameterError, match=r"must be in order, from 0 to 1800"):
        Dataset.open(research.lake, research.dataset_id).grid("composite", start, stop)


def test_lazy_reading_gives_what_is_stored(research):
    dataset = Dataset.open(research.lake, research.dataset_id)
    assert dataset.scan_bins().collect().equals(dataset.bins)
    chosen = dataset.scan_grid().filter(pl.col("bin_seq") == 1500).select("k", "v_pull").collect()
    row = dataset.grid("v_pull")[1500]
    assert chosen["v_pull"].to_list() == row[chosen["k"].to_numpy() + 10].tolist()
    # only what is asked for is read: the plan has the columns and the condition in the scan itself
    plan = dataset.scan_grid().filter(pl.col("bin_seq") == 1500).select("k", "v_pull").explain()
    assert "PROJECT 3" in plan
    assert "SELECTION" in plan
