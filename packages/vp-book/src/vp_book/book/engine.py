"""The order book with its physics, fed with arrays of records."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from os import PathLike
from typing import Any, Final, Literal, NamedTuple, Self

import numpy as np

from vp_book._checked import FOREVER as FOREVER
from vp_book._checked import checked_choice, checked_int, checked_path, kernel_view
from vp_book.certificate import certify
from vp_book.checkpoint import state_file as checkpoint
from vp_book.checkpoint.plausible import check_state
from vp_book.display import clock_text, ladder_html
from vp_book.errors import CheckpointError, EventEndError, ParameterError
from vp_book.instrument import Instrument, instrument_facts, instrument_of
from vp_book.physics.flow import CELL_COUNTS, CELL_DEPTHS, CELL_FLOATS, read_cells
from vp_book.physics.parameters import Physics
from vp_book.sessions import phase_at

from . import levels as _levels
from . import orders as _orders
from . import state as st
from .apply import UNBOUND, apply_records, end_open_event, foreign_record
from .range import enlarged, fresh_arrays, level_ticks, read_best_levels, recentered, shift_to_middle
from .state import ANCHORED, ASK, BID, Arrays

_DEFAULT_RADIUS: Final = 50

GUARD_CELLS: Final = 256
"""Cells between the served window and the edge of the range at which the range recenters."""

DEFAULT_EDGE_MARGIN: Final = _DEFAULT_RADIUS + GUARD_CELLS
"""Cells of spot to the edge of the range at which it recenters."""

MAX_TICKS: Final = 1 << 20
"""Cells of the largest range: 150 MB of physics."""

MAX_PRICE_TICKS: Final = 1 << 24
"""Price ticks of the largest range: 256 MB of ladder."""

MAX_DEPTH: Final = 10_000
"""Levels of a side that are read at once."""

EVENT_ENDS: Final = ("flags", "time")

_NO_EVENT_ENDS: Final = (
    "records: not one carries F_LAST (flag 128), so nothing says when an event is over and the book is whole; if this "
    'venue sets no such flag, use BookEngine(..., event_ends="time")'
)

EventEnds = Literal["flags", "time"]
Side = Literal["bid", "ask"]


class Bbo(NamedTuple):
    """Best bid and offer, displayed sizes. A side that is empty has price 0 and size 0."""

    bid_price_int: int
    bid_size: int
    ask_price_int: int
    ask_size: int


class QueuePosition(NamedTuple):
    """What is filled before an order: orders of its side and price, and the size that they display together."""

    orders_ahead: int
    size_ahead: int


class BookEngine:
    """Order book, flow attribution and physics of one instrument of one publisher.

    `n_absolute_ticks` is the number of cells of the range that carries physics; it lies around the first valid BBO and
    recenters on spot when that comes within `edge_margin_ticks` cells of an edge. Not safe for use from several threads
    at once.

    The first record says of which instrument id and publisher the book is; a record of another one is refused. With
    `instrument_id` or `publisher_id` the book is of that one, and records of others are skipped and counted
    (`foreign_records` of the certificate).

    `event_ends` says where an event is over, which is when the book is observed: `"flags"` at a record flagged F_LAST,
    `"time"` where the venue's time (`ts_event`) changes, for venues that set no such flag.

    Raises `ParameterError` for a range too small to hold its margins or too large for memory, and for any other
    argument that is not allowed.

        engine = BookEngine(Instrument("ESH6", "0.25"))
        for records in open_dbn("esh6.mbo.dbn.zst"):  # arrays of MBO_DTYPE, shape (n,)
            engine.apply(records)
        prices, sizes = engine.levels("bid")  # int64, shape (levels,), best first
    """

    def __init__(
        self,
        instrument: Instrument,
        physics: Physics | None = None,
        *,
        n_absolute_ticks: int = 8192,
        edge_margin_ticks: int = DEFAULT_EDGE_MARGIN,
        instrument_id: int | None = None,
        publisher_id: int | None = None,
        event_ends: EventEnds = "flags",
    ) -> None:
        if not isinstance(instrument, Instrument):
            raise ParameterError(f"instrument={instrument!r}: must be an Instrument")
        if physics is not None and not isinstance(physics, Physics):
            raise ParameterError(f"physics={physics!r}: must be a Physics, or None for the default one")
        edge_margin_ticks = checked_int("edge_margin_ticks", edge_margin_ticks, 1, MAX_TICKS)
        n_absolute_ticks = checked_int("n_absolute_ticks", n_absolute_ticks, 1, MAX_TICKS)
        if n_absolute_ticks < 2 * edge_margin_ticks + 2:
            raise ParameterError(
                f"n_absolute_ticks={n_absolute_ticks}: must be at least {2 * edge_margin_ticks + 2} (twice the margin "
                f"of {edge_margin_ticks} cells in which it recenters)"
            )
        price_ticks = n_absolute_ticks * instrument.bucket_ticks
        if price_ticks > MAX_PRICE_TICKS:
            raise ParameterError(
                f"n_absolute_ticks={n_absolute_ticks}: {instrument.bucket_ticks} price ticks a cell make a range of "
                f"{price_ticks}; allowed are {MAX_PRICE_TICKS}; take fewer cells or a smaller bucket_size"
            )
        self.instrument = instrument
        self.physics = physics if physics is not None else Physics()
        self.n_absolute_ticks = n_absolute_ticks
        self.edge_margin_ticks = edge_margin_ticks
        self._arrays = fresh_arrays(n_absolute_ticks, price_ticks, self.physics.to_array())
        scalars = self._arrays.scalars[0]
        scalars.edge_margin = edge_margin_ticks
        scalars.tick_int = instrument.tick_int
        scalars.bucket = instrument.bucket_ticks
        scalars.by_time = checked_choice("event_ends", event_ends, EVENT_ENDS) == "time"
        scalars.only_instrument = _id_or_none("instrument_id", instrument_id, 2**32 - 1)
        scalars.only_publisher = _id_or_none("publisher_id", publisher_id, 2**16 - 1)

    def __repr__(self) -> str:
        return f"BookEngine({self.instrument.symbol}, {clock_text(self.clock_ns)}, {self.order_count} orders)"

    def _repr_html_(self) -> str:
        return ladder_html(repr(self), self.depth(10), self.instrument.tick_int)

    def apply(self, records: np.ndarray) -> None:
        """Apply records, an array (n,) of `MBO_DTYPE`; where the chunks are cut makes no difference.

        Raises `ParameterError` for what is not such an array, and for a record of another instrument or publisher;
        `EventEndError` when no record ever ends an event. What came before the record in question is applied.
        """
        self.apply_until(records, 0, FOREVER)

    def apply_until(self, records: np.ndarray, start: int, stop_ns: int) -> int:
        """Apply `records[start:]` until an event starts at or after `stop_ns`; returns the index of its first record.

        The length of `records` is returned when they are all applied. Raises as `apply` does.
        """
        view = kernel_view(records)
        start = checked_int("start", start, 0, len(view))
        stop_ns = checked_int("stop_ns", stop_ns, -FOREVER, FOREVER)
        while True:
            start, status = apply_records(view, start, stop_ns, self._arrays)
            if status in (st.DONE, st.BIN_END):
                return start
            self.settle(status, view, start)

    def settle(self, status: int, view: np.ndarray, at: int) -> None:
        """Do what a kernel that applies records cannot do itself, before it goes on at `view[at]`. For this package."""
        if status == st.GROW:
            self._arrays = enlarged(self._arrays)
        elif status == st.RECENTER:
            self._arrays = recentered(self._arrays)
        elif status == st.PHASE:
            scalars = self._arrays.scalars[0]
            phase, until_ns = phase_at(self.instrument.product_type, int(scalars.venue_clock))
            scalars.phase = phase
            scalars.next_phase_ns = until_ns
        elif status == st.FOREIGN:
            raise ParameterError(foreign_record(view[at], int(self._arrays.scalars[0].ids)))
        else:
            raise EventEndError(_NO_EVENT_ENDS)

    def finish(self) -> None:
        """Say that no more records come: with `event_ends="time"` the open event is over, and its boundary is observed.

        With `"flags"` an event whose F_LAST did not come stays open, and the book is not valid. Raises `EventEndError`
        if no live record carried that flag. More records may be applied all the same.
        """
        a = self._arrays
        s = a.scalars[0]
        if s.by_time:
            if s.in_event and end_open_event(a):
                self._arrays = recentered(self._arrays)
        elif s.in_event and not s.event_end_seen:
            raise EventEndError(_NO_EVENT_ENDS)

    @property
    def arrays(self) -> Arrays:
        """The state as compiled code takes it. Named in `vp_book.book.state`; for readers inside this package."""
        return self._arrays

    def set_physics(self, on: bool) -> None:
        """Whether flow enters the cells from now on; the book is built either way."""
        if not isinstance(on, (bool, np.bool_)):
            raise ParameterError(f"on={on!r}: must be True or False")
        self._arrays.scalars[0].physics_on = int(on)

    def reset_statistics(self) -> None:
        """Begin the per-bin statistics (events, trades, BBO extremes) anew."""
        st.clear_statistics(self._arrays)

    def reanchor(self) -> None:
        """Move the range so that the BBO lies in its middle, if it is valid and does not lie there already.

        Cells that leave the range lose their physics. `apply` does the same by itself when spot comes near an edge.
        """
        s = self._arrays.scalars[0]
        if s.anchored == ANCHORED and s.valid and shift_to_middle(self._arrays):
            self._arrays = recentered(self._arrays)

    def save_checkpoint(self, path: str | PathLike[str], *, note: Mapping[str, object] | None = None) -> None:
        """Write the whole state to a file, whole or not at all; see `vp_book.checkpoint`.

        It may be taken after any record, inside an event or a snapshot too. `note` is kept with it (plain JSON
        values). Raises OSError when the file cannot be written, ParameterError for a note of anything else.
        """
        if note is not None and not isinstance(note, Mapping):
            raise ParameterError(f"note={note!r}: must be a mapping of plain JSON values, or None")
        facts = {
            "instrument": instrument_facts(self.instrument),
            "physics": asdict(self.physics),
            "n_absolute_ticks": self.n_absolute_ticks,
            "note": dict(note or {}),
        }
        try:
            checkpoint.save(checked_path("path", path), self._arrays, facts)
        except (RecursionError, TypeError, ValueError) as error:
            raise ParameterError(f"note={note!r:.200}: must hold plain JSON values ({error})") from None

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
        facts, arrays = checkpoint.load(checked_path("path", path))
        try:
            instrument = instrument_of(facts["instrument"])
            n = checked_int("n_absolute_ticks", facts["n_absolute_ticks"], 1, MAX_TICKS)
            if arrays.ladder.shape != (2, n * instrument.bucket_ticks):
                raise ValueError(f"a ladder of shape {arrays.ladder.shape}")
            margin = int(arrays.scalars[0].edge_margin)
            engine = cls(instrument, Physics(**facts["physics"]), n_absolute_ticks=n, edge_margin_ticks=margin)
            check_state(arrays, engine.arrays)
            note = dict(facts["note"])
        except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
            raise CheckpointError(f"{path} holds no state of a book engine ({error})") from None
        engine._arrays = arrays
        return engine, note

    @property
    def clock_ns(self) -> int:
        """`ts_recv` of the newest record, ns UTC; 0 before the first."""
        return int(self._arrays.scalars["clock"][0])  # asked for at every bin, and faster than an attribute

    @property
    def order_count(self) -> int:
        """Resting orders of both sides."""
        scalars = self._arrays.scalars[0]
        return int(scalars.resting[BID] + scalars.resting[ASK])

    @property
    def event_count(self) -> int:
        """Event boundaries so far."""
        return int(self._arrays.scalars[0].events)

    @property
    def book_valid(self) -> bool:
        """At the last event boundary both sides existed, were not crossed or locked, and no gap was pending.

        False while an event or a snapshot is open: a book in the middle of either is not observed.
        """
        s = self._arrays.scalars[0]
        return bool(s.valid and not s.in_event and not s.in_snapshot)

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
        """(price_int, size) of every price level of a side, int64 (n,) each, best first; see `depth`."""
        checked_choice("side", side, ("bid", "ask"))
        ticks, sizes = level_ticks(self._arrays, BID if side == "bid" else ASK)
        if side == "bid":
            ticks, sizes = ticks[::-1], sizes[::-1]
        return ticks * self.instrument.tick_int, sizes

    def depth(self, n: int) -> dict[Side, tuple[np.ndarray, np.ndarray, np.ndarray]]:
        """The best `n` levels of each side, or fewer: (price_int, size, orders), int64 (levels,) each, best first.

        prices, sizes, orders = engine.depth(10)["bid"]
        """
        levels = np.zeros((1, 3, 2, checked_int("n", n, 1, MAX_DEPTH)), np.int64)
        found = np.zeros(2, np.int64)
        read_best_levels(self._arrays, 0, True, found, levels)
        levels[0, 0] *= self.instrument.tick_int
        (bid_prices, ask_prices), (bid_sizes, ask_sizes), (bid_orders, ask_orders) = levels[0]
        bids, asks = found.tolist()
        return {
            "bid": (bid_prices[:bids], bid_sizes[:bids], bid_orders[:bids]),
            "ask": (ask_prices[:asks], ask_sizes[:asks], ask_orders[:asks]),
        }

    def orders(self, side: Side, price_int: int) -> tuple[np.ndarray, np.ndarray]:
        """(order_id, uint64; size, int64) of the orders at a price, in the order in which they are filled.

        An order loses its place by a change of price or side and by an increase in size, the refill of an iceberg
        included; a decrease keeps it. A snapshot's orders stand as its records do. Both arrays are empty at a price
        without orders. In a top-of-book feed an order stands for a whole side, and its id for nothing.

            ids, sizes = engine.orders("bid", engine.bbo().bid_price_int)  # shape (orders,)
        """
        bid = checked_choice("side", side, ("bid", "ask")) == "bid"
        price_int = checked_int("price_int", price_int, -FOREVER, FOREVER)
        tick, beside = divmod(price_int, self.instrument.tick_int)
        if beside:
            raise ParameterError(f"price_int={price_int}: must be a multiple of the tick, {self.instrument.tick_int}")
        return _orders.resting_at(self._arrays.orders, bid, tick)

    def queue_position(self, order_id: int) -> QueuePosition:
        """How many orders, and of which size together, are filled before a resting order; see `orders`.

        Every order of the book is looked at, for some 20 us. Raises `ParameterError` for an order that does not rest.

            ahead = engine.queue_position(6843000000001)  # QueuePosition(orders_ahead=3, size_ahead=17)
        """
        order_id = checked_int("order_id", order_id, 0, 2**64 - 1)
        count, size = _orders.ahead(self._arrays.orders, np.uint64(order_id).astype(np.int64))
        if count < 0:
            raise ParameterError(f"order_id={order_id}: no such order rests in the book")
        return QueuePosition(int(count), int(size))

    def flow_totals(self) -> dict[str, int]:
        """Contracts added, pulled and filled since the start, hidden quantity without a side included."""
        counts = self._arrays.counts[0]
        return {"add": int(counts.added.sum()), "pull": int(counts.pulled.sum()), "fill": int(counts.filled.sum())}

    def tick_state(self, price_int: int, ts_ns: int) -> Mapping[str, float | int]:
        """Every cell field of the cell that holds a price, read at a time not before the clock.

        Outside the range there is depth and no physics. Raises `ParameterError` for a time before the clock, and for
        a price or a time that is no integer or beyond 2**62.
        """
        price_int = checked_int("price_int", price_int, -FOREVER, FOREVER)
        ts_ns = checked_int("ts_ns", ts_ns, 0, FOREVER)
        if ts_ns < self.clock_ns:
            raise ParameterError(f"ts_ns={ts_ns}: must not be before the clock {self.clock_ns}")
        a = self._arrays
        bucket = self.instrument.bucket_ticks
        tick = (2 * price_int + self.instrument.tick_int) // (2 * self.instrument.tick_int)
        cell = (tick + bucket // 2) // bucket
        index = cell - int(a.scalars[0].range_cell)
        floats = np.empty((len(CELL_FLOATS), 1), np.float64)
        read_cells(a.physics, a.params, int(a.scalars[0].origin), ts_ns, index, floats)
        state: dict[str, float | int] = {name: float(floats[i, 0]) for i, name in enumerate(CELL_FLOATS)}
        first = cell * bucket - bucket // 2
        bid, ask = (self._depth_between(side, first, first + bucket) for side in (BID, ASK))
        state.update(zip(CELL_DEPTHS, (bid + ask, bid, ask), strict=True))
        inside = 0 <= index < self.n_absolute_ticks
        counts = (a.touched[index], a.traded[BID, index], a.traded[ASK, index]) if inside else (0, 0, 0)
        state.update(zip(CELL_COUNTS, map(int, counts), strict=True))
        return state

    def certificate(self) -> dict[str, object]:
        """What this replay met and whether its books balance; see `vp_book.certificate`."""
        return certify(self._arrays, self.instrument.product_type)

    def _depth_between(self, side: int, first_tick: int, end_tick: int) -> int:
        ticks, sizes = level_ticks(self._arrays, side)
        return int(sizes[(ticks >= first_tick) & (ticks < end_tick)].sum())


def _id_or_none(name: str, value: int | None, high: int) -> int:
    return UNBOUND if value is None else checked_int(name, value, 0, high)
