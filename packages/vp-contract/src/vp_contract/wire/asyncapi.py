"""The AsyncAPI 3.0 document of the stream, made from the message structs and the column table.

https://www.asyncapi.com/docs/reference/specification/v3.0.0. "send" and "receive" are the server's: it sends bins and
receives what clients ask for.
"""

from __future__ import annotations

from typing import Any, Final

import msgspec

from vp_contract.wire.close import CLOSE_CODES, STREAM_PATH
from vp_contract.wire.columns import grid_columns
from vp_contract.wire.examples import example_config, example_messages
from vp_contract.wire.messages import CONTRACT_VERSION, ClientMessage, ServerMessage
from vp_contract.wire.schema import CLIENT_MESSAGES, SERVER_MESSAGES, plain

_GRID_MESSAGE: Final = "Grid"
_GRID_SCHEMA: Final = "GridBytes"
_ARROW_STREAM: Final = "application/vnd.apache.arrow.stream"
_SERVING: Final[dict[str, Any]] = {
    "type": "object",
    "properties": {
        "serving": {
            "type": "string",
            "pattern": "^[A-Za-z0-9][A-Za-z0-9_.-]{0,127}$",
            "description": "An alias, or the id of a published serving. Exactly once, and nothing beside it.",
        }
    },
    "required": ["serving"],
    "additionalProperties": False,
}


def asyncapi_document() -> dict[str, Any]:
    """The document as plain JSON values, every message with an example."""
    types = (*SERVER_MESSAGES, *CLIENT_MESSAGES)
    _, components = msgspec.json.schema_components(types, ref_template="#/components/schemas/{name}")
    examples = {type(message).__name__: message for message in example_messages()}
    names = [kind.__name__ for kind in types]
    document: dict[str, Any] = plain(
        {
            "asyncapi": "3.0.0",
            "info": {
                "title": "Vacuum-pressure stream",
                "version": CONTRACT_VERSION,
                "description": (
                    "Replays a promoted serving bin by bin. Readers ignore fields and message types they do not "
                    "know: a new minor version adds some. Another major version must be refused."
                ),
                "license": {"name": "Apache-2.0"},
            },
            "defaultContentType": "application/json",
            "servers": {
                "local": {
                    "host": "127.0.0.1:8002",
                    "protocol": "ws",
                    "description": "Where vp-stream listens unless told otherwise.",
                }
            },
            "channels": {"stream": _channel(names)},
            "operations": {
                "sendBins": _operation(
                    "send",
                    "runtime_config first; per bin a grid_update and, at once after it, its grid; stream_end last.",
                    [*(kind.__name__ for kind in SERVER_MESSAGES), _GRID_MESSAGE],
                ),
                "receiveCommands": _operation(
                    "receive",
                    "What a client may ask for at any time. Anything else is answered with an error and ignored.",
                    [kind.__name__ for kind in CLIENT_MESSAGES],
                ),
            },
            "components": {
                "messages": {
                    **{name: _message(name, examples[name], components[name]) for name in names},
                    _GRID_MESSAGE: _grid_message(),
                },
                "schemas": {
                    **{name: _draft_07(schema) for name, schema in components.items()},
                    _GRID_SCHEMA: _grid_bytes(),
                },
            },
        }
    )
    return document


def _channel(names: list[str]) -> dict[str, Any]:
    return {
        "address": STREAM_PATH,
        "description": "One WebSocket per client: JSON in text messages, grids in binary ones, no compression.",
        "servers": [{"$ref": "#/servers/local"}],
        "messages": {name: {"$ref": f"#/components/messages/{name}"} for name in (*names, _GRID_MESSAGE)},
        "bindings": {"ws": {"method": "GET", "query": _SERVING, "bindingVersion": "0.1.0"}},
        "x-close-codes": [close._asdict() for close in CLOSE_CODES],
    }


def _operation(action: str, summary: str, names: list[str]) -> dict[str, Any]:
    return {
        "action": action,
        "summary": summary,
        "channel": {"$ref": "#/channels/stream"},
        "messages": [{"$ref": f"#/channels/stream/messages/{name}"} for name in names],
    }


def _message(name: str, example: ServerMessage | ClientMessage, schema: dict[str, Any]) -> dict[str, Any]:
    return {
        "name": example.__struct_config__.tag,
        "title": name,
        "summary": str(schema["description"]).partition("\n")[0],
        "contentType": "application/json",
        "payload": {"$ref": f"#/components/schemas/{name}"},
        "examples": [{"name": "example", "payload": msgspec.to_builtins(example)}],
    }


def _grid_message() -> dict[str, Any]:
    return {
        "name": "grid",
        "title": _GRID_MESSAGE,
        "summary": "The grid of the bin whose grid_update came just before.",
        "contentType": _ARROW_STREAM,
        "payload": {"$ref": f"#/components/schemas/{_GRID_SCHEMA}"},
    }


def _grid_bytes() -> dict[str, Any]:
    config = example_config()
    columns = grid_columns(config.projection_horizons_ms)
    return {
        "type": "string",
        "format": "binary",
        "description": (
            "A self-contained Arrow IPC stream of one record batch: 2 * grid_radius_ticks + 1 rows, k rising from "
            "-grid_radius_ticks, no nulls, no compression. grid_fields of runtime_config names the columns of a "
            "stream; there is one proj_<ms> per horizon of its config."
        ),
        "x-arrow-schema": {
            "fields": [{"name": column.name, "type": column.type, "nullable": False} for column in columns],
            "metadata": {"contract_version": CONTRACT_VERSION, "grid_rows": str(config.grid_rows)},
        },
    }


def _draft_07(schema: Any) -> Any:
    """A schema in the words of draft 07, which is what AsyncAPI schemas speak: tuples are `items` lists there."""
    if isinstance(schema, (list, tuple)):
        return [_draft_07(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    converted = {key: _draft_07(value) for key, value in schema.items()}
    if "prefixItems" in converted:
        converted["additionalItems"] = converted.pop("items", True)
        converted["items"] = converted.pop("prefixItems")
    return converted
