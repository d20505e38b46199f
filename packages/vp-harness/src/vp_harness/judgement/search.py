"""The best of many is lucky: p-values that know how many rows were tried.

Every tried row keeps the bins and directions of its events. Under no effect the events have nothing to do with the
prices around them, so their times may be shifted in a circle through the observed window without changing what is
expected of them. One draw shifts all rows by the same share of their window, which keeps how they depend on each other;
overlapping positions are dropped anew, exactly as for the events that were seen. Of several days each is a window of
its own and all shift by the same share of theirs: an event stays on its day. A row's statistic is its mean net pnl
under its fill model, standardised by the mean and deviation of that row over its first `DRAWS` draws, and the corrected
p-value of a row is the share of draws in which the best of *all* rows is at least as good as that row was (Westfall and
Young 1993, single-step max-T). The observed placement counts as one of the draws, so that the smallest p-value is
1 / (draws + 1).

The shares are a fixed sequence, so draws made at different times for different rows belong together: of the rows drawn
before only the best of each draw has to be kept, and more draws can be added to those there are.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Final

import numpy as np
from numpy.typing import NDArray

from vp_contract import FillModel
from vp_harness._jit import kernel
from vp_harness.errors import ParameterError
from vp_harness.evaluation.events import Events
from vp_harness.evaluation.outcomes import OutcomeTable

DRAWS: Final = 999
"""Draws that every row gets, and that its statistic is standardised by."""
SEED: Final = 20260206
_FLAT: Final = 1e-9
"""A deviation below which a row earns the same wherever its events are: nothing to be lucky about."""


@dataclass(frozen=True, slots=True)
class Trial:
    """One tried row: its fired events in bins `first` (inclusive) to `end` (exclusive), and what they would earn.

    Of several days `windows` has the bins (first, end) of each in which it may fire, ascending. Rows with fewer than
    `min_events` fired events cannot win; they count among those that were tried all the same.
    """

    events: Events
    table: OutcomeTable
    first: int
    end: int
    allow_overlap: bool = False
    min_events: int = 1
    model: FillModel = "cross"
    windows: tuple[tuple[int, int], ...] = ()

    def __post_init__(self) -> None:
        if not 0 <= self.first < self.end <= self.table.mid.outcome.shape[1]:
            raise ParameterError(
                f"window={self.first}:{self.end}: must be a non-empty part of the "
                f"{self.table.mid.outcome.shape[1]} bins of the outcome table"
            )
        if len(self.events) and not self.first <= self.events.bins[0] <= self.events.bins[-1] < self.end:
            raise ParameterError(
                f"events: bins {self.events.bins[0]} to {self.events.bins[-1]}, must be within {self.first}:{self.end}"
            )

    @property
    def digest(self) -> str:
        """16 hex digits: equal for trials with the same events, window and outcomes."""
        hashed = sha256(self.events.bins.tobytes())
        hashed.update(self.events.directions.tobytes())
        hashed.update(f"{self.first} {self.end} {self.allow_overlap} {self.model} ".encode())
        hashed.update(self.table.digests[self.model].encode())
        if self.windows:
            hashed.update(repr(self.windows).encode())
        return hashed.hexdigest()[:16]


@dataclass(frozen=True, slots=True)
class Scores:
    """Scores of one trial in some draws: `values` float32 (draws), standardised by `mean` and `deviation` (ticks).

    Where they begin with the observed placement, `values` is (1 + draws) and `values[0]` is the trial's statistic.
    """

    values: NDArray[np.float32]
    mean: float
    deviation: float


class Shares:
    """Shares of the window to shift by, in [0, 1), as the kernel takes them: in ascending order.

    `observed` puts the observed placement, a shift by nothing, before them.
    """

    def __init__(self, values: NDArray[np.float64], *, observed: bool = False) -> None:
        if observed:
            values = np.concatenate([[0.0], values])
        self.order = np.argsort(values, kind="stable")
        self.ascending = np.ascontiguousarray(values[self.order])

    def __len__(self) -> int:
        return len(self.order)


def shares_of(draws: int, seed: int = SEED) -> NDArray[np.float64]:
    """The share of the window that each draw shifts by: more draws begin with the same shares."""
    if draws < 1:
        raise ParameterError(f"draws={draws}: must be 1 or more")
    return np.random.Generator(np.random.PCG64(seed)).random(draws)


def first_scores(trial: Trial, shares: Shares) -> Scores:
    """The scores of the observed placement and of the first draws, (1 + draws), which standardise all of them.

    `shares` has the observed placement.
    """
    means = shifted_means(trial, shares)
    mean, deviation = _mean_and_deviation(means)
    return Scores(_standardised(means, mean, deviation), mean, deviation)


def more_scores(trial: Trial, shares: Shares, mean: float, deviation: float) -> Scores:
    """The scores of further draws (draws), standardised as the first ones were."""
    return Scores(_standardised(shifted_means(trial, shares), mean, deviation), mean, deviation)


def p_values(best: NDArray[np.float32], statistics: NDArray[np.float32]) -> NDArray[np.float64]:
    """Share of draws in which the best of all is at least as good: `best` (1 + draws), `statistics` (n) -> (n)."""
    below = np.searchsorted(np.sort(best), statistics, side="left")
    result: NDArray[np.float64] = (len(best) - below) / len(best)
    return result


def p_error(p: NDArray[np.float64] | float, draws: int) -> NDArray[np.float64]:
    """Monte Carlo standard error of p-values from so many draws. Example: 0.0069 at p 0.05 with 999 draws."""
    share = np.clip(p, 1.0 / (draws + 1), draws / (draws + 1))
    result: NDArray[np.float64] = np.sqrt(share * (1.0 - share) / (draws + 1))
    return result


def corrected_p_values(trials: Sequence[Trial], *, draws: int = DRAWS, seed: int = SEED) -> NDArray[np.float64]:
    """One p-value a trial (n_trials), in (0, 1]; 1 for those with fewer than their `min_events` fired events.

    Fired, not opened: the number of fired events is the same in every draw, so leaving rows out by it favours none.
    """
    shares = Shares(shares_of(draws, seed), observed=True)
    best = np.full(draws + 1, -np.inf, np.float32)
    seen: dict[str, np.float32] = {}
    for trial in trials:
        if len(trial.events) and trial.digest not in seen:
            scores = first_scores(trial, shares)
            np.maximum(best, scores.values, out=best)
            seen[trial.digest] = scores.values[0]
    result = np.ones(len(trials), np.float64)
    able = [i for i, trial in enumerate(trials) if len(trial.events) >= max(1, trial.min_events)]
    statistics = np.array([seen[trials[i].digest] for i in able], np.float32)
    result[able] = p_values(best, statistics)
    return result


def shifted_means(trial: Trial, shares: Shares) -> NDArray[np.float64]:
    """Mean pnl (draws) of a trial's events after shifting them by each share of the window, in ticks."""
    means = np.empty(len(shares), np.float64)
    placed = trial.table.placements[trial.model]
    windows = np.array(trial.windows or [(trial.first, trial.end)], np.int64)
    _means_of_shifts(
        trial.events.bins,
        trial.events.directions,
        np.ascontiguousarray(windows[:, 0]),
        np.ascontiguousarray(windows[:, 1]),
        placed.pnl_ticks,
        placed.code,
        trial.allow_overlap,
        shares.ascending,
        shares.order,
        means,
    )
    return means


def _standardised(means: NDArray[np.float64], mean: float, deviation: float) -> NDArray[np.float32]:
    scores = np.zeros(len(means), np.float32)
    if deviation >= _FLAT:
        _standardise(means, mean, deviation, scores)
    return scores


@kernel
def _mean_and_deviation(values: NDArray[np.float64]) -> tuple[float, float]:
    mean = 0.0
    for i in range(values.shape[0]):
        mean += values[i]
    mean /= values.shape[0]
    squares = 0.0
    for i in range(values.shape[0]):
        squares += (values[i] - mean) ** 2
    return mean, np.sqrt(squares / values.shape[0])


@kernel
def _standardise(means: NDArray[np.float64], mean: float, deviation: float, scores: NDArray[np.float32]) -> None:
    for i in range(means.shape[0]):
        scores[i] = (means[i] - mean) / deviation


@kernel
def _means_of_shifts(
    bins: NDArray[np.int64],
    directions: NDArray[np.int8],
    firsts: NDArray[np.int64],
    ends: NDArray[np.int64],
    pnl: NDArray[np.float32],
    code: NDArray[np.int32],
    allow_overlap: bool,
    shares: NDArray[np.float64],
    order: NDArray[np.int64],
    means: NDArray[np.float64],
) -> None:
    """`shares` (draws) ascend, and `order` says to which of `means` (draws) each belongs.

    Draws are the inner loop: they do not wait for one another, and read the table in order. An event wraps in the last
    of them, where its shift is large. In each draw what wraps comes first in time, so it has a pass of its own.
    Events are within the windows `firsts` to `ends` (windows), and shift within their own.
    """
    draws = shares.shape[0]
    shifts = np.empty(draws, np.int32)
    busy_until = np.full(draws, -1, np.int32)
    count = np.zeros(draws, np.int32)
    total = np.zeros(draws, np.float64)
    for day in range(firsts.shape[0]):
        first = firsts[day]
        window = ends[day] - first
        start_event = np.searchsorted(bins, first)
        end_event = np.searchsorted(bins, ends[day])
        if start_event == end_event:
            continue
        for draw in range(draws):
            shifts[draw] = np.int32(np.floor(shares[draw] * window))
        for wrapped in range(2):
            for i in range(start_event, end_event):
                offset = bins[i] - first
                begin = np.searchsorted(shifts, window - offset)
                row = 0 if directions[i] > 0 else 1
                at = bins[i] - (window if wrapped == 0 else 0)
                start, end = (begin, draws) if wrapped == 0 else (0, begin)
                for draw in range(start, end):
                    t = np.uint32(at + shifts[draw])
                    found = code[row, t, 0]
                    opens = (found >= 0) & (allow_overlap | (np.int32(t) > busy_until[draw]))
                    busy_until[draw] = found >> np.int32(1) if opens else busy_until[draw]
                    count[draw] += found & np.int32(1) if opens else np.int32(0)
                    total[draw] += pnl[row, t, 1] if opens else np.float32(0.0)
    for draw in range(draws):
        means[order[draw]] = total[draw] / count[draw] if count[draw] else 0.0
