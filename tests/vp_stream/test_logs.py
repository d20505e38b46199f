"""The log: lines for people, or JSON with the fields of each event."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest

from vp_stream.logs import configure_logging


@pytest.fixture(autouse=True)
def _restored() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    noisy = {name: logging.getLogger(name).level for name in ("uvicorn.error", "websockets")}
    yield
    root.handlers[:], root.level = handlers, level
    for name, kept in noisy.items():
        logging.getLogger(name).setLevel(kept)


def configure(*arguments: Any, **options: Any) -> None:
    logging.getLogger().handlers[:] = []  # the test runner's own, which come back afterwards
    configure_logging(*arguments, **options)


def test_a_client_is_one_json_line_with_what_it_got(
    start: Any, market: Any, wait_until: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    configure("json")
    market.add("srv_a", 5, alias="demo")
    stage = start()
    stage.play()
    wait_until(lambda: stage.health()["clients"] == 0)
    events = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    [ended] = [event for event in events if event["message"].startswith("client ended")]
    assert ended["seconds"] >= 0
    assert ended["time"].endswith("+00:00")
    wanted = {
        "level": "INFO",
        "logger": "vp_stream.clients.hub",
        "address": "127.0.0.1",
        "ended": "1000",
        "serving": "srv_a",
        "alias": "demo",
        "bins_sent": 5,
        "bins_skipped": 0,
    }
    assert {name: ended[name] for name in wanted} == wanted


def test_a_traceback_is_a_field(capsys: pytest.CaptureFixture[str]) -> None:
    configure("json")
    try:
        raise ValueError("two\nlines")
    except ValueError as error:
        logging.getLogger("vp_stream").error("it failed", exc_info=error)
    [line] = capsys.readouterr().err.splitlines()
    assert "ValueError: two\nlines" in json.loads(line)["exc_info"]


def test_text_is_a_line_with_time_and_level(capsys: pytest.CaptureFixture[str]) -> None:
    configure("text")
    logging.getLogger("vp_stream").info("hello")
    logging.getLogger("vp_stream").debug("not this")
    logging.getLogger("uvicorn.error").info("nor this")
    [line] = capsys.readouterr().err.splitlines()
    assert line.endswith("INFO vp_stream: hello")
    configure("text", debug=True)
    logging.getLogger("vp_stream").debug("this")
    assert capsys.readouterr().err.endswith("DEBUG vp_stream: this\n")


def test_a_flood_of_one_kind_of_line_is_a_few_of_them(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = [1000.0]
    monkeypatch.setattr("vp_stream.logs.time.monotonic", lambda: clock[0])
    configure("text")
    logger = logging.getLogger("vp_stream")
    for number in range(5000):
        logger.warning("request %d is bad", number)
    logger.warning("something else")
    clock[0] += 60.0
    logger.warning("request %d is bad", 5000)
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 102
    assert lines[-2].endswith("something else")
    assert lines[-1].endswith("request 5000 is bad (4900 like this were left out)")


def test_a_flood_of_tracebacks_is_ten_of_them(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("vp_stream.logs.time.monotonic", lambda: 1000.0)
    configure("json")
    for _ in range(1000):
        logging.getLogger("asyncio").error("it failed", exc_info=ValueError("x"))
    assert len(capsys.readouterr().err.splitlines()) == 10


def test_with_debug_every_line_is_written(capsys: pytest.CaptureFixture[str]) -> None:
    configure("text", debug=True)
    for _ in range(1000):
        logging.getLogger("vp_stream").debug("again")
    assert len(capsys.readouterr().err.splitlines()) == 1000
