"""uvicorn's HTTP/1.1 protocol as configured here: a request is whole in time, or its connection ends.

Above the sockets and below the application, as `connections` is for streams.
"""

from __future__ import annotations

import asyncio
from typing import Any, Final

import h11

from vp_stream.clients.capacity import Lobby
from vp_stream.uvicorn_internals import H11Protocol

_TOO_LATE: Final = b"HTTP/1.1 408 Request Timeout\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"


class RequestProtocol(H11Protocol):
    """uvicorn's HTTP/1.1 protocol, with one limit on how long a request, its body too, may be on its way.

    The limit is the keep-alive timeout, from the beginning of the connection or the end of the last answer. uvicorn
    itself gives up waiting only between two requests.
    """

    _overdue: asyncio.TimerHandle | None = None

    def __init__(self, *arguments: Any, lobby: Lobby, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._lobby = lobby

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn has it
        """A request has to come."""
        super().connection_made(transport)
        self._expect_request()

    def connection_lost(self, exc: Exception | None) -> None:
        """No request will come."""
        self._forget_request()
        self._lobby.leave(self)
        super().connection_lost(exc)

    def on_response_complete(self) -> None:
        """The next request has to come."""
        super().on_response_complete()
        self._expect_request()

    def handle_websocket_upgrade(self, event: Any) -> None:
        """Hand the connection over. A handshake is HTTP/1.1 or newer (RFC 6455, 4.2.1), which the handshake forgets."""
        self._forget_request()
        self._lobby.leave(self)
        if event.http_version < b"1.1":
            self.send_400_response("A WebSocket handshake is HTTP/1.1.")
        else:
            super().handle_websocket_upgrade(event)

    def send_400_response(self, msg: str) -> None:
        """Answer what cannot be read, if it has no answer yet.

        A chunk that is none comes after its request was handed on: uvicorn would then send a second answer, or leave
        the application to send one, which h11 refuses with a traceback either way.
        """
        self._let_go()
        if self.conn.our_state in (h11.IDLE, h11.SEND_RESPONSE):
            super().send_400_response(msg)
        else:
            self.transport.close()

    def shutdown(self) -> None:
        """The server stops. What has come whole is answered; what has not is waited for no longer."""
        if self.is_waiting:
            self._let_go()
            self.transport.close()
        else:
            super().shutdown()

    @property
    def is_waiting(self) -> bool:
        """Whether a request, or the rest of one, is still to come."""
        return self.cycle is None or self.cycle.response_complete or self.cycle.more_body

    def drop(self) -> None:
        """End the connection at once."""
        self._let_go()
        self.transport.abort()

    def _expect_request(self) -> None:
        self._forget_request()
        self._lobby.enter(self)
        if not self.transport.is_closing():
            self._overdue = self.loop.call_later(self.timeout_keep_alive, self._give_up)

    def _forget_request(self) -> None:
        if self._overdue is not None:
            self._overdue.cancel()
            self._overdue = None

    def _give_up(self) -> None:
        self._overdue = None
        if not self.is_waiting:  # it came, and is being answered
            return
        if self.conn.our_state is h11.SEND_RESPONSE:
            self.transport.write(_TOO_LATE)
        self._let_go()
        self.transport.close()

    def _let_go(self) -> None:
        """Tell the application, if it is at work on a request, that nobody waits for its answer."""
        if self.cycle is not None and not self.cycle.response_complete:
            self.cycle.disconnected = True
            self.cycle.message_event.set()
