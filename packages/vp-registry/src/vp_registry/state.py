"""The whole registry at one moment, read and checked against its chain of events.

A registry is small: some hundred bytes for each time that anybody promoted anything. So every look-up reads all of it,
past every index, and holds it to the chain; only what has changed since the last look-up is hashed again. What does not
fit is refused as a whole: of a registry that somebody has edited nothing is believed.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, TypeAlias, cast

from sqlalchemy import Connection, Table, select

from vp_registry.entries import AliasEntry, ChainHead, EventKind, PromotionEvent, VersionEntry
from vp_registry.errors import RegistryIntegrityError
from vp_registry.hash_chain import START, event_digest, version_digest
from vp_registry.schema import promotion_events, serving_aliases, serving_versions

_ROWS: TypeAlias = list[tuple[Any, ...]]
_SERVING_ID: Final = re.compile(r"srv_[a-z0-9][a-z0-9_]{0,91}", re.ASCII)
_WAY_OUT: Final = "bring the registry back from a copy"


def file_name(serving_id: str) -> str:
    """The name of the file of a published serving, in the versions directory."""
    return f"{serving_id}.yaml"


@dataclass(frozen=True, slots=True)
class State:
    """Everything that the registry says: versions by id, aliases by name, events in order."""

    versions: Mapping[str, VersionEntry] = field(default_factory=dict)
    aliases: Mapping[str, AliasEntry] = field(default_factory=dict)
    events: Sequence[PromotionEvent] = ()

    @property
    def head(self) -> ChainHead:
        """The end of the chain."""
        return ChainHead(events=len(self.events), digest=self.events[-1].digest if self.events else START)

    def target(self, alias: str) -> str | None:
        """What an alias serves now."""
        entry = self.aliases.get(alias)
        return None if entry is None else entry.serving_id

    def history(self, alias: str) -> tuple[PromotionEvent, ...]:
        """The events of an alias in order."""
        return tuple(event for event in self.events if event.alias == alias)


class StateReader:
    """Reads the state in a transaction. What it has checked once it compares only. Safe across threads."""

    def __init__(self) -> None:
        # Each is replaced as a whole, for threads share them.
        self._last: tuple[list[_ROWS], State] = [[], [], []], State()
        self._checked: tuple[_ROWS, list[PromotionEvent]] = [], []
        self._digests: dict[tuple[Any, ...], str] = {}

    def load(self, connection: Connection) -> State:
        """The state, checked. Raises `RegistryIntegrityError` naming the first event that does not fit."""
        tables = serving_versions, promotion_events, serving_aliases
        found = [[tuple(row) for row in connection.execute(select(*table.c))] for table in tables]
        last, state = self._last
        if found == last:
            return state
        for table, of_table in zip(tables, found, strict=True):
            _check_types(table, of_table)
        state = self._checked_state(*found)
        self._last = found, state
        return state

    def _checked_state(self, version_rows: _ROWS, event_rows: _ROWS, alias_rows: _ROWS) -> State:
        rows = sorted(event_rows, key=_place)
        versions = {row[0]: VersionEntry(**_named(serving_versions, row)) for row in version_rows}
        digests = {row[0]: self._version_digest(row, versions[row[0]]) for row in version_rows}
        events = self._checked_events(rows, digests)
        aliases = {row[0]: AliasEntry(**_named(serving_aliases, row)) for row in alias_rows}
        _check_aliases(aliases, events)
        unnamed = sorted(versions.keys() - {event.to_id for event in events})
        if unnamed:
            raise RegistryIntegrityError(f"registry: no event published {unnamed[0]}, which it lists: {_WAY_OUT}")
        return State(versions, aliases, events)

    def _version_digest(self, row: tuple[Any, ...], version: VersionEntry) -> str:
        known = self._digests.get(row)
        if known is not None:
            return known
        if not _SERVING_ID.fullmatch(version.serving_id) or version.spec_path != file_name(version.serving_id):
            raise RegistryIntegrityError(
                f"registry: the row of {version.serving_id[:96]!r} names file {version.spec_path[:128]!r}, "
                f"which is not its own: {_WAY_OUT}"
            )
        digest = version_digest(version)
        self._digests[row] = digest
        return digest

    def _checked_events(self, rows: _ROWS, digests: Mapping[str, str]) -> list[PromotionEvent]:
        known_rows, known_events = self._checked
        shared = min(len(known_rows), len(rows))
        n_known = next((i for i in range(shared) if known_rows[i] != rows[i]), shared)
        events = known_events[:n_known]
        served: dict[str, str] = {}
        for event, row in zip(events, rows, strict=False):
            _check_version(event, row, digests)
            served[event.alias] = event.to_id
        for row in rows[n_known:]:
            event = _event(row)
            _check_version(event, row, digests)
            _check_link(event, row, events[-1].digest if events else START, served.get(event.alias))
            served[event.alias] = event.to_id
            events.append(event)
        self._checked = rows, events
        return events


def chained(rows: Sequence[Mapping[str, Any]], versions: Mapping[str, VersionEntry]) -> Iterator[dict[str, Any]]:
    """The columns of each event of a registry without a chain, in order, with those of the chain."""
    previous = START
    for row in rows:
        columns = {**row, "version_digest": version_digest(versions[row["to_id"]]), "previous": previous}
        previous = columns["digest"] = _digest_of(columns)
        yield columns


def next_event(
    state: State, *, alias: str, kind: EventKind, to_id: str, version: VersionEntry, actor: str, time: str, reason: str
) -> dict[str, Any]:
    """The columns of an event after the last of `state`."""
    columns: dict[str, Any] = {
        "seq": state.events[-1].seq + 1 if state.events else 1,
        "alias": alias,
        "kind": kind,
        "from_id": state.target(alias),
        "to_id": to_id,
        "actor": actor,
        "time": time,
        "reason": reason,
        "version_digest": version_digest(version),
        "previous": state.head.digest,
    }
    return {**columns, "digest": _digest_of(columns)}


def _digest_of(columns: Mapping[str, Any]) -> str:
    names = ("seq", "alias", "kind", "from_id", "to_id", "actor", "time", "reason")
    return event_digest(
        columns["previous"], version=columns["version_digest"], **{name: columns[name] for name in names}
    )


def _check_types(table: Table, rows: _ROWS) -> None:
    """Raise `RegistryIntegrityError` unless each value is of the type of its column."""
    columns = [(column.name, column.type.python_type, column.nullable) for column in table.c]
    for row in rows:
        for value, (name, kind, nullable) in zip(row, columns, strict=True):
            if type(value) is not kind and not (value is None and nullable):
                raise RegistryIntegrityError(
                    f"registry: {table.name}.{name} holds {str(value)[:80]!r}, which is no {kind.__name__}: {_WAY_OUT}"
                )


def _named(table: Table, row: tuple[Any, ...]) -> dict[str, Any]:
    names = ("serving_id" if column.name == "id" else column.name for column in table.c)
    return dict(zip(names, row, strict=True))


def _place(row: tuple[Any, ...]) -> int:
    return cast("int", row[0])


def _event(row: tuple[Any, ...]) -> PromotionEvent:
    columns = _named(promotion_events, row)
    del columns["version_digest"], columns["previous"]
    return PromotionEvent(**columns)


def _check_version(event: PromotionEvent, row: tuple[Any, ...], digests: Mapping[str, str]) -> None:
    found = digests.get(event.to_id)
    if found is None:
        raise _unfit(event, f"its version {event.to_id} is gone")
    if found != _named(promotion_events, row)["version_digest"]:
        raise _unfit(event, f"the row of its version {event.to_id} is not the one it was made with")


def _check_link(event: PromotionEvent, row: tuple[Any, ...], previous: str, served: str | None) -> None:
    columns = _named(promotion_events, row)
    if columns["previous"] != previous:
        raise _unfit(event, "it does not follow the event before it: one was changed, taken out or put in")
    if columns["digest"] != _digest_of(columns):
        raise _unfit(event, "its digest is not that of what it holds")
    if event.from_id != served:
        raise _unfit(event, f"it moves the alias from {event.from_id or 'nothing'}, which served {served or 'nothing'}")


def _check_aliases(aliases: Mapping[str, AliasEntry], events: Sequence[PromotionEvent]) -> None:
    last = {event.alias: event for event in events}
    for name in sorted(aliases.keys() | last.keys()):
        entry, event = aliases.get(name), last.get(name)
        if event is None:
            raise RegistryIntegrityError(f"registry: no event ever set alias {name[:64]!r}: {_WAY_OUT}")
        if entry is None or (entry.serving_id, entry.updated) != (event.to_id, event.time):
            found = "is gone" if entry is None else f"serves {entry.serving_id} since {entry.updated}"
            raise _unfit(event, f"it is the last of alias {name}, which {found} in the table of aliases")


def _unfit(event: PromotionEvent, problem: str) -> RegistryIntegrityError:
    return RegistryIntegrityError(
        f"registry: event {event.seq} ({event.kind} of alias {event.alias} to {event.to_id} at {event.time}) does not "
        f"fit: {problem}; {_WAY_OUT}"
    )
