"""`tanh`: the hyperbolic tangent that all scores are blended with."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from vp_spectrum.errors import InputError

from . import blend as _blend


def tanh(x: npt.ArrayLike) -> npt.NDArray[np.float64]:
    """Hyperbolic tangent of numbers of one dimension, within 4 units in the last place.

    `x` is (n,), the result float64 (n,). It takes the four IEEE operations alone, so that every platform gets the same
    bits; that of C libraries differs.

    >>> tanh([0.0, 0.5, -20.0]).round(6).tolist()
    [0.0, 0.462117, -1.0]
    """
    array = np.array(x, dtype=np.float64)  # a copy: kernels are compiled for arrays of one kind
    if array.ndim != 1:
        raise InputError(f"x: shape {array.shape}, must be one dimension")
    out = np.empty(array.size)
    _blend.tanh_all(array, out)
    return out


def tanh_of(x: float) -> float:
    """The same of one number, to the same bits, without an array.

    >>> round(tanh_of(0.5), 6)
    0.462117
    """
    return _blend.tanh_one(float(x))
