"""Write the golden wire files anew, from fixed values that exercise every type."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np

from vp_contract import (
    CONTRACT_VERSION,
    CaptureSpec,
    GridUpdate,
    InstrumentLock,
    PipelineOverrides,
    PipelineSpec,
    RuntimeConfig,
    RuntimeConfigMessage,
    ServingInfo,
    ServingSpec,
    SignalUpdate,
    encode_grid,
    encode_message,
    grid_columns,
    grid_fields,
    grid_schema,
    json_schema,
    resolve,
)

GOLDEN = Path(__file__).parent / "golden"


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
    pipeline = PipelineSpec(name="golden", capture=capture, pipeline=PipelineOverrides(grid_radius_ticks=4))
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


def golden_fields() -> dict[str, int | float | bool]:
    start = 1_770_388_500_000_000_000  # 2026-02-06 09:35 New York
    return {
        "bin_seq": 6000,
        "ts_ns": start + 100_000_000,
        "bin_start_ns": start,
        "bin_end_ns": start + 100_000_000,
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
    }


def golden_grid_update() -> GridUpdate:
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
    return GridUpdate.from_bin(golden_fields(), signal)


def golden_columns() -> dict[str, np.ndarray[Any, Any]]:
    """Row i of column j is (j * rows + i) * step, in the column's own type, from -radius for k."""
    config = golden_config()
    rows = config.grid_rows
    columns: dict[str, np.ndarray[Any, Any]] = {}
    for position, column in enumerate(grid_columns(config.projection_horizons_ms)):
        index = np.arange(rows)
        if column.name == "k":
            values = index - config.grid_radius_ticks
        elif column.type == "int8":
            values = index % 5 - 2
        elif column.type == "float64":
            values = (position * rows + index - 100) * 0.125
        else:
            values = position * rows + index
        columns[column.name] = values.astype(column.type)
    return columns


def main() -> None:
    GOLDEN.mkdir(exist_ok=True)
    (GOLDEN / "runtime_config.json").write_bytes(encode_message(golden_runtime_config()))
    (GOLDEN / "grid_update.json").write_bytes(encode_message(golden_grid_update()))
    (GOLDEN / "grid.arrow").write_bytes(encode_grid(grid_schema(golden_config()), golden_columns()))
    schema = json.dumps(json_schema(), indent=2, sort_keys=True) + "\n"
    (GOLDEN / "messages.schema.json").write_text(schema, encoding="utf-8", newline="\n")


if __name__ == "__main__":
    main()
