"""A live gateway on loopback that speaks Databento's real protocol to the unmodified official client.

It greets, challenges, checks the answer against its key, takes subscriptions, and on the session's start sends metadata
and records: what a `Script` says, with pauses, errors, garbage and disconnections in the middle.
"""

from __future__ import annotations

import contextlib
import hashlib
import secrets
import socket
import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from types import TracebackType

import databento_dbn as dbn
import numpy as np

KEY = "db-0123456789abcdefghijklmnopqrs"
_BUCKET_CHARACTERS = 5

Step = bytes | float | str
"""Of a connection: bytes to send, seconds to wait, or `"close"` (an orderly end) or `"reset"` (none)."""


@dataclass
class Connection:
    """What the gateway saw of one client: its authentication, its subscriptions, and what it was sent."""

    auth: dict[str, str] = field(default_factory=dict)
    subscriptions: list[dict[str, str]] = field(default_factory=list)
    sent: bytearray = field(default_factory=bytearray)
    ended: threading.Event = field(default_factory=threading.Event)


class FakeGateway:
    """Serves each connection the next of `scripts`, and stays silent on those after the last.

    `address` is where it listens. `connections` are those that were authenticated, in order. `refuse` is an error with
    which the next authentications are refused.
    """

    def __init__(self, scripts: Sequence[Iterable[Step]], *, key: str = KEY, heartbeat_s: float = 0) -> None:
        self.connections: list[Connection] = []
        self.refuse: str | None = None
        self._scripts = list(scripts)
        self._key = key
        self._heartbeat_s = heartbeat_s
        self._stopped = threading.Event()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._open: list[socket.socket] = []
        self._threads = [threading.Thread(target=self._accept, daemon=True)]
        self.address: tuple[str, int] = self._listener.getsockname()

    def __enter__(self) -> FakeGateway:
        self._threads[0].start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._stopped.set()
        for one in (self._listener, *self._open):
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()
        for thread in self._threads:
            thread.join(10)

    def wait(self, number: int, timeout_s: float = 20) -> Connection:
        """Connection `number`, once its script has come to its end."""
        until = time.monotonic() + timeout_s
        while time.monotonic() < until:
            if len(self.connections) > number and self.connections[number].ended.wait(0.01):
                return self.connections[number]
            time.sleep(0.01)
        raise TimeoutError(f"connection {number} of {len(self.connections)} did not come to its end")

    def _accept(self) -> None:
        while not self._stopped.is_set():
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            self._open.append(client)
            thread = threading.Thread(target=self._serve, args=(client,), daemon=True)
            self._threads.append(thread)
            thread.start()

    def _serve(self, client: socket.socket) -> None:
        with contextlib.suppress(OSError), client, client.makefile("r", encoding="ascii", newline="\n") as lines:
            challenge = secrets.token_urlsafe(24)
            client.sendall(b"lsg_version=0.7.0\n")
            client.sendall(f"cram={challenge}\n".encode())
            connection = Connection(auth=_fields(lines.readline()))
            if self.refuse or connection.auth.get("auth") != self._answer(challenge):
                client.sendall(f"success=0|error={self.refuse or 'Authentication failed.'}\n".encode())
                return
            number = len(self.connections)
            self.connections.append(connection)
            client.sendall(f"success=1|session_id={1000 + number}\n".encode())
            for line in lines:
                fields = _fields(line)
                if "start_session" in fields:
                    break
                connection.subscriptions.append(fields)
            else:
                return
            self._play(client, connection, self._scripts[number] if number < len(self._scripts) else ())

    def _play(self, client: socket.socket, connection: Connection, script: Iterable[Step]) -> None:
        try:
            for step in script:
                if self._stopped.is_set():
                    return
                if isinstance(step, float):
                    time.sleep(step)
                elif step == "reset":
                    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")
                    return
                elif step == "close":
                    return
                elif isinstance(step, bytes):
                    connection.sent += step
                    client.sendall(step)
        finally:
            connection.ended.set()
        while not self._stopped.wait(self._heartbeat_s or 0.5):
            if self._heartbeat_s:
                connection.sent += (beat := heartbeat())
                client.sendall(beat)

    def _answer(self, challenge: str) -> str:
        digest = hashlib.sha256(f"{challenge}|{self._key}".encode()).hexdigest()
        return f"{digest}-{self._key[-_BUCKET_CHARACTERS:]}"


def _fields(line: str) -> dict[str, str]:
    return dict(pair.partition("=")[::2] for pair in line.strip().split("|") if pair)


def session_head(start_ns: int, dataset: str = "GLBX.MDP3") -> bytes:
    """The metadata with which the gateway begins a session: no schema, no end, no mappings."""
    return bytes(
        dbn.Metadata(
            dataset=dataset,
            start=start_ns,
            stype_in=None,
            stype_out=dbn.SType.INSTRUMENT_ID,
            schema=None,
            symbols=[],
            mappings=[],
            version=3,
        )
    )


def mapping(symbol: str, instrument_id: int, ts_ns: int, asked: str | None = None) -> bytes:
    """A symbol-mapping record: `asked` is the subscription's name, the symbol itself unless told."""
    return bytes(
        dbn.SymbolMappingMsg(
            publisher_id=1,
            instrument_id=instrument_id,
            ts_event=ts_ns,
            stype_in=dbn.SType.RAW_SYMBOL,
            stype_in_symbol=asked or symbol,
            stype_out=dbn.SType.RAW_SYMBOL,
            stype_out_symbol=symbol,
            start_ts=ts_ns,
            end_ts=ts_ns + 86_400 * 10**9,
        )
    )


def heartbeat() -> bytes:
    """A system record that says the gateway is there."""
    return bytes(dbn.SystemMsg(ts_event=time.time_ns(), msg="Heartbeat", code=dbn.SystemCode.HEARTBEAT))


def system(text: str) -> bytes:
    """Another system record."""
    return bytes(dbn.SystemMsg(ts_event=time.time_ns(), msg=text, code=dbn.SystemCode.SLOW_READER_WARNING))


def error(text: str) -> bytes:
    """An error record."""
    return bytes(dbn.ErrorMsg(ts_event=time.time_ns(), err=text, is_last=True))


def paced(records: np.ndarray, speed: float, *, step_s: float = 0.02) -> Iterator[Step]:
    """Records at `speed` times their own pace (by ts_recv), sent every `step_s`."""
    if not len(records):
        return
    times = records["ts_recv"].astype(np.int64)
    begun, at = time.monotonic(), 0
    while at < len(records):
        elapsed_ns = int((time.monotonic() - begun) * speed * 1e9)
        upto = int(np.searchsorted(times, times[0] + elapsed_ns, side="right"))
        if upto > at:
            yield records[at:upto].tobytes()
            at = upto
        else:
            yield step_s
