"""How numbers stand in JSON messages."""

from __future__ import annotations

from typing import Annotated, Final, TypeAlias

from msgspec import Meta

MAX_WIRE_INT: Final = 2**53 - 1
"""Largest integer that every JSON reader keeps exactly."""

Int64Text: TypeAlias = Annotated[str, Meta(pattern=r"^-?[0-9]{1,19}$(?!\n)")]
"""A 64-bit integer as decimal text, for JSON readers that keep only 53 bits."""

WireInt: TypeAlias = Annotated[int, Meta(ge=-MAX_WIRE_INT, le=MAX_WIRE_INT)]
WireCount: TypeAlias = Annotated[int, Meta(ge=0, le=MAX_WIRE_INT)]
