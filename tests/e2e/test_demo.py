"""`vp demo` as its user runs it, and the page drawing it in a real browser."""

from __future__ import annotations

import json
import math
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.browser import draws, need_browser
from support.packages import ROOT
from support.printed import check

from vp_cli.commands.demo import ALIAS, NULL, Demo, make
from vp_cli.page import built_page
from vp_harness import Dataset, find_raw
from vp_harness.execution.configs import experiment_chain
from vp_stream import StreamSettings, start_in_background
from vp_stream.http.access import Token

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def roots(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    folder = tmp_path_factory.mktemp("demo")
    shutil.copytree(ROOT / "configs", folder / "configs")
    return folder / "lake", folder / "configs"


@pytest.fixture(scope="module")
def made(roots: tuple[Path, Path]) -> Demo:
    return make(*roots)


@pytest.fixture
def address(roots: tuple[Path, Path], made: Demo, request: pytest.FixtureRequest) -> Iterator[str]:
    need_browser()
    settings = StreamSettings(
        lake_root=roots[0], config_root=roots[1], web_root=built_page(ROOT / "configs"), port=0, speed=request.param
    )
    with start_in_background(settings) as server:
        yield server.url


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
    Dataset.open(roots[0], made.dataset_id).verify()


def test_without_an_effect_nothing_is_proven(roots: tuple[Path, Path], made: Demo) -> None:
    evidence = make(*roots, NULL).served.spec.evidence
    assert evidence["verdict"] == "unproven"
    assert evidence["p_corrected"] > 0.05
    assert made.served.spec.evidence["p_corrected"] <= 0.05


@pytest.mark.browser
@pytest.mark.parametrize("address", [5.0], indirect=True)
def test_the_page_draws_the_demo_and_obeys_its_controls(address: str, tmp_path: Path) -> None:
    seen = draws(f"{address}/?serving={ALIAS}", tmp_path / "demo.png", "--controls")
    assert seen["drawn"] >= 50
    assert (seen["unreadable"], seen["invalid"]) == (0, 0)
    assert (tmp_path / "demo.png").stat().st_size > 20_000


@pytest.mark.browser
def test_a_page_behind_a_token_is_drawn_after_signing_in(roots: tuple[Path, Path], made: Demo, tmp_path: Path) -> None:
    need_browser()
    secret = "a-token-of-the-desk"
    settings = StreamSettings(
        lake_root=roots[0],
        config_root=roots[1],
        web_root=built_page(ROOT / "configs"),
        port=0,
        speed=5.0,
        token=Token(secret),
    )
    with start_in_background(settings) as server:
        seen = draws(f"{server.url}/?serving={ALIAS}", tmp_path / "signed.png", "--token", secret, bins=20)
    assert seen["drawn"] >= 20
    assert (seen["unreadable"], seen["invalid"]) == (0, 0)


@pytest.mark.browser
@pytest.mark.parametrize("address", [math.inf], indirect=True)
def test_at_full_speed_every_bin_is_drawn_and_none_piles_up(address: str, tmp_path: Path) -> None:
    seen = draws(f"{address}/?serving={ALIAS}", tmp_path / "end.png", "--to-end", "--hide", "2", timeout_s=300)
    assert seen["drawn"] == seen["received"] == 30 * 60 * 10
    assert (seen["skipped"], seen["unreadable"], seen["phase"]) == (0, 0, "ended")
