"""Published servings, aliases and their history."""

from __future__ import annotations

import datetime as dt
import getpass
import os
import re
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Any, Final, Literal, TypeAlias

from sqlalchemy import Connection, Row, insert, select, update

from vp_contract import PublishedServing
from vp_registry.database import Database
from vp_registry.errors import (
    AliasMovedError,
    RegistryParameterError,
    RollbackError,
    UnknownServingError,
)
from vp_registry.schema import promotion_events, serving_aliases, serving_versions
from vp_registry.versions import VersionFiles, check_same

EventKind: TypeAlias = Literal["promote", "move", "rollback"]

_ALIAS: Final = re.compile(r"[a-z0-9][a-z0-9_]{0,63}", re.ASCII)
_NAME: Final = re.compile(r"[a-z0-9][a-z0-9_]{0,95}", re.ASCII)
_ID_PREFIX: Final = "srv_"
_TIME_FORMAT: Final = "%Y-%m-%dT%H:%M:%S.%fZ"
_MAX_ACTOR: Final = 128
_MAX_REASON: Final = 1000


class AnyTarget(Enum):
    """The type of `ANY_TARGET`."""

    ANY = "any"


ANY_TARGET: Final = AnyTarget.ANY
"""For `promote`'s `expected`: whatever the alias serves now."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ResolvedServing:
    """A published serving whose file has just been checked.

    `alias` is None when it was asked for by id. `promoted_at` is when the alias came to it, or for an id when it was
    published, as ISO 8601 text in UTC.
    """

    serving_id: str
    alias: str | None
    spec: PublishedServing
    promoted_at: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AliasEntry:
    """An alias and what it serves since when."""

    alias: str
    serving_id: str
    updated: str


@dataclass(frozen=True, slots=True, kw_only=True)
class VersionEntry:
    """A row of published servings."""

    serving_id: str
    spec_path: str
    spec_sha256: str
    source_run: str
    experiment: str
    config_hash: str
    created: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PromotionEvent:
    """One change of an alias. `from_id` is None for its first."""

    seq: int
    alias: str
    kind: EventKind
    from_id: str | None
    to_id: str
    actor: str
    time: str
    reason: str


class Registry:
    """The registry in one database and one directory of immutable files.

    Every method is one transaction; a writer excludes other writers, in this process and in others. All of them raise
    `RegistryUnavailableError` when the database cannot be used.
    """

    def __init__(self, url: str, versions_dir: str | os.PathLike[str]) -> None:
        """`url` is a SQLAlchemy URL (SQLite file or PostgreSQL); the files are in `versions_dir`. Opens nothing yet."""
        self._database = Database(url)
        self._files = VersionFiles(Path(versions_dir))

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
        who = _checked_actor(actor)
        _check_length("reason", reason, _MAX_REASON)
        with self._database.write() as connection:
            current = _target(connection, alias)
            if not isinstance(expected, AnyTarget) and current != expected:
                raise AliasMovedError(alias, expected=expected, found=current)
            self._publish(connection, spec)
            if current != spec.serving_id:
                _point(connection, alias, "promote", current, spec.serving_id, who, reason)
            return self._resolve_alias(connection, alias)

    def resolve(self, name: str) -> ResolvedServing:
        """The serving of an alias or a serving id, its file checked against the registry.

        Raises `UnknownServingError` listing the aliases, or `ServingIntegrityError` when the file is missing or edited.
        """
        with self._database.read() as connection:
            # anything could be asked for: what is no name is not sent to the database
            if _NAME.fullmatch(name):
                if _target(connection, name) is not None:
                    return self._resolve_alias(connection, name)
                row = _version_row(connection, name)
                if row is not None:
                    spec = self._files.read(row.spec_path, row.spec_sha256)
                    return ResolvedServing(serving_id=name, alias=None, spec=spec, promoted_at=row.created)
            raise UnknownServingError(name, _alias_names(connection))

    def move(
        self, alias: str, serving_id: str, *, expected: str | None, actor: str | None = None, reason: str = ""
    ) -> ResolvedServing:
        """Point `alias` at a published serving if it now serves `expected` (None: if there is no such alias yet).

        Raises `AliasMovedError` when it serves another, `UnknownServingError` when the serving is not published, or
        `ServingIntegrityError` when its file is not in order.
        """
        _check_alias(alias)
        who = _checked_actor(actor)
        _check_length("reason", reason, _MAX_REASON)
        with self._database.write() as connection:
            current = _target(connection, alias)
            if current != expected:
                raise AliasMovedError(alias, expected=expected, found=current)
            row = _version_row(connection, serving_id)
            if row is None:
                raise UnknownServingError(serving_id, _alias_names(connection))
            self._files.read(row.spec_path, row.spec_sha256)
            if current != serving_id:
                _point(connection, alias, "move", current, serving_id, who, reason)
            return self._resolve_alias(connection, alias)

    def rollback(self, alias: str, actor: str | None = None, reason: str = "") -> ResolvedServing:
        """Point `alias` back at what it served before; repeated, further back.

        Raises `RollbackError` when there is nothing earlier, `UnknownServingError` for an unknown alias, or
        `ServingIntegrityError` when the earlier file is not in order.
        """
        who = _checked_actor(actor)
        _check_length("reason", reason, _MAX_REASON)
        with self._database.write() as connection:
            targets: list[str] = []
            for row in _event_rows(connection, alias):
                if row.kind == "rollback":
                    targets.pop()
                else:
                    targets.append(row.to_id)
            if not targets:
                raise UnknownServingError(alias, _alias_names(connection))
            if len(targets) == 1:
                raise RollbackError(f"alias {alias} serves {targets[0]}, and there is nothing before it to go back to")
            current, previous = targets[-1], targets[-2]
            version = _version_row(connection, previous)
            if version is not None:
                self._files.read(version.spec_path, version.spec_sha256)
            _point(connection, alias, "rollback", current, previous, who, reason)
            return self._resolve_alias(connection, alias)

    def history(self, alias: str, at: dt.datetime | None = None) -> tuple[PromotionEvent, ...]:
        """The events of an alias, oldest first; with `at` (an aware datetime), those up to then.

        What it served at that time is the `to_id` of the last. Raises `UnknownServingError` for an alias that has never
        been, and gives nothing for a time before its first event.
        """
        until = None if at is None else _utc_text(at)
        with self._database.read() as connection:
            events = tuple(_event(row) for row in _event_rows(connection, alias))
            if not events:
                raise UnknownServingError(alias, _alias_names(connection))
        return events if until is None else tuple(event for event in events if event.time <= until)

    def served_at(self, alias: str, at: dt.datetime) -> str | None:
        """Id of the serving that `alias` served at a time; None before its first event."""
        events = self.history(alias, at)
        return events[-1].to_id if events else None

    def aliases(self) -> tuple[AliasEntry, ...]:
        """All aliases, by name."""
        with self._database.read() as connection:
            rows = connection.execute(select(serving_aliases).order_by(serving_aliases.c.alias)).all()
        return tuple(AliasEntry(alias=row.alias, serving_id=row.serving_id, updated=row.updated) for row in rows)

    def versions(self) -> tuple[VersionEntry, ...]:
        """All published servings, oldest first."""
        order = (serving_versions.c.created, serving_versions.c.id)
        with self._database.read() as connection:
            rows = connection.execute(select(serving_versions).order_by(*order)).all()
        return tuple(
            VersionEntry(
                serving_id=row.id,
                spec_path=row.spec_path,
                spec_sha256=row.spec_sha256,
                source_run=row.source_run,
                experiment=row.experiment,
                config_hash=row.config_hash,
                created=row.created,
            )
            for row in rows
        )

    def close(self) -> None:
        """Close pooled connections. The registry can be used again after it."""
        self._database.close()

    def _publish(self, connection: Connection, spec: PublishedServing) -> None:
        row = _version_row(connection, spec.serving_id)
        if row is not None:
            check_same(self._files.read(row.spec_path, row.spec_sha256), spec)
            return
        # the file is written inside the exclusive transaction: if we die before the commit, it is a file that no row
        # names, which serves nothing, and which the next promotion adopts
        sha256 = self._files.publish(spec)
        connection.execute(
            insert(serving_versions).values(
                id=spec.serving_id,
                spec_path=self._files.name(spec.serving_id),
                spec_sha256=sha256,
                source_run=spec.source.run_id,
                experiment=spec.source.experiment,
                config_hash=spec.runtime.config_version,
                created=_now_text(),
            )
        )

    def _resolve_alias(self, connection: Connection, alias: str) -> ResolvedServing:
        query = (
            select(serving_versions, serving_aliases.c.updated)
            .join(serving_aliases, serving_aliases.c.serving_id == serving_versions.c.id)
            .where(serving_aliases.c.alias == alias)
        )
        row = connection.execute(query).one()
        spec = self._files.read(row.spec_path, row.spec_sha256)
        return ResolvedServing(serving_id=row.id, alias=alias, spec=spec, promoted_at=row.updated)


def _point(
    connection: Connection, alias: str, kind: EventKind, current: str | None, target: str, actor: str, reason: str
) -> None:
    """Move the alias and record it, at a time not before its last event."""
    previous = connection.execute(
        select(promotion_events.c.time)
        .where(promotion_events.c.alias == alias)
        .order_by(promotion_events.c.seq.desc())
        .limit(1)
    ).scalar()
    time = max(_now_text(), previous or "")
    if current is None:
        connection.execute(insert(serving_aliases).values(alias=alias, serving_id=target, updated=time))
    else:
        connection.execute(
            update(serving_aliases).where(serving_aliases.c.alias == alias).values(serving_id=target, updated=time)
        )
    connection.execute(
        insert(promotion_events).values(
            alias=alias, kind=kind, from_id=current, to_id=target, actor=actor, time=time, reason=reason
        )
    )


def _target(connection: Connection, alias: str) -> str | None:
    return connection.execute(
        select(serving_aliases.c.serving_id).where(serving_aliases.c.alias == alias)
    ).scalar_one_or_none()


def _version_row(connection: Connection, serving_id: str) -> Row[Any] | None:
    return connection.execute(select(serving_versions).where(serving_versions.c.id == serving_id)).one_or_none()


def _event_rows(connection: Connection, alias: str) -> list[Row[Any]]:
    if not _ALIAS.fullmatch(alias):
        return []
    query = select(promotion_events).where(promotion_events.c.alias == alias).order_by(promotion_events.c.seq)
    return list(connection.execute(query).all())


def _alias_names(connection: Connection) -> list[str]:
    return list(connection.execute(select(serving_aliases.c.alias).order_by(serving_aliases.c.alias)).scalars())


def _event(row: Row[Any]) -> PromotionEvent:
    return PromotionEvent(
        seq=row.seq,
        alias=row.alias,
        kind=row.kind,
        from_id=row.from_id,
        to_id=row.to_id,
        actor=row.actor,
        time=row.time,
        reason=row.reason,
    )


def _check_alias(alias: str) -> None:
    if not _ALIAS.fullmatch(alias) or alias.startswith(_ID_PREFIX):
        raise RegistryParameterError(
            f"alias: expected 1 to 64 of a-z, 0-9 and _ not beginning with {_ID_PREFIX} or _, found {alias[:80]!r}"
        )


def _checked_actor(actor: str | None) -> str:
    if actor is None:
        try:
            actor = getpass.getuser()
        except (OSError, KeyError):  # no name for this user id, as in many containers
            actor = "unknown"
    if not actor.strip():
        raise RegistryParameterError("actor: expected a name, found none")
    _check_length("actor", actor, _MAX_ACTOR)
    return actor


def _check_length(name: str, value: str, longest: int) -> None:
    if len(value) > longest or "\0" in value:
        raise RegistryParameterError(f"{name}: expected at most {longest} characters without NUL, found {len(value)}")


def _now_text() -> str:
    return _utc_text(dt.datetime.now(dt.UTC))


def _utc_text(moment: dt.datetime) -> str:
    if moment.tzinfo is None:
        raise RegistryParameterError(f"at: expected a datetime with a time zone, found {moment.isoformat()}")
    return moment.astimezone(dt.UTC).strftime(_TIME_FORMAT)
