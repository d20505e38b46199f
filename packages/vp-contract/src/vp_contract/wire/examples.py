"""One plausible message of every kind, for documents. The values are those of an invented market."""

from __future__ import annotations

from decimal import Decimal

import msgspec

from vp_contract.specs.instrument import InstrumentLock
from vp_contract.specs.pipeline import CaptureSpec, PipelineSpec, ServingSpec
from vp_contract.specs.resolve import resolve
from vp_contract.specs.runtime import RuntimeConfig
from vp_contract.wire.grid import grid_fields
from vp_contract.wire.messages import (
    CONTRACT_VERSION,
    Ack,
    ClientMessage,
    ErrorMessage,
    Follow,
    FramesInfo,
    GridUpdate,
    History,
    HistoryEnd,
    Mark,
    Pause,
    Resume,
    RuntimeConfigMessage,
    Seek,
    ServerMessage,
    ServingInfo,
    SignalUpdate,
    Speed,
    SpeedSet,
    StreamEnd,
)

_BIN_START_NS = 1_770_388_500_000_000_000  # 2026-02-06 09:35 New York
_BID, _ASK = 5_400_000_000_000, 5_400_250_000_000


def example_config() -> RuntimeConfig:
    """The config of the examples: a future with a tick of 0.25 and all defaults."""
    instrument = InstrumentLock(
        product_type="future_mbo",
        symbol="SYNM6",
        symbol_root="SYN",
        tick_size=Decimal("0.25"),
        contract_multiplier=50.0,
    )
    capture = CaptureSpec(
        product_type="future_mbo", symbol="SYNM6", dt="2026-02-06", start_time="09:25", end_time="09:55"
    )
    pipeline = PipelineSpec(name="demo", capture=capture)
    return resolve(instrument, pipeline, ServingSpec(name="demo", pipeline="demo"))


def example_messages() -> tuple[ServerMessage | ClientMessage, ...]:
    """One message of every kind, those of the server first."""
    return (
        _runtime_config(),
        _grid_update(),
        StreamEnd(bins=18_000),
        ErrorMessage(code="unknown_serving", message="serving='demp' is no alias and no serving id; aliases: demo"),
        HistoryEnd(from_=5000, to=5999, every=1, bins=1000),
        SpeedSet(value=4.0),
        Pause(),
        Resume(),
        Seek(bin_seq=6000),
        Ack(bin_seq=6000),
        Follow(),
        History(from_=5000, to=5999),
        Speed(value=4.0),
    )


def _runtime_config() -> RuntimeConfigMessage:
    config = example_config()
    return RuntimeConfigMessage(
        contract_version=CONTRACT_VERSION,
        config=config,
        grid_fields=grid_fields(config),
        grid_rows=config.grid_rows,
        serving=ServingInfo(
            alias="demo",
            serving_id=f"srv_demo_0123abcd_{config.config_version[:8]}",
            source_run="0123abcd0123abcd",
            promoted_at="2026-02-06T21:00:00.000000Z",
            versions={"vp_book": "0.1.0", "vp_contract": "0.1.0", "vp_spectrum": "0.1.0"},
            digests={"vp_book": "ab" * 32, "vp_spectrum": "cd" * 32},
        ),
        replay_date=config.dt,
        replay_start_time=config.start_time,
        frames=FramesInfo(bins=18_000, head="ef" * 32),
        config_hash=config.config_version,
    )


def _grid_update() -> GridUpdate:
    signal = SignalUpdate(
        name="imbalance",
        kind="signed",
        value=-0.5625,
        state=-1,
        threshold=0.5,
        detail={"imbalance": -0.75},
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
    fields: dict[str, int | float | bool] = {
        "bin_seq": 6000,
        "ts_ns": _BIN_START_NS + 100_000_000,
        "bin_start_ns": _BIN_START_NS,
        "bin_end_ns": _BIN_START_NS + 100_000_000,
        "bin_event_count": 42,
        "event_id": 1_234_567,
        "mid_price": 5400.125,
        "spot_ref_price_int": _ASK,
        "best_bid_price_int": _BID,
        "best_ask_price_int": _ASK,
        "best_bid_size": 87,
        "best_ask_size": 112,
        "book_valid": True,
        "trade_count": 3,
        "buy_volume": 7,
        "sell_volume": 2,
        "last_trade_price_int": _ASK,
        "bid_high_price_int": _ASK,
        "bid_low_price_int": _BID,
        "ask_high_price_int": 5_400_500_000_000,
        "ask_low_price_int": _ASK,
        "best_ask_move_ticks": -1,
        "best_bid_move_ticks": 0,
        "ask_reprice_sign": -1,
        "bid_reprice_sign": 0,
        "microstate_id": 1,
        "chase_up_flag": False,
        "chase_down_flag": False,
        "cum_buy_volume": 1_507,
        "cum_sell_volume": 1_490,
        "vwap_price_int": 5_400_112_345_679,
    }
    iceberg = Mark(kind="iceberg", price_int=str(_ASK), size=12, side="sell", detail=60)
    return msgspec.structs.replace(GridUpdate.from_bin(fields, signal), marks=(iceberg,))
