"""Opening the database, and what differs between SQLite and PostgreSQL while it is used."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from sqlalchemy import Connection, Engine, create_engine, event, inspect, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError, SQLAlchemyError
from sqlalchemy.pool import NullPool

from vp_registry.errors import RegistryParameterError, RegistryUnavailableError
from vp_registry.schema import SUPPORTED_DIALECTS, metadata

_BUSY_TIMEOUT_MS: Final = 30_000
_WRITE: Final = "vp_write"
_ADVISORY_LOCK: Final = 0x5650_5245_4749  # any number that nothing else in the database uses


class Database:
    """One registry database: `read()` and `write()` give connections inside a transaction.

    Writers exclude one another for their whole transaction, so that what one has read is still true when it writes.
    """

    def __init__(self, url: str) -> None:
        """`url` is a SQLAlchemy URL of SQLite (a file) or PostgreSQL. Nothing is opened yet."""
        self._engine = _engine(url)
        self._ready = False

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A consistent view. Raises `RegistryUnavailableError` when the database cannot be read."""
        with self._transaction(write=False) as connection:
            yield connection

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """The only writer, until the block ends; committed if it ends well, else rolled back."""
        with self._transaction(write=True) as connection:
            yield connection

    def close(self) -> None:
        """Close what is pooled."""
        self._engine.dispose()

    @contextmanager
    def _transaction(self, *, write: bool) -> Iterator[Connection]:
        try:
            if not self._ready:
                self._create_tables()
            with self._begin(write=write) as connection:
                yield connection
        except DBAPIError as error:
            raise RegistryUnavailableError(f"registry {self._name}: {error.orig}") from error
        except SQLAlchemyError as error:
            raise RegistryUnavailableError(f"registry {self._name}: {error}") from error

    @contextmanager
    def _begin(self, *, write: bool) -> Iterator[Connection]:
        options: dict[str, Any] = {_WRITE: write}
        if self._engine.dialect.name == "postgresql":
            # A reader sees one moment. A writer must see what was committed while it waited for the lock, and no other
            # one comes between its statements.
            options["isolation_level"] = "READ COMMITTED" if write else "REPEATABLE READ"
        with self._engine.connect().execution_options(**options) as connection, connection.begin():
            if write and connection.dialect.name == "postgresql":
                connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _ADVISORY_LOCK})
            yield connection

    def _create_tables(self) -> None:
        """Tables and triggers, once. In the writer's transaction, so that of two first users one creates them."""
        if self._engine.dialect.name == "sqlite" and self._engine.url.database:
            try:
                Path(self._engine.url.database).parent.mkdir(parents=True, exist_ok=True)
            except OSError as error:
                raise RegistryUnavailableError(f"registry {self._name}: {error.strerror}") from error
        with self._begin(write=False) as connection:
            present = set(inspect(connection).get_table_names())
        if not present.issuperset(metadata.tables):
            with self._begin(write=True) as connection:
                metadata.create_all(connection)
        self._ready = True

    @property
    def _name(self) -> str:
        return self._engine.url.render_as_string(hide_password=True)


def _engine(url: str) -> Engine:
    try:
        parsed = make_url(url)
        name = parsed.get_backend_name()
        if name not in SUPPORTED_DIALECTS:
            raise RegistryParameterError(f"url: expected one of {', '.join(SUPPORTED_DIALECTS)}, found {name!r}")
        if name == "postgresql":
            return create_engine(parsed, pool_pre_ping=True)
        if not parsed.database or parsed.database == ":memory:":
            raise RegistryParameterError("url: SQLite needs a file, as in sqlite:///lake/registry.sqlite")
        # no pool: a connection of SQLite is an open file, and must not be carried into a forked process
        engine = create_engine(parsed, poolclass=NullPool)
    except ArgumentError:
        raise RegistryParameterError("url: expected a SQLAlchemy URL such as sqlite:///lake/registry.sqlite") from None
    except (ModuleNotFoundError, NoSuchModuleError) as error:
        raise RegistryUnavailableError(
            f"no driver for {url.partition(':')[0]}: {error}; for PostgreSQL: pip install 'vp-registry[postgresql]' "
            "and a URL that begins with postgresql+psycopg://"
        ) from error
    event.listen(engine, "connect", _set_pragmas)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


def _set_pragmas(dbapi_connection: Any, _record: object) -> None:
    # the driver's own transaction control begins late and never IMMEDIATE: SQLAlchemy's begin does it instead
    dbapi_connection.isolation_level = None
    cursor = dbapi_connection.cursor()
    try:
        for pragma in (
            f"busy_timeout = {_BUSY_TIMEOUT_MS}",
            "journal_mode = DELETE",
            "synchronous = EXTRA",
            "foreign_keys = ON",
            "recursive_triggers = ON",  # without it REPLACE deletes rows past the triggers
        ):
            cursor.execute(f"PRAGMA {pragma}")
    finally:
        cursor.close()


def _begin_sqlite(connection: Connection) -> None:
    # a deferred transaction that reads and then writes can fail however long it waits, an immediate one only waits
    write = connection.get_execution_options().get(_WRITE, False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if write else "BEGIN")
