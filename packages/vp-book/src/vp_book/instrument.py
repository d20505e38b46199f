"""What is traded: symbol, tick and cell sizes, as exact integers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal, DecimalException
from typing import Any, Final

from .errors import ParameterError

PRODUCT_TYPES: Final = ("future_mbo", "equity_mbo")
PRICE_SCALE: Final = 1_000_000_000
"""`price_int` of one unit of the quote currency."""
_LONGEST_SIZE: Final = 40
"""Characters of a tick or bucket size that was kept."""
_LARGEST: Final = 10**9
"""A tick from here on is no price step of anything, and its sums would leave int64."""


@dataclass(frozen=True, slots=True)
class Instrument:
    """An instrument and its price grid.

    `tick_size` and `bucket_size` are amounts of the quote currency, exact when given as strings or `Decimal`. A cell
    of the grid is one tick, or with `bucket_size` (an integer multiple of the tick) the prices nearest to one bucket.
    The tick has no default: on a wrong grid every price is rounded to what it is not.

    Raises `ParameterError` for sizes that are not a positive whole number of 1e-9, a bucket that is no multiple of the
    tick, an unknown product type, or a symbol that is no text.
    """

    symbol: str
    tick_size: str | Decimal | float
    product_type: str = "future_mbo"
    bucket_size: str | Decimal | float | None = None

    def __post_init__(self) -> None:
        if not isinstance(self.symbol, str):
            raise ParameterError(f"symbol={self.symbol!r}: must be a text")
        if not self.symbol:
            raise ParameterError("symbol='': must not be empty")
        if self.product_type not in PRODUCT_TYPES:
            raise ParameterError(f"product_type={self.product_type!r}: must be one of {', '.join(PRODUCT_TYPES)}")
        if self.cell_int % self.tick_int:
            raise ParameterError(
                f"bucket_size={self.bucket_size!r}: must be an integer multiple of tick_size {self.tick_size}"
            )

    @property
    def tick_int(self) -> int:
        """Tick in 1e-9 of the quote currency."""
        return _price_int("tick_size", self.tick_size)

    @property
    def cell_int(self) -> int:
        """Cell of the grid in 1e-9 of the quote currency: the bucket, or else the tick."""
        return self.tick_int if self.bucket_size is None else _price_int("bucket_size", self.bucket_size)

    @property
    def bucket_ticks(self) -> int:
        """Price ticks per cell."""
        return self.cell_int // self.tick_int


def instrument_of(facts: Mapping[str, Any]) -> Instrument:
    """The instrument of which `instrument_facts` were kept; ValueError for sizes that were not written by it."""
    for name in ("tick_size", "bucket_size"):
        size = facts[name]
        if size is None and name == "bucket_size":
            continue
        if not isinstance(size, str) or len(size) > _LONGEST_SIZE:
            raise ValueError(f"{name} is {size!r:.60}")
    if not isinstance(facts["symbol"], str):
        raise ValueError(f"symbol is {facts['symbol']!r:.60}")
    return Instrument(**facts)


def instrument_facts(instrument: Instrument) -> dict[str, str | None]:
    """An instrument as plain JSON values that make an equal one: sizes are decimal strings."""
    bucket = instrument.bucket_size
    return {
        "symbol": instrument.symbol,
        "tick_size": str(instrument.tick_size),
        "product_type": instrument.product_type,
        "bucket_size": None if bucket is None else str(bucket),
    }


def _price_int(name: str, value: str | Decimal | float) -> int:
    if isinstance(value, bool) or not isinstance(value, (str, Decimal, float, int)):
        raise ParameterError(f"{name}={value!r}: must be a decimal number")
    try:
        # repr() of a float is its shortest decimal form: 0.01 means a cent, not its binary neighbour
        exact = Decimal(value if isinstance(value, (str, Decimal)) else repr(value))
    except DecimalException:
        raise ParameterError(f"{name}={value!r}: must be a decimal number") from None
    if not exact.is_finite() or exact <= 0:
        raise ParameterError(f"{name}={value!r}: must be a positive whole number of 1e-9")
    if exact >= _LARGEST:
        raise ParameterError(f"{name}={value!r}: must be below {_LARGEST}")
    if exact < Decimal(1) / PRICE_SCALE or exact * PRICE_SCALE != int(exact * PRICE_SCALE):
        raise ParameterError(f"{name}={value!r}: must be a positive whole number of 1e-9")
    return int(exact * PRICE_SCALE)
