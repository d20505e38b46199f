"""A PostgreSQL server of the tests' own, on loopback, gone with them."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

_START_S = 60.0
_SETTINGS = ("fsync=off", "listen_addresses=127.0.0.1", "max_connections=40")  # its data goes with the tests


def need_postgres() -> Path:
    """The directory of the server's programs. Skips where there is none, and fails there in CI."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    on_path = shutil.which("initdb")
    if found or on_path:
        return found[-1].parent if found else Path(str(on_path)).parent
    problem = "PostgreSQL is not installed (Debian: apt-get install postgresql)"
    if os.environ.get("CI"):
        pytest.fail(problem)
    pytest.skip(problem)


@contextmanager
def postgres_server() -> Iterator[str]:
    """Start a server with an empty cluster: the URL of its database `postgres`."""
    programs = need_postgres()
    # not below pytest's directories: the server must not run as root, and those are root's alone
    home = Path(tempfile.mkdtemp(prefix="vp-postgres-"))
    other_user = _hand_over(home)
    try:
        data = home / "data"
        initdb = [str(programs / "initdb"), "-D", str(data), "-U", "vp", "-A", "trust", "-E", "UTF8", "--no-sync"]
        subprocess.run([*other_user, *initdb], check=True, capture_output=True, cwd=home)
        port = _free_port()
        options = [part for setting in _SETTINGS for part in ("-c", setting)]
        command = [str(programs / "postgres"), "-D", str(data), "-k", str(home), "-p", str(port), *options]
        with (home / "log").open("wb") as log:
            server = subprocess.Popen([*other_user, *command], stdout=log, stderr=subprocess.STDOUT, cwd=home)
        try:
            _wait_for(port, server, home / "log")
            yield f"postgresql+psycopg://vp@127.0.0.1:{port}/postgres"
        finally:
            server.terminate()
            server.wait(30)
    finally:
        shutil.rmtree(home, ignore_errors=True)


def _hand_over(home: Path) -> list[str]:
    """Give `home` to somebody who is not root; the words in front of a command that is to run as them."""
    if sys.platform == "win32" or os.geteuid() != 0:
        return []
    shutil.chown(home, "postgres", "postgres")
    return ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"]


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait_for(port: int, server: subprocess.Popen[bytes], log: Path) -> None:
    limit = time.monotonic() + _START_S
    while time.monotonic() < limit:
        if server.poll() is not None:
            raise RuntimeError(f"the server ended: {log.read_text(errors='replace')}")
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0 and "ready to accept" in log.read_text(errors="replace"):
                return
        time.sleep(0.05)
    raise RuntimeError("the server does not listen")
