"""Telling which version's tables a database has, and giving those of vp-registry 0.1 their chain."""

from __future__ import annotations

from typing import Any, Final, Literal, TypeAlias

from sqlalchemy import Connection, insert, inspect, text

from vp_registry.entries import VersionEntry
from vp_registry.errors import RegistryIntegrityError, RegistryUnavailableError
from vp_registry.schema import CHAIN_COLUMNS, metadata, promotion_events, serving_aliases, serving_versions
from vp_registry.state import chained

Layout: TypeAlias = Literal["none", "0.1", "now"]

_EVENT_COLUMNS_0_1: Final = tuple(column.name for column in promotion_events.c if column.name not in CHAIN_COLUMNS)


def layout_of(connection: Connection) -> Layout:
    """Whose tables a database has.

    Raises `RegistryUnavailableError` for tables that no version made: such a database is damaged, or made by a later
    version, and nothing is written to it.
    """
    try:
        found = inspect(connection)
        there = set(found.get_table_names()) & set(metadata.tables)
        columns = {name: tuple(str(column["name"]) for column in found.get_columns(name)) for name in there}
    except (LookupError, ValueError, TypeError) as error:
        raise RegistryUnavailableError(f"registry: its list of tables cannot be read: {error}") from error
    if not there:
        return "none"
    expected = {name: tuple(column.name for column in table.c) for name, table in metadata.tables.items()}
    if columns == expected:
        return "now"
    if columns == {**expected, promotion_events.name: _EVENT_COLUMNS_0_1}:
        return "0.1"
    wrong = next(name for name in sorted(expected) if columns.get(name) != expected[name])
    raise RegistryUnavailableError(
        f"registry: table {wrong} is not one of this vp-registry or of the one before: the database is damaged, or "
        "made by a later version"
    )


def upgrade(connection: Connection) -> None:
    """Chain the events of a registry of vp-registry 0.1, in the writer's transaction; nothing if that is done.

    Raises `RegistryIntegrityError`, and changes nothing, when an alias does not serve what its last event says: there
    is nothing yet that could tell which of the two is right.
    """
    if layout_of(connection) != "0.1":
        return
    versions = {
        row.id: VersionEntry(
            serving_id=row.id,
            spec_path=row.spec_path,
            spec_sha256=row.spec_sha256,
            source_run=row.source_run,
            experiment=row.experiment,
            config_hash=row.config_hash,
            created=row.created,
        )
        for row in connection.execute(serving_versions.select())
    }
    old = text(f"SELECT {', '.join(_EVENT_COLUMNS_0_1)} FROM promotion_events ORDER BY seq")
    events = [dict(row) for row in connection.execute(old).mappings()]
    _check_aliases(connection, events)
    rows = list(chained(events, versions))
    # The old table's triggers refuse any change of a row, so the table is made anew; both databases do that within the
    # transaction.
    connection.execute(text("DROP TABLE promotion_events"))
    promotion_events.create(connection)
    if rows:
        connection.execute(insert(promotion_events), rows)


def _check_aliases(connection: Connection, events: list[dict[str, Any]]) -> None:
    said = {event["alias"]: (event["to_id"], event["time"]) for event in events}
    found = {row.alias: (row.serving_id, row.updated) for row in connection.execute(serving_aliases.select())}
    for alias in sorted(said.keys() | found.keys()):
        if said.get(alias) != found.get(alias):
            raise RegistryIntegrityError(
                f"registry of vp-registry 0.1, not upgraded: alias {alias} is at {found.get(alias)}, its last event "
                f"says {said.get(alias)}; set the alias right with the version that made it, or bring the registry "
                "back from a copy"
            )
