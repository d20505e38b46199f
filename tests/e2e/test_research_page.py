"""The research page in a real browser, over the real server and a small lake with one experiment."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from support.browser import WEB, need_browser
from support.packages import ROOT
from support.small_lake import import_market, promote_small, write_configs, write_small_market

from vp_cli.page import built_page
from vp_harness import Lake
from vp_stream import StreamSettings, start_in_background

pytestmark = [pytest.mark.browser, pytest.mark.slow]


def test_the_research_page_in_a_real_browser(tmp_path: Path) -> None:
    need_browser()
    pages = built_page(ROOT / "configs")
    lake, configs = Lake(tmp_path / "lake"), write_configs(tmp_path / "configs")
    import_market(lake, configs, write_small_market(tmp_path / "market.dbn.zst"))
    promote_small(lake, configs)
    settings = StreamSettings(lake_root=lake.root, config_root=configs, web_root=pages, port=0)
    with start_in_background(settings) as server:
        command = ["node", "node_modules/tsx/dist/cli.mjs", "e2e/research.ts", "--url", server.url]
        done = subprocess.run(command, cwd=WEB, capture_output=True, text=True, timeout=300, check=False)
    print(done.stdout)
    assert done.returncode == 0, done.stdout + done.stderr
