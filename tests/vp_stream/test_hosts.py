"""Under which names the server answers, and whose word about the client's address counts."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.routing import Route
from support.raw_websocket import RawClient, request
from websockets.exceptions import InvalidStatus

from vp_stream import SettingsError, StreamSettings
from vp_stream.http.access import Token
from vp_stream.http.app import create_app
from vp_stream.http.hosts import HostNames, check_allowed_host, host_of, is_loopback
from vp_stream.logs import escaped, fact

FOREIGN = ("evil.example", "evil.example:8002", "127.0.0.1.evil.example", "localhost.evil.example:80", "6.6.6.6")
OWN = ("127.0.0.1", "localhost:9999", "LOCALHOST.", "[::1]:8002", "demo.localhost")
NAMES = HostNames("0.0.0.0", ["desk.lan", "10.0.0.5"], ["https://desk.example.com:8443"])


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        *((host, True) for host in OWN),
        *((host, False) for host in FOREIGN),
        ("desk.lan:8002", True),
        ("Desk.LAN.", True),
        ("desk.example.com", True),
        ("10.0.0.5:1", True),
        ("192.168.1.7", True),  # the address it came in at
        ("[::ffff:192.168.1.7]:80", True),
        ("192.168.1.8", False),
        ("0.0.0.0:8002", False),
        ("[::]", False),
        ("", False),
        ("localhost:99999", False),
        ("localhost:", False),
        ("localhost/x", False),
        ("evil.example@localhost", False),
        ("localhost, evil.example", False),
        ("127.0.0.1\x00", False),
    ],
)
def test_names_a_server_goes_by(header: str, expected: bool) -> None:
    assert NAMES.include(header, "192.168.1.7") is expected


@given(header=st.text(max_size=80), arrived_at=st.text(max_size=40) | st.none())
def test_any_text_is_judged(header: str, arrived_at: str | None) -> None:
    host = host_of(header)
    known = host is not None and (is_loopback(host) or host.lower().rstrip(".") == "desk.example.com")
    if not known and header.isascii() and not set(header) & set("0123456789abcdefABCDEF:."):
        assert not HostNames("127.0.0.1", ["desk.example.com"]).include(header, None)
    assert NAMES.include(header, arrived_at) in (True, False)


@pytest.mark.parametrize("host", ["", "*", "a b", "desk.lan:80", "http://desk.lan", "[::1]", "\n"])
def test_what_is_no_host_is_refused_as_an_option(host: str) -> None:
    with pytest.raises(SettingsError, match="allow_host"):
        check_allowed_host(host)


@pytest.mark.parametrize("value", ["", "*", "proxy.lan", "10.0.0.1,", "10.0.0.1/8"])
def test_what_is_no_proxy_is_refused_as_an_option(tmp_path: Any, value: str) -> None:
    with pytest.raises(SettingsError, match="forwarded_allow_ips"):
        StreamSettings(lake_root=tmp_path, config_root=tmp_path, forwarded_allow_ips=value)


def routes(market: Any, tmp_path: Any) -> list[str]:
    app = create_app(StreamSettings(lake_root=tmp_path, config_root=tmp_path), catalogue=market)
    paths = [route.path for route in app.routes if isinstance(route, Route)]
    assert len(paths) >= 7
    return [*(path.replace("{", "").replace("}", "") for path in paths), "/", "/experiments.html", "/nothing"]


def test_every_route_is_held_to_the_host(start: Any, market: Any, tmp_path: Any) -> None:
    market.add("srv_a", 5, alias="demo")
    stage = start(allow_hosts=("desk.lan",))
    for path in routes(market, tmp_path):
        for host in FOREIGN:
            refused = stage.get(path, Host=host)
            assert refused.status_code == 421, (path, host)
            assert refused.json()["code"] == "wrong_host"
            assert "allow_hosts" in refused.json()["message"]
            assert refused.headers["x-content-type-options"] == "nosniff"
        for host in (*OWN, "desk.lan", "desk.lan:80"):
            assert stage.get(path, Host=host).status_code != 421, (path, host)


def test_a_token_does_not_make_up_for_the_host(start: Any, market: Any) -> None:
    stage = start(token=Token("0123456789abcdef"))
    headers = {"Authorization": "Bearer 0123456789abcdef"}
    assert stage.get("/v1/servings", Host="evil.example", **headers).status_code == 421
    assert stage.get("/sign-in", Host="evil.example").status_code == 421
    assert stage.get("/v1/servings", **headers).status_code == 200


def test_a_stream_is_held_to_the_host(start: Any, market: Any) -> None:
    market.add("srv_a", 5, alias="demo")
    stage = start(allow_origins=("https://desk.example.com",))
    for host in FOREIGN:
        with RawClient(stage.server.port) as client:
            client.send(request("demo", changed={"Host": host}))
            assert client.response()[0] == 421
            assert client.ended()
    assert market.opened == 0
    for host in ("desk.example.com", "localhost:1"):
        with RawClient(stage.server.port) as client:
            client.send(request("demo", changed={"Host": host}))
            assert client.response()[0] == 101


def test_a_request_without_a_host_is_not_answered(start: Any, market: Any) -> None:
    stage = start()
    with RawClient(stage.server.port) as client:
        client.send(b"GET /v1/servings HTTP/1.0\r\n\r\n")
        assert client.response()[0] == 421


def forwarded(stage: Any, value: str) -> Any:
    return stage.connect("?serving=demo", additional_headers={"X-Forwarded-For": value})


def test_nobodys_word_about_an_address_counts(start: Any, market: Any, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "vp_stream")
    market.add("srv_a", 500, alias="demo")
    stage = start(max_clients_per_address=1, speed=1.0)

    async def scenario() -> None:
        async with forwarded(stage, "1.1.1.1") as first:
            await first.recv()
            async with forwarded(stage, "2.2.2.2") as second:
                assert (await stage.read(second)).close_code == 1013

    asyncio.run(scenario())
    stage.server.stop()
    assert "address=127.0.0.1" in caplog.text
    assert "1.1.1.1" not in caplog.text


def test_a_proxy_that_is_named_is_believed(
    start: Any, market: Any, wait_until: Any, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "vp_stream")
    market.add("srv_a", 5, alias="demo")
    stage = start(forwarded_allow_ips="127.0.0.0/8", max_clients_per_address=1)
    stage.play(additional_headers={"X-Forwarded-For": "9.9.9.9, 1.1.1.1"})
    stage.play(additional_headers={"X-Forwarded-For": 'x serving="srv_z" ended=1000\xad'})
    wait_until(lambda: caplog.text.count("client ended") == 2)
    assert "address=1.1.1.1 " in caplog.text  # the last hop is the one the proxy has seen
    assert r'address="x serving=\"srv_z\" ended=1000\xad" ended' in caplog.text


def test_a_handshake_of_another_origin_still_is_refused(start: Any, market: Any) -> None:
    market.add("srv_a", 5, alias="demo")
    stage = start()
    with pytest.raises(InvalidStatus) as refused:
        stage.play(origin="http://evil.example")
    assert refused.value.response.status_code == 403


@given(st.text())
def test_a_line_of_the_log_stays_one_line(text: str) -> None:
    assert escaped(text).isprintable()
    written = fact(text)
    assert written.isprintable()
    assert written.startswith('"') == written.endswith('"')
    if " " in text or "=" in text:
        assert written.startswith('"')
