"""Connections on which nothing comes, and a limit of descriptors that is too low for the clients."""

from __future__ import annotations

import contextlib
import time

from support.raw_websocket import RawClient
from support.stream_process import Site


def test_a_limit_too_low_for_the_clients_is_said_at_the_start(site: Site) -> None:
    with site.serving("--max-clients", "500", descriptors=512) as served:
        assert "max_clients=500 do not fit: 512 descriptors" in served.log_text()


def test_idle_connections_end_by_themselves(site: Site) -> None:
    with site.serving() as served, contextlib.ExitStack() as stack:
        clients = [stack.enter_context(RawClient(served.port, timeout_s=30.0)) for _ in range(100)]
        began = time.monotonic()
        for client in clients:
            assert client.ended()
        assert time.monotonic() - began < 20.0
        assert served.metric("vp_stream_sockets") <= 2
