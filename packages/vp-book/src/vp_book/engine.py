"""The order book with its physics, fed with arrays of records."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from os import PathLike
from pathlib import Path
from typing import Any, Final, Literal, NamedTuple, Self

import numpy as np

from . import _levels, _orders, checkpoint
from . import _state as st
from ._apply import apply_records
from ._checked import FOREVER as FOREVER
from ._checked import kernel_view
from ._clock import NO_CLOCK
from ._flow import CELL_FLOATS, PHYSICS_COLUMNS, read_cells
from ._state import ASK, BID, Arrays
from .certificate import certify
from .errors import CheckpointError, ParameterError
from .instrument import Instrument
from .physics import Physics
from .sessions import phase_at

DEFAULT_EDGE_MARGIN: Final = 306
"""Cells of spot to the edge of the range at which it recenters: a window of 50 rows plus 256."""

_FIRST_ORDERS: Final = 1 << 14
_FIRST_FAR_LEVELS: Final = 1 << 10
_FIRST_PENDING: Final = 1 << 8

Side = Literal["bid", "ask"]


class Bbo(NamedTuple):
    """Best bid and offer, displayed sizes. A side that is empty has price 0 and size 0."""

    bid_price_int: int
    bid_size: int
    ask_price_int: int
    ask_size: int


class BookEngine:
    """Order book, flow attribution and physics of one instrument of one publisher.

    `n_absolute_ticks` is the number of cells of the range that carries physics; it lies around the first valid BBO and
    recenters on spot when that comes within `edge_margin_ticks` cells of an edge. Not safe for use from several threads
    at once.

    Raises `ParameterError` for a range too small to hold its margins.
    """

    def __init__(
        self,
        instrument: Instrument,
        physics: Physics | None = None,
        *,
        n_absolute_ticks: int = 8192,
        edge_margin_ticks: int = DEFAULT_EDGE_MARGIN,
    ) -> None:
        if n_absolute_ticks < 2 * edge_margin_ticks + 2:
            raise ParameterError(
                f"n_absolute_ticks must be at least {2 * edge_margin_ticks + 2} (twice the margin of "
                f"{edge_margin_ticks} cells in which it recenters), got {n_absolute_ticks!r}"
            )
        self.instrument = instrument
        self.physics = physics if physics is not None else Physics()
        self.n_absolute_ticks = n_absolute_ticks
        self.edge_margin_ticks = edge_margin_ticks
        scalars = np.zeros(st.S_COUNT, np.int64)
        price_ticks = n_absolute_ticks * instrument.bucket_ticks
        scalars[st.S_BEST_BID] = -1
        scalars[st.S_BEST_ASK] = price_ticks
        scalars[st.S_BID_TICK] = st.NO_LEVEL
        scalars[st.S_ASK_TICK] = st.NO_LEVEL
        scalars[st.S_WEIGHTS_AT] = -1
        scalars[st.S_PHYSICS_ON] = 1
        scalars[st.S_SUSPECT] = NO_CLOCK
        scalars[st.S_EDGE_MARGIN] = edge_margin_ticks
        scalars[st.S_TICK_INT] = instrument.tick_int
        scalars[st.S_BUCKET] = instrument.bucket_ticks
        self._arrays = Arrays(
            orders=np.zeros((_FIRST_ORDERS, _orders.O_COLUMNS), np.int64),
            ladder=np.zeros((2, price_ticks), np.int64),
            far=np.zeros((2, 2, _FIRST_FAR_LEVELS), np.int64),
            physics=np.zeros((n_absolute_ticks, PHYSICS_COLUMNS), np.float64),
            touched=np.zeros(n_absolute_ticks, np.int64),
            scalars=scalars,
            counts=np.zeros(st.N_COUNT, np.int64),
            stats=np.zeros(st.B_COUNT, np.int64),
            clock=np.zeros(st.W_COUNT, np.float64),
            params=self.physics.to_array(),
            pending=np.zeros(_FIRST_PENDING, np.int64),
        )

    def apply(self, records: np.ndarray) -> None:
        """Apply every record of an array of `MBO_DTYPE`; where the chunks are cut makes no difference."""
        self.apply_until(records, 0, FOREVER)

    def apply_until(self, records: np.ndarray, start: int, stop_ns: int) -> int:
        """Apply `records[start:]` until an event starts at or after `stop_ns`; returns the index of its first record.

        The length of `records` is returned when they are all applied.
        """
        view = kernel_view(records)
        while True:
            start, status = apply_records(view, start, stop_ns, self._arrays)
            if status == st.GROW:
                self._grow()
            elif status == st.RECENTER:
                self._recenter()
            elif status == st.PHASE:
                scalars = self._arrays.scalars
                phase, until_ns = phase_at(self.instrument.product_type, int(scalars[st.S_VENUE_CLOCK]))
                scalars[st.S_PHASE] = phase
                scalars[st.S_NEXT_PHASE_NS] = until_ns
            else:
                return start

    @property
    def arrays(self) -> Arrays:
        """The state as compiled code takes it. Named in `vp_book._state`; for readers inside this package."""
        return self._arrays

    def set_physics(self, on: bool) -> None:
        """Whether flow enters the cells from now on; the book is built either way."""
        self._arrays.scalars[st.S_PHYSICS_ON] = int(on)

    def reset_statistics(self) -> None:
        """Begin the per-bin statistics (events, trades, BBO extremes) anew."""
        self._arrays.stats[:] = 0

    def reanchor(self) -> None:
        """Move the range so that the BBO lies in its middle, if it is valid and does not lie there already.

        Cells that leave the range lose their physics. `apply` does the same by itself when spot comes near an edge.
        """
        s = self._arrays.scalars
        if s[st.S_ANCHORED] == 2 and s[st.S_VALID] and self._shift_to_middle():
            self._recenter()

    def save_checkpoint(self, path: str | PathLike[str], *, note: Mapping[str, object] | None = None) -> None:
        """Write the whole state to a file, whole or not at all; see `vp_book.checkpoint`.

        It may be taken after any record, inside an event or a snapshot too. `note` is kept with it (plain JSON
        values). Raises OSError when the file cannot be written.
        """
        facts = {
            "instrument": _instrument_facts(self.instrument),
            "physics": asdict(self.physics),
            "n_absolute_ticks": self.n_absolute_ticks,
            "note": dict(note or {}),
        }
        checkpoint.save(Path(path), self._arrays, facts)

    @classmethod
    def load_checkpoint(cls, path: str | PathLike[str]) -> Self:
        """The engine that was saved: whatever is applied to it gives the bits that the saved one would have given.

        The range is left where it was (see `reanchor`). Raises CheckpointError for a file that is damaged, foreign, or
        written by other code than this, FileNotFoundError for none.
        """
        return cls.load_noted(path)[0]

    @classmethod
    def load_noted(cls, path: str | PathLike[str]) -> tuple[Self, dict[str, Any]]:
        """`load_checkpoint`, and the note that was kept with it."""
        facts, arrays = checkpoint.load(Path(path))
        try:
            instrument, n = Instrument(**facts["instrument"]), int(facts["n_absolute_ticks"])
            if arrays.ladder.shape != (2, n * instrument.bucket_ticks):
                raise ValueError(f"a ladder of shape {arrays.ladder.shape}")
            margin = int(arrays.scalars[st.S_EDGE_MARGIN])
            engine = cls(instrument, Physics(**facts["physics"]), n_absolute_ticks=n, edge_margin_ticks=margin)
            checkpoint.check_state(arrays, engine.arrays)
            note = dict(facts["note"])
        except (KeyError, TypeError, ValueError, IndexError) as error:
            raise CheckpointError(f"{path} holds no state of a book engine ({error})") from None
        engine._arrays = arrays
        return engine, note

    @property
    def clock_ns(self) -> int:
        """`ts_recv` of the newest record, ns UTC; 0 before the first."""
        return int(self._arrays.scalars[st.S_CLOCK])

    @property
    def order_count(self) -> int:
        """Resting orders of both sides."""
        scalars = self._arrays.scalars
        return int(scalars[st.S_BID_ORDERS] + scalars[st.S_ASK_ORDERS])

    @property
    def event_count(self) -> int:
        """Event boundaries (records with F_LAST) so far."""
        return int(self._arrays.scalars[st.S_EVENTS])

    @property
    def book_valid(self) -> bool:
        """At the last event boundary both sides existed, were not crossed or locked, and no gap was pending."""
        return bool(self._arrays.scalars[st.S_VALID])

    def bbo(self) -> Bbo:
        """Best bid and offer of the true prices, as of the last record."""
        a = self._arrays
        bid_tick, bid_size = _levels.best_bid(a.ladder, a.far, a.scalars)
        ask_tick, ask_size = _levels.best_ask(a.ladder, a.far, a.scalars)
        tick_int = self.instrument.tick_int
        return Bbo(
            int(bid_tick) * tick_int if bid_size else 0,
            int(bid_size),
            int(ask_tick) * tick_int if ask_size else 0,
            int(ask_size),
        )

    def levels(self, side: Side) -> tuple[np.ndarray, np.ndarray]:
        """(price_int, size), int64, of every price level of a side, best first."""
        if side not in ("bid", "ask"):
            raise ParameterError(f"side must be 'bid' or 'ask', got {side!r}")
        ticks, sizes = self._level_ticks(BID if side == "bid" else ASK)
        if side == "bid":
            ticks, sizes = ticks[::-1], sizes[::-1]
        return ticks * self.instrument.tick_int, sizes

    def flow_totals(self) -> dict[str, int]:
        """Contracts added, pulled and filled since the start, hidden quantity without a side included."""
        counts = self._arrays.counts
        return {
            name: int(counts[first : first + 3].sum())
            for name, first in (("add", st.N_ADD_BID), ("pull", st.N_PULL_BID), ("fill", st.N_FILL_BID))
        }

    def tick_state(self, price_int: int, ts_ns: int) -> Mapping[str, float | int]:
        """Every cell field of the cell that holds a price, read at a time not before the clock.

        Outside the range there is depth and no physics.
        """
        if ts_ns < self.clock_ns:
            raise ParameterError(f"ts_ns must not be before the clock {self.clock_ns}, got {ts_ns}")
        a = self._arrays
        bucket = self.instrument.bucket_ticks
        tick = (2 * price_int + self.instrument.tick_int) // (2 * self.instrument.tick_int)
        cell = (tick + bucket // 2) // bucket
        index = cell - int(a.scalars[st.S_RANGE_CELL])
        floats = np.empty((len(CELL_FLOATS), 1), np.float64)
        read_cells(a.physics, a.params, int(a.scalars[st.S_ORIGIN]), ts_ns, index, floats)
        state: dict[str, float | int] = {name: float(floats[i, 0]) for i, name in enumerate(CELL_FLOATS)}
        first = cell * bucket - bucket // 2
        bid, ask = (self._depth_between(side, first, first + bucket) for side in (BID, ASK))
        state.update(rest_depth=bid + ask, bid_depth=bid, ask_depth=ask)
        state["last_event_id"] = int(a.touched[index]) if 0 <= index < self.n_absolute_ticks else 0
        return state

    def certificate(self) -> dict[str, object]:
        """What this replay met and whether its books balance; see `vp_book.certificate`."""
        return certify(self._arrays)

    def _level_ticks(self, side: int) -> tuple[np.ndarray, np.ndarray]:
        """(price tick, size) of a side, ascending, copies."""
        a = self._arrays
        inside = np.flatnonzero(a.ladder[side])
        n = int(a.scalars[st.S_FAR_BIDS + side])
        ticks = np.concatenate([inside + a.scalars[st.S_RANGE_LO], a.far[side, st.TICK, :n]])
        sizes = np.concatenate([a.ladder[side, inside], a.far[side, st.SIZE, :n]])
        order = np.argsort(ticks, kind="stable")
        return ticks[order], sizes[order]

    def _depth_between(self, side: int, first_tick: int, end_tick: int) -> int:
        ticks, sizes = self._level_ticks(side)
        return int(sizes[(ticks >= first_tick) & (ticks < end_tick)].sum())

    def _grow(self) -> None:
        """Double whatever is nearly full."""
        a = self._arrays
        s = a.scalars
        if 2 * (self.order_count + 1) > len(a.orders):
            orders = np.zeros((2 * len(a.orders), _orders.O_COLUMNS), np.int64)
            _orders.rehash(a.orders, orders)
            a = a._replace(orders=orders)
        if max(s[st.S_FAR_BIDS], s[st.S_FAR_ASKS]) > a.far.shape[2] - 2:
            a = a._replace(far=np.concatenate([a.far, np.zeros_like(a.far)], axis=2))
        if s[st.S_PENDING] >= len(a.pending):
            a = a._replace(pending=np.concatenate([a.pending, np.zeros_like(a.pending)]))
        self._arrays = a

    def _shift_to_middle(self) -> int:
        """Cells by which the range has to move up for the BBO to lie in its middle."""
        s = self._arrays.scalars
        bucket = self.instrument.bucket_ticks
        middle = (int(s[st.S_BID_TICK]) + int(s[st.S_ASK_TICK]) + bucket) // (2 * bucket)
        return middle - self.n_absolute_ticks // 2 - int(s[st.S_RANGE_CELL])

    def _recenter(self) -> None:
        """Move the range so that spot lies in its middle; physics and depth move with their absolute tick."""
        a = self._arrays
        s = a.scalars
        bucket = self.instrument.bucket_ticks
        levels = [self._level_ticks(side) for side in (BID, ASK)]
        shift = self._shift_to_middle()
        _shift_rows(a.physics, shift)
        _shift_rows(a.touched, shift)
        s[st.S_RANGE_CELL] += shift
        s[st.S_RANGE_LO] += shift * bucket
        _levels.clear(a.ladder, s)
        most_far = 2 + max(len(ticks) for ticks, _ in levels)
        if most_far > a.far.shape[2]:
            a = a._replace(far=np.zeros((2, 2, 2 * most_far), np.int64))
            self._arrays = a
        for side, (ticks, sizes) in enumerate(levels):
            index = ticks - s[st.S_RANGE_LO]
            inside = (index >= 0) & (index < a.ladder.shape[1])
            a.ladder[side, index[inside]] = sizes[inside]
            n = int((~inside).sum())
            a.far[side, st.TICK, :n] = ticks[~inside]
            a.far[side, st.SIZE, :n] = sizes[~inside]
            s[st.S_FAR_BIDS + side] = n
            if inside.any():
                s[st.S_BEST_BID + side] = index[inside].max() if side == BID else index[inside].min()
        if s[st.S_VALID]:
            s[st.S_ANCHORED] = 2
        a.counts[st.N_RECENTERED] += 1


def _instrument_facts(instrument: Instrument) -> dict[str, str | None]:
    """An instrument as plain JSON values that make an equal one: sizes are decimal strings."""
    bucket = instrument.bucket_size
    return {
        "symbol": instrument.symbol,
        "tick_size": str(instrument.tick_size),
        "product_type": instrument.product_type,
        "bucket_size": None if bucket is None else str(bucket),
    }


def _shift_rows(array: np.ndarray, shift: int) -> None:
    """Move row `i + shift` to row `i` in place; rows that enter are zero."""
    n = len(array)
    if abs(shift) >= n:
        array[:] = 0
    elif shift > 0:
        array[: n - shift] = array[shift:].copy()
        array[n - shift :] = 0
    elif shift < 0:
        array[-shift:] = array[: n + shift].copy()
        array[:-shift] = 0
