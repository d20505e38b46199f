"""Many bins in two tables."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Protocol

import numpy as np

from vp_book.errors import ParameterError

_FIELD_TYPES = {bool: np.bool_, int: np.int64, float: np.float64}


class BinLike(Protocol):
    """What a bin has to have here."""

    @property
    def fields(self) -> Mapping[str, int | float | bool]: ...  # noqa: D102
    @property
    def cells(self) -> Mapping[str, np.ndarray]: ...  # noqa: D102


def collect(bins: Iterable[BinLike]) -> tuple[np.ndarray, np.ndarray]:
    """(bins, cells): every field of each bin, shape (bins,), and every column of each cell, shape (bins, 2*radius + 1).

    Both are structured. 1000 bins of 101 cells take 24 MB. No bins give arrays without columns. Raises
    `ParameterError` when the bins are not of one shape.

        fields, cells = collect(replay(open_dbn("esh6.mbo.dbn.zst"), Instrument("ESH6", "0.25"), end_ns=end_ns))
        pressure = cells["pressure_variant"]  # float64, shape (bins, 101)
        frame = to_polars(fields)
    """
    kept = [(bin_.fields, bin_.cells) for bin_ in bins]
    if not kept:
        return np.zeros(0, []), np.zeros((0, 0), [])
    first_fields, first_cells = kept[0]
    rows = len(next(iter(first_cells.values())))
    fields = np.zeros(len(kept), [(name, _FIELD_TYPES[type(value)]) for name, value in first_fields.items()])
    cells = np.zeros((len(kept), rows), [(name, column.dtype) for name, column in first_cells.items()])
    for name in first_fields:
        fields[name] = [of_bin[name] for of_bin, _ in kept]
    for i, (_, of_bin) in enumerate(kept):
        if len(next(iter(of_bin.values()))) != rows:
            raise ParameterError(f"bins: bin {i} has other cells than the first one, which has {rows}")
        for name, column in of_bin.items():
            cells[name][i] = column
    return fields, cells
