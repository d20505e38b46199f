"""What a signal is: what it reads, its parameters, and one step that takes the bin just closed."""

from __future__ import annotations

import functools
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, Protocol, TypeAlias

import msgspec
import numpy as np
from numpy.typing import NDArray

from vp_contract.yaml import convert_plain
from vp_harness.errors import SignalError
from vp_harness.signals.context import DEFAULT_CONTEXT, SignalContext
from vp_harness.signals.declared import DeclaredBin, GridBin, GridSource, Reads, SignalBin, SignalData
from vp_harness.signals.parameters import Parameter, describe, field_names

__all__ = [
    "AdaptiveThresholds",
    "FixedThresholds",
    "GridBin",
    "GridSource",
    "Kind",
    "Part",
    "RunningSignal",
    "Signal",
    "SignalBin",
    "SignalContext",
    "SignalData",
    "Stepper",
    "Thresholds",
]

Kind: TypeAlias = Literal["signed", "probability"]
"""`signed`: positive is bullish, negative bearish. `probability`: of up, in [0, 1]."""


class Stepper(Protocol):
    """A running signal. It has seen the bins it was given and nothing else.

    If its signal declares `detail`, it has a property `detail`: the parts by name, after a step. It may have a property
    `ready`: whether everything that goes into the value has the history it needs; and `refits`: how often it has
    trained itself anew.
    """

    def step(self, bin: SignalBin, /) -> float:
        """The value at the bin just closed."""
        ...


class Part(msgspec.Struct, frozen=True):
    """One number that a signal tells beside its value. The unit of a pure number is empty."""

    name: str
    unit: str
    meaning: str


@dataclass(frozen=True, slots=True)
class FixedThresholds:
    """Thresholds that are known beforehand, in units of the signal."""

    values: tuple[float, ...]

    def resolve(self, values: NDArray[np.float64], warmup_bins: int) -> tuple[tuple[float, ...], int]:  # noqa: ARG002
        """(the thresholds, the first bin they may be applied to). `values` are a signal's, float64 (n_bins,).

        >>> FixedThresholds((0.2, 0.5)).resolve(np.zeros(1000), 300)
        ((0.2, 0.5), 300)
        """
        return self.values, warmup_bins


@dataclass(frozen=True, slots=True)
class AdaptiveThresholds:
    """Quantiles of |signal| measured on the first `calibration_share` of the bins, which are not evaluated."""

    quantiles: tuple[float, ...]
    calibration_share: float = 0.1

    def resolve(self, values: NDArray[np.float64], warmup_bins: int) -> tuple[tuple[float, ...], int]:
        """(the thresholds that are positive, without repeats; the first bin after the calibration prefix).

        `values` are a signal's, float64 (n_bins,); those of the warm-up are left out where that leaves some.

        >>> AdaptiveThresholds((0.5, 0.9)).resolve(np.linspace(-1, 1, 10_001), 300)[1]
        1000
        """
        first = max(warmup_bins, int(len(values) * self.calibration_share))
        sample = np.abs(values[min(warmup_bins, first // 2) : first])
        sample = sample[np.isfinite(sample)]
        if not len(sample):
            return (), first
        measured = {float(q) for q in np.quantile(sample, self.quantiles)}
        return tuple(sorted(q for q in measured if q > 0)), first


Thresholds: TypeAlias = FixedThresholds | AdaptiveThresholds


class RunningSignal:
    """A stepper behind the declaration of its signal: it is handed what the signal declares and nothing else."""

    __slots__ = ("_parts", "_reads", "_stepper")

    def __init__(self, stepper: Stepper, reads: Reads, parts: tuple[str, ...]) -> None:
        self._stepper, self._reads, self._parts = stepper, reads, parts

    def step(self, bin: SignalBin, /) -> float:
        """The value at the bin just closed. Raises UndeclaredError, or SignalError for a bin that lacks something."""
        return float(self._stepper.step(DeclaredBin.of(bin, self._reads)))

    @property
    def detail(self) -> dict[str, float]:
        """The declared parts of the last value, by name. SignalError when the stepper tells others."""
        if not self._parts:
            return {}
        values: Mapping[str, float] = self._stepper.detail  # type: ignore[attr-defined]
        if tuple(values) != self._parts:
            raise SignalError(
                f"signal {self._reads.signal!r} declares the detail {', '.join(self._parts)}; its stepper tells "
                f"{', '.join(values) or 'nothing'}"
            )
        return dict(values)

    @property
    def ready(self) -> bool:
        """Whether all that goes into the value has the history it needs; True for a stepper that does not say."""
        return bool(getattr(self._stepper, "ready", True))

    @property
    def refits(self) -> int:
        """How often it has trained itself anew; 0 for a stepper that does not say."""
        return int(getattr(self._stepper, "refits", 0))


class Signal(ABC):
    """Base of every signal.

    A subclass names itself, its parameters, the columns and per-bin fields it reads and its thresholds, and makes
    steppers. `compute` runs a stepper over a dataset; a subclass that overrides it with something faster must give the
    same numbers. Whatever calls `start` and `compute`, the subclass is handed only what it declares: a `SignalData` in
    `compute`, a `SignalBin` in the `step` of its steppers.

    The parameters are a frozen msgspec.Struct or dataclass with a default for every field; `parameters.about` says
    unit, meaning and limits of a field.
    """

    name: ClassVar[str]
    params_type: ClassVar[type[Any]]
    required_columns: ClassVar[tuple[str, ...]] = ()
    required_fields: ClassVar[tuple[str, ...]] = ()
    thresholds: ClassVar[Thresholds]
    kind: ClassVar[Kind] = "signed"
    carries: ClassVar[bool] = False
    """Whether it can carry what it has learned from day to day: see `blocks.CarryingSignal`."""
    detail: ClassVar[tuple[Part, ...]] = ()
    """What its steppers tell beside the value."""
    context_params: ClassVar[tuple[str, ...]] = ()
    """Fields of the parameters that the grid decides, not the researcher."""
    param_notes: ClassVar[Mapping[str, tuple[str, str]]] = {}
    """(unit, meaning) of parameters whose type does not say them itself."""
    param_ranges: ClassVar[Mapping[str, tuple[float, float]]] = {}
    """(lowest, highest) of parameters whose type does not say them itself."""

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        for name, guard in (("start", _guarded_start), ("compute", _guarded_compute)):
            if name in cls.__dict__:
                setattr(cls, name, guard(cls.__dict__[name]))

    def __init__(self, params: Any = None) -> None:
        self.params = self.params_type() if params is None else params

    @abstractmethod
    def start(self, context: SignalContext = DEFAULT_CONTEXT) -> Stepper:
        """A new stepper that has seen nothing yet, for grids of the shape `context`."""

    def compute(self, dataset: GridSource) -> NDArray[np.float64]:
        """The value at every bin of a dataset, float64 (n_bins,), in units of the signal.

        values = signals.create("imbalance").compute(Dataset.open("lake", dataset_id))
        """
        data = SignalData.of(dataset, self.reads())
        stepper = self.start(data.context)
        return np.fromiter((stepper.step(bin) for bin in data.steps()), np.float64, data.n_bins)

    def run(self, context: SignalContext = DEFAULT_CONTEXT) -> RunningSignal:
        """What `start` makes, with its `detail` and whether it is `ready`."""
        running = self.start(context)
        if not isinstance(running, RunningSignal):
            raise SignalError(f"signal {self.name!r} has no `start` of its own")
        return running

    def unread_params(self) -> Mapping[str, str]:
        """Parameters that change no value while the others are as they are, each with the reason.

        A sweep over one of them is named before it runs. What is left out here is found by the values themselves.
        """
        return {}

    @property
    def trains_after_bins(self) -> int:
        """Bins it has seen when it trains for the first time; 0 for a signal that does not train."""
        return 0

    @classmethod
    def reads(cls) -> Reads:
        """What it declares."""
        return Reads(cls.name, tuple(cls.required_columns), tuple(cls.required_fields))

    @classmethod
    def param_names(cls) -> tuple[str, ...]:
        """Names a researcher may set or sweep."""
        return tuple(name for name in field_names(cls.params_type) if name not in cls.context_params)

    @classmethod
    def parameters(cls) -> list[Parameter]:
        """What a researcher may set: name, type, default, unit, meaning, limits."""
        return describe(cls.params_type, cls.param_names(), cls.param_notes, cls.param_ranges)

    @classmethod
    def with_params(cls, params: Mapping[str, object]) -> Signal:
        """The signal with some parameters set; SignalError names an unknown or unfit one and what is allowed."""
        allowed = cls.param_names()
        unknown = sorted(set(params) - set(allowed))
        if unknown:
            raise SignalError(f"signal {cls.name!r} has no parameter {unknown[0]!r}; it has: {', '.join(allowed)}")
        try:
            return cls(convert_plain(params, cls.params_type))
        except ValueError as error:
            raise SignalError(f"signal {cls.name!r}: {error}", parameters=cls._unfit(params)) from error

    @classmethod
    def _unfit(cls, params: Mapping[str, object]) -> list[str]:
        """The parameters that are refused each alone; where none is, all of them: only together they do not fit."""
        unfit = []
        for name, value in params.items():
            try:
                cls(convert_plain({name: value}, cls.params_type))
            except ValueError:
                unfit.append(name)
        return unfit or list(params)


def _guarded_start(start: Callable[..., Stepper]) -> Callable[..., Stepper]:
    @functools.wraps(start)
    def guarded(self: Signal, *context: SignalContext, **named: SignalContext) -> Stepper:
        stepper = start(self, *context, **named)
        if isinstance(stepper, RunningSignal):
            return stepper
        return RunningSignal(stepper, self.reads(), tuple(part.name for part in self.detail))

    return guarded


def _guarded_compute(compute: Callable[..., NDArray[np.float64]]) -> Callable[..., NDArray[np.float64]]:
    @functools.wraps(compute)
    def guarded(self: Signal, dataset: GridSource) -> NDArray[np.float64]:
        return compute(self, SignalData.of(dataset, self.reads()))

    return guarded
