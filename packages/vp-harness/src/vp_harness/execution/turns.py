"""One process or thread at a time makes a thing; whoever comes meanwhile waits for it, and says so.

Only work is saved by that: two who make the same thing publish it once whatever they do. So a turn is refused only
where the second has nothing to wait for (`only_one`). It is taken by a lock on a file, which the operating system
lets go of when its holder ends, however it ends; where a file system has no locks, or its holder holds it longer than
any work takes, the work is done again.
"""

from __future__ import annotations

import contextlib
import errno
import logging
import os
import socket
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from vp_harness.errors import BusyError

LIMIT_S: Final = 3600.0
"""How long somebody waits: longer than the largest dataset takes, for one whose process is stopped."""

_POLL_S: Final = 0.1
_BUSY: Final = (errno.EAGAIN, errno.EACCES, errno.EDEADLK)
_logger = logging.getLogger(__name__)


@contextlib.contextmanager
def one_at_a_time(path: Path, what: str, *, limit_s: float = LIMIT_S) -> Iterator[None]:
    """Hold the turn of `what`, whose lock file is `path`, while the block runs.

    Whoever has to wait logs a warning that names who has the turn, looks after it whether the thing is there now, and
    makes it if it is not. After `limit_s` seconds the block runs without the turn. The file is removed afterwards.
    """
    with _held(_taken(path, what, limit_s), path):
        yield


@contextlib.contextmanager
def only_one(path: Path, what: str) -> Iterator[None]:
    """Hold the turn of `what` while the block runs, without waiting for it.

    Raises BusyError naming who has it.
    """
    with _held(_taken(path, what, None), path):
        yield


@contextlib.contextmanager
def _held(handle: int | None, path: Path) -> Iterator[None]:
    try:
        yield
    finally:
        if handle is not None:
            # Still locked: nobody else can have it open and believe to be the next, see `_taken`.
            with contextlib.suppress(OSError):
                path.unlink()
            with contextlib.suppress(OSError):
                os.close(handle)


def _taken(path: Path, what: str, limit_s: float | None) -> int | None:
    """A descriptor of the locked file, or None when there will be none. Raises BusyError if there is no limit."""
    limit = time.monotonic() + (limit_s or 0.0)
    announced = False
    while True:
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
        except OSError:  # a lake that can only be read: whatever is to be written will say so better
            return None
        try:
            _lock(handle)
            if _is_at(handle, path):
                os.ftruncate(handle, 0)
                os.pwrite(handle, f"process {os.getpid()} on {socket.gethostname()}".encode(), 0)
                return handle
        except OSError as error:
            if error.errno not in _BUSY:
                os.close(handle)
                return None
            if limit_s is None:
                owner = _owner(handle)
                os.close(handle)
                raise BusyError(f"{what}: {owner} is at it; wait for its end, or end it") from None
            if time.monotonic() >= limit:
                _logger.warning("%s: %s has not finished in %.0f s, it is done here too", what, _owner(handle), limit_s)
                os.close(handle)
                return None
            if not announced:
                _logger.warning("%s: waiting for %s, which is at it", what, _owner(handle))
                announced = True
            os.close(handle)
            time.sleep(_POLL_S)
            continue
        os.close(handle)  # it was removed by the one before: the next file is the lock now


def _owner(handle: int) -> str:
    with contextlib.suppress(OSError, UnicodeError):
        return os.pread(handle, 200, 0).decode() or "another process"
    return "another process"


def _is_at(handle: int, path: Path) -> bool:
    try:
        there, ours = path.stat(), os.fstat(handle)
    except FileNotFoundError:
        return False
    return (there.st_dev, there.st_ino) == (ours.st_dev, ours.st_ino)


if sys.platform == "win32":
    import msvcrt

    def _lock(handle: int) -> None:
        os.lseek(handle, 1 << 20, os.SEEK_SET)  # beyond the text, which others may read
        msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)

else:
    import fcntl

    def _lock(handle: int) -> None:
        # of the open file, so that two threads of a process exclude one another too
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
