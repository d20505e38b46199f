"""The runtime fields that have a default, shared by the instrument lock and the resolved config."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from msgspec import UNSET, Struct, UnsetType

from vp_contract._types import (
    AbsoluteTicks,
    CellWidthMs,
    DerivativeWeights,
    GridRadius,
    Horizons,
    LargeSize,
    NonNegativeFloat,
    NonNegativeInt,
    PositiveInt,
    Power,
    Scale,
    Seconds,
    Share,
    Weight,
    Windows,
    WindowWeights,
    ZscoreWindow,
)
from vp_contract.errors import SpecError, shown

GUARD_CELLS: Final = 256
"""Cells beyond the shown window at which the tick range recenters (book-physics, section 5)."""


class RuntimeDefaults(Struct, frozen=True, kw_only=True):
    """Grid, physics, spectrum, projection and derivative-stage parameters.

    Time constants (`tau_*`) are in seconds, windows and periods in bins, horizons in milliseconds. `c1`..`c7` are the
    force coefficients of pressure (1-3) and vacuum (4-7). `flow_*` parametrise the cell spectrum, `projection_*` its
    projections and `state_model_*` the derivative stage. `large_size`, in contracts or shares, is from which size on a
    trade or an order is a mark; unset it is what `vp_book` takes for large, and no part of any hash.

    Checks here are those between fields that are merged together; each is an error only once everything is merged, so
    partial overrides do not inherit them.
    """

    grid_radius_ticks: GridRadius = 50
    cell_width_ms: CellWidthMs = 100
    n_absolute_ticks: AbsoluteTicks = 8192
    large_size: LargeSize | UnsetType = UNSET

    tau_velocity: Seconds = 2.0
    tau_acceleration: Seconds = 5.0
    tau_jerk: Seconds = 10.0
    tau_rest_decay: Seconds = 30.0
    c1_v_add: NonNegativeFloat = 1.0
    c2_v_rest_pos: NonNegativeFloat = 0.5
    c3_a_add: NonNegativeFloat = 0.3
    c4_v_pull: NonNegativeFloat = 1.0
    c5_v_fill: NonNegativeFloat = 1.5
    c6_v_rest_neg: NonNegativeFloat = 0.5
    c7_a_pull: NonNegativeFloat = 0.3

    flow_windows: Windows = (5, 10, 20, 40)
    flow_rollup_weights: WindowWeights = (1.0, 1.0, 1.0, 1.0)
    flow_derivative_weights: DerivativeWeights = (0.55, 0.30, 0.15)
    flow_tanh_scale: Scale = 3.0
    flow_neutral_threshold: Share = 0.15
    flow_zscore_window_bins: ZscoreWindow = 300
    flow_zscore_min_periods: PositiveInt = 75

    projection_horizons_ms: Horizons = (500, 1000, 2000, 5000)
    projection_use_cubic: bool = False
    projection_cubic_scale: NonNegativeFloat = 1.0 / 6.0
    projection_damping_lambda: NonNegativeFloat = 0.0

    state_model_center_exclusion_radius: NonNegativeInt = 0
    state_model_spatial_decay_power: Power = 0.0
    state_model_zscore_window_bins: ZscoreWindow = 240
    state_model_zscore_min_periods: PositiveInt = 60
    state_model_tanh_scale: Scale = 3.0
    state_model_d1_weight: Weight = 1.0
    state_model_d2_weight: Weight = 0.0
    state_model_d3_weight: Weight = 0.0
    state_model_bull_pressure_weight: Weight = 1.0
    state_model_bull_vacuum_weight: Weight = 1.0
    state_model_bear_pressure_weight: Weight = 1.0
    state_model_bear_vacuum_weight: Weight = 1.0
    state_model_mixed_weight: Weight = 0.0

    def __post_init__(self) -> None:
        self._check_grid()
        self._check_physics()
        self._check_flow()
        self._check_projection()
        self._check_state_model()

    def _check_grid(self) -> None:
        smallest = 2 * (self.grid_radius_ticks + GUARD_CELLS) + 2  # what BookEngine requires
        if self.n_absolute_ticks < smallest:
            raise SpecError(
                f"must be at least {smallest} (twice grid_radius_ticks {self.grid_radius_ticks} plus the recenter "
                f"guard of {GUARD_CELLS} each side)",
                field="n_absolute_ticks",
                found=shown(self.n_absolute_ticks),
                related=("grid_radius_ticks",),
            )

    def _check_physics(self) -> None:
        if not self.tau_velocity < self.tau_acceleration < self.tau_jerk:
            first = "tau_velocity" if self.tau_velocity >= self.tau_acceleration else "tau_acceleration"
            raise SpecError(
                "tau_velocity < tau_acceleration < tau_jerk must hold, they are "
                f"{self.tau_velocity}, {self.tau_acceleration}, {self.tau_jerk}",
                field=first,
                found=shown(getattr(self, first)),
                related=("tau_velocity", "tau_acceleration", "tau_jerk"),
            )

    def _check_flow(self) -> None:
        _check_rising("flow_windows", self.flow_windows)
        if len(self.flow_rollup_weights) != len(self.flow_windows):
            windows, weights = len(self.flow_windows), len(self.flow_rollup_weights)
            raise SpecError(
                f"must have one weight for each of the {windows} flow_windows, has {weights}",
                field="flow_rollup_weights",
                found=shown(self.flow_rollup_weights),
                related=("flow_windows",),
            )
        _check_some_weight("flow_rollup_weights", self.flow_rollup_weights)
        _check_some_weight("flow_derivative_weights", self.flow_derivative_weights)
        _check_periods("flow_zscore", self.flow_zscore_min_periods, self.flow_zscore_window_bins)

    def _check_projection(self) -> None:
        _check_rising("projection_horizons_ms", self.projection_horizons_ms)
        for position, horizon in enumerate(self.projection_horizons_ms):
            if horizon % self.cell_width_ms:
                raise SpecError(
                    f"must be a multiple of cell_width_ms {self.cell_width_ms}",
                    field=f"projection_horizons_ms[{position}]",
                    found=shown(horizon),
                    related=("cell_width_ms",),
                )

    def _check_state_model(self) -> None:
        _check_periods(
            "state_model_zscore",
            self.state_model_zscore_min_periods,
            self.state_model_zscore_window_bins,
        )
        _check_some_weight(
            "state_model_d1_weight",
            (self.state_model_d1_weight, self.state_model_d2_weight, self.state_model_d3_weight),
        )
        if self.state_model_center_exclusion_radius >= self.grid_radius_ticks:
            raise SpecError(
                f"must be less than grid_radius_ticks {self.grid_radius_ticks}, which it would exclude whole",
                field="state_model_center_exclusion_radius",
                found=shown(self.state_model_center_exclusion_radius),
                related=("grid_radius_ticks",),
            )


def _check_rising(field: str, values: Sequence[int]) -> None:
    for position in range(1, len(values)):
        if values[position] <= values[position - 1]:
            raise SpecError(
                f"must be above the value before it, {values[position - 1]}",
                field=f"{field}[{position}]",
                found=shown(values[position]),
            )


def _check_some_weight(field: str, weights: Sequence[float]) -> None:
    if not sum(weights) > 0.0:
        raise SpecError("at least one weight must be above 0", field=field)


def _check_periods(name: str, min_periods: int, window: int) -> None:
    """`name` is what the names of both fields begin with."""
    if min_periods > window:
        raise SpecError(
            f"must be at most the window of {window} bins",
            field=f"{name}_min_periods",
            found=shown(min_periods),
            related=(f"{name}_window_bins",),
        )
