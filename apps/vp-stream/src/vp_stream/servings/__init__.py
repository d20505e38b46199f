"""What can be served, and what a published serving says."""

from __future__ import annotations

from vp_stream.servings.published import LakeCatalogue

__all__ = ["LakeCatalogue"]
