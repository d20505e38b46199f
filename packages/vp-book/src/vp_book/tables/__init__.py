"""What a whole source says, as tables: the book at regular moments."""

from __future__ import annotations

from .snapshots import snapshot_dtype, snapshots

__all__ = ["snapshot_dtype", "snapshots"]
