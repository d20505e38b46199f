"""The same bytes and the same results from threads, processes and a Dask cluster, whatever the number of workers."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import time
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest
from support.dask_cluster import dask_cluster
from support.packages import ROOT
from support.printed import check
from support.small_lake import import_market, write_configs, write_small_market

from vp_harness import Lake, ResultsStore, list_datasets
from vp_harness.execution.campaign import lineage

pytestmark = pytest.mark.slow

CAMPAIGN = """
name: small
pipeline: small
axes:
  grid_radius_ticks: [5, 10]
"""


@pytest.fixture(scope="module")
def market(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_small_market(tmp_path_factory.mktemp("market") / "market.dbn.zst")


class Desk:
    def __init__(self, directory: Path, market: Path) -> None:
        self.lake = Lake(directory / "lake")
        self.configs = write_configs(directory / "configs")
        spec = self.configs / "pipelines" / "small.yaml"
        spec.write_text(spec.read_text().replace("09:30", "09:28"))
        experiment = self.configs / "experiments" / "small.yaml"
        experiment.write_text(experiment.read_text() + "  pipeline: {tau_jerk: [10.0, 12.0]}\n")
        (self.configs / "campaigns").mkdir()
        (self.configs / "campaigns" / "small.yaml").write_text(CAMPAIGN)
        import_market(self.lake, self.configs, market)

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        roots = {"VP_LAKE_ROOT": str(self.lake.root), "VP_CONFIG_ROOT": str(self.configs)}
        env = {**os.environ, "PYTHONPATH": str(ROOT / "tests"), **roots}
        command = [sys.executable, "-c", "from vp_cli.main import main; main()", *arguments]
        return subprocess.Popen(command, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def vp(self, *arguments: str) -> tuple[int, str, str]:
        with self.start(*arguments) as process:
            out, err = process.communicate()
        return process.returncode, out, err

    def answer(self, *arguments: str) -> Any:
        code, out, err = self.vp(*arguments, "--json")
        assert code == 0, err
        found = json.loads(out)
        check(" ".join(arguments[:2] if arguments[0] == "verify" else arguments[:1]), found)
        return found

    def bytes_made(self) -> dict[str, str]:
        """Digest of every Parquet file of every dataset."""
        return {
            f"{dataset_id}/{name}": hashlib.sha256((self.lake.dataset_dir(dataset_id) / name).read_bytes()).hexdigest()
            for dataset_id in list_datasets(self.lake)
            for name in ("bins.parquet", "grid_clean.parquet", "fills.parquet")
        }

    def results(self) -> list[dict[str, Any]]:
        """Every row that was stored, without what depends on the clock."""
        store = ResultsStore(self.lake)
        runs = store.runs().drop("elapsed_s", "created_utc").sort("run_id").to_dicts()
        return [*runs, *store.rows().to_dicts()]


@pytest.fixture(scope="module")
def reference(tmp_path_factory: pytest.TempPathFactory, market: Path) -> Desk:
    desk = Desk(tmp_path_factory.mktemp("reference"), market)
    desk.answer("campaign", "small")
    desk.answer("run", "small")
    return desk


def held(desk: Desk, reference: Desk, *options: str) -> None:
    desk.answer("campaign", "small", *options)
    desk.answer("run", "small", *options)
    assert len(list_datasets(reference.lake)) == 3  # two of the campaign, one more of the experiment
    assert desk.bytes_made() == reference.bytes_made()
    assert desk.results() == reference.results()
    assert sorted(lineage(desk.lake)["dataset_id"]) == sorted(lineage(reference.lake)["dataset_id"])


@pytest.mark.parametrize(
    "options",
    [["--workers", "3"], ["--executor", "processes", "--workers", "2"]],
    ids=lambda options: " ".join(options),
)
def test_threads_and_processes(tmp_path: Path, market: Path, reference: Desk, options: list[str]) -> None:
    held(Desk(tmp_path, market), reference, *options)


def test_a_dask_cluster(tmp_path: Path, market: Path, reference: Desk) -> None:
    desk = Desk(tmp_path, market)
    with dask_cluster(2, tmp_path) as cluster:
        held(desk, reference, "--executor", "dask", "--scheduler", cluster.address)


def test_a_cluster_that_loses_a_worker_makes_the_same(tmp_path: Path, market: Path, reference: Desk) -> None:
    desk = Desk(tmp_path, market)
    datasets = desk.lake.datasets_dir
    with dask_cluster(2, tmp_path) as cluster:
        with desk.start("campaign", "small", "--executor", "dask", "--scheduler", cluster.address) as process:
            while process.poll() is None and not (datasets.exists() and any(datasets.iterdir())):
                time.sleep(0.02)
            cluster.workers[0].kill()  # each of the two is at work on a dataset
            _, err = process.communicate()
        assert process.returncode == 0, err
    assert desk.bytes_made().items() <= reference.bytes_made().items()
    assert lineage(desk.lake).height == len(list_datasets(desk.lake)) == 2


def test_a_killed_campaign_goes_on_with_another_executor(tmp_path: Path, market: Path, reference: Desk) -> None:
    desk = Desk(tmp_path, market)
    with desk.start("campaign", "small") as process:
        while process.poll() is None and not list_datasets(desk.lake):
            time.sleep(0.02)
        process.kill()
    found = len(list_datasets(desk.lake))
    answer = desk.answer("campaign", "small", "--executor", "processes")
    assert (answer["made"], answer["found"]) == (2 - found, found)
    assert desk.bytes_made().items() <= reference.bytes_made().items()
    assert lineage(desk.lake).height == 2
    assert desk.answer("verify", "lake")["damaged"] == 0


def test_a_worker_that_would_compute_other_numbers_is_refused(tmp_path: Path, market: Path) -> None:
    desk = Desk(tmp_path, market)
    other = tmp_path / "other"
    other.mkdir()
    (other / "sitecustomize.py").write_text(
        "import vp_harness.execution.executors as e\n"
        "kept = e.installed\n"
        "def installed():\n    return {**kept(), 'vp-book': '9.9.9'}\n"
        "installed.__module__ = 'vp_harness.execution.executors'\n"
        "e.installed = installed\n"
    )
    with dask_cluster(1, tmp_path, {"PYTHONPATH": str(other)}) as cluster:
        code, out, err = desk.vp("campaign", "small", "--executor", "dask", "--scheduler", cluster.address)
    assert (code, out) == (1, "")
    assert f"would compute other numbers: vp-book 9.9.9 where {version('vp-book')} is expected" in err
    assert list_datasets(desk.lake) == []


def test_no_scheduler_and_no_address_are_one_clear_error(tmp_path: Path, market: Path) -> None:
    desk = Desk(tmp_path, market)
    code, _, err = desk.vp("run", "small", "--executor", "dask")
    assert (code, err.count("\n")) == (1, 1)
    assert "--scheduler" in err
    code, _, err = desk.vp("run", "small", "--executor", "cloud")
    assert (code, err.count("\n")) == (2, 1)
    assert "cloud" in err
