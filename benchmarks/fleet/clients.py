"""Clients of the stream that cost next to nothing, so that hundreds fit beside the server on two cores.

They speak the WebSocket protocol as far as a client of this server must: no masking of what comes, frames counted and
only the text of a bin looked into. What they see is kept as numbers and judged afterwards.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import os
import random
import re
import socket
import struct
import time
from array import array

from vp_contract import STREAM_PATH

BIN_SEQ = re.compile(rb'"bin_seq":(\d+)')
SKIPPED = re.compile(rb'"skipped_bins":(\d+)')
CONTINUATION, TEXT, BINARY, CLOSE, PING = 0, 1, 2, 8, 9
SMALL_BUFFER = 4096
HISTORY = b',"history":true}'
MAP_BINS = 430
"""Bins that a map of 1600 px shows."""
_OF_HISTORY = -1


class Client(asyncio.Protocol):
    """One WebSocket: reads for ever and keeps when each whole bin (text and grid) had come."""

    def __init__(self, path: str, host: str) -> None:
        self._request = (
            f"GET {path} HTTP/1.1\r\nHost: {host}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            f"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
        ).encode()
        self.arrivals = array("d")
        self.bins = array("q")
        self.told_skipped = 0
        self.torn = 0
        self.texts = 0
        self.histories = 0
        self.looked_at = 0
        self.filled_s = array("d")
        self.missing = 0
        self.grid_bytes = 0
        self.close_code: int | None = None
        self.refused: bytes | None = None
        self.ended = asyncio.get_running_loop().create_future()
        self.transport: asyncio.Transport
        self._open = False
        self._buffer = b""
        self._left = 0
        self._announced: int | None = None
        self.changed = asyncio.Event()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        transport.write(self._request)

    def connection_lost(self, error: Exception | None) -> None:
        if not self.ended.done():
            self.ended.set_result(error)
        self.changed.set()

    def data_received(self, data: bytes) -> None:
        if self._left:  # the rest of a grid, which nobody looks into
            if len(data) < self._left:
                self._left -= len(data)
                return
            data, self._left = data[self._left :], 0
            self._grid_is_here()
        self._buffer = self._buffer + data if self._buffer else data
        if not self._open and not self._opened():
            return
        while self._take_frame():
            pass

    def _opened(self) -> bool:
        head, end, rest = self._buffer.partition(b"\r\n\r\n")
        if not end:
            return False
        if b" 101 " not in head:
            self.refused = head
            self.transport.abort()
            return False
        self._open, self._buffer = True, rest
        return True

    def _take_frame(self) -> bool:
        buffer = self._buffer
        if len(buffer) < 2:
            return False
        size, start = buffer[1] & 127, 2
        if size == 126:
            if len(buffer) < 4:
                return False
            size, start = int.from_bytes(buffer[2:4], "big"), 4
        elif size == 127:
            if len(buffer) < 10:
                return False
            size, start = int.from_bytes(buffer[2:10], "big"), 10
        kind = buffer[0] & 15
        if kind == BINARY:
            here = len(buffer) - start
            self.grid_bytes = size
            if here < size:
                self._left, self._buffer = size - here, b""
                return False
            self._buffer = buffer[start + size :]
            self._grid_is_here()
            return True
        if len(buffer) < start + size:
            return False
        payload, self._buffer = buffer[start : start + size], buffer[start + size :]
        if kind == TEXT:
            self._text(payload)
        elif kind == PING:
            self.transport.write(masked(0x8A, payload))
        elif kind == CLOSE:
            self.close_code = int.from_bytes(payload[:2], "big") if len(payload) >= 2 else 1005
            self.transport.write(masked(0x88, payload[:2]))
        return True

    def _text(self, payload: bytes) -> None:
        if self._announced is not None:
            self.torn += 1
        self.texts += 1
        if self.texts == 1:  # its configuration
            self.changed.set()
        if b'"error"' in payload[:40]:  # an answer that nobody waits for would be waited for until the end
            self.refused = payload
            self.transport.abort()
        if b'"history_end"' in payload[:40]:
            self.histories += 1
            self.changed.set()
        if b'"grid_update"' not in payload[:40]:
            return
        if payload.endswith(HISTORY):
            self.looked_at += 1
            self._announced = _OF_HISTORY
            return
        found = BIN_SEQ.search(payload)
        assert found is not None, payload
        self._announced = int(found[1])
        skipped = SKIPPED.search(payload)
        told = int(skipped[1]) if skipped else 0
        self.told_skipped += told
        if self.bins:
            self.missing += self._announced - self.bins[-1] - 1 - told

    def _grid_is_here(self) -> None:
        if self._announced is None:
            self.torn += 1
            return
        if self._announced != _OF_HISTORY:
            self.arrivals.append(time.monotonic())
            self.bins.append(self._announced)
        self._announced = None
        self.changed.set()

    def lateness_s(self, period_s: float) -> list[float]:
        """How late each bin came, against the schedule that this client's earliest bin is on."""
        offsets = [at - seq * period_s for at, seq in zip(self.arrivals, self.bins, strict=True)]
        earliest = min(offsets, default=0.0)
        return [offset - earliest for offset in offsets]


def masked(first: int, payload: bytes) -> bytes:
    """A short frame of a client."""
    key = os.urandom(4)
    return bytes((first, 0x80 | len(payload))) + key + bytes(b ^ key[i % 4] for i, b in enumerate(payload))


async def connect(port: int, serving: str, *, receive_buffer: int | None = None) -> Client:
    """Open a stream over a socket of its own."""
    sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    if receive_buffer is not None:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
    sock.setblocking(False)
    loop = asyncio.get_running_loop()
    try:
        await loop.sock_connect(sock, ("127.0.0.1", port))
    except BaseException:
        sock.close()
        raise
    path = f"{STREAM_PATH}?serving={serving}"
    _, client = await loop.create_connection(lambda: Client(path, f"127.0.0.1:{port}"), sock=sock)
    return client


async def stuck(port: int, serving: str) -> bool:
    """Reads one bin and never again; whether the server has ended it, when looked at later, is for `is_ended`."""
    client = await connect(port, serving, receive_buffer=SMALL_BUFFER)
    await _bins(client, 1)
    client.transport.pause_reading()
    sock = client.transport.get_extra_info("socket")
    try:
        while not is_ended(sock):
            await asyncio.sleep(0.5)
        return True
    finally:
        client.transport.abort()


async def stalling(client: Client, stall_s: float, between_s: float) -> None:
    """Again and again reads for a while and stops for a while, until cancelled."""
    while not client.ended.done():
        await asyncio.sleep(between_s)
        client.transport.pause_reading()
        await asyncio.sleep(stall_s)
        if not client.transport.is_closing():
            client.transport.resume_reading()


async def churn(port: int, serving: str, seed: int, opened: list[Client]) -> None:
    """Connects, reads a little and leaves, politely or not, until cancelled."""
    rng = random.Random(seed)
    while True:
        client = await connect(port, serving)
        opened.append(client)
        # Not `wait_for`, which on Python 3.11 may swallow the cancellation that ends this.
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(5):
                await _bins(client, rng.randint(0, 20))
        if rng.random() < 0.5:
            client.transport.write(masked(0x88, struct.pack(">H", 1000)))
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(5):
                    await asyncio.shield(client.ended)
        client.transport.abort()
        await asyncio.sleep(rng.random() / 2)


async def looking_back(port: int, serving: str, clients: list[Client]) -> None:
    """Asks for the last 500 bins over and over, as pages do that are loaded again, until cancelled."""
    client = await connect(port, serving)
    clients.append(client)
    await _bins(client, 50)
    while not client.ended.done():
        newest = client.bins[-1]
        request = f'{{"type":"history","from":{max(newest - 500, 0)},"to":{newest}}}'
        client.transport.write(masked(0x81, request.encode()))
        answers = client.histories
        while client.histories == answers and not client.ended.done():
            client.changed.clear()
            await client.changed.wait()
        await asyncio.sleep(1.0)


async def whole(port: int, serving: str, bins: int) -> None:
    """Wait until the server has held a stored log to what was judged, to its last bin: before, none can go there."""
    while True:
        client = await connect(port, serving)
        await _bins(client, 1)
        client.transport.write(masked(0x81, f'{{"type":"history","from":{bins - 1},"to":{bins - 1}}}'.encode()))
        while not client.histories and not client.ended.done():
            client.changed.clear()
            await client.changed.wait()
        client.transport.abort()
        if client.histories:
            return
        await asyncio.sleep(1.0)


async def seeking(port: int, serving: str, bins: int, seed: int, clients: list[Client]) -> None:
    """Goes to a bin at random once a second and asks for what a map shows before it, until cancelled."""
    rng = random.Random(seed)
    client = await connect(port, serving)
    clients.append(client)
    await _bins(client, 1)
    while not client.ended.done():
        asked = time.monotonic()
        await _fill(client, rng.randrange(MAP_BINS, bins))
        client.filled_s.append(time.monotonic() - asked)
        await asyncio.sleep(max(1.0 - client.filled_s[-1], 0.0))


async def opening(port: int, serving: str, bins: int, seed: int, opened: list[Client]) -> None:
    """Opens a page at a bin at random, is shown its whole map and leaves; its time begins before it connects."""
    began = time.monotonic()
    client = await connect(port, serving)
    opened.append(client)
    while not client.texts and not client.ended.done():
        client.changed.clear()
        await client.changed.wait()
    await _fill(client, random.Random(seed).randrange(MAP_BINS, bins))
    client.filled_s.append(time.monotonic() - began)
    client.transport.abort()


async def openings(port: int, serving: str, bins: int, a_second: float, opened: list[Client]) -> None:
    """Has so many pages opened a second, however long the ones before take, until cancelled."""
    began, pages = time.monotonic(), set[asyncio.Task[None]]()
    try:
        for number in itertools.count():
            await asyncio.sleep(max(began + number / a_second - time.monotonic(), 0.0))
            page = asyncio.create_task(opening(port, serving, bins, -number - 1, opened))
            pages.add(page)
            page.add_done_callback(pages.discard)
    finally:
        for page in pages:
            page.cancel()
        await asyncio.gather(*pages, return_exceptions=True)


def is_ended(sock: socket.socket) -> bool:
    """Whether the peer has reset the connection, of which a socket that is not read tells nothing by itself."""
    return bool(sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1)[0] != 1)  # 1: established


async def _fill(client: Client, to: int) -> None:
    """Go to a bin and ask for what a map shows before it, until that has come."""
    answers = client.histories
    for request in (
        f'{{"type":"seek","bin_seq":{to}}}',
        f'{{"type":"history","from":{to - MAP_BINS},"to":{to - 1}}}',
    ):
        client.transport.write(masked(0x81, request.encode()))
    while client.histories == answers and not client.ended.done():
        client.changed.clear()
        await client.changed.wait()


async def _bins(client: Client, count: int) -> None:
    while len(client.bins) < count and not client.ended.done():
        client.changed.clear()
        await client.changed.wait()
