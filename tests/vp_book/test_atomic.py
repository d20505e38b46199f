"""Publishing whole files or none."""

import os
import stat
import subprocess
import sys
import threading
import time

import pytest

from vp_book.atomic import StagedFile, remove_leftovers, sha256_file, write_file


def test_a_file_is_made_once_and_the_loser_keeps_the_winners(tmp_path):
    path = tmp_path / "deep" / "file"
    assert write_file(path, b"first", read_only=True)
    assert not write_file(path, b"second")
    assert path.read_bytes() == b"first"
    assert not path.stat().st_mode & stat.S_IWUSR
    assert [entry.name for entry in path.parent.iterdir()] == ["file"]


def test_a_writer_that_fails_leaves_nothing(tmp_path):
    def fail(path):
        path.write_bytes(b"half")
        raise ValueError("disk on fire")

    with pytest.raises(ValueError, match="disk on fire"):
        write_file(tmp_path / "file", fail)
    assert list(tmp_path.iterdir()) == []


def test_of_many_writers_exactly_one_publishes(tmp_path):
    made = []
    barrier = threading.Barrier(8)

    def publish(content):
        barrier.wait()
        made.append(write_file(tmp_path / "file", content))

    threads = [threading.Thread(target=publish, args=(bytes([i]),)) for i in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(made) == 1
    assert [entry.name for entry in tmp_path.iterdir()] == ["file"]


CRASH = """
import os, pathlib, sys
from vp_book.atomic import StagedFile
StagedFile(pathlib.Path(sys.argv[1])).write(b"half")
os._exit(9)
"""


def test_what_a_dead_process_left_goes_and_work_in_progress_stays(tmp_path):
    assert subprocess.run([sys.executable, "-c", CRASH, str(tmp_path / "file")], check=False).returncode == 9
    assert len(list(tmp_path.iterdir())) == 1
    with StagedFile(tmp_path / "other") as staged:  # also cleans up before it begins
        staged.write(b"half")
        assert [entry.name for entry in tmp_path.iterdir()] == [staged.path.name]
        assert remove_leftovers(tmp_path) == []


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX file times")
def test_leftovers_of_another_machine_go_after_a_day(tmp_path):
    left = tmp_path / ".making-00000000-1-abcd-set"
    left.mkdir()
    assert remove_leftovers(tmp_path) == []
    os.utime(left, (time.time() - 90_000,) * 2)
    assert remove_leftovers(tmp_path) == [left]


def test_sha256_of_a_file(tmp_path):
    (tmp_path / "a").write_bytes(b"abc")
    assert sha256_file(tmp_path / "a") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
