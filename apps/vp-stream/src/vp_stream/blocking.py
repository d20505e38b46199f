"""Blocking calls from the event loop that must never hold up the end of the process."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import TypeVar

from vp_stream.errors import OverdueError

T = TypeVar("T")


async def in_daemon_thread(function: Callable[[], T]) -> T:
    """Run `function` in a thread of its own and wait for it.

    Unlike `asyncio.to_thread`, whose pool is waited for when the loop ends, a call that takes long (compiling kernels,
    hashing a large file) is simply left behind.
    """
    loop = asyncio.get_running_loop()
    done: asyncio.Future[T] = loop.create_future()

    def settle(result: T | None, error: BaseException | None) -> None:
        if done.done():  # the caller went away
            return
        if error is not None:
            done.set_exception(error)
        else:
            done.set_result(result)  # type: ignore[arg-type]  # without an error it is a T

    def run() -> None:
        result: T | None = None
        failure: BaseException | None = None
        try:
            result = function()
        except BaseException as error:  # noqa: BLE001 - handed to the caller, whatever it is
            failure = error
        with contextlib.suppress(RuntimeError):  # the loop is closed: nobody waits any more
            loop.call_soon_threadsafe(settle, result, failure)

    threading.Thread(target=run, name="vp-stream-call", daemon=True).start()
    return await done


class TimedCalls:
    """Blocking calls that are waited for only so long. Safe across threads."""

    def __init__(self, limit_s: float, most_overdue: int = 8) -> None:
        """While `most_overdue` calls or more have not ended in `limit_s` seconds no other begins."""
        self._limit_s = limit_s
        self._most_overdue = most_overdue
        self._overdue = 0
        self._lock = threading.Lock()

    def run(self, function: Callable[[], T]) -> T:
        """What `function` returns or raises. Raises `OverdueError` when it takes longer, and leaves it behind."""
        with self._lock:
            if self._overdue >= self._most_overdue:
                raise OverdueError(f"{self._overdue} calls before this one have not ended")
        done: Future[T] = Future()

        def work() -> None:
            try:
                done.set_result(function())
            except BaseException as error:  # noqa: BLE001 - handed to the caller, whatever it is
                done.set_exception(error)

        threading.Thread(target=work, name="vp-stream-timed-call", daemon=True).start()
        try:
            return done.result(self._limit_s)
        except TimeoutError:
            if done.done():  # its own
                raise
        self._count(1)
        done.add_done_callback(lambda _: self._count(-1))
        raise OverdueError(f"no answer in {self._limit_s:g} s")

    def _count(self, change: int) -> None:
        with self._lock:
            self._overdue += change
