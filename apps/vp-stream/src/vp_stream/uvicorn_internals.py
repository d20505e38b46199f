"""What is used of uvicorn beyond its documented interface, in one place: its classes that are subclassed here.

Nothing else imports uvicorn. A new version may rename what the subclasses rely on without announcing it, so a test
holds the installed version to `SEEN_WITH` and looks for every name in `RELIED_ON`. When it fails, read the three
subclasses (`server`, `clients.connections`, `http.exchanges`) against the new source, then raise `SEEN_WITH`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from uvicorn import Config, Server
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

__all__ = ["RELIED_ON", "SEEN_WITH", "Config", "H11Protocol", "Server", "WebSocketsSansIOProtocol"]

SEEN_WITH: Final[Mapping[str, str]] = {"uvicorn": "0.54", "h11": "0.16"}
"""Distribution -> the minor version whose source was read."""

RELIED_ON: Final[Mapping[type, tuple[str, ...]]] = {
    Server: ("handle_exit", "startup", "shutdown", "run", "should_exit", "started"),
    H11Protocol: (
        "connection_made",
        "connection_lost",
        "on_response_complete",
        "handle_websocket_upgrade",
        "send_400_response",
        "shutdown",
        "conn",
        "cycle",
        "loop",
        "timeout_keep_alive",
        "transport",
    ),
    WebSocketsSansIOProtocol: (
        "connection_made",
        "connection_lost",
        "data_received",
        "handle_connect",
        "handle_ping",
        "handle_parser_exception",
        "keepalive_timeout",
        "resume_writing",
        "run_asgi",
        "send",
        "send_keepalive_ping",
        "send_receive_event_to_app",
        "close_sent",
        "config",
        "conn",
        "curr_msg_data_type",
        "disconnected",
        "frames",
        "handshake_complete",
        "handshake_initiated",
        "loop",
        "ping_interval",
        "ping_timeout",
        "pong_timer",
        "scope",
        "transport",
        "writable",
    ),
}
"""Class -> its methods and attributes that a subclass overrides, calls or reads."""
