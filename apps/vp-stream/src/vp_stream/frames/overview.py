"""Bins sent once more: marked as history, and several of them as one."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Mapping
from typing import Any, Final

import msgspec
import numpy as np

from vp_book.marks import MARK_KINDS, MARK_SIDES, MOST_MARKS
from vp_contract import (
    BIN_COLUMNS,
    Frame,
    GridUpdate,
    Mark,
    RuntimeConfig,
    decode_grid,
    encode_grid,
    encode_message,
    folding,
    grid_columns,
    grid_schema,
)

_KINDS: Final[Mapping[str, int]] = {kind: rank for rank, kind in enumerate(MARK_KINDS)}
_SIDES: Final[Mapping[str, int]] = {side: rank for rank, side in enumerate(MARK_SIDES)}
_UPDATES: Final = msgspec.json.Decoder(GridUpdate)
_FIRSTS: Final = folding(BIN_COLUMNS, "first")
_SUMMED: Final = folding(BIN_COLUMNS, "sum")
_HIGHS: Final = folding(BIN_COLUMNS, "highest")
_LOWS: Final = folding(BIN_COLUMNS, "lowest")
_VOLUMES: Final = folding(grid_columns(()), "sum")


def marked(frame: Frame) -> Frame:
    """A frame as it is sent for a `history`: nothing is decoded, so it costs next to nothing."""
    return Frame(frame.update[:-1] + b',"history":true}', frame.grid)


def _rank(mark: Mark) -> tuple[int, ...]:
    """The order of the marks of a bin: the largest first, of equal ones by kind, price, side and detail."""
    return (
        -mark.size,
        _KINDS.get(mark.kind, len(_KINDS)),
        int(mark.price_int),
        _SIDES.get(mark.side, len(_SIDES)),
        mark.detail,
    )


class Several:
    """Bins that follow one another, taken in one by one to become one; of each only what that one needs is kept.

    The one is the last of them, with the counts and volumes of all, their highest and lowest quotes, their largest
    marks, and the start of the first one. The volumes of a cell are summed by price, wherever the window of each bin
    lay; what was traded outside of the last bin's window is in the bin's volume alone.
    """

    def __init__(self, schema: Any, cell_int: int) -> None:
        self._schema = schema
        self._cell_int = cell_int
        self._bins = 0
        self._firsts: dict[str, Any] = {}
        self._last: tuple[GridUpdate, Frame] | None = None
        self._sums = dict.fromkeys(_SUMMED, 0)
        self._quotes: dict[str, int] = {}
        self._marks: list[Mark] | None = None
        self._volumes: dict[int, dict[str, np.ndarray[Any, Any]]] = {}  # by spot: a window is that of its spot

    def add(self, frames: Iterable[Frame]) -> None:
        """Take in the next bins."""
        for frame in frames:
            self._add(_UPDATES.decode(frame.update), frame)

    def frame(self) -> Frame:
        """The one of all bins that were taken in, of which there is at least one."""
        if self._last is None:
            raise ValueError("there is no bin")
        last, frame = self._last
        changed: dict[str, Any] = {**self._firsts, **self._sums, "history": True, "every": self._bins}
        changed |= {name: str(self._quotes.get(name, 0)) for name in (*_HIGHS, *_LOWS)}
        if self._marks is not None:
            changed["marks"] = tuple(self._marks)
        columns = {name: column.copy() for name, column in decode_grid(frame.grid).items()}
        for spot, volumes in self._volumes.items():
            # rows by which a price stands higher in `columns`
            moved = (spot - int(last.spot_ref_price_int)) // self._cell_int
            rows = len(columns["k"])
            if abs(moved) < rows:
                to, from_ = (
                    slice(max(moved, 0), min(rows + moved, rows)),
                    slice(max(-moved, 0), min(rows - moved, rows)),
                )
                for name, volume in volumes.items():
                    columns[name][to] += volume[from_]
        return Frame(encode_message(msgspec.structs.replace(last, **changed)), encode_grid(self._schema, columns))

    def _add(self, update: GridUpdate, frame: Frame) -> None:
        if self._last is None:
            self._firsts = {name: getattr(update, name) for name in _FIRSTS}
        else:
            self._add_volumes(*self._last)
        self._last = (update, frame)
        self._bins += 1
        for name in _SUMMED:
            self._sums[name] += getattr(update, name)
        if any(getattr(update, name) != "0" for name in (*_HIGHS, *_LOWS)):
            for names, pick in ((_HIGHS, max), (_LOWS, min)):
                for name in names:
                    price = int(getattr(update, name))
                    self._quotes[name] = pick(self._quotes.get(name, price), price)
        if isinstance(update.marks, tuple):
            self._marks = sorted([*(self._marks or ()), *update.marks], key=_rank)[:MOST_MARKS]

    def _add_volumes(self, update: GridUpdate, frame: Frame) -> None:
        if not any(getattr(update, name) for name in _VOLUMES):  # a bin has members of these names too
            return
        grid, spot = decode_grid(frame.grid), int(update.spot_ref_price_int)
        sums = self._volumes.setdefault(spot, {name: np.zeros_like(grid[name]) for name in _VOLUMES})
        for name in _VOLUMES:
            sums[name] += grid[name]


class Overview:
    """Makes one bin of several that follow one another, for the maps that show hours; see `Several`.

    One for all clients of a run: a column that was made for one of them is kept for the others.
    """

    def __init__(self, config: RuntimeConfig, max_bytes: int = 32 * 1024 * 1024) -> None:
        """At most `max_bytes` of columns are kept, those that were asked for last."""
        self._schema = grid_schema(config)
        self._cell_int = config.cell_int
        self._max_bytes = max_bytes
        self._kept: OrderedDict[tuple[int, int], Frame] = OrderedDict()
        self._bytes = 0

    def begin(self) -> Several:
        """No bin yet."""
        return Several(self._schema, self._cell_int)

    def one_of(self, frames: Iterable[Frame]) -> Frame:
        """One frame for `frames`, of which there is at least one."""
        several = self.begin()
        several.add(frames)
        return several.frame()

    def kept(self, first: int, last: int) -> Frame | None:
        """The column of the bins `first` to `last`, if it is kept. Called on the event loop, as `keep` is."""
        frame = self._kept.get((first, last))
        if frame is not None:
            self._kept.move_to_end((first, last))
        return frame

    def keep(self, first: int, last: int, frame: Frame) -> None:
        """Keep a column that may be asked for again."""
        self._drop(self._kept.pop((first, last), None))
        self._kept[(first, last)] = frame
        self._bytes += len(frame.update) + len(frame.grid)
        while self._bytes > self._max_bytes and len(self._kept) > 1:
            self._drop(self._kept.popitem(last=False)[1])

    def _drop(self, frame: Frame | None) -> None:
        if frame is not None:
            self._bytes -= len(frame.update) + len(frame.grid)
