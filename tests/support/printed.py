"""What commands print as JSON, held to the schema of the command: a key too many fails as one that is missing."""

from __future__ import annotations

import json
from functools import cache
from typing import Any

import jsonschema_rs
import pytest
import typer.main

from vp_cli import output
from vp_cli.printed.schema import json_schema, name_of

FREE = ("config show",)
"""Commands whose values are those of specs, which have a word `none` of their own."""


def hold_to_schema(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have every JSON document that a command prints in this process checked before it is printed."""
    text_of = output.json_text

    def checked(value: object) -> str:
        text = text_of(value)
        check(running_command(), json.loads(text))
        return text

    monkeypatch.setattr(output, "json_text", checked)


def running_command() -> str:
    """The words of the command that runs in this thread, such as `verify lake`."""
    context = vars(typer.main)["get_current_context"]()
    names: list[str] = []
    while context.parent is not None:
        names.insert(0, context.info_name)
        context = context.parent
    return " ".join(names)


def check(command: str, plain: Any) -> None:
    """Raise AssertionError with everything in which a document is not what the schema of a command says."""
    wrong = _validator(command).iter_errors(plain)
    problems = [f"{'/'.join(map(str, error.instance_path))}: {error.message[:300]}" for error in wrong]
    if command not in FREE:
        problems += [f"{path}: says that it is none" for path, value in values(plain) if value == "none"]
    assert not problems, (command, problems)


def values(document: Any, path: str = "") -> list[tuple[str, Any]]:
    """Every value of a document that has no parts, with where it stands."""
    if isinstance(document, dict):
        return [found for name, item in document.items() for found in values(item, f"{path}/{name}")]
    if isinstance(document, list):
        return [found for i, item in enumerate(document) for found in values(item, f"{path}/{i}")]
    return [(path, document)]


def strict(schema: Any) -> Any:
    """The same schema with no other keys allowed than those it names."""
    if isinstance(schema, list):
        return [strict(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    found = {name: strict(item) for name, item in schema.items()}
    return found | {"additionalProperties": False} if isinstance(found.get("properties"), dict) else found


@cache
def _validator(command: str) -> Any:
    document = strict(json_schema())
    assert name_of(command) in document["$defs"], f"no schema of `vp {command}`"
    return jsonschema_rs.validator_for({**document, "$ref": f"#/$defs/{name_of(command)}"})
