"""`RobustWindow`: the robust z-score of a stream of numbers."""

from __future__ import annotations

import math
from typing import Literal

import numpy as np
import numpy.typing as npt

from vp_spectrum._checks import whole
from vp_spectrum.errors import InputError, ParameterError

from . import window as _window


class RobustWindow:
    """z-score of each number of a stream among the last `window` ones, itself included.

    `z = (x - median) / (1.4826 * MAD)`, median and MAD being exactly those of `numpy.median`. What there is for a
    degenerate window is the `fallback`:

    - `"zero"` (the rule of the cells): 0 when the scale is under 1e-9;
    - `"std"` (the rule of the derivative stage): when the MAD is 0, `(x - mean) / std` of the same window, with the
      population standard deviation, and 0 when that is 0 too.

    With fewer than `min_periods` numbers z is 0. It is finite for every finite input.

    >>> window = RobustWindow(window=300, min_periods=2)
    >>> [round(window.push(x), 4) for x in (1.0, 2.0, 4.0)]
    [0.0, 0.6745, 1.349]
    """

    def __init__(self, window: int, min_periods: int, fallback: Literal["zero", "std"] = "zero") -> None:
        """Start empty. `window` is 2 to 10000, `min_periods` 1 to `window`; `ParameterError` for anything else."""
        self._window = whole("window", window, 2, 10_000)
        self._min_periods = whole("min_periods", min_periods, 1, self._window)
        if fallback not in ("zero", "std"):
            raise ParameterError(f"fallback={fallback!r}: must be 'zero' or 'std'")
        self._std = fallback == "std"
        self._ring = np.zeros(self._window)
        self._ordered = np.zeros(self._window)
        self._seen = 0

    @property
    def count(self) -> int:
        """Numbers in the window."""
        return min(self._seen, self._window)

    @property
    def ready(self) -> bool:
        """Whether there are `min_periods` numbers."""
        return self.count >= self._min_periods

    def push(self, x: float) -> float:
        """Let `x` in and return its z-score. `InputError` unless `x` is finite; it leaves no trace then."""
        value = float(x)
        if not math.isfinite(value):
            raise InputError(f"x={value}: must be finite")
        z = _window.push(self._ring, self._ordered, self._seen, value, self._min_periods, self._std)
        self._seen += 1
        return z

    def push_all(self, values: npt.ArrayLike) -> npt.NDArray[np.float64]:
        """Let the values of one dimension in, one after the other: the z-score of each, bit for bit as `push` has it.

        `values` are (n,), the z-scores float64 (n,). `InputError` unless all are finite; none leaves a trace then.

        >>> RobustWindow(5, 3).push_all([1.0, 2.0, 3.0, 5.0]).round(3).tolist()
        [0.0, 0.0, 0.674, 1.686]
        """
        array = np.array(values, dtype=np.float64)  # a copy: kernels are compiled for arrays of one kind
        if array.ndim != 1 or not np.isfinite(array).all():
            raise InputError(f"values: shape {array.shape}, must be finite numbers of one dimension")
        z = np.empty(array.size)
        _window.push_all(self._ring, self._ordered, self._seen, array, self._min_periods, self._std, z)
        self._seen += array.size
        return z
