"""Bodies of requests that never come, come drop by drop, or are no bodies: an end in time, a line at most, no more."""

from __future__ import annotations

import contextlib
import logging
import time
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from support.raw_websocket import RawClient

from vp_stream.http.access import Token

SECRET = "0123456789abcdef-test~token"
HOST = b"Host: 127.0.0.1\r\n"
CHUNKED = HOST + b"Transfer-Encoding: chunked\r\n\r\n"
SIZED = HOST + b"Content-Length: 30\r\n\r\n"
LINES = {
    "sign-in": b"POST /sign-in HTTP/1.1\r\n",
    "a route that reads no body": b"GET /health HTTP/1.1\r\n",
    "another method": b"POST /v1/servings HTTP/1.1\r\n",
    "a page": b"GET / HTTP/1.1\r\n",
    "nothing there": b"PUT /nothing HTTP/1.1\r\n",
}
UNFINISHED = {
    "sized, nothing of it": SIZED,
    "sized, a part": SIZED + b"token=",
    "chunked, nothing of it": CHUNKED,
    "chunked, a part": CHUNKED + b"6\r\ntoken=\r\n",
    "chunked, the end missing": CHUNKED + b"1\r\na\r\n0\r\n",
}
MALFORMED = {
    "no length": b"token=guess\r\n\r\n",
    "a negative length": b"-6\r\ntoken=\r\n0\r\n\r\n",
    "a length beyond all": b"ffffffffffffffffffffff\r\n",
    "a chunk longer than it says": b"2\r\ntoken=\r\n0\r\n\r\n",
    "zero bytes": bytes(100),
    "no line end": b"a" * 100,
    "a bad trailer": b"0\r\n: x\r\n\r\n",
}


@pytest.fixture
def guarded(start: Any, market: Any) -> Any:
    """A server that waits a second for a request, the least that can be set."""
    return start(token=Token(SECRET), dead_peer_s=2.0)


@pytest.fixture
def records(caplog: pytest.LogCaptureFixture) -> Iterator[list[logging.LogRecord]]:
    caplog.set_level(logging.DEBUG)
    yield caplog.records
    assert not [record for record in caplog.records if record.exc_info or record.levelno >= logging.ERROR]


@pytest.mark.parametrize("line", LINES)
def test_a_body_that_does_not_come_ends_the_connection(
    guarded: Any, records: list[logging.LogRecord], line: str
) -> None:
    """Whatever is missing of it; the bodies are waited for at the same time."""
    with contextlib.ExitStack() as stack:
        clients = {body: stack.enter_context(RawClient(guarded.server.port, timeout_s=30.0)) for body in UNFINISHED}
        began = time.monotonic()
        for body, client in clients.items():
            client.send(LINES[line] + UNFINISHED[body])
        for body, client in clients.items():
            status, headers = client.response()
            if line == "sign-in":
                assert (status, headers["connection"]) == (408, "close"), body
            assert client.ended(), body
            assert time.monotonic() - began < 20.0, body
    assert guarded.health()["status"] == "ok"


@pytest.mark.parametrize("line", ["sign-in", "a route that reads no body"])
def test_a_body_that_comes_drop_by_drop_has_no_more_time(
    guarded: Any, records: list[logging.LogRecord], line: str
) -> None:
    with RawClient(guarded.server.port, timeout_s=30.0) as client:
        client.send(LINES[line] + HOST + b"Content-Length: 100000\r\n\r\n")

        def drip() -> None:
            for _ in range(2000):
                client.send(b"t")
                time.sleep(0.01)

        with pytest.raises(OSError):  # reset, or the pipe is broken
            drip()
    assert guarded.health()["status"] == "ok"


def test_a_client_that_leaves_in_the_middle_is_no_error(guarded: Any, records: list[logging.LogRecord]) -> None:
    for body in UNFINISHED.values():
        with RawClient(guarded.server.port) as client:
            client.send(LINES["sign-in"] + body)
            time.sleep(0.05)
    assert guarded.health()["status"] == "ok"


def test_a_slow_body_that_comes_in_time_is_read(guarded: Any) -> None:
    with RawClient(guarded.server.port) as client:
        body = f"token={SECRET}".encode()
        client.send(LINES["sign-in"] + HOST + b"Content-Length: %d\r\n\r\n" % len(body))
        client.send(body, one_by_one=True)
        assert client.response()[0] == 303


@pytest.mark.parametrize("line", LINES)
@pytest.mark.parametrize("body", MALFORMED)
def test_a_malformed_body_is_a_line_at_most(
    guarded: Any, records: list[logging.LogRecord], line: str, body: str
) -> None:
    with RawClient(guarded.server.port, timeout_s=30.0) as client:
        client.send(LINES[line] + CHUNKED + MALFORMED[body])
        assert client.response()[0] in (200, 303, 400, 401, 404, 405, 408)
        assert client.ended()
    assert guarded.health()["status"] == "ok"
    warned = [record for record in records if record.levelno >= logging.WARNING]
    assert len(warned) <= 1
    assert all("\n" not in record.getMessage() for record in warned)


def test_a_malformed_chunk_after_a_good_one_is_the_same(guarded: Any, records: list[logging.LogRecord]) -> None:
    with RawClient(guarded.server.port, timeout_s=30.0) as client:
        client.send(LINES["sign-in"] + CHUNKED + b"6\r\ntoken=\r\n")
        time.sleep(0.1)
        with contextlib.suppress(OSError):
            client.send(b"xyz\r\n")
            client.send(b"xyz\r\n" * 100)
        assert client.response()[0] == 400
        assert client.ended()


def test_stopping_waits_for_no_body_and_prints_no_traceback(
    start: Any, market: Any, records: list[logging.LogRecord]
) -> None:
    stage = start(token=Token(SECRET), dead_peer_s=60.0)
    with contextlib.ExitStack() as stack:
        for body in UNFINISHED.values():
            for _ in range(10):
                stack.enter_context(RawClient(stage.server.port)).send(LINES["sign-in"] + body)
        assert stage.health()["status"] == "ok"
        began = time.monotonic()
        stage.server.stop()
        assert time.monotonic() - began < 5.0


def test_others_are_answered_beside_bodies_that_never_come(guarded: Any) -> None:
    with contextlib.ExitStack() as stack:
        for _ in range(100):
            stack.enter_context(RawClient(guarded.server.port)).send(LINES["sign-in"] + SIZED)
        for _ in range(20):
            assert httpx.get(f"{guarded.server.url}/health", timeout=5, verify=False).status_code == 200
