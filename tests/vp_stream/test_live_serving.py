"""A promoted serving on the live feed, end to end: the command as a process, a gateway on loopback, clients."""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from support.book_oracle import OracleBook
from support.dbn_files import head_snapshot
from support.live_gateway import KEY, FakeGateway, Step, heartbeat, mapping, paced, session_head
from support.small_lake import CONFIGS, import_market, publish_small, write_configs
from websockets.asyncio.client import connect

from vp_book import open_dbn
from vp_book.live import Recording
from vp_book.synthetic import write_market
from vp_contract import Frame, FrameEncoder, load_chain
from vp_harness import Lake, recorded_bins
from vp_harness.execution.served import ServedSignal

SPEED = 4.0
NS = 1_000_000_000


@dataclass
class World:
    """A lake with a promoted serving, and the records of its market."""

    root: Path
    records: np.ndarray

    @property
    def lake(self) -> Lake:
        return Lake(self.root / "lake")

    @property
    def configs(self) -> Path:
        return self.root / "configs"

    @property
    def recordings(self) -> list[Path]:
        return sorted(self.lake.live_dir("future_mbo", "SYN").iterdir())

    def opening(self) -> bytes:
        at = int(self.records["ts_recv"][0])
        return session_head(at) + mapping("SYNM6", int(self.records["instrument_id"][0]), at)

    def frames(self, recording: Path) -> dict[int, Frame]:
        """What a live serving sent, again, from its recording."""
        config = load_chain(self.configs, serving="small").config
        encoder, running = FrameEncoder(config), ServedSignal(config, 0.2).start()
        return {
            int(scored.fields["bin_seq"]): encoder.encode(
                scored.fields, scored.cells, scored.derivative, running.step(scored)
            )
            for scored in recorded_bins(config, recording)
        }


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


@dataclass
class Command:
    """A running `vp live`."""

    process: subprocess.Popen[str]
    url: str = ""
    lines: list[str] = field(default_factory=list)

    def health(self) -> dict[str, Any]:
        body: dict[str, Any] = httpx.get(self.url + "/health", timeout=10, verify=False, trust_env=False).json()
        return body

    def wait_health(self, **wanted: Any) -> dict[str, Any]:
        until = time.monotonic() + 30
        while time.monotonic() < until:
            found = self.health()["live"]
            if all(found[name] == value for name, value in wanted.items()):
                return found
            time.sleep(0.02)
        raise TimeoutError(f"{wanted} did not come about: {self.health()}")

    def end(self, number: signal.Signals) -> int:
        self.process.send_signal(number)
        code = self.process.wait(20)
        for stream in (self.process.stdout, self.process.stderr):
            assert stream is not None
            stream.close()
        return code


def start(world: World, gateway: FakeGateway, *arguments: str) -> Command:
    host, port = gateway.address
    options = ["--gateway", host, "--gateway-port", str(port), *arguments]
    roots = ["--lake-root", str(world.lake.root), "--config-root", str(world.configs), "--web-root", str(world.root)]
    process = subprocess.Popen(
        [sys.executable, "-c", "from vp_cli.main import main; main()", "live", *options, *roots],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "DATABENTO_API_KEY": KEY, "PYTHONUNBUFFERED": "1"},
    )
    command = Command(process)
    assert process.stdout is not None
    for line in process.stdout:
        command.lines.append(line)
        if found := re.match(r"open (http://[^/]+)/", line):
            command.url = found[1]
        if command.url or line.startswith("recording"):
            return command
    assert process.stderr is not None
    raise AssertionError(process.stderr.read())


async def take(url: str, bins: int) -> tuple[dict[str, Any], list[Frame]]:
    """The runtime config, and the next bins, as a client gets them."""
    frames: list[Frame] = []
    address = url.replace("http", "ws") + "/v1/vacuum-pressure/stream?serving=small"
    async with asyncio.timeout(60), connect(address, max_size=None, compression=None) as client:
        config = json.loads(await client.recv())
        while len(frames) < bins:
            text = await client.recv()
            assert json.loads(text)["type"] == "grid_update"
            grid = await client.recv()
            assert isinstance(text, str)
            assert isinstance(grid, bytes)
            frames.append(Frame(text.encode(), grid))
    return config, frames


def snapshot_before(records: np.ndarray, index: int) -> np.ndarray:
    """The snapshot with which a session begins just before a record."""
    book = OracleBook()
    for row in records[:index]:
        book.apply(row)
    head = head_snapshot(book, int(records["ts_recv"][index]))
    for name in ("instrument_id", "publisher_id"):
        head[name] = records[name][index]
    return head


def seq(frame: Frame) -> int:
    return int(json.loads(frame.update)["bin_seq"])


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
