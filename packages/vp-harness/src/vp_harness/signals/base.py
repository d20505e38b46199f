"""What a signal is: parameters, the columns it reads, and one step that takes the bin just closed."""

from __future__ import annotations

import dataclasses
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Final, Literal, Protocol, TypeAlias

import msgspec
import numpy as np
from numpy.typing import NDArray

from vp_harness.errors import SignalError

Kind: TypeAlias = Literal["signed", "probability"]
"""`signed`: positive is bullish, negative bearish. `probability`: of up, in [0, 1]."""


class SignalBin(Protocol):
    """What a step reads of a closed bin: column name -> array of 2 * radius + 1 rows, row i is k = i - radius."""

    @property
    def cells(self) -> Mapping[str, NDArray[Any]]:
        """The columns."""
        ...


class Stepper(Protocol):
    """A running signal. It has seen the bins it was given and nothing else."""

    def step(self, bin: SignalBin, /) -> float:
        """The value at the bin just closed."""
        ...


class GridSource(Protocol):
    """What a batch run reads of a dataset."""

    @property
    def context(self) -> SignalContext:
        """The shape of the grid."""
        ...

    @property
    def n_bins(self) -> int:
        """Bins in the dataset."""
        ...

    def grid(self, column: str, /) -> NDArray[Any]:
        """One column, (n_bins, 2 * radius + 1)."""
        ...


@dataclass(frozen=True, slots=True)
class SignalContext:
    """The shape of the grid a signal runs on: `radius` rows to either side of spot, `cell_width_ms` a bin."""

    radius: int = 50
    cell_width_ms: int = 100

    @property
    def k_values(self) -> NDArray[np.int64]:
        """int64 (2 * radius + 1): rows above spot."""
        return np.arange(-self.radius, self.radius + 1, dtype=np.int64)

    @property
    def bin_seconds(self) -> float:
        """Length of a bin in seconds."""
        return self.cell_width_ms / 1000


DEFAULT_CONTEXT: Final = SignalContext()


@dataclass(frozen=True, slots=True)
class FixedThresholds:
    """Thresholds that are known beforehand, in units of the signal."""

    values: tuple[float, ...]

    def resolve(self, values: NDArray[np.float64], warmup_bins: int) -> tuple[tuple[float, ...], int]:  # noqa: ARG002
        """(the thresholds, the first bin they may be applied to)."""
        return self.values, warmup_bins


@dataclass(frozen=True, slots=True)
class AdaptiveThresholds:
    """Quantiles of |signal| measured on the first `calibration_share` of the bins, which are not evaluated."""

    quantiles: tuple[float, ...]
    calibration_share: float = 0.1

    def resolve(self, values: NDArray[np.float64], warmup_bins: int) -> tuple[tuple[float, ...], int]:
        """(the thresholds that are positive, without repeats; the first bin after the calibration prefix)."""
        first = max(warmup_bins, int(len(values) * self.calibration_share))
        sample = np.abs(values[min(warmup_bins, first // 2) : first])
        sample = sample[np.isfinite(sample)]
        if not len(sample):
            return (), first
        measured = {float(q) for q in np.quantile(sample, self.quantiles)}
        return tuple(sorted(q for q in measured if q > 0)), first


Thresholds: TypeAlias = FixedThresholds | AdaptiveThresholds


@dataclass(frozen=True, slots=True)
class GridBin:
    """One bin of arrays that are at hand."""

    cells: Mapping[str, NDArray[Any]]


class Signal(ABC):
    """Base of every signal.

    A subclass names itself, its parameters (a frozen msgspec.Struct or dataclass with a default for every field), the
    grid columns it reads and its thresholds, and makes steppers. `compute` runs a stepper over a dataset; a subclass
    that overrides it with something faster must give the same numbers.
    """

    name: ClassVar[str]
    params_type: ClassVar[type[Any]]
    required_columns: ClassVar[tuple[str, ...]]
    thresholds: ClassVar[Thresholds]
    kind: ClassVar[Kind] = "signed"
    context_params: ClassVar[tuple[str, ...]] = ()
    """Fields of the parameters that the grid decides, not the researcher."""

    def __init__(self, params: Any = None) -> None:
        self.params = self.params_type() if params is None else params

    @abstractmethod
    def start(self, context: SignalContext = DEFAULT_CONTEXT) -> Stepper:
        """A new stepper that has seen nothing yet, for grids of the shape `context`."""

    def compute(self, dataset: GridSource) -> NDArray[np.float64]:
        """The value at every bin of a dataset, float64 (n_bins,)."""
        stepper = self.start(dataset.context)
        grids = {column: dataset.grid(column) for column in self.required_columns}
        values = np.empty(dataset.n_bins, np.float64)
        for t in range(dataset.n_bins):
            values[t] = stepper.step(GridBin({column: grid[t] for column, grid in grids.items()}))
        return values

    @classmethod
    def param_names(cls) -> tuple[str, ...]:
        """Names a researcher may set or sweep."""
        if dataclasses.is_dataclass(cls.params_type):
            names: Iterable[str] = (field.name for field in dataclasses.fields(cls.params_type))
        else:
            names = cls.params_type.__struct_fields__
        return tuple(name for name in names if name not in cls.context_params)

    @classmethod
    def with_params(cls, params: Mapping[str, object]) -> Signal:
        """The signal with some parameters set; SignalError names an unknown or unfit one and what is allowed."""
        allowed = cls.param_names()
        unknown = sorted(set(params) - set(allowed))
        if unknown:
            raise SignalError(f"signal {cls.name!r} has no parameter {unknown[0]!r}; it has: {', '.join(allowed)}")
        try:
            return cls(msgspec.convert(dict(params), cls.params_type))
        except (msgspec.ValidationError, ValueError) as error:
            raise SignalError(f"signal {cls.name!r}: {error}") from error
