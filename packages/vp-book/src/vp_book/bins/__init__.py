"""A source to time bins: what a bin is, the replay that makes them, and what it knows of its source."""

from __future__ import annotations

from .events import events
from .reader import CELL_COLUMNS, Bin, BinReader
from .replay import Replay, replay

__all__ = ["CELL_COLUMNS", "Bin", "BinReader", "Replay", "events", "replay"]
