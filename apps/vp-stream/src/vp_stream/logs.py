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


class _LineFormatter(logging.Formatter):
    """One line a message: what came from outside can end no line, and send nothing to a terminal but text."""

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - the name that logging calls
        record.message = escaped(record.message)
        return super().formatMessage(record)


def escaped(text: str) -> str:
    """The text with everything that does not print as itself written as an escape, as in `a\\nb`."""
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in text)


def fact(value: object) -> str:
    """A value as it stands behind `name=` in a line: in quotes when it could be taken for more than one."""
    text = "" if value is None else str(value)
    if text and text.isprintable() and not set(' "=\\') & set(text):
        return text
    return "none" if value is None else '"' + escaped(text.replace("\\", "\\\\").replace('"', '\\"')) + '"'


def _text_formatter() -> logging.Formatter:
    return _LineFormatter("%(asctime)s %(levelname)s %(name)s: %(message)s")


def _json_formatter() -> logging.Formatter:
    return JsonFormatter(
        "{levelname}{name}{message}",
        style="{",
        rename_fields={"levelname": "level", "name": "logger"},
        timestamp="time",
    )
