"""The JSON Schema of what the commands print, made of the types in this folder and of the libraries."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, Final, NamedTuple

import msgspec

from vp_cli.errors import CliError
from vp_cli.printed import data, examined, measured, research, store
from vp_harness import ClockSensitivity, DryRun, SuperiorAbility
from vp_harness.analysis import ProjectionTry, Regime, SpectrumHealth
from vp_harness.intake import Wanted
from vp_harness.signals import OnlineReport

DRAFT: Final = "https://json-schema.org/draft/2020-12/schema"


class Form(NamedTuple):
    """A type that a command prints, and when, where that depends on something."""

    kind: Any
    when: str = ""


PRINTED: Final[Mapping[str, tuple[Form, ...]]] = {
    "demo": (Form(data.DemoChecked, "with --check"),),
    "doctor": (Form(examined.Doctor),),
    "import": (Form(data.Imported),),
    "download submit": (Form(list[Wanted]), Form(data.Refused, "where nothing was ordered; exit code 1")),
    "download poll": (Form(list[Wanted]),),
    "download daemon": (Form(list[Wanted]), Form(data.Refused, "where nothing was ordered; exit code 1")),
    "generate": (Form(data.Generated), Form(data.GeneratedDays, "of a pipeline with several dates")),
    "list-datasets": (Form(list[data.ListedDataset]),),
    "campaign": (Form(data.CampaignDone), Form(data.CampaignPlan, "with --dry-run")),
    "publish": (Form(data.Published),),
    "warm-cache": (Form(data.WarmedCheckpoint),),
    "warm-stream": (Form(data.WarmedLog),),
    "run": (Form(research.ExperimentDone), Form(DryRun, "with --dry-run")),
    "compare": (
        Form(list[research.RankedRow]),
        Form(ClockSensitivity, "with --clock-sensitivity, where a row matches"),
        Form(SuperiorAbility, "with --spa, where a row matches"),
    ),
    "promote": (Form(research.Promoted),),
    "retire": (Form(research.Retired),),
    "trades": (Form(list[research.Trade]), Form(research.Written, "with --out")),
    "report": (Form(research.Reported),),
    "list-signals": (Form(list[research.ListedSignal]),),
    "online-sim": (Form(OnlineReport),),
    "analyze spectrum": (Form(SpectrumHealth),),
    "analyze regimes": (Form(list[Regime]),),
    "analyze projection": (Form(list[ProjectionTry]),),
    "config show": (Form(data.ResolvedConfig),),
    "verify dataset": (Form(store.VerifiedDataset),),
    "verify serving": (Form(store.VerifiedServing),),
    "verify lake": (Form(store.VerifiedLake),),
    "aliases list": (Form(list[store.ListedAlias]),),
    "aliases move": (Form(store.MovedAlias),),
    "aliases rollback": (Form(store.MovedAlias),),
    "aliases history": (Form(list[store.AliasEvent]),),
    "bench book": (Form(measured.BookBench),),
    "bench bin": (Form(measured.BinBench),),
    "bench stream": (Form(measured.StreamBench),),
}
"""By command, all that it may print as JSON."""


def json_schema() -> dict[str, Any]:
    """One document (2020-12): under `$defs` a schema for each command, with `_` between its words, and the objects that
    they share. `x-commands` maps the commands to their schemas.
    """
    forms = [form for printed in PRINTED.values() for form in printed]
    schemas, components = msgspec.json.schema_components([form.kind for form in forms], ref_template="#/$defs/{name}")
    schema_of = iter(schemas)
    commands = {command: [next(schema_of) for _ in printed] for command, printed in PRINTED.items()}
    document: dict[str, Any] = {
        "$schema": DRAFT,
        "title": "What vp prints with --json",
        "x-commands": {command: {"$ref": f"#/$defs/{name_of(command)}"} for command in PRINTED},
        "$defs": {
            **{name_of(command): _of_command(command, found) for command, found in commands.items()},
            **{name: components[name] for name in sorted(components)},
        },
    }
    plain: dict[str, Any] = _as_printed(msgspec.json.decode(msgspec.json.encode(document)))
    return plain


def schema_of_command(command: str) -> dict[str, Any]:
    """The schema of one command, with what it refers to. Raises CliError for a command that prints no JSON."""
    if command not in PRINTED:
        raise CliError(f"command={command!r}: prints no JSON; these do: {', '.join(PRINTED)}")
    definitions = json_schema()["$defs"]
    own = definitions[name_of(command)]
    needed: dict[str, Any] = {}
    waiting = list(_references(own))
    while waiting:
        name = waiting.pop()
        if name not in needed:
            needed[name] = definitions[name]
            waiting += _references(definitions[name])
    return {"$schema": DRAFT, **own, **({"$defs": dict(sorted(needed.items()))} if needed else {})}


def document_text(document: Mapping[str, Any]) -> str:
    """A document as it is printed and kept in `docs/json.schema.json`."""
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def name_of(command: str) -> str:
    """The name of a command under `$defs`."""
    return command.replace(" ", "_").replace("-", "_")


def _of_command(command: str, schemas: list[dict[str, Any]]) -> dict[str, Any]:
    said = [
        {"description": form.when, **schema} if form.when else schema
        for form, schema in zip(PRINTED[command], schemas, strict=True)
    ]
    title = {"title": f"vp {command}"}
    return title | (said[0] if len(said) == 1 else {"anyOf": said})


def _as_printed(value: Any) -> Any:
    """A schema of what is written, not of what is read: a field with a default is always there."""
    if isinstance(value, list):
        return [_as_printed(item) for item in value]
    if not isinstance(value, dict):
        return value
    found = {name: _as_printed(item) for name, item in value.items()}
    if isinstance(found.get("properties"), dict):
        always = set(found.get("required", ()))
        for name, field in found["properties"].items():
            if "default" in field:
                del field["default"]
                always.add(name)
        found["required"] = [name for name in found["properties"] if name in always]
    if isinstance(found.get("description"), str):
        found["description"] = " ".join(found["description"].split())
    return found


def _references(value: Any) -> Iterator[str]:
    """Names under `$defs` that a schema refers to."""
    if isinstance(value, list):
        for item in value:
            yield from _references(item)
    elif isinstance(value, dict):
        if isinstance(value.get("$ref"), str):
            yield value["$ref"].removeprefix("#/$defs/")
        for item in value.values():
            yield from _references(item)
