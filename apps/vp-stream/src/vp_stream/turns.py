"""Turns of work that can wait: the event loop gives them one after the other, and rarer while it has much to do."""

from __future__ import annotations

import asyncio
import math
import threading
from collections.abc import Callable
from typing import Final

LATE_S: Final = 0.005
"""A turn that comes later than this says that the event loop is busy."""
BUSY_REST_S: Final = 0.004
"""The rest from which it grows while the loop is busy."""
LONGEST_REST_S: Final = 0.064

FREE_TURNS: Final = 64
"""So many are not counted in the beginning: a map that is opened and some more."""
FADE_S: Final = 30.0
"""A turn that was had so long ago counts a third."""
MOST_TURNS: Final = 256.0
"""More than this is not held against anybody: who had the server alone for an hour is soon an equal of the others."""
OLDEST_EVERY: Final = 4
"""One turn in so many goes to who has waited longest, whatever that one had: who comes later keeps nobody waiting."""

_LOOP_CHECK_S: Final = 1.0
"""How often a thread that waits for a turn checks that there still is a loop."""


class Share:
    """The turns that one of those who ask has had lately. It fades, and belongs to whom it counts."""

    __slots__ = ("_free", "level")

    def __init__(self, free_turns: int = FREE_TURNS) -> None:
        self._free = free_turns
        self.level = float("-inf")
        """Logarithm of the turns at time 0, had they faded since as they do: all fade alike, so their order stays."""

    def count(self, now_s: float) -> None:
        """One more turn, at a time of the loop's clock."""
        if self._free > 0:
            self._free -= 1
            return
        faded = now_s / FADE_S
        self.level = math.log(min(math.exp(self.level - faded) + 1.0, MOST_TURNS)) + faded


class Waiting:
    """Those who wait for a turn, and whose is the next: who had least lately, of equals who asked first.

    With W waiting each of them has a turn among the next `OLDEST_EVERY` * W, whoever else comes.
    """

    def __init__(self) -> None:
        self._waiting: dict[Callable[[], None], Share] = {}  # in the order in which they asked
        self._given = 0

    def __bool__(self) -> bool:
        return bool(self._waiting)

    def ask(self, begin: Callable[[], None], share: Share | None = None) -> None:
        """Wait, if one does not yet. Who has no share counts as one who never had a turn."""
        self._waiting.setdefault(begin, Share() if share is None else share)

    def forget(self, begin: Callable[[], None]) -> None:
        """Wait no longer."""
        self._waiting.pop(begin, None)

    def next(self, now_s: float) -> Callable[[], None]:
        """Take the next one, of at least one, and count the turn."""
        self._given += 1
        waiting = self._waiting
        if self._given % OLDEST_EVERY == 0:
            begin = next(iter(waiting))
        else:
            begin = min(waiting, key=lambda one: waiting[one].level)
        waiting.pop(begin).count(now_s)
        return begin


class Turns:
    """Whose turn it is: all who ask follow one another, with rests between the beginnings of two turns.

    Those who ask without a share have their turns in the order of asking. The rests grow while turns come late, for
    then the event loop has more to do than it can, and those who play come first. Belongs to the event loop.
    """

    def __init__(self, shortest_rest_s: float, longest_rest_s: float = LONGEST_REST_S, *, saved_s: float = 0.0) -> None:
        """Rests of a time in which nobody asked are saved, up to `saved_s` seconds of them: turns then follow at once.

        Nothing saved is spent while the loop is busy.
        """
        self.rest_s = shortest_rest_s
        self._saved_s = saved_s
        self._shortest_s = shortest_rest_s
        self._longest_s = longest_rest_s
        self._waiting = Waiting()
        self._free_at = float("-inf")
        self._timer: asyncio.TimerHandle | None = None

    def ask(self, begin: Callable[[], None], share: Share | None = None) -> None:
        """Call `begin` once, when it is the turn of the one whose `share` this is."""
        self._waiting.ask(begin, share)
        self._plan()

    def forget(self, begin: Callable[[], None]) -> None:
        """Take back an `ask`. Who comes and goes holds nobody up."""
        self._waiting.forget(begin)

    async def turn(self, share: Share | None = None) -> None:
        """Wait for a turn."""
        given = asyncio.Event()
        self.ask(given.set, share)
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
            begin = self._waiting.next(now)
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
