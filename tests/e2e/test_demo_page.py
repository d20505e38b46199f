"""The page drawing the demo in a real browser."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.browser import draws, need_browser
from support.packages import ROOT

from vp_cli.commands.demo import ALIAS, Demo
from vp_cli.page import built_page
from vp_stream import StreamSettings, start_in_background
from vp_stream.http.access import Token

pytestmark = [pytest.mark.browser, pytest.mark.slow]


@pytest.fixture
def address(roots: tuple[Path, Path], made: Demo, request: pytest.FixtureRequest) -> Iterator[str]:
    need_browser()
    settings = StreamSettings(
        lake_root=roots[0], config_root=roots[1], web_root=built_page(ROOT / "configs"), port=0, speed=request.param
    )
    with start_in_background(settings) as server:
        yield server.url


@pytest.mark.parametrize("address", [5.0], indirect=True)
def test_the_page_draws_the_demo_and_obeys_its_controls(address: str, tmp_path: Path) -> None:
    seen = draws(f"{address}/?serving={ALIAS}", tmp_path / "demo.png", "--controls")
    assert seen["drawn"] >= 50
    assert (seen["unreadable"], seen["invalid"]) == (0, 0)
    assert (tmp_path / "demo.png").stat().st_size > 20_000


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


@pytest.mark.parametrize("address", [math.inf], indirect=True)
def test_at_full_speed_every_bin_is_drawn_and_none_piles_up(address: str, tmp_path: Path) -> None:
    seen = draws(f"{address}/?serving={ALIAS}", tmp_path / "end.png", "--to-end", "--hide", "2", timeout_s=300)
    assert seen["drawn"] == seen["received"] == 30 * 60 * 10
    assert (seen["skipped"], seen["unreadable"], seen["phase"]) == (0, 0, "ended")
