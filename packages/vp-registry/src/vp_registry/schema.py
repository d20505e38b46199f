"""Tables of the registry, and the triggers that make two of them append-only."""

from __future__ import annotations

from typing import Final

from sqlalchemy import DDL, CheckConstraint, Column, ForeignKey, Integer, MetaData, String, Table, event

metadata: Final = MetaData()

# Times are ISO 8601 text in UTC with six digits of seconds: it sorts like time, on every database.
_TIME: Final = String(27)

serving_versions: Final = Table(
    "serving_versions",
    metadata,
    Column("id", String(96), primary_key=True),
    Column("spec_path", String(128), nullable=False),
    Column("spec_sha256", String(64), nullable=False),
    Column("source_run", String(16), nullable=False),
    Column("experiment", String(64), nullable=False),
    Column("config_hash", String(16), nullable=False),
    Column("created", _TIME, nullable=False),
)
"""Published servings. `spec_path` says what the file is called, which always follows from the id."""

serving_aliases: Final = Table(
    "serving_aliases",
    metadata,
    Column("alias", String(64), primary_key=True),
    Column("serving_id", String(96), ForeignKey("serving_versions.id"), nullable=False),
    Column("updated", _TIME, nullable=False),
)
"""What each alias serves now."""

promotion_events: Final = Table(
    "promotion_events",
    metadata,
    Column("seq", Integer, primary_key=True, autoincrement=False),
    Column("alias", String(64), nullable=False),
    Column("kind", String(8), CheckConstraint("kind IN ('promote', 'move', 'rollback')"), nullable=False),
    Column("from_id", String(96), ForeignKey("serving_versions.id"), nullable=True),
    Column("to_id", String(96), ForeignKey("serving_versions.id"), nullable=False),
    Column("actor", String(128), nullable=False),
    Column("time", _TIME, nullable=False),
    Column("reason", String(1000), nullable=False),
    Column("version_digest", String(64), nullable=False),
    Column("previous", String(64), nullable=False),
    Column("digest", String(64), nullable=False),
)
"""Every change of an alias, in order of `seq`, chained by their digests: see `hash_chain`."""

HEAD: Final = "r2"
"""The revision of `migrations` whose tables these are."""

VERSION_TABLE: Final = "vp_registry_schema"
version_table: Final = Table(
    VERSION_TABLE,
    MetaData(),
    Column("version_num", String(32), primary_key=True),
)
"""One row: the revision of a database. It is alembic's table; databases of vp-registry 0.1 and 0.2 have none."""

APPEND_ONLY: Final = (serving_versions, promotion_events)

_SQLITE_TRIGGER: Final = """
CREATE TRIGGER {table}_no_{verb} BEFORE {verb} ON {table}
BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END
"""
_POSTGRESQL_FUNCTION: Final = """
CREATE OR REPLACE FUNCTION {table}_append_only() RETURNS trigger LANGUAGE plpgsql AS
'BEGIN RAISE EXCEPTION ''{table} is append-only''; END'
"""
_POSTGRESQL_TRIGGER: Final = """
CREATE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {table}
FOR EACH STATEMENT EXECUTE FUNCTION {table}_append_only()
"""

SUPPORTED_DIALECTS: Final = ("sqlite", "postgresql")


def append_only(table: str, dialect: str) -> tuple[str, ...]:
    """The statements by which a database of that dialect refuses every change of a row of the table."""
    if dialect == "sqlite":
        return tuple(_SQLITE_TRIGGER.format(table=table, verb=verb).strip() for verb in ("UPDATE", "DELETE"))
    return tuple(text.format(table=table).strip() for text in (_POSTGRESQL_FUNCTION, _POSTGRESQL_TRIGGER))


for _table in APPEND_ONLY:
    for _dialect in SUPPORTED_DIALECTS:
        for _statement in append_only(_table.name, _dialect):
            _ddl = DDL(_statement)  # type: ignore[no-untyped-call]  # not annotated in SQLAlchemy
            event.listen(_table, "after_create", _ddl.execute_if(dialect=_dialect))
