"""Memory that threads share: values that are made once and stay while there is room, and room for work itself."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from typing import Generic, TypeVar

_T = TypeVar("_T")


class Cache(Generic[_T]):
    """Values by key, each made once even if several threads ask at the same time; the last used ones stay.

    `size` says what a value costs, `limit` what all of them may cost. The last one stays whatever it costs.
    """

    def __init__(self, limit: int, size: Callable[[_T], int] = lambda _: 1) -> None:
        self._limit, self._size = limit, size
        self._lock = threading.Lock()
        self._values: OrderedDict[Hashable, _T] = OrderedDict()
        self._making: dict[Hashable, threading.Lock] = {}

    def of(self, key: Hashable, make: Callable[[], _T]) -> _T:
        """The value of `key`, by `make` unless it is there."""
        with self._lock:
            if key in self._values:
                self._values.move_to_end(key)
                return self._values[key]
            making = self._making.setdefault(key, threading.Lock())
        with making:
            with self._lock:
                if key in self._values:
                    return self._values[key]
            value = make()
            with self._lock:
                self._values[key] = value
                self._making.pop(key, None)
                while len(self._values) > 1 and sum(map(self._size, self._values.values())) > self._limit:
                    self._values.popitem(last=False)
            return value


class Room:
    """Bytes that the threads of a process may work on at once."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._used = 0
        self._freed = threading.Condition()

    @contextmanager
    def of(self, needed: int) -> Iterator[None]:
        """A block that works on so many bytes: it waits until they are free, or nothing else is at work."""
        with self._freed:
            self._freed.wait_for(lambda: self._used == 0 or self._used + needed <= self._limit)
            self._used += needed
        try:
            yield
        finally:
            with self._freed:
                self._used -= needed
                self._freed.notify_all()
