"""`GET /health`: whether this server can do its work."""

from __future__ import annotations

import asyncio
from importlib.metadata import version
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse

from vp_stream.blocking import in_daemon_thread
from vp_stream.clients.hub import Hub
from vp_stream.clients.session import describe_failure
from vp_stream.http.access import Token
from vp_stream.servings.catalogue import Catalogue, Status

SERVICE = "vacuum-pressure"


class StatusCheck:
    """Reads the status of a catalogue, once for all who ask while it is being read."""

    def __init__(self, catalogue: Catalogue) -> None:
        self._catalogue = catalogue
        self._reading: asyncio.Task[Status] | None = None

    async def now(self) -> Status:
        """The status as it is found by a check that ends after the call."""
        if self._reading is None or self._reading.done():
            self._reading = asyncio.create_task(in_daemon_thread(self._catalogue.status))
        return await asyncio.shield(self._reading)


async def health(request: Request) -> JSONResponse:
    """200 with status `ok`, or `degraded` while an engine run stands failed, the signal of a serving is missing here or
    the live feed is lost; 503 if registry or lake cannot be read.

    On a server with a token whoever does not have it learns the status and nothing else.
    """
    hub: Hub = request.app.state.hub
    check: StatusCheck = request.app.state.status_check
    status = await check.now()
    failures = {serving: describe_failure(error) for serving, error in hub.runs.failures().items()}
    degraded = bool(failures or status.signals_missing or status.live_problem)
    body: dict[str, Any] = {
        "status": "unavailable" if status.problems else "degraded" if degraded else "ok",
        "service": SERVICE,
    }
    token: Token | None = request.app.state.token
    if token is None or token.admits(request):
        body |= _details(request, status, failures)
    return JSONResponse(body, status_code=503 if status.problems else 200)


def _details(request: Request, status: Status, failures: dict[str, str]) -> dict[str, Any]:
    hub: Hub = request.app.state.hub
    counters = request.app.state.metrics.counters
    return {
        "version": version("vp-stream"),
        "instrument": status.instrument,
        "digests": status.digests,
        "clients": hub.clients,
        "bins_sent": counters.bins_sent,
        "bins_skipped": counters.bins_skipped,
        "problems": list(status.problems),
        "engine_failures": failures,
        "signals_missing": dict(status.signals_missing),
        **({} if status.live is None else {"live": {**status.live, "problem": status.live_problem}}),
    }
