"""The documentation site: every page is in its navigation, and the check of the built pages finds what it is for."""

from __future__ import annotations

import re
import shutil
import tomllib
from pathlib import Path
from typing import Any

import pytest
from support.packages import ROOT, ci_script

from vp_cli.catalogue import COMMANDS
from vp_contract import load_chain


@pytest.fixture(scope="module")
def site() -> Any:
    return ci_script("site")


def pages_of(nav: Any) -> list[str]:
    if isinstance(nav, str):
        return [nav]
    parts = nav.values() if isinstance(nav, dict) else nav
    return [page for part in parts for page in pages_of(part)]


def test_every_page_is_in_the_navigation_once() -> None:
    nav = tomllib.loads((ROOT / "zensical.toml").read_text(encoding="utf-8"))["project"]["nav"]
    docs = ROOT / "docs"
    there = [path.relative_to(docs).as_posix() for path in docs.rglob("*.md") if "examples" not in path.parts]
    assert sorted(pages_of(nav)) == sorted(there)


@pytest.mark.parametrize(
    ("body", "found"),
    [
        ('<a href="b.html#there">b</a><a href="#up" id="up">up</a><img src="x.png"><a href="https://x.org">x</a>', []),
        ('<a href="c.html">c</a>', ["a.html: c.html leads to no file"]),
        ('<a href="b.html#gone">b</a>', ["a.html: b.html#gone leads to no anchor"]),
        ('<a href="#gone">b</a>', ["a.html: #gone leads to no anchor"]),
        ('<img src="y.png">', ["a.html: y.png leads to no file"]),
        ('<script src="https://x.org/x.js"></script>', ["a.html: loads https://x.org/x.js from elsewhere"]),
        ('<link rel="stylesheet" href="//x.org/x.css">', ["a.html: loads //x.org/x.css from elsewhere"]),
    ],
)
def test_a_link_that_leads_nowhere_is_named(site: Any, tmp_path: Path, body: str, found: list[str]) -> None:
    (tmp_path / "a.html").write_text(body, encoding="utf-8")
    (tmp_path / "b.html").write_text('<h1 id="there">b</h1>', encoding="utf-8")
    (tmp_path / "x.png").write_bytes(b"")
    assert site.problems(tmp_path) == found


def test_no_pages_are_a_problem(site: Any, tmp_path: Path) -> None:
    assert site.problems(tmp_path) == [f"{tmp_path} has no pages"]


def test_the_specs_and_commands_of_the_first_hour_are_real(tmp_path: Path) -> None:
    text = (ROOT / "docs" / "index.md").read_text(encoding="utf-8")
    specs = re.findall(r"```yaml\n(.*?)```", text, re.DOTALL)
    for kind, spec in zip(("pipelines", "serving", "experiments"), specs, strict=True):
        (tmp_path / kind).mkdir()
        (tmp_path / kind / "mine.yaml").write_text(spec, encoding="utf-8")
    shutil.copy2(ROOT / "configs" / "instruments" / "esh4.yaml", tmp_path / "instrument.yaml")
    chain = load_chain(tmp_path, experiment="mine")
    assert (chain.config.symbol, chain.config.start_time, chain.config.serving) == ("ESH4", "18:00", "mine")
    commands = re.findall(r"^vp ([a-z]\S*)", text, re.MULTILINE)
    assert {"demo", "doctor", "import", "generate", "run", "compare", "promote", "serve"} <= set(commands)
    assert set(commands) <= set(COMMANDS)


def test_the_signal_of_the_first_hour_is_the_example() -> None:
    text = (ROOT / "docs" / "index.md").read_text(encoding="utf-8")
    example = ROOT / "docs" / "examples" / "microprice-signal"
    (project,), (module,) = (re.findall(rf"```{kind}\n(.*?)```", text, re.DOTALL) for kind in ("toml", "python"))
    assert project == (example / "pyproject.toml").read_text(encoding="utf-8")
    assert module == (example / "src" / "microprice_signal" / "__init__.py").read_text(encoding="utf-8")
