"""The best of many is lucky: p-values that know how many rows were tried.

Every tried row keeps the bins and directions of its events. Under no effect the events have nothing to do with the
prices around them, so their times may be shifted in a circle through the observed window without changing what is
expected of them. One draw shifts all rows by the same share of their window, which keeps how they depend on each other;
overlapping positions are dropped anew, exactly as for the events that were seen. A row's statistic is its mean pnl
(mid fills), put on one scale by the mean and deviation of that row over all draws, and the corrected p-value of a row
is the share of draws in which the best of *all* rows is at least as good as that row was (Westfall and Young 1993,
single-step max-T). The observed placement counts as one of the draws, so that the smallest p-value is 1 / (draws + 1).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from vp_harness._jit import kernel
from vp_harness.errors import ParameterError
from vp_harness.evaluation.events import Events
from vp_harness.evaluation.outcomes import NOT_OPENED, OutcomeTable

DRAWS: Final = 999
SEED: Final = 20260206


@dataclass(frozen=True, slots=True)
class Trial:
    """One tried row: its fired events in bins `first` (inclusive) to `end` (exclusive), and what they would earn."""

    events: Events
    table: OutcomeTable
    first: int
    end: int
    allow_overlap: bool = False
    min_events: int = 1

    def __post_init__(self) -> None:
        if not 0 <= self.first < self.end <= self.table.mid.outcome.shape[1]:
            raise ParameterError(
                f"window {self.first}:{self.end} must be a non-empty part of the "
                f"{self.table.mid.outcome.shape[1]} bins of the outcome table"
            )
        if len(self.events) and not self.first <= self.events.bins[0] <= self.events.bins[-1] < self.end:
            raise ParameterError(
                f"events at bins {self.events.bins[0]}..{self.events.bins[-1]} are outside of {self.first}:{self.end}"
            )


def corrected_p_values(trials: Sequence[Trial], *, draws: int = DRAWS, seed: int = SEED) -> NDArray[np.float64]:
    """One p-value a trial (n_trials), in (0, 1].

    Trials with fewer than their `min_events` fired events are not candidates: they get 1 and do not count. (Fired, not
    opened: the number of fired events is the same in every draw, so leaving rows out by it favours none.)
    """
    if draws < 1:
        raise ParameterError(f"draws {draws} must be 1 or more")
    result = np.ones(len(trials), np.float64)
    candidates = [i for i, trial in enumerate(trials) if len(trial.events) >= max(1, trial.min_events)]
    if not candidates:
        return result
    shares = np.random.Generator(np.random.PCG64(seed)).random(draws)
    same_as = distinct(trials)
    best = np.full(draws + 1, -np.inf)
    observed: dict[int, float] = {}
    for index in candidates:
        if same_as[index] == index:  # of identical trials the first stands for all
            scores = _standardised(_shifted_means(trials[index], shares))
            np.maximum(best, scores, out=best)
            observed[index] = scores[0]
    for index in candidates:
        # A tiny slack: equal statistics of equal rows may differ by rounding, and a tie counts against the row.
        result[index] = np.mean(best >= observed[same_as[index]] - 1e-9)
    return result


def distinct(trials: Sequence[Trial]) -> list[int]:
    """Of each trial, the index of the first that is the same: the same events with the same outcomes."""
    firsts: dict[tuple[object, ...], int] = {}
    same_as = []
    for index, trial in enumerate(trials):
        events = (trial.events.bins.tobytes(), trial.events.directions.tobytes())
        window = (trial.first, trial.end, trial.allow_overlap, trial.min_events)
        same_as.append(firsts.setdefault((trial.table.digest, *events, *window), index))
    return same_as


def _standardised(means: NDArray[np.float64]) -> NDArray[np.float64]:
    deviation = float(np.std(means))
    if deviation < 1e-12:  # the row earns the same wherever its events are: nothing to be lucky about
        return np.zeros_like(means)
    scores: NDArray[np.float64] = (means - np.mean(means)) / deviation
    return scores


def _shifted_means(trial: Trial, shares: NDArray[np.float64]) -> NDArray[np.float64]:
    """Mean pnl (draws + 1) of a trial's events where they were seen, then shifted by each share of the window."""
    window = trial.end - trial.first
    shifts = np.zeros(len(shares) + 1, np.int64)
    shifts[1:] = np.floor(shares * window)
    means = np.empty(len(shifts), np.float64)
    _means_of_shifts(
        trial.events.bins - trial.first,
        trial.events.directions,
        trial.first,
        window,
        trial.table.mid.outcome,
        trial.table.mid.pnl_ticks,
        trial.table.open_until,
        trial.allow_overlap,
        shifts,
        means,
    )
    return means


@kernel
def _means_of_shifts(
    offsets: NDArray[np.int64],
    directions: NDArray[np.int8],
    first: int,
    window: int,
    outcome: NDArray[np.int8],
    pnl: NDArray[np.float64],
    open_until: NDArray[np.int64],
    allow_overlap: bool,
    shifts: NDArray[np.int64],
    means: NDArray[np.float64],
) -> None:
    n = offsets.shape[0]
    for draw in range(shifts.shape[0]):
        shift = shifts[draw]
        begin = 0  # the first event that wraps is the first in time
        while begin < n and offsets[begin] + shift < window:
            begin += 1
        total = 0.0
        count = 0
        busy_until = -1
        for i in range(n):
            event = begin + i
            t = first + shift
            if event >= n:
                event -= n
            else:
                t -= window
            t += offsets[event]
            row = 0 if directions[event] > 0 else 1
            if outcome[row, t] == NOT_OPENED or (not allow_overlap and t <= busy_until):
                continue
            busy_until = open_until[row, t]
            total += pnl[row, t]
            count += 1
        means[draw] = total / count if count else 0.0
