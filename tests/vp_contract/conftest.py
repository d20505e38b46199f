"""One small config chain, as structs."""

from __future__ import annotations

from decimal import Decimal

import pytest

from vp_contract import (
    CaptureSpec,
    ExperimentSpec,
    InstrumentLock,
    PipelineSpec,
    RuntimeConfig,
    ServingSpec,
    resolve,
)


@pytest.fixture
def instrument() -> InstrumentLock:
    return InstrumentLock(
        product_type="future_mbo",
        symbol="SYNM6",
        symbol_root="SYN",
        tick_size=Decimal("0.25"),
        contract_multiplier=50.0,
    )


@pytest.fixture
def pipeline() -> PipelineSpec:
    capture = CaptureSpec(
        product_type="future_mbo", symbol="SYNM6", dt="2026-02-06", start_time="09:25", end_time="09:55"
    )
    return PipelineSpec(name="small", capture=capture)


@pytest.fixture
def serving() -> ServingSpec:
    return ServingSpec(name="scored", pipeline="small")


@pytest.fixture
def experiment() -> ExperimentSpec:
    return ExperimentSpec(name="tried", serving="scored")


@pytest.fixture
def config(instrument: InstrumentLock, pipeline: PipelineSpec, serving: ServingSpec) -> RuntimeConfig:
    return resolve(instrument, pipeline, serving)
