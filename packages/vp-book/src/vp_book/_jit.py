"""How this package compiles its kernels."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, TypeVar, cast

import numba

from .kernel_cache import cached, uncounted

_R = TypeVar("_R")

# Fast-math stays off: sums keep their written order. With reference counting, the book ran at a quarter of the speed.
_OPTIONS: Final[dict[str, Any]] = {"nogil": True, "error_model": "numpy", **uncounted()}


def kernel(function: Callable[..., _R]) -> Callable[..., _R]:
    """Compile a function that Python calls, on its first call: GIL released, cached on disk, IEEE results for x/0.

    A kernel is only ever called with one set of dtypes: every other one is compiled and kept besides.
    """
    return cast(Callable[..., _R], cached(numba.njit(**_OPTIONS)(function)))


def inlined(function: Callable[..., _R]) -> Callable[..., _R]:
    """A function that only kernels call, inlined at every call: compiled and cached with the kernel.

    A call passes the arrays of a tuple as some ninety machine words, which takes longer than most of these functions:
    with calls, the book ran at half the speed. Not cached by itself, because numba compiles it anew for every constant
    it is called with inside a kernel. (Its own `register_jitable` would not, but takes no `_nrt`.)
    """
    return cast(Callable[..., _R], numba.njit(forceinline=True, **_OPTIONS)(function))


def called(function: Callable[..., _R]) -> Callable[..., _R]:
    """A function that only kernels call and that is long, rarely needed or used in many places: called, not inlined."""
    return cast(Callable[..., _R], numba.njit(**_OPTIONS)(function))
