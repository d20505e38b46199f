"""How the functions that the market's kernels call are compiled."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from numba.extending import register_jitable

_F = TypeVar("_F", bound=Callable[..., object])


def called(function: _F) -> _F:
    """A function that kernels can call, compiled into them once and not cached apart from them.

    Python calls it as plain Python. Not `vp_book._jit.kernel`, because numba compiles a kernel that another one calls
    with a constant anew for every constant: the fifty functions here then made 115 compilations, and a cold start
    took 18 s of processor time instead of 11 s.
    """
    return register_jitable(nogil=True, error_model="numpy")(function)
