"""How this package compiles a kernel."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar, cast

import numba

_F = TypeVar("_F", bound=Callable[..., object])


def _sources() -> str:
    """Digest of every module of the package."""
    digest = hashlib.sha256()
    for path in sorted(Path(__file__).parent.glob("*.py")):
        digest.update(path.name.encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()


_STAMP = _sources()


def kernel(function: _F) -> _F:
    """Compile `function` on its first call: GIL released, cached on disk, IEEE arithmetic, no error for x/0.

    Fast-math stays off: sums keep their written order and products are never fused, so that a machine of another kind
    computes the same bits. A kernel is only ever called with one set of dtypes: with several, processes that compile
    at the same time could write each other's cache entries.

    numba would take a cached kernel for current as long as its own file has the same time and size. But a kernel holds
    the code of those it calls in other modules, so the cache is stamped with the sources of the whole package.
    """
    compiled: Any = numba.njit(cache=True, nogil=True, error_model="numpy", fastmath=False)(function)
    cache_file = getattr(getattr(compiled, "_cache", None), "_cache_file", None)
    if cache_file is not None:  # absent when there is no writable place for a cache
        cache_file._source_stamp = _STAMP
    return cast(_F, compiled)
