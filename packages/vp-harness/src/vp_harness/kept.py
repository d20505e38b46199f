"""Things that are made once and kept while there is room."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

_T = TypeVar("_T")


class Kept(Generic[_T]):
    """Things by key, each made once even if several threads ask at the same time; the last used ones are kept.

    `size` says what one costs, `limit` how much is kept. One thing is kept whatever it costs.
    """

    def __init__(self, limit: int, size: Callable[[_T], int] = lambda _: 1) -> None:
        self._limit, self._size = limit, size
        self._lock = threading.Lock()
        self._things: OrderedDict[Hashable, _T] = OrderedDict()
        self._making: dict[Hashable, threading.Lock] = {}

    def of(self, key: Hashable, make: Callable[[], _T]) -> _T:
        """The thing of `key`, by `make` unless it is kept."""
        with self._lock:
            if key in self._things:
                self._things.move_to_end(key)
                return self._things[key]
            making = self._making.setdefault(key, threading.Lock())
        with making:
            with self._lock:
                if key in self._things:
                    return self._things[key]
            thing = make()
            with self._lock:
                self._things[key] = thing
                self._making.pop(key, None)
                while len(self._things) > 1 and sum(map(self._size, self._things.values())) > self._limit:
                    self._things.popitem(last=False)
            return thing
