"""When a signal fires: from one value a bin to events with a direction."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vp_harness._jit import kernel
from vp_harness.errors import ParameterError


@dataclass(frozen=True, slots=True)
class Events:
    """Events in order of time: `bins` int64 indices into the dataset, `directions` int8, +1 up and -1 down."""

    bins: NDArray[np.int64]
    directions: NDArray[np.int8]

    def __len__(self) -> int:
        return len(self.bins)

    def between(self, first: int, end: int) -> Events:
        """The events of bins `first` (inclusive) to `end` (exclusive)."""
        lo, hi = np.searchsorted(self.bins, [first, end])
        return Events(self.bins[lo:hi], self.directions[lo:hi])


def detect_events(
    values: NDArray[np.float64],
    book_valid: NDArray[np.bool_],
    *,
    threshold: float,
    cooldown_bins: int,
    first_bin: int = 0,
    probability: bool = False,
) -> Events:
    """Where `values` (n_bins) fires at `threshold`.

    A signed signal is up at value >= threshold, down at value <= -threshold, else flat (a value that is not finite is
    flat); it fires when its state becomes up or down and differs from the state of the bin before. A probability fires
    up at p >= threshold and down at p <= 1 - threshold, on every such bin. Both wait until `cooldown_bins` after the
    last event. Bins before `first_bin` and bins without a valid book fire nothing, and the state of a signed signal
    goes on through them: a state that was entered there is not a new one afterwards.

    Raises ParameterError for arrays of different length, a threshold that is not positive (or not in (0.5, 1] for a
    probability), or a negative cooldown.
    """
    if values.shape != book_valid.shape or values.ndim != 1:
        raise ParameterError(
            f"values: shape {values.shape}, must be one-dimensional and of the length of book_valid {book_valid.shape}"
        )
    allowed = 0.5 < threshold <= 1 if probability else 0 < threshold < np.inf
    if not allowed:
        raise ParameterError(
            f"threshold={threshold!r}: must be {'in (0.5, 1] for a probability' if probability else 'positive'}"
        )
    if cooldown_bins < 0:
        raise ParameterError(f"cooldown_bins={cooldown_bins}: must be 0 or more")
    bins = np.empty(len(values), np.int64)
    directions = np.empty(len(values), np.int8)
    count = _detect(
        np.ascontiguousarray(values, np.float64),
        np.ascontiguousarray(book_valid, np.bool_),
        float(threshold),
        int(cooldown_bins),
        int(first_bin),
        bool(probability),
        bins,
        directions,
    )
    return Events(bins[:count].copy(), directions[:count].copy())


def state_at(value: float, threshold: float, probability: bool) -> int:
    """The state of a signal in one bin, as `detect_events` has it: 1 up, -1 down, 0 neither; 0 for NaN."""
    return int(_state(float(value), float(threshold), bool(probability)))


@kernel
def _state(value: float, threshold: float, probability: bool) -> int:
    if value >= threshold:
        return 1
    if value <= (1.0 - threshold if probability else -threshold):
        return -1
    return 0


@kernel
def _detect(
    values: NDArray[np.float64],
    book_valid: NDArray[np.bool_],
    threshold: float,
    cooldown_bins: int,
    first_bin: int,
    probability: bool,
    bins: NDArray[np.int64],
    directions: NDArray[np.int8],
) -> int:
    count = 0
    previous = 0
    for t in range(values.shape[0]):
        state = _state(values[t], threshold, probability)
        fires = state != 0 and (probability or state != previous)
        previous = state
        if not fires or t < first_bin or not book_valid[t]:
            continue
        if count > 0 and t - bins[count - 1] < cooldown_bins:
            continue
        bins[count] = t
        directions[count] = state
        count += 1
    return count
