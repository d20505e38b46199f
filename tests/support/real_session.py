"""Where the real session lies, for tests marked `real_data`."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

NAME = "esh4-glbx-mdp3-20231225.mbo.dbn.zst"


def real_session() -> Path:
    """Path of the file; skips the test where it is absent, but in CI that is a failure."""
    folder = os.environ.get("VP_REAL_DATA")
    path = (Path(folder) if folder else Path(__file__).parents[2].parent / "shared" / "data") / NAME
    if path.is_file():
        return path
    message = f"real session {NAME} is not here: put it in ../shared/data, or name its folder in VP_REAL_DATA"
    if os.environ.get("CI"):
        pytest.fail(message)
    pytest.skip(message)
