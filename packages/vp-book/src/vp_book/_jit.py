"""How this package compiles its kernels."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, TypeVar, cast

import numba

_R = TypeVar("_R")

# Kernels allocate nothing, so the reference counting of arrays (`_nrt`) is left out: with it, each small function
# counts a dozen arrays up and down, and the book ran at a quarter of the speed. Fast-math stays off: sums keep their
# order.
_OPTIONS: Final[dict[str, Any]] = {"nogil": True, "error_model": "numpy", "_nrt": False}


def _sources() -> str:
    """Digest of every module of the package."""
    digest = hashlib.sha256()
    for path in sorted(Path(__file__).parent.rglob("*.py")):
        digest.update(path.name.encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()


STAMP: Final = _sources()
"""Digest of the code that computes: another one may mean other numbers."""


def kernel(function: Callable[..., _R]) -> Callable[..., _R]:
    """Compile a function that Python calls, on its first call: GIL released, cached on disk, IEEE results for x/0.

    A kernel is only ever called with one set of dtypes. With several, processes that compile at the same time could
    write each other's cache entries. numba takes a cached kernel for current as long as its own file has the same time
    and size; but a kernel holds the code of the pieces it calls, so the cache is stamped with the whole package.
    """
    compiled: Any = numba.njit(cache=True, **_OPTIONS)(function)
    cache_file = getattr(getattr(compiled, "_cache", None), "_cache_file", None)
    if cache_file is not None:  # absent when there is no writable place for a cache
        cache_file._source_stamp = STAMP
    return cast(Callable[..., _R], compiled)


def piece(function: Callable[..., _R]) -> Callable[..., _R]:
    """A function that only kernels call, every time: written out at each call, compiled and cached with the kernel.

    A call hands on the engine's arrays as some ninety machine words, which took longer than most pieces do: with calls,
    the book ran at half the speed. Not cached by itself, because numba compiles it anew for every constant it is
    called with inside a kernel. (Its own `register_jitable` would not, but takes no `_nrt`.)
    """
    return cast(Callable[..., _R], numba.njit(forceinline=True, **_OPTIONS)(function))


def aside(function: Callable[..., _R]) -> Callable[..., _R]:
    """A piece that is long and rarely needed, or stands in many places: called rather than written out."""
    return cast(Callable[..., _R], numba.njit(**_OPTIONS)(function))
