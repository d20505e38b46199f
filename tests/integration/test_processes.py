"""Processes that are killed, and processes that do the same thing at once."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from support.packages import ROOT
from support.small_lake import import_market, write_configs, write_small_market

from vp_harness import Dataset, Lake, list_datasets
from vp_harness.verification import verify_lake

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform == "win32", reason="POSIX processes"),
]

ROUNDS = 200
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(ROOT / "tests")}


@pytest.fixture(scope="module")
def market(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_small_market(tmp_path_factory.mktemp("market") / "market.dbn.zst")


def prepared(directory: Path, market: Path) -> tuple[Lake, Path]:
    lake, configs = Lake(directory / "lake"), write_configs(directory / "configs")
    spec = (configs / "pipelines" / "small.yaml").read_text()
    (configs / "pipelines" / "small.yaml").write_text(spec.replace("09:30", "09:28"))
    for number in range(3):
        text = spec.replace("09:30", "09:28").replace("name: small", f"name: other{number}")
        text = text.replace("pipeline: {}", f"pipeline: {{tau_velocity: {2.5 + number / 2}}}")
        (configs / "pipelines" / f"other{number}.yaml").write_text(text)
    import_market(lake, configs, market)
    return lake, configs


def vp(lake: Lake, configs: Path, *arguments: str) -> subprocess.Popen[str]:
    roots = {"VP_LAKE_ROOT": str(lake.root), "VP_CONFIG_ROOT": str(configs)}
    command = [sys.executable, "-c", "from vp_cli.main import main; main()", *arguments]
    return subprocess.Popen(
        command, env={**ENVIRONMENT, **roots}, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def finished(process: subprocess.Popen[str]) -> str:
    """The output of a process that must succeed."""
    out, err = process.communicate()
    assert process.returncode == 0, err
    return out


def test_two_hundred_kills_lose_nothing_and_block_nothing(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "support.kill_rounds", str(tmp_path), str(ROUNDS), "20260206"]
    done = subprocess.run(command, env=ENVIRONMENT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    facts = json.loads(done.stdout)
    # most of the moments fall into the work: a round that was over before its kill proves nothing
    assert facts["killed_generating"] > ROUNDS / 4
    assert facts["killed_appending"] > ROUNDS / 4
    assert facts["left"] == []


def test_the_command_itself_is_killed(tmp_path: Path, market: Path) -> None:
    lake, configs = prepared(tmp_path, market)
    began = time.monotonic()
    finished(vp(lake, configs, "generate", "other0"))
    whole = time.monotonic() - began
    chance = random.Random(7)
    for _ in range(6):
        process = vp(lake, configs, "generate", "small")
        time.sleep(whole * (0.5 + chance.random() / 2))
        process.send_signal(signal.SIGKILL)
        process.communicate()
        assert [f for f in verify_lake(lake, config_root=configs) if f.state == "damaged"] == []
    assert json.loads(finished(vp(lake, configs, "verify", "lake", "--json")))["damaged"] == 0
    finished(vp(lake, configs, "generate", "small"))
    assert len(list_datasets(lake)) == 2
    assert list(lake.datasets_dir.glob(".making-*")) == []


def test_eight_processes_make_each_dataset_once(tmp_path: Path, market: Path) -> None:
    lake, configs = prepared(tmp_path, market)
    names = ["small", "other0", "other1", "other2"] * 2
    running = [vp(lake, configs, "generate", name, "--json") for name in names]
    ids = [json.loads(finished(process))["dataset_id"] for process in running]
    assert ids[:4] == ids[4:]
    assert sorted(set(ids)) == list_datasets(lake)
    assert len(set(ids)) == 4
    for dataset_id in set(ids):
        Dataset.open(lake, dataset_id).verify()
    assert list(lake.datasets_dir.glob(".making-*")) == []
    assert {finding.state for finding in verify_lake(lake, config_root=configs)} == {"whole"}
