"""Columns from one library to another by the short way.

`pyarrow.Array.to_numpy` imports pandas where that is installed, a third of a second of a process, and polars makes a
column of lists list by list, which takes most of the time that a table of results needs.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import chain
from typing import Any

import numpy as np
import polars as pl
import pyarrow as pa
from numpy.typing import NDArray


def numpy_of(column: pa.Array) -> NDArray[Any]:
    """A column of numbers without nulls as an array (n,) of its own dtype, on the same memory and read-only.

    Raises pyarrow.ArrowInvalid where there are nulls.

    >>> numpy_of(pa.array([1.0, 2.0]))
    array([1., 2.])
    """
    if column.null_count:
        raise pa.ArrowInvalid(f"{column.null_count} of {len(column)} values are null: there must be none")
    values: NDArray[Any] = np.from_dlpack(column)
    return values


def frame_of(columns: Mapping[str, Sequence[Any]], schema: Mapping[str, pl.DataType]) -> pl.DataFrame:
    """A frame of `schema` from the values of its columns, None where there is none; lists may be of any length.

    >>> frame_of({"n": [1, None], "x": [[0.5, None], []]}, {"n": pl.Int64(), "x": pl.List(pl.Float64())}).rows()
    [(1, [0.5, None]), (None, [])]
    """
    return pl.DataFrame([_series(name, columns[name], dtype) for name, dtype in schema.items()])


def _series(name: str, values: Sequence[Any], dtype: pl.DataType) -> pl.Series:
    if not isinstance(dtype, pl.List):
        return pl.Series(name, values, dtype)
    ends = np.zeros(len(values) + 1, np.int64)
    np.cumsum([len(one) for one in values], out=ends[1:])
    offsets = pa.Array.from_buffers(pa.int64(), len(ends), [None, pa.py_buffer(ends)])
    inner = pl.Series(name, list(chain.from_iterable(values)), dtype.inner)
    lists = pl.from_arrow(pa.LargeListArray.from_arrays(offsets, inner.to_arrow()))
    return pl.Series(name, lists, dtype)
