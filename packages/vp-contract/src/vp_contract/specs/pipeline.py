"""The specs people write: what to replay (pipeline) and how to score it (serving)."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Final

from msgspec import UNSET, Struct, UnsetType

from vp_contract._types import (
    AbsoluteTicks,
    CellWidthMs,
    ClockTime,
    Date,
    Dates,
    DerivativeWeights,
    GridRadius,
    Horizons,
    LargeSize,
    Name,
    NonNegativeFloat,
    OnDamage,
    OnShort,
    ParamValue,
    PositiveInt,
    ProductType,
    PublisherId,
    Scale,
    Seconds,
    Share,
    Symbol,
    Weight,
    Windows,
    WindowWeights,
    ZscoreWindow,
)
from vp_contract.errors import SpecError, shown
from vp_contract.yaml.reading import PathLike, load_yaml

DERIVATIVE_SIGNAL: Final = "derivative"


class CaptureSpec(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which part of which day of which instrument, and what its files must be.

    The part is [start_time, end_time) of New York date `dt`, times as HH:MM; an `end_time` at or before `start_time` is
    of the next day. `dates` in the place of `dt` names several days, each of which is a dataset of its own; they may be
    written in any order. `publisher` (its id) is needed when a file has records of several. With `on_damage`
    until_damage a damaged file is taken up to its damage, with `on_short` end_early a capture that goes on after the
    data ends is cut there; both are refused otherwise. Bins more than `max_silence_s` seconds after the last record of
    the instrument are invalid; without it no silence is too long.
    """

    product_type: ProductType
    symbol: Symbol
    dt: Date | UnsetType = UNSET
    dates: Dates | UnsetType = UNSET
    start_time: ClockTime
    end_time: ClockTime
    publisher: PublisherId | None = None
    on_damage: OnDamage = "refuse"
    on_short: OnShort = "refuse"
    max_silence_s: Seconds | None = None

    def __post_init__(self) -> None:
        if self.dates is not UNSET:
            if self.dt is not UNSET:
                raise SpecError("stands beside dt, a single day: write one of the two", field="dates", related=("dt",))
            check_dates(self.dates)
        elif self.dt is UNSET:
            raise SpecError("is required and missing; dates names several days", field="dt")
        else:
            check_capture(self.dt)

    @property
    def days(self) -> tuple[str, ...]:
        """The New York dates on which a capture begins, ascending: one for `dt`, or those of `dates`."""
        if self.dates is not UNSET:
            return tuple(sorted(self.dates))
        return () if self.dt is UNSET else (self.dt,)


def check_capture(date: str, field: str = "dt") -> None:
    """Raise `SpecError` unless `date` is a day of the calendar that has a day after it."""
    try:
        dt.date.fromisoformat(date) + dt.timedelta(days=1)
    except (ValueError, OverflowError):
        raise SpecError("must be a day of the calendar as YYYY-MM-DD", field=field, found=shown(date)) from None


def check_dates(dates: Sequence[str]) -> None:
    """Raise `SpecError` unless each of `dates`, a field of that name, is a day of the calendar, and there once."""
    for position, date in enumerate(dates):
        check_capture(date, f"dates[{position}]")
        if date in dates[:position]:
            raise SpecError("must not come twice", field=f"dates[{position}]", found=shown(date))


def end_date(date: str, start_time: str, end_time: str) -> str:
    """The New York date of a capture's end: `date`, or the next day when the end is at or before the start."""
    if start_time < end_time:
        return date
    return (dt.date.fromisoformat(date) + dt.timedelta(days=1)).isoformat()


class PipelineOverrides(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Physics, grid and flow window fields of the instrument file that a pipeline may replace."""

    grid_radius_ticks: GridRadius | UnsetType = UNSET
    cell_width_ms: CellWidthMs | UnsetType = UNSET
    n_absolute_ticks: AbsoluteTicks | UnsetType = UNSET
    large_size: LargeSize | UnsetType = UNSET
    tau_velocity: Seconds | UnsetType = UNSET
    tau_acceleration: Seconds | UnsetType = UNSET
    tau_jerk: Seconds | UnsetType = UNSET
    tau_rest_decay: Seconds | UnsetType = UNSET
    c1_v_add: NonNegativeFloat | UnsetType = UNSET
    c2_v_rest_pos: NonNegativeFloat | UnsetType = UNSET
    c3_a_add: NonNegativeFloat | UnsetType = UNSET
    c4_v_pull: NonNegativeFloat | UnsetType = UNSET
    c5_v_fill: NonNegativeFloat | UnsetType = UNSET
    c6_v_rest_neg: NonNegativeFloat | UnsetType = UNSET
    c7_a_pull: NonNegativeFloat | UnsetType = UNSET
    flow_windows: Windows | UnsetType = UNSET
    flow_rollup_weights: WindowWeights | UnsetType = UNSET


class PipelineSpec(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`configs/pipelines/NAME.yaml`: a capture and the physics it is replayed with."""

    name: Name
    description: str = ""
    capture: CaptureSpec
    pipeline: PipelineOverrides = PipelineOverrides()


class ScoringSpec(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Parameters of the cell spectrum's score. Windows and periods in bins."""

    zscore_window_bins: ZscoreWindow | UnsetType = UNSET
    zscore_min_periods: PositiveInt | UnsetType = UNSET
    derivative_weights: DerivativeWeights | UnsetType = UNSET
    tanh_scale: Scale | UnsetType = UNSET
    threshold_neutral: Share | UnsetType = UNSET


class SignalSpec(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which signal, with what parameters. Names of parameters and weights are the signal's own.

    For `derivative` the parameters are those of the derivative stage (`zscore_window_bins`, `tanh_scale`, …) and the
    weights are named without their `_weight` (`d1`, `bull_vacuum`, `mixed`, …).
    """

    name: Name = DERIVATIVE_SIGNAL
    params: dict[str, ParamValue] = {}
    weights: dict[str, Weight] = {}


class ProjectionSpec(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How the score is projected: horizons in milliseconds (multiples of the cell width), damping per second."""

    horizons_ms: Horizons | UnsetType = UNSET
    use_cubic: bool | UnsetType = UNSET
    cubic_scale: NonNegativeFloat | UnsetType = UNSET
    damping_lambda: NonNegativeFloat | UnsetType = UNSET


class ServingSpec(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`configs/serving/NAME.yaml`: a pipeline and how its cells are scored, projected and turned into a signal."""

    name: Name
    description: str = ""
    pipeline: Name
    scoring: ScoringSpec = ScoringSpec()
    signal: SignalSpec = SignalSpec()
    projection: ProjectionSpec = ProjectionSpec()


def load_pipeline(path: PathLike) -> PipelineSpec:
    """Read a pipeline spec. Raises `SpecError` with file, line and field."""
    return load_yaml(path, PipelineSpec)


def load_serving(path: PathLike) -> ServingSpec:
    """Read a serving spec. Raises `SpecError` with file, line and field."""
    return load_yaml(path, ServingSpec)
