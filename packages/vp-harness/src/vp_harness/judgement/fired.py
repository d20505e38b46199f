"""The fired events of many rows, held in few bytes each: those of a large search are most of what is read of it."""

from __future__ import annotations

from typing import Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from vp_harness._jit import kernel
from vp_harness.errors import ResultsError
from vp_harness.evaluation.events import Events

_GROWTH: Final = 1.25
"""How much longer the bytes get at least when they have to."""


class Fired:
    """The events of rows, in the order in which these were added.

    A bin takes as many bytes as its distance from the one before needs, seven bits each; its direction takes one more.
    So events less than 128 bins apart take two bytes.
    """

    def __init__(self) -> None:
        self._bytes = np.empty(2**16, np.uint8)
        self._used = 0
        self._starts: list[NDArray[np.int64]] = []
        self._counts: list[NDArray[np.int64]] = []

    def add(self, rows: pl.DataFrame) -> None:
        """Add rows with the columns `event_bins` and `event_directions`."""
        counts = rows["event_bins"].list.len().to_numpy().astype(np.int64)
        bins = _values(rows["event_bins"]).astype(np.int32, copy=False)
        directions = _values(rows["event_directions"]).astype(np.int8, copy=False)
        if not len(bins) == len(directions) == counts.sum():
            raise ResultsError("stored rows are damaged: they have not as many directions as bins of events")
        used = self._used + _packed_size(bins, counts)
        if used > len(self._bytes):
            self._bytes.resize(max(used, int(_GROWTH * len(self._bytes))), refcheck=False)
        starts = np.empty(len(counts), np.int64)
        self._used = _pack(bins, directions, counts, self._used, self._bytes, starts)
        self._starts.append(starts)
        self._counts.append(counts)

    @property
    def counts(self) -> NDArray[np.int64]:
        """How many events each row has (n)."""
        return _joined(self._counts)

    def of(self, rows: NDArray[np.int64]) -> tuple[Events, NDArray[np.int64], NDArray[np.int64]]:
        """The events of some rows side by side, and of each row where its own start and end (exclusive)."""
        counts = self.counts[rows]
        ends = counts.cumsum()
        bins, directions = np.empty(counts.sum(), np.int64), np.empty(counts.sum(), np.int8)
        _unpack(self._bytes, _joined(self._starts)[rows], counts, bins, directions)
        return Events(bins, directions), ends - counts, ends


def _values(lists: pl.Series) -> NDArray[np.generic]:
    """What lists have, one after the other."""
    return lists.explode().drop_nulls().to_numpy()


def _joined(pieces: list[NDArray[np.int64]]) -> NDArray[np.int64]:
    """The pieces as one, which takes their place."""
    if len(pieces) != 1:
        pieces[:] = [np.concatenate([np.empty(0, np.int64), *pieces])]
    return pieces[0]


@kernel
def _packed_size(bins: NDArray[np.int32], counts: NDArray[np.int64]) -> int:
    size = event = 0
    for row in range(counts.shape[0]):
        before = np.int32(0)
        for _ in range(counts[row]):
            away = np.uint32(bins[event] - before)  # wraps where bins do not ascend, and back
            before = bins[event]
            size += 2
            while away >= np.uint32(128):
                away >>= np.uint32(7)
                size += 1
            event += 1
    return size


@kernel
def _pack(
    bins: NDArray[np.int32],
    directions: NDArray[np.int8],
    counts: NDArray[np.int64],
    used: int,
    out: NDArray[np.uint8],
    starts: NDArray[np.int64],
) -> int:
    """Write the events of rows to `out` from `used` on, and where each row starts; gives where they end."""
    at, event = used, 0
    for row in range(counts.shape[0]):
        starts[row] = at
        before = np.int32(0)
        for _ in range(counts[row]):
            away = np.uint32(bins[event] - before)
            before = bins[event]
            while away >= np.uint32(128):
                out[at] = np.uint8(away & np.uint32(127)) | np.uint8(128)
                away >>= np.uint32(7)
                at += 1
            out[at] = np.uint8(away)
            out[at + 1] = np.uint8(directions[event])
            at += 2
            event += 1
    return at


@kernel
def _unpack(
    packed: NDArray[np.uint8],
    starts: NDArray[np.int64],
    counts: NDArray[np.int64],
    bins: NDArray[np.int64],
    directions: NDArray[np.int8],
) -> None:
    event = 0
    for row in range(starts.shape[0]):
        at = starts[row]
        before = np.uint32(0)
        for _ in range(counts[row]):
            away, shift = np.uint32(0), np.uint32(0)
            while packed[at] >= 128:
                away |= np.uint32(packed[at] & np.uint8(127)) << shift
                shift += np.uint32(7)
                at += 1
            away |= np.uint32(packed[at]) << shift
            before = np.uint32(before + away)
            bins[event] = np.int32(before)
            directions[event] = np.int8(packed[at + 1])
            at += 2
            event += 1
