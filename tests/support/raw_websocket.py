"""A WebSocket client over a plain socket that can say anything: frames are built bit by bit."""

from __future__ import annotations

import base64
import hashlib
import json
import socket
import struct
import time
from dataclasses import dataclass
from typing import Any

CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = 0x0, 0x1, 0x2, 0x8, 0x9, 0xA

STREAM = "/v1/vacuum-pressure/stream"
_KEY = base64.b64encode(bytes(range(16))).decode()
_ACCEPT = base64.b64encode(
    hashlib.sha1(f"{_KEY}258EAFA5-E914-47DA-95CA-C5AB0DC85B11".encode(), usedforsecurity=False).digest()
).decode()
_HEADERS = {
    "Host": "127.0.0.1",
    "Upgrade": "websocket",
    "Connection": "Upgrade",
    "Sec-WebSocket-Version": "13",
    "Sec-WebSocket-Key": _KEY,
}


def request(
    serving: str = "demo",
    *,
    line: str | None = None,
    without: tuple[str, ...] = (),
    extra: tuple[tuple[str, str], ...] = (),
    changed: dict[str, str] | None = None,
) -> bytes:
    """The bytes of an opening handshake; `changed` replaces the values of headers, `extra` adds further ones."""
    headers = {name: value for name, value in (_HEADERS | (changed or {})).items() if name not in without}
    lines = [line if line is not None else f"GET {STREAM}?serving={serving} HTTP/1.1"]
    lines += [f"{name}: {value}" for name, value in (*headers.items(), *extra)]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


def frame(
    opcode: int,
    payload: bytes = b"",
    *,
    fin: bool = True,
    reserved: int = 0,
    mask: bytes | None = b"\x37\xfa\x21\x3d",
    declared: int | None = None,
    length_bytes: int | None = None,
) -> bytes:
    """One frame. `reserved` holds RSV1 to RSV3 as 4, 2 and 1.

    `declared` is a length other than that of the payload; `length_bytes` (0, 2 or 8) writes it longer than needed.
    """
    length = len(payload) if declared is None else declared
    if length_bytes is None:
        length_bytes = 0 if length < 126 else 2 if length < 65536 else 8
    short = {0: length, 2: 126, 8: 127}[length_bytes]
    head = bytes([fin << 7 | reserved << 4 | opcode, (mask is not None) << 7 | short])
    head += b"" if length_bytes == 0 else struct.pack("!H" if length_bytes == 2 else "!Q", length)
    if mask is None:
        return head + payload
    return head + mask + bytes(byte ^ mask[i % 4] for i, byte in enumerate(payload))


def text(payload: str | bytes, **options: Any) -> bytes:
    """A text frame."""
    return frame(TEXT, payload.encode() if isinstance(payload, str) else payload, **options)


def close(code: int | None = None, reason: bytes = b"", **options: Any) -> bytes:
    """A close frame."""
    return frame(CLOSE, (b"" if code is None else struct.pack("!H", code)) + reason, **options)


@dataclass(frozen=True)
class ServerFrame:
    """A frame of the server. Servers of this project fragment nothing."""

    opcode: int
    payload: bytes

    @property
    def close_code(self) -> int | None:
        """The code of a close frame, None if it has none."""
        return struct.unpack("!H", self.payload[:2])[0] if self.payload else None

    @property
    def json(self) -> dict[str, Any]:
        """The object in a text message."""
        value: dict[str, Any] = json.loads(self.payload)
        return value


class RawClient:
    """One connection. Nothing is read unless a method is called, so that a stalled client is one that calls none.

    `receive_buffer` is the size of the kernel's buffer in bytes. It is set before connecting, or the window is larger.
    """

    def __init__(self, port: int, *, receive_buffer: int | None = None, timeout_s: float = 15.0) -> None:
        self.socket = socket.socket()
        if receive_buffer is not None:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.socket.settimeout(timeout_s)
        try:
            self.socket.connect(("127.0.0.1", port))
        except OSError:
            self.socket.close()
            raise
        self._timeout_s = timeout_s
        self._received = bytearray()

    def __enter__(self) -> RawClient:
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()

    def send(self, data: bytes, *, one_by_one: bool = False) -> None:
        """Send bytes, on request each in a packet of its own."""
        if not one_by_one:
            self.socket.sendall(data)
            return
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for i in range(len(data)):
            self.socket.sendall(data[i : i + 1])

    def open(self, serving: str = "demo") -> None:
        """Shake hands and check the answer."""
        self.send(request(serving))
        status, headers = self.response()
        assert status == 101, headers
        assert headers["sec-websocket-accept"] == _ACCEPT
        assert "sec-websocket-extensions" not in headers

    def response(self) -> tuple[int, dict[str, str]]:
        """Status and headers (lower-case names) of an HTTP response; status 0 if the connection ended before it."""
        while b"\r\n\r\n" not in self._received:
            if not self._fill(self._timeout_s):
                return 0, {}
        head, _, rest = bytes(self._received).partition(b"\r\n\r\n")
        self._received[:] = rest
        first, *lines = head.decode("latin-1").split("\r\n")
        headers = dict(_header(line) for line in lines)
        return int(first.split()[1]), headers

    def read(self, timeout_s: float | None = None) -> ServerFrame | None:
        """The next frame, None at the end of the connection. Raises `TimeoutError`."""
        deadline = time.monotonic() + (self._timeout_s if timeout_s is None else timeout_s)
        while (parsed := self._parse()) is None:
            if not self._fill(deadline - time.monotonic()):
                assert not self._received, "the connection ended in the middle of a frame"
                return None
        return parsed

    def message(self, timeout_s: float | None = None) -> ServerFrame | None:
        """The next frame that is no ping; pings are answered on the way, as a good client does."""
        while (found := self.read(timeout_s)) is not None and found.opcode == PING:
            self.send(frame(PONG, found.payload))
        return found

    def read_to_end(self) -> list[ServerFrame]:
        """Every frame until the connection ends."""
        frames = []
        while (found := self.read()) is not None:
            frames.append(found)
        return frames

    def ended(self) -> bool:
        """Wait for the end of the connection, whatever comes before it; True, or `TimeoutError`."""
        while self._fill(self._timeout_s):
            self._received.clear()
        return True

    def vanish(self) -> None:
        """End the connection at once with a reset, as a process that is killed with unread data does."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.socket.close()

    def _fill(self, timeout_s: float) -> bool:
        if timeout_s <= 0:
            raise TimeoutError("nothing came")
        self.socket.settimeout(timeout_s)
        try:
            data = self.socket.recv(1 << 16)
        except ConnectionError:
            self._received.clear()
            return False
        finally:
            self.socket.settimeout(self._timeout_s)
        self._received += data
        return bool(data)

    def _parse(self) -> ServerFrame | None:
        data = self._received
        if len(data) < 2:
            return None
        assert data[0] & 0xF0 == 0x80, f"{data[0]:#x}: reserved bits or a fragment"
        assert data[1] < 0x80, "a server must not mask"
        size = {126: 2, 127: 8}.get(data[1], 0)
        if len(data) < 2 + size:
            return None
        length = int.from_bytes(data[2 : 2 + size], "big") if size else data[1]
        end = 2 + size + length
        if len(data) < end:
            return None
        parsed = ServerFrame(data[0] & 0x0F, bytes(data[2 + size : end]))
        del data[:end]
        return parsed


def _header(line: str) -> tuple[str, str]:
    name, _, value = line.partition(":")
    return name.strip().lower(), value.strip()
