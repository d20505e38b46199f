"""The read-only REST routes about servings."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse

from vp_stream.blocking import in_daemon_thread
from vp_stream.catalogue import Catalogue
from vp_stream.errors import Refusal


async def list_servings(request: Request) -> JSONResponse:
    """`GET /v1/servings`: every alias and the serving it points to."""
    unknown = _unknown_parameter(request)
    if unknown is not None:
        return unknown
    catalogue: Catalogue = request.app.state.catalogue
    return await _answer(lambda: {"servings": catalogue.servings()})


async def serving_history(request: Request) -> JSONResponse:
    """`GET /v1/servings/{alias}/history`: the audit trail of an alias; 404 if there is no such alias."""
    unknown = _unknown_parameter(request)
    if unknown is not None:
        return unknown
    catalogue: Catalogue = request.app.state.catalogue
    alias: str = request.path_params["alias"]
    return await _answer(lambda: {"alias": alias, "history": catalogue.history(alias)})


async def _answer(look_up: Callable[[], dict[str, Any]]) -> JSONResponse:
    try:
        return JSONResponse(await in_daemon_thread(look_up))
    except Refusal as refusal:
        return _error(503 if refusal.code == "unavailable" else 404, refusal.code, str(refusal))


def _unknown_parameter(request: Request) -> JSONResponse | None:
    for name in request.query_params:
        return _error(422, "bad_query", f"{name!r}: this route takes no parameters")
    return None


def _error(status: int, code: str, message: str) -> JSONResponse:
    return JSONResponse({"type": "error", "code": code, "message": message}, status_code=status)
