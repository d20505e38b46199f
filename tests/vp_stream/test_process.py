"""The real `vp-stream` process over a real lake: signals with every kind of client present, a broken engine inside."""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest
from support.raw_websocket import RawClient, request
from support.small_lake import CONFIGS, import_market, publish_small, write_configs
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from vp_book.synthetic import write_market
from vp_harness import Lake

pytestmark = pytest.mark.skipif(os.name != "posix", reason="sends POSIX signals")


@dataclass
class Desk:
    lake_root: Path
    config_root: Path

    @contextlib.contextmanager
    def serving(self, *options: str) -> Iterator[tuple[subprocess.Popen[str], int]]:
        """The process and its port. It is killed in the end if it still runs."""
        command = [
            sys.executable,
            "-X",
            "faulthandler",
            "-c",
            "import sys; from vp_stream.main import main; sys.exit(main())",
        ]
        command += ["--port", "0", "--lake-root", str(self.lake_root), "--config-root", str(self.config_root), *options]
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
            try:
                assert process.stdout is not None
                found = re.match(r"serving http://127\.0\.0\.1:(\d+)/ ", process.stdout.readline())
                assert found is not None
                yield process, int(found[1])
            finally:
                process.kill()


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two servings over two days, the second of which has a raw file that breaks off. No server has seen them."""
    folder = tmp_path_factory.mktemp("published")
    desk = Desk(folder / "lake", write_configs(folder / "configs"))
    for name, date in (("small", "2026-02-06"), ("broken", "2026-02-09")):
        for kind in ("pipelines", "serving"):
            text = CONFIGS[f"{kind}/small.yaml"].replace("2026-02-06", date).replace("09:30", "09:28")
            path = desk.config_root / kind / f"{name}.yaml"
            path.write_text(text.replace("small", name), encoding="utf-8")
        market = folder / f"{name}.dbn"
        write_market(market, seed=7, minutes=2, date=date, start="09:26")
        raw = import_market(Lake(desk.lake_root), desk.config_root, market)
        if name == "broken":
            raw.chmod(0o644)
            with raw.open("r+b") as file:
                file.truncate(market.stat().st_size * 3 // 4 + 1)  # in the middle of a record
        publish_small(Lake(desk.lake_root), desk.config_root, name)
    return folder


@pytest.fixture
def desk(published: Path, tmp_path: Path) -> Desk:
    """A copy of what is published."""
    for name in ("lake", "configs"):
        shutil.copytree(published / name, tmp_path / name)
    return Desk(tmp_path / "lake", tmp_path / "configs")


def stream(port: int, serving: str = "small") -> connect:
    url = f"ws://127.0.0.1:{port}/v1/vacuum-pressure/stream?serving={serving}"
    return connect(url, compression=None, max_size=None, open_timeout=60)


@pytest.mark.parametrize(
    "signals", [(signal.SIGTERM,), (signal.SIGTERM, signal.SIGTERM), (signal.SIGINT,), (signal.SIGINT, signal.SIGTERM)]
)
def test_a_signal_ends_the_process_in_5_s_whoever_is_connected(desk: Desk, signals: tuple[signal.Signals, ...]) -> None:
    with desk.serving("--speed", "20") as (process, port), contextlib.ExitStack() as stack:

        async def scenario() -> tuple[list[int | None], float]:
            async with asyncio.timeout(120), stream(port) as playing, stream(port) as paused:
                for client in (playing, paused):
                    for _ in range(3):
                        await client.recv()
                await paused.send('{"type":"pause"}')
                for _ in range(8):
                    stuck = stack.enter_context(RawClient(port, receive_buffer=4096))
                    stuck.send(request("small"))
                for _ in range(4):
                    stack.enter_context(RawClient(port)).send(request("small")[:50])
                stack.enter_context(RawClient(port))
                alive = stack.enter_context(httpx.Client(base_url=f"http://127.0.0.1:{port}", verify=False))
                while alive.get("/health").json()["clients"] < 10:
                    await asyncio.sleep(0.05)
                reading = [asyncio.create_task(_close_code(client)) for client in (playing, paused)]
                await asyncio.sleep(1.5)  # until the stuck ones are
                started = time.monotonic()
                for number in signals:
                    process.send_signal(number)
                    await asyncio.sleep(0.2)
                codes = [await task for task in reading]
                await asyncio.to_thread(process.wait, 10)
                return codes, time.monotonic() - started

        codes, seconds = asyncio.run(scenario())
        assert codes == [1001, 1001]
        assert process.returncode == 0
        assert seconds < 5.0
        assert process.stderr is not None
        assert "Traceback" not in process.stderr.read()


def test_a_raw_file_that_breaks_off_is_told_and_the_process_lives(desk: Desk) -> None:
    with desk.serving("--speed", "max") as (process, port):
        assert asyncio.run(_play(port)) == ("stream_end", 1000)
        assert asyncio.run(_play(port, "broken")) == ("engine_failed", 1011)
        health = httpx.get(f"http://127.0.0.1:{port}/health", verify=False, timeout=30).json()
        assert health["status"] == "degraded"
        assert len(health["engine_failures"]) == 1
        assert asyncio.run(_play(port)) == ("stream_end", 1000)
        assert process.poll() is None
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 0


async def _play(port: int, serving: str = "small") -> tuple[str, int | None]:
    """What the last message of a whole replay was, and the close code."""
    last = ""
    async with asyncio.timeout(120), stream(port, serving) as client:
        with contextlib.suppress(ConnectionClosed):
            while True:
                message = await client.recv()
                if isinstance(message, str):
                    last = message
        content = msgspec.json.decode(last)
        return content.get("code") or content["type"], client.close_code


async def _close_code(client: Any) -> int | None:
    with contextlib.suppress(ConnectionClosed):
        while True:
            await client.recv()
    code: int | None = client.close_code
    return code
