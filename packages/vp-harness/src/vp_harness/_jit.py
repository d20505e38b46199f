"""How this package compiles a kernel."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar, cast

import numba

from vp_book.kernel_cache import cached

_F = TypeVar("_F", bound=Callable[..., object])


def kernel(function: _F) -> _F:
    """Compile `function` on its first call: GIL released, cached on disk, IEEE results for a division by zero.

    A kernel is only ever called with one set of dtypes: every other one is compiled and kept besides.
    """
    return cast(_F, cached(numba.njit(nogil=True, error_model="numpy")(function)))


def called(function: _F) -> _F:
    """A function that only kernels call: compiled into them and cached with them."""
    return cast(_F, numba.njit(nogil=True, error_model="numpy")(function))
