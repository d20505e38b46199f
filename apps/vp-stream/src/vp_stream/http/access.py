"""The optional bearer token: who may talk to the server at all.

Programs send `Authorization: Bearer <token>`, with the WebSocket handshake too. A browser cannot do that for a page or
a WebSocket, so it signs in once: `/sign-in` takes the token from a form and gives a cookie that is derived from it, and
that scripts cannot read. Without a token configured nothing of this is there.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import re
from pathlib import Path
from typing import Final
from urllib.parse import parse_qs, quote, urlsplit

import msgspec
from starlette.datastructures import Headers
from starlette.requests import ClientDisconnect, HTTPConnection, Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send
from starlette.websockets import WebSocket

from vp_stream.errors import SettingsError
from vp_stream.http.answers import ErrorAnswer

SIGN_IN_PATH: Final = "/sign-in"
OPEN_PATHS: Final = frozenset({SIGN_IN_PATH, "/health"})
"""What is answered without a token; `/health` then says no more than its status."""

TOKEN_VARIABLE: Final = "VP_STREAM_TOKEN"

_COOKIE: Final = "vp_stream_session"
_COOKIE_MAX_AGE_S: Final = 30 * 24 * 3600
_TOKEN: Final = re.compile(r"[A-Za-z0-9._~+/=-]{16,512}", re.ASCII)
_MAX_FORM_BYTES: Final = 4096
_FORM_POLICY: Final = "default-src 'none'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
_FORM: Final = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>Vacuum pressure: sign in</title>
<h1>Sign in</h1>
<p>This server asks for its token; whoever runs it has it.</p>
{problem}<form method="post">
<label>Token <input type="password" name="token" autocomplete="current-password" required autofocus></label>
<button>Sign in</button>
</form>
</html>
"""


class Token:
    """A shared secret of 16 to 512 characters A-Z a-z 0-9 - . _ ~ + / =. Never shown by `repr`.

    Raises `SettingsError`, which does not repeat it either, for anything else.
    """

    def __init__(self, secret: str) -> None:
        if _TOKEN.fullmatch(secret) is None:
            raise SettingsError(f"token: has {len(secret)} characters; must be 16 to 512 of A-Z a-z 0-9 - . _ ~ + / =")
        self._secret = secret.encode()
        self.cookie = hmac.new(self._secret, b"vp-stream session cookie", hashlib.sha256).hexdigest()
        """What a browser holds that signed in."""

    def __repr__(self) -> str:
        return "Token(...)"

    def matches(self, secret: str) -> bool:
        """Whether this is the secret, compared in a time that does not depend on it."""
        return hmac.compare_digest(secret.encode(), self._secret)

    def admits(self, connection: HTTPConnection) -> bool:
        """Whether a request or handshake carries the token, or the cookie of a browser that signed in."""
        scheme, _, credentials = connection.headers.get("authorization", "").partition(" ")
        if scheme.lower() == "bearer" and self.matches(credentials.strip()):
            return True
        return hmac.compare_digest(connection.cookies.get(_COOKIE, "").encode(), self.cookie.encode())


def read_token(path: Path | None) -> Token | None:
    """The token in a file, else in the environment variable VP_STREAM_TOKEN, else None.

    It is never taken from a command line, which every user of the machine can read. Raises `SettingsError`.
    """
    try:
        secret = os.environ.get(TOKEN_VARIABLE) if path is None else path.read_text(encoding="ascii")
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"token_file={str(path)!r}: cannot be read ({error})") from error
    return None if secret is None else Token(secret.strip())


class TokenGuard:
    """Lets through what carries the token. Programs are answered 401, browsers that open a page are sent to sign in."""

    def __init__(self, app: ASGIApp, token: Token) -> None:
        self._app = app
        self._token = token

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on, or answer."""
        if (
            scope["type"] not in ("http", "websocket")
            or scope["path"] in OPEN_PATHS
            or self._token.admits(HTTPConnection(scope))
        ):
            await self._app(scope, receive, send)
        elif scope["type"] == "websocket":
            await WebSocket(scope, receive, send).send_denial_response(_unauthorized())
        elif _wants_page(scope):
            query = scope["query_string"].decode("latin-1")
            wanted = scope["path"] + (f"?{query}" if query else "")
            await RedirectResponse(f"{SIGN_IN_PATH}?next={quote(wanted)}", 303)(scope, receive, send)
        else:
            await _unauthorized()(scope, receive, send)


async def sign_in(request: Request) -> Response:
    """`GET /sign-in`: a form; `POST`: the cookie for the right token, and on to the page that was asked for."""
    token: Token | None = request.app.state.token
    target = _own_path(request.query_params.get("next", "/"))
    if token is None or (request.method != "POST" and token.admits(request)):
        return RedirectResponse(target, 303)
    if request.method != "POST":
        return _form("", 200)
    body = b""
    try:
        async for chunk in request.stream():
            body += chunk
            if len(body) > _MAX_FORM_BYTES:
                return _form("That is no token.", 413)
    except ClientDisconnect:
        return Response(status_code=408)  # nobody reads it: the client is gone, or took too long
    given = parse_qs(body.decode("latin-1")).get("token", [""])[0]
    if not token.matches(given.strip()):
        return _form("That is not the token.", 401)
    response = RedirectResponse(target, 303)
    response.set_cookie(
        _COOKIE,
        token.cookie,
        max_age=_COOKIE_MAX_AGE_S,
        secure=request.url.scheme == "https",
        httponly=True,
        samesite="strict",
    )
    return response


def _form(problem: str, status: int) -> Response:
    alert = f"<p role=alert>{problem}</p>\n" if problem else ""
    headers = {"cache-control": "no-store", "content-security-policy": _FORM_POLICY}
    return HTMLResponse(_FORM.format(problem=alert), status, headers=headers)


def _unauthorized() -> Response:
    answer = ErrorAnswer(code="unauthorized", message="this server wants 'Authorization: Bearer <its token>'")
    headers = {"www-authenticate": "Bearer", "cache-control": "no-store"}
    return Response(msgspec.json.encode(answer), 401, headers=headers, media_type="application/json")


def _wants_page(scope: Scope) -> bool:
    return scope["method"] in ("GET", "HEAD") and "text/html" in Headers(scope=scope).get("accept", "")


def _own_path(target: str) -> str:
    """The target if it is a path of this server, else its first page: a link must not send a browser elsewhere."""
    try:
        parts = urlsplit(target)
    except ValueError:
        return "/"
    own = not parts.scheme and not parts.netloc and target.startswith("/") and not target.startswith("//")
    return target if own and "\\" not in target and target.isprintable() else "/"
