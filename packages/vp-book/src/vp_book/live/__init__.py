"""Records as they come to time bins, and the marks by which a recording of them replays to the same bins."""

from __future__ import annotations

from .bins import FeedMark, LiveBins, replay_marked
from .router import LiveRouter

__all__ = ["FeedMark", "LiveBins", "LiveRouter", "replay_marked"]
