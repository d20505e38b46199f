"""What a whole source says, as tables: the book at regular moments, what became of every order, bins; and as frames."""

from __future__ import annotations

from .collected import collect
from .frames import to_arrow, to_polars
from .lifetimes import LIFETIME_DTYPE, OUTCOMES, lifetimes
from .snapshots import snapshot_dtype, snapshots

__all__ = [
    "LIFETIME_DTYPE",
    "OUTCOMES",
    "collect",
    "lifetimes",
    "snapshot_dtype",
    "snapshots",
    "to_arrow",
    "to_polars",
]
