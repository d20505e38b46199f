"""What the database itself guarantees."""

from __future__ import annotations

import sqlite3
import threading
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import create_engine, create_mock_engine, text
from sqlalchemy.exc import DBAPIError

from vp_registry import AliasMovedError, Registry, RegistryParameterError, RegistryUnavailableError
from vp_registry.database import Database
from vp_registry.registry import _point
from vp_registry.schema import metadata
from vp_registry.state import StateReader


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
    database: Path, versions_dir: Path, publishable: Any, statement: str
) -> None:
    registry = Registry(f"sqlite:///{database.as_posix()}", versions_dir)
    registry.promote("live", publishable(), "ann")
    with closing(sqlite3.connect(database)) as connection:
        connection.execute("PRAGMA foreign_keys = ON")
        connection.execute("PRAGMA recursive_triggers = ON")
        with pytest.raises(sqlite3.IntegrityError, match="append-only"):
            connection.execute(statement)
    assert registry.resolve("live").spec == publishable()


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE serving_versions SET spec_sha256 = 'x'",
        "DELETE FROM serving_versions",
        "TRUNCATE serving_versions CASCADE",
        "UPDATE promotion_events SET actor = 'x'",
        "DELETE FROM promotion_events",
        "TRUNCATE promotion_events",
        "INSERT INTO serving_versions SELECT * FROM serving_versions ON CONFLICT (id) DO UPDATE SET spec_sha256 = 'x'",
    ],
)
@pytest.mark.parametrize("url", ["postgresql"], indirect=True)
def test_the_same_on_postgresql(registry: Registry, url: str, publishable: Any, statement: str) -> None:
    registry.promote("live", publishable(), "ann")
    engine = create_engine(url)
    with engine.connect() as connection, pytest.raises(DBAPIError, match="append-only"):
        connection.execute(text(statement))
    engine.dispose()
    assert registry.resolve("live").spec == publishable()


@pytest.mark.parametrize("url", ["postgresql"], indirect=True)
def test_a_reader_of_postgresql_sees_one_moment(registry: Registry, url: str, publishable: Any) -> None:
    registry.promote("live", publishable(1), "ann")
    database = Database(url)
    with database.read() as connection:
        count = text("SELECT count(*) FROM promotion_events")
        before = connection.execute(count).scalar()
        registry.promote("live", publishable(2), "ann")  # neither waits for the other
        assert connection.execute(count).scalar() == before == 1
    with database.read() as connection:
        assert connection.execute(count).scalar() == 2
    database.close()


@pytest.mark.parametrize("url", ["postgresql"], indirect=True)
def test_what_a_writer_of_postgresql_waited_for_it_sees(registry: Registry, url: str, publishable: Any) -> None:
    registry.promote("live", publishable(1), "ann")
    database = Database(url)
    moved: list[str] = []

    def move() -> None:
        one, two = publishable(1).serving_id, publishable(2).serving_id
        try:
            registry.move("live", two, expected=one)
            moved.append("moved")
        except AliasMovedError:
            moved.append("refused")

    registry.promote("paper", publishable(2), "ann")
    with database.write() as connection:
        waiting = threading.Thread(target=move)
        waiting.start()
        state = StateReader().load(connection)
        version = state.versions[publishable(2).serving_id]
        _point(connection, state, "live", "move", version, "bob", "")
    waiting.join(30)
    database.close()
    assert moved == ["refused"]


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


def test_a_writer_excludes_writers_but_not_readers(database: Path, versions_dir: Path, publishable: Any) -> None:
    url = f"sqlite:///{database.as_posix()}"
    registry = Registry(url, versions_dir)
    registry.promote("live", publishable(), "ann")
    with Database(url).write(), closing(sqlite3.connect(database, timeout=0)) as other:
        with pytest.raises(sqlite3.OperationalError, match="locked"):
            other.execute("BEGIN IMMEDIATE")
        assert registry.resolve("live").spec == publishable()


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("sqlite://", "names no file; SQLite needs one"),
        ("sqlite:///:memory:", "names no file; SQLite needs one"),
        ("mysql://h/x", "begins with 'mysql'; must begin with one of sqlite, postgresql"),
        ("registry.sqlite", "must be a SQLAlchemy URL"),
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
    with pytest.raises(RegistryUnavailableError, match=r"pip install 'vp-registry\[postgres\]'"):
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
