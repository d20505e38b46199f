"""Bins sent once more: marked as history, and several of them as one."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable
from typing import Any

from vp_contract import Frame, RuntimeConfig, grid_schema
from vp_stream.frames.sums import Folded, Sums, column_of, volumes_reader


def marked(frame: Frame) -> Frame:
    """A frame as it is sent for a `history`: nothing is decoded, so it costs next to nothing."""
    return Frame(frame.update[:-1] + b',"history":true}', frame.grid)


class Several:
    """Bins that follow one another, taken in one by one to become one; of each only what that one needs is kept.

    The one is the last of them, with the counts and volumes of all, their highest and lowest quotes, their largest
    marks, and the start of the first one. The volumes of a cell are summed by price, wherever the window of each bin
    lay; what was traded outside of the last bin's window is in the bin's volume alone.
    """

    def __init__(self, schema: Any, rows: int, sums: Sums) -> None:
        self._schema = schema
        self._rows = rows
        self._sums = sums
        self._last: Frame | None = None

    def add(self, frames: Iterable[Frame]) -> None:
        """Take in the next bins."""
        for frame in frames:
            self._sums.add(frame)
            self._last = frame

    def frame(self) -> Frame:
        """The one of all bins that were taken in, of which there is at least one."""
        if self._last is None:
            raise ValueError("there is no bin")
        return column_of(self._schema, self._sums.folded(self._rows), self._last)


class Overview:
    """Makes one bin of several that follow one another, for the maps that show hours; see `Several`.

    One for all clients of a run: a column that was made for one of them is kept for the others.
    """

    def __init__(self, config: RuntimeConfig, max_bytes: int = 32 * 1024 * 1024) -> None:
        """At most `max_bytes` of columns are kept, those that were asked for last."""
        self._schema = grid_schema(config)
        self._grids = volumes_reader(self._schema)
        self._rows = config.grid_rows
        self._cell_int = config.cell_int
        self._max_bytes = max_bytes
        self._kept: OrderedDict[tuple[int, int], Frame] = OrderedDict()
        self._bytes = 0

    def begin(self) -> Several:
        """No bin yet."""
        return Several(self._schema, self._rows, Sums(self._cell_int, self._grids))

    def one_of(self, frames: Iterable[Frame]) -> Frame:
        """One frame for `frames`, of which there is at least one."""
        several = self.begin()
        several.add(frames)
        return several.frame()

    def column(self, folded: Folded, last: Frame) -> Frame:
        """The column of bins that were summed already; `last` is the last of them."""
        return column_of(self._schema, folded, last)

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
