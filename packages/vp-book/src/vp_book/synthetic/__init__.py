"""A deterministic synthetic market, written as a true DBN file, or as the daily files of a session.

A seeded order-flow simulator with a matching engine behind it. See docs/synthetic-market.md for the model.
"""

from __future__ import annotations

from vp_book.synthetic._model import MarketModel
from vp_book.synthetic._part import MarketFile
from vp_book.synthetic._session import write_session
from vp_book.synthetic._writer import write_market

__all__ = ["MarketFile", "MarketModel", "write_market", "write_session"]
