"""Columns that all signals of a process read and nobody changes, so that what is made of one is made once.

Only who has made a column and hands out nothing but read-only views of it can say so: see `share`.
"""

from __future__ import annotations

import itertools
import weakref
from collections.abc import Hashable
from typing import Any, Final

from numpy.typing import NDArray

LONG: Final = 4096
"""Bins that what is made of a column has at least to be kept: steps, and what signals are checked with, are shorter."""

_SERIAL: Final = itertools.count()
_SHARED: Final[dict[int, tuple[weakref.ref[NDArray[Any]], int]]] = {}
"""By the `id` of the array that owns the memory: a reference to it, and a number that no other array ever has."""


def share(column: NDArray[Any]) -> NDArray[Any]:
    """Promise that the memory of `column` does not change any more; returns it, read-only."""
    column.setflags(write=False)
    owner = _owner(column)
    key = id(owner)
    _SHARED[key] = weakref.ref(owner, lambda _: _SHARED.pop(key, None)), next(_SERIAL)
    return column


def identity(rows: NDArray[Any]) -> Hashable | None:
    """What no other array has while it says so, for a read-only view of a shared column; None for any other array."""
    owner = _owner(rows)
    reference, serial = _SHARED.get(id(owner), (None, 0))
    if reference is None or reference() is not owner or rows.flags.writeable:
        return None
    return serial, rows.__array_interface__["data"][0], rows.shape, rows.strides, rows.dtype.str


def _owner(array: NDArray[Any]) -> NDArray[Any]:
    while hasattr(array.base, "setflags"):
        array = array.base  # type: ignore[assignment]
    return array
