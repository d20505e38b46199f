"""More connections than the process has descriptors for."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import time
from typing import Any

import pytest
from support.raw_websocket import RawClient, request
from support.stream_process import Site
from websockets.asyncio.client import connect

CONNECTIONS = 1100


def idle(port: int, sent: bytes, stack: contextlib.ExitStack) -> None:
    connection = stack.enter_context(socket.socket())
    connection.settimeout(2.0)
    with contextlib.suppress(OSError):  # refused or reset: that is the server's right
        connection.connect(("127.0.0.1", port))
        connection.sendall(sent)


WAITING = {
    "nothing": b"",
    "half a handshake": request("small")[:60],
    "a request without its body": b"POST /sign-in HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 9\r\n\r\n",
    "an answered request": b"GET /v1/servings HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n",
}


@pytest.mark.slow
def test_more_idle_connections_than_descriptors_hurt_nobody(site: Site, unharmed: Any, seconds: float) -> None:
    """Every kind of them in turn, beside one client; a long attack begins again with the first."""
    with site.serving(descriptors=1024) as served:
        with served.good_client(2 * seconds + 3) as seen, contextlib.ExitStack() as stack:
            before, cleared = served.log_bytes(), 0.0
            until = time.monotonic() + 2 * seconds
            while True:
                for kind, sent in WAITING.items():
                    for _ in range(CONNECTIONS):
                        idle(served.port, sent, stack)
                    # whoever has something to ask is let in, at the price of one that has not
                    assert served.health(5.0)["status"] == "ok", kind
                    asyncio.run(one_bin(served.port))
                    assert served.metric("process_open_fds") < 1024, kind
                    assert served.metric("vp_stream_sockets") <= served.metric("vp_stream_sockets_max") + 32, kind
                    now = served.metric('vp_stream_sockets_turned_away_total{how="cleared"}')
                    assert now - cleared > 100, kind
                    cleared = now
                    stack.close()
                if seconds <= 5 or time.monotonic() > until:
                    break
                time.sleep(1)
        unharmed(seen, 2 * seconds)
        assert served.log_bytes() - before < len(WAITING) * 100_000 + 2 * 2000 * seconds
        assert "Traceback" not in served.log_text()
        assert served.stop() == 0


async def one_bin(port: int) -> None:
    url = f"ws://127.0.0.1:{port}/v1/vacuum-pressure/stream?serving=small"
    async with asyncio.timeout(10), connect(url, compression=None, max_size=None) as client:
        for _ in range(3):
            await client.recv()


@pytest.mark.slow
def test_more_streams_than_descriptors_are_told_that_it_is_full(site: Site, unharmed: Any, seconds: float) -> None:
    with site.serving("--max-clients", "20", descriptors=256) as served:
        with served.good_client(seconds + 3) as seen, contextlib.ExitStack() as stack:
            for _ in range(300):
                client = stack.enter_context(RawClient(served.port, receive_buffer=4096))
                with contextlib.suppress(OSError):
                    client.send(request("small"))
            assert served.health()["clients"] <= 20
            assert served.metric("process_open_fds") < 256
        unharmed(seen, seconds)
        assert "Traceback" not in served.log_text()
