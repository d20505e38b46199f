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
from support.runs import a_run
from support.small_lake import import_market, write_configs, write_small_market

from vp_harness import Dataset, Lake, ResultsStore, list_datasets
from vp_harness.lake.verification import verify_lake

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform == "win32", reason="POSIX processes"),
]

ROUNDS = int(os.environ.get("VP_KILL_ROUNDS", "24"))
"""How many processes are killed; a longer job sets 200."""
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


def test_kills_at_random_moments_lose_nothing_and_block_nothing(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "support.kill_rounds", str(tmp_path), str(ROUNDS), "20260206"]
    done = subprocess.run(command, env=ENVIRONMENT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    facts = json.loads(done.stdout)
    assert facts["killed_generating"] + facts["killed_appending"] == ROUNDS
    assert facts["killed_appending"] == ROUNDS // 2
    assert facts["left"] == []


def test_the_command_itself_is_killed(tmp_path: Path, market: Path) -> None:
    lake, configs = prepared(tmp_path, market)
    began = time.monotonic()
    finished(vp(lake, configs, "generate", "other0"))
    whole = time.monotonic() - began
    chance = random.Random(7)
    for _ in range(3):
        process = vp(lake, configs, "generate", "small")
        time.sleep(whole * (0.5 + chance.random() / 2))
        process.send_signal(signal.SIGKILL)
        process.communicate()
        assert [f for f in verify_lake(lake, config_root=configs) if f.state == "damaged"] == []
    assert json.loads(finished(vp(lake, configs, "verify", "lake", "--json")))["damaged"] == 0
    finished(vp(lake, configs, "generate", "small"))
    assert len(list_datasets(lake)) == 2
    assert list(lake.datasets_dir.glob(".making-*")) == []


def test_eight_processes_append_the_same_and_different_runs(tmp_path: Path) -> None:
    """Each appends runs 0 to 9, which all share, and ten of its own."""
    root = tmp_path / "lake" / "research" / "vp_harness" / "results"
    code = """
import sys
from support.runs import a_run
from vp_harness import ResultsStore
store, first = ResultsStore(sys.argv[1]), 100 * int(sys.argv[2])
for number in [*range(10), *range(first, first + 10)]:
    store.append([a_run(number)])
"""
    running = [
        subprocess.Popen(
            [sys.executable, "-c", code, str(root), str(process)],
            env=ENVIRONMENT,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for process in range(1, 9)
    ]
    for process in running:
        finished(process)
    numbers = [*range(10), *(100 * process + i for process in range(1, 9) for i in range(10))]
    store = ResultsStore(root)
    assert sorted(store.runs()["run_id"]) == [a_run(number)[0].run_id for number in numbers]
    assert len(store.rows()) == 2 * len(numbers)
    # one file a run in each table, however many processes brought it
    assert [len(list((root / name).iterdir())) for name in ("runs_meta.parquet", "runs.parquet")] == [90, 90]


def test_eight_processes_warm_one_cache_and_make_each_dataset_once(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "support.at_once", str(tmp_path)]
    done = subprocess.run(command, env=ENVIRONMENT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    facts = json.loads(done.stdout)
    lake = Lake(tmp_path / "lake")
    assert len(set(facts["warmed"])) == 1
    assert (lake.book_cache_dir / facts["warmed"][0]).is_file()
    ids = facts["made"]
    assert ids[:4] == ids[4:]
    assert len(set(ids)) == 4
    assert sorted(set(ids)) == list_datasets(lake)
    for dataset_id in set(ids):
        Dataset.open(lake, dataset_id).verify()
    assert list(lake.root.rglob(".making-*")) == []
