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
        "logger": "vp_stream.hub",
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
