"""`vp bench`: measure on this machine; a table for people, JSON for comparing."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from vp_cli.bench import book as book_bench
from vp_cli.output import AsJson, print_facts, print_json, print_rows

bench = typer.Typer(help="Measure speed on this machine.", no_args_is_help=True)


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.add_typer(bench, name="bench")


@bench.command("book")
def book(
    file: Annotated[
        Path | None,
        typer.Argument(help="Session to tile: else the one in $VP_REAL_DATA or ../shared/data, else a synthetic one."),
    ] = None,
    records: Annotated[int, typer.Option(help="Records to tile the session to, at least.")] = 2_000_000,
    repeat: Annotated[int, typer.Option(help="Timed runs; the median is shown.")] = 5,
    as_json: AsJson = False,
) -> None:
    """Decode, book, attribution and physics: million records per second on one core."""
    result = book_bench.measure(file, records, repeat)
    if as_json:
        print_json(result)
        return
    rows = result.pop("rows")
    print_facts("bench book", result)
    print_rows("", rows, ["stage", "records", "median s", "million records/s", "min", "max"])
