"""Signals that advance by blocks of bins: a step is a block of one bin, a batch a block of all.

Both run the same code over arrays, so that they give the same bits.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, ClassVar, NamedTuple

import numpy as np
from numpy.typing import NDArray

from vp_harness.errors import SignalError
from vp_harness.signals.base import GridSource, Signal, SignalBin, Stepper
from vp_harness.signals.context import DEFAULT_CONTEXT, SignalContext
from vp_harness.signals.declared import SignalData
from vp_harness.signals.stages import Rows, Series


class Block:
    """Consecutive bins of the declared columns and fields."""

    __slots__ = ("_fields", "_rows", "n_bins")

    def __init__(self, n_bins: int, rows: Mapping[str, Rows], fields: Mapping[str, NDArray[np.int64]]) -> None:
        self.n_bins, self._rows, self._fields = n_bins, rows, fields

    def rows(self, column: str) -> Rows:
        """A column as read-only float64 (n_bins, 2 * radius + 1), whatever its own type."""
        return self._rows[column]

    def field(self, name: str) -> NDArray[np.int64]:
        """A per-bin field of whole numbers as int64 (n_bins,)."""
        return self._fields[name]

    def spot_of(self, cell_int: int) -> NDArray[np.int64]:
        """`spot_ref_price_int`. Raises SignalError when it is not on the grid whose cells are `cell_int` apart."""
        spot = self._fields["spot_ref_price_int"]
        off = spot % cell_int != 0
        if off.any():
            raise SignalError(
                f"spot_ref_price_int={spot[off][0]}: not a multiple of cell_int={cell_int}, the price step of a row; "
                "start the signal with the context of the dataset"
            )
        return spot


class Output(NamedTuple):
    """The values of a block, and the parts that its signal declares as `detail`, (n_bins,) each, in that order."""

    values: Series
    parts: tuple[Series, ...] = ()


class BlockRun(ABC):
    """The state of one running signal."""

    warm_bins: int = 1
    """Bins after which everything that goes into the value has the history it needs."""
    refits: int = 0
    """How often it has trained itself anew."""

    def ready(self, seen: int) -> bool:
        """Whether everything that goes into the value has the history it needs, after `seen` bins."""
        return seen >= self.warm_bins

    @abstractmethod
    def advance(self, block: Block) -> Output:
        """Take in the next bins."""


class BlockSignal(Signal):
    """A signal whose subclass says how it begins; steps and batches follow from that."""

    @abstractmethod
    def begin(self, context: SignalContext) -> BlockRun:
        """A run that has seen nothing yet."""

    def start(self, context: SignalContext = DEFAULT_CONTEXT) -> Stepper:
        """A stepper over blocks of one bin."""
        return _BlockStepper(self, self.begin(context), 2 * context.radius + 1)

    def compute(self, dataset: GridSource) -> Series:
        """The values of all bins as one block."""
        data = SignalData.of(dataset, self.reads())
        return self.begin(data.context).advance(self._block(data)).values

    def _block(self, data: SignalData) -> Block:
        """All bins of a dataset."""
        columns = {name: _kind(data.grid(name), np.float64) for name in self.required_columns}
        fields = {name: _kind(data.field(name), np.int64) for name in self.required_fields}
        return Block(data.n_bins, columns, fields)


class CarryingRun(BlockRun):
    """A run that can go on with another day."""

    @abstractmethod
    def next_day(self) -> None:
        """What comes next is another day: what was learned stays, and all else begins anew."""


class CarryingSignal(BlockSignal):
    """A signal that can carry what it has learned from day to day."""

    carries: ClassVar[bool] = True

    @abstractmethod
    def begin(self, context: SignalContext) -> CarryingRun:
        """A run that has seen nothing yet."""

    def compute_days(self, days: Iterable[GridSource]) -> Iterator[Series]:
        """The values of each of several days, which are in order of time and of one shape.

        The first day is what `compute` gives. Each later one begins with what was learned on those before it; whatever
        is averaged or scaled over bins begins anew.
        """
        run: CarryingRun | None = None
        for day in days:
            data = SignalData.of(day, self.reads())
            if run is None:
                run = self.begin(data.context)
            else:
                run.next_day()
            yield run.advance(self._block(data)).values


class _BlockStepper:
    def __init__(self, signal: BlockSignal, run: BlockRun, n_rows: int) -> None:
        self._run, self._n_rows = run, n_rows
        self._name, self._columns, self._fields = signal.name, signal.required_columns, signal.required_fields
        self._parts = tuple(part.name for part in signal.detail)
        self._seen = 0
        self._last = Output(np.zeros(1), (np.zeros(1),) * len(self._parts))

    def step(self, bin: SignalBin, /) -> float:
        columns = {name: _kind(bin.cells[name][np.newaxis], np.float64) for name in self._columns}
        for name, rows in columns.items():
            if rows.shape != (1, self._n_rows):
                raise SignalError(
                    f"signal {self._name!r}: column {name!r} of a bin has shape {rows.shape[1:]}, its context says "
                    f"({self._n_rows},): start it with the context of the dataset"
                )
        fields = {name: _kind(np.array([bin.fields[name]]), np.int64) for name in self._fields}
        self._last = self._run.advance(Block(1, columns, fields))
        self._seen += 1
        return float(self._last.values[0])

    @property
    def detail(self) -> dict[str, float]:
        return {name: float(part[0]) for name, part in zip(self._parts, self._last.parts, strict=True)}

    @property
    def ready(self) -> bool:
        return self._run.ready(self._seen)

    @property
    def refits(self) -> int:
        return self._run.refits


def _kind(array: NDArray[Any], dtype: type[np.generic]) -> NDArray[Any]:
    """The kernels are compiled for arrays of one kind: contiguous, read-only, of one dtype."""
    flags = array.flags
    if array.dtype == dtype and flags.c_contiguous and flags.aligned and not flags.writeable:
        return array
    same = np.ascontiguousarray(array, dtype).view()
    same.setflags(write=False)
    return same
