"""Telling which revision's tables a database has, and bringing those of an earlier one to today's by alembic."""

from __future__ import annotations

import re
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from sqlalchemy import Connection, insert, inspect

from vp_registry.errors import RegistryUnavailableError
from vp_registry.schema import HEAD, VERSION_TABLE, metadata, promotion_events, version_table

_MIGRATIONS: Final = Path(__file__).with_name("migrations")
_COLUMNS: Final = {name: tuple(column.name for column in table.c) for name, table in metadata.tables.items()}
# Databases made before there was a table that says it are recognised by their columns.
_UNSTAMPED: Final = {
    "r1": {
        **_COLUMNS,
        promotion_events.name: ("seq", "alias", "kind", "from_id", "to_id", "actor", "time", "reason"),
    },
    "r2": _COLUMNS,
}
MADE_BY: Final = {"r1": "0.1", "r2": "0.2"}
"""Revision to the version of vp-registry that first made it."""

_ONE_AT_A_TIME: Final = threading.Lock()  # alembic keeps what it works on in globals of the process


@dataclass(frozen=True, slots=True)
class Layout:
    """Whose tables a database has: the revision, None where there are none, and whether the database itself says it."""

    revision: str | None
    stamped: bool

    @property
    def current(self) -> bool:
        """Whether they are today's."""
        return self.revision == HEAD


def layout_of(connection: Connection) -> Layout:
    """Whose tables a database has.

    Raises `RegistryUnavailableError` for tables that no version made, or that a later one made: nothing is written to
    such a database.
    """
    try:
        found = inspect(connection)
        names = set(found.get_table_names())
        columns = {
            name: tuple(str(column["name"]) for column in found.get_columns(name)) for name in names & _COLUMNS.keys()
        }
    except (LookupError, ValueError, TypeError) as error:
        raise RegistryUnavailableError(f"registry: its list of tables cannot be read: {error}") from error
    if VERSION_TABLE in names:
        return Layout(_stamped(connection, columns), stamped=True)
    if not columns:
        return Layout(None, stamped=False)
    for revision, expected in _UNSTAMPED.items():
        if columns == expected:
            return Layout(revision, stamped=False)
    raise _of_no_version(columns)


def stamp(connection: Connection, revision: str = HEAD) -> None:
    """Have a database say which revision it has, in the writer's transaction."""
    version_table.create(connection)
    connection.execute(insert(version_table), {"version_num": revision})


def upgrade(connection: Connection) -> None:
    """Bring a registry to today's revision in the writer's transaction; nothing if it is of that already.

    Raises `RegistryIntegrityError`, and changes nothing, when what is there does not fit.
    """
    found = layout_of(connection)
    if found.revision is None or found.current:
        return
    if not found.stamped:
        stamp(connection, found.revision)
    from alembic import command, config  # few databases need it, and it takes half a second to import

    migrations = config.Config(attributes={"connection": connection})
    migrations.set_main_option("script_location", _MIGRATIONS.as_posix().replace("%", "%%"))
    with _ONE_AT_A_TIME:
        command.upgrade(migrations, HEAD)


def _stamped(connection: Connection, columns: dict[str, tuple[str, ...]]) -> str:
    """The revision that a database says it has. Its tables are compared with it where it is today's."""
    rows = [str(row[0]) for row in connection.execute(version_table.select())]
    if len(rows) == 1 and rows[0] in MADE_BY:
        if rows[0] == HEAD and columns != _COLUMNS:
            raise _of_no_version(columns)
        return rows[0]
    if len(rows) == 1 and re.fullmatch(r"r[0-9]{1,9}", rows[0]):
        raise RegistryUnavailableError(
            f"registry: its schema is {rows[0]}, of a later vp-registry; this one knows schemas up to {HEAD}: install "
            "a vp-registry of the version that made it, or later",
            public="the registry is of a later version than this server",
        )
    raise RegistryUnavailableError(
        f"registry: table {VERSION_TABLE} says {', '.join(map(repr, rows))[:80] or 'nothing'}, which is no schema of "
        "any vp-registry: the database is damaged; bring the registry back from a copy",
        public="the registry is damaged",
    )


def _of_no_version(columns: dict[str, tuple[str, ...]]) -> RegistryUnavailableError:
    wrong = next(name for name in sorted(_COLUMNS) if columns.get(name) != _COLUMNS[name])
    return RegistryUnavailableError(
        f"registry: table {wrong} is not one of this vp-registry or of one before: the database is damaged, or made by "
        "a later version"
    )
