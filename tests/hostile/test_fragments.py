"""Messages that never end: what they cost nobody but who sends them."""

from __future__ import annotations

import contextlib
import threading
import time
from typing import Any

import pytest
from support.raw_websocket import CLOSE, CONTINUATION, TEXT, RawClient, frame, text
from support.stream_process import Served, Site

ENDLESS = {
    1009: [text("", fin=False), frame(CONTINUATION, fin=False) * 20_000],
    1002: [text("", length_bytes=8) * 10_000],
}
"""What is sent, by the code it is closed with: empty fragments, and lengths in eight bytes that need none."""
ATTACKERS = 2


def attack(served: Served, parts: list[bytes], until: float, closes: list[int | None]) -> None:
    while time.monotonic() < until:
        with RawClient(served.port) as client:
            client.open("small")
            with contextlib.suppress(OSError):  # ended while it still had something to say
                for part in parts:
                    client.send(part)
            with contextlib.suppress(OSError, AssertionError):  # reset: its own bytes were on the way
                while (found := client.read()) is not None and found.opcode != CLOSE:
                    assert found.opcode != TEXT or found.json["type"] != "error"
                closes.append(None if found is None else found.close_code)


@pytest.mark.slow
def test_messages_without_end_hurt_nobody(site: Site, unharmed: Any, seconds: float) -> None:
    seconds /= 2
    with site.serving() as served:
        with served.good_client(seconds + 1) as seen:
            until, before = time.monotonic() + seconds, served.metric("process_resident_memory_bytes")
            closes: dict[int, list[int | None]] = {code: [] for code in ENDLESS}
            threads = [
                threading.Thread(target=attack, args=(served, ENDLESS[code], until, closes[code]))
                for code in list(ENDLESS) * ATTACKERS
            ]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            grown = served.metric("process_resident_memory_bytes") - before
        unharmed(seen, seconds)
        print(f"{ {code: len(ended) for code, ended in closes.items()} } closes, {grown / 2**20:.1f} MiB more memory")
        for code, ended in closes.items():
            assert code in ended
            assert set(ended) <= {code, None}
        assert grown < 64 * 2**20
        assert "Traceback" not in served.log_text()
