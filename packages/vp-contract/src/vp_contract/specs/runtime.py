"""The resolved config: every value a run uses, flat, frozen and hashed."""

from __future__ import annotations

import hashlib
from typing import Annotated, Any, Final, Literal

import msgspec
from msgspec import Meta, field

from vp_contract._types import (
    ClockTime,
    ConfigVersion,
    Date,
    DecimalText,
    Name,
    OnDamage,
    OnShort,
    ParamValue,
    PositiveFloat,
    ProductType,
    PublisherId,
    Seconds,
    Symbol,
    SymbolRoot,
    Weight,
)
from vp_contract.errors import SpecError
from vp_contract.specs.decimals import price_int
from vp_contract.specs.defaults import RuntimeDefaults
from vp_contract.specs.instrument import check_prices
from vp_contract.specs.pipeline import DERIVATIVE_SIGNAL, check_capture, end_date
from vp_contract.yaml.reading import convert_plain

_SORTED: Final = msgspec.json.Encoder(order="sorted")
_STATE_MODEL: Final = "state_model_"
_NOT_IN_NUMBERS: Final = ("pipeline", "serving", "signal_name", "signal_params", "signal_weights")


class RuntimeConfig(RuntimeDefaults, frozen=True, kw_only=True):
    """Every resolved value of one run. Made by `resolve`; change one with `replace`, which checks again.

    The capture is [start_time, end_time) from New York date `dt` on; an end at or before the start is of the next day
    (`end_dt`). Prices are decimal text in the quote currency; `bucket_size_dollars` None means a cell is one tick.
    `serving` is None for a pipeline resolved alone. For the signal `derivative`, `signal_params` always holds all
    parameters of the derivative stage, equal to the `state_model_*` fields.
    """

    product_type: ProductType
    symbol: Symbol
    symbol_root: SymbolRoot
    tick_size: DecimalText
    bucket_size_dollars: DecimalText | None = None
    contract_multiplier: PositiveFloat = 1.0
    qty_unit: Literal["contracts", "shares"] = "contracts"
    price_decimals: Annotated[int, Meta(ge=0, le=9)] = 2

    dt: Date
    start_time: ClockTime
    end_time: ClockTime
    publisher: PublisherId | None = None
    on_damage: OnDamage = "refuse"
    on_short: OnShort = "refuse"
    max_silence_s: Seconds | None = None

    pipeline: Name
    serving: Name | None = None
    signal_name: Name = "derivative"
    signal_params: dict[str, ParamValue] = field(default_factory=dict)
    signal_weights: dict[str, Weight] = field(default_factory=dict)

    def __post_init__(self) -> None:
        super().__post_init__()
        check_prices(self.tick_size, self.bucket_size_dollars, self.price_decimals)
        check_capture(self.dt)
        if self.signal_name == DERIVATIVE_SIGNAL:
            self._check_stage_parameters()

    @property
    def tick_int(self) -> int:
        """Tick in 1e-9 of the quote currency."""
        return price_int(self.tick_size, field="tick_size")

    @property
    def cell_int(self) -> int:
        """Cell of the price grid in 1e-9 of the quote currency: the bucket, or the tick without one."""
        bucket = self.bucket_size_dollars
        return self.tick_int if bucket is None else price_int(bucket, field="bucket_size_dollars")

    @property
    def end_dt(self) -> str:
        """The New York date on which the capture ends: `dt`, or the next day for an end at or before the start."""
        return end_date(self.dt, self.start_time, self.end_time)

    @property
    def grid_rows(self) -> int:
        """Rows of the shown window: 2 * grid_radius_ticks + 1."""
        return 2 * self.grid_radius_ticks + 1

    @property
    def config_version(self) -> ConfigVersion:
        """The first 16 hex digits of the sha256 of `canonical_json()`."""
        return hashlib.sha256(self.canonical_json()).hexdigest()[:16]

    def canonical_json(self) -> bytes:
        """All fields as JSON, keys sorted, no spaces. Equal configs give equal bytes."""
        return _SORTED.encode(_normal(self))

    def numbers_json(self) -> bytes:
        """Canonical JSON of the fields that decide the numbers of a dataset.

        Instrument, capture (with the damage, shortness and silence it takes), grid, physics, spectrum and projections
        are in; names of specs, the signal and the derivative stage are not, for they change no column of a dataset.
        """
        fields = msgspec.to_builtins(_normal(self))
        kept = {
            name: value
            for name, value in fields.items()
            if name not in _NOT_IN_NUMBERS and not name.startswith(_STATE_MODEL)
        }
        return _SORTED.encode(kept)

    def state_model(self) -> dict[str, Any]:
        """Parameters of the derivative stage by their own names, without the prefix `state_model_`."""
        fields = msgspec.structs.asdict(self)
        return {
            name.removeprefix(_STATE_MODEL): value for name, value in fields.items() if name.startswith(_STATE_MODEL)
        }

    def replace(self, **changes: object) -> RuntimeConfig:
        """A copy with some fields changed, checked like a new one. Raises `SpecError`."""
        fields = msgspec.to_builtins(self)
        if changes.get("signal_name", self.signal_name) != self.signal_name:
            del fields["signal_params"], fields["signal_weights"]  # of the other signal
        elif self.signal_name == DERIVATIVE_SIGNAL:
            del fields["signal_params"]  # follow the state_model_* fields
        return convert_plain({**fields, **changes}, RuntimeConfig)

    def _check_stage_parameters(self) -> None:
        """The derivative stage's parameters are the state_model_* fields; `signal_params` only repeats them."""
        stage = self.state_model()
        if not self.signal_params:
            msgspec.structs.force_setattr(self, "signal_params", stage)
        elif self.signal_params != stage:
            names = sorted(n for n in {*stage, *self.signal_params} if stage.get(n) != self.signal_params.get(n))
            raise SpecError(
                f"parameters of the derivative stage are set through the {_STATE_MODEL}* fields, and differ from them "
                f"in {', '.join(names)}",
                field="signal_params",
            )


def _normal(config: RuntimeConfig) -> RuntimeConfig:
    """The same with each number in its field's type: 2 and 2.0 are one time constant and must hash alike."""
    return msgspec.convert(msgspec.to_builtins(config), RuntimeConfig)
