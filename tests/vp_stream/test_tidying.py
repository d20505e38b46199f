"""Bounds for what servings leave behind: frame logs on the disk, and engines without clients."""

from __future__ import annotations

import asyncio
import os
import threading
from pathlib import Path
from typing import Any

import pytest

from vp_stream import StreamSettings
from vp_stream.errors import SettingsError
from vp_stream.frames.runs import ServingRun
from vp_stream.frames.tidying import evict


def logs_of(market: Any) -> set[str]:
    return {path.parent.name for path in market.directory.rglob("*.vplog")}


def test_the_logs_unused_for_longest_go_first_and_none_in_use(tmp_path: Path) -> None:
    paths = [tmp_path / f"srv_{i}" / "frames-0.vplog" for i in range(5)]
    for i, path in enumerate(paths):
        path.parent.mkdir()
        path.write_bytes(bytes(100))
        os.utime(path, (1000 + i, 1000))
    os.utime(paths[0], (5000, 1000))
    (tmp_path / "srv_0" / ".frames-1.vplog.tmp").write_bytes(bytes(100))
    assert evict(tmp_path, 500, ()) == []
    assert evict(tmp_path, 299, {paths[2]}) == [paths[1], paths[3], paths[4]]
    assert evict(tmp_path, 0, {paths[2]}) == [paths[0]]
    assert paths[2].exists()
    assert evict(tmp_path / "none", 0, ()) == []


def test_a_server_keeps_its_logs_within_the_bound(start: Any, market: Any, tmp_path: Path, wait_until: Any) -> None:
    market.directory = tmp_path / "lake" / "cache" / "vp_stream"
    for i in range(3):
        market.add(f"srv_{i}", 40, seed=i)
    played = market.add("srv_played", 40, seed=9, gate_at=39)
    stage = start(max_log_bytes=0, tidy_s=0.1)

    async def scenario() -> None:
        async with asyncio.timeout(20), stage.connect("?serving=srv_played") as client:
            await client.send('{"type":"pause"}')
            played.gate.set()
            for i in range(3):
                async with stage.connect(f"?serving=srv_{i}") as other:
                    assert (await stage.read(other)).frames == stage.frames(40, seed=i)
            await asyncio.to_thread(wait_until, lambda: logs_of(market) == {"srv_played"})
            await client.send('{"type":"resume"}')
            received = await stage.read(client)
            assert (received.bins[-1], received.close_code) == (39, 1000)

    asyncio.run(scenario())
    wait_until(lambda: logs_of(market) == set())
    assert stage.play("?serving=srv_0").frames == stage.frames(40)


def test_engines_that_nobody_plays_are_bounded(start: Any, market: Any, wait_until: Any) -> None:
    steps = [threading.Semaphore(3) for _ in range(4)]
    feeds = [market.add(f"srv_{i}", 10_000, seed=i, steps=steps[i]) for i in range(4)]
    stage = start(max_idle_engines=1, tidy_s=0.1)

    async def look(serving: str) -> None:
        async with asyncio.timeout(20), stage.connect(f"?serving={serving}") as client:
            await stage.read(client, until_bin=2)

    def running() -> float:
        line = next(line for line in stage.get("/metrics").text.splitlines() if 'runs{state="running"}' in line)
        return float(line.split()[1])

    async def scenario() -> None:
        async with asyncio.timeout(20), stage.connect("?serving=srv_0") as client:
            await stage.read(client, until_bin=2)
            for i in range(1, 4):
                await look(f"srv_{i}")
            await asyncio.to_thread(wait_until, lambda: running() == 2)
            for step in steps:
                step.release(1)
            received = await stage.read(client, until_bin=3)
            assert received.bins == [3]
        await look("srv_3")
        assert feeds[3].runs == 1
        steps[1].release(10)
        await look("srv_1")
        assert feeds[1].runs == 2

    asyncio.run(scenario())
    assert stage.health()["status"] == "ok"
    for feed in feeds:
        feed.fail_at = 0
        feed.let_go()


def test_a_run_that_is_being_started_is_not_stopped(start: Any, market: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    feed = market.add("srv_a", 10_000, steps=threading.Semaphore(3))
    opening, original = threading.Event(), ServingRun._open_log

    def slow(run: ServingRun, loop: asyncio.AbstractEventLoop) -> Any:
        opening.wait(20)
        return original(run, loop)

    monkeypatch.setattr(ServingRun, "_open_log", slow)
    stage = start(max_idle_engines=0, tidy_s=0.05)

    async def scenario() -> None:
        async with asyncio.timeout(20), stage.connect("?serving=srv_a") as first:
            await asyncio.sleep(0.5)
            opening.set()
            await stage.read(first, until_bin=2)
            async with stage.connect("?serving=srv_a") as second:  # plays the run of the first
                await stage.read(second, until_bin=2)

    asyncio.run(scenario())
    assert feed.runs == 1
    feed.let_go()


@pytest.mark.parametrize("name", ["max_log_bytes", "max_idle_engines"])
def test_a_bound_below_nothing_is_refused(tmp_path: Path, name: str) -> None:
    negative: dict[str, Any] = {name: -1}
    with pytest.raises(SettingsError, match=f"{name}=-1: must be at least 0"):
        StreamSettings(lake_root=tmp_path, config_root=tmp_path, **negative)
