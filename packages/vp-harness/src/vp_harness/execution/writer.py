"""Writing scored bins to Parquet in row groups, in bounded memory and with no Python object per row."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Iterable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from types import TracebackType
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from vp_book.atomic import naming
from vp_contract import BIN_COLUMNS, MARK_COLUMNS, MARKS, MarkLike, RuntimeConfig, arrow_type, grid_columns

GROUP_BINS: Final = 1024
"""Bins a row group at 101 rows and fewer."""

_GROUP_ROWS: Final = 101 * GROUP_BINS
"""Rows a row group has at most: at 38 columns, 31 MB of buffers however wide the window is."""

_MARK_FIELDS: Final = [pa.field(column.name, arrow_type(column.type), nullable=False) for column in MARK_COLUMNS]
MARKS_TYPE: Final = pa.list_(pa.field("element", pa.struct(_MARK_FIELDS), nullable=False))
"""The Arrow type of the marks of a bin."""

_MARK_NAMES: Final = tuple(column.name for column in MARK_COLUMNS)


class BinWriter:
    """Writes `bins.parquet` (a row a bin) and `grid_clean.parquet` (a row a cell with any non-zero value).

    `bins` and `grid_rows` count what was added and, once closed, written. The files are the same bytes for the same
    input. A full row group is encoded in a second thread while the next one is filled.
    """

    def __init__(self, bins_path: Path, grid_path: Path, config: RuntimeConfig) -> None:
        cells = grid_columns(config.projection_horizons_ms)
        self.bins = 0
        self.grid_rows = 0
        self._cells = [(field.name, np.dtype(field.type)) for field in cells]
        self._rows = config.grid_rows
        self._group_bins = max(1, min(GROUP_BINS, _GROUP_ROWS // self._rows))
        self._filled = 0
        self._bins_path, self._grid_path = bins_path, grid_path
        bin_seq = pa.field("bin_seq", pa.int64(), nullable=False)
        columns = [pa.field(field.name, arrow_type(field.type), nullable=False) for field in cells]
        marks = pa.field(MARKS, MARKS_TYPE, nullable=False)
        self._bins_file = _parquet(bins_path, pa.schema([*_scalars(), marks]))
        self._grid_file = _parquet(grid_path, pa.schema([bin_seq, *columns]))
        self._encoder = ThreadPoolExecutor(1, thread_name_prefix="parquet")
        self._encoding: Future[None] | None = None
        self._allocate()

    def __enter__(self) -> BinWriter:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        try:
            if error is None and self._filled:
                self._flush()
            self._settle()
        finally:
            self._encoder.shutdown()
            with naming(self._grid_path), contextlib.closing(self._grid_file), naming(self._bins_path):
                self._bins_file.close()

    def add(self, fields: Mapping[str, Any], cells: Mapping[str, NDArray[Any]], marks: Iterable[MarkLike] = ()) -> None:
        """Add a bin: its scalars and its columns by name, and its marks."""
        at = self._filled
        self._marks.append([{name: getattr(mark, name) for name in _MARK_NAMES} for mark in marks])
        for name, column in self._bin_columns.items():
            column[at] = fields[name]
        for name, grid in self._grid_columns.items():
            grid[at] = cells[name]
        self._filled += 1
        self.bins += 1
        if self._filled == self._group_bins:
            self._flush()

    def _allocate(self) -> None:
        bins = self._group_bins
        self._marks: list[list[dict[str, Any]]] = []
        self._bin_columns = {field.name: np.empty(bins, field.type) for field in BIN_COLUMNS}
        self._grid_columns = {name: np.empty((bins, self._rows), dtype) for name, dtype in self._cells}

    def _flush(self) -> None:
        self._settle()
        full = self._filled
        bins = {name: column[:full] for name, column in self._bin_columns.items()}
        grid = {name: column[:full] for name, column in self._grid_columns.items()}
        self._encoding = self._encoder.submit(self._encode, bins, self._marks, grid)
        self._filled = 0
        self._allocate()

    def _settle(self) -> None:
        """Wait for the row group being encoded; its error, if any, is raised here."""
        if self._encoding is not None:
            self._encoding.result()
            self._encoding = None

    def _encode(
        self, bins: dict[str, NDArray[Any]], marks: list[list[dict[str, Any]]], grid: dict[str, NDArray[Any]]
    ) -> None:
        with naming(self._bins_path):
            self._bins_file.write_table(_table({**bins, MARKS: marks}, self._bins_file.schema))
        kept = np.zeros((len(bins["bin_seq"]), self._rows), np.bool_)
        for name, column in grid.items():
            if name != "k":
                kept |= column != 0
        long = {"bin_seq": np.repeat(bins["bin_seq"], kept.sum(axis=1))}
        long.update((name, column[kept]) for name, column in grid.items())
        self.grid_rows += len(long["k"])
        with naming(self._grid_path):
            self._grid_file.write_table(_table(long, self._grid_file.schema))


def without_marks(bins_path: Path) -> bytes:
    """A `bins.parquet` without its marks: the bytes of the versions that wrote none.

    Raises ValueError for one of other columns than this version writes, and what pyarrow raises for none of Parquet.
    """
    schema, written = pa.schema(_scalars()), io.BytesIO()
    with pq.ParquetFile(bins_path) as file, _parquet(written, schema) as without:
        if file.schema_arrow.names != [*schema.names, MARKS]:
            raise ValueError(f"{bins_path} has the columns {', '.join(file.schema_arrow.names)}")
        for group in range(file.num_row_groups):
            without.write_table(file.read_row_group(group, columns=schema.names).cast(schema))
    return written.getvalue()


def _scalars() -> list[Any]:
    return [pa.field(column.name, arrow_type(column.type), nullable=False) for column in BIN_COLUMNS]


def _parquet(path: Path | io.BytesIO, schema: Any) -> Any:
    """A Parquet writer: zstd, dictionaries only where values repeat, statistics on what one would select by.

    Splitting floats by byte makes the file 8 % smaller and no slower; zstd level 3 costs 70 % more time for 0.4 %.
    """
    repeating = [field.name for field in schema if not pa.types.is_floating(field.type)]
    split = {field.name: "BYTE_STREAM_SPLIT" for field in schema if pa.types.is_floating(field.type)}
    return pq.ParquetWriter(
        path,
        schema,
        compression="zstd",
        compression_level=1,
        use_dictionary=repeating,
        column_encoding=split,
        write_statistics=["bin_seq", "k"],
    )


def _table(columns: Mapping[str, Any], schema: Any) -> Any:
    return pa.Table.from_arrays([pa.array(columns[field.name], field.type) for field in schema], schema=schema)
