"""Two other looks at the same danger, beside the corrected p-value: the deflated Sharpe ratio and the probability of
backtest overfitting."""

from __future__ import annotations

import itertools
import math
from statistics import NormalDist
from typing import Final

import numpy as np
from numpy.typing import NDArray

from vp_harness._jit import kernel
from vp_harness.judgement.trials import Trial, Trials

BLOCKS: Final = 10
"""Parts of equal length into which the time of a trial is cut for the probability of backtest overfitting."""

MOMENTS: Final = 5 + 2 * BLOCKS
"""Figures of the trades of a trial: see `trade_moments`."""

_EULER: Final = 0.5772156649015329
_NORMAL: Final = NormalDist()


def trade_moments(trial: Trial) -> NDArray[np.float64]:
    """What the opened trades of a trial gave, float64 (MOMENTS): their number, mean and standard deviation of
    the net pnl in ticks, skewness, kurtosis (3 for a normal distribution); then the sum of pnl and the number of trades
    of each block of its window.
    """
    out = np.zeros(MOMENTS, np.float64)
    _moments(trial.events.bins, trial.events.directions, *_terms(trial), out)
    return out


def moments_of(trials: Trials) -> NDArray[np.float64]:
    """`trade_moments` of many trials, float64 (n, MOMENTS). The GIL is released."""
    out = np.zeros((len(trials), MOMENTS), np.float64)
    events = trials.events
    _moments_of_many(events.bins, events.directions, trials.starts, trials.ends, *_terms(trials.like), out)
    return out


def _terms(trial: Trial) -> tuple[int, int, NDArray[np.float64], NDArray[np.int32], bool, float]:
    """What the kernels take of a trial beside its events."""
    cost = float(trial.table.rule.cost_ticks) if trial.model == "mid" else 0.0  # that of the others is paid already
    code = trial.table.placements[trial.model].code
    return trial.first, trial.end, trial.table.fills[trial.model].pnl_ticks, code, trial.allow_overlap, cost


def deflated_sharpe(
    sharpe: NDArray[np.float64],
    trades: NDArray[np.float64],
    skewness: NDArray[np.float64],
    kurtosis: NDArray[np.float64],
    *,
    n_trials: int,
    variance: float,
) -> NDArray[np.float64]:
    """The probability that a Sharpe ratio is above what the best of `n_trials` without skill would show (Bailey and
    López de Prado 2014), for each of n rows; NaN with fewer than 2 trades.

    `sharpe` is mean over standard deviation of the net pnl a trade, `variance` that of the ratios of all trials.
    """
    expected = 0.0
    if n_trials > 1:
        expected = math.sqrt(variance) * (
            (1.0 - _EULER) * _NORMAL.inv_cdf(1.0 - 1.0 / n_trials)
            + _EULER * _NORMAL.inv_cdf(1.0 - 1.0 / (n_trials * math.e))
        )
    with np.errstate(invalid="ignore", divide="ignore"):
        spread = np.sqrt(1.0 - skewness * sharpe + (kurtosis - 1.0) / 4.0 * sharpe**2)
        z = (sharpe - expected) * np.sqrt(trades - 1.0) / spread
    values = (0.5 * math.erfc(-value / math.sqrt(2.0)) if value == value else math.nan for value in z)
    below = np.fromiter(values, np.float64, len(z))
    below[trades < 2] = math.nan
    return below


def overfitting_probability(sums: NDArray[np.float64], counts: NDArray[np.int32] | NDArray[np.float64]) -> float | None:
    """The share of divisions of time in which the best trial of one half is below the median of all in the other
    (combinatorially symmetric cross-validation; Bailey, Borwein, López de Prado and Zhu 2015).

    `sums` and `counts` (trials, BLOCKS) are the net pnl and the number of trades in each block. A trial without a trade
    in a half earns 0 there. Ties are shared. None for fewer than 2 trials.
    """
    trials, blocks = sums.shape
    if trials < 2:
        return None
    sums, whole = np.ascontiguousarray(sums, np.float64), np.ascontiguousarray(counts, np.int32)
    seen, unseen = np.empty(trials, np.float64), np.empty(trials, np.float64)
    below = []
    for chosen in itertools.combinations(range(blocks), blocks // 2):
        half = np.zeros(blocks, np.bool_)
        half[list(chosen)] = True
        less, same = _rank_of_best(sums, whole, half, seen, unseen)
        rank = (less + 0.5 * (same + 1)) / (trials + 1)
        below.append(1.0 if rank < 0.5 else 0.5 if rank == 0.5 else 0.0)
    return float(np.mean(below))


@kernel
def _rank_of_best(
    sums: NDArray[np.float64],
    counts: NDArray[np.int32],
    half: NDArray[np.bool_],
    seen: NDArray[np.float64],
    unseen: NDArray[np.float64],
) -> tuple[int, int]:
    """How many trials earn less than the best of the blocks in `half` in the other blocks, and how many as much.

    `sums` and `counts` (trials, blocks), `half` (blocks); `seen` and `unseen` (trials) are what each earns a trade.
    """
    best = 0
    for trial in range(sums.shape[0]):
        inside = outside = traded_inside = traded_outside = 0.0
        for block in range(sums.shape[1]):
            if half[block]:
                inside += sums[trial, block]
                traded_inside += counts[trial, block]
            else:
                outside += sums[trial, block]
                traded_outside += counts[trial, block]
        seen[trial] = inside / max(traded_inside, 1.0)
        unseen[trial] = outside / max(traded_outside, 1.0)
        if seen[trial] > seen[best]:
            best = trial
    less = same = 0
    for trial in range(sums.shape[0]):
        less += unseen[trial] < unseen[best]
        same += unseen[trial] == unseen[best]
    return less, same


@kernel
def _moments_of_many(
    bins: NDArray[np.int64],
    directions: NDArray[np.int8],
    starts: NDArray[np.int64],
    stops: NDArray[np.int64],
    first: int,
    end: int,
    earns: NDArray[np.float64],
    code: NDArray[np.int32],
    allow_overlap: bool,
    cost: float,
    out: NDArray[np.float64],
) -> None:
    for trial in range(starts.shape[0]):
        own = slice(starts[trial], stops[trial])
        _moments(bins[own], directions[own], first, end, earns, code, allow_overlap, cost, out[trial])


@kernel
def _moments(
    bins: NDArray[np.int64],
    directions: NDArray[np.int8],
    first: int,
    end: int,
    earns: NDArray[np.float64],
    code: NDArray[np.int32],
    allow_overlap: bool,
    cost: float,
    out: NDArray[np.float64],
) -> None:
    pnl = np.empty(bins.shape[0], np.float64)
    count = 0
    busy_until = np.int64(-1)
    blocks = (out.shape[0] - 5) // 2
    for i in range(bins.shape[0]):
        t = bins[i]
        row = 0 if directions[i] > 0 else 1
        found = code[row, t, 0]
        if found < 0 or (not allow_overlap and t <= busy_until):
            continue
        busy_until = np.int64(found >> 1)
        if found & 1:
            value = earns[row, t] - cost
            pnl[count] = value
            count += 1
            block = (t - first) * blocks // (end - first)
            out[5 + block] += value
            out[5 + blocks + block] += 1.0
    out[0] = count
    if count == 0:
        return
    mean = 0.0
    for i in range(count):
        mean += pnl[i]
    mean /= count
    second = third = fourth = 0.0
    for i in range(count):
        away = pnl[i] - mean
        second += away * away
        third += away * away * away
        fourth += away * away * away * away
    out[1] = mean
    if second > 1e-12:
        out[2] = np.sqrt(second / (count - 1))
        variance = second / count
        out[3] = third / count / variance**1.5
        out[4] = fourth / count / (variance * variance)
