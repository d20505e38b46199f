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
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from vp_harness._jit import kernel
from vp_harness.errors import ParameterError
from vp_harness.judgement.trials import Trial, Trials

DRAWS: Final = 999
"""Draws that every row gets, and that its statistic is standardised by."""
SEED: Final = 20260206
_FLAT: Final = 1e-9
"""A deviation below which a row earns the same wherever its events are: nothing to be lucky about."""


@dataclass(frozen=True, slots=True)
class Scores:
    """Scores of one trial in some draws: `values` float32 (draws), standardised by `mean` and `deviation` (ticks).

    Where they begin with the observed placement, `values` is (1 + draws) and `values[0]` is the trial's statistic.
    """

    values: NDArray[np.float32]
    mean: float
    deviation: float


class FirstDraws(NamedTuple):
    """What the first draws of n trials tell: their statistics, float32 (n), and what standardises their draws, float64
    (n, 2): mean and deviation in ticks.
    """

    statistics: NDArray[np.float32]
    standards: NDArray[np.float64]


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


def draw_first(trials: Trials, shares: Shares, best: NDArray[np.float32], *, without_sign: bool = False) -> FirstDraws:
    """`first_scores` of many trials, bit for bit, of which the best of each draw is kept.

    `best` (1 + draws) is raised to the scores of these trials, or, `without_sign`, to their absolute values. The GIL is
    released.
    """
    standards = np.empty((len(trials), 2), np.float64)
    return FirstDraws(_drawn(trials, shares, standards, best, known=False, without_sign=without_sign), standards)


def draw_more(
    trials: Trials,
    shares: Shares,
    standards: NDArray[np.float64],
    best: NDArray[np.float32],
    *,
    without_sign: bool = False,
) -> None:
    """`more_scores` of many trials: `standards` (n, 2) are those of their first draws, `best` (draws) is raised."""
    _drawn(trials, shares, standards, best, known=True, without_sign=without_sign)


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
    _means_of_shifts(trial.events.bins, trial.events.directions, *_terms(trial), shares.ascending, shares.order, means)
    return means


def _terms(
    trial: Trial,
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float32], NDArray[np.int32], int, bool]:
    """What kernels take of a trial beside its events: firsts and ends of its windows, pnl and code of its placements
    one after the other, the bins of a direction, and whether positions may overlap.
    """
    placed = trial.table.placements[trial.model]
    windows = np.array(trial.windows or [(trial.first, trial.end)], np.int64)
    firsts, ends = np.ascontiguousarray(windows[:, 0]), np.ascontiguousarray(windows[:, 1])
    return (
        firsts,
        ends,
        placed.pnl_ticks.reshape(-1),
        placed.code.reshape(-1),
        placed.code.shape[1],
        trial.allow_overlap,
    )


def _drawn(
    trials: Trials,
    shares: Shares,
    standards: NDArray[np.float64],
    best: NDArray[np.float32],
    *,
    known: bool,
    without_sign: bool,
) -> NDArray[np.float32]:
    """Raise `best` and fill `standards`, unless they are known; gives each trial's score in the first draw (n)."""
    events, statistics = trials.events, np.empty(len(trials), np.float32)
    _draw_many(
        events.bins,
        events.directions,
        trials.starts,
        trials.ends,
        *_terms(trials.like),
        shares.ascending,
        shares.order,
        known,
        without_sign,
        standards,
        statistics,
        best,
    )
    return statistics


def _standardised(means: NDArray[np.float64], mean: float, deviation: float) -> NDArray[np.float32]:
    scores = np.empty(len(means), np.float32)
    _standardise(means, mean, deviation, scores)
    return scores


@kernel
def _draw_many(
    bins: NDArray[np.int64],
    directions: NDArray[np.int8],
    starts: NDArray[np.int64],
    stops: NDArray[np.int64],
    firsts: NDArray[np.int64],
    ends: NDArray[np.int64],
    pnl: NDArray[np.float32],
    code: NDArray[np.int32],
    n_bins: int,
    allow_overlap: bool,
    shares: NDArray[np.float64],
    order: NDArray[np.int64],
    known: bool,
    without_sign: bool,
    standards: NDArray[np.float64],
    statistics: NDArray[np.float32],
    best: NDArray[np.float32],
) -> None:
    """Trial by trial: means, `standards` (trials, 2) unless they are `known`, scores, and what they raise `best` to."""
    draws = shares.shape[0]
    means = np.empty(draws, np.float64)
    scores = np.empty(draws, np.float32)
    for trial in range(starts.shape[0]):
        own = slice(starts[trial], stops[trial])
        _means_of_shifts(
            bins[own], directions[own], firsts, ends, pnl, code, n_bins, allow_overlap, shares, order, means
        )
        if not known:
            standards[trial, 0], standards[trial, 1] = _mean_and_deviation(means)
        _standardise(means, standards[trial, 0], standards[trial, 1], scores)
        statistics[trial] = scores[0]
        for draw in range(draws):
            score = abs(scores[draw]) if without_sign else scores[draw]
            best[draw] = max(best[draw], score)


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
    if not deviation >= _FLAT:
        scores[:] = 0.0
        return
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
    n_bins: int,
    allow_overlap: bool,
    shares: NDArray[np.float64],
    order: NDArray[np.int64],
    means: NDArray[np.float64],
) -> None:
    """`shares` (draws) ascend, and `order` says to which of `means` (draws) each belongs.

    Draws are the inner loop: they do not wait for one another, and read the table in order. An event wraps in the last
    of them, where its shift is large. In each draw what wraps comes first in time, so it has a pass of its own.
    Events are within the windows `firsts` to `ends` (windows), and shift within their own.

    Whether an event opens a position is as good as a coin, so the inner loop has no branch that would have to guess it:
    what does not open is added as nothing. Its indices are unsigned, which saves a look for negative ones.
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
                begin = np.searchsorted(shifts, window - (bins[i] - first))
                row = 0 if directions[i] > 0 else n_bins
                at = bins[i] - (window if wrapped == 0 else 0)
                start, end = (begin, draws) if wrapped == 0 else (0, begin)
                for draw in range(np.uint64(start), np.uint64(end)):
                    t = at + shifts[draw]
                    place = np.uint64(2 * (row + t))
                    found = np.int64(code[place])
                    opens = (found >= 0) & (allow_overlap | (t > busy_until[draw]))
                    traded = found & np.int64(opens)
                    busy_until[draw] = found >> 1 if opens else busy_until[draw]
                    count[draw] += traded
                    total[draw] += np.float32(traded) * pnl[place + np.uint64(1)]
    for draw in range(draws):
        means[order[draw]] = total[draw] / count[draw] if count[draw] else 0.0
