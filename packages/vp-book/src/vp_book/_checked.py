"""Checks of arguments: each message names the parameter, what was given and what is allowed."""

from __future__ import annotations

import math
import operator
from numbers import Integral, Real
from os import PathLike, fspath
from pathlib import Path
from typing import Final

import numpy as np

from .errors import ParameterError
from .records import KERNEL_DTYPE, MBO_DTYPE

FOREVER: Final = 2**62
"""A stop time that no clock reaches. Prices and times beyond it are undefined or nonsense."""


def checked_int(name: str, value: object, low: int, high: int) -> int:
    """`value` as an int from `low` to `high`, both included.

    NumPy's integers are integers; floats and booleans are not, whatever their value. Raises `ParameterError`.
    """
    try:
        if isinstance(value, (bool, np.bool_)):
            raise TypeError
        number = operator.index(value)  # type: ignore[arg-type]
    except TypeError:
        raise ParameterError(f"{name}={value!r}: must be an integer from {low} to {high}") from None
    if not low <= number <= high:
        raise ParameterError(f"{name}={value!r}: out of range; allowed are integers from {low} to {high}")
    return number


def whole_number(name: str, value: object, low: int, high: int) -> int:
    """The value as an int. Raises `ParameterError` unless it is an integer from `low` to `high`."""
    if isinstance(value, Integral) and int(value) < low:
        raise ParameterError(f"{name}={value!r}: must be at least {low}")
    return checked_int(name, value, low, high)


def seconds(name: str, value: object, high: int) -> float:
    """The value as a float. Raises `ParameterError` unless it is a number from 0 to `high`."""
    if isinstance(value, bool) or not isinstance(value, Real) or math.isnan(value):
        raise ParameterError(f"{name}={value!r}: must be a number of seconds from 0 to {high}")
    number = float(value)
    if number < 0:
        raise ParameterError(f"{name}={value!r}: must not be negative")
    if number > high:
        raise ParameterError(f"{name}={value!r}: out of range; allowed are 0 to {high} seconds")
    return number


def checked_choice(name: str, value: object, allowed: tuple[str, ...]) -> str:
    """`value`, which has to be one of a few words. Raises `ParameterError`."""
    if not isinstance(value, str) or value not in allowed:
        words = " or ".join(repr(word) for word in allowed)
        raise ParameterError(f"{name}={value!r}: must be {words}")
    return value


def checked_path(name: str, value: object) -> Path:
    """`value` as a path. Raises `ParameterError`."""
    if not isinstance(value, (str, PathLike)) or not isinstance(text := fspath(value), str) or "\0" in text:
        raise ParameterError(f"{name}={value!r}: must be the path of a file, as text or a Path")
    return Path(text)


def kernel_view(records: np.ndarray) -> np.ndarray:
    """The records as compiled code takes them: one dimension, contiguous, read-only, of `KERNEL_DTYPE`.

    Read-only whatever the caller's array is, because numba takes the two for different types and would compile the
    kernels once for each. Nothing is copied unless the array is not contiguous. Raises `ParameterError` for what is
    not an array of `MBO_DTYPE` with one dimension.
    """
    if not isinstance(records, np.ndarray):
        raise ParameterError(f"records={type(records).__name__}: must be a NumPy array of dtype MBO_DTYPE")
    if records.dtype != MBO_DTYPE:
        raise ParameterError(f"records of dtype {records.dtype}: must have dtype MBO_DTYPE")
    if records.ndim != 1:
        raise ParameterError(f"records of shape {records.shape}: must have one dimension")
    view = np.ascontiguousarray(records).view(np.ndarray).view(KERNEL_DTYPE)
    view.flags.writeable = False
    return view
