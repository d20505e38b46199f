"""What goes over the wire: messages, the grid's Arrow schema, frames and their hash chain, close codes."""

from __future__ import annotations

__all__: list[str] = []
