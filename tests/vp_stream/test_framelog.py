"""The frame log between one writer thread and readers on an event loop."""

from __future__ import annotations

import asyncio
import random
import threading
import time
from pathlib import Path

import pytest
from support.judges import Sole

from vp_contract import Frame
from vp_harness.errors import FrameMismatchError
from vp_stream.errors import LogDamagedError
from vp_stream.frames.framelog import BlockCache, FrameLog, Judging
from vp_stream.frames.logfile import BLOCK_BINS, LogKey
from vp_stream.turns import Turns

KEY = LogKey(serving_id="srv_x", config_hash="c", source_sha256="s", digests={}, contract_version="1.0")


def frame_of(bin_seq: int) -> Frame:
    return Frame(b"update %d" % bin_seq, random.Random(bin_seq).randbytes(1000))


async def fill(log: FrameLog, count: int) -> None:
    def write() -> None:
        for bin_seq in range(count):
            log.append(frame_of(bin_seq))
        log.finish()

    await asyncio.to_thread(write)


def test_frames_can_be_read_while_they_are_written_and_memory_stays_bounded(tmp_path: Path) -> None:
    count, cache = 40 * BLOCK_BINS + 7, BlockCache(max_bytes=100_000)

    async def scenario() -> None:
        log = FrameLog.create(tmp_path / "log", KEY, cache, asyncio.get_running_loop())
        writer = asyncio.create_task(fill(log, count))
        read = 0
        while not (log.finished and read == log.ready):
            if read < log.ready:
                assert await log.frame(read) == frame_of(read)
                assert cache.held_bytes <= 100_000
                read += 1
            else:
                changed = asyncio.Event()
                log.call_on_change(changed.set)
                await changed.wait()
        await writer
        assert read == count
        assert log.ready_at(0) <= log.ready_at(count - 1)
        log.close()
        assert cache.held_bytes == 0

    asyncio.run(scenario())


def test_a_finished_log_is_loaded_with_the_same_frames(tmp_path: Path) -> None:
    async def scenario() -> None:
        loop = asyncio.get_running_loop()
        first = FrameLog.create(tmp_path / "log", KEY, BlockCache(), loop)
        await fill(first, 50)
        first.close()
        second = FrameLog.load(tmp_path / "log", KEY, BlockCache(), loop)
        assert (second.ready, second.finished, second.ready_at(3)) == (50, True, float("-inf"))
        assert [await second.frame(i) for i in range(50)] == [frame_of(i) for i in range(50)]
        second.close()

    asyncio.run(scenario())


class Counting:
    """A judge that lets everything pass, or finds a bin that is not the right one, and counts."""

    def __init__(self, wrong: int | None = None) -> None:
        self.checked = 0
        self.finished = False
        self._wrong = wrong

    def check(self, frame: Frame) -> None:
        if self.checked == self._wrong:
            raise FrameMismatchError(f"bin {self._wrong} is not the one that the serving was judged on")
        self.checked += 1

    def finish(self) -> None:
        self.finished = True


def test_a_stored_log_is_judged_while_the_loop_has_time_for_it(tmp_path: Path) -> None:
    async def scenario() -> None:
        loop = asyncio.get_running_loop()
        first = FrameLog.create(tmp_path / "log", KEY, BlockCache(), loop)
        await fill(first, 10 * BLOCK_BINS)
        first.close()
        judge = Counting()
        found: list[LogDamagedError] = []
        log = FrameLog.load(tmp_path / "log", KEY, BlockCache(), loop, Judging(Sole(judge), Turns(0.0), found.append))
        time.sleep(0.3)  # as long as it has other things to do, it gives no turn
        assert (judge.checked, log.ready) == (0, 0)
        while not log.finished:
            changed = asyncio.Event()
            log.call_on_change(changed.set)
            await changed.wait()
            assert log.ready <= judge.checked
        assert (judge.checked, log.ready, judge.finished, found) == (10 * BLOCK_BINS, 10 * BLOCK_BINS, True, [])
        log.close()

    asyncio.run(scenario())


def test_a_log_that_is_let_go_of_is_judged_no_further_and_one_that_is_wrong_is_told(tmp_path: Path) -> None:
    async def scenario() -> None:
        loop = asyncio.get_running_loop()
        first = FrameLog.create(tmp_path / "log", KEY, BlockCache(), loop)
        await fill(first, 10 * BLOCK_BINS)
        first.close()
        before = threading.active_count()
        judge = Counting()
        found: list[LogDamagedError] = []
        log = FrameLog.load(tmp_path / "log", KEY, BlockCache(), loop, Judging(Sole(judge), Turns(0.0), found.append))
        log.close()
        while threading.active_count() > before:
            await asyncio.sleep(0.01)
        assert (judge.checked, judge.finished, found) == (0, False, [])
        wrong = Counting(wrong=40)
        log = FrameLog.load(tmp_path / "log", KEY, BlockCache(), loop, Judging(Sole(wrong), Turns(0.0), found.append))
        while not found:
            await asyncio.sleep(0.01)
        assert "bin 40" in str(found[0])
        assert (log.ready, log.finished) == (32, False)
        log.close()

    asyncio.run(scenario())


def test_readers_of_one_block_share_one_read_and_survive_each_other(tmp_path: Path) -> None:
    async def scenario() -> None:
        loop = asyncio.get_running_loop()
        first = FrameLog.create(tmp_path / "log", KEY, BlockCache(), loop)
        await fill(first, BLOCK_BINS)
        first.close()
        log = FrameLog.load(tmp_path / "log", KEY, BlockCache(), loop)
        readers = [asyncio.create_task(log.frame(i)) for i in range(BLOCK_BINS)]
        await asyncio.sleep(0)
        readers[0].cancel()
        assert await asyncio.gather(*readers[1:]) == [frame_of(i) for i in range(1, BLOCK_BINS)]
        log.close()

    asyncio.run(scenario())


def test_bytes_that_rot_after_the_opening_reach_nobody(tmp_path: Path) -> None:
    async def scenario() -> None:
        loop = asyncio.get_running_loop()
        first = FrameLog.create(tmp_path / "log", KEY, BlockCache(), loop)
        await fill(first, 3 * BLOCK_BINS)
        first.close()
        log = FrameLog.load(tmp_path / "log", KEY, BlockCache(), loop)
        content = bytearray((tmp_path / "log").read_bytes())
        content[len(content) // 2] ^= 1
        (tmp_path / "log").write_bytes(content)
        assert await log.frame(0) == frame_of(0)
        with pytest.raises(LogDamagedError, match="checksum"):
            await log.frame(BLOCK_BINS + 1)
        log.close()

    asyncio.run(scenario())


def test_a_failed_run_tells_its_readers_and_leaves_no_file(tmp_path: Path) -> None:
    async def scenario() -> None:
        log = FrameLog.create(tmp_path / "log", KEY, BlockCache(), asyncio.get_running_loop())
        changed = asyncio.Event()
        log.append(frame_of(0))
        log.call_on_change(changed.set)
        error = OSError("no space left")
        threading.Thread(target=log.fail, args=(error,)).start()
        await changed.wait()
        while log.failure is None:
            await asyncio.sleep(0.01)
        assert log.failure is error
        assert list(tmp_path.iterdir()) == []
        log.close()

    asyncio.run(scenario())


def test_the_cache_forgets_what_was_not_used_for_longest() -> None:
    cache = BlockCache(max_bytes=250)
    blocks = [(Frame(b"u" * 50, b"g" * 50),) for _ in range(3)]
    cache.put(1, 0, blocks[0])
    cache.put(1, 1, blocks[1])
    assert cache.get(1, 0) is blocks[0]
    cache.put(1, 2, blocks[2])
    assert cache.get(1, 1) is None
    assert cache.get(1, 0) is blocks[0]
    assert cache.held_bytes == 200
    cache.drop_log(1)
    assert cache.held_bytes == 0
