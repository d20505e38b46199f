"""Published servings, aliases and their history."""

from __future__ import annotations

import datetime as dt
import getpass
import os
import re
from pathlib import Path
from typing import Any, Final

from sqlalchemy import Connection, insert, update

from vp_contract import PublishedServing
from vp_registry.database import Database
from vp_registry.entries import (
    ANY_TARGET,
    AliasEntry,
    AnyTarget,
    ChainHead,
    EventKind,
    PromotionEvent,
    ResolvedServing,
    VersionEntry,
)
from vp_registry.errors import (
    AliasMovedError,
    RegistryParameterError,
    RollbackError,
    UnknownServingError,
)
from vp_registry.schema import promotion_events, serving_aliases, serving_versions
from vp_registry.state import State, StateReader, file_name, next_event
from vp_registry.versions import VersionFiles, check_same

_ALIAS: Final = re.compile(r"[a-z0-9][a-z0-9_]{0,63}", re.ASCII)
_ID_PREFIX: Final = "srv_"
_TIME_FORMAT: Final = "%Y-%m-%dT%H:%M:%S.%fZ"
_MAX_ACTOR: Final = 128
_MAX_REASON: Final = 1000


class Registry:
    """The registry in one database and one directory of immutable files.

    Every method is one transaction; a writer excludes other writers, in this process and in others. Reading creates no
    database: a registry that is not there yet is an empty one. Each method holds what it reads to the chain of events,
    and raises `RegistryIntegrityError` when something does not fit, or `RegistryUnavailableError` when the database
    cannot be used.
    """

    def __init__(self, url: str, versions_dir: str | os.PathLike[str]) -> None:
        """`url` is a SQLAlchemy URL (SQLite file or PostgreSQL); the files are in `versions_dir`. Opens nothing yet."""
        self._database = Database(url)
        self._files = VersionFiles(Path(versions_dir))
        self._reader = StateReader()

    def exists(self) -> bool:
        """Whether anything was ever promoted here: a wrong URL has no registry behind it."""
        return self._database.exists()

    def promote(
        self,
        alias: str,
        spec: PublishedServing,
        actor: str | None = None,
        reason: str = "",
        *,
        expected: str | AnyTarget | None = ANY_TARGET,
    ) -> ResolvedServing:
        """Publish `spec` and point `alias` at it.

        The same run and config promoted again reuses what is published, and where the alias serves it already nothing
        is recorded. `actor` is by default the user of the operating system. With `expected`, a serving id or None for
        a new alias, the alias is moved only from there.

        Raises `ServingConflictError` when the id is published with other contents, `AliasMovedError`,
        `ServingIntegrityError` or `RegistryParameterError`.
        """
        _check_alias(alias)
        if not isinstance(spec, PublishedServing):
            raise RegistryParameterError(f"spec: must be a PublishedServing, is a {type(spec).__name__}")
        who = _checked_actor(actor)
        _check_text("reason", reason, _MAX_REASON)
        with self._database.write() as connection:
            state = self._reader.load(connection)
            current = state.target(alias)
            if not isinstance(expected, AnyTarget) and current != expected:
                raise AliasMovedError(alias, expected=expected, found=current)
            version = self._publish(connection, state, spec)
            if current != spec.serving_id:
                _point(connection, state, alias, "promote", version, who, reason)
            return self._resolved(self._reader.load(connection), alias)

    def resolve(self, name: str) -> ResolvedServing:
        """The serving of an alias or a serving id, its file checked against the registry.

        Raises `UnknownServingError` listing the aliases, or `ServingIntegrityError` when the file is missing or edited.
        """
        _check_type("name", name)
        return self._resolved(self._state(), name)

    def move(
        self, alias: str, serving_id: str, *, expected: str | None, actor: str | None = None, reason: str = ""
    ) -> ResolvedServing:
        """Point `alias` at a published serving if it now serves `expected` (None: if there is no such alias yet).

        Raises `AliasMovedError` when it serves another, `UnknownServingError` when the serving is not published, or
        `ServingIntegrityError` when its file is not in order.
        """
        _check_alias(alias)
        who = _checked_actor(actor)
        _check_text("reason", reason, _MAX_REASON)
        with self._database.write() as connection:
            state = self._reader.load(connection)
            current = state.target(alias)
            if current != expected:
                raise AliasMovedError(alias, expected=expected, found=current)
            version = state.versions.get(serving_id)
            if version is None:
                raise UnknownServingError(serving_id, sorted(state.aliases))
            self._files.read(version)
            if current != serving_id:
                _point(connection, state, alias, "move", version, who, reason)
            return self._resolved(self._reader.load(connection), alias)

    def rollback(
        self, alias: str, actor: str | None = None, reason: str = "", *, expected: str | AnyTarget = ANY_TARGET
    ) -> ResolvedServing:
        """Point `alias` back at what it served before; repeated, further back. With `expected`, a serving id, only if
        it serves that now.

        Raises `AliasMovedError` when it serves another, `RollbackError` when there is nothing earlier,
        `UnknownServingError` for an unknown alias, or `ServingIntegrityError` when the earlier file is not in order.
        """
        _check_type("alias", alias)
        who = _checked_actor(actor)
        _check_text("reason", reason, _MAX_REASON)
        with self._database.write() as connection:
            state = self._reader.load(connection)
            targets: list[str] = []
            for event in state.history(alias):
                if event.kind == "rollback":
                    targets.pop()
                else:
                    targets.append(event.to_id)
            if not targets:
                raise UnknownServingError(alias, sorted(state.aliases))
            if not isinstance(expected, AnyTarget) and targets[-1] != expected:
                raise AliasMovedError(alias, expected=expected, found=targets[-1])
            if len(targets) == 1:
                raise RollbackError(f"alias {alias} serves {targets[0]}, and there is nothing before it to go back to")
            version = state.versions[targets[-2]]
            self._files.read(version)
            _point(connection, state, alias, "rollback", version, who, reason)
            return self._resolved(self._reader.load(connection), alias)

    def history(self, alias: str, at: dt.datetime | None = None) -> tuple[PromotionEvent, ...]:
        """The events of an alias in the order they were made, which the chain keeps whatever the clocks said.

        With `at` (an aware datetime), those up to the last that is dated at or before then, whose `to_id` is what the
        alias served at that time. An event among them may be dated later: the clock of whoever made it was ahead, for
        the next one was made after it. Raises `UnknownServingError` for an alias that has never been, and gives nothing
        for a time before all its events.
        """
        _check_type("alias", alias)
        until = None if at is None else _utc_text(at)
        state = self._state()
        events = state.history(alias)
        if not events:
            raise UnknownServingError(alias, sorted(state.aliases))
        if until is None:
            return events
        count = max((i for i, event in enumerate(events, 1) if event.time <= until), default=0)
        return events[:count]

    def served_at(self, alias: str, at: dt.datetime) -> str | None:
        """Id of the serving that `alias` served at a time; None before its first event."""
        events = self.history(alias, at)
        return events[-1].to_id if events else None

    def aliases(self) -> tuple[AliasEntry, ...]:
        """All aliases, by name."""
        return tuple(entry for _, entry in sorted(self._state().aliases.items()))

    def versions(self) -> tuple[VersionEntry, ...]:
        """All published servings, oldest first."""
        return tuple(sorted(self._state().versions.values(), key=lambda version: (version.created, version.serving_id)))

    def aliases_by_run(self) -> dict[str, str]:
        """The first alias, by name, that serves each run, all of one moment."""
        state = self._state()
        found: dict[str, str] = {}
        for alias, entry in sorted(state.aliases.items()):
            found.setdefault(state.versions[entry.serving_id].source_run, alias)
        return found

    def head(self) -> ChainHead:
        """How many events there are, and the digest that holds them all: note it elsewhere, and whoever rewrites the
        whole registry is found out too.
        """
        return self._state().head

    def leftovers(self, *, clean: bool = False) -> tuple[str, ...]:
        """Names of the files that promotions left which died while writing them; with `clean` they are removed.

        The next promotion removes them too. Raises `ServingIntegrityError` when the directory cannot be read.
        """
        return tuple(path.name for path in self._files.leftovers(clean=clean))

    def unlisted(self) -> tuple[str, ...]:
        """Ids of version files that the registry does not list: a promotion died before its commit, they are of the
        registry of another lake, or the registry has lost them.

        Raises `ServingIntegrityError` when the directory cannot be read.
        """
        return tuple(sorted(self._files.ids() - self._state().versions.keys()))

    def close(self) -> None:
        """Close pooled connections. The registry can be used again after it."""
        self._database.close()

    def _state(self) -> State:
        if not self._database.exists():
            return State()
        with self._database.read() as connection:
            return self._reader.load(connection)

    def _publish(self, connection: Connection, state: State, spec: PublishedServing) -> VersionEntry:
        version = state.versions.get(spec.serving_id)
        if version is not None:
            check_same(self._files.read(version), spec)
            return version
        # the file is written inside the exclusive transaction: if we die before the commit, it is a file that no row
        # names, which serves nothing, and which the next promotion adopts
        sha256 = self._files.publish(spec)
        version = VersionEntry(
            serving_id=spec.serving_id,
            spec_path=file_name(spec.serving_id),
            spec_sha256=sha256,
            source_run=spec.source.run_id,
            experiment=spec.source.experiment,
            config_hash=spec.runtime.config_version,
            created=_now_text(),
        )
        connection.execute(
            insert(serving_versions).values(
                id=version.serving_id,
                spec_path=version.spec_path,
                spec_sha256=version.spec_sha256,
                source_run=version.source_run,
                experiment=version.experiment,
                config_hash=version.config_hash,
                created=version.created,
            )
        )
        return version

    def _resolved(self, state: State, name: str) -> ResolvedServing:
        entry = state.aliases.get(name)
        version = state.versions.get(name if entry is None else entry.serving_id)
        if version is None:
            raise UnknownServingError(name, sorted(state.aliases))
        return ResolvedServing(
            serving_id=version.serving_id,
            alias=None if entry is None else entry.alias,
            spec=self._files.read(version),
            promoted_at=version.created if entry is None else entry.updated,
        )


def _point(
    connection: Connection, state: State, alias: str, kind: EventKind, version: VersionEntry, actor: str, reason: str
) -> None:
    """Move the alias and record it as the next event, at the time the clock says."""
    target = version.serving_id
    event = next_event(
        state, alias=alias, kind=kind, to_id=target, version=version, actor=actor, time=_now_text(), reason=reason
    )
    moved: dict[str, Any] = {"serving_id": target, "updated": event["time"]}
    if alias not in state.aliases:
        connection.execute(insert(serving_aliases).values(alias=alias, **moved))
    else:
        connection.execute(update(serving_aliases).where(serving_aliases.c.alias == alias).values(**moved))
    connection.execute(insert(promotion_events).values(**event))


def _check_alias(alias: str) -> None:
    _check_type("alias", alias)
    if not _ALIAS.fullmatch(alias) or alias.startswith(_ID_PREFIX):
        raise RegistryParameterError(
            f"alias={alias[:80]!r}: must be 1 to 64 of a-z, 0-9 and _ that do not begin with {_ID_PREFIX} or _"
        )


def _checked_actor(actor: str | None) -> str:
    if actor is None:
        try:
            actor = getpass.getuser()
        except (OSError, KeyError):  # no name for this user id, as in many containers
            actor = "unknown"
    _check_text("actor", actor, _MAX_ACTOR)
    if not actor.strip():
        raise RegistryParameterError(f"actor={actor!r}: must be a name")
    return actor


def _check_text(name: str, value: str, longest: int) -> None:
    _check_type(name, value)
    if len(value) > longest or "\0" in value:
        raise RegistryParameterError(f"{name}: must be at most {longest} characters without NUL, has {len(value)}")
    try:
        value.encode()
    except UnicodeEncodeError as error:
        raise RegistryParameterError(f"{name}: must be Unicode text; character {error.start} is none") from None


def _check_type(name: str, value: object) -> None:
    if not isinstance(value, str):
        raise RegistryParameterError(f"{name}: must be text, is a {type(value).__name__}")


def _now_text() -> str:
    return _utc_text(dt.datetime.now(dt.UTC))


def _utc_text(moment: dt.datetime) -> str:
    if not isinstance(moment, dt.datetime):
        raise RegistryParameterError(f"at: must be a datetime, is a {type(moment).__name__}")
    if moment.tzinfo is None:
        raise RegistryParameterError(f"at={moment.isoformat()}: must have a time zone")
    return moment.astimezone(dt.UTC).strftime(_TIME_FORMAT)
