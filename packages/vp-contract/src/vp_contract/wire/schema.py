"""JSON Schema of all messages, from which the page's types and the AsyncAPI document are made."""

from __future__ import annotations

import inspect
from typing import Any, Final

import msgspec

from vp_contract.wire.close import CLOSE_CODES, PREVIEW_PATH, STREAM_PATH
from vp_contract.wire.columns import grid_columns
from vp_contract.wire.messages import (
    CONTRACT_VERSION,
    Ack,
    ErrorMessage,
    Follow,
    GridUpdate,
    History,
    HistoryEnd,
    Pause,
    Resume,
    RuntimeConfigMessage,
    Seek,
    Speed,
    SpeedSet,
    StreamEnd,
)

SERVER_MESSAGES: Final = (RuntimeConfigMessage, GridUpdate, StreamEnd, ErrorMessage, HistoryEnd, SpeedSet)
CLIENT_MESSAGES: Final = (Pause, Resume, Seek, Ack, Follow, History, Speed)


def json_schema() -> dict[str, Any]:
    """A JSON Schema (2020-12) document: every message under `$defs`, and which of them server and client may send.

    `version` is the contract version, `x-stream-path` where the stream is and `x-preview-path` where previews are,
    `x-close-codes` maps the names of the close codes to their numbers, and `x-grid-columns` are the columns of every
    grid (not those of the projections).
    """
    types = (*SERVER_MESSAGES, *CLIENT_MESSAGES)
    references, components = msgspec.json.schema_components(types, ref_template="#/$defs/{name}")
    server, client = references[: len(SERVER_MESSAGES)], references[len(SERVER_MESSAGES) :]
    definitions: dict[str, Any] = {
        "ServerMessage": {"oneOf": list(server)},
        "ClientMessage": {"oneOf": list(client)},
        **components,
    }
    document: dict[str, Any] = plain(
        {
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            "title": "Vacuum-pressure stream",
            "version": CONTRACT_VERSION,
            "x-stream-path": STREAM_PATH,
            "x-preview-path": PREVIEW_PATH,
            "x-close-codes": {close.name: close.code for close in CLOSE_CODES},
            "x-grid-columns": [column.name for column in grid_columns(())],
            "anyOf": [{"$ref": "#/$defs/ServerMessage"}, {"$ref": "#/$defs/ClientMessage"}],
            "$defs": definitions,
        }
    )
    return document


def plain(document: object) -> Any:
    """A document of msgspec as JSON readers see it (lists in place of tuples), every `description` cleaned."""
    return _cleaned(msgspec.json.decode(msgspec.json.encode(document)))


def _cleaned(value: Any) -> Any:
    if isinstance(value, list):
        return [_cleaned(item) for item in value]
    if not isinstance(value, dict):
        return value
    return {
        key: inspect.cleandoc(item) if key == "description" and isinstance(item, str) else _cleaned(item)
        for key, item in value.items()
    }
