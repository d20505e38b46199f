"""A batch download that is killed at random moments, against a service that fails at random."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from support.packages import ROOT

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform == "win32", reason="POSIX processes"),
]
KILLS = int(os.environ.get("VP_DOWNLOAD_KILLS", "3"))
"""How many processes are killed; a longer job sets 30."""


def test_kills_order_nothing_twice_and_lose_no_file(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "support.download_kills", str(tmp_path), str(KILLS), "20240311"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "tests")}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=600)
    assert done.returncode == 0, done.stderr
    facts = json.loads(done.stdout)
    assert facts["killed"] == KILLS
    assert facts["ordered"] == facts["files"] >= 10
