"""What a replay can be made of: arrays of records, or a store of the official client."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, Protocol, TypeAlias

import numpy as np

_CHUNK_RECORDS: Final = 262_144


class Store(Protocol):
    """What is used of a `databento.DBNStore`; the client itself is not imported."""

    def to_ndarray(self, schema: None = ..., count: int = ...) -> Iterable[np.ndarray]:
        """Arrays of at most `count` records."""


Source: TypeAlias = Iterable[np.ndarray] | Store
"""Arrays of `MBO_DTYPE`, as `open_dbn` and plain lists give them, or a `databento.DBNStore` of the mbo schema."""


def arrays_of(source: Source) -> Iterable[np.ndarray]:
    """The arrays of a source, those of a store a chunk at a time."""
    to_ndarray = getattr(source, "to_ndarray", None)
    if to_ndarray is None:
        return source  # type: ignore[return-value]  # no store
    arrays: Iterable[np.ndarray] = to_ndarray(count=_CHUNK_RECORDS)
    return arrays
