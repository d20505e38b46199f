"""The bearer token: what is closed without it, what opens with it, and that it is told to nobody."""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path
from typing import Any

import httpx
import pytest
from websockets.exceptions import InvalidStatus

from vp_stream import SettingsError
from vp_stream.http.access import TOKEN_VARIABLE, Token, read_token

SECRET = "0123456789abcdef-test~token"
BEARER = {"Authorization": f"Bearer {SECRET}"}
WRONG: Any = (
    {},
    {"Authorization": SECRET},
    {"Authorization": "Bearer"},
    {"Authorization": f"Bearer {SECRET}x"},
    {"Authorization": f"Basic {SECRET}"},
    {"Authorization": "Bearer \xff"},
    {"Cookie": f"vp_stream_session={SECRET}"},
    {"Cookie": "vp_stream_session=\xff; ; =;"},
)


@pytest.fixture
def guarded(start: Any, market: Any) -> Any:
    market.add("srv_a", 5, alias="demo")
    return start(token=Token(SECRET))


@pytest.mark.parametrize("path", ["/v1/servings", "/v1/experiments/runs", "/metrics", "/openapi.json", "/", "/nothing"])
def test_nothing_is_read_without_the_token(guarded: Any, path: str) -> None:
    for headers in WRONG:
        encoded = [(k.encode(), v.encode("latin-1")) for k, v in headers.items()]
        refused = httpx.get(guarded.server.url + path, headers=encoded)
        assert refused.status_code == 401
        assert refused.headers["www-authenticate"] == "Bearer"
        assert refused.json()["code"] == "unauthorized"
    assert guarded.get(path, **BEARER).status_code != 401


def test_a_stream_wants_the_token_in_its_handshake(guarded: Any, market: Any, caplog: pytest.LogCaptureFixture) -> None:
    for headers in WRONG[:5]:
        with pytest.raises(InvalidStatus) as refused:
            guarded.play(additional_headers=headers)
        assert refused.value.response.status_code == 401
    assert market.opened == 0
    received = guarded.play(additional_headers={"authorization": f"bearer {SECRET}"})
    assert (received.bins, received.close_code) == ([0, 1, 2, 3, 4], 1000)
    assert not [record for record in caplog.records if record.levelno >= logging.WARNING]
    assert SECRET not in caplog.text


def test_health_says_only_its_status_to_strangers(guarded: Any) -> None:
    assert guarded.health() == {"status": "ok", "service": "vacuum-pressure"}
    assert guarded.get("/health", **BEARER).json()["instrument"]["symbol"] == "SYNM6"


def test_a_browser_signs_in_once(guarded: Any) -> None:
    with httpx.Client(base_url=guarded.server.url, headers={"Accept": "text/html"}) as browser:
        sent = browser.get("/?serving=demo&x=1%2F2")
        assert (sent.status_code, sent.headers["location"]) == (303, "/sign-in?next=/%3Fserving%3Ddemo%26x%3D1%252F2")
        form = browser.get(sent.headers["location"])
        assert '<form method="post">' in form.text
        assert "form-action 'self'" in form.headers["content-security-policy"]
        assert "script" not in form.text
        wrong = browser.post(sent.headers["location"], data={"token": "guess"})
        assert (wrong.status_code, "set-cookie" in wrong.headers) == (401, False)
        signed = browser.post(sent.headers["location"], data={"token": SECRET})
        assert (signed.status_code, signed.headers["location"]) == (303, "/?serving=demo&x=1%2F2")
        cookie = signed.headers["set-cookie"]
        assert "HttpOnly" in cookie
        assert "SameSite=strict" in cookie
        assert SECRET not in cookie
        assert browser.get("/v1/servings").status_code == 200
        assert browser.get("/sign-in").headers["location"] == "/"
        value = f"vp_stream_session={browser.cookies['vp_stream_session']}"
    origin = guarded.server.url
    assert guarded.play(additional_headers={"Cookie": value}, origin=origin).close_code == 1000
    # a cookie is sent by any page of this host, so the origin is looked at as well
    with pytest.raises(InvalidStatus) as refused:
        guarded.play(additional_headers={"Cookie": value}, origin="http://127.0.0.1:1")
    assert refused.value.response.status_code == 403


@pytest.mark.parametrize(
    "target",
    ["https://evil.example/", "//evil.example", "/\\evil.example", "evil", "javascript:alert(1)", "/\t/evil", ""],
)
def test_signing_in_never_leads_to_another_server(guarded: Any, target: str) -> None:
    signed = httpx.post(f"{guarded.server.url}/sign-in", params={"next": target}, data={"token": SECRET})
    assert (signed.status_code, signed.headers["location"]) == (303, "/")


def test_a_form_of_any_size_or_bytes_is_an_answer(guarded: Any) -> None:
    url = f"{guarded.server.url}/sign-in"
    assert httpx.post(url, content=b"token=" + b"x" * 100_000).status_code == 413
    assert httpx.post(url, content=bytes(range(256))).status_code == 401
    assert httpx.post(url, content=b"").status_code == 401


def test_without_a_token_there_is_nothing_to_sign_in_to(start: Any, market: Any) -> None:
    stage = start()
    assert stage.get("/v1/servings").status_code == 200
    assert stage.get("/sign-in").headers["location"] == "/"


@pytest.mark.parametrize("secret", ["", "short", "a" * 15, "a" * 513, "with a space in it, long", "ümlaut-ümlaut-uml"])
def test_what_is_no_token_is_refused_and_not_repeated(secret: str) -> None:
    with pytest.raises(SettingsError, match="16 to 512") as refused:
        Token(secret)
    assert not secret or secret not in str(refused.value)


def test_a_token_is_read_from_a_file_or_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(TOKEN_VARIABLE, raising=False)
    assert read_token(None) is None
    (tmp_path / "token").write_text(f"{SECRET}\n")
    token = read_token(tmp_path / "token")
    assert token is not None
    assert token.matches(SECRET)
    assert SECRET not in repr(token)
    monkeypatch.setenv(TOKEN_VARIABLE, SECRET)
    from_environment = read_token(None)
    assert from_environment is not None
    assert from_environment.cookie == token.cookie
    with pytest.raises(SettingsError, match="token_file"):
        read_token(tmp_path / "absent")


def test_strangers_take_no_place_of_a_client(start: Any, market: Any) -> None:
    market.add("srv_a", 500, alias="demo")
    stage = start(token=Token(SECRET), max_clients=1, speed=1.0)

    async def scenario() -> None:
        for _ in range(20):
            with pytest.raises(InvalidStatus):
                async with stage.connect("?serving=demo"):
                    pass
        async with stage.connect("?serving=demo", additional_headers=BEARER) as client:
            assert (await stage.read(client, until_bin=1)).bins == [0, 1]

    asyncio.run(scenario())
