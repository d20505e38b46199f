"""Frames of a serving: made once by an engine, kept in a log, read by many."""

from __future__ import annotations

from vp_stream.frames.verification import frame_logs, verify_serving
from vp_stream.frames.warming import warm_log

__all__ = ["frame_logs", "verify_serving", "warm_log"]
