"""How many connections fit into the process's table of descriptors, and who has to go when it is full.

A process without a free descriptor accepts nobody, opens no file, and asyncio logs a traceback for each attempt. So
connections are bounded well below the limit. When they are at the bound, room is made for the next by closing the one
that has been without a whole request for longest: a client that has something to ask is always let in.
"""

from __future__ import annotations

import contextlib
import logging
import os
import socket
import struct
import sys
import time
import weakref
from typing import Any, Final, Protocol

if sys.platform != "win32":
    import resource

_logger = logging.getLogger(__name__)

_OWN_FILES: Final = 64
"""Descriptors for frame logs, raw files and the registry, beside those that are open before the first connection."""

_AT_ONCE: Final = 32
"""How far the bound may be passed for a moment: a connection that is closed is gone only in the loop's next turn."""

_A_TURN: Final = 16
"""Connections accepted in one turn of the event loop. asyncio takes as many as wait, 2048 with uvicorn's backlog, and
their first requests all come in one turn: every stream was half a second late."""

_TELL_EVERY_S: Final = 10.0
_RESET: Final = struct.pack("HH" if sys.platform == "win32" else "ii", 1, 0)


def most_connections(max_clients: int, *, raise_limit: bool) -> int:
    """How many connections to have at a time, for `max_clients` streams and as many others again.

    Half of the descriptors that are free: while a file of the page is sent it is open too. With `raise_limit` the soft
    limit of the process is first raised, as far as its hard limit lets it.
    """
    wanted = 2 * max_clients + 512
    used = _open_descriptors() + _OWN_FILES
    if sys.platform == "win32":
        return wanted
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    needed = 2 * (wanted + _AT_ONCE) + used
    if raise_limit and soft != resource.RLIM_INFINITY and soft < needed:
        soft = needed if hard == resource.RLIM_INFINITY else min(needed, hard)
        with contextlib.suppress(OSError, ValueError):  # some systems allow less than they say
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY:
        return wanted
    found = max(1, min(wanted, (soft - used) // 2 - _AT_ONCE))
    if found < max_clients:
        _logger.warning(
            "max_clients=%d do not fit: %d descriptors (ulimit -n) are enough for %d connections",
            max_clients,
            soft,
            found,
        )
    return found


class Guest(Protocol):
    """A connection that is no stream: before its handshake, in an exchange of HTTP, or after the end of its stream."""

    @property
    def is_waiting(self) -> bool:
        """Whether nothing is owed to it now."""
        ...

    def drop(self) -> None:
        """End it at once."""
        ...


class Lobby:
    """The guests of a server, in the order of their last progress. Belongs to the event loop."""

    def __init__(self, patience_s: float) -> None:
        """A guest whose answer has been on its way for `patience_s` seconds may have to go too."""
        self._patience_s = patience_s
        self._guests: dict[Guest, float] = {}

    def __len__(self) -> int:
        return len(self._guests)

    def enter(self, guest: Guest) -> None:
        """It is here, or it has made progress."""
        self._guests.pop(guest, None)
        self._guests[guest] = time.monotonic()

    def leave(self, guest: Guest) -> None:
        """It is a stream now, or gone."""
        self._guests.pop(guest, None)

    def make_room(self) -> bool:
        """End the guest that can be spared most; whether there was one."""
        latest = time.monotonic() - self._patience_s
        for guest, since in self._guests.items():
            if guest.is_waiting or since < latest:
                self.leave(guest)
                guest.drop()
                return True
        return False


class Listener(socket.socket):
    """A listening socket that lets in no more than `most` connections at a time.

    Event loops that accept in the kernel, as on Windows, go round it; there is no table of descriptors to fill there.
    """

    most: int | None = None
    lobby: Lobby | None = None
    refused = 0
    """Connections reset as soon as they were accepted."""
    cleared = 0
    """Connections ended to make room for others."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._open: weakref.WeakSet[_Accepted] = weakref.WeakSet()
        self._warned_at = float("-inf")
        self._taken = 0

    @property
    def connections(self) -> int:
        """How many connections are open."""
        return len(self._open)

    def accept(self) -> tuple[socket.socket, Any]:
        """The next connection there is room for. Raises `BlockingIOError` when there is none now."""
        if self.most is None:
            return self._accepted()
        while self._taken < _A_TURN:
            self._taken += 1
            if self.connections < self.most:
                return self._accepted()
            if self.connections >= self.most + _AT_ONCE:
                break  # those that were closed for others are still to go
            connection, address = self._accepted()
            made = self.lobby is not None and self.lobby.make_room()
            self.cleared += made
            self.refused += not made
            self._tell()
            if made:
                return connection, address
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
            connection.close()
        self._taken = 0
        raise BlockingIOError  # the loop asks again in its next turn

    def _accepted(self) -> tuple[socket.socket, Any]:
        try:
            connection, address = super().accept()
        except OSError:
            self._taken = 0
            raise
        counted = _Accepted(self.family, self.type, self.proto, fileno=connection.detach())
        counted.open_ones = self._open
        self._open.add(counted)
        return counted, address

    def _tell(self) -> None:
        now = time.monotonic()
        if now - self._warned_at >= _TELL_EVERY_S:
            self._warned_at = now
            _logger.warning(
                "all %d connections are taken: so far %d idle ones were closed for others, and %d were refused",
                self.most,
                self.cleared,
                self.refused,
            )


class _Accepted(socket.socket):
    """A connection that says when it is closed."""

    open_ones: weakref.WeakSet[_Accepted] | None = None

    def close(self) -> None:
        super().close()
        if self.open_ones is not None:
            self.open_ones.discard(self)


def _open_descriptors() -> int:
    try:
        return len(os.listdir("/dev/fd"))  # noqa: PTH208 - a directory of numbers, not of files
    except OSError:
        return _OWN_FILES
