"""The instrument lock: one environment runs one instrument, and this says which."""

from __future__ import annotations

import os
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Final, Literal

from msgspec import Meta

from vp_contract._types import PositiveFloat, ProductType, Symbol, SymbolRoot
from vp_contract.errors import InstrumentLockError, SpecError, shown
from vp_contract.specs.decimals import decimals_needed, price_int, price_text
from vp_contract.specs.defaults import RuntimeDefaults
from vp_contract.yaml.reading import PathLike, load_yaml

INSTRUMENT_VARIABLE: Final = "VP_INSTRUMENT_CONFIG_PATH"
INSTRUMENT_FILE: Final = "instrument.yaml"

_MAX_COST_TICKS: Final = 1_000_000
"""Most that a round trip may cost, as `eval.cost_ticks` has it; also the largest fee."""


class InstrumentLock(RuntimeDefaults, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is traded here, and the default of every runtime field.

    `tick_size` and `bucket_size_dollars` are exact decimals of the quote currency; the bucket (a cell of several
    ticks) is a whole multiple of the tick, and None means one tick. `contract_multiplier` is the value of one point
    for one contract in the quote currency, `price_decimals` how many digits a price is shown with. `fee_per_side` is
    what buying or selling one contract (or share) costs, an exact decimal of the quote currency: an experiment that
    names no cost of its own pays it twice a round trip. It decides no number of a dataset, and is no part of a
    `RuntimeConfig`.
    """

    product_type: ProductType
    symbol: Symbol
    symbol_root: SymbolRoot
    tick_size: Decimal
    bucket_size_dollars: Decimal | None = None
    contract_multiplier: PositiveFloat = 1.0
    qty_unit: Literal["contracts", "shares"] = "contracts"
    price_decimals: Annotated[int, Meta(ge=0, le=9)] = 2
    fee_per_side: Decimal = Decimal(0)

    def __post_init__(self) -> None:
        super().__post_init__()
        check_prices(self.tick_size, self.bucket_size_dollars, self.price_decimals)
        self._check_fee()

    @property
    def tick_int(self) -> int:
        """Tick in 1e-9 of the quote currency."""
        return price_int(self.tick_size, field="tick_size")

    @property
    def bucket_int(self) -> int:
        """Cell of the price grid in 1e-9 of the quote currency: the bucket, or the tick without one."""
        bucket = self.bucket_size_dollars
        return self.tick_int if bucket is None else price_int(bucket, field="bucket_size_dollars")

    @property
    def fee_ticks(self) -> float:
        """What `fee_per_side` amounts to a round trip, in ticks of one contract.

        Example: 1.25 USD a side, a tick of 0.25 and a multiplier of 50 are 2 * 1.25 / (0.25 * 50) = 0.2 ticks.
        """
        return float(2 * self.fee_per_side / (self.tick_size * Decimal(repr(self.contract_multiplier))))

    def _check_fee(self) -> None:
        fee = self.fee_per_side
        if not fee.is_finite() or not 0 <= fee <= _MAX_COST_TICKS:
            raise SpecError(f"must be an amount from 0 to {_MAX_COST_TICKS:,}", field="fee_per_side", found=shown(fee))
        if self.fee_ticks > _MAX_COST_TICKS:
            raise SpecError(
                f"is {self.fee_ticks:.3g} ticks a round trip; must be at most {_MAX_COST_TICKS:,}",
                field="fee_per_side",
                found=shown(fee),
                related=("tick_size", "contract_multiplier"),
            )


def check_prices(tick_size: Decimal | str, bucket_size: Decimal | str | None, price_decimals: int) -> None:
    """Raise `SpecError` unless the tick is whole in 1e-9, the bucket whole in ticks and both shown by the decimals."""
    tick = price_int(tick_size, field="tick_size")
    if price_decimals < decimals_needed(tick):
        raise SpecError(
            f"cannot show tick_size {price_text(tick)}; must be at least {decimals_needed(tick)}",
            field="price_decimals",
            found=shown(price_decimals),
            related=("tick_size",),
        )
    if bucket_size is not None and price_int(bucket_size, field="bucket_size_dollars") % tick:
        raise SpecError(
            f"must be a whole multiple of the tick {price_text(tick)}",
            field="bucket_size_dollars",
            found=shown(bucket_size),
        )


def load_instrument(path: PathLike) -> InstrumentLock:
    """Read an instrument file. Raises `SpecError` with file, line and field."""
    return load_yaml(path, InstrumentLock)


def instrument_path(config_root: PathLike) -> Path:
    """The lock's file: what VP_INSTRUMENT_CONFIG_PATH names, else `instrument.yaml` under the config root."""
    override = os.environ.get(INSTRUMENT_VARIABLE)
    return Path(override) if override else Path(config_root) / INSTRUMENT_FILE


def check_instrument(lock: InstrumentLock, *, product_type: str, symbol: str, where: str) -> None:
    """Refuse what names another instrument than the lock. `where` says what it was, for the message.

    Raises `InstrumentLockError` naming both instruments.
    """
    if (product_type, symbol) != (lock.product_type, lock.symbol):
        raise InstrumentLockError(
            f"{where} is for {product_type} {symbol}, but this environment is locked to {lock.product_type} "
            f"{lock.symbol}: set {INSTRUMENT_VARIABLE} to the file of {symbol}, or use a spec of {lock.symbol}"
        )
