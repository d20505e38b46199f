"""The tanh blend of z-scores that both the cells and the derivative stage use."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from vp_spectrum._jit import called, kernel


def _lambert(levels: int) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Lambert's tanh x = x / (1 + x^2 / (3 + x^2 / (5 + ...))), cut after `levels`, as a ratio of polynomials in x^2.

    Returns the coefficients of `tanh(x) / x`, highest power first. They are whole numbers, worked out in exact integers
    by the recurrence of continued fractions, A[n] = (2n - 1) A[n-1] + x^2 A[n-2].
    """
    size = levels // 2 + 1
    above = ([0] * size, [1] + [0] * (size - 1))
    below = ([1] + [0] * (size - 1), [1] + [0] * (size - 1))
    for n in range(2, levels + 1):
        above, below = (
            (last, [(2 * n - 1) * a + b for a, b in zip(last, [0, *before], strict=False)])
            for before, last in (above, below)
        )
    return np.array(above[1][::-1], dtype=np.float64), np.array(below[1][::-1], dtype=np.float64)


# Twelve levels are exact to 2e-17 up to 2, which nearly all arguments are.
_ABOVE, _BELOW = _lambert(12)
_TERMS = _ABOVE.size


@called
def tanh(x: float) -> float:
    """Hyperbolic tangent from the four IEEE operations alone, within 4 units in the last place.

    The tanh of C libraries differs in the last bit between platforms, which would give every platform its own
    conformance digest. Arguments above 2 are halved until they are not, and the result is doubled back with
    tanh 2y = 2 tanh y / (1 + tanh^2 y).
    """
    y = abs(x)
    if y >= 20.0:
        return 1.0 if x > 0.0 else -1.0
    doublings = 0
    while y > 2.0:
        y *= 0.5
        doublings += 1
    s = y * y
    above = _ABOVE[0]
    below = _BELOW[0]
    for i in range(1, _TERMS):
        above = above * s + _ABOVE[i]
        below = below * s + _BELOW[i]
    t: float = y * (above / below)
    for _ in range(doublings):
        t = 2.0 * t / (1.0 + t * t)
    t = min(t, 1.0)
    return t if x >= 0.0 else -t


@kernel
def blend(z: npt.NDArray[np.float64], weights: npt.NDArray[np.float64], tanh_scale: float) -> float:
    """`sum(weight * tanh(z / tanh_scale)) / sum(weight)`, clipped to [-1, 1]."""
    total = 0.0
    mass = 0.0
    for i in range(z.size):
        total += weights[i] * tanh(z[i] / tanh_scale)
        mass += weights[i]
    return min(1.0, max(-1.0, total / mass))


@kernel
def blend_all(
    z: npt.NDArray[np.float64], weights: npt.NDArray[np.float64], tanh_scale: float, scores: npt.NDArray[np.float64]
) -> None:
    """`blend` of every row of `z`."""
    for i in range(scores.size):
        scores[i] = blend(z[i], weights, tanh_scale)


@kernel
def tanh_all(x: npt.NDArray[np.float64], out: npt.NDArray[np.float64]) -> None:
    """`tanh` of every value."""
    for i in range(x.size):
        out[i] = tanh(x[i])


@kernel
def tanh_one(x: float) -> float:
    """`tanh` for a caller in Python."""
    return tanh(x)
