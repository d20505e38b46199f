"""The frame log between one writer thread and readers on an event loop."""

from __future__ import annotations

import asyncio
import random
import threading
from pathlib import Path

import pytest

from vp_contract import Frame
from vp_stream.errors import LogDamagedError
from vp_stream.frames.framelog import BlockCache, FrameLog
from vp_stream.frames.logfile import BLOCK_BINS, LogKey

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
