"""One way to say that something fails: "cannot", and no library names an option of a command."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.packages import ROOT, Package, packages

from vp_cli.main import app
from vp_cli.typer_internals import whole
from vp_harness import VpHarnessError
from vp_harness.errors import UnprovenError, UnsoundError

PACKAGES = packages()
each = pytest.mark.parametrize("package", PACKAGES, ids=lambda package: package.name)
OTHER_WORDS = re.compile(r"\b(can not|can't|couldn't|won't|doesn't|don't|isn't|failed to|unable to)\b", re.IGNORECASE)
FLAG = re.compile(r"(?<![\w-])--[a-z][a-z-]+")
COMMAND_LINES = {"vp_stream/main.py", "vp_stream/options.py", "vp_stream/http/pages.py"}
"""Modules of a library that are a command line, or the page that tells how to start it."""


def texts(path: Path) -> Iterator[tuple[int, str]]:
    """(Line, text) of every string that is no docstring."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    documents = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in documents:
            yield node.lineno, node.value


def options() -> set[str]:
    """Every option of `vp`."""
    waiting, found = [whole(app)], set()
    while waiting:
        command = waiting.pop()
        waiting += getattr(command, "commands", {}).values()
        found |= {name for parameter in command.params for name in parameter.opts if name.startswith("--")}
    return found


@each
def test_what_is_not_possible_cannot_be_done(package: Package) -> None:
    for path in sorted(package.source.rglob("*.py")):
        for line, text in texts(path):
            assert not OTHER_WORDS.search(text), f"{path.relative_to(ROOT)}:{line}: {text!r}"


@pytest.mark.parametrize("package", [p for p in PACKAGES if p.name != "vp-cli"], ids=lambda package: package.name)
def test_libraries_name_no_option_of_a_command(package: Package) -> None:
    known = options()
    assert {"--max-rows", "--accept-unproven", "--allow-host"} <= known
    for path in sorted(package.source.rglob("*.py")):
        if path.relative_to(package.source.parent).as_posix() in COMMAND_LINES:
            continue
        for line, text in texts(path):
            named = set(FLAG.findall(text)) & known
            assert not named, f"{path.relative_to(ROOT)}:{line} names {named}"


def test_the_command_adds_the_option(capsys: pytest.CaptureFixture[str]) -> None:
    from vp_cli.output import fail

    for error, option in (
        (UnprovenError("run 1 is unproven"), "--accept-unproven"),
        (UnsoundError("dataset 1 is unsound"), "--accept-unsound"),
        (VpHarnessError("20 rows", argument="max_rows"), "--max-rows"),
        (VpHarnessError("no scheduler", argument="address"), "--scheduler"),
    ):
        with pytest.raises(SystemExit):
            fail(error)
        assert capsys.readouterr().err == f"vp: {error} ({option})\n"
        assert option in options()
