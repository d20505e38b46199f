"""A registry as vp-registry 0.1.0 made it: its statements, taken from that version, and three promotions."""

from __future__ import annotations

import hashlib
from pathlib import Path

from sqlalchemy import create_engine, text

from vp_contract import PublishedServing, dump_published

TABLES = (
    """
CREATE TABLE serving_versions (
    id VARCHAR(96) NOT NULL,
    spec_path VARCHAR(128) NOT NULL,
    spec_sha256 VARCHAR(64) NOT NULL,
    source_run VARCHAR(16) NOT NULL,
    experiment VARCHAR(64) NOT NULL,
    config_hash VARCHAR(16) NOT NULL,
    created VARCHAR(27) NOT NULL,
    PRIMARY KEY (id)
)""",
    """
CREATE TABLE serving_aliases (
    alias VARCHAR(64) NOT NULL,
    serving_id VARCHAR(96) NOT NULL,
    updated VARCHAR(27) NOT NULL,
    PRIMARY KEY (alias),
    FOREIGN KEY(serving_id) REFERENCES serving_versions (id)
)""",
    """
CREATE TABLE promotion_events (
    seq {serial} NOT NULL,
    alias VARCHAR(64) NOT NULL,
    kind VARCHAR(8) NOT NULL CHECK (kind IN ('promote', 'move', 'rollback')),
    from_id VARCHAR(96),
    to_id VARCHAR(96) NOT NULL,
    actor VARCHAR(128) NOT NULL,
    time VARCHAR(27) NOT NULL,
    reason VARCHAR(1000) NOT NULL,
    PRIMARY KEY (seq),
    FOREIGN KEY(from_id) REFERENCES serving_versions (id),
    FOREIGN KEY(to_id) REFERENCES serving_versions (id)
)""",
    "CREATE INDEX promotion_events_by_alias ON promotion_events (alias, seq)",
)
SQLITE_TRIGGER = """
CREATE TRIGGER {table}_no_{verb} BEFORE {verb} ON {table}
BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END"""
POSTGRESQL_TRIGGER = (
    """
CREATE OR REPLACE FUNCTION {table}_append_only() RETURNS trigger LANGUAGE plpgsql AS
'BEGIN RAISE EXCEPTION ''{table} is append-only''; END'""",
    """
CREATE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {table}
FOR EACH STATEMENT EXECUTE FUNCTION {table}_append_only()""",
)
INSERT_EVENT = (
    "INSERT INTO promotion_events (alias, kind, from_id, to_id, actor, time, reason) "
    "VALUES (:alias, :kind, :from_id, :to_id, :actor, :time, :reason)"
)
TIMES = [f"2026-02-06T21:00:0{second}.000000Z" for second in range(3)]


def make_old_registry(url: str, versions_dir: Path, first: PublishedServing, second: PublishedServing) -> None:
    """`live` was promoted to `first`, then to `second`, and rolled back."""
    engine = create_engine(url)
    sqlite = engine.dialect.name == "sqlite"
    if sqlite:
        Path(str(engine.url.database)).parent.mkdir(parents=True, exist_ok=True)
    versions_dir.mkdir(parents=True, exist_ok=True)
    with engine.begin() as connection:
        for statement in TABLES:
            connection.execute(text(statement.format(serial="INTEGER" if sqlite else "SERIAL")))
        for table in ("serving_versions", "promotion_events"):
            verbs = [SQLITE_TRIGGER.format(table=table, verb=verb) for verb in ("UPDATE", "DELETE")]
            for statement in verbs if sqlite else [trigger.format(table=table) for trigger in POSTGRESQL_TRIGGER]:
                connection.exec_driver_sql(statement)
        for spec, time in zip((first, second), TIMES, strict=False):
            data = dump_published(spec)
            (versions_dir / f"{spec.serving_id}.yaml").write_bytes(data)
            connection.execute(
                text("INSERT INTO serving_versions VALUES (:id, :path, :sha256, :run, :experiment, :config, :created)"),
                {
                    "id": spec.serving_id,
                    "path": f"{spec.serving_id}.yaml",
                    "sha256": hashlib.sha256(data).hexdigest(),
                    "run": spec.source.run_id,
                    "experiment": spec.source.experiment,
                    "config": spec.runtime.config_version,
                    "created": time,
                },
            )
        one, two = first.serving_id, second.serving_id
        moves = (("promote", None, one), ("promote", one, two), ("rollback", two, one))
        for (kind, from_id, to_id), time in zip(moves, TIMES, strict=True):
            event = {"alias": "live", "kind": kind, "from_id": from_id, "to_id": to_id, "actor": "ann", "time": time}
            connection.execute(text(INSERT_EVENT), {**event, "reason": "why"})
        connection.execute(text(f"INSERT INTO serving_aliases VALUES ('live', '{one}', '{TIMES[2]}')"))
    engine.dispose()
