"""Publishing files and directories so that a reader sees a whole one or none, whatever dies when.

Everything is written to a temporary sibling, flushed to disk and given its name by one rename (or one hard link where
an existing file must not be replaced). The sibling's name carries the process that makes it, so that what a dead
process left behind can be told from work in progress.
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
from pathlib import Path
from typing import Final

_PREFIX: Final = ".making-"
_STALE_SECONDS: Final = 24 * 3600
_READ_ONLY: Final = stat.S_IRUSR | stat.S_IRGRP | stat.S_IROTH


def write_file(path: Path, data: bytes | Callable[[Path], object], *, read_only: bool = False) -> bool:
    """Create `path` with `data`, or leave the file that is already there.

    `data` is the content, or a function that writes it to the path it is given. Returns whether this call made the
    file: of several processes exactly one does, and the others keep the winner's.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = _temporary_sibling(path)
    try:
        if isinstance(data, bytes):
            temporary.write_bytes(data)
        else:
            data(temporary)
        _flush_file(temporary)
        made = _link_new(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)
    if made and read_only:  # not before: a read-only temporary file could not be removed on Windows
        path.chmod(_READ_ONLY)
    _flush_directory(path.parent)
    return made


class StagedDirectory:
    """A directory being made: write into `path`; `published` says afterwards whether this one got the name."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.published = False


@contextlib.contextmanager
def staged_directory(final: Path) -> Iterator[StagedDirectory]:
    """Fill a temporary sibling of `final`, made read-only and renamed to `final` when the block ends without error.

    If another process published `final` first, that one stays, this one is dropped, and `published` stays False.
    """
    final.parent.mkdir(parents=True, exist_ok=True)
    remove_leftovers(final.parent)
    staged = StagedDirectory(_temporary_sibling(final))
    staged.path.mkdir()
    try:
        yield staged
        for file in sorted(staged.path.rglob("*")):
            if file.is_file():
                _flush_file(file)
                file.chmod(_READ_ONLY)
        _flush_directory(staged.path)
        staged.published = _rename_new(staged.path, final)
    finally:
        if not staged.published:
            remove_tree(staged.path)
    _flush_directory(final.parent)


def remove_leftovers(directory: Path) -> list[Path]:
    """Remove what dead processes left in `directory`; returns what went.

    A leftover is a temporary sibling whose process is gone from this machine, or that nobody touched for a day (it may
    come from another machine that shares the lake). Work in progress is never touched.
    """
    removed = []
    for path in directory.glob(f"{_PREFIX}*"):
        if _is_abandoned(path):
            remove_tree(path)
            removed.append(path)
    return removed


def remove_tree(path: Path) -> None:
    """Remove a file or directory, read-only files included; nothing there is fine."""
    if path.is_dir():
        for file in path.rglob("*"):
            if file.is_file():
                with contextlib.suppress(FileNotFoundError):
                    file.chmod(stat.S_IRUSR | stat.S_IWUSR)
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


def sha256_file(path: Path) -> str:
    """SHA-256 of a file's bytes as 64 hex digits, in constant memory."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _machine() -> str:
    """Eight hex digits for this machine and process-id namespace: a pid means nothing outside of them."""
    try:
        namespace = str(Path("/proc/self/ns/pid").readlink())
    except OSError:
        namespace = ""
    return hashlib.sha256(f"{socket.gethostname()} {namespace}".encode()).hexdigest()[:8]


def _temporary_sibling(path: Path) -> Path:
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


def _flush_file(file: Path) -> None:
    with file.open("rb+") as handle:
        os.fsync(handle.fileno())


def _link_new(temporary: Path, path: Path) -> bool:
    try:
        path.hardlink_to(temporary)
    except FileExistsError:
        return False
    except OSError:  # a file system without hard links: the check and the rename are two steps there
        if path.exists():
            return False
        temporary.rename(path)
    return True


def _rename_new(temporary: Path, final: Path) -> bool:
    try:
        temporary.rename(final)
    except OSError:
        if final.is_dir():
            return False
        raise
    return True


def _flush_directory(directory: Path) -> None:
    if sys.platform == "win32":  # directories cannot be opened there; NTFS journals the rename itself
        return
    handle = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
