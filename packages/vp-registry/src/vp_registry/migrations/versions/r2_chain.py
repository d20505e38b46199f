"""The tables of vp-registry 0.2: events form a hash chain."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

from vp_registry.entries import VersionEntry
from vp_registry.errors import RegistryIntegrityError
from vp_registry.schema import append_only
from vp_registry.state import chained

revision = "r2"
down_revision = "r1"

_EVENTS = "SELECT seq, alias, kind, from_id, to_id, actor, time, reason FROM promotion_events ORDER BY seq"
_VERSIONS = """
SELECT id AS serving_id, spec_path, spec_sha256, source_run, experiment, config_hash, created FROM serving_versions
"""
_ALIASES = "SELECT alias, serving_id, updated FROM serving_aliases"


def upgrade() -> None:
    """Chain the events that there are.

    Raises `RegistryIntegrityError`, and changes nothing, when an alias does not serve what its last event says: there
    is nothing yet that could tell which of the two is right.
    """
    connection = op.get_bind()
    versions = {row["serving_id"]: VersionEntry(**row) for row in connection.execute(sa.text(_VERSIONS)).mappings()}
    events = [dict(row) for row in connection.execute(sa.text(_EVENTS)).mappings()]
    _check_aliases(connection, events)
    rows = list(chained(events, versions))
    # The old table's triggers refuse any change of a row, so the table is made anew; both databases do that within the
    # transaction.
    op.drop_table("promotion_events")
    made = op.create_table(
        "promotion_events",
        sa.Column("seq", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("alias", sa.String(64), nullable=False),
        sa.Column("kind", sa.String(8), sa.CheckConstraint("kind IN ('promote', 'move', 'rollback')"), nullable=False),
        sa.Column("from_id", sa.String(96), sa.ForeignKey("serving_versions.id"), nullable=True),
        sa.Column("to_id", sa.String(96), sa.ForeignKey("serving_versions.id"), nullable=False),
        sa.Column("actor", sa.String(128), nullable=False),
        sa.Column("time", sa.String(27), nullable=False),
        sa.Column("reason", sa.String(1000), nullable=False),
        sa.Column("version_digest", sa.String(64), nullable=False),
        sa.Column("previous", sa.String(64), nullable=False),
        sa.Column("digest", sa.String(64), nullable=False),
    )
    for statement in append_only("promotion_events", connection.dialect.name):
        op.execute(sa.text(statement))
    if rows:
        connection.execute(sa.insert(made), rows)


def _check_aliases(connection: sa.Connection, events: list[dict[str, Any]]) -> None:
    recorded = {event["alias"]: (event["to_id"], event["time"]) for event in events}
    found = {alias: (serving_id, updated) for alias, serving_id, updated in connection.execute(sa.text(_ALIASES))}
    for alias in sorted(recorded.keys() | found.keys()):
        if recorded.get(alias) != found.get(alias):
            raise RegistryIntegrityError(
                f"registry of vp-registry 0.1, not upgraded: alias {alias} is at {found.get(alias)}, its last event "
                f"says {recorded.get(alias)}; set the alias right with the version that made it, or bring the registry "
                "back from a copy"
            )
