"""Bytes of DBN files to records: headers, symbols, damage, several files as one session."""

from __future__ import annotations

from .files import DbnFile
from .reading import ReadReport
from .source import DbnSource, open_dbn
from .stream_clock import Clock

__all__ = ["Clock", "DbnFile", "DbnSource", "ReadReport", "open_dbn"]
