"""Signals that must not be believed, and honest ones beside them. All of them run without an error."""

from __future__ import annotations

from typing import Any, ClassVar

import msgspec
import numpy as np
from numpy.typing import NDArray

from vp_harness.signals import FixedThresholds, Signal


class NoParams(msgspec.Struct, frozen=True):
    pass


def lean(rows: NDArray[np.float64]) -> NDArray[np.float64]:
    """Vacuum above spot less vacuum below, squashed: (..., rows) -> (...)."""
    middle = rows.shape[-1] // 2
    return np.tanh((rows[..., middle + 1 :].sum(axis=-1) - rows[..., :middle].sum(axis=-1)) / 100)


class LeanStepper:
    def step(self, bin: Any) -> float:
        return float(lean(bin.cells["vacuum_variant"]))


class Lean(Signal):
    """An honest signal with a batch form of its own, whose sums run in another order."""

    name = "lean"
    params_type = NoParams
    required_columns = ("vacuum_variant",)
    thresholds = FixedThresholds((0.05, 0.1))

    def start(self, context: Any = None) -> Any:
        return LeanStepper()

    def compute(self, dataset: Any) -> NDArray[np.float64]:
        return lean(np.ascontiguousarray(dataset.grid("vacuum_variant")))


class LookAhead(Lean):
    """The mid of 50 bins later, less that of now."""

    name = "look_ahead"
    required_fields = ("mid_price",)

    def compute(self, dataset: Any) -> NDArray[np.float64]:
        mid = dataset.field("mid_price")
        later = np.concatenate([mid[50:], np.repeat(mid[-1:], min(50, len(mid)))])[: len(mid)]
        return np.tanh(later - mid)


class PeekByOne(Lean):
    """Each value is that of the next bin."""

    name = "peek_by_one"

    def compute(self, dataset: Any) -> NDArray[np.float64]:
        values = super().compute(dataset)
        return np.concatenate([values[1:], values[-1:]])


class SeldomPeek(Lean):
    """Peeks by one bin, at one bin in five, and is silent for the first 300 bins."""

    name = "seldom_peek"

    def compute(self, dataset: Any) -> NDArray[np.float64]:
        values = super().compute(dataset)
        at = np.arange(len(values))
        peeked = np.where(at % 5 == 3, np.concatenate([values[1:], values[-1:]]), values)
        return np.where(at < 300, 0.0, peeked)


class WholeSample(Lean):
    """Standardised over all bins. It looks right bin by bin, where there is only the past to standardise over."""

    name = "whole_sample"

    def start(self, context: Any = None) -> Any:
        return RunningMean()

    def compute(self, dataset: Any) -> NDArray[np.float64]:
        values = super().compute(dataset)
        return (values - values.mean()) / (values.std() + 1e-12)


class RunningMean(LeanStepper):
    def __init__(self) -> None:
        self.seen: list[float] = []

    def step(self, bin: Any) -> float:
        self.seen.append(super().step(bin))
        return (self.seen[-1] - float(np.mean(self.seen))) / (float(np.std(self.seen)) + 1e-12)


class SharedState(Lean):
    """All its steppers put their values into one list."""

    name = "shared_state"
    seen: ClassVar[list[float]] = []

    def start(self, context: Any = None) -> Any:
        self.seen.clear()
        return SharedStepper(self.seen)

    def compute(self, dataset: Any) -> NDArray[np.float64]:
        return Signal.compute(self, dataset)


class SharedStepper(LeanStepper):
    def __init__(self, seen: list[float]) -> None:
        self.seen = seen

    def step(self, bin: Any) -> float:
        self.seen.append(super().step(bin))
        return float(np.mean(self.seen[-20:]))


class Forgetful(Lean):
    """Its batch form leaves out what its steps do."""

    name = "forgetful"

    def start(self, context: Any = None) -> Any:
        return SharedStepper([])


class Broken(Lean):
    """Fails on every dataset."""

    name = "broken"

    def compute(self, dataset: Any) -> NDArray[np.float64]:
        raise ZeroDivisionError("no rows left")


class TooFew(Lean):
    """Gives a value less than there are bins."""

    name = "too_few"

    def compute(self, dataset: Any) -> NDArray[np.float64]:
        return super().compute(dataset)[1:]


ROGUES = {
    LookAhead: "looks ahead",
    PeekByOne: "looks ahead",
    SeldomPeek: "looks ahead|not the same in batch",
    WholeSample: "looks ahead",
    SharedState: "keeps state outside of its steppers",
    Forgetful: "not the same in batch",
}
