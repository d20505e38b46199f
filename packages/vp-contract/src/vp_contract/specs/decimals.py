"""Exact prices: decimal text to integers of 1e-9 of the quote currency and back."""

from __future__ import annotations

from decimal import Decimal
from typing import Final

from vp_contract.errors import SpecError, shown

PRICE_SCALE: Final = 1_000_000_000
"""`price_int` of one unit of the quote currency."""

_MAX_PRICE_INT: Final = 2**62


def price_int(value: Decimal | str, *, field: str) -> int:
    """`value` in 1e-9 of the quote currency.

    Raises `SpecError` naming `field` unless it is a positive whole number of 1e-9.
    """
    number = Decimal(value)
    if not number.is_finite() or number <= 0:
        raise SpecError("must be a positive amount", field=field, found=shown(value))
    # compared before scaling: the product of a long decimal would be rounded to the context's 28 digits
    exponent = number.normalize().as_tuple().exponent
    if not isinstance(exponent, int) or exponent < -9 or number > _MAX_PRICE_INT // PRICE_SCALE:
        raise SpecError("must be a whole number of 1e-9 up to 4e9", field=field, found=shown(value))
    return int(number * PRICE_SCALE)


def price_text(price: int) -> str:
    """The shortest decimal text of an amount in 1e-9: 250000000 is "0.25". `price` is not negative."""
    whole, rest = divmod(price, PRICE_SCALE)
    return f"{whole}.{rest:09d}".rstrip("0").removesuffix(".")


def decimals_needed(price: int) -> int:
    """Digits after the point that show an amount in 1e-9 exactly."""
    return len(price_text(price).partition(".")[2])
