"""Arguments of `write_market`: checked, and resolved to a session."""

from __future__ import annotations

import math
import os
import re
import zlib
from datetime import date, datetime, time
from pathlib import Path
from typing import Final

from vp_book.errors import ParameterError
from vp_book.sessions import NEW_YORK
from vp_book.synthetic._generate import Session

MAX_MINUTES: Final = 24 * 60

_NS: Final = 1_000_000_000
_SYMBOL: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9.\-_:]{0,69}")
_OPEN: Final = time(9, 30)
_FIRST_YEAR: Final = 1971
_LAST_YEAR: Final = 2261
"""Years whose every nanosecond a signed 64-bit count since 1970 can hold."""


def checked_path(path: str | os.PathLike[str]) -> Path:
    """The file to write; its name says how."""
    target = Path(path)
    if not target.name.endswith((".dbn", ".dbn.zst")):
        raise ParameterError(f"path is {str(path)!r}: it has to end in '.dbn' or '.dbn.zst'")
    return target


def checked_session(*, seed: int, minutes: int, symbol: str, effect: float, day: str, start: str) -> Session:
    """The session that the arguments mean. Raises `ParameterError` that names the first one that is not allowed."""
    _check_integer("seed", seed, 0, None)
    _check_integer("minutes", minutes, 1, MAX_MINUTES)
    if not isinstance(symbol, str) or not _SYMBOL.fullmatch(symbol):
        raise ParameterError(f"symbol is {symbol!r}: allowed are 1 to 70 ASCII letters, digits and any of . - _ :")
    strength = _checked_effect(effect)
    on = _parsed("date", day, r"\d{4}-\d\d-\d\d", "%Y-%m-%d").date()
    if not _FIRST_YEAR <= on.year <= _LAST_YEAR:
        raise ParameterError(f"date is {day!r}: allowed are the years {_FIRST_YEAR} to {_LAST_YEAR}")
    begin = _parsed("start", start, r"\d\d:\d\d", "%H:%M").time()
    start_ns, open_ns = _new_york_ns(on, begin), _new_york_ns(on, _OPEN)
    end_ns = start_ns + minutes * 60 * _NS
    return Session(
        seed=seed,
        effect=strength,
        symbol=symbol,
        instrument_id=100_000 + zlib.crc32(symbol.encode()) % 900_000,
        start_ns=start_ns,
        end_ns=end_ns,
        second_of_day=begin.hour * 3600 + begin.minute * 60,
        reset_ns=open_ns if start_ns < open_ns < end_ns else None,
    )


def _check_integer(name: str, value: object, low: int, high: int | None) -> None:
    if isinstance(value, int) and not isinstance(value, bool) and value >= low and (high is None or value <= high):
        return
    allowed = f"an integer of at least {low}" if high is None else f"an integer from {low} to {high}"
    raise ParameterError(f"{name} is {value!r}: allowed is {allowed}")


def _checked_effect(effect: object) -> float:
    if isinstance(effect, (int, float)) and not isinstance(effect, bool) and math.isfinite(effect) and 0 <= effect <= 1:
        return float(effect)
    raise ParameterError(f"effect is {effect!r}: allowed is a number from 0 to 1")


def _parsed(name: str, value: object, pattern: str, layout: str) -> datetime:
    # strptime alone also takes "2026-2-6" and "9:5": one spelling each keeps sidecars comparable.
    if isinstance(value, str) and re.fullmatch(pattern, value, re.ASCII):
        try:
            return datetime.strptime(value, layout)
        except ValueError as error:
            raise ParameterError(f"{name} is {value!r}: {error}") from error
    wanted = "a day as YYYY-MM-DD" if name == "date" else "a New York time as HH:MM"
    raise ParameterError(f"{name} is {value!r}: allowed is {wanted}")


def _new_york_ns(day: date, at: time) -> int:
    return int(datetime.combine(day, at, NEW_YORK).timestamp()) * _NS
