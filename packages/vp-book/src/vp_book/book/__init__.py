"""Records to a book: orders, levels, events, the clock, and the engine that keeps them."""

from __future__ import annotations

from .engine import Bbo, BookEngine, QueuePosition

__all__ = ["Bbo", "BookEngine", "QueuePosition"]
