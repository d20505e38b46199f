"""Arrays as Arrow tables and polars frames."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from vp_book.errors import ParameterError

if TYPE_CHECKING:
    import polars
    import pyarrow

    ArrowTable: TypeAlias = pyarrow.Table
    PolarsFrame: TypeAlias = polars.DataFrame
else:
    ArrowTable = PolarsFrame = Any

Columns: TypeAlias = np.ndarray | Mapping[str, np.ndarray]


def to_arrow(table: Columns) -> ArrowTable:
    """A structured array, or arrays by name, as a `pyarrow.Table` with the same columns in the same order.

    A column with several numbers in a row, shape (rows, n), becomes a list of fixed size. Numbers are not copied
    where they lie side by side. Raises `ParameterError` for anything else, ImportError where pyarrow is not installed.

        table = to_arrow(snapshots(open_dbn("esh6.mbo.dbn.zst"), Instrument("ESH6", "0.25")))
    """
    try:
        import pyarrow as pa
    except ImportError:
        raise ImportError("to_arrow needs pyarrow: pip install 'vp-book[arrow]'") from None
    columns = {}
    for name, values in _columns(table).items():
        flat = pa.array(np.ascontiguousarray(values).reshape(-1))
        columns[name] = flat if values.ndim == 1 else pa.FixedSizeListArray.from_arrays(flat, values.shape[1])
    return pa.table(columns)


def to_polars(table: Columns) -> PolarsFrame:
    """The same as a `polars.DataFrame`, lists of fixed size being of its type `Array`.

    Raises as `to_arrow` does; pyarrow is not needed.
    """
    try:
        import polars as pl
    except ImportError:
        raise ImportError("to_polars needs polars: pip install 'vp-book[polars]'") from None
    return pl.DataFrame({name: np.ascontiguousarray(values) for name, values in _columns(table).items()})


def _columns(table: Columns) -> dict[str, np.ndarray]:
    if isinstance(table, np.ndarray):
        if table.dtype.names is None or table.ndim != 1:
            raise ParameterError(
                f"table: an array of {table.dtype} with {table.ndim} dimensions; it must be structured and have one"
            )
        columns = {name: table[name] for name in table.dtype.names}
    elif isinstance(table, Mapping):
        columns = {name: np.asarray(values) for name, values in table.items()}
    else:
        raise ParameterError(f"table: is a {type(table).__name__}; it must be a structured array or arrays by name")
    for name, values in columns.items():
        if values.ndim not in (1, 2):
            raise ParameterError(f"table: column {name!r} has {values.ndim} dimensions; it must have one or two")
    return columns
