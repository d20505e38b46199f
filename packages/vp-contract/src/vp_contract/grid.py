"""The binary grid of a bin: a self-contained Arrow IPC stream of one record batch, uncompressed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

import pyarrow as pa

from vp_contract.errors import GridError
from vp_contract.fields import ColumnType, grid_columns
from vp_contract.messages import CONTRACT_VERSION, GridField
from vp_contract.runtime import RuntimeConfig

if TYPE_CHECKING:
    import numpy as np

_VERSION_KEY: Final = b"contract_version"
_ROWS_KEY: Final = b"grid_rows"
_ARROW_TYPES: Final[Mapping[ColumnType, Any]] = {
    "bool": pa.bool_(),
    "int8": pa.int8(),
    "int32": pa.int32(),
    "int64": pa.int64(),
    "float64": pa.float64(),
}


def arrow_type(column_type: ColumnType) -> Any:
    """The pyarrow type of a column type."""
    return _ARROW_TYPES[column_type]


def grid_schema(config: RuntimeConfig) -> Any:
    """The pyarrow schema of this config's grids: `2*radius+1` rows, `k` rising from -radius, no nulls.

    Columns are those of `vp_contract.fields.grid_columns`; metadata holds `contract_version` and `grid_rows`.
    """
    columns = grid_columns(config.projection_horizons_ms)
    return pa.schema(
        [pa.field(column.name, _ARROW_TYPES[column.type], nullable=False) for column in columns],
        metadata={_VERSION_KEY: CONTRACT_VERSION.encode(), _ROWS_KEY: str(config.grid_rows).encode()},
    )


def grid_fields(config: RuntimeConfig) -> tuple[GridField, ...]:
    """The same columns as they are announced in `runtime_config`."""
    return tuple(GridField(name=c.name, type=c.type) for c in grid_columns(config.projection_horizons_ms))


def encode_grid(schema: Any, columns: Mapping[str, np.ndarray[Any, Any]]) -> bytes:
    """The grid of one bin as an Arrow IPC stream.

    `columns` holds one one-dimensional array per column of `schema` (made by `grid_schema`), of the dtype the schema
    says; other entries are ignored. Raises `GridError` naming a column that is missing, or has another dtype or
    length.
    """
    rows = int(schema.metadata[_ROWS_KEY])
    arrays = []
    for field in schema:
        try:
            array = pa.array(columns[field.name])
        except KeyError:
            raise GridError(f"grid column {field.name} is missing") from None
        except (pa.ArrowException, TypeError, ValueError) as error:
            raise GridError(f"grid column {field.name} is not a one-dimensional array of numbers: {error}") from error
        if array.type != field.type or len(array) != rows:
            raise GridError(
                f"grid column {field.name}: expected {rows} of {field.type}, found {len(array)} of {array.type}"
            )
        arrays.append(array)
    batch = pa.RecordBatch.from_arrays(arrays, schema=schema)
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, schema) as writer:
        writer.write_batch(batch)
    return bytes(sink.getvalue())


def decode_grid(data: bytes) -> dict[str, np.ndarray[Any, Any]]:
    """The columns of an encoded grid, as read-only arrays over `data`.

    Raises `GridError` when it is not one whole batch of this contract's major version.
    """
    try:
        source = pa.BufferReader(data)
        with pa.ipc.open_stream(source) as reader:
            batches = list(reader)
        for batch in batches:
            batch.validate(full=True)
        left = len(data) - source.tell()
    except (pa.ArrowException, OSError, EOFError, ValueError, TypeError, OverflowError, MemoryError) as error:
        raise GridError(f"grid of {len(data)} bytes is damaged: {' '.join(str(error).split())[:200]}") from error
    if len(batches) != 1 or left:
        raise GridError(f"grid: expected one batch and nothing after it, found {len(batches)} and {left} bytes")
    batch = batches[0]
    _check_metadata(batch)
    columns = {}
    for field, column in zip(batch.schema, batch.columns, strict=True):
        if column.null_count:
            raise GridError(f"grid column {field.name} has {column.null_count} nulls")
        columns[field.name] = column.to_numpy(zero_copy_only=not pa.types.is_boolean(field.type))
    return columns


def _check_metadata(batch: Any) -> None:
    metadata = batch.schema.metadata or {}
    version = metadata.get(_VERSION_KEY, b"none").decode("utf-8", "replace")
    ours = CONTRACT_VERSION.partition(".")[0]
    if version.partition(".")[0] != ours:
        raise GridError(f"grid: contract version {version}, this reader knows {ours}.x")
    rows = metadata.get(_ROWS_KEY, b"none").decode("utf-8", "replace")
    if rows != str(batch.num_rows):
        raise GridError(f"grid: expected {rows} rows, found {batch.num_rows}")
