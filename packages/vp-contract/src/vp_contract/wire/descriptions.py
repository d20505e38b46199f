"""JSON Schema components as documents carry them: plain JSON values, texts without the indentation of their source."""

from __future__ import annotations

import inspect
from typing import Any

import msgspec


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
