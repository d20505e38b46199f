"""Turns of work that can wait: the event loop gives them one after the other, and rarer while it has much to do."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from typing import Final

LATE_S: Final = 0.005
"""A turn that comes later than this says that the event loop is busy."""
BUSY_REST_S: Final = 0.004
"""The rest from which it grows while the loop is busy."""
LONGEST_REST_S: Final = 0.064

_LOOP_CHECK_S: Final = 1.0
"""How often a thread that waits for a turn checks that there still is a loop."""


class Turns:
    """Whose turn it is: all who ask follow one another, with rests between the beginnings of two turns.

    The rests grow while turns come late, for then the event loop has more to do than it can, and those who play come
    first. Belongs to the event loop.
    """

    def __init__(self, shortest_rest_s: float, longest_rest_s: float = LONGEST_REST_S, *, saved_s: float = 0.0) -> None:
        """Rests of a time in which nobody asked are saved, up to `saved_s` seconds of them: turns then follow at once.

        Nothing saved is spent while the loop is busy.
        """
        self.rest_s = shortest_rest_s
        self._saved_s = saved_s
        self._shortest_s = shortest_rest_s
        self._longest_s = longest_rest_s
        self._waiting: dict[Callable[[], None], None] = {}  # in their order
        self._free_at = float("-inf")
        self._timer: asyncio.TimerHandle | None = None

    def ask(self, begin: Callable[[], None]) -> None:
        """Call `begin` once, when those who asked before have had their turn."""
        self._waiting[begin] = None
        self._plan()

    def forget(self, begin: Callable[[], None]) -> None:
        """Take back an `ask`. Who comes and goes holds nobody up."""
        self._waiting.pop(begin, None)

    async def turn(self) -> None:
        """Wait for a turn."""
        given = asyncio.Event()
        self.ask(given.set)
        try:
            await given.wait()
        finally:
            self.forget(given.set)

    def _plan(self) -> None:
        if self._timer is None and self._waiting:
            loop = asyncio.get_running_loop()
            at = max(loop.time(), self._free_at)
            self._timer = loop.call_at(at, self._give, at)

    def _give(self, due: float) -> None:
        now = asyncio.get_running_loop().time()
        self._timer = None
        if now - due > LATE_S:
            self.rest_s = min(max(self.rest_s, BUSY_REST_S) * 1.5, self._longest_s)
        else:
            shorter = self.rest_s * 0.8
            self.rest_s = max(shorter, self._shortest_s) if shorter > BUSY_REST_S else self._shortest_s
        if self._waiting:
            begin = next(iter(self._waiting))
            del self._waiting[begin]
            saved_s = self._saved_s if self.rest_s <= self._shortest_s else 0.0
            since = max(self._free_at, now - saved_s)
            # A timer that came a little late saves nothing: many who ask without a pause get the rate, and no more.
            self._free_at = (since if now - since > self.rest_s else now) + self.rest_s
            begin()
        self._plan()


class ThreadTurns:
    """Turns for one thread beside the event loop: it works in one, and waits for the next."""

    def __init__(self, turns: Turns, loop: asyncio.AbstractEventLoop) -> None:
        self._turns = turns
        self._loop = loop
        self._given = threading.Event()
        self._over = False

    def wait(self) -> bool:
        """Wait for a turn, in the thread. False when there will be none: `close` was called, or the loop is closed."""
        self._given.clear()
        if self._over:
            return False
        try:
            self._loop.call_soon_threadsafe(self._turns.ask, self._given.set)
        except RuntimeError:  # the loop is closed
            return False
        while not self._given.wait(_LOOP_CHECK_S):
            if self._loop.is_closed():
                return False
        return not self._over

    def close(self) -> None:
        """Give no more turns: the thread goes on at once. Called on the event loop."""
        self._over = True
        self._turns.forget(self._given.set)
        self._given.set()
