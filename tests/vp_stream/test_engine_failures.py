"""An engine or a disk that fails in the middle of a replay: clients are told, health says so, the rest goes on."""

from __future__ import annotations

import asyncio
import errno
import os
import shutil
import threading
from typing import Any

import pytest
from websockets.asyncio.client import ClientConnection


def test_every_client_of_a_failed_run_is_told_and_other_servings_go_on(start: Any, market: Any) -> None:
    failing = market.add("srv_a", 30, alias="demo", gate_at=19, fail_at=20)
    market.add("srv_b", 30, alias="other", seed=1)
    stage = start()

    async def scenario() -> list[Any]:
        async with (
            asyncio.timeout(20),
            stage.connect("?serving=demo") as first,
            stage.connect("?serving=srv_a") as second,
            stage.connect("?serving=demo") as paused,
        ):
            await paused.send('{"type":"pause"}')
            await stage.read(first, until_bin=18)
            failing.gate.set()
            return await asyncio.gather(*(stage.read(client) for client in (first, second, paused)))

    for received in asyncio.run(scenario()):
        assert received.texts[-1]["code"] == "engine_failed"
        assert received.close_code == 1011
        assert received.torn == 0
    health = stage.health()
    assert health["status"] == "degraded"
    assert list(health["engine_failures"]) == ["srv_a"]
    assert health["clients"] == 0
    assert stage.play("?serving=other").frames == stage.frames(30, seed=1)
    assert stage.health()["status"] == "degraded"
    failing.fail_at = None
    assert stage.play().frames == stage.frames(30)
    assert stage.health()["status"] == "ok"


def test_clients_that_come_back_together_share_one_new_run(start: Any, market: Any) -> None:
    failing = market.add("srv_a", 30, alias="demo", fail_at=20)
    stage = start()
    assert stage.play().close_code == 1011
    failing.fail_at = None

    async def scenario() -> list[Any]:
        async def play() -> Any:
            async with asyncio.timeout(20), stage.connect("?serving=demo") as client:
                return await stage.read(client)

        return await asyncio.gather(*(play() for _ in range(8)))

    assert [received.frames for received in asyncio.run(scenario())] == [stage.frames(30)] * 8
    assert failing.runs == 2


@pytest.mark.skipif(os.name != "posix", reason="Windows does not remove open files")
def test_a_directory_of_frame_logs_that_is_removed_fails_the_run_or_nothing(start: Any, market: Any) -> None:
    feed = market.add("srv_a", 100, alias="demo", gate_at=50)
    stage = start()

    async def leave_at_50() -> Any:
        async with asyncio.timeout(20), stage.connect("?serving=demo") as client:
            before = await stage.read(client, until_bin=49)
            shutil.rmtree(market.directory)
            feed.gate.set()
            return before, await stage.read(client)

    before, after = asyncio.run(leave_at_50())
    assert before.frames == stage.frames(50)
    assert after.close_code == 1011
    assert after.texts[-1]["code"] == "engine_failed"
    assert str(market.directory) not in after.texts[-1]["message"]
    assert stage.health()["status"] == "degraded"
    assert stage.play().frames == stage.frames(100)
    assert stage.health()["status"] == "ok"


def test_a_disk_that_is_full_ends_the_run_and_the_next_client_may_try_again(
    start: Any, market: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    feed = market.add("srv_a", 200, alias="demo", gate_at=100)
    stage = start()
    write, full = os.write, threading.Event()

    def write_until_full(descriptor: int, data: Any) -> int:
        if full.is_set() and threading.current_thread().name == "engine-srv_a":
            raise OSError(errno.ENOSPC, "No space left on device")
        return write(descriptor, data)

    monkeypatch.setattr(os, "write", write_until_full)

    async def scenario() -> Any:
        async def fill_up(client: ClientConnection) -> Any:
            await stage.read(client, until_bin=99)
            full.set()
            feed.gate.set()
            return await stage.read(client)

        async with asyncio.timeout(20), stage.connect("?serving=demo") as client:
            return await fill_up(client)

    received = asyncio.run(scenario())
    assert received.close_code == 1011
    assert received.texts[-1]["message"] == "the engine run failed: No space left on device"
    assert stage.health()["engine_failures"] == {"srv_a": "the engine run failed: No space left on device"}
    assert not list((market.directory / "srv_a").iterdir())  # what was written is not left on a full disk
    assert stage.play().close_code == 1011
    full.clear()
    assert stage.play().frames == stage.frames(200)
    assert stage.health()["status"] == "ok"


@pytest.mark.skipif(os.name != "posix", reason="Windows does not remove open files")
def test_a_finished_log_that_is_removed_is_read_on_or_made_again(start: Any, market: Any) -> None:
    feed = market.add("srv_a", 200, alias="demo")
    stage = start()
    assert stage.play().frames == stage.frames(200)
    shutil.rmtree(market.directory)
    assert stage.play().frames == stage.frames(200)
    stage.server.stop()
    again = start()
    assert again.play().frames == again.frames(200)
    assert feed.runs == 2
