"""The real `vp-stream` in a process of its own, over a small lake, and good clients beside whatever is done to it."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from support.packages import ROOT
from support.small_lake import import_market, publish_small, write_configs, write_small_market
from vp_harness import Lake

if sys.platform != "win32":
    import resource

RUN = "import sys; from vp_stream.main import main; sys.exit(main())"
STREAM = "/v1/vacuum-pressure/stream"


@dataclass
class Served:
    """A running server."""

    process: subprocess.Popen[bytes]
    port: int
    log: Path

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def health(self, timeout_s: float = 10.0) -> dict[str, Any]:
        body: dict[str, Any] = httpx.get(f"{self.url}/health", timeout=timeout_s, verify=False, trust_env=False).json()
        return body

    def metric(self, name: str) -> float:
        """A metric without labels, or with those written in its name."""
        answer = httpx.get(f"{self.url}/metrics", timeout=10, verify=False, trust_env=False).text
        found = re.search(rf"^{re.escape(name)} (\S+)$", answer, re.MULTILINE)
        assert found is not None, name
        return float(found[1])

    def log_bytes(self) -> int:
        return self.log.stat().st_size

    def log_text(self) -> str:
        return self.log.read_text(errors="replace")

    @contextlib.contextmanager
    def good_client(self, seconds: float, serving: str = "small") -> Iterator[dict[str, Any]]:
        """A client that plays for `seconds` from the beginning of the block; what it saw is there after the block."""
        url = f"ws://127.0.0.1:{self.port}{STREAM}?serving={serving}"
        command = [sys.executable, "-m", "support.good_client", url, str(seconds)]
        seen: dict[str, Any] = {}
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT / "tests") as client:
            try:
                assert client.stdout is not None
                assert client.stdout.readline() == "ready\n"
                yield seen
                said, _ = client.communicate(timeout=seconds + 60)
                seen.update(json.loads(said))
            finally:
                client.kill()
        print(f"beside it a good client saw {seen}")

    def stop(self) -> int:
        """Ask it to end; its exit code. Raises `TimeoutExpired` after 5 s and what a busy machine needs."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(10)


@dataclass
class Site:
    """A lake and configs with one published serving, `small`."""

    lake_root: Path
    config_root: Path

    @classmethod
    def make(cls, root: Path) -> Site:
        site = cls(root / "lake", write_configs(root / "configs"))
        import_market(Lake(site.lake_root), site.config_root, write_small_market(root / "market.dbn.zst"))
        publish_small(Lake(site.lake_root), site.config_root)
        return site

    @contextlib.contextmanager
    def serving(self, *options: str, descriptors: int | None = None, log: Path | None = None) -> Iterator[Served]:
        """The process, with a hard limit of descriptors if given. It is killed in the end if it still runs."""
        command = [sys.executable, "-X", "faulthandler", "-c", RUN, "--port", "0", "--lake-root", str(self.lake_root)]
        command += ["--config-root", str(self.config_root), *options]
        written = log or self.lake_root.parent / "server.log"

        def limit() -> None:
            if descriptors is not None:
                resource.setrlimit(resource.RLIMIT_NOFILE, (descriptors, descriptors))

        with (
            written.open("wb") as errors,
            subprocess.Popen(
                command,
                stdout=subprocess.PIPE,
                stderr=errors,
                preexec_fn=limit if os.name == "posix" else None,
            ) as process,
        ):
            try:
                assert process.stdout is not None
                found = re.match(rb"serving http://127\.0\.0\.1:(\d+)/ ", process.stdout.readline())
                assert found is not None, written.read_text()
                yield Served(process, int(found[1]), written)
            finally:
                process.kill()
