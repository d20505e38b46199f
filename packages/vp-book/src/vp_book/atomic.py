"""Publishing a file so that a reader sees a whole one or none, whatever dies when.

A file is written to a temporary sibling, flushed to disk and given its name by one rename (or one hard link where an
existing file must not be replaced); then the directory that holds the name is flushed. The sibling's name carries the
process that makes it, so that what a dead process left behind can be distinguished from work in progress.

Every operation that can fail is a function of `os`, called as such, and an error of one names the file.

This module stands alone and is the same in every package that cannot import it from another.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import secrets
import shutil
import socket
import stat
import sys
import time
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from types import TracebackType
from typing import Final, TypeAlias

Content: TypeAlias = bytes | Callable[[Path], object]
"""What a file is to hold: its bytes, or a function that writes it to the path it is given."""

_PREFIX: Final = ".making-"
_STALE_SECONDS: Final = 24 * 3600
READ_ONLY: Final = stat.S_IRUSR | stat.S_IRGRP | stat.S_IROTH
_NEW: Final = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)


def write_file(path: Path, data: Content, *, read_only: bool = False) -> bool:
    """Create `path` with `data`, or leave the file that is already there.

    Returns whether this call made the file: of several processes exactly one does, and the others keep the winner's.
    Nothing is written for a file that is there, so that its directory need not be writable. Raises OSError naming the
    file.
    """
    if path.exists():
        return False
    with StagedFile(path) as staged:
        staged.fill(data)
        return staged.publish_new(read_only=read_only)


def replace_file(path: Path, data: Content) -> None:
    """Give `path` the content `data`, in the place of whatever file is there. Raises OSError naming the file."""
    with StagedFile(path) as staged:
        staged.fill(data)
        staged.publish()


class StagedFile:
    """A file being made under a temporary name beside its own.

    Written piece by piece with `write` or at once with `fill`, and published once. What is closed unpublished is
    removed. `path` is where the bytes lie: every `write` can be read there when it returns. What was closed or
    published takes nothing more: writing to it or publishing it again raises ValueError.
    """

    def __init__(self, final: Path) -> None:
        self.final = final
        make_directory(final.parent)
        remove_leftovers(final.parent)
        self.path = temporary_sibling(final)
        self.published = False
        self._handle: int | None = None
        self._over = False

    def __enter__(self) -> StagedFile:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def write(self, data: bytes) -> None:
        """Append `data`."""
        self._check_open()
        with naming(self.path):
            if self._handle is None:
                self._handle = os.open(self.path, _NEW, 0o644)
            view = memoryview(data)
            while view:
                view = view[os.write(self._handle, view) :]

    def fill(self, data: Content) -> None:
        """Write everything."""
        self._check_open()
        if isinstance(data, bytes):
            self.write(data)
        else:
            data(self.path)

    def publish(self) -> None:
        """Flush the file to disk and give it its name, in the place of whatever file has it."""
        self._flush()
        with naming(self.final):
            os.replace(self.path, self.final)
        self.published = self._over = True
        flush_directory(self.final.parent)

    def publish_new(self, *, read_only: bool = False) -> bool:
        """The same unless there is a file of that name, which stays; returns whether this one got the name."""
        self._flush()
        with naming(self.final):
            made = _link_new(self.path, self.final)
        # Only now: a read-only temporary file could not be removed on Windows.
        self.close()
        if made and read_only:
            with naming(self.final):
                os.chmod(self.final, READ_ONLY)
        flush_directory(self.final.parent)
        return made

    def close(self) -> None:
        """Close the file, and remove it if it was not published."""
        self._over = True
        if self._handle is not None:
            with contextlib.suppress(OSError):  # nothing that counts is in it: what was published is closed
                self._close_handle(self._handle)
        if not self.published:
            with contextlib.suppress(OSError):  # what stays is a leftover, removed when this process is gone
                os.unlink(self.path)

    def _check_open(self) -> None:
        if self._over:
            raise ValueError(f"{self.final}: nothing can be written or published after the file was closed")

    def _flush(self) -> None:
        self._check_open()
        with naming(self.path):
            if self._handle is None:
                flush_file(self.path)
                return
            os.fsync(self._handle)
            self._close_handle(self._handle)

    def _close_handle(self, handle: int) -> None:
        self._handle = None  # first: a descriptor is gone even when closing it reports an error
        os.close(handle)


def leftovers(directory: Path) -> list[Path]:
    """What dead processes left in `directory`.

    A leftover is a temporary sibling whose process is gone from this machine, or that nobody touched for a day (it may
    come from another machine that shares the lake). Work in progress is not among them.
    """
    return sorted(path for path in directory.glob(f"{_PREFIX}*") if _is_abandoned(path))


def remove_leftovers(directory: Path) -> list[Path]:
    """Remove what dead processes left in `directory`; returns what went."""
    removed = leftovers(directory)
    for path in removed:
        remove_tree(path)
    return removed


def remove_tree(path: Path) -> None:
    """Remove a file or directory as far as possible, read-only files included; nothing there is fine."""
    if path.is_dir():
        for file in path.rglob("*"):
            if file.is_file():
                with contextlib.suppress(OSError):
                    os.chmod(file, stat.S_IRUSR | stat.S_IWUSR)
        shutil.rmtree(path, ignore_errors=True)
    else:
        with contextlib.suppress(OSError):
            os.unlink(path)


def sha256_file(path: Path) -> str:
    """SHA-256 of a file's bytes as 64 hex digits, in constant memory."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@contextlib.contextmanager
def naming(path: Path) -> Iterator[None]:
    """Put `path` into an OSError that names no file: those of an open handle, and of libraries, do not."""
    try:
        yield
    except OSError as error:
        if error.filename is None:
            error.filename = str(path)
        raise


def make_directory(directory: Path) -> None:
    """Make a directory and its parents, if they are not there."""
    with naming(directory):
        os.makedirs(directory, exist_ok=True)


@cache
def _machine() -> str:
    """Eight hex digits for this machine and process-id namespace: a pid means nothing outside of them."""
    try:
        namespace = str(Path("/proc/self/ns/pid").readlink())
    except OSError:
        namespace = ""
    return hashlib.sha256(f"{socket.gethostname()} {namespace}".encode()).hexdigest()[:8]


def temporary_sibling(path: Path) -> Path:
    """A new name beside `path` that carries this process; see `leftovers`."""
    return path.with_name(f"{_PREFIX}{_machine()}-{os.getpid()}-{secrets.token_hex(4)}-{path.name}")


def _is_abandoned(path: Path) -> bool:
    machine, _, rest = path.name.removeprefix(_PREFIX).partition("-")
    pid = rest.partition("-")[0]
    if machine == _machine() and pid.isdigit() and not _is_running(int(pid)):
        return True
    try:
        newest = max([path.stat().st_mtime, *(file.stat().st_mtime for file in path.rglob("*"))])
    except FileNotFoundError:  # its owner has just published or removed it
        return False
    return time.time() - newest > _STALE_SECONDS


def _is_running(pid: int) -> bool:
    if sys.platform == "win32":  # os.kill(pid, 0) would end the process there
        return True
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def flush_file(file: Path) -> None:
    """Flush the bytes of a file to disk."""
    handle = os.open(file, os.O_RDWR)  # Windows flushes only what is open for writing
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _link_new(temporary: Path, path: Path) -> bool:
    try:
        os.link(temporary, path)
    except FileExistsError:
        return False
    except OSError:  # a file system without hard links: the check and the rename are two steps there
        if path.exists():
            return False
        os.rename(temporary, path)
    return True


def flush_directory(directory: Path) -> None:
    """Flush the names in a directory to disk."""
    if sys.platform == "win32":  # directories cannot be opened there; NTFS journals the rename itself
        return
    with naming(directory):
        handle = os.open(directory, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
