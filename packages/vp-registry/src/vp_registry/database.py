"""Opening the database, and what differs between SQLite and PostgreSQL while it is used."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from sqlalchemy import Connection, Engine, create_engine, event, text
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError, NoSuchTableError, SQLAlchemyError
from sqlalchemy.pool import NullPool

from vp_registry.errors import RegistryParameterError, RegistryUnavailableError
from vp_registry.schema import SUPPORTED_DIALECTS, metadata
from vp_registry.upgrade import MADE_BY, Layout, layout_of, stamp, upgrade

_BUSY_TIMEOUT_MS: Final = 30_000
_CONNECT_TIMEOUT_S: Final = 10
_WRITE: Final = "vp_write"
_ADVISORY_LOCK: Final = 0x5650_5245_4749  # any number that nothing else in the database uses


class Database:
    """One registry database: `read()` and `write()` give connections inside a transaction.

    Writers exclude one another for their whole transaction, so that what one has read is still true when it writes.
    Nothing but a writer creates the database; one of an earlier schema is upgraded by whoever opens it first.
    """

    def __init__(self, url: str) -> None:
        """`url` is a SQLAlchemy URL of SQLite (a file) or PostgreSQL. Nothing is opened yet."""
        parsed = _parsed(url)
        self._name = parsed.render_as_string(hide_password=True)
        self._file: Path | None = None
        if parsed.get_backend_name() == "sqlite":
            self._file = Path(str(parsed.database))
            self._reader, self._writer = _sqlite(parsed, self._file, "rw"), _sqlite(parsed, self._file, "rwc")
        else:
            self._reader = self._writer = _engine(parsed, pool_pre_ping=True, connect_args=_connecting(parsed))
        self._ready = False
        self._stamped = False

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A consistent view. Raises `RegistryUnavailableError` when the database cannot be read, or is not there."""
        with self._errors():
            if not self._is_there():
                raise RegistryUnavailableError(f"registry {self._name}: there is none", public="there is no registry")
            with self._begin(write=False) as connection:
                yield connection

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """The only writer, until the block ends; committed if it ends well, else rolled back."""
        with self._errors():
            if not self._is_there():
                self._create()
            with self._begin(write=True) as connection:
                if not self._stamped and not layout_of(connection).stamped:
                    stamp(connection)  # of vp-registry 0.2, whose tables are today's
                yield connection
            self._stamped = True

    def exists(self) -> bool:
        """Whether there is a registry. Raises `RegistryUnavailableError` when what is there cannot be read as one."""
        with self._errors():
            return self._is_there()

    def close(self) -> None:
        """Close what is pooled."""
        self._reader.dispose()
        self._writer.dispose()

    @contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            yield
        except DBAPIError as error:
            raise self._unavailable(error.orig) from error
        # a damaged file may hold anything, also in the text of the database's own errors
        except (SQLAlchemyError, UnicodeError, OSError) as error:
            raise self._unavailable(error) from error

    def _unavailable(self, error: object) -> RegistryUnavailableError:
        return RegistryUnavailableError(
            f"registry {self._name}: {error}", public="the registry cannot be used; the server's log says why"
        )

    @contextmanager
    def _begin(self, *, write: bool) -> Iterator[Connection]:
        engine = self._writer if write else self._reader
        options: dict[str, Any] = {_WRITE: write}
        if engine.dialect.name == "postgresql":
            # A reader sees one moment. A writer must see what was committed while it waited for the lock, and no other
            # one comes between its statements.
            options["isolation_level"] = "READ COMMITTED" if write else "REPEATABLE READ"
        with engine.connect().execution_options(**options) as connection, connection.begin():
            if write and engine.dialect.name == "postgresql":
                connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _ADVISORY_LOCK})
            yield connection

    def _is_there(self) -> bool:
        """Whether the tables are there; those of an earlier version are upgraded."""
        if self._ready:
            return True
        if not self._size():
            return False
        layout = self._layout()
        if layout.revision is None and self._file is not None and self._size():
            raise RegistryUnavailableError(
                f"registry {self._name}: the file is no registry, or its list of tables is damaged",
                public="the registry's file is not one",
            )
        if layout.revision is not None and not layout.current:
            self._upgrade(layout.revision)
        self._ready = layout.revision is not None
        return self._ready

    def _layout(self) -> Layout:
        try:
            with self._begin(write=False) as connection:
                return layout_of(connection)
        except (RegistryUnavailableError, NoSuchTableError):
            if self._reader.dialect.name != "postgresql":
                raise
        # PostgreSQL tells some facts of tables as they are now, also to one who reads an earlier moment: while another
        # process makes a table anew they do not fit. Look again when nobody does.
        with self._begin(write=True) as connection:
            return layout_of(connection)

    def _create(self) -> None:
        """Tables and triggers, once. In the writer's transaction, so that of two first users one creates them."""
        if self._file is not None:
            self._file.parent.mkdir(parents=True, exist_ok=True)
        with self._begin(write=True) as connection:
            if layout_of(connection).revision is None:  # nobody else has made it meanwhile
                metadata.create_all(connection)
                stamp(connection)
        self._ready = True

    def _upgrade(self, revision: str) -> None:
        try:
            with self._begin(write=True) as connection:
                upgrade(connection)
        except DBAPIError as error:
            raise RegistryUnavailableError(
                f"registry {self._name}: it is of vp-registry {MADE_BY[revision]} and cannot be upgraded: "
                f"{error.orig}; let somebody open it once who may write it",
                public=f"the registry is of vp-registry {MADE_BY[revision]} and cannot be upgraded here",
            ) from error

    def _size(self) -> int:
        """Bytes of the database's file: 0 where there is none, and where somebody is about to make it. Else 1."""
        if self._file is None:
            return 1
        try:
            return self._file.stat().st_size
        except FileNotFoundError:
            return 0


def _parsed(url: str) -> URL:
    try:
        parsed = make_url(url)
        name = parsed.get_backend_name()
    except ArgumentError:
        raise RegistryParameterError("url: must be a SQLAlchemy URL such as sqlite:///lake/registry.sqlite") from None
    except NoSuchModuleError as error:
        raise _no_driver(parsed.drivername, error) from error
    if name not in SUPPORTED_DIALECTS:
        raise RegistryParameterError(
            f"url: begins with {name!r}; must begin with one of {', '.join(SUPPORTED_DIALECTS)}"
        )
    if name == "sqlite" and (not parsed.database or parsed.database == ":memory:"):
        raise RegistryParameterError("url: names no file; SQLite needs one, as in sqlite:///lake/registry.sqlite")
    return parsed


def _engine(url: URL, **options: Any) -> Engine:
    try:
        return create_engine(url, **options)
    except (ModuleNotFoundError, NoSuchModuleError) as error:
        raise _no_driver(url.drivername, error) from error


def _connecting(url: URL) -> dict[str, Any]:
    """Options of libpq beside the URL: it waits for ever for a server that takes connections and says nothing."""
    if not url.drivername.partition("+")[2].startswith("psycopg"):
        return {}
    return {"connect_timeout": url.query.get("connect_timeout", str(_CONNECT_TIMEOUT_S))}


def _no_driver(name: str, error: Exception) -> RegistryUnavailableError:
    return RegistryUnavailableError(
        f"no driver for {name}: {error}; for PostgreSQL: pip install 'vp-registry[postgres]' "
        "and a URL that begins with postgresql+psycopg://"
    )


def _sqlite(url: URL, file: Path, mode: str) -> Engine:
    """An engine whose connections open `file` as SQLite's `mode` says: rw does not create it, rwc does."""
    # no pool: a connection of SQLite is an open file, and must not be carried into a forked process
    engine = _engine(url, poolclass=NullPool)

    def opened(_dialect: object, _record: object, arguments: list[Any], options: dict[str, Any]) -> None:
        arguments[0] = f"{file.absolute().as_uri()}?mode={mode}"
        options["uri"] = True

    event.listen(engine, "do_connect", opened)
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
