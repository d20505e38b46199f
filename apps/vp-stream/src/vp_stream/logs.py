"""How the server's log is written: lines for people, or one JSON object a line for whatever collects them."""

from __future__ import annotations

import logging
import time
from collections import OrderedDict
from typing import Final, Literal, TextIO

from pythonjsonlogger.json import JsonFormatter

LogFormat = Literal["text", "json"]

_NOISY: Final = ("uvicorn.error", "websockets")
"""The libraries underneath report every connection as information; one line a client is what is wanted here."""

_BURST: Final = 100.0
_PER_SECOND: Final = 10.0
_TRACEBACK: Final = 10.0
_KINDS: Final = 256


def configure_logging(log_format: LogFormat = "text", *, debug: bool = False) -> None:
    """Send this process's log to stderr, unless it has been sent somewhere already.

    In `json` each line is an object with `time` (UTC), `level`, `logger`, `message`, the fields of the event
    (`serving`, `address`, `bins_sent`, …) under their names, and `exc_info` where there is a traceback. Of one kind of
    line no more than `ThrottledHandler` lets through are written, except with `debug`.
    """
    handler = logging.StreamHandler() if debug else ThrottledHandler()
    handler.setFormatter(_json_formatter() if log_format == "json" else _text_formatter())
    logging.basicConfig(level=logging.DEBUG if debug else logging.INFO, handlers=[handler])
    for name in _NOISY:
        logging.getLogger(name).setLevel(logging.DEBUG if debug else logging.WARNING)


class ThrottledHandler(logging.StreamHandler[TextIO]):
    """Writes of each kind of message a hundred at once and ten a second after that; of tracebacks a tenth of it.

    A kind is what one place in the program says. The line after a gap says how many were left out, so that no flood of
    requests is one of the log.
    """

    def __init__(self) -> None:
        super().__init__()
        self._kinds: OrderedDict[tuple[str, str], _Bucket] = OrderedDict()

    def emit(self, record: logging.LogRecord) -> None:
        """Write a record, or leave it out. Called with the lock of the handler held."""
        kind = record.name, str(record.msg)
        bucket = self._kinds.pop(kind, None) or _Bucket()
        self._kinds[kind] = bucket
        if len(self._kinds) > _KINDS:
            self._kinds.popitem(last=False)
        left_out = bucket.take(_TRACEBACK if record.exc_info else 1.0)
        if left_out is None:
            return
        if left_out:
            counted = logging.makeLogRecord(record.__dict__)
            counted.msg, counted.args = f"{record.getMessage()} ({left_out} like this were left out)", ()
            record = counted
        super().emit(record)


class _Bucket:
    """How much of one kind may still be written."""

    def __init__(self) -> None:
        self._level = _BURST
        self._filled = time.monotonic()
        self._left_out = 0

    def take(self, cost: float) -> int | None:
        """How many were left out before this one, None if it is left out itself."""
        now = time.monotonic()
        self._level = min(_BURST, self._level + (now - self._filled) * _PER_SECOND)
        self._filled = now
        if self._level < cost:
            self._left_out += 1
            return None
        self._level -= cost
        left_out, self._left_out = self._left_out, 0
        return left_out


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
