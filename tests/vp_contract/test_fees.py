"""The fee of an instrument: what it amounts to, what is refused, and that it decides nothing but costs."""

from decimal import Decimal
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vp_contract import EvalSpec, InstrumentLock, PipelineSpec, SpecError, load_instrument, resolve
from vp_contract.specs import config_origins

ES = """
product_type: future_mbo
symbol: ESM6
symbol_root: ES
tick_size: 0.25
contract_multiplier: 50
"""
SHARES = """
product_type: equity_mbo
symbol: AAPL
symbol_root: AAPL
tick_size: 0.01
qty_unit: shares
"""


def lock_of(tmp_path: Path, text: str) -> InstrumentLock:
    file = tmp_path / "instrument.yaml"
    file.write_text(text, encoding="utf-8")
    return load_instrument(file)


@pytest.mark.parametrize(
    ("text", "fee", "ticks"),
    [
        (ES, "1.25", 0.2),  # a round trip is 2.50 USD, a tick is 12.50 USD
        (ES, "0", 0.0),
        (SHARES, "0.0035", 0.7),  # 0.7 cents a share, a tick is a cent
        (ES.replace("50", "5"), "0.62", 0.992),
    ],
)
def test_a_round_trip_in_ticks_by_hand(tmp_path: Path, text: str, fee: str, ticks: float) -> None:
    assert lock_of(tmp_path, f"{text}fee_per_side: {fee}\n").fee_ticks == ticks


def test_without_a_fee_nothing_is_paid(tmp_path: Path) -> None:
    lock = lock_of(tmp_path, ES)
    assert (lock.fee_per_side, lock.fee_ticks) == (Decimal(0), 0.0)
    assert EvalSpec().cost_ticks is msgspec.UNSET
    assert EvalSpec().paid_ticks == 0.0
    assert EvalSpec(cost_ticks=0.4).paid_ticks == 0.4


@given(
    fee=st.decimals(0, 100, places=4),
    tick=st.sampled_from([Decimal("0.25"), Decimal("0.01"), Decimal("0.00005")]),
    multiplier=st.sampled_from([1.0, 2.0, 50.0, 125_000.0]),
)
def test_a_round_trip_of_so_many_ticks_is_worth_twice_the_fee(fee: Decimal, tick: Decimal, multiplier: float) -> None:
    decimals = -int(tick.as_tuple().exponent)
    lock = InstrumentLock(
        product_type="future_mbo",
        symbol="X",
        symbol_root="X",
        tick_size=tick,
        contract_multiplier=multiplier,
        price_decimals=decimals,
        fee_per_side=fee if multiplier * float(tick) > 0.01 else fee / 1000,
    )
    assert lock.fee_ticks * float(tick) * multiplier == pytest.approx(2 * float(lock.fee_per_side), abs=1e-12)


@pytest.mark.parametrize(
    ("fee", "says"),
    [
        ("-0.01", r"fee_per_side=-0\.01: must be an amount from 0 to 1,000,000"),
        (".nan", "fee_per_side=nan: must be"),
        ("cheap", "fee_per_side='cheap': must be a decimal number"),
    ],
)
def test_what_is_no_fee(tmp_path: Path, fee: str, says: str) -> None:
    with pytest.raises(SpecError, match=says):
        lock_of(tmp_path, f"{ES}fee_per_side: {fee}\n")


def test_a_fee_that_no_tick_is_worth(tmp_path: Path) -> None:
    text = ES.replace("contract_multiplier: 50", "contract_multiplier: 0.01")
    with pytest.raises(SpecError, match=r"fee_per_side=9000: is 7\.2e\+06 ticks a round trip; must be at most"):
        lock_of(tmp_path, f"{text}fee_per_side: 9000\n")


def test_a_fee_decides_no_number_of_a_dataset(instrument: InstrumentLock, pipeline: PipelineSpec) -> None:
    dear = msgspec.structs.replace(instrument, fee_per_side=Decimal("1.25"))
    assert resolve(dear, pipeline) == resolve(instrument, pipeline)
    assert resolve(dear, pipeline).config_version == resolve(instrument, pipeline).config_version


def test_where_a_cost_is_from(tmp_path: Path) -> None:
    for name, text in {
        "instrument.yaml": f"{ES}fee_per_side: 1.25\n",
        "pipelines/p.yaml": "name: p\ncapture: {product_type: future_mbo, symbol: ESM6, dt: 2026-02-06, "
        'start_time: "09:25", end_time: "09:55"}\npipeline: {}\n',
        "serving/p.yaml": "name: p\npipeline: p\nscoring: {}\nsignal: {name: derivative}\n",
        "experiments/silent.yaml": "name: silent\nserving: p\n",
        "experiments/says.yaml": "name: says\nserving: p\neval: {cost_ticks: 0.4}\n",
    }.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text, encoding="utf-8")

    def cost(name: str) -> tuple[object, str, int | None]:
        found = {origin.field: origin for origin in config_origins(tmp_path, experiment=name)}
        assert "fee_per_side" not in found
        return found["eval.cost_ticks"].value, found["eval.cost_ticks"].layer, found["eval.cost_ticks"].line

    assert cost("silent") == (0.2, "instrument", 7)
    assert cost("says") == (0.4, "experiment", 3)
    (tmp_path / "instrument.yaml").write_text(ES, encoding="utf-8")
    assert cost("silent") == (0.0, "default", None)
