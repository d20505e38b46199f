"""Who may change anything over HTTP, and how what they send is read.

A change needs the server's token; of a server without one, it has to come from this machine, to a server that only
this machine can reach, under a loopback name and through no proxy. A browser says which page sends it: only a page of
this server may. The body has to be JSON, which a form of another page cannot send.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Final, TypeVar

import msgspec
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from vp_contract import SpecError, decode_json, shown
from vp_stream.errors import Refusal
from vp_stream.http.answers import ErrorAnswer
from vp_stream.http.hosts import host_of, is_loopback
from vp_stream.http.origin import may_connect
from vp_stream.http.research.answers import Permission
from vp_stream.http.rest import NoQuery, ParameterRefusal, answer, parse_parameters
from vp_stream.settings import StreamSettings

B = TypeVar("B", bound=msgspec.Struct)

MAX_BODY_BYTES: Final = 256 * 1024

_FORWARDED: Final = ("forwarded", "x-forwarded-for", "x-forwarded-host", "x-real-ip")
_STATUS: Final[Mapping[str, int]] = {
    "forbidden": 403,
    "unknown_run": 404,
    "unknown_serving": 404,
    "unknown_experiment": 404,
    "too_long": 408,
    "too_large": 413,
    "not_json": 415,
    "bad_body": 422,
    "bad_query": 422,
    "unavailable": 503,
    "busy": 503,
}
"""HTTP status by the code of a refusal; any other says that things are not as they have to be (409)."""


def check_may_change(request: Request) -> None:
    """Raise `Refusal` with the code `forbidden` unless a request may change something."""
    settings: StreamSettings = request.app.state.settings
    headers = request.headers
    if headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none") or not may_connect(
        headers, allowed=(), loopback_only=is_loopback(settings.host)
    ):
        raise Refusal("forbidden", "only a page of this server may change anything")
    if settings.token is not None:
        return  # the guard has seen it, or nothing would have come here
    client = "" if request.client is None else request.client.host
    host = host_of(headers.get("host", "")) or ""
    proxied = settings.forwarded_allow_ips is not None or any(name in headers for name in _FORWARDED)
    if proxied or not (is_loopback(settings.host) and client and is_loopback(client) and is_loopback(host)):
        raise Refusal(
            "forbidden",
            "without a token changes are taken from this machine alone, of a server that listens on loopback: give the "
            "server a token",
        )


async def permission(request: Request) -> Response:
    """`GET /v1/permission`: whether whoever asks may change anything here."""

    async def read(_: NoQuery) -> Permission:
        try:
            check_may_change(request)
        except Refusal as refusal:
            return Permission(allowed=False, reason=str(refusal))
        return Permission(allowed=True, reason="")

    return await answer(request, NoQuery, read)


async def change(request: Request, body_type: type[B], make: Callable[[B], Awaitable[object]]) -> Response:
    """What a change comes to, or why it was not made, as JSON."""
    try:
        check_may_change(request)
        parse_parameters(request.query_params.multi_items(), NoQuery)
        body = await _body(request, body_type)
        made = await make(body)
    except Refusal as refusal:
        parameter = refusal.parameter if isinstance(refusal, ParameterRefusal) else None
        refused = ErrorAnswer(code=refusal.code, message=str(refusal), parameter=parameter)
        return _json(refused, _STATUS.get(refusal.code, 409))
    return _json(made, 200)


async def _body(request: Request, body_type: type[B]) -> B:
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/json":
        raise Refusal("not_json", f"content-type={shown(kind)}: must be application/json")
    content = b""
    try:
        async for chunk in request.stream():
            content += chunk
            if len(content) > MAX_BODY_BYTES:
                raise Refusal("too_large", f"body: is too long; must be at most {MAX_BODY_BYTES} bytes")
    except ClientDisconnect as error:
        raise Refusal("too_long", "body: did not come") from error
    try:
        return decode_json(content, msgspec.json.Decoder(body_type))
    except SpecError as error:
        raise Refusal("bad_body", str(error) if error.field else f"body: {error.problem}") from error


def _json(value: object, status: int) -> Response:
    headers = {"cache-control": "no-store"}
    return Response(msgspec.json.encode(value), status_code=status, headers=headers, media_type="application/json")
