"""How this package compiles a kernel."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, TypeVar, cast

import numba

_R = TypeVar("_R")

# Kernels allocate nothing, so the reference counting of arrays (`_nrt`) is left out: with it, each small function counts
# a dozen arrays up and down, and the book ran at a quarter of the speed.
_OPTIONS: Final[dict[str, Any]] = {"cache": True, "nogil": True, "error_model": "numpy", "_nrt": False}


def kernel(function: Callable[..., _R]) -> Callable[..., _R]:
    """Compile `function` on its first call: GIL released, cached on disk, no exceptions for division by zero.

    A kernel is only ever called with one set of dtypes. With several, processes that compile at the same time could
    write each other's cache entries.
    """
    return cast(Callable[..., _R], numba.njit(**_OPTIONS)(function))
