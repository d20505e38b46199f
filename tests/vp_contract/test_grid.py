"""The Arrow grid: schema, bytes, damage."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vp_contract import (
    BOOK_COLUMNS,
    SCORE_COLUMNS,
    GridEncoder,
    GridError,
    GridReader,
    RuntimeConfig,
    RuntimeConfigMessage,
    decode_grid,
    decode_server_message,
    encode_grid,
    grid_columns,
    grid_fields,
    grid_schema,
    levels_of,
)
from vp_contract.wire.examples import example_config

GOLDEN = Path(__file__).parent / "golden"
GOLDEN_GRID = (GOLDEN / "busy.arrow").read_bytes()


def _random(config: RuntimeConfig, seed: int) -> dict[str, np.ndarray[Any, Any]]:
    random = np.random.default_rng(seed)
    columns = {}
    for field in grid_columns(config.projection_horizons_ms):
        bits = random.bytes(config.grid_rows * np.dtype(field.type).itemsize)
        columns[field.name] = np.frombuffer(bits, dtype=field.type)
    return columns


def _by_arrow(schema: Any, columns: dict[str, np.ndarray[Any, Any]]) -> bytes:
    """The same grid written by Arrow itself, the long way."""
    batch = pa.RecordBatch.from_arrays([pa.array(columns[name]) for name in schema.names], schema=schema)
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, schema) as writer:
        writer.write_batch(batch)
    return bytes(sink.getvalue())


def test_columns_are_those_of_the_specification() -> None:
    names = [field.name for field in (*BOOK_COLUMNS, *SCORE_COLUMNS)]
    masses = ["add_mass", "pull_mass", "fill_mass"]
    channels = ["add", "pull", "fill", "rest_depth", "bid_depth", "ask_depth"]
    assert names[:9] == ["k", "pressure_variant", "vacuum_variant", *masses, "rest_depth", "bid_depth", "ask_depth"]
    assert names[9:27] == [f"{order}_{channel}" for order in "vaj" for channel in channels]
    assert names[27:30] == ["last_event_id", "buy_volume", "sell_volume"]
    scores = ["composite", "composite_d1", "composite_d2", "composite_d3", "flow_score"]
    assert names[30:] == [*scores, "flow_state_code", "state5_code"]
    types = {field.name: field.type for field in (*BOOK_COLUMNS, *SCORE_COLUMNS)}
    assert types["k"] == "int32"
    assert {types[name] for name in ("rest_depth", "bid_depth", "ask_depth", "last_event_id", "sell_volume")} == {
        "int64"
    }
    assert {types["flow_state_code"], types["state5_code"]} == {"int8"}
    assert list(types.values()).count("float64") == len(types) - 9


def test_schema(config: RuntimeConfig) -> None:
    schema = grid_schema(config)
    assert schema.names[-4:] == ["proj_500", "proj_1000", "proj_2000", "proj_5000"]
    assert schema.metadata == {b"contract_version": b"1.1", b"grid_rows": b"101"}
    assert not any(field.nullable for field in schema)
    assert [field.name for field in grid_fields(config)] == schema.names
    assert {field.type for field in grid_fields(config)} == {"int8", "int32", "int64", "float64"}


@given(seed=st.integers(0, 2**32), radius=st.integers(1, 200))
@settings(max_examples=40, deadline=None)
def test_bytes_are_those_arrow_writes(seed: int, radius: int) -> None:
    message = decode_server_message((GOLDEN / "runtime_config.json").read_bytes())
    assert isinstance(message, RuntimeConfigMessage)
    config = message.config.replace(grid_radius_ticks=radius)
    schema = grid_schema(config)
    columns = _random(config, seed)
    data = GridEncoder(schema).encode(columns)
    assert data == _by_arrow(schema, columns)
    decoded = decode_grid(data)
    assert list(decoded) == schema.names
    for name, column in decoded.items():
        assert column.dtype == columns[name].dtype
        assert column.tobytes() == columns[name].tobytes()


def test_an_encoder_serves_many_bins(config: RuntimeConfig) -> None:
    schema, other = grid_schema(config), grid_schema(config.replace(grid_radius_ticks=3))
    for seed in range(40):
        columns = _random(config, seed)
        assert encode_grid(schema, columns) == _by_arrow(schema, columns)
        small = _random(config.replace(grid_radius_ticks=3), seed)
        assert encode_grid(other, small) == _by_arrow(other, small)
    for radius in range(1, 40):  # more schemas than are kept
        changed = config.replace(grid_radius_ticks=radius)
        columns = _random(changed, radius)
        assert len(decode_grid(encode_grid(grid_schema(changed), columns))["k"]) == 2 * radius + 1


def test_strided_columns_are_packed(config: RuntimeConfig) -> None:
    schema = grid_schema(config)
    columns = _random(config, 1)
    wide = {name: np.repeat(column, 2)[::2] for name, column in columns.items()}
    assert not wide["k"].flags.c_contiguous
    assert encode_grid(schema, wide) == encode_grid(schema, columns)


def test_golden_grid() -> None:
    message = decode_server_message((GOLDEN / "runtime_config.json").read_bytes())
    assert isinstance(message, RuntimeConfigMessage)
    columns = decode_grid(GOLDEN_GRID)
    assert [(name, str(column.dtype)) for name, column in columns.items()] == [
        (field.name, field.type) for field in message.grid_fields
    ]
    assert columns["k"].tolist() == list(range(-50, 51))
    again = decode_grid(encode_grid(grid_schema(message.config), columns))
    assert all(again[name].tobytes() == columns[name].tobytes() for name in columns)


def test_columns_that_do_not_fit(config: RuntimeConfig) -> None:
    schema = grid_schema(config)
    columns = _random(config, 0)
    with pytest.raises(GridError, match="grid column v_add is missing"):
        encode_grid(schema, {name: column for name, column in columns.items() if name != "v_add"})
    wrong: list[tuple[str, Any, str]] = [
        ("v_add", np.zeros(101, np.float32), r"must be of dtype <f8 .* is of <f4"),
        ("v_add", columns["v_add"].astype(">f8"), r"is of >f8"),
        ("k", columns["k"].astype(np.int64), r"must be of dtype <i4 .* is of <i8"),
        ("k", columns["k"][:-1], r"shape \(101,\), is of <i4 and \(100,\)"),
        ("k", columns["k"].reshape(1, -1), r"is of <i4 and \(1, 101\)"),
        ("flow_score", [0.0] * 101, r"is no array but a list"),
    ]
    for name, bad, says in wrong:
        with pytest.raises(GridError, match=f"grid column {name}.*{says}"):
            encode_grid(schema, {**columns, name: bad})
    assert encode_grid(schema, {**columns, "another": np.zeros(3)}) == encode_grid(schema, columns)


def test_every_truncation_is_refused() -> None:
    for length in range(0, len(GOLDEN_GRID) - 8, 97):  # the last 8 bytes only mark the end
        with pytest.raises(GridError):
            decode_grid(GOLDEN_GRID[:length])
    with pytest.raises(GridError):
        decode_grid(GOLDEN_GRID + b"x")
    with pytest.raises(GridError, match="one batch"):
        decode_grid(GOLDEN_GRID + GOLDEN_GRID)


@given(st.binary(max_size=300))
def test_any_bytes_are_refused(data: bytes) -> None:
    with pytest.raises(GridError):
        decode_grid(data)


@given(st.integers(0, 8 * len(GOLDEN_GRID) - 1))
@settings(max_examples=300, deadline=None)
def test_a_flipped_bit_never_changes_the_shape(bit: int) -> None:
    data = bytearray(GOLDEN_GRID)
    data[bit // 8] ^= 1 << bit % 8
    try:
        columns = decode_grid(bytes(data))
    except GridError:
        return
    assert {len(column) for column in columns.values()} == {101}


def test_another_major_version_is_refused(config: RuntimeConfig) -> None:
    schema = grid_schema(config)
    columns = _random(config, 0)
    for metadata, says in (
        ({b"contract_version": b"2.0", b"grid_rows": b"101"}, "contract version 2.0"),
        ({b"contract_version": b"1.1", b"grid_rows": b"100"}, "must have 100 rows, has 101"),
        ({b"x": b"y"}, "contract version none"),
    ):
        with pytest.raises(GridError, match=says):
            decode_grid(_by_arrow(schema.with_metadata(metadata), columns))
    newer = schema.with_metadata({b"contract_version": b"1.9", b"grid_rows": b"101"})
    assert len(decode_grid(_by_arrow(newer, columns))) == len(schema)


def test_columns_that_are_not_those_of_the_contract(config: RuntimeConfig) -> None:
    schema = grid_schema(config)
    columns = _random(config, 0)
    with pytest.raises(GridError, match="grid column a_fill: must be float64; is no such column"):
        decode_grid(_by_arrow(schema.remove(schema.get_field_index("a_fill")), columns))
    twice = schema.append(schema.field("proj_500"))
    with pytest.raises(GridError, match="two columns have the same name"):
        decode_grid(_by_arrow(twice, columns))
    newer = schema.append(pa.field("added_later", pa.float64()))
    assert "added_later" in decode_grid(_by_arrow(newer, {**columns, "added_later": columns["v_add"]}))


def test_nulls_are_refused(config: RuntimeConfig) -> None:
    schema = pa.schema([pa.field("k", pa.int32())], metadata={b"contract_version": b"1.1", b"grid_rows": b"2"})
    batch = pa.RecordBatch.from_arrays([pa.array([1, None], type=pa.int32())], schema=schema)
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, schema) as writer:
        writer.write_batch(batch)
    with pytest.raises(GridError, match="grid column k has 1 nulls"):
        decode_grid(bytes(sink.getvalue()))


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 2**32 - 1), st.sampled_from([1, 50, 130]))
def test_a_reader_of_some_columns_reads_what_decoding_all_of_them_gives(seed: int, radius: int) -> None:
    config = msgspec.structs.replace(example_config(), grid_radius_ticks=radius)
    schema = grid_schema(config)
    columns = _random(config, seed)
    data = encode_grid(schema, columns)
    names = ("buy_volume", "k", "state5_code", "composite")
    found = GridReader(schema, names).read(data)
    assert tuple(found) == names
    for name, column in decode_grid(data).items():
        if name in names:
            np.testing.assert_array_equal(found[name], column)
            assert found[name].dtype == column.dtype


def test_a_reader_decodes_a_grid_that_was_encoded_otherwise() -> None:
    config = example_config()
    schema = grid_schema(config)
    columns = _random(config, 5)
    reader = GridReader(schema, ["sell_volume"])
    newer = schema.append(pa.field("newer", pa.int64(), nullable=False))
    rows = {**columns, "newer": columns["sell_volume"]}
    np.testing.assert_array_equal(reader.read(_by_arrow(newer, rows))["sell_volume"], columns["sell_volume"])
    of_other_names = schema.with_metadata({**schema.metadata, b"contract_version": b"9.9"})
    same_size = _by_arrow(of_other_names, columns)
    assert len(same_size) == len(encode_grid(schema, columns))
    with pytest.raises(GridError, match=r"contract version 9\.9"):
        reader.read(same_size)
    older = pa.schema([field for field in schema if field.name != "sell_volume"], metadata=schema.metadata)
    with pytest.raises(KeyError, match="sell_volume"):
        reader.read(_by_arrow(older, columns))


@pytest.mark.parametrize(
    ("bin_ms", "levels"),
    [
        (100, (1, 10, 100, 600, 3000)),
        (250, (1, 4, 40, 240, 1200)),
        (400, (1, 3, 25, 150, 750)),
        (700, (1, 14, 86, 429)),
        (1000, (1, 10, 60, 300)),
        (10_000, (1, 6, 30)),
        (300_000, (1,)),
    ],
)
def test_levels_are_rounded_as_the_page_rounds_them(bin_ms: int, levels: tuple[int, ...]) -> None:
    assert levels_of(bin_ms) == levels
