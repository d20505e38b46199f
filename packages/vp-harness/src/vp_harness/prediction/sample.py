"""The bins of one part of a dataset at which it is known what the mid did next, and how it moved.

All that does not depend on the signal is computed once a part and shared by every signal.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from vp_harness.evaluation.outcomes import Prices
from vp_harness.prediction import _kernels

HORIZONS_MS: Final = (100, 200, 500, 1000, 2000, 5000, 10_000, 30_000, 60_000)
"""How far ahead is looked."""

BLOCKS_AT_LEAST: Final = 8
"""Longest horizons that a part holds, at least: a horizon of which it holds fewer is left out."""

DRAWS: Final = 500
"""Resamples of a part."""

_CELLS_A_BLOCK: Final = 20
"""Blocks begin at whole cells: 20 of them a block, so that neighbouring blocks overlap by 95 %."""

_SEED: Final = 20260206
_FLAT: Final = 1e-9


def horizons_bins(cell_width_ms: int, part_bins: int) -> tuple[int, ...]:
    """`HORIZONS_MS` in bins: those that are whole bins and of which a part of `part_bins` holds `BLOCKS_AT_LEAST`.

    Example: bins of 100 ms, 3,000 of them: (1, 2, 5, 10, 20, 50, 100, 300).
    """
    whole = (ms // cell_width_ms for ms in HORIZONS_MS if ms >= cell_width_ms and ms % cell_width_ms == 0)
    return tuple(bins for bins in whole if bins * BLOCKS_AT_LEAST <= part_bins)


def ranks_of(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Ranks (n) from 1 on; equal values have the mean of theirs."""
    ranks = np.empty(len(values), np.float64)
    _kernels.average_ranks(values, np.argsort(values), ranks)
    return ranks


def standardised(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Values (n, ...) with mean 0 and deviation 1 along the first axis; all 0 where they do not differ."""
    if not len(values):
        return values.copy()
    centred = values - values.mean(axis=0)
    deviation = np.sqrt(np.mean(centred * centred, axis=0))
    result: NDArray[np.float64] = np.where(deviation > _FLAT, centred / np.maximum(deviation, _FLAT), 0.0)
    return result


class Residuals(NamedTuple):
    """What baselines leave of the moves of a sample, the same for every signal that is measured after them.

    `names` are those that vary, `basis` (n, k) is an orthonormal basis of their centred ranks, `y` (n, horizons) the
    standardised residuals of the moves. `cells` (cells + 1, 4 horizons) are their sums: see `_kernels.move_sums`.
    """

    names: tuple[str, ...]
    basis: NDArray[np.float64]
    y: NDArray[np.float64]
    cells: NDArray[np.float64]


class PartSample:
    """The samples of `ranges` of bins, first (inclusive) to end (exclusive), one a day, ascending: bins with a valid
    book, now and at every horizon, which lies in the same range.

    `bins` int64 (n) are those bins, `moves` float64 (n, horizons) the moves of the mid in ticks, `y` their standardised
    ranks, `later` int32 (horizons, n) the samples one horizon later or -1. `starts` are the first cells of the blocks
    of each resample, `cell` and `cells_a_block` their lengths in samples and cells. One sample serves all horizons, so
    that a signal is ranked once.
    """

    def __init__(self, prices: Prices, horizons: tuple[int, ...], ranges: Sequence[tuple[int, int]]) -> None:
        self.horizons = horizons
        longest = max(horizons, default=0)
        spans = [np.arange(first, max(first, end - longest), dtype=np.int64) for first, end in ranges]
        bins: NDArray[np.int64] = np.concatenate(spans)
        known = prices.valid[bins]
        for horizon in horizons:
            known = known & prices.valid[bins + horizon]
        self.bins = bins[known]
        half = prices.quotes[0] + prices.quotes[1]
        ahead = self.bins[:, np.newaxis] + np.array(horizons, np.int64)
        self.moves = np.ascontiguousarray(
            (half[ahead] - half[self.bins][:, np.newaxis]) / (2.0 * prices.tick_int), np.float64
        )
        self.y = np.empty_like(self.moves)
        for h in range(len(horizons)):
            self.y[:, h] = standardised(ranks_of(np.ascontiguousarray(self.moves[:, h])))
        self.cell = max(1, -(-longest // _CELLS_A_BLOCK))
        self.cells_a_block = max(1, longest // self.cell)
        self.n_cells = len(self.bins) // self.cell
        self.blocks = self.n_cells // self.cells_a_block
        self.starts = np.empty((DRAWS, self.blocks), np.int64)
        if self.usable:
            _kernels.block_starts(np.uint64(_SEED), self.n_cells - self.cells_a_block + 1, self.starts)
        self.later = np.full((len(horizons), len(self.bins)), -1, np.int32)
        for h, horizon in enumerate(horizons):
            at = np.minimum(np.searchsorted(self.bins, self.bins + horizon), len(self.bins) - 1)
            self.later[h] = np.where(self.bins[at] == self.bins + horizon, at, -1) if len(self.bins) else -1
        self._residuals: dict[str, Residuals] = {}

    @property
    def usable(self) -> bool:
        """Whether there is enough to measure: two blocks at least."""
        return bool(self.horizons) and self.blocks >= 2

    @property
    def nbytes(self) -> int:
        """Memory of its arrays."""
        return self.bins.nbytes + self.moves.nbytes + self.y.nbytes + self.starts.nbytes + 6 * self.y.nbytes

    def after(self, baselines: Mapping[str, NDArray[np.float64]], signal: str) -> Residuals:
        """What `baselines` (values over all bins by name) leave of the ranks of moves: all of them but `signal`."""
        without = signal if signal in baselines else ""
        if without not in self._residuals:
            self._residuals[without] = self._after({name: of for name, of in baselines.items() if name != without})
        return self._residuals[without]

    def _after(self, baselines: Mapping[str, NDArray[np.float64]]) -> Residuals:
        n, horizons = self.y.shape
        ranked = {name: standardised(ranks_of(finite(values[self.bins]))) for name, values in baselines.items()}
        names = tuple(name for name, ranks in ranked.items() if ranks.any())
        basis = np.zeros((n, 0))
        if names:
            left, size, _ = np.linalg.svd(np.stack([ranked[name] for name in names], axis=1), full_matrices=False)
            basis = left[:, size > 1e-6 * size[0]]
        y = standardised(residual(self.y, basis))
        cells = np.zeros((self.n_cells + 1, 4 * horizons))
        _kernels.move_sums(self.y, y, self.cell, cells)
        return Residuals(names, basis, y, cells)


def residual(values: NDArray[np.float64], basis: NDArray[np.float64]) -> NDArray[np.float64]:
    """What an orthonormal `basis` (n, k) leaves of `values` (n, ...)."""
    result: NDArray[np.float64] = values - basis @ (basis.T @ values)
    return result


def finite(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Values with 0 for those that are not finite: such a bin is flat, as it is for events."""
    return np.where(np.isfinite(values), values, 0.0)
