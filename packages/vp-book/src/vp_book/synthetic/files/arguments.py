"""Arguments of `write_market` and `write_session`: checked, and resolved to a session."""

from __future__ import annotations

import math
import os
import re
import zlib
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Final

from vp_book.errors import ParameterError
from vp_book.records import NS_PER_S
from vp_book.sessions import NEW_YORK
from vp_book.synthetic.market.generate import Session

MAX_MINUTES: Final = 24 * 60

_SYMBOL: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9.\-_:]{0,69}")
_OPEN: Final = time(9, 30)
_FIRST_YEAR: Final = 1971
_LAST_YEAR: Final = 2261
"""Years whose every nanosecond a signed 64-bit count since 1970 can hold."""


def checked_path(path: str | os.PathLike[str]) -> Path:
    """The file to write; its name says how."""
    if not isinstance(path, (str, os.PathLike)) or not isinstance(os.fspath(path), str):
        raise ParameterError(f"path={path!r}: must be a path that ends in '.dbn' or '.dbn.zst'")
    target = Path(path)
    if not target.name.endswith((".dbn", ".dbn.zst")):
        raise ParameterError(f"path={str(path)!r}: must end in '.dbn' or '.dbn.zst'")
    return target


def checked_session(*, seed: int, minutes: int, symbol: str, effect: float, day: str, start: str) -> Session:
    """The session that the arguments mean. Raises `ParameterError` that names the first one that is not allowed."""
    _check_integer("seed", seed, 0, None)
    _check_integer("minutes", minutes, 1, MAX_MINUTES)
    if not isinstance(symbol, str) or not _SYMBOL.fullmatch(symbol):
        raise ParameterError(f"symbol={symbol!r}: must be 1 to 70 ASCII letters, digits and any of . - _ :")
    strength = _checked_effect(effect)
    on = _parsed("date", day, r"\d{4}-\d\d-\d\d", "%Y-%m-%d").date()
    if not _FIRST_YEAR <= on.year <= _LAST_YEAR:
        raise ParameterError(f"date={day!r}: must be of the years {_FIRST_YEAR} to {_LAST_YEAR}")
    begin = _parsed("start", start, r"\d\d:\d\d", "%H:%M").time()
    start_ns, open_ns = _new_york_ns(on, begin), _new_york_ns(on, _OPEN)
    end_ns = start_ns + minutes * 60 * NS_PER_S
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


def checked_pattern(path: str | os.PathLike[str], symbol: str) -> str:
    """The pattern of a session's files; `{date}` stands in their names and nowhere else."""
    if not isinstance(path, (str, os.PathLike)) or not isinstance(os.fspath(path), str):
        raise ParameterError(f"path={path!r}: must be a directory, or a file name with {{date}} in it")
    target = Path(path)
    if not target.name.endswith((".dbn", ".dbn.zst")):
        target = target / f"{symbol.replace(':', '-')}-{{date}}.mbo.dbn.zst"
    if "{date}" not in target.name or "{date}" in str(target.parent):
        raise ParameterError(f"path={str(path)!r}: a file name must have {{date}} in it, because every day is one file")
    return str(target)


def checked_span(
    *, seed: int, symbol: str, effect: float, day: str, start: str, end: str | None, minutes: int | None, cut: bool
) -> Session:
    """The session from one New York time to another. Raises `ParameterError` as `checked_session` does."""
    if not isinstance(cut, bool):
        raise ParameterError(f"cut={cut!r}: must be True or False")
    if end is not None and minutes is not None:
        raise ParameterError(f"minutes={minutes!r}, end={end!r}: must not both be given; leave one out")
    length = MAX_MINUTES if minutes is None else minutes
    session = checked_session(seed=seed, minutes=length, symbol=symbol, effect=effect, day=day, start=start)
    on, begin = _parsed("date", day, r"\d{4}-\d\d-\d\d", "%Y-%m-%d").date(), session.second_of_day
    end_ns = session.end_ns
    if minutes is None:
        at = _parsed("end", "17:00" if end is None else end, r"\d\d:\d\d", "%H:%M").time()
        last = on if at.hour * 3600 + at.minute * 60 > begin else on + timedelta(days=1)
        end_ns = _new_york_ns(last, at)
        if not 0 < end_ns - session.start_ns <= MAX_MINUTES * 60 * NS_PER_S:
            hours = (end_ns - session.start_ns) / (3600 * NS_PER_S)
            raise ParameterError(f"end={end!r}: is {hours:g} hours after the start; must be 24 at most")
    opens = (_new_york_ns(on + timedelta(days=n), _OPEN) for n in (0, 1))
    return replace(
        session,
        end_ns=end_ns,
        reset_ns=next((ns for ns in opens if session.start_ns < ns < end_ns), None),
        clock_change=_clock_change(session.start_ns, end_ns),
    )


def _clock_change(start_ns: int, end_ns: int) -> tuple[int, int] | None:
    """When New York's clocks change between two times: (seconds after the first, by how many seconds)."""

    def offset(second: int) -> int:
        moment = datetime.fromtimestamp(start_ns // NS_PER_S + second, tz=UTC).astimezone(NEW_YORK)
        return int((moment.utcoffset() or timedelta()).total_seconds())

    low, high = 0, (end_ns - start_ns) // NS_PER_S
    before, after = offset(low), offset(high)
    if before == after:
        return None
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if offset(middle) == before else (low, middle)
    return high, after - before


def _check_integer(name: str, value: object, low: int, high: int | None) -> None:
    if isinstance(value, int) and not isinstance(value, bool) and value >= low and (high is None or value <= high):
        return
    allowed = f"an integer of at least {low}" if high is None else f"an integer from {low} to {high}"
    raise ParameterError(f"{name}={value!r}: must be {allowed}")


def _checked_effect(effect: object) -> float:
    if isinstance(effect, (int, float)) and not isinstance(effect, bool) and math.isfinite(effect) and 0 <= effect <= 1:
        return float(effect)
    raise ParameterError(f"effect={effect!r}: must be a number from 0 to 1")


def _parsed(name: str, value: object, pattern: str, layout: str) -> datetime:
    # strptime alone also takes "2026-2-6" and "9:5": one spelling each keeps sidecars comparable.
    if isinstance(value, str) and re.fullmatch(pattern, value, re.ASCII):
        try:
            return datetime.strptime(value, layout)
        except ValueError as error:
            raise ParameterError(f"{name}={value!r}: {error}") from error
    wanted = "a day as YYYY-MM-DD" if name == "date" else "a New York time as HH:MM"
    raise ParameterError(f"{name}={value!r}: must be {wanted}")


def _new_york_ns(day: date, at: time) -> int:
    return int(datetime.combine(day, at, NEW_YORK).timestamp()) * NS_PER_S
