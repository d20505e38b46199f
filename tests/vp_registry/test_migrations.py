"""Schemas of the registry: what alembic makes of an earlier one, by whom, and what is refused."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, create_engine, inspect, text
from sqlalchemy.pool import NullPool
from support.old_registry import make_old_registry

from vp_registry import Registry, RegistryUnavailableError
from vp_registry.schema import HEAD, metadata
from vp_registry.upgrade import MADE_BY, layout_of, stamp, upgrade

TRIGGERS = {
    "sqlite": "SELECT name, tbl_name, sql FROM sqlite_master WHERE type = 'trigger' ORDER BY name",
    "postgresql": (
        "SELECT trigger_name, event_object_table, event_manipulation, action_timing, action_statement "
        "FROM information_schema.triggers ORDER BY 1, 3"
    ),
}

# Opens the registry in a process of its own, again and again, killed after one statement more each time, until it
# comes through; prints what others see of the database after each kill.
KILLED = """
import os, signal, sys
import alembic.command
from sqlalchemy import Engine, create_engine, event
from sqlalchemy.pool import NullPool
from vp_registry import Registry
from vp_registry.upgrade import layout_of
url, versions, step = sys.argv[1:]
for statements in range(1, 100, int(step)):
    child = os.fork()
    if not child:
        count = 0
        def executed(*_):
            global count
            count += 1
            if count == statements:
                os.kill(os.getpid(), signal.SIGKILL)
        with Registry(url, versions)._database._errors():
            event.listen(Engine, "after_cursor_execute", executed)
            Registry(url, versions).head()
        os._exit(0)
    _, status = os.waitpid(child, 0)
    engine = create_engine(url, poolclass=NullPool)
    with engine.connect() as connection:
        print(layout_of(connection).revision, "killed" if os.WIFSIGNALED(status) else "done", flush=True)
    if not os.WIFSIGNALED(status):
        break
"""

AT_ONCE = """
import os, sys
import alembic.command
from vp_registry import Registry
start, write = os.pipe()
children = []
for _ in range(2):
    child = os.fork()
    if not child:
        os.close(write)
        os.read(start, 1)
        print(Registry(*sys.argv[1:]).head().digest, flush=True)
        os._exit(0)
    children.append(child)
os.close(write)
assert [os.waitpid(child, 0)[1] for child in children] == [0] * 2
"""


def run(script: str, *arguments: object) -> list[str]:
    command = [sys.executable, "-c", script, *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def seen(connection: Connection) -> list[Any]:
    """Everything of the schema but its statements' blanks."""
    found = inspect(connection)
    tables = [
        (
            name,
            [(c["name"], str(c["type"]), c["nullable"]) for c in found.get_columns(name)],
            found.get_pk_constraint(name)["constrained_columns"],
            sorted(str(key) for key in found.get_foreign_keys(name)),
            sorted(str(check["sqltext"]) for check in found.get_check_constraints(name)),
            found.get_indexes(name),
        )
        for name in sorted(metadata.tables)
    ]
    return [*tables, connection.execute(text(TRIGGERS[connection.dialect.name])).fetchall()]


@pytest.fixture
def old(url: str, versions_dir: Path, publishable: Any) -> str:
    make_old_registry(url, versions_dir, publishable(1), publishable(2))
    return url


@pytest.fixture
def of_0_2(url: str, registry: Registry, publishable: Any) -> str:
    """The tables of 0.2 are today's, without the one that says so."""
    registry.promote("live", publishable(1), "ann")
    registry.promote("live", publishable(2), "ann")
    registry.rollback("live", "bob")
    change(url, "DROP TABLE vp_registry_schema")
    return url


def change(url: str, *statements: str) -> None:
    engine = create_engine(url, poolclass=NullPool)
    with engine.begin() as connection:
        for statement in statements:
            connection.exec_driver_sql(statement)


def revision_of(url: str) -> tuple[str | None, bool]:
    with create_engine(url, poolclass=NullPool).connect() as connection:
        found = layout_of(connection)
    return found.revision, found.stamped


def test_an_upgraded_database_is_like_a_new_one(old: str, registry: Registry) -> None:
    registry.head()
    with create_engine(old, poolclass=NullPool).begin() as connection:
        upgraded = seen(connection)
        for table in ("promotion_events", "serving_aliases", "serving_versions"):
            connection.exec_driver_sql(f"DROP TABLE {table}")
        metadata.create_all(connection)
        assert seen(connection) == upgraded
    assert revision_of(old) == (HEAD, True)


def test_every_revision_is_told_of_which_version_it_is() -> None:
    files = Path(sys.modules[upgrade.__module__].__file__ or "").with_name("migrations") / "versions"
    assert {path.name.split("_")[0] for path in files.glob("r*.py")} == set(MADE_BY)
    assert max(MADE_BY) == HEAD


def test_a_registry_of_0_2_keeps_its_history_and_says_from_now_on_what_it_is(
    of_0_2: str, versions_dir: Path, publishable: Any
) -> None:
    opened = Registry(of_0_2, versions_dir)
    before, head = opened.history("live"), opened.head()
    assert [event.kind for event in before] == ["promote", "promote", "rollback"]
    assert revision_of(of_0_2) == ("r2", False)  # a reader writes nothing
    opened.promote("live", publishable(3), "ann")
    assert revision_of(of_0_2) == ("r2", True)
    assert opened.history("live")[:3] == before
    assert opened.head().events == head.events + 1
    opened.close()


def test_processes_that_come_at_once_upgrade_it_once(old: str, versions_dir: Path) -> None:
    digests = run(AT_ONCE, old, versions_dir)
    assert digests == [digests[0]] * 2
    assert revision_of(old) == (HEAD, True)


def test_a_kill_leaves_the_old_schema_or_the_new_one(old: str, versions_dir: Path) -> None:
    before = Registry(old, versions_dir)
    step = 1 if os.environ.get("VP_EVERY_KILL") else 6
    *killed, last = run(KILLED, old, versions_dir, step)
    assert last == f"{HEAD} done"
    assert set(killed) <= {"r1 killed", f"{HEAD} killed"}
    assert killed.count("r1 killed") > 15 / step
    assert [event.kind for event in before.history("live")] == ["promote", "promote", "rollback"]
    before.close()


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (["r9"], "its schema is r9, of a later vp-registry; this one knows schemas up to r2"),
        (["x"], "table vp_registry_schema says 'x', which is no schema of any vp-registry"),
        ([], "table vp_registry_schema says nothing"),
        (["r1", "r2"], "table vp_registry_schema says 'r1', 'r2'"),
    ],
)
def test_a_schema_that_it_does_not_know_is_refused_and_left_alone(
    of_0_2: str, versions_dir: Path, publishable: Any, rows: list[str], message: str
) -> None:
    with create_engine(of_0_2, poolclass=NullPool).begin() as connection:
        stamp(connection)
        connection.exec_driver_sql("DELETE FROM vp_registry_schema")
        for row in rows:
            connection.exec_driver_sql(f"INSERT INTO vp_registry_schema VALUES ('{row}')")
    opened = Registry(of_0_2, versions_dir)
    for call in (
        lambda: opened.resolve("live"),
        lambda: opened.promote("live", publishable(3), "ann"),
        lambda: opened.exists(),
    ):
        with pytest.raises(RegistryUnavailableError, match=message) as refused:
            call()
        assert "\n" not in str(refused.value)
        assert of_0_2.rpartition("/")[2] not in refused.value.public
    opened.close()
    with create_engine(of_0_2, poolclass=NullPool).connect() as connection:
        assert connection.execute(text("SELECT count(*) FROM promotion_events")).scalar() == 3
        assert sorted(row[0] for row in connection.execute(text("SELECT * FROM vp_registry_schema"))) == rows
