"""Under which names this server answers.

A page of another origin can point its own name at 127.0.0.1 and then read what a server there answers (DNS rebinding):
for the browser it is the same origin. The `Host` header still says the page's name, so every request and handshake is
held to the names this server goes by.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Final
from urllib.parse import urlsplit

import msgspec
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send
from starlette.websockets import WebSocket

from vp_stream.errors import SettingsError
from vp_stream.http.answers import ErrorAnswer

_MISDIRECTED: Final = 421
_HOST: Final = re.compile(r"(?:\[([0-9A-Fa-f:.]{2,45})\]|([A-Za-z0-9._-]{1,253}))(?::([0-9]{1,5}))?", re.ASCII)
_NAME: Final = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9._-]{0,252})", re.ASCII)

Place = str | IPv4Address | IPv6Address
"""A host as it is compared: an address, or a name in small letters without its last dot."""


def check_allowed_host(host: str) -> None:
    """Raise `SettingsError` unless this is a host name or address, without a port."""
    if not (_NAME.fullmatch(host) or _address(host)):
        raise SettingsError(f"allow_host={host!r}: must be a name or address like desk.example.com or 10.0.0.5")


def is_loopback(host: str) -> bool:
    """Whether this host name or address can only mean this machine."""
    place = _place(host)
    if isinstance(place, str):
        return place == "localhost" or place.endswith(".localhost")
    return place.is_loopback


def host_of(header: str) -> str | None:
    """The host in a `Host` header, without its port; None if there is none in it."""
    found = _HOST.fullmatch(header)
    if found is None or int(found[3] or 1) > 65535:
        return None
    return found[1] or found[2]


class HostNames:
    """The names a server goes by: loopback ones, the address a connection came in at, and those of the settings."""

    def __init__(self, bound: str, allowed_hosts: Iterable[str] = (), allowed_origins: Iterable[str] = ()) -> None:
        """`bound` is the host it listens on; the hosts of allowed origins are allowed too."""
        allowed = {bound, *allowed_hosts, *(urlsplit(origin).hostname or "" for origin in allowed_origins)} - {""}
        # the wildcard addresses are no name of anything
        self._allowed = {place for place in map(_place, allowed) if isinstance(place, str) or not place.is_unspecified}

    def include(self, header: str, arrived_at: str | None) -> bool:
        """Whether a `Host` header names this server; `arrived_at` is the local address of the connection."""
        host = host_of(header)
        if host is None:
            return False
        place = _place(host)
        if is_loopback(host) or place in self._allowed:
            return True
        return arrived_at is not None and not isinstance(place, str) and place == _address(arrived_at)


class HostGuard:
    """Answers 421 to every request and handshake that is meant for a host of another name."""

    def __init__(self, app: ASGIApp, names: HostNames) -> None:
        self._app = app
        self._names = names

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on, or answer."""
        if scope["type"] not in ("http", "websocket") or self._is_meant(scope):
            await self._app(scope, receive, send)
        elif scope["type"] == "websocket":
            await WebSocket(scope, receive, send).send_denial_response(_misdirected())
        else:
            await _misdirected()(scope, receive, send)

    def _is_meant(self, scope: Scope) -> bool:
        named = [value for name, value in scope["headers"] if name == b"host"]
        arrived_at = scope["server"][0] if scope.get("server") else None
        return len(named) == 1 and self._names.include(named[0].decode("latin-1"), arrived_at)


def _misdirected() -> Response:
    problem = "this server does not go by the host of this request; whoever runs it can add a name to allow_hosts"
    answer = ErrorAnswer(code="wrong_host", message=problem)
    headers = {"cache-control": "no-store"}
    return Response(msgspec.json.encode(answer), _MISDIRECTED, headers=headers, media_type="application/json")


def _place(host: str) -> Place:
    return _address(host) or host.lower().removesuffix(".")


def _address(host: str) -> IPv4Address | IPv6Address | None:
    try:
        found = ip_address(host)
    except ValueError:
        return None
    return getattr(found, "ipv4_mapped", None) or found
