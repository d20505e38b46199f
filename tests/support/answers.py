"""Answers of the server, held to the types that its documents are made of."""

from __future__ import annotations

from typing import TypeVar

import msgspec

T = TypeVar("T")


def exactly(content: bytes, kind: type[T]) -> T:
    """The answer as its type, with every field and no other: what tests pretend has the shape of what is served."""
    answer = msgspec.json.decode(content, type=kind)
    assert msgspec.json.decode(msgspec.json.encode(answer)) == msgspec.json.decode(content)
    return answer
