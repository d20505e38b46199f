"""The opening handshake, as anything may send it: accepted, or answered with a status that says why, and closed."""

from __future__ import annotations

import json
import threading
from typing import Any

import pytest
from support.raw_websocket import STREAM, TEXT, RawClient, request


def many(count: int) -> tuple[tuple[str, str], ...]:
    return tuple((f"X-{i}", "a") for i in range(count))


LINE = f"{STREAM}?serving=srv_quiet"
ACCEPTED: dict[str, bytes] = {
    "as the RFC has it": request("srv_quiet"),
    "names in small letters": request("srv_quiet").replace(b"Sec-WebSocket-", b"sec-websocket-"),
    "values in capitals": request("srv_quiet", changed={"Upgrade": "WebSocket", "Connection": "UPGRADE"}),
    "several connection options": request("srv_quiet", changed={"Connection": "keep-alive, Upgrade"}),
    "extensions and subprotocols, none of which are taken": request(
        "srv_quiet",
        extra=(("Sec-WebSocket-Extensions", "permessage-deflate; foo"), ("Sec-WebSocket-Protocol", "chat, soap")),
    ),
    "extensions that are nonsense": request("srv_quiet", extra=(("Sec-WebSocket-Extensions", ";;=,"),)),
    "a header that is not ASCII": request("srv_quiet", extra=(("X-Name", "caf\xe9"),)),
    "a header of 8000 bytes": request("srv_quiet", extra=(("X-Long", "a" * 8000),)),
}
REFUSED: list[tuple[str, bytes, int]] = [
    ("no key", request(without=("Sec-WebSocket-Key",)), 400),
    ("a short key", request(changed={"Sec-WebSocket-Key": "AAAA"}), 400),
    ("a key that is no Base64", request(changed={"Sec-WebSocket-Key": "?" * 24}), 400),
    ("two keys", request(extra=(("Sec-WebSocket-Key", "A" * 22 + "=="),)), 400),
    ("no version", request(without=("Sec-WebSocket-Version",)), 426),
    ("version 8", request(changed={"Sec-WebSocket-Version": "8"}), 426),
    ("version 14", request(changed={"Sec-WebSocket-Version": "14"}), 426),
    ("two versions", request(extra=(("Sec-WebSocket-Version", "13"),)), 426),
    ("HTTP/1.0", request(line=f"GET {LINE} HTTP/1.0"), 400),
    ("POST", request(line=f"POST {LINE} HTTP/1.1"), 405),
    ("no host", request(without=("Host",)), 400),
    ("two hosts", request(extra=(("Host", "evil.example"),)), 400),
    ("a body", request(extra=(("Content-Length", "5"),)) + b"hello", 400),
    ("a chunked body", request(extra=(("Transfer-Encoding", "chunked"),)) + b"0\r\n\r\n", 400),
    ("a header of 9000 bytes", request(extra=(("X-Long", "a" * 9000),)), 431),
    ("200 headers", request(extra=many(200)), 431),
    ("an address of 9000 bytes", request("a" * 9000), 414),
    ("a zero byte in a header", request(extra=(("X-Zero", "a\0b"),)), 400),
    ("a TLS greeting", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(range(200)), 400),
    ("lines of nothing", b"\r\n" * 50 + b"?\r\n\r\n", 400),
    ("another path", request(line="GET /v1/servings HTTP/1.1"), 403),
    ("the page's path", request(line="GET / HTTP/1.1"), 403),
    ("a page of another origin", request(extra=(("Origin", "http://evil.example"),)), 403),
]
# Requests without an upgrade are plain HTTP, and there is no such page.
PLAIN: dict[str, bytes] = {
    "no upgrade": request(without=("Upgrade",)),
    "no connection header": request(without=("Connection",)),
    "an upgrade to something else": request(changed={"Upgrade": "h2c"}),
}


@pytest.fixture(scope="module")
def quiet_stage(shared_stage: Any) -> Any:
    shared_stage.market.add("srv_quiet", 2, steps=threading.Semaphore(1))
    return shared_stage


@pytest.mark.parametrize("name", ACCEPTED)
@pytest.mark.parametrize("one_by_one", [False, True], ids=["at once", "byte by byte"])
def test_a_good_handshake_is_accepted(quiet_stage: Any, wait_until: Any, name: str, one_by_one: bool) -> None:
    with RawClient(quiet_stage.server.port) as client:
        client.send(ACCEPTED[name], one_by_one=one_by_one and len(ACCEPTED[name]) < 1000)
        status, headers = client.response()
        assert status == 101
        assert not {"sec-websocket-extensions", "sec-websocket-protocol"} & headers.keys()
        config = client.message()
        assert config is not None
        assert config.json["type"] == "runtime_config"
    wait_until(lambda: quiet_stage.health()["clients"] == 0)


@pytest.mark.parametrize(("bad", "expected"), [case[1:] for case in REFUSED], ids=[case[0] for case in REFUSED])
def test_a_bad_handshake_is_answered_and_closed(
    quiet_stage: Any, bad: bytes, expected: int, caplog: pytest.LogCaptureFixture
) -> None:
    with RawClient(quiet_stage.server.port) as client:
        client.send(bad)
        status, headers = client.response()
        assert status == expected
        assert headers.get("sec-websocket-version") == ("13" if status == 426 else None)
        assert client.ended()
    assert quiet_stage.health()["clients"] == 0
    assert not [record for record in caplog.records if record.levelname in ("ERROR", "CRITICAL")]


@pytest.mark.parametrize("name", PLAIN)
def test_without_an_upgrade_it_is_a_page_that_is_not_there(quiet_stage: Any, name: str) -> None:
    with RawClient(quiet_stage.server.port) as client:
        client.send(PLAIN[name])
        assert client.response()[0] == 404


def test_headers_without_an_end_are_cut_off(quiet_stage: Any) -> None:
    def send_headers(client: RawClient) -> None:
        client.send(request()[:-2])
        for _ in range(2000):
            client.send(b"X-Long: " + b"a" * 8192 + b"\r\n")

    with RawClient(quiet_stage.server.port) as client, pytest.raises(OSError):  # reset, or the pipe is broken
        send_headers(client)
    assert quiet_stage.health()["clients"] == 0


def test_what_follows_a_handshake_too_soon_is_not_read_as_something_else(quiet_stage: Any, wait_until: Any) -> None:
    # A client has to wait for the answer. What it sends before that is dropped whole.
    with RawClient(quiet_stage.server.port) as client:
        client.send(request("srv_quiet") + b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
        assert client.response()[0] == 101
        frames = [client.message() for _ in range(3)]
        assert [got.opcode for got in frames if got] == [TEXT, TEXT, 2]
        assert frames[0] is not None
        assert json.loads(frames[0].payload)["type"] == "runtime_config"
    wait_until(lambda: quiet_stage.health()["clients"] == 0)


@pytest.mark.parametrize(
    "started",
    [b"", b"GET ", request()[:-2], b"GET /health HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n" + b"GET /hea"],
    ids=["nothing", "a word", "all but the last line", "a second request"],
)
def test_a_request_that_does_not_come_is_waited_for_as_long_as_for_a_dead_peer(
    start: Any, started: bytes, market: Any
) -> None:
    stage = start(dead_peer_s=2.0)
    with RawClient(stage.server.port, timeout_s=30.0) as client:
        client.send(started)
        assert client.ended()
    assert stage.health()["clients"] == 0
