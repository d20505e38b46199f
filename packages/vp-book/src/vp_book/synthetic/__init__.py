"""A deterministic synthetic market, written as a true DBN file, or as the daily files of a session.

A seeded order-flow simulator with a matching engine behind it. See docs/synthetic-market.md for the model.
"""

from __future__ import annotations

from vp_book.synthetic.files.part import MarketFile
from vp_book.synthetic.files.session import write_session
from vp_book.synthetic.files.writer import write_market
from vp_book.synthetic.market.model import MarketModel

__all__ = ["MarketFile", "MarketModel", "write_market", "write_session"]
