"""Books and bins as a line of text, and as HTML for a notebook."""

from __future__ import annotations

from .html import ladder_html, strip_html
from .text import clock_text, price_text

__all__ = ["clock_text", "ladder_html", "price_text", "strip_html"]
