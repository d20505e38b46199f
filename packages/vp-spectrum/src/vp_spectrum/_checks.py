"""Checks of arguments: each returns the value it was given, or says which name, which value and what is allowed."""

from __future__ import annotations

import math
from collections.abc import Sequence
from numbers import Integral, Real

import numpy as np
import numpy.typing as npt

from .errors import InputError, ParameterError


def whole(name: str, value: object, low: int, high: int) -> int:
    """`value` as an `int` of `[low, high]`; booleans are refused."""
    if type(value) is int and low <= value <= high:  # the usual case; asking the number tower takes ten times as long
        return value
    if isinstance(value, bool | np.bool_) or not isinstance(value, Integral) or not low <= int(value) <= high:
        raise ParameterError(f"{name}={value!r}: must be a whole number from {low} to {high}")
    return int(value)


def number(name: str, value: object, low: float, high: float) -> float:
    """`value` as a finite `float` of `[low, high]`; booleans are refused."""
    if isinstance(value, bool | np.bool_) or not isinstance(value, Real) or not low <= float(value) <= high:
        raise ParameterError(f"{name}={value!r}: must be a number from {low:g} to {high:g}")
    return float(value)


def flag(name: str, value: object) -> bool:
    """`value` as a `bool`; nothing else is taken for one."""
    if not isinstance(value, bool | np.bool_):
        raise ParameterError(f"{name}={value!r}: must be true or false")
    return bool(value)


def weights(name: str, values: Sequence[object], length: int) -> tuple[float, ...]:
    """`length` finite numbers, none negative, not all 0."""
    checked = tuple(number(f"{name}[{i}]", value, 0.0, 1e6) for i, value in enumerate(values))
    if len(checked) != length:
        raise ParameterError(f"{name}={checked}: must have {length} entries, has {len(checked)}")
    if not math.fsum(checked) > 0.0:
        raise ParameterError(f"{name}={checked}: at least one must be above 0")
    return checked


def distinct(name: str, values: Sequence[object], low: int, high: int) -> tuple[int, ...]:
    """Whole numbers of `[low, high]`, no two the same, in the order given."""
    checked = tuple(whole(f"{name}[{i}]", value, low, high) for i, value in enumerate(values))
    if len(set(checked)) != len(checked):
        raise ParameterError(f"{name}={checked}: no value may come twice")
    return checked


def real_array(name: str, source: npt.ArrayLike, room: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """`source` with the dtype, layout and flags that the kernels are compiled for: itself, or copied into `room`."""
    array = np.asarray(source)
    if array.shape != room.shape:
        raise InputError(f"{name}: shape {array.shape}, must be {room.shape}")
    if array.dtype.kind not in "fiu":
        raise InputError(f"{name}: dtype {array.dtype}, must be real numbers")
    if array.dtype == room.dtype and array.flags.carray:
        return array
    room[:] = array
    return room


def whole_array(name: str, source: npt.ArrayLike, low: int, high: int) -> npt.NDArray[np.int64]:
    """A fresh one-dimensional int64 copy of `source`, every value of `[low, high]`."""
    array = np.asarray(source)
    if array.ndim != 1 or array.dtype.kind not in "iu":
        raise InputError(f"{name}: shape {array.shape} of {array.dtype}, must be one dimension of whole numbers")
    outside = (array < low) | (array > high)
    if outside.any():
        i = int(np.argmax(outside))
        raise InputError(f"{name}[{i}]={array[i]}: must be a whole number from {low} to {high}")
    return array.astype(np.int64)
