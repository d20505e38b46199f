"""`vp schema`: what the other commands print as JSON."""

from __future__ import annotations

from typing import Annotated

import typer

from vp_cli.printed.schema import document_text, json_schema, schema_of_command


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("schema")(schema)


def schema(
    command: Annotated[
        list[str] | None, typer.Argument(metavar="[COMMAND]...", help="A command, as verify lake; all if not given.")
    ] = None,
) -> None:
    """Print the JSON Schema of what a command prints with --json, or of all of them."""
    found = schema_of_command(" ".join(command)) if command else json_schema()
    typer.echo(document_text(found), nl=False)
