"""What would have become of a small passive order at the touch, by the true queue ahead of it."""

from __future__ import annotations

from .follower import FILLED_AT, FILLED_THROUGH, QueueFollower, QueueJoins

__all__ = ["FILLED_AT", "FILLED_THROUGH", "QueueFollower", "QueueJoins"]
