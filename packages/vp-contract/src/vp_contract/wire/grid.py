"""The binary grid of a bin: a self-contained Arrow IPC stream of one record batch, uncompressed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
import pyarrow as pa

from vp_contract.errors import GridError
from vp_contract.specs.runtime import RuntimeConfig
from vp_contract.wire.columns import BOOK_COLUMNS, SCORE_COLUMNS, ColumnType, grid_columns
from vp_contract.wire.messages import CONTRACT_VERSION, GridField

_ALWAYS: Final = tuple((c.name, c.type) for c in (*BOOK_COLUMNS, *SCORE_COLUMNS) if c.since == "1.0")
_VERSION_KEY: Final = b"contract_version"
_ROWS_KEY: Final = b"grid_rows"
_ARROW_TYPES: Final[Mapping[ColumnType, Any]] = {
    "bool": pa.bool_(),
    "int8": pa.int8(),
    "int32": pa.int32(),
    "int64": pa.int64(),
    "float64": pa.float64(),
    "string": pa.string(),
}
_DTYPES: Final[Mapping[str, str]] = {"int8": "|i1", "int32": "<i4", "int64": "<i8", "double": "<f8"}

# Hashing a schema costs as much as encoding a grid, so encoders are found by identity; the schema kept beside its
# encoder is what keeps its id from being given to another.
_ENCODERS: Final[dict[int, tuple[Any, GridEncoder]]] = {}
_MAX_ENCODERS: Final = 16


def arrow_type(column_type: ColumnType) -> Any:
    """The pyarrow type of a column type."""
    return _ARROW_TYPES[column_type]


def grid_schema(config: RuntimeConfig) -> Any:
    """The pyarrow schema of this config's grids: `2*radius+1` rows, `k` rising from -radius, no nulls.

    Columns are those of `vp_contract.wire.columns.grid_columns`; metadata holds `contract_version` and `grid_rows`.
    """
    columns = grid_columns(config.projection_horizons_ms)
    return pa.schema(
        [pa.field(column.name, _ARROW_TYPES[column.type], nullable=False) for column in columns],
        metadata={_VERSION_KEY: CONTRACT_VERSION.encode(), _ROWS_KEY: str(config.grid_rows).encode()},
    )


def grid_fields(config: RuntimeConfig) -> tuple[GridField, ...]:
    """The same columns as they are announced in `runtime_config`."""
    return tuple(GridField(name=c.name, type=c.type) for c in grid_columns(config.projection_horizons_ms))


class GridEncoder:
    """Encodes the grids of one schema.

    Rows, types and the absence of nulls and compression are fixed by the schema, so all of a stream except the values
    is the same bytes for every bin: it is written once by Arrow, and per bin the columns' values are put between.
    Building a record batch and a stream per bin took seven times as long.
    """

    def __init__(self, schema: Any) -> None:
        """`schema` is one made by `grid_schema`."""
        rows = _rows_of(schema)
        self._shape = (rows,)
        template, starts = _layout(schema)
        gaps: list[bytes] = []
        columns: list[tuple[str, str]] = []
        end = 0
        for field, start in zip(schema, starts, strict=True):
            gaps.append(template[end:start])
            end = start + rows * field.type.bit_width // 8
            columns.append((field.name, _DTYPES[str(field.type)]))
        self._columns = tuple(zip(gaps, columns, strict=True))
        self._tail = template[end:]

    def encode(self, columns: Mapping[str, np.ndarray[Any, Any]]) -> bytes:
        """The grid of one bin, arrays (rows,) by column, as an Arrow IPC stream: see `encode_grid`."""
        shape = self._shape
        pieces: list[bytes] = []
        for gap, (name, dtype) in self._columns:
            try:
                array = columns[name]
                fits = array.dtype.str == dtype and array.shape == shape
            except KeyError:
                raise GridError(f"grid column {name} is missing") from None
            except AttributeError:
                raise GridError(f"grid column {name} is no array but a {type(columns[name]).__name__}") from None
            if not fits:
                raise GridError(
                    f"grid column {name}: must be of dtype {dtype} and shape {shape}, "
                    f"is of {array.dtype.str} and {array.shape}"
                )
            pieces += (gap, array.tobytes())
        pieces.append(self._tail)
        return b"".join(pieces)


class GridReader:
    """Reads some columns of grids of one schema. Safe across threads.

    The values of a column lie at the same place in each of them, see `GridEncoder`: they are read there, and Arrow does
    not have to decode all forty columns.

        reader = GridReader(grid_schema(config), ("buy_volume", "sell_volume"))
        bought = reader.read(frame.grid)["buy_volume"]  # int64 (rows,), instrument units; row i is k = i - radius
    """

    def __init__(self, schema: Any, names: Sequence[str]) -> None:
        """`schema` is one made by `grid_schema`, `names` are columns of it."""
        template, starts = _layout(schema)
        self._rows = _rows_of(schema)
        self._size = len(template)
        self._head = template[: starts[0]]
        self._names = tuple(names)
        fields = zip(schema, starts, strict=True)
        at = {field.name: (np.dtype(_DTYPES[str(field.type)]), start) for field, start in fields}
        self._places = tuple((name, *at[name]) for name in names)

    def read(self, data: bytes) -> dict[str, np.ndarray[Any, Any]]:
        """The columns by name, as read-only arrays (rows,) over `data`, which has to be sound.

        A grid that was encoded otherwise is decoded: raises as `decode_grid` does, and KeyError for a column that it
        lacks.
        """
        if len(data) != self._size or not data.startswith(self._head):
            grid = decode_grid(data)
            return {name: grid[name] for name in self._names}
        return {name: np.frombuffer(data, dtype, self._rows, start) for name, dtype, start in self._places}


def encode_grid(schema: Any, columns: Mapping[str, np.ndarray[Any, Any]]) -> bytes:
    """The grid of one bin as an Arrow IPC stream.

    `columns` holds one array per column of `schema` (made by `grid_schema`), one-dimensional, of the dtype the schema
    says in little-endian byte order; other entries are ignored. Raises `GridError` naming a column that is missing, or
    has another dtype or length.

        schema = grid_schema(config)  # of a RuntimeConfig: 101 rows with the default radius
        data = encode_grid(schema, scored.cells)  # arrays (101,) by name, as a ScoredBin has them
    """
    cached = _ENCODERS.get(id(schema))
    if cached is None:
        if len(_ENCODERS) >= _MAX_ENCODERS:
            _ENCODERS.clear()
        cached = _ENCODERS[id(schema)] = (schema, GridEncoder(schema))
    return cached[1].encode(columns)


def decode_grid(data: bytes) -> dict[str, np.ndarray[Any, Any]]:
    """The columns of an encoded grid by name, as read-only arrays (rows,) over `data`; `k` says which row is which.

        grid = decode_grid(message)
        score_at_spot = grid["flow_score"][grid["k"] == 0]

    Columns that a newer minor version added are there too if they are integers of 8, 32 or 64 bits or doubles, as all
    of this version are; others are left out.

    Raises `GridError` when it is not one whole batch of this contract's major version.
    """
    try:
        return _decoded(data)
    except GridError:
        raise
    except (pa.ArrowException, OSError, EOFError, ValueError, TypeError, ArithmeticError, MemoryError) as error:
        raise GridError(f"grid of {len(data)} bytes is damaged: {' '.join(str(error).split())[:200]}") from error


def _decoded(data: bytes) -> dict[str, np.ndarray[Any, Any]]:
    source = pa.BufferReader(data)
    with pa.ipc.open_stream(source) as reader:
        batches = list(reader)
    left = len(data) - source.tell()
    if len(batches) != 1 or left:
        raise GridError(f"grid: must be one batch and nothing after it, is {len(batches)} and {left} bytes")
    batch = batches[0]
    batch.validate(full=True)
    _check_metadata(batch)
    names = batch.schema.names
    if len(set(names)) != len(names):
        raise GridError("grid: two columns have the same name")
    columns = {}
    for field, column in zip(batch.schema, batch.columns, strict=True):
        if str(field.type) not in _DTYPES:
            continue  # of a newer minor version: nothing this reader knows has such a type
        if column.null_count:
            raise GridError(f"grid column {field.name} has {column.null_count} nulls")
        columns[field.name] = column.to_numpy(zero_copy_only=True)
    _check_types(batch.schema)
    return columns


def _check_types(schema: Any) -> None:
    """What every grid of this major version has must be there with its type; a newer minor version may have more."""
    types = {field.name: field.type for field in schema}
    for name, column_type in _ALWAYS:
        found = types.get(name, "no such column")
        if found != _ARROW_TYPES[column_type]:
            raise GridError(f"grid column {name}: must be {column_type}; is {found}")


def _check_metadata(batch: Any) -> None:
    metadata = batch.schema.metadata or {}
    version = metadata.get(_VERSION_KEY, b"none").decode("utf-8", "replace")
    ours = CONTRACT_VERSION.partition(".")[0]
    if version.partition(".")[0] != ours:
        raise GridError(f"grid: contract version {version}, this reader knows {ours}.x")
    rows = metadata.get(_ROWS_KEY, b"none").decode("utf-8", "replace")
    if rows != str(batch.num_rows):
        raise GridError(f"grid: must have {rows} rows, has {batch.num_rows}")


def _rows_of(schema: Any) -> int:
    return int(schema.metadata[_ROWS_KEY])


def _layout(schema: Any) -> tuple[bytes, list[int]]:
    """A grid of zeros as Arrow writes it, and where the values of each column begin in it."""
    rows = _rows_of(schema)
    template = _arrow_stream(pa.RecordBatch.from_arrays([_zeros(f.type, rows) for f in schema], schema=schema))
    with pa.ipc.open_stream(template) as reader:
        batch = reader.read_next_batch()
    return template.to_pybytes(), [column.buffers()[1].address - template.address for column in batch.columns]


def _zeros(arrow: Any, rows: int) -> Any:
    return pa.Array.from_buffers(arrow, rows, [None, pa.py_buffer(bytes(rows * arrow.bit_width // 8))], null_count=0)


def _arrow_stream(batch: Any) -> Any:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, batch.schema) as writer:
        writer.write_batch(batch)
    return sink.getvalue()
