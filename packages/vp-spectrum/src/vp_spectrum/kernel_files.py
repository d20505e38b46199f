"""Where compiled kernels are kept: the places and who may write there, what they are valid for, whole files, the lock.

See `kernel_cache`. This module and that one stand alone together, and are the same in every package that cannot import
them from another.
"""

from __future__ import annotations

import contextlib
import hashlib
import importlib
import importlib.resources
import os
import platform
import shutil
import stat
import sys
import tempfile
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any, Final, NamedTuple

import numba
import numpy as np

if sys.platform == "win32":
    import msvcrt
else:
    import fcntl

LOCK: Final = "lock"
_HALF: Final = ".half"
_KEPT: Final = 8
"""Directories of older code that are left beside the newest one."""


@cache
def source_digest(package: str) -> str | None:
    """Sha256, in hex, of every source file of an imported package: another one may mean other numbers.

    None where its sources cannot be seen, in a frozen program for one.
    """
    if not hasattr(sys.modules.get(package), "__path__"):  # a script, a module by itself
        return None
    files = dict(_sources(importlib.resources.files(package), ""))
    if not files:
        return None
    digest = hashlib.sha256()
    for name, content in sorted(files.items()):
        digest.update(f"{name}\0{len(content)}\0".encode() + content)
    return digest.hexdigest()


def _sources(folder: Any, prefix: str) -> Iterator[tuple[str, bytes]]:
    for entry in folder.iterdir():
        if entry.is_dir():
            if entry.name != "__pycache__":
                yield from _sources(entry, f"{prefix}{entry.name}/")
        elif entry.name.endswith((".py", ".pyc")):
            yield prefix + entry.name, entry.read_bytes()


@cache
def stamp(package: str) -> str | None:
    """Digest of everything that compiled code depends on but the processor; None if the sources cannot be seen."""
    sources = source_digest(package)
    if sources is None:
        return None
    llvmlite = importlib.import_module("llvmlite").__version__  # not ours to declare: numba brings it
    versions = (numba.__version__, llvmlite, np.__version__, platform.python_version())
    facts = (*versions, str(sys.implementation.cache_tag), getattr(sys, "abiflags", ""), sources)
    return hashlib.sha256("\0".join(facts).encode()).hexdigest()


class Place(NamedTuple):
    """A directory that may hold kernels. It need not exist."""

    path: Path
    private: bool  # counts only if it is this user's own

    def trusted(self) -> bool:
        """Whether nobody but the user, or whoever can change the package, can have written there."""
        if not self.private or sys.platform == "win32":
            return True
        facts = self.path.lstat()
        shared = facts.st_mode & (stat.S_IWGRP | stat.S_IWOTH)
        return stat.S_ISDIR(facts.st_mode) and facts.st_uid == os.geteuid() and not shared

    def make(self) -> None:
        """Make the directory if it is not there, for this user alone if it is private."""
        if self.private:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self.path.mkdir(mode=0o700, exist_ok=True)
        else:
            self.path.mkdir(parents=True, exist_ok=True)


@cache
def places(package: str, chosen: str) -> tuple[Place, ...]:
    """Where kernels of a package may be, the preferred place first."""
    found = []
    if chosen:
        found.append(Place(Path(chosen).absolute(), private=False))
    else:
        beside = Path(next(iter(sys.modules[package].__path__)))
        if beside.is_dir():  # a zip is none
            found.append(Place(beside / "__pycache__", private=False))
        with contextlib.suppress(RuntimeError):  # no HOME, and nothing known of the user either
            found.append(Place(user_cache() / "vp-kernels", private=True))
    with contextlib.suppress(OSError):
        temporary = Path(tempfile.gettempdir())
        mode = temporary.stat().st_mode
        # what anybody may rename, anybody may replace
        if sys.platform == "win32" or mode & stat.S_ISVTX or not mode & (stat.S_IWGRP | stat.S_IWOTH):
            user = "" if sys.platform == "win32" else f"-{os.geteuid()}"
            found.append(Place(temporary / f"vp-kernels{user}", private=True))
    return tuple(found)


def user_cache() -> Path:
    """The directory for caches of this user, by the custom of the platform."""
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local")
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches"
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")


@cache
def writable(place: Place, folder: Path) -> bool:
    """Whether files can be written to `folder` in a place. Makes it, and then removes the oldest of the others."""
    try:
        place.make()
        if not place.trusted():
            return False
        new = not folder.is_dir()
        folder.mkdir(exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
        (folder / LOCK).touch()
        if new:
            _remove_old(folder)
    except OSError:
        return False
    return True


def _remove_old(newest: Path) -> None:
    """Leave the few newest of the directories that older code of the package has filled."""
    package = newest.name.rpartition("-")[0]
    kept = [path for path in newest.parent.glob(f"{package}-*/{LOCK}") if path.parent != newest]
    kept.sort(key=lambda path: path.stat().st_mtime, reverse=True)
    for path in kept[_KEPT:]:
        shutil.rmtree(path.parent, ignore_errors=True)


def remove_halves(folder: Path) -> None:
    """Remove what processes that were killed while they wrote have left."""
    for path in folder.glob(f"*{_HALF}"):
        with contextlib.suppress(OSError):
            path.unlink()


def write(path: Path, content: bytes) -> bool:
    """Write a file whole or not at all; whether it was. Nothing is flushed: one that is damaged is compiled anew."""
    half = path.with_name(f"{path.name}.{os.getpid()}{_HALF}")
    try:
        half.write_bytes(content)
        half.replace(path)
    except OSError:
        with contextlib.suppress(OSError):
            half.unlink()
        return False
    return True


def lock(descriptor: int) -> bool:
    """Take the lock of an open file if nobody has it. A file system that knows no locks is as good as free."""
    try:
        if sys.platform == "win32":
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        else:
            fcntl.lockf(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)  # unlike `flock`, not handed on to forked children
    except (BlockingIOError, PermissionError):
        return False
    except OSError:
        return True
    return True


def unlock(descriptor: int) -> None:
    """Give the lock of an open file back."""
    with contextlib.suppress(OSError):
        if sys.platform == "win32":
            msvcrt.locking(descriptor, msvcrt.LK_UNLCK, 1)
        else:
            fcntl.lockf(descriptor, fcntl.LOCK_UN)
