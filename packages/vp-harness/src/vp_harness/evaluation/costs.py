"""What a round trip pays besides the spread, and who says so."""

from __future__ import annotations

from decimal import Decimal
from typing import Final, Literal, TypeAlias

from vp_contract import InstrumentLock

CostFrom: TypeAlias = Literal["experiment", "instrument"]
"""Whether the experiment names its `cost_ticks`, or pays what the instrument file has."""

_UNIT: Final = {"contracts": "contract", "shares": "share"}


def fee_text(instrument: InstrumentLock) -> str:
    """`fee_per_side` as the shortest decimal text. Example: 1.250 is "1.25"."""
    return format(instrument.fee_per_side.normalize(), "f")


def cost_words(ticks: float, cost_from: str, fee_per_side: str, qty_unit: str = "contracts") -> str:
    """What a round trip pays, in words that end a sentence; `fee_per_side` counts where it is of the instrument file.

    Runs of an early version do not say who named their costs.

    >>> cost_words(0.2, "instrument", "1.25")
    '0.2 ticks a round trip, the fee of 1.25 a contract and side in the instrument file'
    >>> cost_words(0.4, "experiment", "")
    '0.4 ticks a round trip, as the experiment says'
    """
    paid = f"{ticks:.6g} tick{'' if ticks == 1 else 's'} a round trip"
    if cost_from == "experiment":
        return f"{paid}, as the experiment says"
    if cost_from == "instrument":
        if not Decimal(fee_per_side):
            return f"{paid}: neither the experiment nor the instrument file names a cost"
        unit = _UNIT.get(qty_unit, qty_unit)
        return f"{paid}, the fee of {fee_per_side} a {unit} and side in the instrument file"
    return paid
