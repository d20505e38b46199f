"""Which web pages may open a stream.

A browser lets any page open a WebSocket to any address, 127.0.0.1 included, and sends along who the page is. CORS does
not cover WebSockets, so the server checks it. Programs that are no browsers send no `Origin` and are let in.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from urllib.parse import SplitResult, urlsplit

from vp_stream.errors import SettingsError
from vp_stream.http.hosts import is_loopback

_DEFAULT_PORTS = {"http": 80, "https": 443}


def check_allowed_origin(origin: str) -> None:
    """Raise `SettingsError` unless this is an origin as browsers write it: scheme, host and port, nothing more."""
    parts = _split(origin)
    if parts is None or parts.path or parts.query or parts.fragment or parts.username is not None:
        raise SettingsError(
            f"allow_origin={origin!r}: must be an origin like https://desk.example.com or http://10.0.0.5:8080"
        )


def may_connect(headers: Mapping[str, str], *, allowed: Collection[str], loopback_only: bool) -> bool:
    """Whether a handshake with these headers (lower-case names) may go on.

    Allowed are: no `Origin` at all, one of `allowed`, and the server's own, which is the host and port of the `Host`
    header. With `loopback_only` (the server listens on the loopback interface) its own host must be a loopback name:
    otherwise a foreign name that resolves to 127.0.0.1 would count as the server's own.
    """
    origin = headers.get("origin")
    if origin is None:
        return True
    parts = _split(origin)
    if parts is None:
        return False
    place = _place(parts)
    if any(place == _place(other) for other in map(_split, allowed) if other is not None):
        return True
    own = _split(f"{parts.scheme}://{headers.get('host', '')}")
    if own is None or place != _place(own):
        return False
    return not loopback_only or is_loopback(parts.hostname or "")


def _split(origin: str) -> SplitResult | None:
    try:
        parts = urlsplit(origin)
        port = parts.port
    except ValueError:
        return None
    if parts.scheme not in _DEFAULT_PORTS or not parts.hostname or port == 0:
        return None
    return parts


def _place(parts: SplitResult) -> tuple[str, str, int]:
    return parts.scheme, (parts.hostname or "").lower(), parts.port or _DEFAULT_PORTS[parts.scheme]
