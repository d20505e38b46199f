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
from vp_stream.http.research.answers import (
    DatasetDetail,
    DatasetList,
    Equity,
    EquityQuery,
    ExperimentFiles,
    Permission,
    PromoteBody,
    Promoted,
    PublishedList,
    RollbackBody,
    ServingDetail,
    StartBody,
    Started,
    StopBody,
)

OPENAPI_PATH: Final = "/openapi.json"


class Operation(NamedTuple):
    """A route: its path, what it is for, its parameters, and what it answers with which status. With a body it is a
    POST, else a GET."""

    path: str
    name: str
    summary: str
    answers: dict[int, tuple[str, type[Struct]]]
    query: type[Struct] | None = None
    path_parameter: str | None = None
    meaning: str = ""
    body: type[Struct] | None = None


_WRONG = (422, ("A parameter is unknown, repeated or not what it may be; which one and why", ErrorAnswer))
_GONE = (503, ("What has to be read cannot be read now", ErrorAnswer))


_CHANGES: Final = (
    (403, ("Who asks may not change anything here", ErrorAnswer)),
    (404, ("No such alias, run or serving", ErrorAnswer)),
    (409, ("Things are not as they have to be; `code` and `message` say which", ErrorAnswer)),
    (413, ("The body is too large", ErrorAnswer)),
    (415, ("The body is not sent as JSON", ErrorAnswer)),
    (422, ("The body is not what it may be", ErrorAnswer)),
    _GONE,
)
"""What a change answers with beside 200."""


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
    Operation(
        "/v1/experiments/runs/{run_id}/equity",
        "run_equity",
        "The sum of the pnl of a run at a threshold over time, under each fill model",
        dict([(200, ("The curves", Equity)), _no("run or threshold"), _WRONG, _GONE]),
        query=EquityQuery,
        path_parameter="run_id",
        meaning="Sixteen hex digits",
    ),
    Operation(
        "/v1/datasets",
        "list_datasets",
        "Every dataset of the lake with its state and lineage",
        dict([(200, ("The datasets", DatasetList)), _WRONG, _GONE]),
    ),
    Operation(
        "/v1/datasets/{dataset_id}/detail",
        "dataset_detail",
        "What a dataset records of itself: certificate, sources, counts, config, digests",
        dict([(200, ("The dataset", DatasetDetail)), _no("dataset"), _WRONG, _GONE]),
        path_parameter="dataset_id",
        meaning="A dataset id",
    ),
    Operation(
        "/v1/servings/published",
        "list_published",
        "Every published serving, also those that no alias points to",
        dict([(200, ("The servings", PublishedList)), _WRONG, _GONE]),
    ),
    Operation(
        "/v1/servings/{name}/detail",
        "serving_detail",
        "A published serving: run, config and evidence",
        dict([(200, ("The serving", ServingDetail)), _no("serving"), _WRONG, _GONE]),
        path_parameter="name",
        meaning="An alias or a serving id",
    ),
    Operation(
        "/v1/servings/{alias}/promote",
        "promote",
        "Publish a run and point the alias at it, through the gates of `vp promote`",
        dict([(200, ("What it serves now", Promoted)), *_CHANGES]),
        path_parameter="alias",
        meaning="An alias, which need not be there yet",
        body=PromoteBody,
    ),
    Operation(
        "/v1/servings/{alias}/rollback",
        "rollback",
        "Point the alias back at what it served before",
        dict([(200, ("What it serves now", Promoted)), *_CHANGES]),
        path_parameter="alias",
        meaning="An alias",
        body=RollbackBody,
    ),
    Operation(
        "/v1/experiments/specs",
        "list_experiments",
        "The specs of experiments under the config root",
        dict([(200, ("The specs", ExperimentFiles)), _WRONG, _GONE]),
    ),
    Operation(
        "/v1/experiments/started",
        "started",
        "How the last experiment that was started here stands; /v1/experiments/started/events has it as server-sent "
        "events",
        dict([(200, ("How it stands", Started)), _WRONG]),
    ),
    Operation(
        "/v1/experiments/start",
        "start_experiment",
        "Start an experiment, if none runs and its spec holds",
        dict([(200, ("How it stands", Started)), *_CHANGES]),
        body=StartBody,
    ),
    Operation(
        "/v1/experiments/stop",
        "stop_experiment",
        "Stop the experiment that runs; what it has stored stays",
        dict([(200, ("How it ended", Started)), *_CHANGES]),
        body=StopBody,
    ),
    Operation(
        "/v1/permission",
        "permission",
        "Whether whoever asks may change anything here",
        dict([(200, ("Whether, and if not why not", Permission)), _WRONG]),
    ),
)


def openapi_document() -> dict[str, Any]:
    """The OpenAPI 3.1 document, as plain JSON values."""
    answers = {struct for operation in OPERATIONS for _, struct in operation.answers.values()}
    bodies = {operation.body for operation in OPERATIONS if operation.body is not None}
    types = sorted(answers | bodies, key=lambda struct: struct.__name__)
    references, components = msgspec.json.schema_components(types, ref_template="#/components/schemas/{name}")
    schema_of = dict(zip(types, references, strict=True))
    document = {
        "openapi": "3.1.0",
        "info": {
            "title": "Vacuum pressure",
            "version": version("vp-stream"),
            "description": "Routes of the stream server; a server with a token answers 401 without it to all but "
            "/health. What changes anything is a POST, and taken with the token or on loopback only. The stream itself "
            "is described in asyncapi.json, /metrics is for Prometheus.",
        },
        "paths": {
            operation.path: {"get" if operation.body is None else "post": _described(operation, schema_of)}
            for operation in OPERATIONS
        },
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
            {"name": name, "in": "query", "required": name in fields.get("required", ()), "schema": schema}
            for name, schema in fields["properties"].items()
        ]
    described: dict[str, Any] = {
        "operationId": operation.name,
        "summary": operation.summary,
        "parameters": parameters,
        "responses": {
            str(status): {"description": meaning, "content": {"application/json": {"schema": schema_of[struct]}}}
            for status, (meaning, struct) in operation.answers.items()
        },
    }
    if operation.body is not None:
        described["requestBody"] = {
            "required": True,
            "content": {"application/json": {"schema": schema_of[operation.body]}},
        }
    return described
