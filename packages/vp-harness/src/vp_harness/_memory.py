"""Memory that was freed, and that the C library keeps all the same."""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from functools import lru_cache


def give_back() -> None:
    """Give memory that was freed back to the system where the C library can do it, as glibc does; elsewhere nothing.

    glibc keeps what lies below anything that is still in use, which after large arrays may be hundreds of megabytes.
    """
    trim = _trim()
    if trim is not None:
        trim(0)


@lru_cache(maxsize=1)
def _trim() -> Callable[[int], int] | None:
    try:
        found: Callable[[int], int] = ctypes.CDLL(None).malloc_trim
    except (AttributeError, OSError, TypeError):  # another C library, or Windows, where there is none of no name
        return None
    return found
