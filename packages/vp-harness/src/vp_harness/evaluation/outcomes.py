"""What an event would have earned: take-profit, stop or timeout, under three models of the fills.

Prices are exact: everything is counted in half price_int units (bid + ask, or twice a side), so that a mid between two
ticks needs no float.

`mid`: enter at the event bin's closing mid. Each later bin is checked for the stop and the target against the mid of
its best bid and ask extremes, (bid_low + ask_low) / 2 and (bid_high + ask_high) / 2; a bin that reaches both is a stop.
The trade earns exactly +tp or -sl ticks, or at the timeout the difference to the last valid mid.

`cross`: an order reaches the market `latency_bins` after the bin whose close decided it, and trades at that bin's
closing quote: a buy at the ask, a sale at the bid. The entry follows the event, the exit follows the first bin in
which the side one would leave at (the bid's extremes for a long position, the ask's for a short one) is at the stop or
the target. So a fast market costs what it would cost. `cost_ticks` is taken off a round trip.

`queue`: a passive order joins the best bid (to buy) or ask (to sell) `latency_bins` after the bin whose close decided
it, and is filled by its true place in the queue, or not at all (`passive.table`). It waits no longer than the dataset
followed it. The position is left as under `cross`, with the same costs.

Bins without a valid book are stepped over but count as time. All that belongs to an event, its last fill included,
lies within `max_hold_bins` of it.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256
from typing import Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from vp_contract import EvalSpec, FillModel
from vp_harness._jit import kernel
from vp_harness.errors import ParameterError
from vp_harness.evaluation.events import Events
from vp_harness.evaluation.leaving import NOT_OPENED, STOP, TAKE_PROFIT, TIMEOUT, leave_at, walk_queue
from vp_harness.passive.table import PassiveFills

PRICE_COLUMNS: Final = (
    "best_bid_price_int",
    "best_ask_price_int",
    "bid_high_price_int",
    "bid_low_price_int",
    "ask_high_price_int",
    "ask_low_price_int",
)


@dataclass(frozen=True, slots=True)
class ExitRule:
    """When a position is left and what trading costs.

    `tp_ticks` and `sl_ticks` are distances in price ticks, positive; `max_hold_bins` counts from the event bin;
    `latency_bins` and `cost_ticks` (a round trip) do not belong to the `mid` fills.
    """

    tp_ticks: float = 8.0
    sl_ticks: float = 4.0
    max_hold_bins: int = 1200
    latency_bins: int = 0
    cost_ticks: float = 0.0

    def __post_init__(self) -> None:
        for name in ("tp_ticks", "sl_ticks"):
            if not 0 < getattr(self, name) < 1e6:
                raise ParameterError(f"{name}={getattr(self, name)!r}: must be positive")
        if self.max_hold_bins < 1:
            raise ParameterError(f"max_hold_bins={self.max_hold_bins}: must be 1 or more")
        if not 0 <= self.latency_bins < self.max_hold_bins:
            raise ParameterError(
                f"latency_bins={self.latency_bins}: must be 0 or more and below max_hold_bins {self.max_hold_bins}"
            )
        if not 0 <= self.cost_ticks < 1e6:
            raise ParameterError(f"cost_ticks={self.cost_ticks!r}: must be 0 or more")

    @property
    def breakeven_tp_rate(self) -> float:
        """The share of targets among targets and stops at which such trades earn nothing, costs included."""
        return min(1.0, (self.sl_ticks + self.cost_ticks) / (self.tp_ticks + self.sl_ticks))


def exit_rule(evaluation: EvalSpec) -> ExitRule:
    """The exit rule of an evaluation."""
    return ExitRule(
        tp_ticks=evaluation.tp_ticks,
        sl_ticks=evaluation.sl_ticks,
        max_hold_bins=evaluation.max_hold_bins,
        latency_bins=evaluation.latency_bins,
        cost_ticks=evaluation.paid_ticks,
    )


@dataclass(frozen=True, slots=True)
class Prices:
    """The quotes of a dataset's bins: `quotes` int64 (6, n_bins) in the order of PRICE_COLUMNS, `valid` bool."""

    quotes: NDArray[np.int64]
    valid: NDArray[np.bool_]
    tick_int: int

    @classmethod
    def from_bins(cls, bins: pl.DataFrame, tick_int: int) -> Prices:
        """From the per-bin table of a dataset; `tick_int` is the price tick in price_int."""
        quotes = np.empty((len(PRICE_COLUMNS), bins.height), np.int64)
        for row, name in enumerate(PRICE_COLUMNS):
            quotes[row] = bins[name].to_numpy()
        return cls(quotes, bins["book_valid"].to_numpy().astype(np.bool_), tick_int)


@dataclass(frozen=True, slots=True)
class Fills:
    """Outcomes under one model for an event at every bin and in both directions; arrays of shape (2, n_bins).

    Row 0 is up, row 1 down. `outcome` int8 is NOT_OPENED, TAKE_PROFIT, STOP or TIMEOUT, `exit_bin` int64 the bin in
    which the position is gone, `pnl_ticks` float64 (0 where not opened).
    """

    outcome: NDArray[np.int8]
    exit_bin: NDArray[np.int64]
    pnl_ticks: NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class QueueFills:
    """The model `queue`: its fills, and of an event at every bin in both directions, int64 (2, n_bins), the bin at
    whose end the order joins and that in which it is filled; -1 where there is none.

    `passive` has the price of an order by the bin at which it joins.
    """

    fills: Fills
    join_bin: NDArray[np.int64]
    fill_bin: NDArray[np.int64]
    passive: PassiveFills


class Placements:
    """What a position opened at a bin gives under one model, in eight bytes that one access brings into the cache.

    `code` int32 and `pnl_ticks` float32 are (2, n_bins, 2) and the same memory. Row 0 is up, row 1 down. `code[..., 0]`
    is twice the last bin of the position, plus 1 if it traded; -1 where the event's own bin has no valid book.
    `pnl_ticks[..., 1]` is 0 where the order found no book to trade in.
    """

    def __init__(self, fills: Fills, opens: NDArray[np.bool_], open_until: NDArray[np.int64]) -> None:
        self.code = np.empty((*fills.outcome.shape, 2), np.int32)
        self.pnl_ticks: NDArray[np.float32] = self.code.view(np.float32)
        self.code[..., 0] = np.where(opens, 2 * open_until + (fills.outcome != NOT_OPENED), -1)
        self.pnl_ticks[..., 1] = fills.pnl_ticks


@dataclass(frozen=True)
class OutcomeTable:
    """What an event at any bin would lead to. Computed once per ExitRule and shared by every signal and threshold."""

    mid: Fills
    cross: Fills
    rule: ExitRule
    queue: QueueFills | None = None
    """None where the dataset does not say what became of passive orders."""

    @cached_property
    def open_until(self) -> NDArray[np.int64]:
        """int64 (2, n_bins): the last bin of the position, the later one of the models `mid` and `cross`."""
        return np.maximum(self.mid.exit_bin, self.cross.exit_bin)

    def busy_until(self, model: FillModel) -> NDArray[np.int64]:
        """int64 (2, n_bins): the last bin in which no other position opens, where `model` is the one to be proven.

        Under `queue` it is the end of all three: the wait for a fill that does not come counts. The others do not look
        at it, so that what they say does not depend on whether a dataset follows passive orders.
        """
        if model != "queue":
            return self.open_until
        return np.maximum(self.open_until, self.of("queue").exit_bin)

    def of(self, model: FillModel) -> Fills:
        """The fills of a model. Raises ParameterError for `queue` where there are none."""
        if model not in self.fills:
            raise ParameterError(f"fill_model={model}: the dataset does not say what became of passive orders")
        return self.fills[model]

    @cached_property
    def fills(self) -> dict[FillModel, Fills]:
        """The fills of each model by its name."""
        fills: dict[FillModel, Fills] = {"mid": self.mid, "cross": self.cross}
        if self.queue is not None:
            fills["queue"] = self.queue.fills
        return fills

    @cached_property
    def digests(self) -> dict[FillModel, str]:
        """SHA-256 of what decides the mean pnl of events under each model: outcomes, pnl and `busy_until`."""
        return {model: self._digest(model, fills) for model, fills in self.fills.items()}

    @cached_property
    def placements(self) -> dict[FillModel, Placements]:
        """What a position opened at a bin gives, side by side in memory: see `Placements`."""
        opens = self.mid.outcome != NOT_OPENED
        return {model: Placements(fills, opens, self.busy_until(model)) for model, fills in self.fills.items()}

    def _digest(self, model: FillModel, fills: Fills) -> str:
        hashed = sha256()
        for array in (self.mid.outcome, fills.outcome, fills.pnl_ticks, self.busy_until(model)):
            hashed.update(np.ascontiguousarray(array).tobytes())
        return hashed.hexdigest()

    @property
    def nbytes(self) -> int:
        """Memory of its arrays, those included that were made of it since."""
        arrays = [array for fills in self.fills.values() for array in (fills.outcome, fills.exit_bin, fills.pnl_ticks)]
        if self.queue is not None:
            arrays += [self.queue.join_bin, self.queue.fill_bin]
        made: dict[FillModel, Placements] = self.__dict__.get("placements", {})
        placed = sum(placements.code.nbytes for placements in made.values())
        return sum(array.nbytes for array in arrays) + self.mid.exit_bin.nbytes + placed


def outcome_table(prices: Prices, rule: ExitRule, passive: PassiveFills | None = None) -> OutcomeTable:
    """Walk forward from every bin with a valid book. At most n_bins * max_hold_bins steps a model.

    Without `passive`, what became of passive orders, there is no model `queue`.
    """
    n_bins = prices.valid.shape[0]
    tp, sl = (round(2 * ticks * prices.tick_int) for ticks in (rule.tp_ticks, rule.sl_ticks))
    walk = (prices.quotes, prices.valid, tp, sl, rule.max_hold_bins, rule.latency_bins)

    def fills_of(outcome: NDArray[np.int8], exit_bin: NDArray[np.int64], pnl: NDArray[np.int64], cost: float) -> Fills:
        ticks = np.where(outcome == NOT_OPENED, 0.0, pnl / (2.0 * prices.tick_int) - cost)
        return Fills(outcome, exit_bin, ticks)

    def empty() -> tuple[NDArray[np.int8], NDArray[np.int64], NDArray[np.int64]]:
        return np.zeros((2, n_bins), np.int8), np.zeros((2, n_bins), np.int64), np.zeros((2, n_bins), np.int64)

    mid, cross = empty(), empty()
    _walk_mid(*walk, *mid)
    _walk_cross(*walk, *cross)
    queue = None
    if passive is not None:
        if passive.wait_bins.shape != (2, n_bins):
            raise ParameterError(f"passive: is of {passive.wait_bins.shape[1]} bins, must be of {n_bins}")
        queued, join, fill = empty(), np.full((2, n_bins), -1, np.int64), np.full((2, n_bins), -1, np.int64)
        walk_queue(*walk, passive.price_int, passive.wait_bins, passive.max_wait_bins, join, fill, *queued)
        queue = QueueFills(fills_of(*queued, rule.cost_ticks), join, fill, passive)
    return OutcomeTable(fills_of(*mid, 0.0), fills_of(*cross, rule.cost_ticks), rule, queue)


def opened(events: Events, table: OutcomeTable, *, allow_overlap: bool, model: FillModel = "cross") -> Events:
    """The events that open a position: without overlap none opens before the last one is over.

    `model` is the one whose fills are to be proven: see `OutcomeTable.busy_until`.
    """
    if allow_overlap:
        return events
    mask = np.zeros(len(events), np.bool_)
    _mark_opened(events.bins, events.directions, table.busy_until(model), mask)
    return Events(events.bins[mask], events.directions[mask])


@kernel
def _mark_opened(
    bins: NDArray[np.int64], directions: NDArray[np.int8], open_until: NDArray[np.int64], mask: NDArray[np.bool_]
) -> None:
    busy_until = -1
    for i in range(bins.shape[0]):
        t = bins[i]
        if t <= busy_until:
            continue
        mask[i] = True
        busy_until = open_until[0 if directions[i] > 0 else 1, t]


@kernel
def _walk_mid(
    quotes: NDArray[np.int64],
    valid: NDArray[np.bool_],
    tp: int,
    sl: int,
    max_hold: int,
    latency: int,  # noqa: ARG001 - one signature for both models
    outcome: NDArray[np.int8],
    exit_bin: NDArray[np.int64],
    pnl: NDArray[np.int64],
) -> None:
    n_bins = valid.shape[0]
    for row in range(2):
        for event in range(n_bins):
            deadline = min(event + max_hold, n_bins - 1)
            exit_bin[row, event] = deadline
            if not valid[event]:
                continue
            entry = quotes[0, event] + quotes[1, event]
            outcome[row, event] = TIMEOUT
            last = entry
            for t in range(event + 1, deadline + 1):
                if not valid[t]:
                    continue
                above = quotes[2, t] + quotes[4, t] - entry
                below = entry - quotes[3, t] - quotes[5, t]
                against = below if row == 0 else above
                along = above if row == 0 else below
                if against >= sl:
                    outcome[row, event] = STOP
                    pnl[row, event] = -sl
                    exit_bin[row, event] = t
                    break
                if along >= tp:
                    outcome[row, event] = TAKE_PROFIT
                    pnl[row, event] = tp
                    exit_bin[row, event] = t
                    break
                last = quotes[0, t] + quotes[1, t]
            if outcome[row, event] == TIMEOUT:
                pnl[row, event] = last - entry if row == 0 else entry - last


@kernel
def _walk_cross(
    quotes: NDArray[np.int64],
    valid: NDArray[np.bool_],
    tp: int,
    sl: int,
    max_hold: int,
    latency: int,
    outcome: NDArray[np.int8],
    exit_bin: NDArray[np.int64],
    pnl: NDArray[np.int64],
) -> None:
    n_bins = valid.shape[0]
    for row in range(2):
        enter_side = 1 if row == 0 else 0
        for event in range(n_bins):
            deadline = min(event + max_hold, n_bins - 1)
            exit_bin[row, event] = deadline
            if not valid[event]:
                continue
            start = event + latency
            while start <= deadline and not valid[start]:
                start += 1
            if start > deadline:
                continue
            outcome[row, event], exit_bin[row, event], pnl[row, event] = leave_at(
                quotes, valid, row, 2 * quotes[enter_side, start], start, deadline, tp, sl, latency
            )
