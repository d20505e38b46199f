"""One closed time bin: what the book did in it and how every cell of the window stands at its end."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from vp_book._fields import plain_reader
from vp_book.book import levels as _levels
from vp_book.book.state import ANCHORED, SCALARS, STATS, TURNOVER_BITS, Arrays, clear_statistics
from vp_book.display import clock_text, strip_html
from vp_book.instrument import PRICE_SCALE
from vp_book.marks import Mark
from vp_book.marks.mark import marks_of_rows
from vp_book.physics.flow import CELL_COUNTS, CELL_DEPTHS, CELL_FLOATS, F_CHAIN, read_cells, read_forces
from vp_book.tables.frames import ArrowTable, PolarsFrame, to_arrow, to_polars

from ._kernels import read_whole

CELL_COLUMNS: Final = (
    "k",
    *CELL_FLOATS[:F_CHAIN],
    *CELL_DEPTHS,
    *CELL_FLOATS[F_CHAIN:],
    *CELL_COUNTS,
)
"""Columns of `Bin.cells`, in order: floats are float64, `k` int32, depths, `last_event_id` and volumes int64."""


_read_scalars = plain_reader(
    SCALARS,
    "clock",
    "range_cell",
    "anchored",
    "spot",
    "origin",
    "in_event",
    "in_snapshot",
    "valid",
    "events",
    "last_trade",
    "bought",
    "sold",
    "priced_volume",
    "turnover_high",
    "turnover_low",
)
_read_stats = plain_reader(STATS)


@dataclass(slots=True, repr=False)
class Bin:
    """A closed bin.

    `fields` are its scalars. `cells` maps each of `CELL_COLUMNS` to an array of `2*radius + 1` rows; row i is
    `k = i - radius`, `k` cells above spot. `pressure` and `vacuum` are float64 over the whole range of absolute ticks,
    of which row `k = -radius` is index `window_lo`. `shift_cells` is by how many cells the range moved up since the
    previous bin: what is at index i now was at `i + shift_cells` then. The arrays are the bin's own,
    but for the column `k`, which all bins of a replay share. `marks` are at most 16 of what only order-level data show,
    the largest first; see `vp_book.Mark`.

    Prices in `fields` are `price_int` (1e-9 of the currency), but for `mid_price`, in the currency. Sizes, depths and
    volumes are contracts or shares, times ns UTC.

        above = bin_.cells["k"] > 0
        ask_depth_above_spot = bin_.cells["ask_depth"][above].sum()
        same = bin_.cells["pressure_variant"] == bin_.pressure[bin_.window_lo : bin_.window_lo + len(above)]
    """

    fields: dict[str, int | float | bool]
    cells: dict[str, np.ndarray]
    pressure: np.ndarray
    vacuum: np.ndarray
    window_lo: int
    shift_cells: int
    marks: tuple[Mark, ...] = ()

    def __repr__(self) -> str:
        fields = self.fields
        book = f"mid {fields['mid_price']:g}" if fields["book_valid"] else "book not valid"
        return (
            f"Bin({fields['bin_seq']}, {clock_text(int(fields['bin_end_ns']))}, {book}, {len(self.cells['k'])} cells)"
        )

    def _repr_html_(self) -> str:
        cells = self.cells
        return strip_html(repr(self), cells["k"], cells["pressure_variant"] - cells["vacuum_variant"])

    def to_arrow(self) -> ArrowTable:
        """The cells as a `pyarrow.Table`: `bin_seq`, then `CELL_COLUMNS`. See `vp_book.to_arrow`, and `collect`."""
        return to_arrow(self._columns())

    def to_polars(self) -> PolarsFrame:
        """The cells as a `polars.DataFrame`, with the same columns."""
        return to_polars(self._columns())

    def _columns(self) -> dict[str, np.ndarray]:
        return {"bin_seq": np.full(len(self.cells["k"]), self.fields["bin_seq"], np.int64), **self.cells}


class BinReader:
    """Reads bins off an engine's arrays, and remembers the quote of the previous one."""

    def __init__(self, radius: int, tick_int: int, bucket_ticks: int) -> None:
        self._radius = radius
        self._rows = 2 * radius + 1
        self._tick_int = tick_int
        self._bucket = bucket_ticks
        self._k = np.arange(-radius, radius + 1, dtype=np.int32)
        self._previous_quote: tuple[int, int] | None = None
        self._previous_cell: int | None = None

    def read(self, a: Arrays, seq: int, start_ns: int, end_ns: int, known: bool = True) -> Bin:
        """Close bin `seq`: read everything at its end and begin its statistics anew.

        `known` false says that the market has been silent for too long to take the book for valid.
        """
        s = _read_scalars(a.scalars)
        cells_in_range = a.physics.shape[0]
        # an event that straddles the end may have moved the clock past it; nothing is read before it happened
        at_ns = max(end_ns, s.clock)
        range_cell = s.range_cell
        anchored = s.anchored == ANCHORED
        lo = s.spot - range_cell - self._radius if anchored else cells_in_range // 2 - self._radius
        pressure = np.empty(cells_in_range, np.float64)
        vacuum = np.empty(cells_in_range, np.float64)
        read_forces(a.physics, a.params, a.touched, s.origin, at_ns, pressure, vacuum)
        shift = 0 if self._previous_cell is None else range_cell - self._previous_cell
        self._previous_cell = range_cell
        fields = self._fields(a, s, seq, start_ns, end_ns, known)
        cells = self._cells(a, s.origin, lo, at_ns)
        used = int(a.stats["marks"][0])
        marks = marks_of_rows(a.marks, used) if used else ()
        clear_statistics(a)
        return Bin(fields, cells, pressure, vacuum, lo, shift, marks)

    def _cells(self, a: Arrays, origin_ns: int, lo: int, at_ns: int) -> dict[str, np.ndarray]:
        rows = self._rows
        floats = np.empty((len(CELL_FLOATS), rows), np.float64)
        read_cells(a.physics, a.params, origin_ns, at_ns, lo, floats)
        n_depths = len(CELL_DEPTHS)
        whole = np.empty((n_depths + len(CELL_COUNTS), rows), np.int64)
        read_whole(a.ladder, a.touched, a.traded, lo, self._bucket, whole)
        columns = (self._k, *floats[:F_CHAIN], *whole[:n_depths], *floats[F_CHAIN:], *whole[n_depths:])
        return dict(zip(CELL_COLUMNS, columns, strict=True))

    def _fields(
        self, a: Arrays, s: Any, seq: int, start_ns: int, end_ns: int, known: bool
    ) -> dict[str, int | float | bool]:
        stats, tick_int = _read_stats(a.stats), self._tick_int
        bid, bid_size = _levels.best_bid(a.ladder, a.far, a.scalars)
        ask, ask_size = _levels.best_ask(a.ladder, a.far, a.scalars)
        # in the middle of an event or a snapshot, where a source may end, a book is not observed
        whole = not s.in_event and not s.in_snapshot
        valid = known and whole and bool(s.valid)
        quote = (bid, ask) if valid else None
        bid_move = ask_move = 0
        if quote is not None and self._previous_quote is not None:
            bid_move = bid - self._previous_quote[0]
            ask_move = ask - self._previous_quote[1]
        self._previous_quote = quote
        bid_sign, ask_sign = _sign(bid_move), _sign(ask_move)
        if stats.quoted:
            extremes = [stats.bid_high, stats.bid_low, stats.ask_high, stats.ask_low]
        else:  # no valid boundary in the bin: what stood at its end stood all through it
            extremes = [bid, bid, ask, ask] if valid else [0, 0, 0, 0]
        spot_int = s.spot * self._bucket * tick_int if s.anchored == ANCHORED else 0
        return {
            "bin_seq": seq,
            "ts_ns": end_ns,
            "bin_start_ns": start_ns,
            "bin_end_ns": end_ns,
            "bin_event_count": stats.events,
            "event_id": s.events,
            "mid_price": (bid + ask) * tick_int / (2 * PRICE_SCALE) if valid else 0.0,
            "spot_ref_price_int": spot_int,
            "best_bid_price_int": bid * tick_int if bid_size else 0,
            "best_ask_price_int": ask * tick_int if ask_size else 0,
            "best_bid_size": bid_size,
            "best_ask_size": ask_size,
            "book_valid": valid,
            "trade_count": stats.trades,
            "buy_volume": stats.buy,
            "sell_volume": stats.sell,
            "last_trade_price_int": s.last_trade,
            "bid_high_price_int": extremes[0] * tick_int,
            "bid_low_price_int": extremes[1] * tick_int,
            "ask_high_price_int": extremes[2] * tick_int,
            "ask_low_price_int": extremes[3] * tick_int,
            "best_ask_move_ticks": ask_move,
            "best_bid_move_ticks": bid_move,
            "ask_reprice_sign": ask_sign,
            "bid_reprice_sign": bid_sign,
            "microstate_id": (ask_sign + 1) * 3 + (bid_sign + 1),
            "chase_up_flag": ask_sign > 0 and bid_sign > 0,
            "chase_down_flag": ask_sign < 0 and bid_sign < 0,
            "cum_buy_volume": s.bought,
            "cum_sell_volume": s.sold,
            "vwap_price_int": _mean_price(s),
        }


def _mean_price(s: Any) -> int:
    """Of all trades, by volume, rounded half up; 0 before the first."""
    if not s.priced_volume:
        return 0
    turnover = (s.turnover_high << TURNOVER_BITS) + s.turnover_low
    rounded: int = (2 * turnover + s.priced_volume) // (2 * s.priced_volume)
    return rounded


def _sign(x: int) -> int:
    return int(x > 0) - int(x < 0)  # of NumPy's scalars too, which the kernels return when they are interpreted
