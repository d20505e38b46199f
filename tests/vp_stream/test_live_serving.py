"""A promoted serving on the live feed, end to end: the command as a process, a gateway on loopback, clients."""

from __future__ import annotations

import asyncio
import json
import signal
import time
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from support.live_command import NS, World, seq, snapshot_before, start, take
from support.live_gateway import FakeGateway, Step, heartbeat, paced
from support.small_lake import CONFIGS, import_market, publish_small, write_configs

from vp_book import open_dbn
from vp_book.live import Recording
from vp_book.synthetic import write_market
from vp_contract import Frame
from vp_harness import Lake

SPEED = 4.0


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    root = tmp_path_factory.mktemp("live")
    write_configs(root / "configs")
    market = write_market(root / "market-20260206.dbn", seed=7, minutes=5, date="2026-02-06", start="09:26").path
    lake = Lake(root / "lake")
    import_market(lake, root / "configs", market)
    publish_small(lake, root / "configs")
    assert "small" in CONFIGS["serving/small.yaml"]
    return World(root, np.concatenate(list(open_dbn(market))))


def test_a_promoted_serving_on_the_live_feed(world: World) -> None:
    """A process is killed and started again; clients come at other times; a connection is lost.

    What clients got are the frames that the recordings give again, byte for byte.
    """
    records = world.records
    cut = int(np.searchsorted(records["ts_recv"], records["ts_recv"][0] + 20 * NS))
    behind = int(np.searchsorted(records["ts_recv"], records["ts_recv"][0] + 30 * NS))
    stop = int(np.searchsorted(records["ts_recv"], records["ts_recv"][0] + 40 * NS))
    head = snapshot_before(records, behind)

    def first() -> Iterator[Step]:
        yield world.opening()
        yield from paced(records[:cut], SPEED)
        yield "close"

    def second() -> Iterator[Step]:
        yield world.opening() + head.tobytes()
        yield from paced(records[behind:stop], SPEED)
        yield heartbeat()

    with FakeGateway([first(), first(), second()]) as gateway:
        command = start(world, gateway, "--alias", "small", "--port", "0")
        _, killed = asyncio.run(take(command.url, 25))
        assert command.end(signal.SIGKILL) == -signal.SIGKILL
        command = start(world, gateway, "--alias", "small", "--port", "0")
        try:

            async def clients() -> list[tuple[dict[str, Any], list[Frame]]]:
                return list(await asyncio.gather(*(take(command.url, n) for n in (60, 90, 30))))

            taken = asyncio.run(clients())
            late = asyncio.run(take(command.url, 10))
            lost = command.wait_health(losses=1, connected=True, heartbeats=1)
            assert lost["symbols"] == {"SYNM6": int(records["instrument_id"][0])}
            after = asyncio.run(take(command.url, 5))
        finally:
            code = command.end(signal.SIGTERM)
        assert code == 0
    before, recording = world.recordings
    expected = world.frames(before)
    assert [frame == expected[seq(frame)] for frame in killed] == [True] * 25
    (part,) = Recording(before).parts
    assert bytes(gateway.connections[0].sent).startswith(part.read_bytes())
    expected = world.frames(recording)
    for config, frames in (*taken, late, after):
        assert config["serving"]["alias"] == "small"
        assert config["config"]["symbol"] == "SYNM6"
        for frame in frames:
            assert frame == expected[seq(frame)]
    for _, frames in (*taken, late, after):
        assert [seq(frame) for frame in frames] == list(range(seq(frames[0]), seq(frames[0]) + len(frames)))
    assert seq(late[1][0]) > 60  # who comes later begins with what is new
    assert "signal" in json.loads(after[1][0].update)
    shown = [json.loads(frame.update)["book_valid"] for frame in expected.values()]
    assert False in shown[20:]
    assert shown[-1]
    parts = [part.read_bytes() for part in Recording(recording).parts]
    assert parts == [bytes(connection.sent) for connection in gateway.connections[1:]]


def test_a_recording_alone(world: World) -> None:
    before = set(world.recordings) if world.lake.live_dir("future_mbo", "SYN").exists() else set()
    with FakeGateway([[world.opening(), world.records[:3_000].tobytes(), heartbeat()]]) as gateway:
        command = start(world, gateway, "--record-only")
        gateway.wait(0)
        until = time.monotonic() + 20
        while not (new := set(world.recordings) - before) or sum(
            part.stat().st_size for part in Recording(next(iter(new))).parts
        ) < len(gateway.connections[0].sent):
            assert time.monotonic() < until
            time.sleep(0.02)
        assert command.end(signal.SIGTERM) == 0
    (recording,) = new
    assert Recording(recording).parts[0].read_bytes() == bytes(gateway.connections[0].sent)
    assert gateway.connections[0].subscriptions[0]["symbols"] == "SYNM6"
