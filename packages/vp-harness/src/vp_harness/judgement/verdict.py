"""Proven, unproven, refuted: what the figures of a row allow to say."""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Final, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

Verdict: TypeAlias = Literal["proven", "unproven", "refuted"]

P_LIMIT: Final = 0.05
"""Largest corrected p-value of a proven row."""

LEAST_TRADES: Final = 5
"""Trades of the confirming part below which nothing is proven or refuted, whatever `min_signals` says."""

_Z95: Final = 1.959963984540054
_T95: Final = (12.7062, 4.3027, 3.1824, 2.7764, 2.5706, 2.4469, 2.3646, 2.3060, 2.2622, 2.2281)
"""97.5 % quantiles of Student's t for 1 to 10 degrees of freedom."""


@lru_cache(maxsize=4096)
def t_quantile(freedom: float) -> float:
    """97.5 % quantile of Student's t; beyond the table an expansion in 1 / `freedom`, right to 0.001.

    Between two whole numbers of the table it is interpolated.
    """
    if freedom <= len(_T95):
        return float(np.interp(freedom, np.arange(1, len(_T95) + 1), _T95))
    z, n = _Z95, float(freedom)
    first = (z**3 + z) / 4
    second = (5 * z**5 + 16 * z**3 + 3 * z) / 96
    third = (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / 384
    return z + first / n + second / n**2 + third / n**3


def look_factor(best: NDArray[np.float32]) -> float:
    """How much wider a 95 % interval must be so that those of *all* rows that were looked at hold together.

    `best` (1 + draws) is, in each draw, the largest score without its sign of all rows in the confirming part. The
    factor is its 95 % quantile over that of the normal distribution, at least 1 (one row needs no more).
    """
    if not len(best):
        return 1.0
    ordered = np.sort(best)
    at = min(len(ordered) - 1, math.ceil(0.95 * len(ordered)) - 1)
    return max(1.0, float(ordered[at]) / _Z95)


def confirmed_interval(
    mean: float | None, low: float | None, high: float | None, trades: int, factor: float
) -> tuple[float | None, float | None]:
    """The 95 % interval of the mean net pnl of the confirming part, in ticks, that knows the looks and the few trades.

    `low` and `high` bound the bootstrap interval around `mean`, of which the bootstrap takes the spread as known. It
    is known from as many values as there are blocks, n ** (2/3) of n `trades`. So both distances are multiplied by
    Student's quantile for these over the normal one, by sqrt(blocks / (blocks - 1)), and by `factor` (see
    `look_factor`). Example: 1.0 [0.2, 1.8] of 27 trades, thus 9 blocks, factor 1.5: (-0.50, 2.50).
    """
    if mean is None or low is None or high is None or trades < 2:
        return None, None
    blocks = max(trades ** (2 / 3), 2.0)
    wider = factor * t_quantile(blocks - 1) / _Z95 * math.sqrt(blocks / (blocks - 1))
    return mean - wider * (mean - low), mean + wider * (high - mean)


def verdict_of(
    p: float | None, low: float | None, high: float | None, trades: int, *, least: int, incomplete: str = ""
) -> tuple[Verdict, str]:
    """The verdict on a row and, unless it is proven, why.

    Proven: `low`, the lower end of `confirmed_interval`, is above 0 and the corrected `p` is at most `P_LIMIT`.
    Refuted: `high` is below 0. Everything else is unproven: fewer confirming trades than `least` too, and any row of a
    search that is not whole, of which `incomplete` says why. `p` is None for a row with too few events to win.
    """
    if incomplete:
        return "unproven", incomplete
    if low is None or high is None or trades < max(least, LEAST_TRADES):
        return "unproven", f"the confirming part has {trades} trades, at least {max(least, LEAST_TRADES)} are needed"
    interval = f"{low:+.2f} to {high:+.2f} ticks a trade"
    if high < 0:
        return "refuted", f"it loses: the confirmed net pnl is {interval}"
    if low <= 0:
        return "unproven", f"the confirmed net pnl is {interval}, which includes 0"
    if p is None:
        return "unproven", "the choosing part has fewer events than min_signals"
    if p > P_LIMIT:
        return "unproven", f"the corrected p is {p:.3f}, above {P_LIMIT}"
    return "proven", ""
