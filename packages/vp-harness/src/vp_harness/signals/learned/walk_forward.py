"""Training as the bins go by: at a bin a model may know only bins whose outcome is known there.

At the declared bins the model is made anew of the last `train_bins` bins whose outcome lies `embargo_bins` or more
back. Between two trainings it stays. What scales or selects features is measured on the bins it trains on.

A run may go on with another day (`next_day`): the model, the schedule and the bins to train on stay, features and
prices begin anew. An outcome is one of its own day: a bin whose day ended before it was known is never trained on.
"""

from __future__ import annotations

import copy
import importlib
import importlib.util
from abc import abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Protocol

import msgspec
import numpy as np
from numpy.typing import NDArray

from vp_harness.errors import SignalError
from vp_harness.signals.base import Part
from vp_harness.signals.blocks import Block, CarryingRun, CarryingSignal, Output
from vp_harness.signals.context import SignalContext
from vp_harness.signals.learned import _kernels
from vp_harness.signals.learned.features import Features, Prices
from vp_harness.signals.parameters import about
from vp_harness.signals.stages import Rows, Series

_FEWEST_OF_A_CLASS = 10

TrainFrom = Annotated[int, about("bins", "bins seen when it trains for the first time", ge=2, le=10_000_000)]
Refit = Annotated[int, about("bins", "bins from one training to the next", ge=1, le=10_000_000)]


class WalkForwardParams(msgspec.Struct, frozen=True):
    """When a learned signal trains, on what, and what it is to foresee."""

    train_from_bins: TrainFrom = 1200
    refit_bins: Refit = 300
    train_bins: Annotated[int, about("bins", "latest bins that it trains on", ge=2, le=1_000_000)] = 12_000
    tp_ticks: Annotated[int, about("ticks", "the mid went somewhere once it moved so far", ge=1, le=10_000)] = 4
    sl_ticks: Annotated[int, about("ticks", "unless it moved so far the other way before", ge=1, le=10_000)] = 4
    max_hold_bins: Annotated[int, about("bins", "within so many bins", ge=1, le=100_000)] = 300
    embargo_bins: Annotated[int, about("bins", "an outcome counts as known so much later", ge=0, le=100_000)] = 0
    seed: Annotated[int, about("number", "seed of whatever the training draws", ge=0, le=2**31 - 1)] = 0


@dataclass(frozen=True, slots=True)
class Sample:
    """What may be trained on: rows in order of time, labels 1, 0, -1, and bins from the start of the run.

    The outcome of row i happened at bin `known_at[i]`, the row itself at `bins[i]`; `now` is the bin of the training.
    """

    rows: Rows
    labels: NDArray[np.int8]
    bins: NDArray[np.int64]
    known_at: NDArray[np.int64]
    now: int

    def where(self, kept: NDArray[np.bool_]) -> Sample:
        """Some of the rows."""
        return Sample(self.rows[kept], self.labels[kept], self.bins[kept], self.known_at[kept], self.now)

    def then(self, later: Sample) -> Sample:
        """These rows and after them those of `later`, which says when it is."""
        return Sample(
            np.concatenate([self.rows, later.rows]),
            np.concatenate([self.labels, later.labels]),
            np.concatenate([self.bins, later.bins]),
            np.concatenate([self.known_at, later.known_at]),
            later.now,
        )

    @property
    def moved(self) -> Sample:
        """The rows after which the mid went somewhere."""
        return self.where(self.labels != 0)

    @property
    def both_ways(self) -> bool:
        """Whether there are enough rows of either direction."""
        return all(int(np.count_nonzero(self.labels == way)) >= _FEWEST_OF_A_CLASS for way in (1, -1))


class Model(Protocol):
    """What a training makes."""

    def values(self, rows: Rows) -> Series:
        """The value of each row, whichever others are asked for with it."""
        ...


class Trainer(Protocol):
    """Makes models. It belongs to one run and may remember its last one."""

    def __call__(self, sample: Sample) -> Model | None:
        """A model, or None when the sample is too little to make one; the last model stays then."""
        ...


class Scaler:
    """Centre and scale of the features of some rows; a feature that does not vary there counts 0."""

    def __init__(self, rows: Rows) -> None:
        self._center = rows.mean(axis=0)
        deviation = rows.std(axis=0)
        self._scale = np.where(deviation > 1e-12 * np.maximum(1.0, np.abs(self._center)), deviation, np.inf)

    def __call__(self, rows: Rows) -> Rows:
        """Rows in units of what it was made of."""
        out = np.empty(rows.shape)
        _kernels.standardise(rows, self._center, self._scale, out)
        return out


class LinearModel:
    """weights . scaled features + intercept."""

    def __init__(self, scaler: Scaler, weights: Series, intercept: float) -> None:
        self._scaler, self._weights, self._intercept = scaler, np.array(weights, np.float64), float(intercept)

    def values(self, rows: Rows) -> Series:
        """The margins."""
        out = np.empty(len(rows))
        _kernels.margins(self._scaler(rows), self._weights, self._intercept, out)
        return out


class Schedule:
    """When to train: after `first` bins, and every `again` bins from then on."""

    def __init__(self, first: int, again: int) -> None:
        self._next, self._again = first, again
        self.seen = 0

    def spans(self, n_bins: int) -> Iterator[tuple[int, int, bool]]:
        """The next bins in spans (start, end, whether to train once the last bin of the span is in)."""
        at = 0
        while at < n_bins:
            end = min(n_bins, at + self._next - self.seen)
            self.seen += end - at
            trains = self.seen == self._next
            if trains:
                self._next += self._again
            yield at, end, trains
            at = end


class History:
    """The last rows and mids, as many as `length`, and of the days before what is known of theirs."""

    def __init__(self, length: int, n_features: int) -> None:
        self._length = length
        self._rows = np.empty((0, n_features))
        self._twice_mid = np.empty(0, np.int64)
        self._used = 0
        self._earlier: Sample | None = None
        self.end = 0

    def next_day(self, profit: int, stop: int, max_hold: int) -> None:
        """Keep the bins of the day whose outcome is known, and begin another; the arguments are those of `sample`."""
        self._earlier = self.sample(profit, stop, max_hold, 0)
        self._used = 0

    def append(self, rows: Rows, twice_mid: NDArray[np.int64]) -> None:
        """Take in the next bins."""
        if self._used + len(rows) > len(self._rows):
            # grow up to twice the length, then move the last ones to the front
            kept = min(self._used, self._length)
            room = max(min(2 * (kept + len(rows)), 2 * self._length), kept + len(rows))
            old_rows, old_mids = (array[self._used - kept : self._used] for array in (self._rows, self._twice_mid))
            self._rows, self._twice_mid = np.empty((room, rows.shape[1])), np.empty(room, np.int64)
            self._rows[:kept], self._twice_mid[:kept] = old_rows, old_mids
            self._used = kept
        self._rows[self._used : self._used + len(rows)] = rows
        self._twice_mid[self._used : self._used + len(rows)] = twice_mid
        self._used += len(rows)
        self.end += len(rows)

    def sample(self, profit: int, stop: int, max_hold: int, embargo: int) -> Sample:
        """The bins whose outcome is known, since `embargo` bins or longer; `profit` and `stop` are of twice the mid."""
        kept = min(self._used, self._length)
        rows, mids = self._rows[self._used - kept : self._used], self._twice_mid[self._used - kept : self._used]
        labels, known_at = np.empty(kept, np.int8), np.empty(kept, np.int64)
        _kernels.outcomes(mids, profit, stop, max_hold, labels, known_at)
        known = (known_at >= 0) & (known_at <= kept - 1 - embargo)
        first = self.end - kept
        bins = np.arange(kept, dtype=np.int64)
        found = Sample(rows[known], labels[known], first + bins[known], first + known_at[known], self.end - 1)
        if self._earlier is None:
            return found
        earlier = self._earlier
        kept_of_it = (earlier.bins >= self.end - self._length) & (earlier.known_at <= self.end - 1 - embargo)
        return earlier.where(kept_of_it).then(found)


class WalkForwardRun(CarryingRun):
    """Features, history and the model of one running signal."""

    def __init__(
        self, params: WalkForwardParams, context: SignalContext, features: Features, trainer: Trainer, neutral: float
    ) -> None:
        tick = context.tick_int or context.cell_int
        self._tick = tick
        self._mid_state = np.zeros(3, np.int64)
        self._barriers = (2 * tick * params.tp_ticks, 2 * tick * params.sl_ticks, params.max_hold_bins)
        self._embargo = params.embargo_bins
        self._features, self._trainer, self._neutral = features, trainer, neutral
        self._unused = copy.deepcopy(features)
        self._history = History(params.train_bins, len(features.names))
        self._schedule = Schedule(params.train_from_bins, params.refit_bins)
        self._model: Model | None = None
        self._made_at = self._trained_on = 0
        self.refits = 0

    def ready(self, seen: int) -> bool:  # noqa: ARG002
        """Whether it has a model."""
        return self._model is not None

    def next_day(self) -> None:
        """Go on with another day: see the head of this module."""
        self._history.next_day(*self._barriers)
        self._features = copy.deepcopy(self._unused)
        self._mid_state[:] = 0

    def advance(self, block: Block) -> Output:
        """Values, and since when the model is."""
        prices = Prices(block, self._tick, self._mid_state)
        rows = self._features(block, prices)
        values = np.full(block.n_bins, self._neutral)
        ages, trained_on = np.zeros(block.n_bins), np.zeros(block.n_bins)

        def tell(first: int, end: int) -> None:
            if self._model is not None and end > first:
                values[first:end] = self._model.values(rows[first:end])
                ages[first:end] = begins + np.arange(first, end) - self._made_at
                trained_on[first:end] = self._trained_on

        begins = self._schedule.seen
        for first, end, trains in self._schedule.spans(block.n_bins):
            self._history.append(rows[first:end], prices.twice_mid[first:end])
            last = end - 1 if trains else end
            tell(first, last)
            if trains:
                self._train()
                tell(last, end)
        return Output(values, (ages, trained_on))

    def _train(self) -> None:
        sample = self._history.sample(*self._barriers, self._embargo)
        model = self._trainer(sample)
        if model is not None:
            self._model, self._made_at, self._trained_on = model, sample.now, len(sample.rows)
            self.refits += 1


class LearnedSignal(CarryingSignal):
    """A signal that needs the extra `ml`; its libraries are imported when it begins to run."""

    libraries: ClassVar[tuple[str, ...]]
    """Modules that it imports."""
    detail: ClassVar[tuple[Part, ...]] = (
        Part("age", "bins", "bins since its model was made; 0 without one"),
        Part("trained_bins", "bins", "bins with a known outcome when it was made"),
    )

    def __init__(self, params: Any = None) -> None:
        super().__init__(params)
        for name in self.libraries:
            if importlib.util.find_spec(name.partition(".")[0]) is None:
                raise self._missing()

    @property
    def trains_after_bins(self) -> int:
        """Bins it has seen when it trains for the first time."""
        return int(self.params.train_from_bins)

    def begin(self, context: SignalContext) -> CarryingRun:
        """A run that has seen nothing yet."""
        try:
            libraries = [importlib.import_module(name) for name in self.libraries]
        except ImportError as error:
            raise self._missing(f" ({error})") from error
        except OSError as error:  # a library of the system that one of these needs
            raise SignalError(f"signal {self.name!r}: {self.libraries[0]} cannot be loaded: {error}") from error
        return self.learn(context, *libraries)

    @abstractmethod
    def learn(self, context: SignalContext, *libraries: Any) -> CarryingRun:
        """A run that has seen nothing yet, with the modules it named."""

    def _missing(self, why: str = "") -> SignalError:
        return SignalError(
            f"signal {self.name!r} needs an extra that is not installed{why}: pip install 'vp-harness[ml]'"
        )
