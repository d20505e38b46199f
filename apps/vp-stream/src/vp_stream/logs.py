"""How the server's log is written: lines for people, or one JSON object a line for whatever collects them."""

from __future__ import annotations

import logging
from typing import Final, Literal

from pythonjsonlogger.json import JsonFormatter

LogFormat = Literal["text", "json"]

_NOISY: Final = ("uvicorn.error", "websockets")
"""The libraries underneath report every connection as information; one line a client is what is wanted here."""


def configure_logging(log_format: LogFormat = "text", *, debug: bool = False) -> None:
    """Send this process's log to stderr, unless it has been sent somewhere already.

    In `json` each line is an object with `time` (UTC), `level`, `logger`, `message`, the fields of the event
    (`serving`, `address`, `bins_sent`, …) under their names, and `exc_info` where there is a traceback.
    """
    handler = logging.StreamHandler()
    handler.setFormatter(_json_formatter() if log_format == "json" else _text_formatter())
    logging.basicConfig(level=logging.DEBUG if debug else logging.INFO, handlers=[handler])
    for name in _NOISY:
        logging.getLogger(name).setLevel(logging.DEBUG if debug else logging.WARNING)


def _text_formatter() -> logging.Formatter:
    return logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s")


def _json_formatter() -> logging.Formatter:
    return JsonFormatter(
        "{levelname}{name}{message}",
        style="{",
        rename_fields={"levelname": "level", "name": "logger"},
        timestamp="time",
    )
