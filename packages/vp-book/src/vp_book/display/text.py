"""Prices and times as people write them."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

from vp_book.instrument import PRICE_SCALE
from vp_book.records import NS_PER_S


def price_text(price_int: int, step_int: int) -> str:
    """A price with as many decimals as its step needs: 4806.25 for a tick of 0.25."""
    step = (Decimal(step_int) / PRICE_SCALE).normalize()
    decimals = max(0, -int(step.as_tuple().exponent))
    return f"{Decimal(int(price_int)) / PRICE_SCALE:.{decimals}f}"


def clock_text(ts_ns: int) -> str:
    """A time in ns UTC to the millisecond; "no time yet" for 0."""
    if not ts_ns:
        return "no time yet"
    return f"{datetime.fromtimestamp(ts_ns // NS_PER_S, UTC):%Y-%m-%d %H:%M:%S}.{ts_ns // 10**6 % 1000:03d} UTC"
