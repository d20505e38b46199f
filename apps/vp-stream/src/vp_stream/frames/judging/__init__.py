"""What a stream is held to before it is sent, and what is known of logs that were held to it before."""

from __future__ import annotations

from vp_stream.frames.judging.judges import LINK_EVERY, FrameJudge, FrameJudges, JudgedFrames
from vp_stream.frames.judging.logs import JUDGED_LOGS_DIR, JudgedLogs, Passed, passed_path

__all__ = [
    "JUDGED_LOGS_DIR",
    "LINK_EVERY",
    "FrameJudge",
    "FrameJudges",
    "JudgedFrames",
    "JudgedLogs",
    "Passed",
    "passed_path",
]
