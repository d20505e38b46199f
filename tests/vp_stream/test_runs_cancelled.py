"""A server that ends in the middle of starting or stopping an engine: no file stays open, no log stays half made."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import threading
from collections.abc import Callable
from typing import Any

import pytest

from vp_stream.frames.framelog import BlockCache
from vp_stream.frames.logfile import BlockReader
from vp_stream.frames.runs import RunTable, ServingRun

ALL: list[BlockReader] = []


class Watched(BlockReader):
    """A reader that the test finds again."""

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        ALL.append(self)

    @property
    def open(self) -> bool:
        return not self._file.closed


@pytest.fixture
def readers(monkeypatch: pytest.MonkeyPatch) -> list[Watched]:
    ALL.clear()
    monkeypatch.setattr("vp_stream.frames.framelog.BlockReader", Watched)
    return ALL  # type: ignore[return-value]  # every one of them is


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not condition():
            await asyncio.sleep(0.005)


async def cancelled(task: asyncio.Task[Any]) -> None:
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task


def left(market: Any) -> list[str]:
    return [path.name for path in (market.directory / "srv_a").iterdir()]


def test_a_stop_that_is_called_off_lets_go_of_the_log_all_the_same(market: Any, readers: list[Watched]) -> None:
    feed = market.add("srv_a", 100, steps=threading.Semaphore(3))

    async def scenario() -> None:
        runs = RunTable(BlockCache())
        run = await runs.get(market.open("srv_a").run)
        await until(lambda: run.ready == 3)
        dropping = asyncio.create_task(runs.drop(run))  # waits for the engine, which is held up in a bin
        await asyncio.sleep(0.05)
        await cancelled(dropping)
        await runs.close(0.1)

    asyncio.run(scenario())
    assert [reader.open for reader in readers] == [False]
    assert left(market) == []
    feed.let_go()


@pytest.mark.parametrize("closes", ["while it opens", "when it has opened"])
def test_a_start_that_is_called_off_is_ended_with_the_others(
    market: Any, readers: list[Watched], monkeypatch: pytest.MonkeyPatch, closes: str
) -> None:
    feed = market.add("srv_a", 100, steps=threading.Semaphore(3))
    opening, began, original = threading.Event(), threading.Event(), ServingRun._open_log

    def slow(run: ServingRun, loop: asyncio.AbstractEventLoop) -> Any:
        began.set()
        opening.wait(20)
        return original(run, loop)

    monkeypatch.setattr(ServingRun, "_open_log", slow)

    async def scenario() -> None:
        runs = RunTable(BlockCache())
        starting = asyncio.create_task(runs.get(market.open("srv_a").run))
        await until(began.is_set)
        await cancelled(starting)
        if closes == "when it has opened":
            opening.set()
            await until(lambda: bool(readers))
        closing = asyncio.create_task(runs.close(0.1))
        await asyncio.sleep(0.3)
        opening.set()
        await closing
        await until(lambda: bool(readers))
        await until(lambda: not any(reader.open for reader in readers))

    asyncio.run(scenario())
    assert [reader.open for reader in readers] == [False]
    assert left(market) == []
    feed.let_go()


def test_who_comes_while_a_start_is_called_off_gets_the_same_run(
    market: Any, readers: list[Watched], monkeypatch: pytest.MonkeyPatch
) -> None:
    feed = market.add("srv_a", 20)
    opening, original = threading.Event(), ServingRun._open_log

    def slow(run: ServingRun, loop: asyncio.AbstractEventLoop) -> Any:
        opening.wait(20)
        return original(run, loop)

    monkeypatch.setattr(ServingRun, "_open_log", slow)

    async def scenario() -> None:
        runs = RunTable(BlockCache())
        spec = market.open("srv_a").run
        first = asyncio.create_task(runs.get(spec))
        await asyncio.sleep(0.05)
        second = asyncio.create_task(runs.get(spec))
        await asyncio.sleep(0.05)
        await cancelled(first)
        opening.set()
        run = await second
        await until(lambda: run.finished)
        await runs.close(1.0)

    asyncio.run(scenario())
    assert feed.runs == 1
    assert len(readers) == 1
    assert not readers[0].open


def test_a_start_that_fails_after_it_was_called_off_is_not_complained_about(
    market: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    market.add("srv_a", 20)
    opening = threading.Event()

    def failing(run: ServingRun, loop: asyncio.AbstractEventLoop) -> Any:
        opening.wait(20)
        raise OSError("the disk is gone")

    monkeypatch.setattr(ServingRun, "_open_log", failing)

    async def scenario() -> None:
        runs = RunTable(BlockCache())
        starting = asyncio.create_task(runs.get(market.open("srv_a").run))
        await asyncio.sleep(0.05)
        await cancelled(starting)
        opening.set()
        await asyncio.sleep(0.1)
        with pytest.raises(OSError, match="the disk is gone"):
            await runs.get(market.open("srv_a").run)
        await runs.close(1.0)

    asyncio.run(scenario())
    gc.collect()
    assert "never retrieved" not in caplog.text


def test_who_leaves_while_a_damaged_log_is_made_again_stops_nothing(
    market: Any, readers: list[Watched], monkeypatch: pytest.MonkeyPatch
) -> None:
    feed = market.add("srv_a", 100)
    spec = market.open("srv_a").run
    making, began, original = threading.Event(), threading.Event(), ServingRun._produce

    def slow(run: ServingRun, loop: asyncio.AbstractEventLoop) -> Any:
        began.set()
        making.wait(20)
        return original(run, loop)

    async def scenario() -> None:
        runs = RunTable(BlockCache())
        run = await runs.get(spec)
        await until(lambda: run.finished)
        await runs.close(1.0)
        content = bytearray(spec.path.read_bytes())
        content[len(content) // 2] ^= 0x55
        spec.path.write_bytes(content)
        monkeypatch.setattr(ServingRun, "_produce", slow)
        runs = RunTable(BlockCache())
        run = await runs.get(spec)
        leaving, staying = (asyncio.create_task(run.stretch(0, 99)) for _ in range(2))
        await until(began.is_set)
        await cancelled(leaving)
        making.set()
        assert await staying is None
        await until(lambda: run.finished)
        assert await run.stretch(0, 99) is not None
        await runs.close(1.0)

    asyncio.run(scenario())
    assert feed.runs == 2
    assert not any(reader.open for reader in readers)
