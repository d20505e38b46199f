"""`vp demo` as its user runs it, and what it makes."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from support.packages import ROOT
from support.printed import check

from vp_cli.commands.demo import NULL, Demo, make
from vp_harness import Dataset, find_raw
from vp_harness.execution.configs import experiment_chain
from vp_harness.lake.anchors import dataset_files

pytestmark = pytest.mark.slow


def test_demo_check_exits_0_with_one_json_object() -> None:
    done = subprocess.run(
        [sys.executable, "-c", "from vp_cli.main import main; main()", "demo", "--check"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout)
    check("demo", result)
    assert result["ok"]
    assert result["equal_to_dataset"]
    assert result["proven"]  # the planted effect is found
    assert (result["bins_received"], result["grid_rows"]) == (50, 101)


def test_what_is_made_is_found_the_second_time(roots: tuple[Path, Path], made: Demo) -> None:
    raw = made.raw.stat().st_mtime_ns
    again = make(*roots)
    assert (again.dataset_id, again.served.serving_id) == (made.dataset_id, made.served.serving_id)
    assert find_raw(roots[0], experiment_chain("demo", roots[1]).config).stat().st_mtime_ns == raw
    dataset = Dataset.open(roots[0], made.dataset_id)
    dataset.verify()
    assert made.served.spec.source.dataset_files == dataset_files(dataset)  # no serving of before was adopted


def test_without_an_effect_nothing_is_proven(roots: tuple[Path, Path], made: Demo) -> None:
    evidence = make(*roots, NULL).served.spec.evidence
    assert evidence["verdict"] == "unproven"
    assert evidence["p_corrected"] > 0.05
    assert made.served.spec.evidence["p_corrected"] <= 0.05
