"""Whatever is changed in a registry behind its back is found, and nothing of it is believed."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import random
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import create_engine
from sqlalchemy.pool import NullPool

from vp_contract import dump_published
from vp_registry import (
    Registry,
    RegistryIntegrityError,
    RegistryUnavailableError,
    ServingIntegrityError,
    UnknownServingError,
    VpRegistryError,
)
from vp_registry.hash_chain import START

FLIPS = 300


def change(url: str, *statements: str) -> None:
    """Run statements as somebody who owns the database: without its triggers."""
    engine = create_engine(url, poolclass=NullPool)
    with engine.begin() as connection:
        if engine.dialect.name == "sqlite":
            for (name,) in connection.exec_driver_sql("SELECT name FROM sqlite_master WHERE type = 'trigger'").all():
                connection.exec_driver_sql(f"DROP TRIGGER {name}")
        else:
            for table in ("serving_versions", "promotion_events"):
                connection.exec_driver_sql(f"DROP TRIGGER {table}_append_only ON {table}")
        for statement in statements:
            connection.exec_driver_sql(statement)


@pytest.fixture
def ids(registry: Registry, publishable: Any) -> list[str]:
    """`live` went from the first to the second serving, `paper` is at the third."""
    registry.promote("live", publishable(1), "ann", "first")
    registry.promote("live", publishable(2), "bob", "second")
    registry.promote("paper", publishable(3), "ann")
    return [publishable(number).serving_id for number in (1, 2, 3)]


def answers(registry: Registry) -> dict[str, Any]:
    """Everything a registry can be asked."""
    aliases = registry.aliases()
    versions = registry.versions()
    names = [*(entry.alias for entry in aliases), *(version.serving_id for version in versions)]
    return {
        "aliases": aliases,
        "versions": versions,
        "history": {entry.alias: registry.history(entry.alias) for entry in aliases},
        "resolved": {name: registry.resolve(name) for name in names},
        "runs": registry.aliases_by_run(),
    }


def test_the_chain_can_be_computed_from_its_description(registry: Registry, ids: list[str]) -> None:
    def sha256(*values: object) -> str:
        return hashlib.sha256(json.dumps(values, separators=(",", ":")).encode()).hexdigest()

    versions = {
        v.serving_id: sha256(
            v.serving_id, v.spec_path, v.spec_sha256, v.source_run, v.experiment, v.config_hash, v.created
        )
        for v in registry.versions()
    }
    events = sorted([*registry.history("live"), *registry.history("paper")], key=lambda event: event.seq)
    link = START
    for e in events:
        link = sha256(link, e.seq, e.alias, e.kind, e.from_id, e.to_id, versions[e.to_id], e.actor, e.time, e.reason)
        assert e.digest == link
    assert (registry.head().events, registry.head().digest) == (3, link)


LIVE, PAPER = "WHERE alias = 'live'", "WHERE alias = 'paper'"
CHANGES = {
    "an alias moved without an event": (
        f"UPDATE serving_aliases SET serving_id = (SELECT serving_id FROM serving_aliases {PAPER}) {LIVE}",
        r"event 2 .*is the last of alias live",
    ),
    "the time of an alias": (
        f"UPDATE serving_aliases SET updated = '2026-01-01T00:00:00.000000Z' {LIVE}",
        r"event 2 .*since 2026-01-01",
    ),
    "an alias taken out": (f"DELETE FROM serving_aliases {PAPER}", r"event 3 .*is gone in the table of aliases"),
    "an alias put in": (
        "INSERT INTO serving_aliases SELECT 'fresh', serving_id, updated FROM serving_aliases WHERE alias = 'live'",
        "no event ever set alias 'fresh'",
    ),
    "an actor": ("UPDATE promotion_events SET actor = 'eve' WHERE seq = 2", "event 2 .*its digest is not"),
    "a reason": ("UPDATE promotion_events SET reason = '' WHERE seq = 1", "event 1 .*its digest is not"),
    "a time": (
        "UPDATE promotion_events SET time = '2026-01-01T00:00:00.000000Z' WHERE seq = 1",
        "event 1 .*its digest is not",
    ),
    "an event taken out": ("DELETE FROM promotion_events WHERE seq = 1", "event 2 .*does not follow"),
    "the order of events": (
        "UPDATE promotion_events SET seq = 10 WHERE seq = 1",
        "event 2 .*does not follow",
    ),
    "the time of a version": (
        "UPDATE serving_versions SET created = '2026-01-01T00:00:00.000000Z'",
        "event 1 .*the row of its version",
    ),
    "the hash of a version": ("UPDATE serving_versions SET spec_sha256 = 'x'", "event 1 .*the row of its version"),
    "a version put in": (
        "INSERT INTO serving_versions SELECT 'srv_x_00000000_00000000', 'srv_x_00000000_00000000.yaml', spec_sha256, "
        "source_run, experiment, config_hash, created FROM serving_versions LIMIT 1",
        "no event published srv_x_00000000_00000000",
    ),
    "a version with the file of another": (
        "UPDATE serving_versions SET spec_path = (SELECT max(spec_path) FROM serving_versions)",
        "which is not its own",
    ),
    "a version with a file outside": ("UPDATE serving_versions SET spec_path = '../../notes.yaml'", "not its own"),
}


@pytest.mark.parametrize("what", CHANGES)
def test_the_first_event_that_does_not_fit_is_named(
    registry: Registry, url: str, versions_dir: Path, ids: list[str], publishable: Any, what: str
) -> None:
    statement, problem = CHANGES[what]
    change(url, statement)
    with closing(Registry(url, versions_dir)) as fresh:
        for opened in (registry, fresh):  # one that has checked the events before, and one that has not
            calls: list[Callable[[], object]] = [
                opened.aliases,
                opened.versions,
                opened.head,
                partial(opened.resolve, "live"),
                partial(opened.resolve, ids[0]),
                partial(opened.history, "paper"),
                partial(opened.promote, "live", publishable(4), "ann"),
                partial(opened.move, "paper", ids[0], expected=ids[2]),
                partial(opened.rollback, "live"),
            ]
            for call in calls:
                with pytest.raises(RegistryIntegrityError, match=problem):
                    call()
    assert not (versions_dir / f"{publishable(4).serving_id}.yaml").exists()


def test_an_id_is_never_a_path(registry: Registry, url: str, versions_dir: Path, ids: list[str]) -> None:
    """Not even by somebody who makes the whole row fit."""
    outside = versions_dir.parent / "outside.yaml"
    shutil.copyfile(versions_dir / f"{ids[2]}.yaml", outside)
    change(
        url,
        "INSERT INTO serving_versions SELECT '../outside', '../outside.yaml', spec_sha256, source_run, experiment, "
        f"config_hash, created FROM serving_versions WHERE id = '{ids[2]}'",
    )
    with pytest.raises(RegistryIntegrityError, match="not its own"):
        registry.resolve("live")


def test_a_file_of_another_serving_is_refused_though_every_hash_is_made_to_fit(
    registry: Registry, url: str, versions_dir: Path, publishable: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The id in the file is the row's: an earlier version took the file of any row whose hash was right."""
    foreign = dump_published(publishable(2))
    written = versions_dir / f"{publishable(1).serving_id}.yaml"

    def forge(_files: object, _spec: object) -> str:
        versions_dir.mkdir()
        written.write_bytes(foreign)
        return hashlib.sha256(foreign).hexdigest()

    monkeypatch.setattr("vp_registry.versions.VersionFiles.publish", forge)
    with pytest.raises(ServingIntegrityError, match=f"the file is of {publishable(2).serving_id}"):
        registry.promote("live", publishable(1), "ann")


def test_answers_for_clients_name_no_path(
    registry: Registry, url: str, versions_dir: Path, ids: list[str], tmp_path: Path
) -> None:
    (versions_dir / f"{ids[0]}.yaml").unlink()
    path = versions_dir / f"{ids[1]}.yaml"
    path.chmod(0o644)
    path.write_bytes(b"x")
    broken = tmp_path / "broken.sqlite"
    broken.write_bytes(b"no database" * 100)
    (tmp_path / "file").write_bytes(b"")
    asked: list[Callable[[], object]] = [
        lambda: registry.resolve(ids[0]),
        lambda: registry.resolve(ids[1]),
        Registry(f"sqlite:///{broken}", versions_dir).aliases,
        Registry(f"sqlite:///{tmp_path / 'file' / 'r.sqlite'}", versions_dir).aliases,
        Registry("postgresql+psycopg://vp:secret@127.0.0.1:1/none", versions_dir).aliases,
    ]
    for ask in asked:
        with pytest.raises(VpRegistryError) as caught:
            ask()
        for private in (str(tmp_path), str(versions_dir), "secret", "127.0.0.1"):
            assert private not in caught.value.public
        assert caught.value.public
        assert "secret" not in str(caught.value)
    change(url, "UPDATE promotion_events SET actor = 'eve'")
    with pytest.raises(RegistryIntegrityError) as found:
        registry.aliases()
    assert str(tmp_path) not in found.value.public


@pytest.mark.parametrize("url", ["sqlite"], indirect=True)
def test_no_flipped_bit_changes_an_answer(
    registry: Registry, database: Path, versions_dir: Path, ids: list[str]
) -> None:
    """The same answers, or an error that says what is wrong: of 300 flips 44 changed an alias, a time or an actor."""
    registry.move("paper", ids[0], expected=ids[2], actor="bob", reason="why")
    registry.rollback("paper", "ann")
    expected = answers(registry)
    whole = database.read_bytes()
    chance = random.Random(20260206)
    found = {"same": 0, "refused": 0}
    for number in range(FLIPS):
        flipped = bytearray(whole)
        bit = chance.randrange(8 * len(whole))
        flipped[bit // 8] ^= 1 << bit % 8
        database.write_bytes(flipped)
        # one that has seen the whole registry, as a server has, or one that has not
        fresh = Registry(f"sqlite:///{database.as_posix()}", versions_dir)
        fresh._files = registry._files  # parsing the same files anew 300 times shows nothing
        for opened in (registry, fresh) if number % 5 == 0 else (fresh,):
            try:
                assert answers(opened) == expected, f"bit {bit}"
                found["same"] += 1
            except (RegistryUnavailableError, RegistryIntegrityError):
                found["refused"] += 1
    assert min(found.values()) > FLIPS // 10
    database.write_bytes(whole)
    assert answers(registry) == expected


# --- what is not there ---


@pytest.mark.parametrize("url", ["sqlite"], indirect=True)
def test_reading_creates_no_database(registry: Registry, database: Path, publishable: Any) -> None:
    assert not registry.exists()
    assert (registry.aliases(), registry.versions()) == ((), ())
    assert registry.unlisted() == registry.leftovers() == ()
    with pytest.raises(UnknownServingError):
        registry.resolve("live")
    with pytest.raises(UnknownServingError):
        registry.history("live", dt.datetime.now(dt.UTC))
    assert not database.parent.exists()
    registry.promote("live", publishable(), "ann")
    assert registry.exists()
    database.unlink()
    with pytest.raises(RegistryUnavailableError):
        registry.resolve("live")
    assert not database.exists(), "nor does a server whose registry is taken away"


@pytest.mark.parametrize("url", ["postgresql"], indirect=True)
def test_reading_creates_no_tables(registry: Registry, url: str, publishable: Any) -> None:
    assert not registry.exists()
    assert registry.aliases() == ()
    registry.promote("live", publishable(), "ann")
    assert registry.exists()


@pytest.mark.parametrize("url", ["sqlite"], indirect=True)
def test_a_database_of_something_else_is_not_made_a_registry(
    registry: Registry, database: Path, publishable: Any
) -> None:
    database.parent.mkdir()
    with closing(sqlite3.connect(database)) as connection:
        connection.execute("CREATE TABLE notes (text)")
    before = database.read_bytes()
    for call in (registry.aliases, lambda: registry.promote("live", publishable(), "ann")):
        with pytest.raises(RegistryUnavailableError, match="the file is no registry"):
            call()
    assert database.read_bytes() == before


def test_version_files_that_no_row_names(registry: Registry, versions_dir: Path, ids: list[str]) -> None:
    shutil.copyfile(versions_dir / f"{ids[0]}.yaml", versions_dir / "srv_tried_ffffffff_00000000.yaml")
    assert registry.unlisted() == ("srv_tried_ffffffff_00000000",)
