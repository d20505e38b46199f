"""What each command prints with `--json`: its types, of which the JSON Schema is made.

A command fills a `TypedDict` of here, so that mypy holds it to these descriptions; what the libraries return as a
struct is described by that struct. Docstrings are the descriptions in the schema.
"""

from __future__ import annotations

__all__: list[str] = []
