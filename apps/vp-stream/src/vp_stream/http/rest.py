"""The read-only REST routes about servings and experiments."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from typing import Final, TypeVar

import msgspec
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from vp_contract import SpecError, convert_text, shown
from vp_stream.blocking import in_daemon_thread
from vp_stream.errors import Refusal
from vp_stream.http.answers import ErrorAnswer, RunQuery, TradeQuery

T = TypeVar("T")
Q = TypeVar("Q", bound=msgspec.Struct)

_STATUS: Final[Mapping[str, int]] = {"unavailable": 503, "dataset_damaged": 503, "busy": 503, "bad_query": 422}
"""HTTP status by the code of a refusal; any other is a thing that is not there."""
_LONGEST_NAME: Final = 80
_AT_ONCE: Final = 4
_WAITING: Final = 64


class NoQuery(msgspec.Struct, frozen=True):
    """The query of a route that takes no parameters."""


class ParameterRefusal(Refusal):
    """A parameter of a request is not what it may be."""

    def __init__(self, parameter: str, message: str) -> None:
        super().__init__("bad_query", message)
        self.parameter = parameter


class LookUps:
    """Runs blocking look-ups a few at a time; more than `_WAITING` waiting ones are turned away."""

    def __init__(self) -> None:
        self._free = asyncio.Semaphore(_AT_ONCE)
        self._waiting = 0

    async def run(self, look_up: Callable[[], T]) -> T:
        """What `look_up` returns. Raises `Refusal` with the code `busy`, and what `look_up` raises."""
        async with self.turn():
            return await in_daemon_thread(look_up)

    @contextlib.asynccontextmanager
    async def turn(self) -> AsyncIterator[None]:
        """A block that is one look-up. Raises `Refusal` with the code `busy`."""
        if self._waiting >= _WAITING:
            raise Refusal("busy", "too many requests are waiting; try again later")
        self._waiting += 1
        try:
            async with self._free:
                yield
        finally:
            self._waiting -= 1


async def list_servings(request: Request) -> Response:
    """`GET /v1/servings`: every alias and the serving it points to."""
    catalogue = request.app.state.catalogue
    return await _answer(request, NoQuery, lambda _: {"servings": catalogue.servings()})


async def serving_history(request: Request) -> Response:
    """`GET /v1/servings/{alias}/history`: the audit trail of an alias; 404 if there is no such alias."""
    catalogue, alias = request.app.state.catalogue, request.path_params["alias"]
    return await _answer(request, NoQuery, lambda _: {"alias": alias, "history": catalogue.history(alias)})


async def list_runs(request: Request) -> Response:
    """`GET /v1/experiments/runs`: finished runs at their best threshold, best first, and the filter choices."""
    return await _answer(request, RunQuery, request.app.state.experiments.runs)


async def run_detail(request: Request) -> Response:
    """`GET /v1/experiments/runs/{run_id}/detail`: one run with all its thresholds; 404 if there is no such run."""
    experiments, run_id = request.app.state.experiments, request.path_params["run_id"]
    return await _answer(request, NoQuery, lambda _: experiments.detail(run_id))


async def run_trades(request: Request) -> Response:
    """`GET /v1/experiments/runs/{run_id}/trades`: the trades of a run; 404 if there is no such run or threshold."""
    experiments, run_id = request.app.state.experiments, request.path_params["run_id"]
    return await _answer(request, TradeQuery, lambda query: experiments.trades(run_id, query))


async def http_error(request: Request, error: Exception) -> Response:
    """What Starlette itself refuses (no such route, another method), in the shape of this API below `/v1/`."""
    status = error.status_code if isinstance(error, HTTPException) else 500
    headers = error.headers if isinstance(error, HTTPException) else None
    text = error.detail if isinstance(error, HTTPException) else "internal error"
    if not request.url.path.startswith("/v1/"):
        return PlainTextResponse(text, status_code=status, headers=headers)
    if status == 404:
        text = f"path={shown(request.url.path)}: there is no such route; /openapi.json lists those there are"
    elif status == 405 and headers:
        text = f"method={request.method}: is not taken here; allowed: {headers.get('allow', 'none')}"
    answer = ErrorAnswer(code="not_found" if status == 404 else "bad_request", message=text)
    return _json(answer, status, headers)


async def _answer(request: Request, query_type: type[Q], look_up: Callable[[Q], object]) -> Response:
    look_ups: LookUps = request.app.state.look_ups
    return await answer(request, query_type, lambda query: look_ups.run(lambda: look_up(query)))


async def answer(request: Request, query_type: type[Q], look_up: Callable[[Q], Awaitable[object]]) -> Response:
    """What is found for the query of a request, or why nothing is, as JSON."""
    try:
        query = parse_parameters(request.query_params.multi_items(), query_type)
        found = await look_up(query)
    except Refusal as refusal:
        refused = ErrorAnswer(
            code=refusal.code,
            message=str(refusal),
            parameter=refusal.parameter if isinstance(refusal, ParameterRefusal) else None,
        )
        return _json(refused, _STATUS.get(refusal.code, 404))
    return _json(found, 200)


def parse_parameters(pairs: Sequence[tuple[str, str]], query_type: type[Q]) -> Q:
    """The query of a request as a struct, each of its fields given at most once.

    Raises `ParameterRefusal` naming the parameter that is unknown, repeated or not what it may be, and what may.
    """
    fields = {field.name: field for field in msgspec.structs.fields(query_type)}
    values: dict[str, object] = {}
    for name, text in pairs:
        given = f"{name[:_LONGEST_NAME]}={shown(text)}"
        if name not in fields:
            allowed = ", ".join(fields) or "none"
            raise ParameterRefusal(name, f"{given}: there is no such parameter; allowed: {allowed}")
        if name in values:
            raise ParameterRefusal(name, f"{given}: is given more than once; give it once")
        try:
            values[name] = convert_text(text, fields[name].type, field=name)
        except SpecError as error:
            raise ParameterRefusal(name, str(error)) from error
    for name, field in fields.items():
        if field.required and name not in values:
            raise ParameterRefusal(name, f"{name}: is required and missing")
    return query_type(**values)


def _json(value: object, status: int, headers: Mapping[str, str] | None = None) -> Response:
    return Response(msgspec.json.encode(value), status_code=status, headers=headers, media_type="application/json")
