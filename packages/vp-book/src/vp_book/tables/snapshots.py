"""The best levels of the book at regular moments, in one pass over a source."""

from __future__ import annotations

from typing import Final

import numpy as np

from vp_book._checked import FOREVER, checked_int, kernel_view
from vp_book.book.clock import first_clock
from vp_book.book.engine import MAX_DEPTH, BookEngine
from vp_book.book.range import read_best_levels
from vp_book.book.state import DONE
from vp_book.dbn.store import Source, arrays_of
from vp_book.errors import ParameterError
from vp_book.instrument import Instrument
from vp_book.records import NS_PER_S

from ._kernels import BEYOND, FULL, read_books

_SIDES: Final = ("bid", "ask")
_FIRST_ROWS: Final = 4096


def snapshot_dtype(levels: int, *, orders: bool = False) -> np.dtype[np.void]:
    """The dtype of `snapshots`: a moment, whether the book was valid, and `levels` levels of each side."""
    names = ("price_int", "size", "orders")[: 3 if orders else 2]
    columns = [(f"{side}_{name}", np.int64, (levels,)) for side in _SIDES for name in names]
    return np.dtype([("ts_ns", np.int64), ("book_valid", np.bool_), *columns])


def snapshots(
    source: Source,
    instrument: Instrument,
    *,
    every_ns: int = NS_PER_S,
    levels: int = 10,
    orders: bool = False,
    start_ns: int | None = None,
    end_ns: int | None = None,
) -> np.ndarray:
    """The best `levels` levels of both sides at every multiple of `every_ns`, structured, shape (moments,).

    `source` yields arrays of `MBO_DTYPE`, as `open_dbn` does, or is a `databento.DBNStore`. The moments are those of
    `ts_recv` (ns UTC) from the first believed time of the source, or `start_ns`, to its last time, or `end_ns`, both
    included. A row is the book after every event that began before its moment: `ts_ns`, `book_valid`, `bid_price_int`
    `bid_size` and the same of the ask, each int64 (levels,), best first and 0 behind the last level. With `orders` also
    how many orders rest at each level (`bid_orders`, `ask_orders`); all orders are looked at for that, which takes a
    hundred times as long.

        table = snapshots(open_dbn("esh6.mbo.dbn.zst"), Instrument("ESH6", "0.25"), every_ns=1_000_000_000, levels=10)
        spread_ticks = (table["ask_price_int"][:, 0] - table["bid_price_int"][:, 0]) / 250_000_000

    Raises `ParameterError` for an argument that is not allowed, and what `BookEngine.apply` raises.
    """
    every_ns = checked_int("every_ns", every_ns, 1, FOREVER)
    levels = checked_int("levels", levels, 1, MAX_DEPTH)
    start_ns = None if start_ns is None else checked_int("start_ns", start_ns, 0, FOREVER)
    end_ns = FOREVER if end_ns is None else checked_int("end_ns", end_ns, 0, FOREVER)
    if start_ns is not None and end_ns < start_ns:
        raise ParameterError(f"end_ns={end_ns}: must not be before start_ns={start_ns}")
    engine = BookEngine(instrument)
    engine.set_physics(False)
    reader = _Reader(engine, levels, orders, every_ns, end_ns)
    if start_ns is not None:
        reader.begin(start_ns)
    for records in arrays_of(source):
        if not reader.begun and (began := first_clock(records, engine.arrays)) is not None:
            reader.begin(began)
        if not reader.take(records):
            break
    else:
        engine.finish()
        reader.end()
    return reader.table()


class _Reader:
    """Rows of the book as they are read, in arrays that double."""

    def __init__(self, engine: BookEngine, levels: int, orders: bool, every_ns: int, end_ns: int) -> None:
        self._engine, self._orders, self._every_ns, self._end_ns = engine, orders, every_ns, end_ns
        self._first_ns = 0
        self._moments = np.array([FOREVER, every_ns, -1], np.int64)  # none
        self._levels = np.zeros((_FIRST_ROWS, 3, 2, levels), np.int64)
        self._valid = np.zeros(_FIRST_ROWS, np.bool_)
        self._found = np.zeros(2, np.int64)
        self._rows = 0

    @property
    def begun(self) -> bool:
        """Whether the first moment is known."""
        return bool(self._moments[2] >= 0)

    def begin(self, ts_ns: int) -> None:
        """Read at the multiples of the interval from a time on."""
        self._first_ns = -(-ts_ns // self._every_ns) * self._every_ns
        self._moments[:] = self._first_ns, self._every_ns, self._end_ns

    def take(self, records: np.ndarray) -> bool:
        """Apply records and read at the moments that they reach; False when the last one is read."""
        if not self.begun:
            self._engine.apply(records)
            return True
        view, at = kernel_view(records), 0
        while True:
            at, self._rows, status = read_books(
                view,
                at,
                self._moments,
                self._orders,
                self._engine.arrays,
                self._found,
                self._levels,
                self._valid,
                self._rows,
            )
            if status == DONE:
                return bool(self._moments[0] <= self._end_ns)
            if status == FULL:
                self._enlarge()
            elif status == BEYOND:
                self._read(self._rows - 1)
            else:
                self._engine.settle(status, view, at)

    def end(self) -> None:
        """Read at the moments up to the last time of the source, at which the book is as it is now."""
        if not self.begun:
            return
        while self._moments[0] <= min(self._end_ns, self._engine.clock_ns):
            if self._rows == len(self._valid):
                self._enlarge()
            self._read(self._rows)
            self._valid[self._rows] = self._engine.book_valid
            self._rows += 1
            self._moments[0] += self._every_ns

    def table(self) -> np.ndarray:
        """A row for each moment."""
        levels = self._levels[: self._rows]
        levels[:, 0] *= self._engine.instrument.tick_int
        table = np.zeros(self._rows, snapshot_dtype(levels.shape[3], orders=self._orders))
        table["ts_ns"] = self._first_ns + self._every_ns * np.arange(self._rows)
        table["book_valid"] = self._valid[: self._rows]
        for side, name in enumerate(_SIDES):
            table[f"{name}_price_int"] = levels[:, 0, side]
            table[f"{name}_size"] = levels[:, 1, side]
            if self._orders:
                table[f"{name}_orders"] = levels[:, 2, side]
        return table

    def _read(self, row: int) -> None:
        read_best_levels(self._engine.arrays, row, self._orders, self._found, self._levels)

    def _enlarge(self) -> None:
        self._levels = np.concatenate([self._levels, np.zeros_like(self._levels)])
        self._valid = np.concatenate([self._valid, np.zeros_like(self._valid)])
