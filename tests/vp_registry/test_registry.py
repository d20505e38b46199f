"""Promotion, resolution, moves, rollback and history."""

from __future__ import annotations

import datetime as dt
import itertools
import os
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from vp_contract import parse_published
from vp_registry import (
    AliasMovedError,
    Registry,
    RegistryParameterError,
    RollbackError,
    ServingConflictError,
    ServingIntegrityError,
    UnknownServingError,
)


def _now() -> dt.datetime:
    return dt.datetime.now(dt.UTC)


def test_promote_then_resolve(registry: Registry, publishable: Any, versions_dir: Path) -> None:
    spec = publishable()
    promoted = registry.promote("live", spec, "ann", "first")
    assert (promoted.serving_id, promoted.alias, promoted.spec) == (spec.serving_id, "live", spec)
    assert registry.resolve("live") == promoted
    by_id = registry.resolve(spec.serving_id)
    assert (by_id.alias, by_id.spec) == (None, spec)
    (event,) = registry.history("live")
    assert (event.kind, event.from_id, event.to_id, event.actor, event.reason) == (
        *("promote", None, spec.serving_id, "ann", "first"),
    )
    assert event.time == promoted.promoted_at
    (version,) = registry.versions()
    assert (version.serving_id, version.spec_path) == (spec.serving_id, f"{spec.serving_id}.yaml")
    assert (version.source_run, version.experiment) == (spec.source.run_id, "tried")
    assert version.config_hash == spec.runtime.config_version
    assert [path.name for path in versions_dir.iterdir()] == [version.spec_path]


def test_another_process_sees_it(registry: Registry, publishable: Any, url: str, versions_dir: Path) -> None:
    registry.promote("live", publishable(), "ann")
    with closing(Registry(url, versions_dir)) as other:
        assert other.resolve("live") == registry.resolve("live")


def test_threads_that_want_one_serving_parse_its_file_once(
    registry: Registry, publishable: Any, url: str, versions_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    registry.promote("live", publishable(), "ann")
    calls = []

    def slow(data: bytes, *, file: str) -> Any:
        calls.append(file)
        time.sleep(0.2)
        return parse_published(data, file=file)

    monkeypatch.setattr("vp_registry.versions.parse_published", slow)
    with closing(Registry(url, versions_dir)) as other, ThreadPoolExecutor(4) as threads:
        found = list(threads.map(other.resolve, ["live"] * 4))
    assert len(calls) == 1
    assert all(one == found[0] for one in found)


def test_promoting_the_same_again_changes_nothing(registry: Registry, publishable: Any) -> None:
    first = registry.promote("live", publishable(), "ann")
    assert registry.promote("live", publishable(created="2027-01-01T00:00:00Z"), "bob") == first
    assert len(registry.history("live")) == len(registry.versions()) == 1
    second = registry.promote("paper", publishable(), "bob")
    assert second.serving_id == first.serving_id
    assert [entry.alias for entry in registry.aliases()] == ["live", "paper"]
    assert len(registry.versions()) == 1


def test_one_id_never_has_two_contents(registry: Registry, publishable: Any) -> None:
    registry.promote("live", publishable(), "ann")
    with pytest.raises(ServingConflictError, match=r"already published with other contents \(evidence differ\)"):
        registry.promote("live", publishable(tp_rate=0.9), "ann")
    assert registry.resolve("live").spec == publishable()


def test_unknown_names_list_the_aliases(registry: Registry, publishable: Any) -> None:
    with pytest.raises(UnknownServingError, match="known aliases: none yet"):
        registry.resolve("live")
    registry.promote("live", publishable(1), "ann")
    registry.promote("paper", publishable(2), "ann")
    with pytest.raises(UnknownServingError, match="no serving or alias 'lvie', known aliases: live, paper") as caught:
        registry.resolve("lvie")
    assert caught.value.known == ("live", "paper")
    with pytest.raises(UnknownServingError):
        registry.history("lvie")
    with pytest.raises(UnknownServingError):
        registry.rollback("lvie")


@given(name=st.text(max_size=120))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=50, deadline=None)
def test_any_name_is_known_or_unknown(registry: Registry, name: str) -> None:
    with pytest.raises(UnknownServingError):
        registry.resolve(name)


def test_moves_compare_and_swap(registry: Registry, publishable: Any) -> None:
    one, two = publishable(1).serving_id, publishable(2).serving_id
    registry.promote("live", publishable(1), "ann")
    registry.promote("paper", publishable(2), "ann")
    with pytest.raises(AliasMovedError, match=f"it is at {one}, and not at {two}"):
        registry.move("live", two, expected=two)
    with pytest.raises(AliasMovedError, match="not at nothing"):
        registry.move("live", two, expected=None)
    with pytest.raises(UnknownServingError):
        registry.move("live", "srv_tried_00000000_00000000", expected=one)
    assert registry.resolve("live").serving_id == one
    assert registry.move("live", two, expected=one, actor="bob").serving_id == two
    assert registry.move("fresh", one, expected=None).alias == "fresh"
    assert [event.kind for event in registry.history("live")] == ["promote", "move"]
    with pytest.raises(AliasMovedError):
        registry.promote("live", publishable(3), "ann", expected=one)
    assert len(registry.versions()) == 2, "a refused promotion publishes nothing"
    assert registry.promote("live", publishable(3), "ann", expected=two).serving_id == publishable(3).serving_id


def test_rollback_goes_further_back_each_time(registry: Registry, publishable: Any) -> None:
    ids = [registry.promote("live", publishable(n), "ann").serving_id for n in (1, 2, 3)]
    assert registry.rollback("live", "bob", "worse").serving_id == ids[1]
    assert registry.rollback("live").serving_id == ids[0]
    with pytest.raises(RollbackError, match="nothing before it"):
        registry.rollback("live")
    fourth = registry.promote("live", publishable(4), "ann").serving_id
    assert registry.rollback("live").serving_id == ids[0]
    events = registry.history("live")
    assert [event.to_id for event in events] == [*ids, ids[1], ids[0], fourth, ids[0]]
    assert [event.kind for event in events][3:5] == ["rollback", "rollback"]
    assert (events[3].actor, events[3].reason) == ("bob", "worse")
    assert all(before.to_id == after.from_id for before, after in itertools.pairwise(events))


def test_history_answers_what_was_served_when(registry: Registry, publishable: Any) -> None:
    before = _now()
    registry.promote("live", publishable(1), "ann")
    between = _now()
    registry.promote("live", publishable(2), "ann")
    assert registry.served_at("live", before) is None
    assert registry.served_at("live", between) == publishable(1).serving_id
    assert registry.served_at("live", _now()) == publishable(2).serving_id
    east = between.astimezone(dt.timezone(dt.timedelta(hours=9)))
    assert len(registry.history("live", east)) == 1
    with pytest.raises(RegistryParameterError, match="time zone"):
        registry.history("live", dt.datetime(2026, 2, 6))


def test_an_event_of_a_wrong_clock_does_not_set_the_time_of_later_ones(
    registry: Registry, publishable: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before, every later event was dated 2099 as well, and `history --at` knew nothing of it until then."""
    clock = "2026-02-06T14:00:00.000000Z"
    monkeypatch.setattr("vp_registry.registry._now_text", lambda: clock)
    ids = []
    for number, clock in enumerate(  # noqa: B007 # the clock is read by what is called
        ("2026-02-06T14:00:00.000000Z", "2099-01-01T00:00:00.000000Z", "2026-02-06T14:05:00.000000Z"), 1
    ):
        ids.append(registry.promote("live", publishable(number), "ann").serving_id)
    assert [event.time[:16] for event in registry.history("live")] == [
        *("2026-02-06T14:00", "2099-01-01T00:00", "2026-02-06T14:05"),
    ]
    assert registry.resolve("live").promoted_at == clock

    def at(minute: int) -> list[str]:
        moment = dt.datetime(2026, 2, 6, 14, minute, tzinfo=dt.UTC)
        return [event.to_id for event in registry.history("live", moment)]

    # the move of the wrong clock came before the one of 14:05, so that from then on both are shown
    assert at(4) == ids[:1]
    assert at(5) == ids
    assert registry.served_at("live", dt.datetime(2026, 2, 6, 14, 6, tzinfo=dt.UTC)) == ids[2]
    assert registry.rollback("live").serving_id == ids[1]


@pytest.mark.parametrize("alias", ["", "Live", "-x", "_x", "a b", "a" * 65, "srv_x", "a\n", "é"])
def test_aliases_that_are_no_names(registry: Registry, publishable: Any, alias: str) -> None:
    with pytest.raises(RegistryParameterError, match=r"alias=.*: must be 1 to 64"):
        registry.promote(alias, publishable(), "ann")


def test_arguments_of_a_wrong_type_are_named(registry: Registry, publishable: Any) -> None:
    calls: list[tuple[str, Any]] = [
        ("alias", lambda: registry.promote(3, publishable(), "ann")),  # type: ignore[arg-type]
        ("spec", lambda: registry.promote("live", "small.yaml", "ann")),  # type: ignore[arg-type]
        ("actor", lambda: registry.promote("live", publishable(), 3)),  # type: ignore[arg-type]
        ("reason", lambda: registry.promote("live", publishable(), "ann", None)),  # type: ignore[arg-type]
        ("actor", lambda: registry.promote("live", publishable(), "\ud800")),
        ("name", lambda: registry.resolve(None)),  # type: ignore[arg-type]
        ("alias", lambda: registry.history(None)),  # type: ignore[arg-type]
        ("at", lambda: registry.history("live", "2026-02-06")),  # type: ignore[arg-type]
    ]
    for name, call in calls:
        with pytest.raises(RegistryParameterError, match=f"^{name}: "):
            call()


def test_actor_and_reason(registry: Registry, publishable: Any) -> None:
    for actor, reason in (("", ""), (" ", ""), ("x" * 129, ""), ("a\0", ""), ("ann", "x" * 1001)):
        with pytest.raises(RegistryParameterError):
            registry.promote("live", publishable(), actor, reason)
    registry.promote("live", publishable())
    assert registry.history("live")[0].actor


def test_edited_missing_and_swapped_files_are_refused(registry: Registry, publishable: Any, versions_dir: Path) -> None:
    first = registry.promote("live", publishable(1), "ann")
    second = registry.promote("paper", publishable(2), "ann")
    path = versions_dir / f"{first.serving_id}.yaml"
    original = path.read_bytes()
    path.chmod(0o644)
    for damage in (
        original.replace(b"tp_rate: 0.41", b"tp_rate: 0.91"),
        original + b"\n",
        original[:-1],
        b"",
        (versions_dir / f"{second.serving_id}.yaml").read_bytes(),
    ):
        path.write_bytes(damage)
        for name in ("live", first.serving_id):
            with pytest.raises(ServingIntegrityError, match=r"not the one that was published"):
                registry.resolve(name)
        with pytest.raises(ServingIntegrityError):
            registry.promote("live", publishable(1), "ann")
        with pytest.raises(ServingIntegrityError):
            registry.move("paper", first.serving_id, expected=second.serving_id)
    path.unlink()
    with pytest.raises(ServingIntegrityError, match="cannot be read"):
        registry.resolve("live")
    assert registry.resolve("paper").serving_id == second.serving_id
    path.write_bytes(original)
    assert registry.resolve("live").spec == publishable(1)


@pytest.mark.skipif(os.name == "nt", reason="Windows keeps read-only differently")
def test_files_are_read_only(registry: Registry, publishable: Any, versions_dir: Path) -> None:
    registry.promote("live", publishable(), "ann")
    (path,) = versions_dir.iterdir()
    assert path.stat().st_mode & 0o222 == 0


def test_leftovers_of_a_dead_writer_are_removed_when_old(
    registry: Registry, publishable: Any, versions_dir: Path
) -> None:
    versions_dir.mkdir()
    old, young = (versions_dir / f".making-00000000-{n}-ab-{publishable().serving_id}.yaml" for n in "12")
    other = versions_dir / ".making-00000000-3-ab-srv_other_00000000_00000000.yaml"
    for path in (old, young, other):
        path.write_bytes(b"half a fi")
    for path in (old, other):
        os.utime(path, (time.time() - 90_000, time.time() - 90_000))
    assert registry.leftovers() == (old.name, other.name)
    assert old.exists()
    registry.promote("live", publishable(), "ann")
    assert not old.exists()
    assert not other.exists(), "whatever serving it is of: that one may never be promoted again"
    assert young.exists()
    os.utime(young, (time.time() - 90_000, time.time() - 90_000))
    assert registry.leftovers(clean=True) == (young.name,)
    assert not young.exists()
