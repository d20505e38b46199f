"""What the database itself guarantees."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import create_mock_engine

from vp_registry import Registry, RegistryParameterError, RegistryUnavailableError
from vp_registry.database import Database
from vp_registry.schema import metadata


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE serving_versions SET spec_sha256 = 'x'",
        "DELETE FROM serving_versions",
        "UPDATE promotion_events SET actor = 'x'",
        "DELETE FROM promotion_events",
        "INSERT OR REPLACE INTO serving_versions SELECT id, 'x', 'x', 'x', 'x', 'x', 'x' FROM serving_versions",
    ],
)
def test_versions_and_events_are_append_only(
    registry: Registry, publishable: Any, database: Path, statement: str
) -> None:
    registry.promote("live", publishable(), "ann")
    with closing(sqlite3.connect(database)) as connection:
        connection.execute("PRAGMA foreign_keys = ON")
        connection.execute("PRAGMA recursive_triggers = ON")
        with pytest.raises(sqlite3.IntegrityError, match="append-only"):
            connection.execute(statement)
    assert registry.resolve("live").spec == publishable()


def test_settings_of_sqlite(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{(tmp_path / 'r.sqlite').as_posix()}")
    with database.write() as connection:
        found = {
            name: connection.exec_driver_sql(f"PRAGMA {name}").scalar()
            for name in ("journal_mode", "synchronous", "foreign_keys", "busy_timeout", "recursive_triggers")
        }
        assert connection.connection.driver_connection is not None
        assert connection.connection.driver_connection.in_transaction
    assert found == {
        "journal_mode": "delete",
        "synchronous": 3,
        "foreign_keys": 1,
        "busy_timeout": 30_000,
        "recursive_triggers": 1,
    }


def test_a_writer_excludes_writers_but_not_readers(registry: Registry, publishable: Any, database: Path) -> None:
    registry.promote("live", publishable(), "ann")
    url = f"sqlite:///{database.as_posix()}"
    with Database(url).write(), closing(sqlite3.connect(database, timeout=0)) as other:
        with pytest.raises(sqlite3.OperationalError, match="locked"):
            other.execute("BEGIN IMMEDIATE")
        assert registry.resolve("live").spec == publishable()


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("sqlite://", "SQLite needs a file"),
        ("sqlite:///:memory:", "SQLite needs a file"),
        ("mysql://h/x", "expected one of sqlite, postgresql, found 'mysql'"),
        ("registry.sqlite", "expected a SQLAlchemy URL"),
    ],
)
def test_urls_that_are_no_registry(tmp_path: Path, url: str, says: str) -> None:
    with pytest.raises(RegistryParameterError, match=says):
        Registry(url, tmp_path)


def test_files_that_are_no_database(tmp_path: Path) -> None:
    path = tmp_path / "r.sqlite"
    path.write_bytes(b"not a database, and longer than a header of one hundred bytes" * 3)
    registry = Registry(f"sqlite:///{path.as_posix()}", tmp_path)
    with pytest.raises(RegistryUnavailableError, match="not a database"):
        registry.aliases()
    (tmp_path / "file").write_bytes(b"")
    below_a_file = Registry(f"sqlite:///{(tmp_path / 'file' / 'r.sqlite').as_posix()}", tmp_path)
    with pytest.raises(RegistryUnavailableError):
        below_a_file.aliases()


def test_a_missing_driver_says_what_to_install(tmp_path: Path) -> None:
    with pytest.raises(RegistryUnavailableError, match=r"pip install 'psycopg\[binary\]'"):
        Registry("postgresql+pg8000://h/x", tmp_path)


def test_statements_for_postgresql() -> None:
    """Without a server, the statements themselves: the append-only triggers are there in its own words."""
    statements: list[str] = []

    def record(statement: Any, *_: object) -> None:
        statements.append(str(statement.compile(dialect=engine.dialect)))

    engine = create_mock_engine("postgresql://", record)
    metadata.create_all(engine, checkfirst=False)
    text = "\n".join(statements)
    for table in ("serving_versions", "promotion_events"):
        assert f"CREATE OR REPLACE FUNCTION {table}_append_only()" in text
        assert f"BEFORE UPDATE OR DELETE OR TRUNCATE ON {table}" in text
    assert "RAISE(ABORT" not in text
