"""The experiment spec: what is swept, how it is evaluated and how it runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Literal

from msgspec import UNSET, Meta, Struct, UnsetType, field, structs

from vp_contract._types import Date, Name, NonNegativeFloat, NonNegativeInt, ParamValue, PositiveInt
from vp_contract.errors import SpecError, shown
from vp_contract.specs.pipeline import PipelineOverrides, ScoringSpec, check_dates
from vp_contract.yaml.reading import PathLike, convert_plain, load_yaml

FillModel = Literal["cross", "mid", "queue"]
"""How a trade is filled: at the other side's quote after the latency, at the mid, or passively, by the true queue."""

Axis = Annotated[tuple[ParamValue, ...], Meta(min_length=1, max_length=1000)]
"""Values of one sweep axis."""


class SplitSpec(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How the evaluated bins are split in time.

    The first `choose_fraction` of them chooses, the rest after an embargo confirms. `embargo_bins` None means
    `max_hold_bins`, the shortest embargo that lets no outcome of the first part reach into the second. With
    `choose_days` the first so many days choose and the others confirm; there is no embargo then, since no outcome
    reaches into another day.
    """

    choose_fraction: Annotated[float, Meta(ge=0.1, le=0.9)] = 0.6
    embargo_bins: NonNegativeInt | None = None
    choose_days: PositiveInt | UnsetType = UNSET

    def __post_init__(self) -> None:
        if self.choose_days is not UNSET and self.embargo_bins is not None:
            raise SpecError(
                "is of a split within days: leave it out, or choose_days",
                field="embargo_bins",
                related=("choose_days",),
            )


class EvalSpec(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How a signal is judged (spec of the evaluation, sections 1 to 4). Bins count from the first of the capture.

    Nothing fires in the first `warmup_bins` or within `cooldown_bins` of the last event. An outcome is `tp_ticks` for
    or `sl_ticks` against, else a timeout after `max_hold_bins`. The crossing fill model enters `latency_bins` after
    the event and pays `cost_ticks` a round trip. Rows with fewer than `min_signals` events are not ranked.
    `fill_model` names the fills whose net pnl is to be proven; `mid` pays `cost_ticks` there too. `queue` joins the
    touch after the latency, is filled by its place in the queue or not at all, and leaves as `cross` does. `cost_ticks`
    unset is what the instrument's `fee_per_side` amounts to: see `InstrumentLock.fee_ticks`. Of several
    days every one has its warm-up; `split` by_day has the first 60 % of them choose (rounded, at least one) and the
    others confirm.
    """

    warmup_bins: NonNegativeInt = 300
    tp_ticks: PositiveInt = 8
    sl_ticks: PositiveInt = 4
    max_hold_bins: PositiveInt = 1200
    cooldown_bins: NonNegativeInt = 20
    allow_overlap: bool = False
    latency_bins: NonNegativeInt = 1
    cost_ticks: NonNegativeFloat | UnsetType = UNSET
    min_signals: PositiveInt = 5
    fill_model: FillModel = "cross"
    split: SplitSpec | Literal["by_day"] = SplitSpec()

    def __post_init__(self) -> None:
        if self.latency_bins >= self.max_hold_bins:
            raise SpecError(
                f"must be less than max_hold_bins {self.max_hold_bins}",
                field="latency_bins",
                found=shown(self.latency_bins),
                related=("max_hold_bins",),
            )

    @property
    def paid_ticks(self) -> float:
        """What a round trip pays: `cost_ticks`, and nothing where it is unset and no instrument has been asked."""
        return 0.0 if self.cost_ticks is UNSET else self.cost_ticks

    @property
    def embargo_bins(self) -> int:
        """Bins between the choosing and the confirming part."""
        stated = self.split.embargo_bins if isinstance(self.split, SplitSpec) else None
        return self.max_hold_bins if stated is None else stated

    def choosing_days(self, days: int) -> int | None:
        """How many of so many days choose; None where the split is not one by days. May be too many of too few days."""
        if isinstance(self.split, SplitSpec):
            return None if self.split.choose_days is UNSET else self.split.choose_days
        return max(1, min(days - 1, round(days * SplitSpec().choose_fraction)))


class SweepSpec(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Axes of the sweep: name -> values. The sweep is their cartesian product.

    `scoring` axes are fields of a serving's `scoring`, `pipeline` axes fields of a pipeline's overrides, both checked
    here, value by value. `per_signal` maps a signal's name to axes over that signal's own parameters, over fields of
    `eval`, and `thresholds`, which replace the signal's own; whoever knows the signals checks these.
    """

    scoring: dict[str, Axis] = {}
    per_signal: dict[Name, dict[str, Axis]] = {}
    pipeline: dict[str, Axis] = {}

    def __post_init__(self) -> None:
        check_axes("scoring", self.scoring, ScoringSpec)
        check_axes("pipeline", self.pipeline, PipelineOverrides)
        for signal, axes in self.per_signal.items():
            for axis, values in axes.items():
                _check_distinct(f"per_signal.{signal}.{axis}", values)


class ParallelSpec(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where a sweep runs: threads here, processes here, or a Dask cluster at `address`."""

    executor: Literal["local", "processes", "dask"] = "local"
    workers: Annotated[int, Meta(ge=1, le=4096)] = 1
    address: str | None = None

    def __post_init__(self) -> None:
        if self.address is not None and self.executor != "dask":
            raise SpecError(
                f"is only for executor dask, which here is {self.executor}", field="address", related=("executor",)
            )


class TrackingSpec(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where runs are recorded besides the results store: to MLflow at `uri`, by default a directory of the lake."""

    backend: Literal["none", "mlflow"] = "none"
    uri: str | None = None

    def __post_init__(self) -> None:
        if self.uri is not None and self.backend == "none":
            raise SpecError(
                "is only for backend mlflow, which here is none: leave it out, or name the backend",
                field="uri",
                related=("backend",),
            )


class ExperimentSpec(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`configs/experiments/NAME.yaml`: a serving, the variants of it to try and how they are judged.

    `dates` replace those of the pipeline. Several are judged together. With `carry` the signals that learn keep what
    they have learned from day to day; without it they begin every day anew.
    """

    name: Name
    description: str = ""
    serving: Name
    dates: Annotated[tuple[Date, ...], Meta(max_length=4000)] = ()
    carry: bool = False
    eval: EvalSpec = EvalSpec()
    sweep: SweepSpec = field(default_factory=SweepSpec)
    parallel: ParallelSpec = ParallelSpec()
    tracking: TrackingSpec = TrackingSpec()

    def __post_init__(self) -> None:
        check_dates(self.dates)


def load_experiment(path: PathLike) -> ExperimentSpec:
    """Read an experiment spec. Raises `SpecError` with file, line and field."""
    return load_yaml(path, ExperimentSpec)


def check_axes(group: str, axes: Mapping[str, Sequence[object]], target: type[Struct]) -> None:
    """Raise `SpecError` unless every axis is a field of `target`, and every value one that the field takes, once."""
    allowed = [entry.name for entry in structs.fields(target)]
    for axis, values in axes.items():
        where = f"{group}.{axis}"
        if axis not in allowed:
            raise SpecError(f"unknown sweep axis; allowed: {', '.join(allowed)}", field=where)
        for position, value in enumerate(values):
            try:
                convert_plain({axis: value}, target)
            except SpecError as error:
                field = f"{where}[{position}]"
                raise SpecError(error.problem, field=field, found=error.found, related=error.related) from error
        _check_distinct(where, values)


def _check_distinct(where: str, values: Sequence[object]) -> None:
    for position, value in enumerate(values):
        if value in values[:position]:
            raise SpecError("must not come twice", field=f"{where}[{position}]", found=shown(value))
