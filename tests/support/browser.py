"""Driving the page in a real headless browser."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from support.packages import ROOT

WEB = ROOT / "web"


def need_browser() -> None:
    """Skip without Chromium, node and the page's own tools; in CI that is a failure."""
    chromium = os.environ.get("CHROMIUM", "/usr/bin/chromium")
    missing = [
        what
        for what, there in (
            (f"Chromium at {chromium}", Path(chromium).is_file()),
            ("node", shutil.which("node")),
            ("web/node_modules (npm ci)", (WEB / "node_modules" / "playwright-core").is_dir()),
        )
        if not there
    ]
    if missing:
        message = f"not here: {', '.join(missing)}"
        if os.environ.get("CI"):
            pytest.fail(message)
        pytest.skip(message)


def draws(url: str, screenshot: Path, *options: str, bins: int = 50, timeout_s: int = 120) -> dict[str, Any]:
    """Open the page and wait until it has drawn so many bins; what it says about itself.

    `options` are further ones of web/e2e/draws.mjs.
    """
    command = ["node", "e2e/draws.mjs", "--url", url, "--screenshot", str(screenshot), "--bins", str(bins)]
    command += ["--timeout", str(timeout_s), *options]
    done = subprocess.run(command, cwd=WEB, capture_output=True, text=True, timeout=timeout_s + 60, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    result: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
    return result
