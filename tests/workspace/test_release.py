"""The release script on a clone: it does it all, or it changes nothing."""

from __future__ import annotations

import datetime as dt
import re
import shutil
import subprocess
import zipfile
from pathlib import Path

import pytest
from support.packages import ROOT


def git(folder: Path, *arguments: str) -> str:
    command = ["git", "-c", "user.name=Ann", "-c", "user.email=ann@example.org", *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True).stdout.strip()


def version_of(folder: Path, package: str) -> tuple[int, int, int]:
    found = re.search(r'^version = "(\d+)\.(\d+)\.(\d+)"', (folder / package / "pyproject.toml").read_text(), re.M)
    assert found
    major, minor, patch = map(int, found.groups())
    return major, minor, patch


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """The project as it is here, with something unreleased in vp-registry and nothing in vp-spectrum."""
    if shutil.which("git") is None or not (ROOT / ".git").exists():
        pytest.skip("needs git and a checkout")
    clone = tmp_path / "clone"
    git(tmp_path, "clone", "--quiet", "--depth", "1", ROOT.as_uri(), str(clone))
    for name, value in (("user.name", "Ann"), ("user.email", "ann@example.org")):
        git(clone, "config", name, value)
    shutil.copy2(ROOT / ".ci" / "release", clone / ".ci" / "release")
    for package, text in (("vp-registry", "- Something new.\n\n"), ("vp-spectrum", "")):
        path = clone / "packages" / package / "CHANGELOG.md"
        head, _, rest = path.read_text(encoding="utf-8").partition("## Unreleased\n")
        released = rest[rest.index("\n## ") + 1 :]
        path.write_text(f"{head}## Unreleased\n\n{text}{released}", encoding="utf-8")
    git(clone, "add", "--all")
    git(clone, "commit", "--quiet", "--message", "before")
    return clone


def release(clone: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([clone / ".ci" / "release", *arguments], capture_output=True, text=True, check=False)


def test_a_release_is_made_whole_and_the_first_time_only_said(clone: Path) -> None:
    major, minor, patch = version_of(clone, "packages/vp-registry")
    version = f"{major}.{minor}.{patch + 1}"
    before = git(clone, "rev-parse", "HEAD")
    said = release(clone, "vp-registry", version)
    assert said.returncode == 0, said.stderr
    assert "nothing is changed" in said.stdout
    assert (git(clone, "rev-parse", "HEAD"), git(clone, "tag"), git(clone, "status", "--porcelain")) == (before, "", "")
    done = release(clone, "vp-registry", version, "--do")
    assert done.returncode == 0, done.stderr
    assert git(clone, "rev-parse", "HEAD~1") == before
    assert git(clone, "rev-parse", f"vp-registry-{version}^{{commit}}") == git(clone, "rev-parse", "HEAD")
    assert git(clone, "status", "--porcelain") == ""
    assert version_of(clone, "packages/vp-registry") == (major, minor, patch + 1)
    changes = (clone / "packages" / "vp-registry" / "CHANGELOG.md").read_text(encoding="utf-8")
    today = dt.datetime.now(dt.UTC).date()
    assert f"## Unreleased\n\n## {version} ({today})\n\n- Something new.\n" in changes
    wheel = clone / "dist" / f"vp_registry-{version}-py3-none-any.whl"
    with zipfile.ZipFile(wheel) as opened:
        assert "vp_registry/migrations/versions/r2_chain.py" in opened.namelist()
    assert {path.name for path in wheel.parent.iterdir()} == {wheel.name, "python.cdx.json", "page.cdx.json"}
    again = release(clone, "vp-registry", version)
    assert f"vp-registry {version}: must be three numbers, and after {version}" in again.stderr


def test_what_is_no_release_is_refused_and_changes_nothing(clone: Path) -> None:
    before = git(clone, "rev-parse", "HEAD")
    major, minor, patch = version_of(clone, "packages/vp-registry")
    for arguments, message in (
        (("vp-nothing", "1.0.0"), "vp-nothing: is no package here; there are vp-cli"),
        (("vp-registry", f"{major}.{minor}.{patch}"), "must be three numbers, and after"),
        (("vp-registry", "next"), "vp-registry next: must be three numbers"),
        (("vp-spectrum", "9.0.0"), "its changelog has nothing under Unreleased"),
        (("vp-registry", f"{major}.{minor + 1}.0"), "takes vp-registry below"),
        (("vp-registry",), "each NAME needs a VERSION"),
    ):
        refused = release(clone, *arguments, "--do")
        assert refused.returncode, arguments
        assert message in refused.stderr
    git(clone, "tag", f"vp-registry-{major}.{minor}.{patch + 1}")
    refused = release(clone, "vp-registry", f"{major}.{minor}.{patch + 1}", "--do")
    assert f"there is a tag vp-registry-{major}.{minor}.{patch + 1} already" in refused.stderr
    (clone / "README.md").write_text("other", encoding="utf-8")
    assert "changes that are not committed" in release(clone, "vp-registry", "9.0.0").stderr
    assert git(clone, "rev-parse", "HEAD") == before
    assert git(clone, "status", "--porcelain") == "M README.md"
