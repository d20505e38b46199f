"""The libraries where their user can write neither the installation nor a home."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from support.packages import packages

LIBRARIES = [package for package in packages() if package.path.parent.name == "packages"]
pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="modes of POSIX")


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """That of a process that finds the sources in a directory it cannot write, and no home."""
    site = tmp_path / "site"
    for package in packages():
        shutil.copytree(package.source, site / package.module, ignore=shutil.ignore_patterns("__pycache__"))
    for path in (site, *site.rglob("*")):
        path.chmod(0o555)
    (tmp_path / "home").touch()
    (tmp_path / "temporary").mkdir()
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("NUMBA", "XDG"))}
    return kept | {"PYTHONPATH": str(site), "HOME": str(tmp_path / "home"), "TMPDIR": str(tmp_path / "temporary")}


def run(code: str, environment: dict[str, str], folder: Path) -> str:
    """What a process for which permission bits count prints, also when the tests run as root."""
    prefix = [] if os.geteuid() else ["setpriv", "--bounding-set=-all", "--inh-caps=-all"]
    command = [*prefix, sys.executable, "-W", "error", "-c", code]
    done = subprocess.run(command, env=environment, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_all_five_libraries_import(environment: dict[str, str], tmp_path: Path) -> None:
    names = [package.module for package in LIBRARIES]
    assert len(names) == 5
    code = f"import {', '.join(names)}; print(*(m.__file__ for m in ({', '.join(names)})))"
    site = environment["PYTHONPATH"]
    assert run(code, environment, tmp_path).split() == [f"{site}/{name}/__init__.py" for name in names]
    with pytest.raises(AssertionError, match="Permission denied"):
        run("import vp_book; open(vp_book.__file__, 'a')", environment, tmp_path)


BOOK = """
from vp_book import BookEngine, Instrument
from vp_book.book import levels
print(BookEngine(Instrument("ESH6", "0.25")).bbo().bid_size, sum(levels.best_bid.stats.cache_hits.values()))
"""


def test_a_book_keeps_its_kernels_and_finds_them(environment: dict[str, str], tmp_path: Path) -> None:
    folder = tmp_path / "work"
    folder.mkdir()
    assert run(BOOK, environment, folder) == "0 0\n"
    (place,) = (tmp_path / "temporary").iterdir()
    assert [path.name for path in place.rglob("vp_book.book.levels.best_bid-*")]
    assert run(BOOK, environment, folder) == "0 1\n"
