"""Every command has help, and the command page names it."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.metadata import version
from typing import Any

import pytest
import typer
from support.packages import ROOT
from typer.testing import CliRunner

from vp_cli.main import app
from vp_cli.typer_internals import SEEN_WITH, UsageError
from vp_stream.options import OPTIONS

ROOT_COMMAND = typer.main.get_command(app)


def walk(command: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    if path:
        yield path, command
    for name, child in getattr(command, "commands", {}).items():
        yield from walk(child, (*path, name))


COMMANDS = dict(walk(ROOT_COMMAND))
LEAVES = {path: command for path, command in COMMANDS.items() if not getattr(command, "commands", None)}


@pytest.mark.parametrize("path", COMMANDS, ids=" ".join)
def test_help(path: tuple[str, ...]) -> None:
    result = CliRunner().invoke(app, [*path, "--help"])
    assert result.exit_code == 0
    assert COMMANDS[path].help
    for parameter in COMMANDS[path].params:
        assert getattr(parameter, "help", None) or parameter.name == "help", (path, parameter.name)


@pytest.mark.parametrize("path", LEAVES, ids=" ".join)
def test_the_command_page_names_it(path: tuple[str, ...]) -> None:
    assert f"`vp {' '.join(path)}" in (ROOT / "docs" / "commands.md").read_text()


def test_serve_has_the_options_of_the_server() -> None:
    parameters = {parameter.name: parameter for parameter in COMMANDS["serve",].params}
    assert [name for name in parameters if name != "help"] == [option.name for option in OPTIONS]
    for option in OPTIONS:
        assert parameters[option.name].opts == [option.flag]
        assert parameters[option.name].help == option.help


def test_typer_is_the_one_whose_internals_were_read() -> None:
    assert version("typer").startswith(f"{SEEN_WITH}."), "read vp_cli.typer_internals first"
    assert issubclass(typer.BadParameter, UsageError)
    assert UsageError is not Exception


def test_wrong_usage_is_exit_code_2() -> None:
    assert CliRunner().invoke(app, ["doctor"]).exit_code == 2
    assert CliRunner().invoke(app, ["nonsense"]).exit_code == 2
    assert CliRunner().invoke(app, ["serve", "--speed", "fast"]).exit_code == 2
