"""Layers point one way, imports are declared, versions match their changelogs, internal bounds are closed."""

from __future__ import annotations

import datetime as dt
import re
import sys
from importlib.metadata import packages_distributions

import pytest
from support.packages import ROOT, Package, packages, requirement_name

PACKAGES = packages()
ALLOWED = {
    "vp-book": set(),
    "vp-spectrum": set(),
    "vp-contract": set(),
    "vp-registry": {"vp-contract"},
    "vp-harness": {"vp-book", "vp-spectrum", "vp-contract", "vp-registry"},
    "vp-stream": {"vp-book", "vp-spectrum", "vp-contract", "vp-registry", "vp-harness"},
    "vp-cli": {"vp-book", "vp-spectrum", "vp-contract", "vp-registry", "vp-harness", "vp-stream"},
}
each = pytest.mark.parametrize("package", PACKAGES, ids=lambda package: package.name)


def test_the_workspace_is_these_packages() -> None:
    assert {package.name for package in PACKAGES} == set(ALLOWED)


@each
def test_imports_point_down_and_are_declared(package: Package) -> None:
    declared = {requirement_name(requirement) for requirement in package.requirements}
    providers = packages_distributions()
    internal = {other.module: other.name for other in PACKAGES}
    for file, module in package.imports():
        where = f"{file.relative_to(ROOT)} imports {module}"
        if module == package.module or module in sys.stdlib_module_names:
            continue
        if module in internal:
            assert internal[module] in ALLOWED[package.name], where
            assert internal[module] in declared, f"{where}, which pyproject.toml does not declare"
        else:
            names = {requirement_name(name) for name in providers.get(module, [])}
            assert names & declared, f"{where}, which pyproject.toml does not declare"


@each
def test_the_changelog_is_dated_and_its_newest_release_is_the_version(package: Package) -> None:
    """`## Unreleased`, then a heading `## 1.2.3 (2026-01-31)` for every release, the newest first."""
    text = (package.path / "CHANGELOG.md").read_text(encoding="utf-8")
    first, *releases = re.findall(r"^## (.*)$", text, re.MULTILINE)
    assert text.startswith(f"# Changelog of {package.name}\n\n## Unreleased\n")
    assert first == "Unreleased"
    parts = [re.fullmatch(r"(\d+)\.(\d+)\.(\d+) \((\d{4}-\d{2}-\d{2})\)", heading) for heading in releases]
    assert all(parts), releases
    versions = [tuple(map(int, part.groups()[:3])) for part in parts if part]
    days = [dt.date.fromisoformat(part[4]) for part in parts if part]
    assert ".".join(map(str, versions[0])) == package.project["version"]
    assert versions == sorted(set(versions), reverse=True)
    assert days == sorted(days, reverse=True)


@each
def test_internal_requirements_are_bounded(package: Package) -> None:
    versions = {other.name: other.project["version"] for other in PACKAGES}
    for requirement in package.requirements:
        name = requirement_name(requirement)
        if name in versions:
            major, minor, _ = versions[name].split(".")
            assert requirement == f"{name}>={major}.{minor},<{major}.{int(minor) + 1}"


@each
def test_package_is_typed_and_says_what_it_is(package: Package) -> None:
    assert (package.source / "py.typed").is_file()
    assert (package.path / "README.md").read_text().startswith(f"# {package.name}\n")
    assert package.project["license"] == "Apache-2.0"
    assert package.project["license-files"] == ["LICENSE"]
    assert (package.path / "LICENSE").read_bytes() == (ROOT / "LICENSE").read_bytes()
    assert package.project["classifiers"] == PACKAGES[0].project["classifiers"]
    assert len(set(package.project["keywords"])) >= 3


@each
def test_nothing_is_unpickled_or_evaluated(package: Package) -> None:
    for file, module in package.imports():
        assert module not in {"pickle", "shelve", "marshal", "dill"}, f"{file.relative_to(ROOT)} imports {module}"


@each
def test_every_requirement_has_an_upper_bound(package: Package) -> None:
    """A version that does not exist yet has not been tried."""
    for requirement in package.requirements:
        assert "<" in requirement.partition(";")[0], requirement
