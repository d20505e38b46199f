"""uvicorn's WebSocket protocol as configured here: what one stream may cost, whatever the other side does with it.

Above the sockets and below the application. Everything in here is about clients that are rude, stuck or gone.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
import sys
from http import HTTPStatus
from typing import Any, Final

from websockets.http11 import Request
from websockets.protocol import State

from vp_stream.clients.capacity import Lobby
from vp_stream.clients.incoming import BoundedProtocol
from vp_stream.uvicorn_internals import WebSocketsSansIOProtocol

ABORT: Final = "vp_stream.abort"
WRITE_BIN: Final = "vp_stream.write_bin"
_VERSION: Final = "13"
_PONG: Final = 0x8A
# One read of the default 256 KiB may hold 40,000 empty messages: half a second of the event loop, 10 MB in the queue.
_MOST_BYTES_AT_ONCE: Final = 16 * 1024
# Of the time for an answer to a ping. A client that takes one bin in three seconds has the ping before it by then.
_MOST_EXTENSIONS: Final = 6
_TEXT: Final = 0x81
_BINARY: Final = 0x82
_RESET: Final = struct.pack("HH" if sys.platform == "win32" else "ii", 1, 0)
_BAD_REQUEST: Final = b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"


def message_head(kind: int, size: int) -> bytes:
    """What comes before the `size` bytes of a whole message of a server (RFC 6455, 5.2)."""
    if size < 126:
        return struct.pack("!BB", kind, size)
    return struct.pack("!BBH", kind, 126, size) if size < 65536 else struct.pack("!BBQ", kind, 127, size)


class StreamProtocol(WebSocketsSansIOProtocol):
    """uvicorn's sans-I/O WebSocket protocol, held to the RFC where it is lax, and to an end that comes.

    A close waits behind the bytes a stuck client does not take, so it never ends that client. Aborting does: the
    application finds the function for it in the scope's extensions, and what it leaves open is aborted after as long
    as a dead peer is given.
    """

    _sends = 0
    _sends_before = 0
    _extensions = 0
    _last_pong: bytes | None = None
    _abort_timer: asyncio.TimerHandle | None = None

    def __init__(self, *arguments: Any, lobby: Lobby, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.conn = BoundedProtocol(max_size=self.config.ws_max_size, logger=self.conn.logger)
        self._lobby = lobby

    @property
    def is_waiting(self) -> bool:
        """As a guest of the lobby, which it is once its application has ended."""
        return True

    def drop(self) -> None:
        """End the connection at once."""
        self._abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Read in small pieces from now on, on event loops whose transports can be told."""
        super().connection_made(transport)
        if hasattr(transport, "max_size"):
            transport.max_size = _MOST_BYTES_AT_ONCE

    def connection_lost(self, exc: Exception | None) -> None:
        """It has ended."""
        if self._abort_timer is not None:
            self._abort_timer.cancel()
        self._lobby.leave(self)
        super().connection_lost(exc)

    async def run_asgi(self) -> None:
        """Run the application, and see to it that the connection does not outlive it for long."""
        self.scope["extensions"][ABORT] = {"abort": self._abort}
        self.scope["extensions"][WRITE_BIN] = {"write": self.write_bin, "drained": self.writable.wait}
        await super().run_asgi()
        self._abort_later()

    async def send(self, message: Any) -> None:
        """Send, and know that the client took something."""
        await super().send(message)
        self._sends += 1
        if message["type"] == "websocket.http.response.body" and self.close_sent:
            self.handshake_complete = True  # it was answered, with a refusal; uvicorn would log an error for each

    def write_bin(self, update: bytes, grid: bytes) -> bool:
        """Send a text message and a binary one in one write, which costs less than two sends of the application.

        False, and nothing sent, while the client has not taken what was sent before. Raises `OSError` when it is gone.
        """
        if self.disconnected or self.close_sent or self.conn.state is not State.OPEN:
            raise ConnectionError("the client is gone")
        if not self.writable.is_set():
            return False
        text, binary = message_head(_TEXT, len(update)), message_head(_BINARY, len(grid))
        self.transport.write(b"".join((text, update, binary, grid)))
        self._sends += 1
        return True

    def send_keepalive_ping(self) -> None:
        """Ask for a sign of life."""
        self._sends_before, self._extensions = self._sends, _MOST_EXTENSIONS
        super().send_keepalive_ping()

    def keepalive_timeout(self) -> None:
        """No answer to a ping in time.

        The ping waits its turn behind what was sent before it, which takes a slow client longer than this: as long as
        it goes on taking bins it gets more time, but not for ever. Then the connection is closed; the close may wait
        behind what the client does not take.
        """
        if self._sends != self._sends_before and self._extensions > 0 and self.ping_timeout is not None:
            self._sends_before = self._sends
            self._extensions -= 1
            self.pong_timer = self.loop.call_later(self.ping_timeout, self.keepalive_timeout)
            return
        super().keepalive_timeout()
        self._abort_later()

    def data_received(self, data: bytes) -> None:
        """Take bytes in. A request that cannot be read is answered, where uvicorn leaves the connection open."""
        super().data_received(data)
        if self.conn.handshake_exc is not None and not self.handshake_initiated:
            # The library wrote an answer to headers that are too long, and none to other nonsense.
            self._refuse(b"".join(self.conn.data_to_send()) or _BAD_REQUEST)

    def handle_connect(self, event: Request) -> None:
        """Answer the handshake; one of another version is told which is spoken here (RFC 6455, 4.2.2)."""
        if event.headers.get_all("Sec-WebSocket-Version") == [_VERSION]:
            super().handle_connect(event)
            return
        response = self.conn.reject(HTTPStatus.UPGRADE_REQUIRED, f"WebSocket version {_VERSION} is spoken here.\n")
        response.headers["Upgrade"] = "websocket"
        response.headers["Sec-WebSocket-Version"] = _VERSION
        self.conn.send_response(response)
        self._refuse(b"".join(self.conn.data_to_send()))

    def handle_ping(self) -> None:
        """Answer a ping. A client that takes nothing is owed the last one only (RFC 6455, 5.5.3), or they pile up."""
        output = self.conn.data_to_send()
        if self.writable.is_set():
            self.transport.write(b"".join(output))
            return
        for frame in output:
            if frame[:1] == bytes([_PONG]):
                self._last_pong = frame
            else:
                self.transport.write(frame)

    def resume_writing(self) -> None:
        """The client takes bytes again: the pong it is owed goes first."""
        super().resume_writing()
        pong, self._last_pong = self._last_pong, None
        if pong is not None and not self.close_sent and not self.transport.is_closing():
            self.transport.write(pong)

    def send_receive_event_to_app(self) -> None:
        """Pass a message on. Text that is no UTF-8 closes with 1007, without a traceback in the log for it."""
        if self.curr_msg_data_type == "text" and not self.close_sent:
            try:
                b"".join(self.frames).decode()
            except UnicodeDecodeError as error:
                self.frames = []
                self.conn.fail(1007, f"{error.reason} at position {error.start}")
                self.handle_parser_exception()
                return
        super().send_receive_event_to_app()

    def _refuse(self, response: bytes) -> None:
        self.handshake_initiated = self.handshake_complete = self.close_sent = True
        self.transport.write(response)
        self.transport.close()

    def _abort(self) -> None:
        """End the connection by a reset: the kernel would otherwise keep what a stuck client does not take."""
        connected: Any = self.transport.get_extra_info("socket")
        if connected is not None:
            with contextlib.suppress(OSError):
                connected.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        self.transport.abort()

    def _abort_later(self) -> None:
        """Abort the connection if it has not ended by itself."""
        if not self.disconnected and self._abort_timer is None:
            self._lobby.enter(self)
            patience: Any = (self.ping_interval or 0.0) + (self.ping_timeout or 0.0)
            self._abort_timer = self.loop.call_later(patience, self._abort)
