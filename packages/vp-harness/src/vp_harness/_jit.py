"""How this package compiles a kernel."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar, cast

import numba

_F = TypeVar("_F", bound=Callable[..., object])


def kernel(function: _F) -> _F:
    """Compile `function` on its first call: GIL released, cached on disk, IEEE results for a division by zero.

    A kernel is only ever called with one set of dtypes. With several, processes that compile at the same time could
    write each other's cache entries.
    """
    return cast(_F, numba.njit(cache=True, nogil=True, error_model="numpy")(function))
