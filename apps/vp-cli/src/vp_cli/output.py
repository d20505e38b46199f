"""How commands speak: tables for people, JSON for machines, progress on a terminal, errors in a line."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Annotated, Any, Final, NamedTuple, NoReturn

import msgspec
import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")]

_UNBROKEN: Final = 4096

_PLAIN: Final[dict[str, Any]] = {"highlight": False, "markup": False, "emoji": False}
"""What is printed is what was said: "[/desk]" and ":warning:" in somebody's reason are no commands to the terminal."""

_OPTIONS: Final = {"address": "--scheduler"}
"""Option of an argument of the libraries, where it is not the same name."""

_errors = Console(stderr=True, **_PLAIN)


def print_json(value: object) -> None:
    """One JSON document on stdout, of the schema that `vp_cli.printed` gives the command."""
    typer.echo(json_text(value))


def json_text(value: object) -> str:
    """Structs, dataclasses and what JSON has as JSON text in ASCII; a number that is none is null, a path its text."""
    plain = msgspec.json.decode(msgspec.json.encode(value, enc_hook=str))
    return json.dumps(plain, indent=2)


def print_facts(title: str, facts: Mapping[str, object]) -> None:
    """Name and value, one a row."""
    table = Table(title=_lines(title), title_justify="left", show_header=False, box=None, pad_edge=False)
    table.add_column(style="bold")
    table.add_column(overflow="fold")
    for name, value in facts.items():
        table.add_row(shown(name), shown(value))
    _console().print(table)


def print_rows(title: str, rows: Sequence[Mapping[str, object]], columns: Sequence[str]) -> None:
    """A table of chosen columns; numbers stand right."""
    table = Table(title=_lines(title), title_justify="left", box=None, pad_edge=False)
    for name in columns:
        number = all(isinstance(row[name], (int, float)) or row[name] is None for row in rows)
        table.add_column(name, justify="right" if number else "left", overflow="fold")
    for row in rows:
        table.add_row(*(shown(row[name]) for name in columns))
    _console().print(table)


class Interval(NamedTuple):
    """A value with the ends of its interval, None where it is not known."""

    name: str
    low: float | None
    value: float | None
    high: float | None


def print_intervals(title: str, rows: Sequence[Interval]) -> None:
    """A chart of values with their intervals on one scale with 0, where there is a terminal; else nothing."""
    console = _console()
    if console.is_terminal:
        for line in interval_lines(title, rows, console.width):
            console.print(_printable(line), soft_wrap=True)


def interval_lines(title: str, rows: Sequence[Interval], width: int) -> list[str]:
    """The chart, a line a row. Example: `imbalance 0.35   ├────●────┤   │      -1.20`."""
    drawn = [row for row in rows if row.value is not None]
    if not drawn:
        return []
    ends = [0.0, *(end for row in drawn for end in (row.low, row.value, row.high) if end is not None)]
    low, high = min(ends), max(ends)
    names = min(30, max(len(row.name) for row in drawn))
    places = max(20, min(72, width - names - 14))

    def place(value: float) -> int:
        return round((value - low) / ((high - low) or 1.0) * (places - 1))

    lines = [title]
    for row in drawn:
        marks = [" "] * places
        marks[place(0.0)] = "│"
        if row.low is not None and row.high is not None:
            first, last = place(row.low), place(row.high)
            marks[first : last + 1] = "─" * (last - first + 1)
            marks[place(0.0)] = "┼" if first <= place(0.0) <= last else "│"
            marks[first], marks[last] = "├", "┤"
        marks[place(row.value or 0.0)] = "●"
        lines.append(f"{row.name[:names]:<{names}} {''.join(marks)} {row.value or 0.0:+8.2f}")
    scale = [" "] * places
    scale[place(0.0)] = "0"
    return [*lines, f"{'':<{names}} {''.join(scale)}"]


def shown(value: object) -> str:
    """A value as a person reads it."""
    if value is None or value in ((), [], {}):
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, float):
        return f"{value:,.4g}" if abs(value) < 1 else f"{value:,.3f}"
    if isinstance(value, (list, tuple)):
        return " · ".join(map(shown, value))
    if isinstance(value, Mapping):
        return " · ".join(f"{shown(name)} {shown(item)}" for name, item in value.items())
    return _printable(str(value))


def say(message: str) -> None:
    """A line about what is going on, on stderr so that stdout stays the result."""
    _errors.print(_lines(message), soft_wrap=True)


def say_left_out(left_out: Mapping[str, str]) -> None:
    """Which days could not be made, and why; nothing where all could."""
    for date, reason in left_out.items():
        say(f"{date} is left out: {reason}")


@contextmanager
def progress(label: str) -> Iterator[Callable[[str, int, int | None], None]]:
    """A progress bar on a terminal, else nothing: yields `update(what, done, total)`, total None if nobody knows it."""
    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=_errors, transient=True, disable=not _errors.is_terminal) as bars:
        tasks: dict[str, Any] = {}

        def update(what: str, done: int, total: int | None) -> None:
            name = _printable(what or label)
            if name not in tasks:
                tasks[name] = bars.add_task(name, total=total)
            bars.update(tasks[name], completed=done, total=total)

        yield update


def fail(error: BaseException) -> NoReturn:
    """The error in a line on stderr, with the option that would have allowed it; exit code 1."""
    text = " ".join(str(error).split()) or type(error).__name__
    argument = getattr(error, "argument", None)
    if argument is not None:
        text += f" ({_OPTIONS.get(argument) or '--' + argument.replace('_', '-')})"
    _complain(text)
    sys.exit(1)


def refuse(error: Exception) -> NoReturn:
    """What is wrong with the command line, in a line on stderr; exit code 2."""
    text = " ".join(str(getattr(error, "format_message", error.__str__)()).split())
    if text:  # a command without arguments has shown its help instead
        context = getattr(error, "ctx", None)
        command = context.command_path if context is not None else "vp"
        _complain(f"{text.rstrip('.')}: see `{command} --help`")
    sys.exit(2)


def _complain(text: str) -> None:
    _errors.print(Text.assemble(("vp:", "bold red"), f" {_printable(text)}"), soft_wrap=True)


def _printable(text: str) -> str:
    """The text with everything that a terminal would act on, or not show, written as Python writes it."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def _lines(text: str) -> str:
    return "\n".join(map(_printable, text.split("\n")))


def _console() -> Console:
    """Tables are as wide as the terminal, and where there is none as wide as they need: a program reads them."""
    console = Console(**_PLAIN)
    return console if console.is_terminal else Console(**_PLAIN, width=_UNBROKEN)
