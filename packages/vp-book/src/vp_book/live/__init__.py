"""Records as they come to time bins: the push interface, on it Databento's live gateway, and recordings of it.

`LiveBins` and `LiveRouter` need nothing else. `FeedSession` with `FeedRequest` needs the extra `live`.
"""

from __future__ import annotations

from .bins import FeedMark, LiveBins, replay_marked
from .gateway import KEY_VARIABLE, FeedListener, FeedRequest, GatewayFeed, api_key
from .recording import Recorder, Recording
from .router import LiveRouter
from .session import FeedClock, FeedSession, FeedState

__all__ = [
    "KEY_VARIABLE",
    "FeedClock",
    "FeedListener",
    "FeedMark",
    "FeedRequest",
    "FeedSession",
    "FeedState",
    "GatewayFeed",
    "LiveBins",
    "LiveRouter",
    "Recorder",
    "Recording",
    "api_key",
    "replay_marked",
]
