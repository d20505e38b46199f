"""The golden wire files: bytes of every message of both directions, whole frames, and what they decode to.

Written by tests/vp_contract/make_golden.py, read by the tests of vp_contract and by those of the page. The expected
values beside the bytes come from the numbers below, not from decoding the bytes.
"""

from __future__ import annotations

import json
import re
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import numpy as np
import pyarrow as pa

from vp_contract import (
    CONTRACT_VERSION,
    Ack,
    CaptureSpec,
    ErrorMessage,
    Follow,
    GridUpdate,
    History,
    HistoryEnd,
    InstrumentLock,
    Pause,
    PipelineOverrides,
    PipelineSpec,
    Resume,
    RuntimeConfig,
    RuntimeConfigMessage,
    Seek,
    ServingInfo,
    ServingSpec,
    SignalUpdate,
    Speed,
    StreamEnd,
    encode_grid,
    encode_message,
    grid_columns,
    grid_fields,
    grid_schema,
    resolve,
)

_ROOT = Path(__file__).parents[2]
GOLDEN = _ROOT / "tests/vp_contract/golden"
DOCUMENTS = {
    "asyncapi": _ROOT / "docs/asyncapi.json",
    "bin-fields": _ROOT / "packages/vp-contract/src/vp_contract/wire/bin_fields.py",
    "columns": _ROOT / "docs/columns.md",
    "facts": _ROOT / "web/src/wire/generated/facts.ts",
    "folds": _ROOT / "web/src/wire/generated/folds.ts",
    "schema": GOLDEN / "messages.schema.json",
}
"""Name of what `python -m vp_contract` writes -> where it is committed."""

Fields = dict[str, int | float | bool]
Columns = dict[str, np.ndarray[Any, Any]]

START_NS = 1_770_388_500_000_000_000  # 2026-02-06 09:35 New York
MAX_INT64 = 2**63 - 1
_EDGES = (-0.0, 0.1, -1 / 3, 5e-324, -1.7976931348623157e308, 2.0**53 + 2.0, 1e-9)


class MarkInfo(NamedTuple):
    """A mark before it is encoded."""

    kind: str
    price_int: int
    size: int
    side: str
    detail: int


class GoldenFrame(NamedTuple):
    """One bin before it is encoded."""

    fields: Fields
    signal: SignalUpdate
    columns: Columns
    skipped_bins: int
    marks: tuple[MarkInfo, ...] | None = None

    def update(self) -> GridUpdate:
        message = GridUpdate.from_bin(self.fields, self.signal, self.marks)
        return msgspec.structs.replace(message, skipped_bins=self.skipped_bins)

    def expected(self) -> dict[str, Any]:
        """Values as JSON can hold them exactly: int64 columns as decimal text."""
        text = {name: str(value) for name, value in self.fields.items() if name.endswith(("_ns", "_price_int"))}
        told = {name: getattr(self.signal, name) for name in self.signal.__struct_fields__}
        signal = {name: value for name, value in told.items() if value is not msgspec.UNSET}
        update: dict[str, Any] = {
            "type": "grid_update",
            **self.fields,
            **text,
            "signal": signal,
            "skipped_bins": self.skipped_bins,
        }
        if self.marks is not None:
            update["marks"] = [{**mark._asdict(), "price_int": str(mark.price_int)} for mark in self.marks]
        columns = {
            name: [str(value) for value in values.tolist()] if values.dtype == np.int64 else values.tolist()
            for name, values in self.columns.items()
        }
        return {"update": update, "columns": columns}


def golden_config() -> RuntimeConfig:
    instrument = InstrumentLock(
        product_type="future_mbo",
        symbol="SYNM6",
        symbol_root="SYN",
        tick_size=Decimal("0.25"),
        contract_multiplier=50.0,
        projection_horizons_ms=(500, 1000),
    )
    capture = CaptureSpec(
        product_type="future_mbo", symbol="SYNM6", dt="2026-02-06", start_time="09:25", end_time="09:55"
    )
    pipeline = PipelineSpec(name="golden", capture=capture, pipeline=PipelineOverrides(grid_radius_ticks=50))
    return resolve(instrument, pipeline, ServingSpec(name="golden", pipeline="golden"))


def golden_runtime_config() -> RuntimeConfigMessage:
    config = golden_config()
    return RuntimeConfigMessage(
        contract_version=CONTRACT_VERSION,
        config=config,
        grid_fields=grid_fields(config),
        grid_rows=config.grid_rows,
        serving=ServingInfo(
            alias="golden",
            serving_id=f"srv_golden_0123abcd_{config.config_version[:8]}",
            source_run="0123abcd0123abcd",
            promoted_at="2026-02-06T21:00:00.000000Z",
            versions={"vp_book": "0.1.0", "vp_contract": "0.1.0", "vp_spectrum": "0.1.0"},
            digests={"vp_book": "ab" * 32, "vp_spectrum": "cd" * 32},
        ),
        replay_date=config.dt,
        replay_start_time=config.start_time,
        config_hash=config.config_version,
    )


def busy_frame() -> GoldenFrame:
    """An ordinary bin: trades, a moved quote, projections, negative values."""
    fields: Fields = {
        "bin_seq": 6000,
        "ts_ns": START_NS + 100_000_000,
        "bin_start_ns": START_NS,
        "bin_end_ns": START_NS + 100_000_000,
        "bin_event_count": 42,
        "event_id": 1_234_567,
        "mid_price": 5400.125,
        "spot_ref_price_int": 5_400_250_000_000,
        "best_bid_price_int": 5_400_000_000_000,
        "best_ask_price_int": 5_400_250_000_000,
        "best_bid_size": 87,
        "best_ask_size": 112,
        "book_valid": True,
        "trade_count": 3,
        "buy_volume": 7,
        "sell_volume": 2,
        "last_trade_price_int": 5_400_250_000_000,
        "bid_high_price_int": 5_400_250_000_000,
        "bid_low_price_int": 5_400_000_000_000,
        "ask_high_price_int": 5_400_500_000_000,
        "ask_low_price_int": 5_400_250_000_000,
        "best_ask_move_ticks": -1,
        "best_bid_move_ticks": 0,
        "ask_reprice_sign": -1,
        "bid_reprice_sign": 0,
        "microstate_id": 1,
        "chase_up_flag": False,
        "chase_down_flag": False,
        "cum_buy_volume": 1507,
        "cum_sell_volume": 1490,
        "vwap_price_int": 5_400_112_345_679,
    }
    signal = SignalUpdate(
        name="derivative",
        score=-0.125,
        ready=True,
        sample_count=240,
        base=-0.75,
        d1=-2.5,
        d2=0.5,
        d3=0.0,
        z1=-1.5,
        z2=0.25,
        z3=0.0,
        bull_intensity=0.125,
        bear_intensity=0.875,
        mixed_intensity=0.0,
        dominant_state=-1,
    )
    marks = (
        MarkInfo("sweep", 5_400_750_000_000, 61, "buy", 3),
        MarkInfo("iceberg", 5_400_250_000_000, 12, "sell", 60),
    )
    return GoldenFrame(fields, signal, _columns(lambda index: (index - 2000) / 7.0, step=1), 0, marks)


def empty_frame() -> GoldenFrame:
    """A bin of an empty book: nothing valid, no prices, no events, a signal that is not ready."""
    busy = busy_frame()
    clocks = ("ts_ns", "bin_start_ns", "bin_end_ns")
    fields: Fields = {name: type(value)(0) for name, value in busy.fields.items()}
    fields |= {name: busy.fields[name] + 100_000_000 for name in clocks}
    fields |= {"bin_seq": 6001, "event_id": busy.fields["event_id"]}
    held = msgspec.to_builtins(busy.signal)
    zeros = {name: type(value)(0) for name, value in held.items() if name != "name"}
    signal = SignalUpdate(name="derivative", **zeros)
    return GoldenFrame(fields, signal, _columns(lambda index: index * 0.0, step=0), 0, ())


def extreme_frame() -> GoldenFrame:
    """The ends of every type: prices and depths beyond 2^53, negative prices, subnormals; bins skipped before it.

    Its signal is a promoted one, with a part that has no number and a name that JSON has to escape.
    """
    busy = busy_frame()
    fields = busy.fields | {
        "bin_seq": 2**53 - 1,
        "ts_ns": MAX_INT64,
        "bin_start_ns": MAX_INT64 - 100_000_000,
        "bin_end_ns": MAX_INT64,
        "event_id": 2**53 - 1,
        "mid_price": -37.630000000000003,
        "spot_ref_price_int": -37_630_000_000,
        "best_bid_price_int": -(2**63),
        "best_ask_price_int": MAX_INT64,
        "best_ask_move_ticks": -(2**53 - 1),
        "best_bid_move_ticks": 2**53 - 1,
        "last_trade_price_int": 2**53 + 1,
        "chase_up_flag": True,
    }
    signal = msgspec.structs.replace(busy.signal, score=-1.0, d1=5e-324, d2=-1.7976931348623157e308, d3=0.1)
    signal = msgspec.structs.replace(
        signal,
        name="gbm_mf",
        kind="probability",
        value=0.30000000000000004,
        state=-1,
        threshold=0.55,
        detail={'a "}" b': None, "age": 5e-324},
    )
    edges = np.array(_EDGES)
    return GoldenFrame(fields, signal, _columns(lambda index: edges[index % len(edges)], step=2**53 // 100 + 1), 17)


FRAMES = {"busy": busy_frame, "empty": empty_frame, "extreme": extreme_frame}


def encoded_frame(frame: GoldenFrame) -> tuple[bytes, bytes]:
    return encode_message(frame.update()), encode_grid(grid_schema(golden_config()), frame.columns)


def golden_files() -> dict[str, bytes]:
    """Every file by its name in the golden directory."""
    config = golden_runtime_config()
    messages: dict[str, Any] = {
        "runtime_config.json": config,
        "stream_end.json": StreamEnd(bins=18_000),
        "error.json": ErrorMessage(code="unknown_serving", message="serving='ü\n\"\\' ist unbekannt"),
        "pause.json": Pause(),
        "resume.json": Resume(),
        "seek.json": Seek(bin_seq=2**53 - 1),
        "ack.json": Ack(bin_seq=0),
        "follow.json": Follow(),
        "history.json": History(from_=0, to=2**53 - 1, every=10),
        "history_end.json": HistoryEnd(from_=0, to=17_999, every=10, bins=1800),
        "speed.json": Speed(value=0.25),
    }
    files = {name: encode_message(message) for name, message in messages.items()}
    expected: dict[str, Any] = {name: _plain(message) for name, message in messages.items()}
    for name, make in FRAMES.items():
        frame = make()
        files[f"{name}.update.json"], files[f"{name}.arrow"] = encoded_frame(frame)
        expected[name] = frame.expected()
    files |= _newer(config)
    files["expected.json"] = _json_lines(expected)
    return files


def _newer(config: RuntimeConfigMessage) -> dict[str, bytes]:
    """What a server of a later minor version may send, and the first message of another major one."""
    frame = busy_frame()
    later = _plain(config) | {"contract_version": "1.9", "venue": {"mic": "XCME"}}
    later["config"]["a_later_parameter"] = [1, None]
    later["serving"]["a_later_name"] = "x"
    update = _plain(frame.update()) | {"auction": {"price": "1"}, "halted": None}
    update["signal"]["z4"] = 0.5
    schema = grid_schema(golden_config())
    batch = pa.record_batch(list(frame.columns.values()), schema=schema)
    for position, name, values in ((0, "a_later_code", pa.int8()), (7, "a_later_text", pa.string())):
        column = pa.array(["0"] * batch.num_rows).cast(values)
        batch = batch.add_column(position, pa.field(name, values, nullable=False), column)
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, batch.schema) as writer:
        writer.write_batch(batch)
    return {
        "newer.runtime_config.json": json.dumps(later).encode(),
        "newer.update.json": json.dumps(update).encode(),
        "newer.arrow": sink.getvalue().to_pybytes(),
        "newer.message.json": b'{"type":"weather","sky":"clear"}',
        "other_major.runtime_config.json": json.dumps(later | {"contract_version": "2.0"}).encode(),
    }


def _columns(values: Any, *, step: int) -> Columns:
    """Every column of the grid: `values` of a running index for floats, multiples of `step` for int64."""
    config = golden_config()
    rows = np.arange(config.grid_rows)
    columns: Columns = {}
    for position, column in enumerate(grid_columns(config.projection_horizons_ms)):
        index = position * config.grid_rows + rows
        if column.name == "k":
            column_values = rows - config.grid_radius_ticks
        elif column.type == "int8":
            column_values = (index % 5 - 2) * min(step, 1)
        elif column.type == "float64":
            column_values = values(index)
        else:
            column_values = index * step
        columns[column.name] = column_values.astype(column.type)
    return columns


def _plain(message: Any) -> dict[str, Any]:
    plain: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(msgspec.to_builtins(message)))
    return plain


def _json_lines(expected: dict[str, Any]) -> bytes:
    """JSON with one flat list a line, so that a change shows as a change of that line."""
    text = json.dumps(expected, indent=1)
    return re.sub(r"\[\s[^\[\]{}]*\]", _on_one_line, text).encode() + b"\n"


def _on_one_line(found: re.Match[str]) -> str:
    return json.dumps(json.loads(found[0]))
