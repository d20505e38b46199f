"""A deterministic synthetic market, written as a true DBN file.

A seeded order-flow simulator with a matching engine behind it. See docs/synthetic-market.md for the model.
"""

from __future__ import annotations

from vp_book.synthetic._model import MarketModel
from vp_book.synthetic._writer import MarketFile, write_market

__all__ = ["MarketFile", "MarketModel", "write_market"]
