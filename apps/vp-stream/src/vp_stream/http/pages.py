"""The built web page as static files, and the headers that keep a browser strict about everything served here."""

from __future__ import annotations

from mimetypes import guess_type
from os import PathLike, stat_result
from pathlib import Path
from typing import Final

from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.responses import HTMLResponse, Response
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_CONTENT_SECURITY_POLICY: Final = "; ".join(
    (
        "default-src 'self'",
        "connect-src 'self'",
        "img-src 'self' data:",
        "object-src 'none'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
    )
)
_HEADERS: Final = {
    "content-security-policy": _CONTENT_SECURITY_POLICY,
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
}
# Windows takes media types from the registry, where .js is sometimes text/plain, which nosniff would not run.
_MEDIA_TYPES: Final = {
    ".js": "text/javascript",
    ".mjs": "text/javascript",
    ".css": "text/css",
    ".wasm": "application/wasm",
}
# The build writes a compressed copy beside each file; the shorter one first.
_ENCODINGS: Final = {"br": ".br", "gzip": ".gz"}
_PAGES: Final = frozenset({".", "index.html", "vacuum-pressure.html", "experiments.html"})
_NOT_BUILT: Final = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<title>Vacuum pressure: page not built</title>
<h1>The page is not built</h1>
<p>The stream server is running, but the directory it serves pages from has no built page in it. Build it in the
<code>web</code> directory of the repository:</p>
<pre>npm ci &amp;&amp; npm run build</pre>
<p>and reload, or name another directory with <code>--web-root</code>.</p>
</body>
</html>
"""


class BuiltPage(StaticFiles):
    """The files of a built page. The directory may come into being while the server runs."""

    def __init__(self, directory: Path) -> None:
        super().__init__(directory=directory, html=True, check_dir=False)
        self.config_checked = True
        self._root = directory

    async def get_response(self, path: str, scope: Scope) -> Response:
        """A file, or a page that says how to build the page."""
        try:
            return await super().get_response(path, scope)
        except HTTPException as error:
            if error.status_code == 404 and path in _PAGES and not (self._root / "index.html").is_file():
                return HTMLResponse(_NOT_BUILT, status_code=404)
            raise

    def file_response(
        self, full_path: str | PathLike[str], stat_result: stat_result, scope: Scope, status_code: int = 200
    ) -> Response:
        """A file with its media type, compressed when there is a compressed copy and the client takes it.

        Files under `assets/` carry a hash in their name and may be kept for ever.
        """
        path = Path(full_path)
        encoding = _encoding_for(path, Headers(scope=scope).get("accept-encoding", ""))
        sent = path
        if encoding is not None:
            sent = path.with_name(path.name + _ENCODINGS[encoding])
            stat_result = sent.stat()
        response = super().file_response(sent, stat_result, scope, status_code)
        response.headers["vary"] = "accept-encoding"
        if encoding is not None:
            response.headers["content-encoding"] = encoding
        media_type = _MEDIA_TYPES.get(path.suffix) or guess_type(path.name)[0]
        if media_type is not None:
            text = media_type.startswith("text/") or path.suffix in _MEDIA_TYPES
            response.headers["content-type"] = f"{media_type}; charset=utf-8" if text else media_type
        hashed = path.parent.name == "assets"
        response.headers["cache-control"] = "public, max-age=31536000, immutable" if hashed else "no-cache"
        return response


def _encoding_for(path: Path, accepted: str) -> str | None:
    """The best encoding of a file that the client takes and of which there is a copy.

    >>> _encoding_for(Path("no-such-file.js"), "gzip, br") is None
    True
    """
    taken: dict[str, bool] = {}
    for part in accepted.lower().split(","):
        name, _, quality = part.partition(";")
        taken[name.strip()] = quality.replace(" ", "") not in {"q=0", "q=0.0", "q=0.00", "q=0.000"}
    for name, suffix in _ENCODINGS.items():
        if taken.get(name, taken.get("*", False)) and _is_copy(path.with_name(path.name + suffix), path):
            return name
    return None


def _is_copy(copy: Path, of: Path) -> bool:
    """Whether the copy is there and not left over from an earlier build."""
    return copy.is_file() and copy.stat().st_mtime_ns >= of.stat().st_mtime_ns


class SecurityHeaders:
    """Adds the headers to every HTTP response that does not set its own."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass everything through, adding the headers when a response starts."""

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in _HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        await self._app(scope, receive, send_with_headers if scope["type"] == "http" else send)
