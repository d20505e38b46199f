"""The demo, made once for all tests and processes of a run."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest
from support.packages import ROOT

from vp_cli.commands.demo import Demo, make


@pytest.fixture(scope="session")
def roots(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Lake and configs of the demo: the same in every process of a run."""
    own = tmp_path_factory.getbasetemp()
    folder = (own.parent if "PYTEST_XDIST_WORKER" in os.environ else own) / "demo"
    fresh = tmp_path_factory.mktemp("demo") / "configs"
    shutil.copytree(ROOT / "configs", fresh)
    folder.mkdir(exist_ok=True)
    try:
        fresh.rename(folder / "configs")
    except OSError:  # another process was first
        assert (folder / "configs" / "instrument.yaml").is_file()
    return folder / "lake", folder / "configs"


@pytest.fixture(scope="session")
def made(roots: tuple[Path, Path]) -> Demo:
    """The demo; whoever comes second finds it there."""
    return make(*roots)
