"""Files one after the other as one session: their spans, and what may not lie between them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from pathlib import Path

from vp_book.errors import DbnError
from vp_book.records import NS_PER_S


@dataclass(frozen=True, slots=True)
class DbnFile:
    """One file of a source.

    `start_ns` (inclusive) and `end_ns` (exclusive) are the span of ts_recv that its metadata claims, None where it
    claims none.
    """

    path: Path
    start_ns: int | None
    end_ns: int | None


def refuse_disorder(files: Sequence[DbnFile]) -> None:
    """Raise `DbnError` unless each file goes on where the one before it ends, as far as their metadata says."""
    for before, after in pairwise(files):
        if before.start_ns is not None and after.start_ns is not None and after.start_ns < before.start_ns:
            raise DbnError(
                f"{after.path} begins at {utc(after.start_ns)}, before {before.path} at {utc(before.start_ns)}; "
                "the files of a session are given in order of time"
            )
        if before.end_ns is not None and after.start_ns is not None:
            refuse_gap(before.path, before.end_ns, after.path, after.start_ns)


def refuse_gap(before: Path, ends_ns: int, after: Path, begins_ns: int, *, claimed: bool = True) -> None:
    """Raise `DbnError` for two spans that overlap, or that leave a part of the session uncovered between them.

    Where not both ends are `claimed` by metadata, but one is that of a record, only a whole UTC day is missed.
    """
    if begins_ns < ends_ns:
        raise DbnError(
            f"{before} reaches to {utc(ends_ns)} and {after} begins at {utc(begins_ns)}; "
            "the files of a session may not overlap"
        )
    missing = missing_days(ends_ns, begins_ns)
    if missing:
        days = str(missing[0]) if len(missing) == 1 else f"{missing[0]} to {missing[-1]}"
        raise DbnError(
            f"the UTC day {days} is missing: {before} ends at {utc(ends_ns)} and {after} begins at {utc(begins_ns)}"
        )
    if claimed and begins_ns > ends_ns:
        raise DbnError(
            f"nothing covers {utc(ends_ns)} to {utc(begins_ns)}: {before} ends there and {after} begins there; "
            "each file of a session goes on where the one before it ends"
        )


def missing_days(from_ns: int, to_ns: int) -> list[date]:
    """The whole UTC days that lie in a span, at most a year of them."""
    first = -(-from_ns // (86_400 * NS_PER_S))
    days = min(to_ns // (86_400 * NS_PER_S) - first, 366)
    return [date(1970, 1, 1) + timedelta(days=first + i) for i in range(days)]


def utc(ns: int) -> str:
    """A time for a message: UTC, to the millisecond."""
    moment = datetime.fromtimestamp(ns // NS_PER_S, tz=UTC)
    fraction = f".{ns % NS_PER_S // 1_000_000:03d}" if ns % NS_PER_S else ""
    return f"{moment:%Y-%m-%dT%H:%M:%S}{fraction}Z"
