"""What a process holds: objects of some classes that are alive, whoever refers to them."""

from __future__ import annotations

import gc
from typing import Any, TypeVar

T = TypeVar("T")


def alive(kind: type[T]) -> list[T]:
    """Every living object of exactly this class that the garbage collector knows."""
    gc.collect()
    # Not isinstance: it follows the weak proxies of other libraries to what they stood for.
    return [one for one in gc.get_objects() if type(one) is kind]


def none_alive(*kinds: type[Any]) -> bool:
    """Whether no object of these classes is left."""
    return not any(alive(kind) for kind in kinds)
