"""Checks of arguments, each with a message that names the parameter, what is allowed and what was given."""

from __future__ import annotations

import math
from numbers import Integral, Real

from ._checked import checked_int
from .errors import ParameterError


def whole_number(name: str, value: object, low: int, high: int) -> int:
    """The value as an int. Raises `ParameterError` unless it is an integer from `low` to `high`."""
    if isinstance(value, Integral) and int(value) < low:
        raise ParameterError(f"{name} must be at least {low}, got {value!r}")
    return checked_int(name, value, low, high)


def seconds(name: str, value: object, high: int) -> float:
    """The value as a float. Raises `ParameterError` unless it is a number from 0 to `high`."""
    if isinstance(value, bool) or not isinstance(value, Real) or math.isnan(value):
        raise ParameterError(f"{name}={value!r}: must be a number of seconds from 0 to {high}")
    number = float(value)
    if number < 0:
        raise ParameterError(f"{name} must not be negative, got {value!r}")
    if number > high:
        raise ParameterError(f"{name}={value!r}: out of range; allowed are 0 to {high} seconds")
    return number
