"""`vp config`: what a spec resolves to, and where each value is from."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Final, Literal, TypeAlias

import typer

from vp_cli.errors import CliError
from vp_cli.options import CONFIG_ROOT, ConfigRoot
from vp_cli.output import AsJson, print_json, print_rows
from vp_cli.printed.data import ResolvedConfig, ResolvedField
from vp_contract import EXPERIMENTS_DIR, PIPELINES_DIR, SERVING_DIR, load_chain, spec_names
from vp_contract.specs import config_origins

config = typer.Typer(help="Specs and what they resolve to.")

Kind: TypeAlias = Literal["experiment", "serving", "pipeline"]

_KINDS: Final[Mapping[Kind, str]] = {"experiment": EXPERIMENTS_DIR, "serving": SERVING_DIR, "pipeline": PIPELINES_DIR}


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.add_typer(config, name="config", no_args_is_help=True)


@config.command("show")
def show(
    name: Annotated[str, typer.Argument(help="Name of an experiment, else of a serving, else of a pipeline.")],
    kind: Annotated[
        Kind | None, typer.Option(help="experiment, serving or pipeline, if several have the name.")
    ] = None,
    config_root: ConfigRoot = CONFIG_ROOT,
    as_json: AsJson = False,
) -> None:
    """Print a resolved config: every field, its value, and the file and line that state it."""
    found = kind or _kind_of(name, config_root)
    named: dict[str, Any] = {found: name}
    origins = config_origins(config_root, **named)
    version = load_chain(config_root, **named).config.config_version
    rows: list[ResolvedField] = [{"field": o.field, "value": o.value, "from": o.where} for o in origins]
    if as_json:
        resolved: ResolvedConfig = {"kind": found, "name": name, "config_version": version, "fields": rows}
        print_json(resolved)
        return
    print_rows(
        f"{found} {name}, config_version {version}",
        [{**row, "value": _text(row["value"])} for row in rows],
        ["field", "value", "from"],
    )


def _kind_of(name: str, config_root: ConfigRoot) -> Kind:
    known = {kind: spec_names(config_root, directory) for kind, directory in _KINDS.items()}
    for kind, names in known.items():
        if name in names:
            return kind
    listed = "; ".join(f"{kind}: {', '.join(names) or 'none'}" for kind, names in known.items())
    raise CliError(f"no spec {name!r} under {config_root}; it has {listed}")


def _text(value: object) -> str:
    if isinstance(value, dict):
        return " ".join(f"{name}={item}" for name, item in value.items()) or "-"
    if isinstance(value, list):
        return " ".join(map(str, value))
    return "-" if value is None else str(value)
