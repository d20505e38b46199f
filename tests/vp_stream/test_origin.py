"""Which pages may open a stream."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vp_stream.errors import SettingsError
from vp_stream.http.hosts import is_loopback
from vp_stream.http.origin import check_allowed_origin, may_connect

HOST = "127.0.0.1:8002"


@pytest.mark.parametrize(
    ("origin", "host", "expected"),
    [
        (None, HOST, True),
        ("http://127.0.0.1:8002", HOST, True),
        ("http://localhost:8002", "localhost:8002", True),
        ("http://[::1]:8002", "[::1]:8002", True),
        ("http://127.0.0.1:9000", HOST, False),
        ("http://localhost:8002", HOST, False),
        ("https://127.0.0.1:8002", HOST, True),  # a proxy that adds TLS in front of the same host and port
        ("http://evil.example", HOST, False),
        ("http://evil.example:8002", "evil.example:8002", False),  # its name resolves to 127.0.0.1
        ("null", HOST, False),
        ("", HOST, False),
        ("file://", HOST, False),
        ("http://127.0.0.1:99999", HOST, False),
        ("http://127.0.0.1:8002", "", False),
        ("https://desk.example.com", HOST, True),
        ("https://desk.example.com:443", HOST, True),
        ("http://desk.example.com", HOST, False),
    ],
)
def test_origins_on_loopback(origin: str | None, host: str, expected: bool) -> None:
    headers = {"host": host} | ({} if origin is None else {"origin": origin})
    assert may_connect(headers, allowed=("https://desk.example.com",), loopback_only=True) is expected


def test_a_server_open_to_the_network_takes_its_own_name_whatever_it_is() -> None:
    headers = {"host": "desk.lan:8002", "origin": "http://desk.lan:8002"}
    assert may_connect(headers, allowed=(), loopback_only=False)
    assert not may_connect(headers, allowed=(), loopback_only=True)


@given(origin=st.text(max_size=60), host=st.text(max_size=60))
def test_any_text_gets_an_answer(origin: str, host: str) -> None:
    assert may_connect({"host": host, "origin": origin}, allowed=(), loopback_only=True) in (True, False)


@pytest.mark.parametrize(
    "origin", ["*", "desk.example.com", "https://a.example/path", "ftp://a.example", "https://u@a.b"]
)
def test_what_is_no_origin_is_refused_as_an_option(origin: str) -> None:
    with pytest.raises(SettingsError, match="allow_origin"):
        check_allowed_origin(origin)


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("localhost", True),
        ("127.8.9.1", True),
        ("::1", True),
        ("10.0.0.1", False),
        ("a.b", False),
        ("localhost.evil.example", False),
    ],
)
def test_loopback_names(host: str, expected: bool) -> None:
    assert is_loopback(host) is expected
