"""Where the server is put together. Nothing is computed here."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.routing import Mount, Route, WebSocketRoute
from starlette.websockets import WebSocket

from vp_contract import PREVIEW_PATH, STREAM_PATH
from vp_harness import Lake, ResultsStore
from vp_stream.clients.hub import Hub
from vp_stream.clients.protocol import CLOSE_REFUSED
from vp_stream.frames.framelog import BlockCache
from vp_stream.frames.runs import RunSpec, RunTable
from vp_stream.frames.tidying import Tidier
from vp_stream.http.access import SIGN_IN_PATH, TokenGuard, sign_in
from vp_stream.http.experiments import StoredExperiments
from vp_stream.http.health import StatusCheck, health
from vp_stream.http.hosts import HostGuard, HostNames, is_loopback
from vp_stream.http.links import serving_links
from vp_stream.http.openapi import OPENAPI_PATH, openapi
from vp_stream.http.origin import may_connect
from vp_stream.http.pages import BuiltPage, SecurityHeaders
from vp_stream.http.research.desk import Desk
from vp_stream.http.research.launch import Launcher
from vp_stream.http.research.routes import ROUTES
from vp_stream.http.rest import (
    LookUps,
    http_error,
    list_runs,
    list_servings,
    run_detail,
    run_trades,
    serving_history,
)
from vp_stream.metrics import Metrics, metrics
from vp_stream.servings.catalogue import Catalogue
from vp_stream.servings.preview import Previews
from vp_stream.servings.published import LakeCatalogue
from vp_stream.settings import StreamSettings


def create_app(
    settings: StreamSettings, *, catalogue: Catalogue | None = None, pinned: Sequence[RunSpec] = ()
) -> Starlette:
    """The ASGI application: stream, REST, health and the built page.

    Servings come from the registry and lake of `settings` unless another `catalogue` is given. The runs of `pinned`
    begin with the server. Any ASGI server can run it, once; `serve` does so with the transport settings the stream
    needs. Raises `SettingsError` when the telemetry file cannot be written.
    """
    chosen = (
        catalogue
        if catalogue is not None
        else LakeCatalogue(
            Lake(settings.lake_root),
            settings.config_root,
            settings.registry_url,
            registry_timeout_s=settings.registry_timeout_s,
        )
    )
    latency = settings.open_latency_log()

    @contextlib.asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        app.state.metrics = kept = Metrics()
        runs = RunTable(BlockCache(), (kept,) if latency is None else (kept, latency))
        app.state.look_ups = LookUps()
        app.state.launcher = launcher = Launcher(settings.lake_root, settings.config_root)
        app.state.status_check = status_check = StatusCheck(chosen)
        app.state.hub = hub = Hub(chosen, runs, settings.limits(), kept)
        kept.watch(hub)
        watching = asyncio.create_task(kept.watch_loop())
        tidier = Tidier(
            runs,
            hub.runs_in_use,
            Lake(settings.lake_root).stream_caches_dir,
            max_log_bytes=settings.max_log_bytes,
            max_idle_engines=settings.max_idle_engines,
            every_s=settings.tidy_s,
        )
        tidying = asyncio.create_task(tidier.loop())
        if latency is not None:
            kept.watch_telemetry(latency)
        # The digests of the kernels take seconds where these are not compiled yet: not at the first client's expense.
        for spec in pinned:
            await runs.get(spec)
        app.state.warming = warming = asyncio.create_task(status_check.now())
        try:
            yield
        finally:
            warming.cancel()
            await launcher.close()
            tidying.cancel()
            await hub.drain(settings.shutdown_s / 2)
            await runs.close(settings.shutdown_s / 4)
            watching.cancel()
            if latency is not None:
                latency.close()

    previews = Previews(Lake(settings.lake_root), settings.config_root)

    async def stream(websocket: WebSocket) -> None:
        if may_connect(websocket.headers, allowed=settings.allow_origins, loopback_only=is_loopback(settings.host)):
            shown = previews if websocket.url.path == PREVIEW_PATH else None
            await websocket.app.state.hub.handle(websocket, shown)
        else:
            await websocket.close(CLOSE_REFUSED)  # before the accept: the handshake is answered with 403

    names = HostNames(settings.host, settings.allow_hosts, settings.allow_origins)
    middleware = [Middleware(SecurityHeaders), Middleware(HostGuard, names)]
    if settings.token is not None:
        middleware.append(Middleware(TokenGuard, settings.token))
    app = Starlette(
        routes=[
            WebSocketRoute(STREAM_PATH, stream),
            WebSocketRoute(PREVIEW_PATH, stream),
            Route("/health", health, methods=["GET"]),
            Route("/metrics", metrics, methods=["GET"]),
            Route(OPENAPI_PATH, openapi, methods=["GET"]),
            Route("/v1/experiments/runs", list_runs, methods=["GET"]),
            Route("/v1/experiments/runs/{run_id}/detail", run_detail, methods=["GET"]),
            Route("/v1/experiments/runs/{run_id}/trades", run_trades, methods=["GET"]),
            *ROUTES,
            Route("/v1/servings", list_servings, methods=["GET"]),
            Route("/v1/servings/{alias}/history", serving_history, methods=["GET"]),
            Route("/v1/servings/{serving_id}/links", serving_links, methods=["GET"]),
            Route(SIGN_IN_PATH, sign_in, methods=["GET", "POST"]),
            Mount("/", BuiltPage(settings.page_root)),
        ],
        middleware=middleware,
        exception_handlers={HTTPException: http_error},
        lifespan=lifespan,
    )
    app.state.catalogue = chosen
    app.state.token = settings.token
    app.state.settings = settings
    app.state.desk = Desk(Lake(settings.lake_root), settings.config_root, settings.registry_url)
    app.state.experiments = StoredExperiments(ResultsStore(Lake(settings.lake_root)), chosen)
    return app
