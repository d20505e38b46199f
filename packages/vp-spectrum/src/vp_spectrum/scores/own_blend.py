"""An own blend: what a user's function is given, and what it has to give back."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from vp_spectrum.errors import InputError, ParameterError

Blend: TypeAlias = Callable[[npt.NDArray[np.float64]], npt.ArrayLike]
"""z-scores (n, 3) of d1, d2, d3, float64, a row for each cell and bin, to the n scores of these rows.

The rows are those of cells that have their min periods; their order means nothing, and n changes from bin to bin. It is
not called for none. A row's score must depend on that row alone: a cell has the same numbers then whichever cells are
asked for. Scores are clipped to [-1, 1].

    def strongest(z):
        return np.tanh(z[np.arange(len(z)), np.abs(z).argmax(axis=1)] / 3.0)
"""


def checked_blend(blend: object) -> None:
    """Raise `ParameterError` for something that cannot be called."""
    if blend is not None and not callable(blend):
        raise ParameterError(
            f"blend={blend!r}: must be a function of z-scores (n, 3) that gives n scores, or None for the tanh blend"
        )


def blended(blend: Blend, z: npt.NDArray[np.float64], ready: npt.NDArray[np.bool_]) -> npt.NDArray[np.float64]:
    """Scores (rows, bins) of `z` (rows, bins, 3) where `ready` (rows, bins), and 0 elsewhere, clipped to [-1, 1].

    Raises `InputError` for scores of another shape or type, or that are not finite. What `blend` raises passes through.
    """
    scores = np.zeros(ready.shape)
    given = z[ready]
    if not len(given):
        return scores
    found = np.asarray(blend(given.copy()))
    if found.shape != (len(given),) or found.dtype.kind not in "fiu":
        raise InputError(
            f"blend: gave shape {found.shape} of {found.dtype} for {len(given)} rows of z-scores, must give as many "
            "real numbers as there are rows"
        )
    bad = np.flatnonzero(~np.isfinite(found))
    if bad.size:
        raise InputError(
            f"blend: gave {found[bad[0]]} for the z-scores {given[bad[0]].tolist()}; must be finite "
            f"({bad.size} of {len(given)} are not)"
        )
    scores[ready] = np.clip(found, -1.0, 1.0)
    return scores
