"""Bins made by a thread of their own, while the one that takes them is busy with something else.

A signal that trains itself may hold up the thread that steps it for seconds. The thread that makes bins goes on
meanwhile, as far as the room between the two lasts, and a value is that of its own bin whenever it comes.
"""

from __future__ import annotations

import queue
import threading
import time
import weakref
from collections.abc import Callable, Iterator
from typing import Any, Final, Generic, Protocol, TypeVar

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)

AHEAD_BINS: Final = 64
"""Bins that wait at most: six seconds of a replay at its own pace, and about a megabyte."""

_LOOK_S: Final = 0.1
_CERTIFICATE_EVERY_S: Final = 0.5


class Certified(Protocol[T_co]):
    """A replay that says what it met, and how many items it will have."""

    expected_bins: int

    def __iter__(self) -> Iterator[T_co]: ...

    def __next__(self) -> T_co: ...

    def certificate(self) -> dict[str, Any]: ...  # noqa: D102


class MadeAhead(Iterator[T], Generic[T]):
    """The items of a replay, in their order, then its end or its error. Taken by one thread.

    The thread that makes them ends with the replay, or soon after nobody holds this any more.
    """

    def __init__(self, replay: Certified[T], room: int = AHEAD_BINS) -> None:
        self._made: queue.Queue[tuple[str, Any]] = queue.Queue(room)
        self._certificates = [replay.certificate()]
        self._over: Exception | None = None
        self.expected_bins = replay.expected_bins
        stop = threading.Event()
        weakref.finalize(self, stop.set)
        arguments = (replay, self._made, self._certificates, stop)
        threading.Thread(target=_make, args=arguments, name="bins-ahead", daemon=True).start()

    def __next__(self) -> T:
        if self._over is not None:
            raise self._over
        kind, item = self._made.get()
        if kind == "over":
            self._over = item
            raise item
        made: T = item
        return made

    def certificate(self) -> dict[str, Any]:
        """What the replay said of itself not long ago; of all of it once it is over."""
        return self._certificates[-1]


def _make(
    replay: Certified[T], made: queue.Queue[tuple[str, Any]], certificates: list[dict[str, Any]], stop: threading.Event
) -> None:
    """Fill the queue. A function, so that the thread does not keep the iterator alive that waits for it."""
    looked = float("-inf")

    def tell() -> None:
        certificates[:] = [replay.certificate()]

    try:
        for item in replay:
            if not _put(made.put, ("item", item), stop):
                return
            if time.monotonic() - looked > _CERTIFICATE_EVERY_S:
                looked = time.monotonic()
                tell()
        tell()
        over: Exception = StopIteration()
    except Exception as error:  # noqa: BLE001 - whatever it was, the other thread raises it
        over = error
    _put(made.put, ("over", over), stop)


def _put(put: Callable[..., None], item: tuple[str, Any], stop: threading.Event) -> bool:
    """Wait for room; False when nobody takes items any more."""
    while not stop.is_set():
        try:
            put(item, timeout=_LOOK_S)
        except queue.Full:
            continue
        return True
    return False
