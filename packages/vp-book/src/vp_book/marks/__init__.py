"""What only order-level data can show: icebergs, sweeps, large trades and orders, and large orders withdrawn."""

from __future__ import annotations

from .mark import DEFAULT_LARGE_SIZES, MARK_KINDS, MARK_SIDES, Mark, MarkKind, MarkSide
from .rules import MOST_MARKS, PULL_TICKS, SWEEP_LEVELS

__all__ = [
    "DEFAULT_LARGE_SIZES",
    "MARK_KINDS",
    "MARK_SIDES",
    "MOST_MARKS",
    "PULL_TICKS",
    "SWEEP_LEVELS",
    "Mark",
    "MarkKind",
    "MarkSide",
]
