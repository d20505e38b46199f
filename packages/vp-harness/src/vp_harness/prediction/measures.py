"""Rank IC, deciles, autocorrelation and turnover of a signal on one part of a dataset."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from vp_harness.judgement.verdict import t_quantile
from vp_harness.prediction import _kernels
from vp_harness.prediction.sample import PartSample, finite, ranks_of, residual, standardised

_MS_PER_HOUR: Final = 3_600_000
_Z95: Final = 1.959963984540054
_NOTHING_LEFT: Final = 1e-3
"""Deviation of what the baselines leave of a signal's standardised ranks, below which nothing is left of it."""


class HorizonFigures(msgspec.Struct, frozen=True, kw_only=True):
    """What a signal says about the move of the mid over one horizon. None where nothing can be measured.

    `ic` is the Spearman rank correlation of value and move, `partial_ic` that of what the baselines leave of both
    ranks. `autocorrelation` is that of the signal's ranks at this lag. `decile_ticks` has the mean move in ticks of
    each decile of the signal, the lowest values first. `*_low` and `*_high` bound 95 % intervals.
    """

    horizon_ms: int
    ic: float | None
    ic_low: float | None
    ic_high: float | None
    partial_ic: float | None
    partial_ic_low: float | None
    partial_ic_high: float | None
    autocorrelation: float | None
    decile_ticks: list[float | None]
    decile_ticks_low: list[float | None]
    decile_ticks_high: list[float | None]


class PartInformation(msgspec.Struct, frozen=True, kw_only=True):
    """What a signal says on one part of a dataset, from `n_samples` bins in `n_blocks` blocks.

    `after` names the baselines of the partial IC. `best_horizon_ms` is the horizon of the greatest |ic|, `half_ms` the
    first one after it with at most half of that; None where it is not reached. `turnover_per_hour` is how often an
    hour a position proportional to the signal's centred rank goes from its mean size on one side to the other.
    """

    n_samples: int
    n_blocks: int
    after: list[str]
    turnover_per_hour: float | None
    best_horizon_ms: int | None
    half_ms: int | None
    horizons: list[HorizonFigures]

    def at(self, horizon_ms: int | None) -> HorizonFigures | None:
        """The figures of one horizon."""
        return next((found for found in self.horizons if found.horizon_ms == horizon_ms), None)


class Information(msgspec.Struct, frozen=True, kw_only=True):
    """What the values of a signal say on both parts of a dataset, ends of bins exclusive."""

    dataset_id: str
    signal: str
    values_digest: str
    choose_first: int
    choose_end: int
    confirm_first: int
    confirm_end: int
    choose: PartInformation
    confirm: PartInformation


def information_of(
    values: NDArray[np.float64],
    sample: PartSample,
    baselines: Mapping[str, NDArray[np.float64]],
    *,
    signal: str,
    cell_width_ms: int,
) -> PartInformation:
    """Measure `values` (n_bins, one of every bin of the dataset) on a sample.

    `baselines` are the values of the baseline signals by name; a signal of such a name is held against the others.
    Intervals are of a moving-block bootstrap (Künsch 1989) with blocks as long as the longest horizon. The ranks are
    those of the whole part in every resample. The distances from the figure to the bootstrap's 2.5 and 97.5 %
    quantiles are multiplied by Student's quantile over the normal one and sqrt(k / (k - 1)), k being the blocks.
    """
    if not sample.usable:
        return PartInformation(
            n_samples=len(sample.bins),
            n_blocks=sample.blocks,
            after=[],
            turnover_per_hour=None,
            best_horizon_ms=None,
            half_ms=None,
            horizons=[],
        )
    n, horizons = len(sample.bins), len(sample.horizons)
    ranks = ranks_of(finite(values[sample.bins]))
    x = standardised(ranks)
    after = sample.after(baselines, signal)
    left_x = residual(x, after.basis)
    left_x = standardised(left_x) if np.std(left_x) > _NOTHING_LEFT else np.zeros(n)
    decile = np.minimum((10 * (ranks - 0.5) / n).astype(np.int64), 9)
    of_signal = np.zeros((sample.n_cells + 1, _kernels.OF_SIGNAL + 12 * horizons))
    _kernels.signal_sums(x, sample.y, left_x, after.y, sample.moves, decile, sample.cell, of_signal)
    cells = np.concatenate([of_signal, after.cells], axis=1)
    points = np.empty(12 * horizons)
    _kernels.whole(cells, n, horizons, points)
    draws = np.empty((len(sample.starts), 12 * horizons))
    _kernels.resampled(cells, sample.cell, sample.cells_a_block, horizons, sample.starts, draws)
    ordered = np.ascontiguousarray(draws.T)
    ordered.sort(axis=1)  # NaN at the end
    bounds = np.empty((12 * horizons, 2))
    _kernels.bounds_of(ordered, 0.025, 0.975, bounds)
    autocorrelations = np.empty(horizons)
    _kernels.autocorrelations(x, sample.later, autocorrelations)
    wider = t_quantile(sample.blocks - 1) / _Z95 * math.sqrt(sample.blocks / (sample.blocks - 1))
    bounds = points[:, np.newaxis] + wider * (bounds - points[:, np.newaxis])
    bounds[: 2 * horizons] = np.clip(bounds[: 2 * horizons], -1.0, 1.0)
    figures = []
    for h, bins in enumerate(sample.horizons):
        ic, partial, tenths = h, horizons + h, slice(2 * horizons + 10 * h, 2 * horizons + 10 * h + 10)
        figures.append(
            HorizonFigures(
                horizon_ms=bins * cell_width_ms,
                ic=_known(points[ic]),
                ic_low=_known(bounds[ic, 0]),
                ic_high=_known(bounds[ic, 1]),
                partial_ic=_known(points[partial]),
                partial_ic_low=_known(bounds[partial, 0]),
                partial_ic_high=_known(bounds[partial, 1]),
                autocorrelation=_known(autocorrelations[h]),
                decile_ticks=[_known(value) for value in points[tenths]],
                decile_ticks_low=[_known(value) for value in bounds[tenths, 0]],
                decile_ticks_high=[_known(value) for value in bounds[tenths, 1]],
            )
        )
    best, half = peak_of([(found.horizon_ms, found.ic) for found in figures])
    return PartInformation(
        n_samples=n,
        n_blocks=sample.blocks,
        after=list(after.names),
        turnover_per_hour=_turnover(x, sample.bins, cell_width_ms),
        best_horizon_ms=best,
        half_ms=half,
        horizons=figures,
    )


def peak_of(ics: list[tuple[int, float | None]]) -> tuple[int | None, int | None]:
    """The horizon of the greatest |ic|, and the first one after it with at most half of that.

    Example: [(100, 0.1), (500, -0.3), (1000, -0.2), (2000, -0.1)]: (500, 2000).
    """
    known = [(horizon, abs(ic)) for horizon, ic in ics if ic is not None]
    if not known:
        return None, None
    best, most = max(known, key=lambda found: found[1])
    half = next((horizon for horizon, size in known if horizon > best and size <= most / 2), None)
    return best, half


def _turnover(x: NDArray[np.float64], bins: NDArray[np.int64], cell_width_ms: int) -> float | None:
    size = float(np.mean(np.abs(x)))
    if size == 0.0 or len(bins) < 2:
        return None
    hours = (len(bins) - 1) * cell_width_ms / _MS_PER_HOUR
    return float(np.sum(np.abs(np.diff(x)))) / (2.0 * size) / hours


def _known(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None
