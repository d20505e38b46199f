"""`CellSpectrum`: the score of every cell from its own history."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from . import _cells
from ._checks import real_array, whole
from .errors import InputError
from .params import SpectrumParams
from .scores.own_blend import Blend, blended, checked_blend

_MOST_CELLS = 1 << 20
_INT64_MAX = (1 << 63) - 1


@dataclass(frozen=True, slots=True, eq=False)
class SpectrumFrame:
    """Results of one bin for the cells `lo` to `hi` (`hi` excluded). The arrays are the frame's own.

    Arrays have shape `(hi - lo,)`, float64 but for `flow_state_code` (int8: +1, 0, -1). `composite` and `flow_score`
    are in [-1, 1]. `projections` maps each horizon in ms to the score expected then.
    """

    ts_ns: int
    lo: int
    hi: int
    composite: npt.NDArray[np.float64]
    composite_d1: npt.NDArray[np.float64]
    composite_d2: npt.NDArray[np.float64]
    composite_d3: npt.NDArray[np.float64]
    flow_score: npt.NDArray[np.float64]
    flow_state_code: npt.NDArray[np.int8]
    projections: dict[int, npt.NDArray[np.float64]]


class CellSpectrum:
    """Scores `n_cells` cells bin by bin, each from its own history only (spectrum specification, section 1).

    Per bin and cell, from pressure P and vacuum V: `composite = (P - V) / (|P| + |V| + 1e-12)`; `rolled`, the weighted
    mean over flow windows of its means over the last `min(window, seen)` bins; d1, d2, d3, the successive differences
    of `rolled`, d1 and d2, each per second; their robust z-scores; `flow_score`, the tanh blend of those; and
    projections of it.

    A difference is 0 until there are as many bins before as it reaches back, and such a 0 is a value of the z-score's
    window like any other: after n bins a window holds `min(n, zscore_window)` values.

    The composites of all cells are stored. Everything else is computed for the cells that a bin asks for, and has the
    same bits whichever cells earlier bins asked for. That includes the projection's differences of the score, which are
    those of the cell's last four bins whether it was served in them or not.

    `blend` takes the place of the tanh blend: it makes `flow_score` of the three z-scores of each cell (see `Blend`).
    State codes and projections follow from it. A cell with fewer values than its min periods has the score 0 with any
    blend.

    >>> spectrum = CellSpectrum(SpectrumParams(), n_cells=64)
    >>> frame = spectrum.update(100_000_000, np.full(64, 3.0), np.ones(64), lo=30, hi=35)
    >>> frame.composite.round(6).tolist()
    [0.5, 0.5, 0.5, 0.5, 0.5]
    >>> own = CellSpectrum(SpectrumParams(zscore_min_periods=1), n_cells=64, blend=lambda z: z[:, 0] / 10.0)
    >>> own.update(100_000_000, np.full(64, 3.0), np.ones(64), lo=30, hi=35).flow_score.tolist()
    [0.0, 0.0, 0.0, 0.0, 0.0]
    """

    def __init__(self, params: SpectrumParams, n_cells: int, *, blend: Blend | None = None) -> None:
        """Start with `n_cells` (1 to 1048576) cells without history. Memory is about 8 bytes a cell and z-window bin.

        Raises `ParameterError` for another `n_cells`, and for a `blend` that cannot be called.
        """
        checked_blend(blend)
        self._blend = blend
        self._params = params
        self._n_cells = whole("n_cells", n_cells, 1, _MOST_CELLS)
        self._plan = _plan(params)
        self._longest = params.rollup[-1][0]
        # From the bin to record back to the oldest composite that the z-window of three bins ago rests on, and more for
        # cells that are built over several bins.
        self._depth = params.zscore_window + self._longest + 2 * _cells.SCORES + _cells.SLACK
        # Rows a power of two apart would fall into the same few cache sets: keep them odd cache lines apart.
        stride = (self._n_cells + 7) // 16 * 16 + 8
        self._history = _cells.History(
            composite=np.zeros((self._depth, stride)),
            born=np.zeros(self._n_cells, dtype=np.int64),
        )
        self._track = _empty_track(1, self._longest, params.zscore_window)
        self._room = np.zeros((2, self._n_cells))
        self._origin = 0
        self._bins = 0
        self._ts_ns = -_INT64_MAX

    @property
    def params(self) -> SpectrumParams:
        """The parameters it was made with."""
        return self._params

    @property
    def n_cells(self) -> int:
        """Cells in the range."""
        return self._n_cells

    @property
    def bins(self) -> int:
        """Bins taken in so far."""
        return self._bins

    def seen(self) -> npt.NDArray[np.int64]:
        """Per cell of the range, int64 `(n_cells,)`, the bins since it entered."""
        cells = (np.arange(self._n_cells, dtype=np.int64) + self._origin) % self._n_cells
        return self._bins - self._history.born[cells]

    def shift(self, cells: int) -> None:
        """Recenter before the next bin: what is at index `i` from now on was at `i + cells` before.

        Histories stay with their cells; those that enter the range start empty, also if they had been in it earlier.
        Raises `ParameterError` unless `cells` is a whole number.
        """
        moved = whole("cells", cells, -_INT64_MAX // 4, _INT64_MAX // 4)
        old = self._origin
        self._origin = whole("cells shifted in all", old + moved, -_INT64_MAX // 4, _INT64_MAX // 4)
        entering = min(abs(moved), self._n_cells)
        first = self._origin + self._n_cells - entering if moved > 0 else self._origin
        columns = (np.arange(entering, dtype=np.int64) + first) % self._n_cells
        self._history.born[columns] = self._bins

    def update(
        self, ts_ns: int, pressure: npt.ArrayLike, vacuum: npt.ArrayLike, lo: int = 0, hi: int | None = None
    ) -> SpectrumFrame:
        """Take in the next bin of all cells and return the results of the cells `lo` to `hi` (excluded; None: all).

        `ts_ns` is the bin's end, int64 ns UTC, never before that of the last bin. `pressure` and `vacuum` have shape
        `(n_cells,)`, any real dtype, all finite. Raises `ParameterError` for a wrong `lo` or `hi` and `InputError` for
        anything else that cannot be scored; a refused bin leaves no trace. The exception is an own blend that fails:
        the bin has been taken in, only its results are missing, and the next bin has the right ones.
        """
        at = whole("ts_ns", ts_ns, -_INT64_MAX, _INT64_MAX)
        if at < self._ts_ns:
            raise InputError(f"ts_ns={at}: must not be before the last bin's, {self._ts_ns}")
        low = whole("lo", lo, 0, self._n_cells)
        high = whole("hi", self._n_cells if hi is None else hi, low, self._n_cells)
        p = real_array("pressure", pressure, self._room[0])
        v = real_array("vacuum", vacuum, self._room[1])
        # The row written holds a bin that no result rests on any more, so a refused bin does no harm there.
        row = self._history.composite[self._bins % self._depth]
        if _cells.record(p, v, row, self._origin) != self._n_cells:
            raise _not_finite(p, v)
        self._ts_ns = at
        self._bins += 1
        return self._serve(low, high)

    def _serve(self, low: int, high: int) -> SpectrumFrame:
        rows = high - low
        now = self._bins - 1
        self._reserve(min(rows + 2 * _cells.GUARD, self._n_cells))
        values = np.empty((5, rows))
        codes = np.empty(rows, dtype=np.int8)
        projections = np.empty((rows, len(self._params.horizons_ms)))
        _cells.serve(self._history, self._track, self._plan, self._origin, low, now, values, codes, projections)
        if self._blend is not None:
            scores = self._own_scores(self._blend, low, rows, now)
            first = self._origin + low
            _cells.rescore(self._history, self._track, self._plan, first, now, scores, values, codes, projections)
        return SpectrumFrame(
            ts_ns=self._ts_ns,
            lo=low,
            hi=high,
            composite=values[0],
            composite_d1=values[1],
            composite_d2=values[2],
            composite_d3=values[3],
            flow_score=values[4],
            flow_state_code=codes,
            projections={ms: projections[:, j] for j, ms in enumerate(self._params.horizons_ms)},
        )

    def _own_scores(self, blend: Blend, low: int, rows: int, now: int) -> npt.NDArray[np.float64]:
        """Scores (rows, SCORES) of the cells from `low` on in bin `now`, the first column, and in those before it."""
        cells = np.arange(rows, dtype=np.int64) + self._origin + low
        bins = now - np.arange(_cells.SCORES, dtype=np.int64)
        slots = cells % self._track.cell.size
        z = self._track.z[slots[:, None], bins % _cells.SCORES]
        values = bins - self._history.born[cells % self._n_cells][:, None] + 1  # that the windows have had by then
        return blended(blend, z, values >= self._params.zscore_min_periods)

    def _reserve(self, slots: int) -> None:
        """Have room to track this many cells next to one another; what was tracked is rebuilt from the history."""
        if slots > self._track.cell.size:
            room = min(1 << (slots - 1).bit_length(), self._n_cells)
            self._track = _empty_track(room, self._longest, self._params.zscore_window)


def _not_finite(pressure: npt.NDArray[np.float64], vacuum: npt.NDArray[np.float64]) -> InputError:
    name, array = ("vacuum", vacuum) if np.isfinite(pressure).all() else ("pressure", pressure)
    bad = np.flatnonzero(~np.isfinite(array))
    return InputError(f"{name}[{bad[0]}]={array[bad[0]]}: must be finite ({bad.size} of the cells are not)")


def _plan(params: SpectrumParams) -> _cells.Plan:
    horizons = [ms / 1000.0 for ms in params.horizons_ms]
    return _cells.Plan(
        windows=np.array([window for window, _ in params.rollup], dtype=np.int64),
        rollup=np.array([weight for _, weight in params.rollup]),
        weights=np.array(params.derivative_weights),
        tanh_scale=params.tanh_scale,
        neutral=params.neutral_threshold,
        min_periods=params.zscore_min_periods,
        bin_seconds=params.bin_seconds,
        horizons=np.array(horizons, dtype=np.float64),
        damping=np.array([math.exp(-params.damping_lambda * h) for h in horizons], dtype=np.float64),
        cubic=params.cubic_scale if params.use_cubic else 0.0,
    )


def _empty_track(slots: int, longest: int, window: int) -> _cells.Track:
    return _cells.Track(
        cell=np.zeros(slots, dtype=np.int64),
        upto=np.full(slots, -1, dtype=np.int64),
        recent=np.zeros((slots, longest)),
        chain=np.zeros((slots, 4)),
        window=window,
        ring=np.zeros(slots * 3 * window),
        ordered=np.zeros(slots * 3 * window),
        size=np.zeros(slots, dtype=np.int64),
        scores=np.zeros((slots, _cells.SCORES)),
        z=np.zeros((slots, _cells.SCORES, 3)),
    )
