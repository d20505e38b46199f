"""The routes of the research page."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Final, TypeVar

import msgspec
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from vp_stream.errors import Refusal
from vp_stream.http.research.answers import EquityQuery, PromoteBody, RollbackBody, StartBody, Started, StopBody
from vp_stream.http.research.changes import change, permission
from vp_stream.http.research.desk import Desk
from vp_stream.http.research.launch import Launcher
from vp_stream.http.rest import LookUps, NoQuery, answer

Q = TypeVar("Q", bound=msgspec.Struct)
B = TypeVar("B", bound=msgspec.Struct)


async def run_equity(request: Request) -> Response:
    """`GET /v1/experiments/runs/{run_id}/equity`: its equity at a threshold; 404 if there is no such."""
    experiments, run_id = request.app.state.experiments, request.path_params["run_id"]
    return await _found(request, EquityQuery, lambda query: experiments.equity(run_id, query))


async def list_datasets(request: Request) -> Response:
    """`GET /v1/datasets`: every dataset of the lake with its state and lineage."""
    return await _found(request, NoQuery, lambda _: _desk(request).datasets())


async def dataset_detail(request: Request) -> Response:
    """`GET /v1/datasets/{dataset_id}/detail`: what a dataset records of itself; 404 if there is none."""
    return await _found(request, NoQuery, lambda _: _desk(request).dataset(request.path_params["dataset_id"]))


async def list_published(request: Request) -> Response:
    """`GET /v1/servings/published`: every published serving, also those no alias points to."""
    return await _found(request, NoQuery, lambda _: _desk(request).published())


async def serving_detail(request: Request) -> Response:
    """`GET /v1/servings/{name}/detail`: a published serving by alias or id; 404 if there is none."""
    return await _found(request, NoQuery, lambda _: _desk(request).serving(request.path_params["name"]))


async def promote_run(request: Request) -> Response:
    """`POST /v1/servings/{alias}/promote`: publish a run and point the alias at it."""
    alias = request.path_params["alias"]
    return await _changed(request, PromoteBody, lambda body: _desk(request).promote(alias, body))


async def roll_back(request: Request) -> Response:
    """`POST /v1/servings/{alias}/rollback`: point the alias back at what it served before."""
    alias = request.path_params["alias"]
    return await _changed(request, RollbackBody, lambda body: _desk(request).rollback(alias, body))


async def list_experiments(request: Request) -> Response:
    """`GET /v1/experiments/specs`: the specs under the config root."""
    return await _found(request, NoQuery, lambda _: _desk(request).experiments())


async def started(request: Request) -> Response:
    """`GET /v1/experiments/started`: how the last experiment that was started here stands."""

    async def read(_: NoQuery) -> Started:
        return _launcher(request).state

    return await answer(request, NoQuery, read)


async def start_experiment(request: Request) -> Response:
    """`POST /v1/experiments/start`: start an experiment, if none runs and its spec holds."""

    async def make(body: StartBody) -> Started:
        look_ups: LookUps = request.app.state.look_ups
        name = await look_ups.run(lambda: _desk(request).checked(body))
        return await _launcher(request).start(name, body.yaml)

    return await change(request, StartBody, make)


async def stop_experiment(request: Request) -> Response:
    """`POST /v1/experiments/stop`: stop the experiment that runs."""

    async def make(_: StopBody) -> Started:
        return await _launcher(request).stop()

    return await change(request, StopBody, make)


async def follow_started(request: Request) -> Response:
    """`GET /v1/experiments/started/events`: the same as server-sent events, up to its end."""
    states = _launcher(request).follow()
    try:
        first = await anext(states)
    except Refusal as refusal:
        refused = refusal
        return await answer(request, NoQuery, lambda _: _raise(refused))

    async def events() -> AsyncIterator[bytes]:
        async with contextlib.aclosing(states):
            yield _event(first)
            async for state in states:
                yield b": still there\n\n" if state is None else _event(state)

    return StreamingResponse(events(), media_type="text/event-stream", headers={"cache-control": "no-store"})


async def _raise(refusal: Refusal) -> object:
    raise refusal


def _event(state: Started | None) -> bytes:
    return b"data: " + msgspec.json.encode(state) + b"\n\n"


async def _not_allowed(_: Request) -> Response:
    """Any other method: without this the files of the page would say that there is no such path."""
    raise HTTPException(405, headers={"allow": "POST"})


def _change_route(path: str, endpoint: Callable[[Request], Awaitable[Response]]) -> tuple[Route, Route]:
    others = ["GET", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"]
    return Route(path, endpoint, methods=["POST"]), Route(path, _not_allowed, methods=others)


ROUTES: Final = (
    Route("/v1/experiments/runs/{run_id}/equity", run_equity, methods=["GET"]),
    Route("/v1/datasets", list_datasets, methods=["GET"]),
    Route("/v1/datasets/{dataset_id}/detail", dataset_detail, methods=["GET"]),
    Route("/v1/servings/published", list_published, methods=["GET"]),
    Route("/v1/servings/{name}/detail", serving_detail, methods=["GET"]),
    *_change_route("/v1/servings/{alias}/promote", promote_run),
    *_change_route("/v1/servings/{alias}/rollback", roll_back),
    Route("/v1/experiments/specs", list_experiments, methods=["GET"]),
    Route("/v1/experiments/started", started, methods=["GET"]),
    Route("/v1/experiments/started/events", follow_started, methods=["GET"]),
    *_change_route("/v1/experiments/start", start_experiment),
    *_change_route("/v1/experiments/stop", stop_experiment),
    Route("/v1/permission", permission, methods=["GET"]),
)


def _desk(request: Request) -> Desk:
    desk: Desk = request.app.state.desk
    return desk


def _launcher(request: Request) -> Launcher:
    launcher: Launcher = request.app.state.launcher
    return launcher


async def _found(request: Request, query_type: type[Q], look_up: Callable[[Q], object]) -> Response:
    look_ups: LookUps = request.app.state.look_ups
    return await answer(request, query_type, lambda query: look_ups.run(lambda: look_up(query)))


async def _changed(request: Request, body_type: type[B], make: Callable[[B], object]) -> Response:
    look_ups: LookUps = request.app.state.look_ups
    return await change(request, body_type, lambda body: look_ups.run(lambda: make(body)))
