"""The example projects: what somebody else would have, with the pins that hold here."""

from __future__ import annotations

import importlib
import json
import re
import tomllib
from types import ModuleType

import pytest
from support.packages import ROOT, packages

PROJECT = ROOT / "docs" / "examples" / "pressure-watch"


@pytest.fixture
def numbers(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(PROJECT / "src")
    return importlib.import_module("pressure_watch.numbers")


def test_the_pins_are_the_versions_and_digests_of_this_checkout(numbers: ModuleType) -> None:
    versions = {package.name: package.project["version"] for package in packages()}
    pins = numbers.pinned()
    project = tomllib.loads((PROJECT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    wanted = {name: pin for name, _, pin in (need.partition("==") for need in project["dependencies"]) if pin}
    assert wanted == {name: pin["version"] for name, pin in pins.items()} == {name: versions[name] for name in pins}
    for name, pin in pins.items():
        golden = ROOT / "tests" / name.replace("-", "_") / "golden" / "digests.json"
        assert json.loads(golden.read_text(encoding="utf-8"))[pin["version"]] == pin["digest"]


def test_what_is_installed_computes_what_was_pinned(numbers: ModuleType) -> None:
    assert numbers.check(numbers.pinned(), numbers.installed()) == []


def test_a_pin_that_moves_without_its_numbers_is_named_and_passes(numbers: ModuleType) -> None:
    pins = numbers.pinned()
    moved = {**pins, "vp-book": {**pins["vp-book"], "version": "0.3.7"}}
    assert numbers.check(pins, moved) == [f"vp-book 0.3.7 computes what {pins['vp-book']['version']} did"]


def test_a_pin_that_moves_to_other_numbers_is_refused_until_it_is_accepted(
    numbers: ModuleType, tmp_path_factory: pytest.TempPathFactory
) -> None:
    pins = numbers.pinned()
    moved = {**pins, "vp-spectrum": {"version": "0.3.0", "digest": "1f0a3c5e7b92" + "0" * 52}}
    with pytest.raises(numbers.MovedError) as caught:
        numbers.check(pins, moved)
    shown = " ".join(re.findall(r"pressure-watch: (vp-spectrum 0\.3\.0.*?)```", documents(), re.DOTALL)[0].split())
    assert str(caught.value) == shown
    path = tmp_path_factory.mktemp("pins") / "digests.json"
    numbers.accept(moved, path)
    assert numbers.check(numbers.pinned(path), moved) == []


def documents() -> str:
    return (ROOT / "docs" / "releases.md").read_text(encoding="utf-8")
