"""How this package compiles its kernels."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, TypeVar, cast

import numba

from .kernel_cache import cached, uncounted

_R = TypeVar("_R")

# Fast-math stays off: sums keep their written order and products are never fused, so that a machine of another kind
# computes the same bits. With reference counting, a bin took a quarter longer.
_OPTIONS: Final[dict[str, Any]] = {"nogil": True, "error_model": "numpy", **uncounted()}


def kernel(function: Callable[..., _R]) -> Callable[..., _R]:
    """Compile a function that Python calls, on its first call: GIL released, cached on disk, IEEE results for x/0.

    A kernel is only ever called with one set of dtypes: every other one is compiled and kept besides.
    """
    return cast(Callable[..., _R], cached(numba.njit(**_OPTIONS)(function)))


def called(function: Callable[..., _R]) -> Callable[..., _R]:
    """A function that only kernels call: compiled into them and cached with them.

    Not cached by itself, because numba compiles it anew for every constant it is called with inside a kernel.
    """
    return cast(Callable[..., _R], numba.njit(**_OPTIONS)(function))
