"""`vp aliases`: what is served under which name, and what was."""

from __future__ import annotations

import datetime as dt
import itertools
from contextlib import closing
from typing import Annotated

import typer

from vp_cli.errors import CliError
from vp_cli.options import CONFIG_ROOT, LAKE_ROOT, ConfigRoot, LakeRoot, RegistryUrl
from vp_cli.output import AsJson, print_facts, print_json, print_rows, say
from vp_cli.printed.store import AliasEvent, ListedAlias, MovedAlias
from vp_harness import open_registry

aliases = typer.Typer(help="Published servings by alias: list, move, roll back, look up.", no_args_is_help=True)
Alias = Annotated[str, typer.Argument(help="An alias.")]
Actor = Annotated[str | None, typer.Option(help="Who does it; the user of this process if not given.")]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.add_typer(aliases, name="aliases")


@aliases.command("list")
def list_(
    lake_root: LakeRoot = LAKE_ROOT,
    config_root: ConfigRoot = CONFIG_ROOT,
    registry_url: RegistryUrl = None,
    as_json: AsJson = False,
) -> None:
    """List the aliases and what they point at."""
    with closing(open_registry(lake_root, config_root, registry_url)) as registry:
        rows: list[ListedAlias] = [
            {"alias": e.alias, "serving_id": e.serving_id, "updated": e.updated} for e in registry.aliases()
        ]
    print_json(rows) if as_json else print_rows("aliases", rows, ["alias", "serving_id", "updated"])


@aliases.command("move")
def move(
    alias: Alias,
    serving_id: Annotated[str, typer.Argument(help="The published serving to point it at.")],
    expected: Annotated[str, typer.Option(help="What it points at now; the move is refused if that has changed.")],
    actor: Actor = None,
    lake_root: LakeRoot = LAKE_ROOT,
    config_root: ConfigRoot = CONFIG_ROOT,
    registry_url: RegistryUrl = None,
    as_json: AsJson = False,
) -> None:
    """Point an alias at another published serving."""
    with closing(open_registry(lake_root, config_root, registry_url)) as registry:
        registry.move(alias, serving_id, expected=expected, actor=actor)
    facts: MovedAlias = {"alias": alias, "serving_id": serving_id}
    print_json(facts) if as_json else print_facts("moved", facts)


@aliases.command("rollback")
def rollback(
    alias: Alias,
    actor: Actor = None,
    reason: Annotated[str, typer.Option(help="Why, for the audit trail.")] = "",
    lake_root: LakeRoot = LAKE_ROOT,
    config_root: ConfigRoot = CONFIG_ROOT,
    registry_url: RegistryUrl = None,
    as_json: AsJson = False,
) -> None:
    """Point an alias back at what it served before."""
    with closing(open_registry(lake_root, config_root, registry_url)) as registry:
        served = registry.rollback(alias, actor, reason)
    facts: MovedAlias = {"alias": alias, "serving_id": served.serving_id}
    print_json(facts) if as_json else print_facts("rolled back", facts)


@aliases.command("history")
def history(
    alias: Alias,
    at: Annotated[str | None, typer.Option(help="Only up to this time, ISO 8601 (UTC if without zone).")] = None,
    lake_root: LakeRoot = LAKE_ROOT,
    config_root: ConfigRoot = CONFIG_ROOT,
    registry_url: RegistryUrl = None,
    as_json: AsJson = False,
) -> None:
    """The audit trail of an alias in the order of events, or of what led to what it served at a time."""
    moment = None
    if at is not None:
        try:
            moment = dt.datetime.fromisoformat(at)
        except ValueError:
            raise CliError(f"--at {at!r} is not an ISO 8601 time, like 2026-02-06T14:30:00") from None
        moment = moment if moment.tzinfo else moment.replace(tzinfo=dt.UTC)
    with closing(open_registry(lake_root, config_root, registry_url)) as registry:
        events = registry.history(alias, at=moment)
    rows: list[AliasEvent] = [
        {
            "seq": event.seq,
            "time": event.time,
            "kind": event.kind,
            "from": event.from_id,
            "to": event.to_id,
            "actor": event.actor,
            "reason": event.reason,
            "digest": event.digest,
        }
        for event in events
    ]
    if as_json:
        print_json(rows)
        return
    print_rows(alias, [{**row, "digest": row["digest"][:16]} for row in rows], list(AliasEvent.__annotations__))
    for event, later in itertools.pairwise(events):
        if later.time < event.time:
            say(f"event {event.seq} is dated after event {later.seq}, which came after it: a clock was wrong")
