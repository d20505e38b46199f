"""Several days as one: what each day would have given, with its bins numbered on. No trade reaches into another day,
because every outcome is computed within its own.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from vp_harness.evaluation.outcomes import Fills, OutcomeTable, Prices, QueueFills
from vp_harness.passive.table import PassiveFills


def joined_prices(days: Sequence[Prices]) -> Prices:
    """The quotes of days that follow one another, of one instrument."""
    return Prices(
        np.concatenate([day.quotes for day in days], axis=1),
        np.concatenate([day.valid for day in days]),
        days[0].tick_int,
    )


def joined_passive(days: Sequence[PassiveFills]) -> PassiveFills:
    """What became of passive orders on days that follow one another. Waits are relative: they stay as they are."""
    return PassiveFills(
        np.concatenate([day.price_int for day in days], axis=1),
        np.concatenate([day.wait_bins for day in days], axis=1),
        np.concatenate([day.moves_ticks for day in days], axis=2),
        max(day.max_wait_bins for day in days),
    )


def joined_table(days: Sequence[OutcomeTable]) -> OutcomeTable:
    """The outcome tables of days that follow one another, all of one rule.

    The model `queue` is there if every day has it.
    """
    sizes = [day.mid.outcome.shape[1] for day in days]
    starts = np.cumsum([0, *sizes[:-1]]).tolist()
    return OutcomeTable(
        _joined_fills([day.mid for day in days], starts),
        _joined_fills([day.cross for day in days], starts),
        days[0].rule,
        _joined_queue([day.queue for day in days], starts),
    )


def _joined_fills(days: Sequence[Fills], starts: Sequence[int]) -> Fills:
    return Fills(
        np.concatenate([day.outcome for day in days], axis=1),
        np.concatenate([day.exit_bin + start for day, start in zip(days, starts, strict=True)], axis=1),
        np.concatenate([day.pnl_ticks for day in days], axis=1),
    )


def _joined_queue(days: Sequence[QueueFills | None], starts: Sequence[int]) -> QueueFills | None:
    known = [day for day in days if day is not None]
    if len(known) < len(days):
        return None

    def moved(name: str) -> NDArray[np.int64]:
        parts = [getattr(day, name) for day in known]
        return np.concatenate(
            [np.where(part < 0, part, part + start) for part, start in zip(parts, starts, strict=True)], axis=1
        )

    return QueueFills(
        _joined_fills([day.fills for day in known], starts),
        moved("join_bin"),
        moved("fill_bin"),
        joined_passive([day.passive for day in known]),
    )
