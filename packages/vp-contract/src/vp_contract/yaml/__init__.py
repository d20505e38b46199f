"""YAML documents to structs and back, with errors that say where."""

from __future__ import annotations

from vp_contract.yaml.reading import PathLike, convert_plain, line_of, load_yaml

__all__ = ["PathLike", "convert_plain", "line_of", "load_yaml"]
