"""What bins that follow one another have together: all of a coarse column but what it takes from its last bin.

It is taken in bin by bin, and put together from parts: the sums of some bins and those of the next ones are the sums of
all of them. So columns can be made where the bins pass anyway (`PassingColumns`), which costs little of each.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from functools import reduce
from operator import add, attrgetter
from typing import Any, Final

import msgspec
import numpy as np

from vp_book.marks import MARK_KINDS, MARK_SIDES, MOST_MARKS
from vp_contract import (
    BIN_COLUMNS,
    Frame,
    GridReader,
    GridUpdate,
    Mark,
    RuntimeConfig,
    decode_grid,
    encode_grid,
    encode_message,
    folding,
    grid_columns,
    grid_schema,
    levels_of,
)
from vp_stream.frames.logfile import BLOCK_BINS

_KINDS: Final[Mapping[str, int]] = {kind: rank for rank, kind in enumerate(MARK_KINDS)}
_SIDES: Final[Mapping[str, int]] = {side: rank for rank, side in enumerate(MARK_SIDES)}
_FIRSTS: Final = folding(BIN_COLUMNS, "first")
_SUMMED: Final = folding(BIN_COLUMNS, "sum")
_HIGHS: Final = folding(BIN_COLUMNS, "highest")
_LOWS: Final = folding(BIN_COLUMNS, "lowest")
_QUOTES: Final = (*_HIGHS, *_LOWS)
_VOLUMES: Final = folding(grid_columns(()), "sum")

# Made here, not at their first use: frames are read by several threads, and msgspec does not bear that.
_UPDATES: Final = msgspec.json.Decoder(GridUpdate)
_PARTS: Final = msgspec.json.Decoder(
    msgspec.defstruct(
        "_Part",
        [
            *((name, str) for name in (*_FIRSTS, *_QUOTES, "spot_ref_price_int")),
            *((name, int) for name in _SUMMED),
            ("marks", tuple[Mark, ...] | msgspec.UnsetType, msgspec.UNSET),
        ],
    )
)
"""Of an update only what is summed: a quarter of the time that all of it takes."""
_sums_of: Final = attrgetter(*_SUMMED)
_quotes_of: Final = attrgetter(*_QUOTES)
_volumes_of: Final = attrgetter(*_VOLUMES)  # a bin has members of these names too
_NO_QUOTES: Final = ("0",) * len(_QUOTES)

_READ_BINS: Final = 2 * BLOCK_BINS
"""Columns of more bins are worth keeping; for one of fewer about as much is read as for its last bin."""
_MOST_WINDOWS: Final = 16
"""Windows that are summed as they are: the spot seldom moves further in one column of the finest level kept."""
_COLUMN_BYTES: Final = 64
"""Of a kept column beside its own bytes: the object that holds them and its place in a list."""


class Folded(msgspec.Struct, frozen=True, array_like=True):
    """A column without what it takes from its last bin, in the order of the names above.

    `quotes` are 0 where no bin had any, `marks` None where no bin said whether it has some. `rows` are those of the
    last bin's window in which something was traded, `volumes` what that was.
    """

    bins: int
    firsts: tuple[str, ...]
    sums: tuple[int, ...]
    quotes: tuple[int, ...]
    marks: tuple[Mark, ...] | None
    rows: tuple[int, ...]
    volumes: tuple[tuple[int, ...], ...]


_FOLDED: Final = msgspec.msgpack.Decoder(Folded)


class Sums:
    """What some bins have together.

    Quantities are kept by price: those of a cell are summed wherever the window of each bin lay, and the window of the
    last one says which of them are in its column.
    """

    def __init__(self, cell_int: int, grids: GridReader) -> None:
        """No bin yet. `grids` reads the columns of `volumes_reader`."""
        self.bins = 0
        self._cell_int = cell_int
        self._grids = grids
        self._spot = "0"  # of the last bin
        self._firsts: tuple[str, ...] = ()
        self._sums: tuple[int, ...] = (0,) * len(_SUMMED)
        self._quotes: tuple[int, ...] | None = None
        self._same_quotes = _NO_QUOTES  # these change nothing
        self._marks: tuple[Mark, ...] | None = None
        self._windows: dict[str, list[np.ndarray[Any, Any]]] = {}  # by spot, until they are settled
        self._traded: dict[tuple[int, int], tuple[int, ...]] = {}  # by what is left of a cell, and cell

    def add(self, frame: Frame) -> None:
        """Take in the bin that follows."""
        update: Any = _PARTS.decode(frame.update)
        if not self.bins:
            self._firsts = tuple(getattr(update, name) for name in _FIRSTS)
        self.bins += 1
        self._spot = update.spot_ref_price_int
        self._sums = _added(self._sums, _sums_of(update))
        quotes = _quotes_of(update)
        if quotes != self._same_quotes and quotes != _NO_QUOTES:
            self._widen(tuple(map(int, quotes)))
            self._same_quotes = quotes
        if update.marks is not msgspec.UNSET:
            self._gather(update.marks)
        if any(_volumes_of(update)):
            columns = self._grids.read(frame.grid)
            windows = self._windows.get(self._spot)
            if windows is None:
                self._windows[self._spot] = [columns[name].copy() for name in _VOLUMES]
                if len(self._windows) > _MOST_WINDOWS:
                    self._settle()
            else:
                for window, name in zip(windows, _VOLUMES, strict=True):
                    window += columns[name]

    def merge(self, following: Sums) -> None:
        """Take in the bins that follow, of which there is at least one, all at once."""
        if not self.bins:
            self._firsts = following._firsts
        self.bins += following.bins
        self._spot = following._spot
        self._sums = _added(self._sums, following._sums)
        if following._quotes is not None:
            self._widen(following._quotes)
        if following._marks is not None:
            self._gather(following._marks)
        following._settle()
        for key, values in following._traded.items():
            self._trade(key, values)

    def folded(self, grid_rows: int) -> Folded:
        """The column of all of them."""
        self._settle()
        cell, left = divmod(int(self._spot), self._cell_int)
        inside: dict[int, tuple[int, ...]] = {}
        for (of, at), values in self._traded.items():
            row = at - cell - (of < left)  # windows that do not lie on the same cells: the one below
            if 0 <= row < grid_rows:
                inside[row] = _added(inside[row], values) if row in inside else values
        return Folded(
            self.bins,
            self._firsts,
            self._sums,
            self._quotes or (0,) * len(_QUOTES),
            self._marks,
            tuple(inside),
            tuple(zip(*inside.values(), strict=True)) if inside else ((),) * len(_VOLUMES),
        )

    def _widen(self, quotes: tuple[int, ...]) -> None:
        known = self._quotes
        if known is None:
            self._quotes = quotes
        elif known != quotes:
            highs = len(_HIGHS)
            self._quotes = (*map(max, known[:highs], quotes[:highs]), *map(min, known[highs:], quotes[highs:]))

    def _gather(self, marks: tuple[Mark, ...]) -> None:
        if marks or self._marks is None:
            self._marks = tuple(sorted((*(self._marks or ()), *marks), key=_rank)[:MOST_MARKS])

    def _settle(self) -> None:
        """Put what was traded in each window to its prices: once for many bins, for adding arrays is cheap."""
        for spot, windows in self._windows.items():
            cell, left = divmod(int(spot), self._cell_int)
            rows = np.flatnonzero(reduce(np.bitwise_or, windows))
            for row, *values in zip(rows.tolist(), *(window[rows].tolist() for window in windows), strict=True):
                self._trade((left, cell + row), tuple(values))
        self._windows.clear()

    def _trade(self, key: tuple[int, int], values: tuple[int, ...]) -> None:
        known = self._traded.get(key)
        self._traded[key] = values if known is None else _added(known, values)


class PassingColumns:
    """The whole columns of the levels that a page asks for, made of the bins of a run as these pass, from the first on.

    Of a column is kept what its last bin does not say, some hundred bytes; that bin is in the log. `add` belongs to one
    thread, `column` may be called by any.
    """

    def __init__(self, config: RuntimeConfig, max_bytes: int = 32 * 1024 * 1024) -> None:
        """At most `max_bytes` of columns are kept: when there are more, those of the finest level are dropped."""
        self._cell_int = config.cell_int
        self._rows = config.grid_rows
        self._grids = volumes_reader(grid_schema(config))
        self._max_bytes = max_bytes
        self._kept: dict[int, list[bytes]] = {}
        self._open: dict[int, Sums] = {}
        for every in levels_of(config.cell_width_ms):
            if every > _READ_BINS:
                self._kept[every], self._open[every] = [], self._none()
        self._step = math.gcd(*self._open)
        self._part = self._none()
        self.held_bytes = 0

    def add(self, frame: Frame) -> None:
        """The next bin."""
        if not self._open:
            return
        self._part.add(frame)
        if self._part.bins < self._step:
            return
        for every, sums in self._open.items():
            sums.merge(self._part)
            if sums.bins == every:
                column = msgspec.msgpack.encode(sums.folded(self._rows))
                self._kept[every].append(column)
                self.held_bytes += len(column) + _COLUMN_BYTES
                self._open[every] = self._none()
        self._part = self._none()
        if self.held_bytes > self._max_bytes:
            self._drop_finest()

    def column(self, first: int, last: int) -> Folded | None:
        """That of the bins `first` to `last`, if it is kept."""
        every = last - first + 1
        kept = self._kept.get(every, ())
        number, inside = divmod(first, every)
        return None if inside or number >= len(kept) else _FOLDED.decode(kept[number])

    def whole(self) -> dict[int, list[bytes]]:
        """All whole columns as they are kept, by how many bins each has, for `restore`."""
        return {every: list(columns) for every, columns in self._kept.items()}

    def restore(self, kept: Mapping[int, Sequence[bytes]]) -> None:
        """Have the columns of a log all of whose bins passed before. There is nothing to be added then."""
        self._kept = {every: list(columns) for every, columns in kept.items() if every in self._kept}
        self.held_bytes = sum(len(column) + _COLUMN_BYTES for columns in self._kept.values() for column in columns)
        self._open = {}

    def _drop_finest(self) -> None:
        every = min(self._open)
        del self._open[every]
        self.held_bytes -= sum(len(column) + _COLUMN_BYTES for column in self._kept.pop(every))

    def _none(self) -> Sums:
        return Sums(self._cell_int, self._grids)


def volumes_reader(schema: Any) -> GridReader:
    """Reads what is summed of cells."""
    return GridReader(schema, _VOLUMES)


def column_of(schema: Any, folded: Folded, last: Frame) -> Frame:
    """The column as it is sent, with its last bin."""
    update = _UPDATES.decode(last.update)
    changed: dict[str, Any] = {"history": True, "every": folded.bins}
    changed |= zip(_FIRSTS, folded.firsts, strict=True)
    changed |= zip(_SUMMED, folded.sums, strict=True)
    changed |= zip(_QUOTES, map(str, folded.quotes), strict=True)
    if folded.marks is not None:
        changed["marks"] = folded.marks
    columns = {name: column.copy() for name, column in decode_grid(last.grid).items()}
    for name, volumes in zip(_VOLUMES, folded.volumes, strict=True):
        if any(_volumes_of(update)):  # then they are among those that were summed
            columns[name][:] = 0
        columns[name][np.array(folded.rows, np.int64)] += np.array(volumes, np.int64)
    return Frame(encode_message(msgspec.structs.replace(update, **changed)), encode_grid(schema, columns))


def _added(values: tuple[int, ...], others: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(map(add, values, others))


def _rank(mark: Mark) -> tuple[int, ...]:
    """The order of the marks of a bin: the largest first, of equal ones by kind, price, side and detail."""
    return (
        -mark.size,
        _KINDS.get(mark.kind, len(_KINDS)),
        int(mark.price_int),
        _SIDES.get(mark.side, len(_SIDES)),
        mark.detail,
    )
