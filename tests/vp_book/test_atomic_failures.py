"""Every operation of publishing made to fail once: what is there afterwards is the old or the new, never a part."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from support.failing_os import FAILURES, attempt, calls_of

from vp_book import atomic
from vp_book.atomic import StagedFile, remove_leftovers, remove_tree, replace_file, write_file

OLD, NEW = b"old" * 100, b"new" * 1000


def by_function(path: Path) -> None:
    write_file(path, lambda temporary: temporary.write_bytes(NEW))


def in_pieces(path: Path) -> None:
    with StagedFile(path) as staged:
        for start in range(0, len(NEW), 700):
            staged.write(NEW[start : start + 700])
        staged.publish()


def is_whole(path: Path) -> bool:
    """Whether nothing, all of the old or all of the new is there."""
    return not path.exists() or path.read_bytes() in (OLD, NEW)


KINDS: dict[str, Callable[[Path], object]] = {
    "new file": lambda path: write_file(path, NEW, read_only=True),
    "new file by a function": by_function,
    "replaced file": lambda path: replace_file(path, NEW),
    "file in pieces": in_pieces,
}
REPLACES = {"replaced file", "file in pieces"}


@pytest.mark.parametrize("failure", FAILURES)
@pytest.mark.parametrize("kind", KINDS)
def test_old_or_new_whatever_fails(tmp_path: Path, kind: str, failure: str, monkeypatch: pytest.MonkeyPatch) -> None:
    publish = KINDS[kind]
    calls = calls_of(lambda: publish(tmp_path / "count" / "it"))
    assert {"fsync", "open"} <= set(calls)
    for at, name in enumerate(calls):
        path = tmp_path / f"{at}" / "it"
        if kind in REPLACES:
            path.parent.mkdir()
            path.write_bytes(OLD)
        error = attempt(lambda path=path: publish(path), at, failure)  # type: ignore[misc]
        assert is_whole(path), (name, at)
        if isinstance(error, OSError):
            assert error.filename is not None, (name, at)
        if failure == "short":
            assert error is None
            assert path.read_bytes() == NEW
        # what a dead process left is seen as such once it is gone, and the next attempt succeeds
        monkeypatch.setattr(atomic, "_is_running", lambda pid: False)
        remove_leftovers(path.parent) if path.parent.exists() else None
        monkeypatch.undo()
        publish(path)
        assert is_whole(path)
        assert path.exists()
        if kind in REPLACES or error is not None:
            assert path.read_bytes() == NEW
        assert [entry.name for entry in path.parent.iterdir()] == ["it"], (name, at)


@pytest.mark.parametrize("kind", KINDS)
def test_nothing_gets_its_name_before_its_bytes_are_on_the_disk(tmp_path: Path, kind: str) -> None:
    calls = calls_of(lambda: KINDS[kind](tmp_path / "it"))
    named = next(i for i, name in enumerate(calls) if name in ("link", "rename", "replace"))
    assert "fsync" in calls[:named]
    assert "fsync" in calls[named:], "the name itself must be made durable too"
    remove_tree(tmp_path / "it")
    assert not (tmp_path / "it").exists()
