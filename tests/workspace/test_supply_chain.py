"""What the lock files name: every file by its hash, every licence known, advisories asked and never assumed."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
import tomllib
from pathlib import Path
from types import ModuleType

import pytest
from support.packages import ROOT

CI = ROOT / ".ci"


@pytest.fixture(scope="module")
def licences() -> ModuleType:
    spec = importlib.util.spec_from_file_location("licences", CI / "licences.py")
    assert spec is not None
    assert spec.loader is not None
    module = sys.modules["licences"] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_every_locked_file_has_a_hash() -> None:
    python = tomllib.loads((ROOT / "uv.lock").read_text(encoding="utf-8"))["package"]
    files = [file for one in python for file in [*one.get("wheels", []), *([one["sdist"]] if "sdist" in one else [])]]
    assert len(files) > 1000
    assert [file for file in files if not file.get("hash", "").startswith("sha256:")] == []
    assert [one["name"] for one in python if not {"registry", "editable", "virtual"} & one["source"].keys()] == []
    page = json.loads((ROOT / "web" / "package-lock.json").read_text(encoding="utf-8"))["packages"]
    entries = {path: entry for path, entry in page.items() if path}
    assert len(entries) > 100
    assert [path for path, entry in entries.items() if not entry.get("integrity", "").startswith("sha512-")] == []


def test_the_page_of_licences_is_that_of_the_lock_files(licences: ModuleType) -> None:
    locked = licences.locked_versions()
    python, page = licences.python_packages(locked), licences.page_packages()
    text = licences.PAGE.read_text(encoding="utf-8")
    assert licences.stale(text, locked, python, page) == []
    assert [package.problem for package in python + page if package.problem] == []
    numpy = next(package for package in python if package.name == "numpy")
    without = "".join(line for line in text.splitlines(keepends=True) if not line.startswith("| numpy |"))
    assert any("numpy is not listed" in problem for problem in licences.stale(without, locked, python, page))
    older = text.replace(f"| numpy | {numpy.version} |", "| numpy | 1.0 |")
    assert any("numpy 1.0 is not locked" in problem for problem in licences.stale(older, locked, python, page))
    other = text.replace("| typescript |", "| typoscript |")
    assert len(licences.stale(other, locked, python, page)) == 2


@pytest.mark.parametrize("licence", ["", "GPL-3.0-only", "MIT AND AGPL-3.0-or-later", "MPL-2.0", "(MIT OR SSPL-1.0)"])
def test_a_licence_that_is_unknown_or_copyleft_is_a_problem(licences: ModuleType, licence: str) -> None:
    assert licences.Package("some", "1.0", licence).problem
    assert licences.Package("certifi", "1.0", "MPL-2.0").problem is None
    assert licences.Package("certifi", "1.0", "GPL-3.0-only").problem


PYTHON = '{"dependencies": [%s]}'
PAGE = '{"metadata": {"vulnerabilities": {"total": 0}}}'


@pytest.mark.skipif(sys.platform == "win32", reason="a shell script")
@pytest.mark.parametrize(
    ("python", "page", "exits", "code"),
    [
        (PYTHON % "", PAGE, (0, 0), 0),
        (PYTHON % '{"name": "x", "vulns": [{"id": "PYSEC-1"}]}', PAGE, (1, 0), 1),
        (PYTHON % "", PAGE, (0, 1), 1),
        ("", PAGE, (1, 0), 2),  # as pip-audit does without a network
        ("", PAGE, (0, 0), 2),  # a tool that says nothing has not found that all is well
        (PYTHON % "", '{"message": "405", "error": {}}', (0, 1), 2),
        ("", "", (1, 1), 2),
    ],
)
def test_advisories_pass_only_when_they_were_asked(
    tmp_path: Path, python: str, page: str, exits: tuple[int, int], code: int
) -> None:
    tools = {
        "uv": "exit 0",
        "uvx": f"for last; do :; done; printf '%s' '{python}' > $last; exit {exits[0]}",
        "npm": f"printf '%s' '{page}'; exit {exits[1]}",
    }
    for name, body in tools.items():
        (tmp_path / name).write_text(f"#!/bin/sh\n{body}\n")
        (tmp_path / name).chmod(0o755)
    path = f"{tmp_path}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        [CI / "advisories"], env={**os.environ, "PATH": path}, capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == code, done.stderr
    assert ("NOT CHECKED" in done.stderr) == (code == 2)
