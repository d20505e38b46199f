"""Directional regimes: which side of spot builds up and which thins out, and what the mid did after it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from vp_harness.analysis.ticks import Ticks
from vp_harness.errors import ParameterError
from vp_harness.judgement.verdict import t_quantile
from vp_harness.lake.dataset import Dataset

BANDS: Final = (4, 8, 16)
WINDOWS: Final = (25, 50, 100, 200)
_FEWEST: Final = 5
"""Moves that an interval needs."""


class Regime(msgspec.Struct, frozen=True, kw_only=True):
    """Regimes of the ticks within `band` of spot, averaged over `window_bins`, from `threshold` on.

    `up`, `down` and `neither` are shares of the bins. `spells` counts stretches of one direction, of `spell_s` seconds
    on average. `move_up_ticks` and `move_down_ticks` are the mean moves of the mid over the `window_bins` that follow
    a bin of that direction; None where there is none. `edge_ticks` is the mean move in the direction of the regime,
    of `moves` bins a window apart, so that no two moves overlap, with its 95 % interval.
    """

    band: int
    window_bins: int
    threshold: float
    up: float
    down: float
    neither: float
    spells: int
    spell_s: float | None
    move_up_ticks: float | None
    move_down_ticks: float | None
    moves: int
    edge_ticks: float | None
    edge_low: float | None
    edge_high: float | None


def directional_regimes(
    dataset: Dataset,
    *,
    bands: Sequence[int] | None = None,
    windows: Sequence[int] | None = None,
    threshold: float | None = None,
) -> list[Regime]:
    """Regimes for every band and window, by default those of `BANDS` and `WINDOWS` that fit into the dataset.

    The direction of a bin is half the mean flow score of the `band` ticks below spot less half that of as many above:
    what builds up below and thins out above is up. Averaged over the window that ends with the bin, it is a regime
    where it is `threshold` or more on one side; by default that is one standard deviation of it over the whole dataset,
    which describes a day and is known only when it is over. Bins without a valid book have no direction, and a window
    without a bin that has one is no regime. Nothing here is judged: whoever wants to trade on it writes a signal,
    which is.
    """
    rows = dataset.config.grid_radius_ticks
    bands = [band for band in BANDS if band <= rows] or [rows] if bands is None else bands
    windows = [window for window in WINDOWS if window < dataset.n_bins] if windows is None else windows
    for band in bands:
        if not 1 <= band <= rows:
            raise ParameterError(f"bands={band}: 1 to {rows} rows on each side of spot are in the dataset")
    for window in windows:
        if not 1 <= window < dataset.n_bins:
            raise ParameterError(f"windows={window}: 1 to {dataset.n_bins - 1} bins are allowed")
    if threshold is not None and not 0 < threshold <= 1:
        raise ParameterError(f"threshold={threshold}: must be above 0 and at most 1")
    ticks, score = Ticks(dataset), dataset.grid("flow_score")
    found = []
    for band in bands:
        leaning = direction(score, band, ticks.valid)
        found += [_regime(ticks, leaning, band, window, threshold) for window in windows]
    return found


def direction(score: NDArray[np.float64], band: int, valid: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Which way each bin leans (n_bins), -1 to +1; nan where the book is not valid. `score` is (n_bins, rows)."""
    middle = score.shape[1] // 2
    below = score[:, middle - band : middle].mean(axis=1)
    above = score[:, middle + 1 : middle + 1 + band].mean(axis=1)
    return np.where(valid, (below - above) / 2, np.nan)


def averaged(values: NDArray[np.float64], window: int) -> NDArray[np.float64]:
    """Mean of the last `window` values (n_bins) that are not nan; nan where none is, and before a window is full."""
    known = ~np.isnan(values)
    sums = np.concatenate([[0.0], np.cumsum(np.where(known, values, 0.0))])
    counts = np.concatenate([[0], np.cumsum(known)])
    mean = np.full(len(values), np.nan)
    count = counts[window:] - counts[:-window]
    some = count > 0
    mean[window - 1 :][some] = (sums[window:] - sums[:-window])[some] / count[some]
    return mean


def _regime(ticks: Ticks, leaning: NDArray[np.float64], band: int, window: int, threshold: float | None) -> Regime:
    smooth = averaged(leaning, window)
    known = smooth[~np.isnan(smooth)]
    limit = threshold if threshold is not None else float(known.std()) if len(known) else 1.0
    with np.errstate(invalid="ignore"):
        sign = np.where(smooth >= limit, 1, np.where(smooth <= -limit, -1, 0)) if limit > 0 else np.zeros(len(smooth))
    move = np.full(len(sign), np.nan)
    move[:-window] = ticks.mid[window:] - ticks.mid[:-window]
    begins = np.flatnonzero((sign != 0) & (np.concatenate([[0], sign[:-1]]) != sign))
    in_any = int((sign != 0).sum())
    apart = slice(window - 1, None, window)
    moves = (sign[apart] * move[apart])[sign[apart] != 0]
    moves = moves[~np.isnan(moves)]
    edge = float(moves.mean()) if len(moves) else None
    reach = None
    if edge is not None and len(moves) >= _FEWEST:
        reach = t_quantile(len(moves) - 1) * float(moves.std(ddof=1)) / len(moves) ** 0.5
    return Regime(
        band=band,
        window_bins=window,
        threshold=limit,
        up=float((sign > 0).mean()),
        down=float((sign < 0).mean()),
        neither=float((sign == 0).mean()),
        spells=len(begins),
        spell_s=in_any * ticks.width_s / len(begins) if len(begins) else None,
        move_up_ticks=_mean(move[sign > 0]),
        move_down_ticks=_mean(move[sign < 0]),
        moves=len(moves),
        edge_ticks=edge,
        edge_low=None if edge is None or reach is None else edge - reach,
        edge_high=None if edge is None or reach is None else edge + reach,
    )


def _mean(values: NDArray[np.float64]) -> float | None:
    known = values[~np.isnan(values)]
    return float(known.mean()) if len(known) else None
