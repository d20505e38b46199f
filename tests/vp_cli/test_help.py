"""Every command has help, the command page names it, and none is imported before it runs."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from importlib.metadata import version
from typing import Any

import pytest
import typer
from support.packages import ROOT
from typer.testing import CliRunner

from vp_cli import catalogue
from vp_cli.main import app
from vp_cli.typer_internals import SEEN_WITH, UsageError, whole
from vp_stream.options import OPTIONS

ROOT_COMMAND = whole(app)


def walk(command: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    if path:
        yield path, command
    for name, child in getattr(command, "commands", {}).items():
        yield from walk(child, (*path, name))


COMMANDS = dict(walk(ROOT_COMMAND))
LEAVES = {path: command for path, command in COMMANDS.items() if not getattr(command, "commands", None)}


def test_the_catalogue_says_what_the_commands_say() -> None:
    assert list(ROOT_COMMAND.commands) == list(catalogue.COMMANDS)
    for name, entry in catalogue.COMMANDS.items():
        command = COMMANDS[name,]
        first = getattr(command, "commands", {}).values() or [command]
        assert {leaf.callback.__module__ for leaf in first} == {f"vp_cli.commands.{entry.module}"}
        assert " ".join(command.help.split("\n\n")[0].split()) == entry.help


@pytest.mark.parametrize("arguments", [["--version"], ["--help"], [], ["nonsense"]], ids=" ".join)
def test_what_runs_no_command_imports_none(arguments: list[str]) -> None:
    script = (
        "import sys\nfrom vp_cli.main import main\n"
        "try:\n    main()\nfinally:\n    print(sorted({'numpy', 'vp_harness', 'vp_stream'} & set(sys.modules)))"
    )
    ended = subprocess.run([sys.executable, "-c", script, *arguments], capture_output=True, text=True, check=False)
    assert ended.stdout.splitlines()[-1] == "[]"
    assert ended.returncode == (2 if arguments in ([], ["nonsense"]) else 0)


def test_names_are_completed_without_their_modules() -> None:
    script = (
        "import sys\nfrom vp_cli.main import main\nsys.argv = ['vp']\n"
        "try:\n    main()\nfinally:\n    assert 'numpy' not in sys.modules"
    )
    environment = {**os.environ, "_VP_COMPLETE": "complete_bash", "COMP_WORDS": "vp list", "COMP_CWORD": "1"}
    command = [sys.executable, "-c", script]
    ended = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
    assert ended.stdout.split() == ["list-datasets", "list-signals"]


@pytest.mark.parametrize("path", COMMANDS, ids=" ".join)
def test_help(path: tuple[str, ...]) -> None:
    result = CliRunner().invoke(app, [*path, "--help"])
    assert result.exit_code == 0
    assert COMMANDS[path].help
    for parameter in COMMANDS[path].params:
        assert getattr(parameter, "help", None) or parameter.name == "help", (path, parameter.name)


@pytest.mark.parametrize("path", [(), *COMMANDS], ids=lambda path: " ".join(("vp", *path)))
def test_a_flag_is_shown_without_a_type(path: tuple[str, ...]) -> None:
    said = CliRunner().invoke(app, [*path, "--help"]).stdout
    assert "--help" in said
    assert "bool" not in said.lower()
    if path == ("bench", "bin"):
        assert "<int range>" in said  # that of other options is still there


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
