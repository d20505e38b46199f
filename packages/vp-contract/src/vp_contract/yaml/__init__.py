"""YAML documents to structs and back, with errors that say where."""

from __future__ import annotations

from vp_contract.yaml.reading import convert_plain, line_of

__all__ = ["convert_plain", "line_of"]
