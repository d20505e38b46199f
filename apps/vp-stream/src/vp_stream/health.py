"""`GET /health`: whether this server can do its work."""

from __future__ import annotations

from importlib.metadata import version
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse

from vp_stream.blocking import in_daemon_thread
from vp_stream.catalogue import Catalogue
from vp_stream.hub import Hub
from vp_stream.session import describe_failure

SERVICE = "vacuum-pressure"


async def health(request: Request) -> JSONResponse:
    """200 with status `ok`, or `degraded` while an engine run stands failed; 503 if registry or lake cannot be read."""
    catalogue: Catalogue = request.app.state.catalogue
    hub: Hub = request.app.state.hub
    status = await in_daemon_thread(catalogue.status)
    failures = {serving: describe_failure(error) for serving, error in hub.runs.failures().items()}
    body: dict[str, Any] = {
        "status": "unavailable" if status.problems else "degraded" if failures else "ok",
        "service": SERVICE,
        "version": version("vp-stream"),
        "instrument": status.instrument,
        "digests": status.digests,
        "clients": hub.clients,
        "bins_sent": hub.counters.bins_sent,
        "bins_skipped": hub.counters.bins_skipped,
        "problems": list(status.problems),
        "engine_failures": failures,
    }
    return JSONResponse(body, status_code=503 if status.problems else 200)
