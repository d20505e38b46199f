"""A mark as Python has it, and how the rows of the kernels become that."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Literal, NamedTuple, TypeAlias

import numpy as np

MarkKind: TypeAlias = Literal["iceberg", "sweep", "large", "pull"]
MarkSide: TypeAlias = Literal["buy", "sell", "none"]

MARK_KINDS: Final[tuple[MarkKind, ...]] = ("iceberg", "sweep", "large", "pull")
MARK_SIDES: Final[tuple[MarkSide, ...]] = ("buy", "sell", "none")
"""Names by the numbers that kernels use: see `rules`, and `book.state` for the sides."""

DEFAULT_LARGE_SIZES: Final[Mapping[str, int]] = {"future_mbo": 50, "equity_mbo": 5_000}
"""What counts as large where nothing else is said, in contracts or shares.

In the hour after the open of a thin holiday session 50 contracts is 1 trade in 230 (13 of 2,973) and 1 arriving order
in 680, which is a mark a minute. 20 contracts would be 1 trade in 35. For shares it is 50 round lots.
"""


class Mark(NamedTuple):
    """Something that happened in a bin and that only order-level data show.

    `side` says whose it is: "buy" for a bid or a buying aggressor, "sell" for an ask or a selling one, "none" for a
    trade without an aggressor. What `size` and `detail` are depends on the kind:

    - `iceberg`: a resting order was filled and shows more than the fills left of it. `price_int` is its price, `size`
      what it displays now, `detail` what it has shown so far, that included.
    - `sweep`: an aggressor traded at three prices or more in one event. `price_int` is the last of them, `size` what it
      traded in all, `detail` at how many prices.
    - `large`: a trade (`detail` 0) or an order that comes to rest at a price (`detail` 1) of the large size or more.
    - `pull`: the large size or more was withdrawn at once from an order, at most 5 ticks from the best price of its
      side: cancelled, reduced, or moved away from the market. `detail` is how many ticks.
    """

    kind: MarkKind
    price_int: int
    size: int
    side: MarkSide
    detail: int


def marks_of_rows(rows: np.ndarray, used: int) -> tuple[Mark, ...]:
    """The marks in the first `used` rows of `Arrays.marks`, int64 (16, 5)."""
    return tuple(
        Mark(MARK_KINDS[kind], price_int, size, MARK_SIDES[side], detail)
        for kind, price_int, size, side, detail in rows[:used].tolist()
    )
