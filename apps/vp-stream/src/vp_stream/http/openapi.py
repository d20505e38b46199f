"""The OpenAPI document of the REST routes, made from the structs they answer with.

vp-stream --openapi > docs/openapi.json
"""

from __future__ import annotations

from importlib.metadata import version
from typing import Any, Final, NamedTuple

import msgspec
from msgspec import Struct
from starlette.requests import Request
from starlette.responses import Response

from vp_stream.http.answers import (
    ErrorAnswer,
    Health,
    LinkQuery,
    RunDetail,
    RunList,
    RunQuery,
    ServingHistory,
    ServingLinks,
    ServingList,
    TradeList,
    TradeQuery,
)

OPENAPI_PATH: Final = "/openapi.json"


class Operation(NamedTuple):
    """A GET route: its path, what it is for, its parameters, and what it answers with which status."""

    path: str
    name: str
    summary: str
    answers: dict[int, tuple[str, type[Struct]]]
    query: type[Struct] | None = None
    path_parameter: str | None = None
    meaning: str = ""


_WRONG = (422, ("A parameter is unknown, repeated or not what it may be; which one and why", ErrorAnswer))
_GONE = (503, ("What has to be read cannot be read now", ErrorAnswer))


def _no(thing: str) -> tuple[int, tuple[str, type[Struct]]]:
    return 404, (f"No such {thing}", ErrorAnswer)


OPERATIONS: Final = (
    Operation(
        "/health",
        "health",
        "Whether the server can do its work",
        {200: ("It can, or an engine run stands failed", Health), 503: ("Registry or lake cannot be read", Health)},
    ),
    Operation(
        "/v1/servings",
        "list_servings",
        "Every alias and the serving it points to",
        dict([(200, ("The aliases", ServingList)), _WRONG, _GONE]),
    ),
    Operation(
        "/v1/servings/{alias}/history",
        "serving_history",
        "The audit trail of an alias",
        dict(
            [(200, ("Its changes, oldest first", ServingHistory)), (404, ("No such alias", ErrorAnswer)), _WRONG, _GONE]
        ),
        path_parameter="alias",
        meaning="An alias",
    ),
    Operation(
        "/v1/servings/{serving_id}/links",
        "serving_links",
        "The hash chain over the frames of a serving that is streamed, from one bin on",
        dict(
            [
                (200, ("Links of the chain", ServingLinks)),
                (404, ("Nobody plays it, it has no chain, or that bin is not made yet", ErrorAnswer)),
                _WRONG,
            ]
        ),
        query=LinkQuery,
        path_parameter="serving_id",
        meaning="The id in runtime_config",
    ),
    Operation(
        "/v1/experiments/runs",
        "list_runs",
        "Finished runs at their best threshold, best first, and what they can be filtered by",
        dict([(200, ("The runs", RunList)), _WRONG, _GONE]),
        query=RunQuery,
    ),
    Operation(
        "/v1/experiments/runs/{run_id}/detail",
        "run_detail",
        "One run with all its thresholds",
        dict([(200, ("The run", RunDetail)), _no("run"), _WRONG, _GONE]),
        path_parameter="run_id",
        meaning="Sixteen hex digits",
    ),
    Operation(
        "/v1/experiments/runs/{run_id}/trades",
        "run_trades",
        "The trades of a run, recomputed from its events",
        dict([(200, ("The trades", TradeList)), _no("run or threshold"), _WRONG, _GONE]),
        query=TradeQuery,
        path_parameter="run_id",
        meaning="Sixteen hex digits",
    ),
)


def openapi_document() -> dict[str, Any]:
    """The OpenAPI 3.1 document, as plain JSON values."""
    types = sorted({struct for o in OPERATIONS for _, struct in o.answers.values()}, key=lambda struct: struct.__name__)
    references, components = msgspec.json.schema_components(types, ref_template="#/components/schemas/{name}")
    schema_of = dict(zip(types, references, strict=True))
    document = {
        "openapi": "3.1.0",
        "info": {
            "title": "Vacuum pressure",
            "version": version("vp-stream"),
            "description": "Read-only routes of the stream server; a server with a token answers 401 without it to "
            "all but /health. The stream itself is described in asyncapi.json, /metrics is for Prometheus.",
        },
        "paths": {operation.path: {"get": _described(operation, schema_of)} for operation in OPERATIONS},
        "components": {"schemas": components},
    }
    plain: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(document))
    return plain


def document_bytes() -> bytes:
    """The document as it is served and kept."""
    return msgspec.json.format(msgspec.json.encode(openapi_document()), indent=2) + b"\n"


async def openapi(_: Request) -> Response:
    """`GET /openapi.json`: this document."""
    return Response(document_bytes(), media_type="application/json")


def _described(operation: Operation, schema_of: dict[type[Struct], dict[str, Any]]) -> dict[str, Any]:
    parameters: list[dict[str, Any]] = []
    if operation.path_parameter is not None:
        parameters.append(
            {
                "name": operation.path_parameter,
                "in": "path",
                "required": True,
                "description": operation.meaning,
                "schema": {"type": "string", "minLength": 1},
            }
        )
    if operation.query is not None:
        ((_, fields),) = msgspec.json.schema_components((operation.query,))[1].items()
        parameters += [
            {"name": name, "in": "query", "required": False, "schema": schema}
            for name, schema in fields["properties"].items()
        ]
    return {
        "operationId": operation.name,
        "summary": operation.summary,
        "parameters": parameters,
        "responses": {
            str(status): {"description": meaning, "content": {"application/json": {"schema": schema_of[struct]}}}
            for status, (meaning, struct) in operation.answers.items()
        },
    }
