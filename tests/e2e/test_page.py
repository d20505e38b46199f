"""The page's own tests in a real browser, over a server that speaks the real protocol with an invented market."""

from __future__ import annotations

import subprocess

import pytest
from support.browser import WEB, need_browser
from support.packages import ROOT

from vp_cli.page import built_page

pytestmark = [pytest.mark.browser, pytest.mark.slow]


def test_the_page_in_a_real_browser() -> None:
    need_browser()
    pages = built_page(ROOT / "configs")
    command = ["node", "node_modules/tsx/dist/cli.mjs", "e2e/page.ts", "--pages", str(pages)]
    done = subprocess.run(command, cwd=WEB, capture_output=True, text=True, timeout=600, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
