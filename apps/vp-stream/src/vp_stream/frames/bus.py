"""What a frame bus offers: the two sides between one engine run and its clients.

The file-backed `framelog.FrameLog` is the one implementation here. Another one (frames on a message broker, say) has to
keep these promises: frames are numbered 0, 1, 2 … in the order of `append`; what was ready stays ready and unchanged;
the bus knows no clients and never makes the writer wait for a reader.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

from vp_contract import Frame
from vp_stream.frames.sums import Folded


class FrameSink(Protocol):
    """The side of the engine. Used by one thread."""

    @property
    def ready(self) -> int:
        """How many frames were appended."""
        ...

    def append(self, frame: Frame) -> None:
        """Add the next frame. Raises `RuntimeError` after `finish`, `fail` or `close`."""
        ...

    def finish(self) -> None:
        """No more frames: `ready` is final."""
        ...

    def fail(self, error: Exception) -> None:
        """The run ended early: readers find `error` as the `failure`."""
        ...


class FrameSource(Protocol):
    """The side of the clients. Used on the event loop."""

    @property
    def ready(self) -> int:
        """How many frames can be read; never falls."""
        ...

    @property
    def finished(self) -> bool:
        """Whether `ready` is final."""
        ...

    @property
    def failure(self) -> Exception | None:
        """What ended the run early, if anything did."""
        ...

    def ready_at(self, bin_seq: int) -> float:
        """When a frame became readable, on `time.monotonic`; -inf for frames of an earlier run."""
        ...

    def frame_now(self, bin_seq: int) -> Frame | None:
        """A ready frame if it can be had without waiting."""
        ...

    async def frame(self, bin_seq: int) -> Frame:
        """A ready frame. Raises `LogDamagedError` if its bytes are not the ones appended."""
        ...

    async def block(self, bin_seq: int) -> tuple[int, Sequence[Frame]]:
        """The ready frames that are stored together with a ready one, and the number of the first of them.

        Others than `frame` may want them soon, so nothing is put out of memory for them. Raises as `frame` does.
        """
        ...

    def column(self, first: int, last: int) -> Folded | None:
        """What the frames `first` to `last` have together, where that is known without reading them."""
        ...

    def call_on_change(self, callback: Callable[[], None]) -> None:
        """Call `callback` once, on the event loop, when there are more frames or the run ends."""
        ...

    def forget(self, callback: Callable[[], None]) -> None:
        """Take back a `call_on_change`."""
        ...

    def close(self) -> None:
        """Release what the bus holds and wake whoever waits."""
        ...


class FrameBus(FrameSink, FrameSource, Protocol):
    """Both sides, as `runs.ServingRun` holds them."""
