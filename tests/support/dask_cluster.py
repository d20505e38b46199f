"""A Dask scheduler and workers as processes of their own, on loopback."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from support.packages import ROOT

_START_S = 60.0


class Cluster(NamedTuple):
    """The address of the scheduler, and the workers."""

    address: str
    workers: list[subprocess.Popen[bytes]]


@contextmanager
def dask_cluster(workers: int, directory: Path, environment: dict[str, str] | None = None) -> Iterator[Cluster]:
    """Start a scheduler and `workers` workers of one thread each. They end with the block."""
    port = _free_port()
    address = f"tcp://127.0.0.1:{port}"
    env = {**os.environ, "PYTHONPATH": str(ROOT / "tests"), **(environment or {})}
    quiet = ["--no-dashboard", "--host", "127.0.0.1"]
    processes = [_start(["scheduler", "--port", str(port), *quiet], env, directory / "scheduler.log")]
    try:
        _wait_for(port, processes[0])
        for number in range(workers):
            command = ["worker", address, "--nthreads", "1", "--no-nanny", "--local-directory", str(directory), *quiet]
            processes.append(_start(command, env, directory / f"worker{number}.log"))
        yield Cluster(address, processes[1:])
    finally:
        for process in reversed(processes):
            process.terminate()
        for process in reversed(processes):
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _start(arguments: list[str], env: dict[str, str], log: Path) -> subprocess.Popen[bytes]:
    with log.open("wb") as output:
        command = [sys.executable, "-m", "distributed.cli.dask_" + arguments[0], *arguments[1:]]
        return subprocess.Popen(command, env=env, stdout=output, stderr=subprocess.STDOUT)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait_for(port: int, process: subprocess.Popen[bytes]) -> None:
    limit = time.monotonic() + _START_S
    while time.monotonic() < limit:
        if process.poll() is not None:
            raise RuntimeError(f"the scheduler ended with {process.returncode}")
        with socket.socket() as probe:
            probe.settimeout(1.0)
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.1)
    raise RuntimeError("the scheduler does not listen")
