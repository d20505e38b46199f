"""A digest of the numbers this wheel computes: same digest, same numbers."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Final

import numpy as np

from ._plain import fixed_input as fixed_input
from ._scenarios import SCENARIOS

STEP: Final = 1e-6
"""What floats are rounded to before they are hashed."""


@cache
def conformance_digest() -> str:
    """Sha256, in hex, of what this wheel's own kernels make of a built-in input.

    The input is written here, from a linear congruential generator, so it is the same everywhere. It has every action
    and flag, what contradicts a book, futures and shares, the phases of their sessions, cells of several price ticks,
    warm-up, ranges that move, and clocks that cannot be true (`vp_book.conformance._scenarios`). Hashed are the bins
    with all their columns, the book, and the numbers of the certificate. Floats are rounded to six decimals, and the
    input is chosen such that none of them lies where the last bits of another platform's exp() would decide.
    """
    digest = hashlib.sha256()
    for name, part in part_digests():
        digest.update(f"{name}={part};".encode())
    return digest.hexdigest()


def part_digests() -> Iterator[tuple[str, str]]:
    """(Name of a part of the input, digest of what is made of it), one after the other."""
    for name, scenario in SCENARIOS.items():
        digest = hashlib.sha256()
        for value in scenario():
            for array in numbers(value):
                digest.update(f"{array.dtype.kind}{array.shape}".encode())
                rounded = np.rint(array / STEP) if array.dtype.kind == "f" else array
                digest.update(rounded.astype("<i8").tobytes())
        yield name, digest.hexdigest()


def numbers(value: object) -> Iterator[np.ndarray]:
    """The numbers in a value, floats and integers as they are found; words and None have none."""
    if isinstance(value, Mapping):
        names = sorted(value)
        scalars = [value[name] for name in names if isinstance(value[name], (bool, int, float, np.number))]
        yield from _gathered(scalars)
        for name in names:
            if not isinstance(value[name], (bool, int, float, np.number)):
                yield from numbers(value[name])
    elif isinstance(value, np.ndarray):
        yield value
    elif isinstance(value, (tuple, list)):
        yield np.array([len(value)])  # of words too
        for part in value:
            yield from numbers(part)
    elif isinstance(value, (bool, int, float, np.number)):
        yield from _gathered([value])


def _gathered(scalars: list[bool | int | float | np.number]) -> Iterator[np.ndarray]:
    floats = [float(x) for x in scalars if isinstance(x, (float, np.floating))]
    yield np.array(floats, np.float64)
    yield np.array([int(x) for x in scalars if not isinstance(x, (float, np.floating))], np.int64)
