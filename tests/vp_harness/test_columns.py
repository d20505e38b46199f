"""Columns that come from Arrow and go to polars by the short way are what the long way gives."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vp_harness.columns import frame_of, numpy_of

SCHEMA = {
    "name": pl.String(),
    "n": pl.Int64(),
    "share": pl.Float64(),
    "bins": pl.List(pl.Int32()),
    "ways": pl.List(pl.Int8()),
    "ticks": pl.List(pl.Float64()),
    "after": pl.List(pl.String()),
}
NUMBER = st.floats(allow_nan=False)
ROW = st.tuples(
    st.text(max_size=3),
    st.none() | st.integers(-(2**62), 2**62),
    st.none() | NUMBER,
    st.lists(st.integers(-(2**31), 2**31 - 1), max_size=4),
    st.lists(st.sampled_from([-1, 1]), max_size=4),
    st.lists(st.none() | NUMBER, max_size=4),
    st.lists(st.text(max_size=3), max_size=2),
)


@given(st.lists(ROW, max_size=6))
def test_a_frame_is_that_of_its_rows(rows):
    columns = {name: [row[i] for row in rows] for i, name in enumerate(SCHEMA)}
    frame = frame_of(columns, SCHEMA)
    assert frame.schema == pl.Schema(SCHEMA)
    assert frame.equals(pl.DataFrame(rows, schema=SCHEMA, orient="row"))


@pytest.mark.parametrize("dtype", [np.int8, np.int32, np.int64, np.float64])
def test_a_column_of_arrow_is_the_same_array(dtype):
    values = np.arange(-3, 9).astype(dtype)
    column = pa.array(values)
    assert numpy_of(column).dtype == dtype
    assert numpy_of(column).tolist() == values.tolist()
    assert numpy_of(column.slice(2, 5)).tolist() == values[2:7].tolist()
    assert not numpy_of(column).flags.writeable
    assert numpy_of(pa.nulls(0, column.type)).dtype == dtype


def test_a_column_with_nulls_is_refused():
    with pytest.raises(pa.ArrowInvalid, match="1 of 2 values are null"):
        numpy_of(pa.array([1.0, None]))


def test_a_column_is_read_without_pandas():
    pytest.importorskip("pandas")
    text = """
import sys
import numpy as np
import pyarrow as pa
from vp_harness.columns import numpy_of
column = pa.Array.from_buffers(pa.int64(), 2, [None, pa.py_buffer(np.arange(2))])
assert numpy_of(column).tolist() == [0, 1]
sys.exit("pandas" in sys.modules)
"""
    subprocess.run([sys.executable, "-c", text], check=True, timeout=60)
