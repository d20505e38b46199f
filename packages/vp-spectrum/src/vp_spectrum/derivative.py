"""`DerivativeStage`: one score a bin from the five-state codes of the rows."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ._checks import whole_array
from ._jit import kernel
from .errors import InputError, ParameterError
from .params import DerivativeParams
from .scores.blend import blend, blend_all
from .scores.codes import BEAR_VACUUM, BULL_VACUUM, MIXED
from .scores.robust import RobustWindow

_NAME = "derivative"
# Row weights are multiples of this: sums of them up to 1 are exact, so that equal intensities are equal floats
# whatever the order of the rows. Otherwise a bin in which nothing changed could show a difference of 1e-17, and a
# window full of those has a MAD that is not 0.
_GRAIN = 2.0**-52
_FARTHEST_ROW = 1 << 31


@dataclass(frozen=True, slots=True)
class DerivativeFrame:
    """What the stage says of one bin.

    `score` is in [-1, 1]; `ready`: every channel with a weight has its min periods; `sample_count`: values in the
    z-windows; `base` and its differences `d1`, `d2`, `d3` per second with their z-scores; the weighted intensities;
    `dominant_state`: the code with the greatest unweighted intensity, 0 when several share it.
    """

    name: str
    score: float
    ready: bool
    sample_count: int
    base: float
    d1: float
    d2: float
    d3: float
    z1: float
    z2: float
    z3: float
    bull_intensity: float
    bear_intensity: float
    mixed_intensity: float
    dominant_state: int


@kernel
def _intensities(codes: npt.NDArray[np.int64], weights: npt.NDArray[np.float64], out: npt.NDArray[np.float64]) -> bool:
    """Sum the weights of the rows in each state into `out` (5,), for codes -2 to 2; False if there is another code."""
    out[:] = 0.0
    for i in range(codes.size):
        if not -2 <= codes[i] <= 2:
            return False
        out[codes[i] + 2] += weights[i]
    return True


@kernel
def _intensities_all(
    codes: npt.NDArray[np.int64], weights: npt.NDArray[np.float64], out: npt.NDArray[np.float64]
) -> int:
    """`_intensities` of every bin, (n, rows) to (n, 5): the first bin with another code, or n."""
    for t in range(codes.shape[0]):
        if not _intensities(codes[t], weights, out[t]):
            return t
    bins: int = codes.shape[0]
    return bins


class DerivativeStage:
    """Weighted bull against bear intensity of the rows, its differences and their robust z-scores blended to a score.

    Per bin (spectrum specification, section 3): `I_s` is the weight of the rows in state s; `bull = b_p I(+1) +
    b_v I(+2)`, `bear = r_p I(-1) + r_v I(-2)`, `base = (bull - bear) * clip(1 - mixed_weight I(0), 0, 1)`; d1, d2, d3
    are the successive differences of `base` per second, all 0 on the first bin, taken from the 0 of the first bin on
    the second; z by `RobustWindow` with the fallback `"std"`; the score is the tanh blend.

    >>> stage = DerivativeStage(DerivativeParams(), k_values=[-1, 0, 1])
    >>> frame = stage.update([1, 0, 2])  # int, shape (3,): one code a row
    >>> frame.bull_intensity > 0, frame.ready
    (True, False)
    """

    def __init__(self, params: DerivativeParams, k_values: npt.ArrayLike) -> None:
        """Start empty, for rows at the distances `k_values` from spot (one dimension, whole numbers, cells).

        Raises `ParameterError` when all rows are excluded and `InputError` for other `k_values`.
        """
        self._params = params
        self._weights = _row_weights(params, whole_array("k_values", k_values, -_FARTHEST_ROW, _FARTHEST_ROW))
        self._channel_weights = np.array(params.channel_weights)
        self._windows = tuple(
            RobustWindow(params.zscore_window_bins, params.zscore_min_periods, "std") for _ in range(3)
        )
        self._chain: tuple[float, float, float, float] | None = None
        self._shares = np.zeros(5)
        self._z = np.zeros(3)

    @property
    def weights(self) -> npt.NDArray[np.float64]:
        """Weight of each row, float64 (rows,) in the order of `rows`; they sum to 1 within 1e-12.

        >>> DerivativeStage(DerivativeParams(), [-1, 0, 1]).weights.shape
        (3,)
        """
        return self._weights.copy()

    def update(self, state5_code: npt.ArrayLike) -> DerivativeFrame:
        """Take in the next bin: one code of -2 to 2 a row, whole numbers. `InputError` for anything else."""
        codes = np.asarray(state5_code)
        if codes.shape != self._weights.shape:
            raise InputError(f"state5_code: shape {codes.shape}, must be {self._weights.shape}")
        if codes.dtype.kind not in "iu" or not _intensities(codes.astype(np.int64), self._weights, self._shares):
            whole_array("state5_code", codes, BEAR_VACUUM, BULL_VACUUM)  # says which code is wrong
        shares = self._shares.tolist()
        p = self._params
        bull, bear, mixed = self._balance(shares)
        base = (bull - bear) * min(1.0, max(0.0, 1.0 - p.mixed_weight * mixed))
        _, d1, d2, d3 = self._differences(base)
        z1, z2, z3 = (window.push(d) for window, d in zip(self._windows, (d1, d2, d3), strict=True))
        self._z[:] = z1, z2, z3
        greatest = max(shares)
        return DerivativeFrame(
            name=_NAME,
            score=blend(self._z, self._channel_weights, p.tanh_scale),
            ready=self._windows[0].ready,  # all three hold the same number of values
            sample_count=self._windows[0].count,
            base=base,
            d1=d1,
            d2=d2,
            d3=d3,
            z1=z1,
            z2=z2,
            z3=z3,
            bull_intensity=bull,
            bear_intensity=bear,
            mixed_intensity=mixed,
            dominant_state=shares.index(greatest) + BEAR_VACUUM if shares.count(greatest) == 1 else MIXED,
        )

    def scores(self, state5_code: npt.ArrayLike) -> npt.NDArray[np.float64]:
        """Take in the next n bins at once, codes (n, rows): the score of each, bit for bit as `update` has it.

        Codes are whole numbers from -2 to 2, scores float64 (n,) from -1 to 1. `InputError` for anything else, naming
        the first bin that cannot be taken in; the stage is as before then.

        >>> DerivativeStage(DerivativeParams(), [-1, 0, 1]).scores([[2, 0, -2], [2, 2, 2]]).tolist()
        [0.0, 0.0]
        """
        return self.blended([self.z_scores(i, d) for i, d in enumerate(self.differences(state5_code))])

    def differences(self, state5_code: npt.ArrayLike) -> tuple[npt.NDArray[np.float64], ...]:
        """The first of three steps that are `scores` together: (d1, d2, d3) of the next n bins, float64 (n,) each.

        The other two are `z_scores` of each and `blended` of all three. What a step gives depends on the bins and on
        its own parameters, so that who scores the same bins with others can keep it. `InputError` as for `scores`.

        >>> stage = DerivativeStage(DerivativeParams(), [-1, 0, 1])
        >>> [d.round(9).tolist() for d in stage.differences([[0, 0, 0], [2, 2, 2]])]
        [[0.0, 10.0], [0.0, 100.0], [0.0, 1000.0]]
        """
        codes = np.asarray(state5_code)
        if codes.ndim != 2 or codes.shape[1:] != self._weights.shape:
            raise InputError(f"state5_code: shape {codes.shape}, must be (bins, {self._weights.size})")
        if codes.dtype.kind not in "iu":
            raise InputError(f"state5_code: dtype {codes.dtype}, must be whole numbers")
        n = len(codes)
        shares = np.empty((n, 5))
        taken = _intensities_all(codes.astype(np.int64), self._weights, shares)
        if taken < n:
            raise InputError(f"state5_code: bin {taken} has a code that is not a whole number from -2 to 2")
        if not n:
            return np.empty(0), np.empty(0), np.empty(0)
        bull, bear, mixed = self._balance(shares.T)
        base = (bull - bear) * np.clip(1.0 - self._params.mixed_weight * mixed, 0.0, 1.0)
        before = self._chain or (float(base[0]), 0.0, 0.0, 0.0)
        dt = self._params.bin_seconds
        chain = [base]
        for last in before[:3]:
            chain.append(np.diff(chain[-1], prepend=last) / dt)
        self._chain = (float(base[-1]), float(chain[1][-1]), float(chain[2][-1]), float(chain[3][-1]))
        return chain[1], chain[2], chain[3]

    def z_scores(self, channel: int, differences: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        """The second step: the z-scores of one of the three differences, `channel` 0 for d1; float64 (n,).

        `InputError` unless all of them are finite.
        """
        return self._windows[channel].push_all(differences)

    def blended(self, z: Sequence[npt.NDArray[np.float64]]) -> npt.NDArray[np.float64]:
        """The third step: the scores, float64 (n,), of the z-scores of all three, which count as their weights say."""
        scores = np.empty(len(z[0]))
        blend_all(np.stack(z, axis=1), self._channel_weights, self._params.tanh_scale, scores)
        return scores

    def _balance(self, shares: Iterable[Any]) -> tuple[Any, Any, Any]:
        """(bull, bear, mixed) intensity of the shares of the five states, of one bin or as columns of many."""
        bear_vacuum, bear_pressure, mixed, bull_pressure, bull_vacuum = shares
        p = self._params
        bull = p.bull_pressure_weight * bull_pressure + p.bull_vacuum_weight * bull_vacuum
        bear = p.bear_pressure_weight * bear_pressure + p.bear_vacuum_weight * bear_vacuum
        return bull, bear, mixed

    def _differences(self, base: float) -> tuple[float, float, float, float]:
        if self._chain is None:
            self._chain = (base, 0.0, 0.0, 0.0)
        else:
            before, before1, before2, _ = self._chain
            dt = self._params.bin_seconds
            d1 = (base - before) / dt
            d2 = (d1 - before1) / dt
            self._chain = (base, d1, d2, (d2 - before2) / dt)
        return self._chain


def _row_weights(params: DerivativeParams, rows: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
    """0 inside the excluded radius, else `1 / max(|k|, 1) ** decay`; normalised to 1."""
    radius = params.center_exclusion_radius
    distance = np.maximum(np.abs(rows), 1).astype(np.float64)
    kept = np.abs(rows) > radius if radius > 0 else np.ones(rows.size, dtype=np.bool_)
    if not kept.any():
        raise ParameterError(
            f"center_exclusion_radius={radius}: must leave at least one of the {rows.size} rows, "
            f"the farthest is at {int(np.abs(rows).max(initial=0))}"
        )
    # Relative to the nearest row that counts, which keeps a steep decay from underflowing for all of them.
    raw = np.where(kept, (distance[kept].min() / distance) ** params.spatial_decay_power, 0.0)
    weights: npt.NDArray[np.float64] = np.round(raw / raw.sum() / _GRAIN) * _GRAIN
    return weights
