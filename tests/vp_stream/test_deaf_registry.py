"""A registry that does not answer: whoever waits for it is told, and nobody else notices."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import sqlite3
import struct
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from vp_harness import Lake
from vp_registry import Registry, RegistryUnavailableError
from vp_stream import Refusal, StreamSettings, start_in_background
from vp_stream.blocking import TimedCalls
from vp_stream.errors import OverdueError
from vp_stream.main import _parser
from vp_stream.options import settings_of
from vp_stream.servings.published import LakeCatalogue


class FakePostgres:
    """Takes connections. Says nothing, or asks for the password in clear text, keeps it, and says nothing then."""

    def __init__(self, *, asks: bool = False) -> None:
        self.passwords: list[bytes] = []
        self.taken: list[socket.socket] = []
        self._asks = asks
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"postgresql+psycopg://vp@127.0.0.1:{self._listener.getsockname()[1]}/registry"
        threading.Thread(target=self._take, daemon=True).start()

    def close(self) -> None:
        for taken in (self._listener, *self.taken):
            with contextlib.suppress(OSError):
                taken.shutdown(socket.SHUT_RDWR)
            taken.close()

    def _take(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                taken, _ = self._listener.accept()
                self.taken.append(taken)
                if self._asks:
                    self._ask(taken)

    def _ask(self, taken: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while True:
                (length,) = struct.unpack("!I", taken.recv(4, socket.MSG_WAITALL))
                (code,) = struct.unpack("!I", taken.recv(4, socket.MSG_WAITALL))
                taken.recv(length - 8, socket.MSG_WAITALL)
                if code == 196608:  # protocol 3.0; before it libpq asks for encryption
                    break
                taken.sendall(b"N")
            taken.sendall(b"R" + struct.pack("!II", 8, 3))
            assert taken.recv(1) == b"p"
            (length,) = struct.unpack("!I", taken.recv(4, socket.MSG_WAITALL))
            self.passwords.append(taken.recv(length - 4, socket.MSG_WAITALL))


@pytest.fixture
def deaf() -> Iterator[FakePostgres]:
    server = FakePostgres()
    yield server
    server.close()


def test_a_deaf_registry_holds_up_neither_health_nor_clients(
    tmp_path: Path, deaf: FakePostgres, connected: Any
) -> None:
    (tmp_path / "lake").mkdir()
    settings = StreamSettings(
        lake_root=tmp_path / "lake",
        config_root=tmp_path / "configs",
        port=0,
        registry_url=deaf.url,
        registry_timeout_s=0.3,
    )
    with start_in_background(settings) as server:
        stage = connected(server)
        began = time.monotonic()
        answer = stage.get("/health")
        assert answer.status_code == 503
        assert "the registry does not answer; try again later" in answer.json()["problems"]
        assert stage.get("/v1/servings").json()["code"] == "unavailable"

        async def clients() -> list[Any]:
            async def play() -> Any:
                async with stage.connect("?serving=demo") as client:
                    return await stage.read(client)

            async with asyncio.timeout(20):
                return await asyncio.gather(*(play() for _ in range(40)))

        for received in asyncio.run(clients()):
            assert received.close_code == 1008
            assert received.texts[-1]["code"] == "unavailable"
        assert time.monotonic() - began < 10
        # what was left behind is bounded, however many ask
        assert sum(thread.name == "vp-stream-timed-call" for thread in threading.enumerate()) <= 16
        assert stage.get("/metrics").status_code == 200
    deaf.close()


def test_a_registry_that_answers_again_is_asked_again() -> None:
    answer = threading.Event()
    calls = TimedCalls(0.05, most_overdue=2)
    for _ in range(2):
        with pytest.raises(OverdueError, match=r"no answer in 0\.05 s"):
            calls.run(answer.wait)
    began = time.monotonic()
    with pytest.raises(OverdueError, match="2 calls before this one"):
        calls.run(lambda: 1)
    assert time.monotonic() - began < 0.04
    answer.set()
    limit = time.monotonic() + 5
    while time.monotonic() < limit:
        with contextlib.suppress(OverdueError):
            assert calls.run(lambda: 1) == 1
            break
    with pytest.raises(TimeoutError, match="its own"):
        calls.run(lambda: (_ for _ in ()).throw(TimeoutError("its own")))


def test_a_locked_database_is_waited_for_as_long_as_a_registry_is(tmp_path: Path) -> None:
    registry = Lake(tmp_path / "lake").registry_path
    registry.parent.mkdir(parents=True)
    with contextlib.closing(sqlite3.connect(registry)) as other:
        other.execute("CREATE TABLE promotion_events (seq INTEGER)")
        other.execute("BEGIN EXCLUSIVE")
        catalogue = LakeCatalogue(Lake(tmp_path / "lake"), tmp_path, registry_timeout_s=0.2)
        with pytest.raises(Refusal, match="the registry does not answer"):
            catalogue.target("demo")


def test_a_connection_that_nobody_answers_ends(deaf: FakePostgres) -> None:
    began = time.monotonic()
    with pytest.raises(RegistryUnavailableError, match=r"vp@127\.0\.0\.1"):
        Registry(f"{deaf.url}?connect_timeout=2", "versions").aliases()
    assert time.monotonic() - began < 8


def test_the_password_may_lie_in_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """PGPASSFILE of libpq: neither the command line nor the environment has it."""
    server = FakePostgres(asks=True)
    passwords = tmp_path / "pgpass"
    passwords.write_text("127.0.0.1:*:registry:vp:of the file\n")
    passwords.chmod(0o600)
    monkeypatch.setenv("PGPASSFILE", str(passwords))
    monkeypatch.setenv("VP_REGISTRY_URL", f"{server.url}?connect_timeout=2")
    settings = settings_of(vars(_parser().parse_args([])))
    assert settings.registry_url == f"{server.url}?connect_timeout=2"
    assert settings_of(vars(_parser().parse_args(["--registry-url", "sqlite:///a"]))).registry_url == "sqlite:///a"
    catalogue = LakeCatalogue(Lake(tmp_path), tmp_path, settings.registry_url, registry_timeout_s=0.5)
    with pytest.raises(Refusal, match="does not answer"):
        catalogue.target("demo")
    assert server.passwords == [b"of the file\0"]
    server.close()
    assert "of the file" not in _parser().format_help()
