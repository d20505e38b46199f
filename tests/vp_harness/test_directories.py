"""Publishing whole directories or none, and every operation of that made to fail once."""

import stat
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from support.failing_os import FAILURES, attempt, calls_of

from vp_book import atomic
from vp_book.atomic import remove_leftovers, remove_tree
from vp_harness import directories
from vp_harness.directories import staged_directory

CRASH = """
import os, pathlib, sys
from vp_harness.directories import staged_directory
with staged_directory(pathlib.Path(sys.argv[1])) as staged:
    (staged.path / "half").write_bytes(b"half")
    os._exit(9)
"""
NEW = b"new" * 1000


def publish(path: Path) -> None:
    with staged_directory(path) as staged:
        for name in ("one", "two"):
            (staged.path / name).write_bytes(NEW)


def is_whole(path: Path) -> bool:
    return [(file.name, file.read_bytes()) for file in sorted(path.iterdir())] == [("one", NEW), ("two", NEW)]


@pytest.mark.parametrize("failure", [failure for failure in FAILURES if failure != "short"])
def test_all_or_nothing_whatever_fails(tmp_path: Path, failure: str, monkeypatch: pytest.MonkeyPatch) -> None:
    calls = calls_of(lambda: publish(tmp_path / "count" / "it"), directories)
    assert {"fsync", "open", "mkdir", "rename"} <= set(calls)
    for at, name in enumerate(calls):
        path = tmp_path / f"{at}" / "it"
        error = attempt(lambda path=path: publish(path), at, failure, directories)  # type: ignore[misc]
        assert not path.exists() or is_whole(path), (name, at)
        if isinstance(error, OSError):
            assert error.filename is not None, (name, at)
        # what a dead process left is seen as such once it is gone, and the next attempt succeeds
        monkeypatch.setattr(atomic, "_is_running", lambda pid: False)
        remove_leftovers(path.parent) if path.parent.exists() else None
        monkeypatch.undo()
        publish(path)
        assert is_whole(path)
        assert [entry.name for entry in path.parent.iterdir()] == ["it"], (name, at)


def test_no_directory_gets_its_name_before_its_bytes_are_on_the_disk(tmp_path: Path) -> None:
    calls = calls_of(lambda: publish(tmp_path / "it"), directories)
    named = calls.index("rename")
    assert calls[:named].count("fsync") >= 3
    assert "fsync" in calls[named:], "the name itself must be made durable too"
    remove_tree(tmp_path / "it")
    assert not (tmp_path / "it").exists()


def test_a_directory_appears_whole_with_read_only_files(tmp_path):
    final = tmp_path / "set"
    with staged_directory(final) as staged:
        (staged.path / "a").write_bytes(b"a")
        assert not final.exists()
    assert staged.published
    assert (final / "a").read_bytes() == b"a"
    assert not (final / "a").stat().st_mode & stat.S_IWUSR


def test_a_directory_that_fails_leaves_nothing(tmp_path):
    def fail():
        with staged_directory(tmp_path / "set") as staged:
            (staged.path / "a").write_bytes(b"a")
            raise ValueError("disk on fire")

    with pytest.raises(ValueError, match="disk on fire"):
        fail()
    assert list(tmp_path.iterdir()) == []


def test_of_many_writers_exactly_one_publishes(tmp_path):
    made = []
    barrier = threading.Barrier(8)

    def write(content):
        barrier.wait()
        with staged_directory(tmp_path / "set") as staged:
            (staged.path / "a").write_bytes(content)
        made.append(staged.published)

    threads = [threading.Thread(target=write, args=(bytes([i]),)) for i in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(made) == 1
    assert [entry.name for entry in tmp_path.iterdir()] == ["set"]


def test_what_a_dead_process_left_goes_and_work_in_progress_stays(tmp_path):
    assert subprocess.run([sys.executable, "-c", CRASH, str(tmp_path / "set")], check=False).returncode == 9
    assert len(list(tmp_path.iterdir())) == 1
    with staged_directory(tmp_path / "other") as staged:  # also cleans up before it begins
        assert [entry.name for entry in tmp_path.iterdir()] == [staged.path.name]
        assert remove_leftovers(tmp_path) == []
