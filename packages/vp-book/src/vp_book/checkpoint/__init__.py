"""The state of an engine in a file, and whether a state that was read is one that a book can have."""

from __future__ import annotations

from .state_file import FORMAT_VERSION, verify_file

__all__ = ["FORMAT_VERSION", "verify_file"]
