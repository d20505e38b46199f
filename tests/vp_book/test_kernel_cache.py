"""Compiled kernels on disk: valid for the code that is imported, whole or not there, compiled by one process."""

from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numba
import numpy as np
import pytest
from support.little_package import KERNELS, Little, Ran, finish
from support.packages import ROOT

import vp_book
from vp_book import kernel_cache, kernel_files

AT_1, AT_5 = [30.0, 60.0], [70.0, 140.0]
zipped_or_not = pytest.mark.parametrize("zipped", [False, True], ids=["directory", "zip"])
posix = pytest.mark.skipif(sys.platform == "win32", reason="owners and modes of POSIX")


def no_privileges() -> list[str]:
    """A prefix of a command for which permission bits count, also when the tests run as root."""
    return [] if os.geteuid() else ["setpriv", "--bounding-set=-all", "--inh-caps=-all"]


def kept(cache: Path) -> list[Path]:
    return sorted(path for path in cache.rglob("little.*-*") if path.is_file())


@zipped_or_not
def test_a_kernel_is_compiled_anew_when_a_piece_in_another_module_changes(tmp_path: Path, zipped: bool) -> None:
    little = Little(tmp_path, zipped=zipped, cache=tmp_path / "cache")
    assert little.run() == Ran(AT_1, 0, KERNELS, [])
    assert little.run() == Ran(AT_1, KERNELS, 0, [])
    little.add(5.0)
    assert little.run() == Ran(AT_5, 0, KERNELS, [])
    little.add(1.0)
    assert little.run() == Ran(AT_1, KERNELS, 0, [])  # both are kept


def test_kernels_lie_beside_the_package_when_nothing_else_is_said(tmp_path: Path) -> None:
    little = Little(tmp_path)
    assert little.run().compiled == KERNELS
    assert len(kept(little.folder / "__pycache__")) == KERNELS


@pytest.mark.parametrize("damages", [("cut", "flipped"), ("foreign", "empty")], ids=" and ".join)
def test_a_damaged_file_is_compiled_anew(tmp_path: Path, damages: tuple[str, str]) -> None:
    little = Little(tmp_path, cache=tmp_path / "cache")
    little.run()
    for path, damage in zip(kept(tmp_path / "cache"), damages, strict=True):
        whole = path.read_bytes()
        middle = len(whole) // 2
        flipped = whole[:middle] + bytes([whole[middle] ^ 1]) + whole[middle + 1 :]
        path.write_bytes({"cut": whole[:middle], "flipped": flipped, "foreign": b"x" * 999, "empty": b""}[damage])
    ran = little.run()
    assert (ran.result, ran.loaded, ran.compiled) == (AT_1, 0, KERNELS)
    assert ran.warnings
    assert all("is damaged" in warning for warning in ran.warnings)
    assert little.run() == Ran(AT_1, KERNELS, 0, [])


@posix
@zipped_or_not
def test_without_a_place_of_its_own_the_cache_is_a_private_directory_among_the_temporary_files(
    tmp_path: Path, zipped: bool
) -> None:
    little = Little(tmp_path, zipped=zipped)
    temporary = nothing_but_temporary(little, tmp_path)
    assert little.run(*no_privileges()) == Ran(AT_1, 0, KERNELS, [])
    assert little.run(*no_privileges()) == Ran(AT_1, KERNELS, 0, [])
    (place,) = temporary.iterdir()
    assert stat.S_IMODE(place.stat().st_mode) == 0o700
    assert len(kept(place)) == KERNELS


def nothing_but_temporary(little: Little, root: Path) -> Path:
    """Take package and home away from the package's processes, and give them a directory for temporary files."""
    little.folder.chmod(0o555)
    temporary = root / "temporary"
    temporary.mkdir(mode=0o755)
    home = root / "home"
    home.touch()
    little.environment |= {"HOME": str(home), "TMPDIR": str(temporary)}
    little.environment.pop("XDG_CACHE_HOME", None)
    return temporary


@posix
def test_a_directory_that_another_could_have_prepared_is_neither_read_nor_used(tmp_path: Path) -> None:
    little = Little(tmp_path)
    temporary = nothing_but_temporary(little, tmp_path)
    little.run(*no_privileges())
    (place,) = temporary.iterdir()
    place.rename(tmp_path / "elsewhere")
    place.symlink_to(tmp_path / "elsewhere")
    ran = little.run(*no_privileges())
    assert (ran.result, ran.loaded, ran.compiled) == (AT_1, 0, KERNELS)
    assert ran.warnings == ["no directory takes the kernels of little: set NUMBA_CACHE_DIR to one of your own"]


@posix
def test_only_a_directory_of_the_user_alone_is_trusted(tmp_path: Path) -> None:
    place = kernel_files.Place(tmp_path / "mine", private=True)
    place.make()
    assert place.trusted()
    for mode in (0o770, 0o707, 0o722):
        place.path.chmod(mode)
        assert not place.trusted()
    (tmp_path / "file").touch()
    assert not kernel_files.Place(tmp_path / "file", private=True).trusted()
    if not os.geteuid():  # only root can give a directory away
        place.path.chmod(0o700)
        os.chown(place.path, 65534, 65534)
        assert not place.trusted()


@posix
def test_temporary_files_that_anybody_may_rename_are_no_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    places = kernel_files.places.__wrapped__
    assert [place.path.parent for place in places("vp_book", "/chosen")] == [Path("/"), tmp_path]
    tmp_path.chmod(0o777)
    assert [place.path for place in places("vp_book", "/chosen")] == [Path("/chosen")]
    tmp_path.chmod(0o1777)
    assert len(places("vp_book", "/chosen")) == 2


def test_no_home_at_all_is_no_place(monkeypatch: pytest.MonkeyPatch) -> None:
    def homeless() -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr(kernel_files, "user_cache", homeless)
    beside, temporary = kernel_files.places.__wrapped__("vp_book", "")
    assert beside.path == Path(kernel_files.__file__).parent / "__pycache__"
    assert temporary.private


@posix
def test_kernels_that_came_with_a_read_only_package_are_used(tmp_path: Path) -> None:
    little = Little(tmp_path)
    little.run()
    nothing_but_temporary(little, tmp_path)
    (little.folder / "__pycache__").chmod(0o555)
    assert little.run(*no_privileges()) == Ran(AT_1, KERNELS, 0, [])


def test_many_cold_processes_compile_each_kernel_once(tmp_path: Path) -> None:
    little = Little(tmp_path, cache=tmp_path / "cache")
    processes = [little.start() for _ in range(4)]
    ran = [finish(process) for process in processes]
    assert all(one.result == AT_1 for one in ran)
    assert sum(one.compiled for one in ran) == KERNELS
    assert sum(one.loaded for one in ran) == 3 * KERNELS
    assert not any(one.warnings for one in ran)


HOLDING = """
import contextlib, time
from pathlib import Path
stack = contextlib.ExitStack()
stack.enter_context(outer._cache.turn((), outer.targetctx))
Path({flag!r}).touch()
time.sleep(600)
"""


def holding(little: Little, flag: Path) -> subprocess.Popen[str]:
    """A process that has the lock, as one that compiles has."""
    process = little.start(before=HOLDING.format(flag=str(flag)))
    while not flag.exists():
        assert process.poll() is None, process.communicate()
    return process


def test_a_killed_compiler_blocks_nobody(tmp_path: Path) -> None:
    little = Little(tmp_path, cache=tmp_path / "cache")
    holder = holding(little, tmp_path / "flag")
    waiting = little.start(before="kernel_cache.WAIT_S = 1e9")
    (next((tmp_path / "cache").iterdir()) / "little.outer.outer-0.1.half").touch()
    holder.kill()
    holder.communicate()
    assert finish(waiting) == Ran(AT_1, 0, KERNELS, [])
    assert not list(tmp_path.rglob("*.half"))


@posix
def test_who_has_waited_too_long_compiles_for_itself(tmp_path: Path) -> None:
    little = Little(tmp_path, cache=tmp_path / "cache")
    holder = holding(little, tmp_path / "flag")
    holder.send_signal(signal.SIGSTOP)
    ran = little.run(before="kernel_cache.WAIT_S = 0.2")
    holder.kill()
    holder.communicate()
    assert (ran.result, ran.compiled) == (AT_1, KERNELS)
    assert all("another process has not done so in 0.2 s" in warning for warning in ran.warnings)
    assert len(ran.warnings) == KERNELS


def test_older_code_leaves_a_few_directories_and_no_more(tmp_path: Path) -> None:
    for number in range(12):
        folder = tmp_path / f"little-{number:016x}"
        folder.mkdir()
        (folder / "lock").touch()
        os.utime(folder / "lock", (number, number))
    (tmp_path / "little-other").mkdir()  # no lock: none of ours
    little = tmp_path / "sources"
    little.mkdir()
    Little(little, cache=tmp_path).run()
    left = {path.name for path in tmp_path.glob("little-*")}
    assert {f"little-{number:016x}" for number in range(4, 12)} | {"little-other"} < left
    assert len(left) == 10


def test_a_kernel_that_is_made_again_may_come_of_other_sources_and_is_not_kept() -> None:
    best_bid: Any = vp_book.book.levels.best_bid
    kernels: list[Any] = [kernel_cache.cached(numba.njit(best_bid.py_func)) for _ in range(2)]
    assert [kernel.stats.cache_path for kernel in kernels] == [None, None]
    assert best_bid.stats.cache_path is not None


def test_numba_still_has_the_names_that_the_cache_needs() -> None:
    """Without them everything runs, but nothing is kept on disk: see what took their place."""
    assert kernel_cache.missing_names(numba.njit(lambda x: x)) == []


def test_numba_still_has_the_option_that_leaves_reference_counting_out() -> None:
    """Without it everything runs, at a fraction of the speed: see what took its place."""

    def rest(x: np.ndarray) -> np.ndarray:
        return x[1:]

    assert numba.njit(rest)(np.zeros(3)).size == 2
    with pytest.raises(numba.errors.NumbaTypeError, match="Only accept returning of array passed"):
        numba.njit(**kernel_cache.uncounted())(rest)(np.zeros(3))


def test_with_another_numba_kernels_work_and_the_log_says_that_they_are_not_kept(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    names = kernel_cache.numba_names()
    monkeypatch.setattr(kernel_cache, "numba_names", lambda: type(names)(**{**vars(names), "loads": None}))
    assert kernel_cache.cached(numba.njit(lambda x: x + 1))(1) == 2
    assert [record.getMessage() for record in caplog.records] == [
        f"compiled kernels are not kept on disk: numba {numba.__version__} lacks loads"
    ]


def test_the_copies_of_the_module_are_the_same() -> None:
    copies = sorted(ROOT.glob("*/*/src/*/kernel_cache.py"))
    assert [copy.parent.name for copy in copies] == ["vp_book", "vp_spectrum"]
    assert copies[0].read_bytes() == copies[1].read_bytes()
