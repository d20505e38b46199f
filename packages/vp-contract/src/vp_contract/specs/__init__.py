"""YAML documents: pipelines, servings, experiments, campaigns, the instrument lock, and how they are resolved."""

from __future__ import annotations

from vp_contract.specs.yaml_io import convert_plain, line_of

__all__ = ["convert_plain", "line_of"]
