"""`vp live` as a process against a gateway on loopback: what its clients get, and what its recording gives again."""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import numpy as np
from websockets.asyncio.client import connect

from support.book_oracle import OracleBook
from support.dbn_files import head_snapshot
from support.live_gateway import KEY, FakeGateway, mapping, session_head
from vp_contract import Frame, FrameEncoder, load_chain
from vp_harness import Lake, recorded_bins
from vp_harness.execution.served import ServedSignal

NS = 1_000_000_000


@dataclass
class World:
    """A lake with a promoted serving, and the records of its market."""

    root: Path
    records: np.ndarray
    serving: str = "small"
    symbol: str = "SYNM6"
    symbol_root: str = "SYN"

    @property
    def lake(self) -> Lake:
        return Lake(self.root / "lake")

    @property
    def configs(self) -> Path:
        return self.root / "configs"

    @property
    def recordings(self) -> list[Path]:
        return sorted(self.lake.live_dir("future_mbo", self.symbol_root).iterdir())

    def opening(self) -> bytes:
        at = int(self.records["ts_recv"][0])
        return session_head(at) + mapping(self.symbol, int(self.records["instrument_id"][0]), at)

    def frames(self, recording: Path) -> dict[int, Frame]:
        """What a live serving sent, again, from its recording."""
        config = load_chain(self.configs, serving=self.serving).config
        encoder, running = FrameEncoder(config), ServedSignal(config, 0.2).start()
        return {
            int(scored.fields["bin_seq"]): encoder.encode(
                scored.fields, scored.cells, scored.derivative, running.step(scored), scored.marks
            )
            for scored in recorded_bins(config, recording)
        }


@dataclass
class Command:
    """A running `vp live`."""

    process: subprocess.Popen[str]
    url: str = ""
    lines: list[str] = field(default_factory=list)
    patience_s: float = 30.0

    def health(self) -> dict[str, Any]:
        body: dict[str, Any] = httpx.get(self.url + "/health", timeout=10, verify=False, trust_env=False).json()
        return body

    def wait_health(self, **wanted: Any) -> dict[str, Any]:
        until = time.monotonic() + self.patience_s
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


async def take(
    url: str, bins: int, serving: str = "small", timeout_s: float = 60, joined: Callable[[], object] = lambda: None
) -> tuple[dict[str, Any], list[Frame]]:
    """The runtime config, and the next bins, as a client gets them; `joined` is called between them."""
    frames: list[Frame] = []
    address = url.replace("http", "ws") + f"/v1/vacuum-pressure/stream?serving={serving}"
    async with asyncio.timeout(timeout_s), connect(address, max_size=None, compression=None) as client:
        config = json.loads(await client.recv())
        joined()
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
