"""Sockets: the listening socket and one client's channel."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, Final

from starlette.websockets import WebSocket, WebSocketDisconnect

from vp_contract import Frame
from vp_stream.clients.capacity import Listener
from vp_stream.clients.connections import ABORT, WRITE_BIN
from vp_stream.errors import SettingsError

# The kernel gives a peer up without a word to it, a session with a reset: the session comes first.
_KERNEL_PATIENCE: Final = 1.5
# About six bins. The kernel would otherwise buffer megabytes for a client that does not read, and its skips would
# begin a minute too late.
_SEND_BUFFER_BYTES: Final = 256 * 1024

LEFT: Final = "left"
DROPPED: Final = "dropped"


class PeerGoneError(Exception):
    """The client is gone, or was too stuck to be kept."""


class Channel:
    """Sending to one client, from one task at a time.

    A send that the client does not take within `stall_s` seconds aborts the connection.
    """

    def __init__(self, websocket: WebSocket, *, stall_s: float) -> None:
        self._websocket = websocket
        self._stall_s = stall_s
        extensions: dict[str, Any] = websocket.scope.get("extensions") or {}
        self._abort: Callable[[], None] | None = extensions.get(ABORT, {}).get("abort")
        at_once = extensions.get(WRITE_BIN, {})
        self._write: Callable[[bytes, bytes], bool] | None = at_once.get("write")
        self._drained: Callable[[], Awaitable[Any]] | None = at_once.get("drained")
        self.ended = LEFT
        """How it ended, as far as is known: the close code the server sent, DROPPED by the server, or LEFT."""

    async def send_text(self, text: str) -> None:
        """Send one text message. Raises `PeerGoneError`."""
        async with self._guarded():
            await self._websocket.send_text(text)

    async def send_frame(self, frame: Frame) -> None:
        """Send a bin, the text and the binary message one after the other. Raises `PeerGoneError`."""
        if self._write is not None and self._drained is not None:
            await self._send_at_once(frame, self._write, self._drained)
            return
        text = frame.update.decode()
        async with self._guarded():  # on a server of somebody else's
            await self._websocket.send_text(text)
            await self._websocket.send_bytes(frame.grid)

    async def close(self, code: int, *, timeout_s: float | None = None) -> None:
        """Send a close frame; a client that does not take it in time is aborted."""
        with contextlib.suppress(PeerGoneError):
            async with self._guarded(timeout_s):
                await self._websocket.close(code)
                self.ended = str(code)

    def abort(self) -> None:
        """Drop the connection at once, with whatever is still unsent."""
        self.ended = DROPPED
        if self._abort is not None:
            self._abort()

    async def _send_at_once(
        self, frame: Frame, write: Callable[[bytes, bytes], bool], drained: Callable[[], Awaitable[Any]]
    ) -> None:
        try:
            if write(*frame):  # nothing is waited for, so nothing has to be guarded: most bins go this way
                return
        except OSError as error:
            raise PeerGoneError("the client is gone") from error
        async with self._guarded():
            while not write(*frame):
                await drained()

    @contextlib.asynccontextmanager
    async def _guarded(self, timeout_s: float | None = None) -> AsyncIterator[None]:
        try:
            async with asyncio.timeout(self._stall_s if timeout_s is None else timeout_s):
                yield
        except TimeoutError as error:
            self.abort()
            raise PeerGoneError("the client takes no data") from error
        except (WebSocketDisconnect, OSError, RuntimeError) as error:
            # Starlette and uvicorn report a message after the close as RuntimeError.
            raise PeerGoneError("the client is gone") from error


def listen(host: str, port: int, *, dead_peer_s: float) -> Listener:
    """A listening TCP socket, `port` 0 for any free one. Raises `SettingsError` when it cannot be had.

    On Linux a peer that acknowledges nothing, or keeps its window shut, for half as long again as `dead_peer_s` seconds
    is dropped by the kernel, whatever the application does; accepted sockets inherit that.
    """
    try:
        found = socket.getaddrinfo(host, port, 0, socket.SOCK_STREAM, socket.IPPROTO_TCP, socket.AI_PASSIVE)
        family, kind, protocol, _, address = found[0]
        # asyncio turns Nagle's algorithm off only for sockets that say they are TCP: a bin would otherwise wait behind
        # its own text until the client acknowledges that, which takes it up to 40 ms.
        listener = Listener(family, kind, protocol)
    except OSError as error:
        raise SettingsError(
            f"host={host!r}: is not an address of this machine ({error}); choose another host"
        ) from error
    try:
        if hasattr(socket, "SO_EXCLUSIVEADDRUSE"):
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_EXCLUSIVEADDRUSE, 1)
        else:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _SEND_BUFFER_BYTES)
        if hasattr(socket, "TCP_USER_TIMEOUT"):
            patience_ms = int(dead_peer_s * _KERNEL_PATIENCE * 1000)
            listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, patience_ms)
        listener.bind(address)
        listener.listen(1024)
    except OSError as error:
        listener.close()
        raise SettingsError(
            f"host={host!r}, port={port}: cannot be listened on ({error}); choose another host or port"
        ) from error
    listener.setblocking(False)
    return listener
