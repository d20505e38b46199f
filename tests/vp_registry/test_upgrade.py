"""A registry of vp-registry 0.1.0 gets its chain from whoever opens it first, or is refused and left as it is."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import NullPool
from support.old_registry import INSERT_EVENT, TIMES, make_old_registry

from vp_registry import Registry, RegistryIntegrityError, RegistryUnavailableError


def columns(url: str) -> list[str]:
    engine = create_engine(url, poolclass=NullPool)
    with engine.connect() as connection:
        return list(connection.execute(text("SELECT * FROM promotion_events")).keys())


def change(url: str, *statements: str) -> None:
    engine = create_engine(url, poolclass=NullPool)
    with engine.begin() as connection:
        for statement in statements:
            connection.exec_driver_sql(statement)


@pytest.fixture
def old(url: str, versions_dir: Path, publishable: Any) -> str:
    make_old_registry(url, versions_dir, publishable(1), publishable(2))
    return url


def test_it_says_what_it_said_and_goes_on(old: str, registry: Registry, publishable: Any) -> None:
    one, two = publishable(1).serving_id, publishable(2).serving_id
    events = registry.history("live")
    assert [(event.seq, event.kind, event.from_id, event.to_id, event.time) for event in events] == [
        (1, "promote", None, one, TIMES[0]),
        (2, "promote", one, two, TIMES[1]),
        (3, "rollback", two, one, TIMES[2]),
    ]
    assert registry.resolve("live").promoted_at == TIMES[2]
    assert [version.created for version in registry.versions()] == TIMES[:2]
    assert columns(old)[-3:] == ["version_digest", "previous", "digest"]
    registry.promote("live", publishable(3), "bob")
    assert [event.seq for event in registry.history("live")] == [1, 2, 3, 4]
    assert registry.history("live")[:3] == events


def test_its_triggers_are_there_again(old: str, registry: Registry) -> None:
    registry.aliases()
    for statement in ("UPDATE promotion_events SET actor = 'x'", "DELETE FROM promotion_events"):
        with pytest.raises(DBAPIError, match="append-only"):
            change(old, statement)


def test_the_version_before_cannot_write_into_it(old: str, registry: Registry, publishable: Any) -> None:
    registry.aliases()
    one = publishable(1).serving_id
    event = {"alias": "live", "kind": "move", "from_id": one, "to_id": one, "actor": "a", "time": "t", "reason": ""}
    engine = create_engine(old, poolclass=NullPool)
    with pytest.raises(DBAPIError), engine.begin() as connection:
        connection.execute(text(INSERT_EVENT), event)
    assert len(registry.history("live")) == 3


def test_those_who_come_at_once_upgrade_it_once(old: str, versions_dir: Path) -> None:
    seen: list[Any] = []

    def look() -> None:
        opened = Registry(old, versions_dir)
        try:
            seen.append((opened.head(), opened.history("live")))
        except Exception as error:  # noqa: BLE001 # a thread says what it met
            seen.append(error)
        opened.close()

    threads = [threading.Thread(target=look) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert seen == [seen[0]] * 4
    assert seen[0][0].events == 3


def test_an_alias_that_its_last_event_does_not_name_is_refused(old: str, registry: Registry, publishable: Any) -> None:
    change(old, f"UPDATE serving_aliases SET serving_id = '{publishable(2).serving_id}'")
    with pytest.raises(RegistryIntegrityError, match="not upgraded: alias live is at"):
        registry.resolve("live")
    assert "digest" not in columns(old)


@pytest.mark.parametrize("url", ["sqlite"], indirect=True)
def test_an_upgrade_that_fails_changes_nothing(
    old: str, registry: Registry, database: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = database.read_bytes()
    with monkeypatch.context() as patch:
        patch.setattr("vp_registry.state.chained", lambda *_: [{"seq": 1}])
        with pytest.raises(RegistryUnavailableError, match=r"vp-registry 0\.1 and cannot be upgraded"):
            registry.aliases()
    assert database.read_bytes() == before
    assert len(registry.history("live")) == 3


@pytest.mark.parametrize("url", ["sqlite"], indirect=True)
@pytest.mark.parametrize("column", ["actor", "seq"])
def test_tables_of_no_version_are_not_touched(
    old: str, registry: Registry, database: Path, publishable: Any, column: str
) -> None:
    change(old, f"ALTER TABLE promotion_events RENAME COLUMN {column} TO other")
    before = database.read_bytes()
    with pytest.raises(RegistryUnavailableError, match="table promotion_events is not one of this vp-registry"):
        registry.promote("live", publishable(3), "ann")
    assert database.read_bytes() == before
