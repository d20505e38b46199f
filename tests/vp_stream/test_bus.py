"""What every frame bus promises, asked of the file-backed log and of one that is only a list."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest

from vp_contract import Frame
from vp_stream.frames.bus import FrameBus
from vp_stream.frames.framelog import BlockCache, FrameLog
from vp_stream.frames.logfile import BLOCK_BINS, LogKey

KEY = LogKey(serving_id="srv_x", config_hash="c", source_sha256="s", digests={}, contract_version="1.0")
COUNT = 2 * BLOCK_BINS + 3


class ListBus:
    """Frames in a list, for a writer that is on the event loop too."""

    def __init__(self) -> None:
        self._frames: list[Frame] = []
        self._open = True
        self._waiters: set[Callable[[], None]] = set()
        self.finished = False
        self.failure: Exception | None = None

    @property
    def ready(self) -> int:
        return len(self._frames)

    def append(self, frame: Frame) -> None:
        if not self._open:
            raise RuntimeError("the bus takes no more frames")
        self._frames.append(frame)
        self._wake()

    def finish(self) -> None:
        self._open, self.finished = False, True
        self._wake()

    def fail(self, error: Exception) -> None:
        self._open, self.failure = False, error
        self._wake()

    def ready_at(self, bin_seq: int) -> float:
        return 0.0

    def frame_now(self, bin_seq: int) -> Frame | None:
        return self._frames[bin_seq]

    async def frame(self, bin_seq: int) -> Frame:
        return self._frames[bin_seq]

    def call_on_change(self, callback: Callable[[], None]) -> None:
        self._waiters.add(callback)

    def forget(self, callback: Callable[[], None]) -> None:
        self._waiters.discard(callback)

    def close(self) -> None:
        self._open = False
        self._wake()

    def _wake(self) -> None:
        waiters, self._waiters = self._waiters, set()
        for callback in waiters:
            asyncio.get_running_loop().call_soon(callback)


@pytest.fixture(params=["file", "list"])
def make(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[], FrameBus]:
    if request.param == "list":
        return ListBus  # type: ignore[return-value]
    return lambda: FrameLog.create(tmp_path / "log", KEY, BlockCache(), asyncio.get_running_loop())


def frame_of(bin_seq: int) -> Frame:
    return Frame(b"update %d" % bin_seq, b"grid %d" % bin_seq)


def test_frames_are_read_in_the_order_of_their_appending(make: Callable[[], FrameBus]) -> None:
    async def scenario() -> None:
        bus = make()
        for bin_seq in range(COUNT):
            bus.append(frame_of(bin_seq))
            assert bus.ready == bin_seq + 1
            assert not bus.finished
        bus.finish()
        assert bus.finished
        assert bus.failure is None
        assert [await bus.frame(bin_seq) for bin_seq in range(COUNT)] == [frame_of(n) for n in range(COUNT)]
        with pytest.raises(RuntimeError):
            bus.append(frame_of(COUNT))
        bus.close()

    asyncio.run(scenario())


def test_a_failure_wakes_who_waits_and_not_who_has_left(make: Callable[[], FrameBus]) -> None:
    async def scenario() -> None:
        bus, woken, left = make(), asyncio.Event(), asyncio.Event()
        bus.call_on_change(woken.set)
        left_callback = left.set
        bus.call_on_change(left_callback)
        bus.forget(left_callback)
        error = ValueError("broken")
        bus.fail(error)
        await asyncio.wait_for(woken.wait(), 30)
        assert not left.is_set()
        assert bus.failure is error
        assert not bus.finished
        bus.close()

    asyncio.run(scenario())
