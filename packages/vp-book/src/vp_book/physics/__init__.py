"""What is added, pulled and filled at every price, and how fast: the decaying sums behind velocity and force."""

from __future__ import annotations

from .parameters import Physics

__all__ = ["Physics"]
