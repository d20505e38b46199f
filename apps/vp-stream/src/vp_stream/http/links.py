"""`GET /v1/servings/{serving_id}/links`: what a client needs to go on checking after bins that it did not get."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from vp_stream.clients.hub import Hub
from vp_stream.errors import Refusal
from vp_stream.http.answers import LinkQuery, ServingLinks
from vp_stream.http.rest import ParameterRefusal, answer


async def serving_links(request: Request) -> Response:
    """Links of a serving's chain from a bin on; 404 if nobody plays it, it has no chain, or the bin is not made yet."""
    hub: Hub = request.app.state.hub
    serving_id: str = request.path_params["serving_id"]

    async def look_up(query: LinkQuery) -> ServingLinks:
        run = hub.runs.of_serving(serving_id)
        if run is None:
            raise Refusal("not_streamed", "nobody plays this serving: open its stream first, and ask by its serving id")
        judged, first = run.spec.judged, query.bin_seq
        if judged is None:
            raise Refusal("no_chain", f"serving {serving_id} has no chain: its runtime_config has no frames member")
        if first > judged.bins:
            raise ParameterRefusal("bin_seq", f"bin_seq={first}: must be from 0 to {judged.bins}")
        async with request.app.state.look_ups.turn():
            before = await run.link_before(first)
        if before is None:
            raise Refusal("not_ready", f"bin {first} is not made yet")
        links = judged.links(first, query.count)
        return ServingLinks(
            serving_id=serving_id, bins=judged.bins, head=judged.head, bin_seq=first, before=before, links=links
        )

    return await answer(request, LinkQuery, look_up)
