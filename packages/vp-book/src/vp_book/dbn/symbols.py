"""Which instrument a symbol is: by date in a file's metadata, and from its place on where the stream itself says so."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime
from itertools import pairwise
from pathlib import Path
from typing import Final, NamedTuple

import databento_dbn
import numpy as np

from vp_book.errors import DbnError, SymbolError
from vp_book.records import NS_PER_S

from .mapping import SymbolMapping

_LARGEST_ID: Final = 2**32 - 1


@dataclass(frozen=True, slots=True)
class Interval:
    """A symbol is `instrument_id` from `start_ns` up to `end_ns` of ts_recv."""

    instrument_id: int
    start_ns: int
    end_ns: int


class Named(NamedTuple):
    """What the stream said last about a symbol: the instrument it is (None: no longer any), and of which contract."""

    instrument_id: int | None
    contract: str


def intervals_of(path: Path, metadata: databento_dbn.Metadata) -> dict[str, list[Interval]]:
    """The metadata's mappings by symbol, whichever way round they stand there. An id holds for its UTC dates only.

    An entry without a symbol says that nothing was found for its dates. Raises `DbnError` for a mapping that holds no
    instrument id, ValueError for a date that is none.
    """
    by_id = str(metadata.stype_in) == "instrument_id"
    found: dict[str, list[Interval]] = {}
    for key, entries in metadata.mappings.items():
        for entry in entries:
            target = str(entry["symbol"])
            if not target:
                continue
            symbol, number = (target, key) if by_id else (key, target)
            if not (number.isascii() and number.isdecimal() and int(number) <= _LARGEST_ID):
                raise DbnError(f"{path}: symbol {symbol!r} maps to {number!r}, which is no instrument id")
            interval = Interval(int(number), _midnight_ns(entry["start_date"]), _midnight_ns(entry["end_date"]))
            found.setdefault(symbol, []).append(interval)
    return found


def refuse_overlap(path: Path, symbol: str, intervals: list[Interval]) -> None:
    """Raise `SymbolError` when the symbol is two instruments at the same time: they would be mixed into one book."""
    reaches: Interval | None = None
    for interval in sorted(intervals, key=lambda i: (i.start_ns, i.end_ns)):
        if interval.start_ns >= interval.end_ns:
            continue
        if reaches is not None and interval.start_ns < reaches.end_ns:
            if interval.instrument_id != reaches.instrument_id:
                day = datetime.fromtimestamp(interval.start_ns // NS_PER_S, tz=UTC).date()
                raise SymbolError(
                    f"{path}: symbol {symbol} is both instrument {reaches.instrument_id} and instrument "
                    f"{interval.instrument_id} on {day}; one book is of one instrument"
                )
            if interval.end_ns <= reaches.end_ns:
                continue
        reaches = interval


class SymbolTrack:
    """One symbol along one file: which records are its own, by the metadata and by what the stream says.

    `named` is what the stream said last, None while the metadata holds.
    """

    def __init__(self, symbol: str, intervals: dict[str, list[Interval]], named: Named | None) -> None:
        self.symbol = symbol
        self._intervals = intervals.get(symbol, [])
        self._alone = bool(self._intervals) and len(intervals) == 1
        self.named = named
        self.names = set(intervals)

    @property
    def known(self) -> bool:
        """Whether anything has said which instrument the symbol is."""
        return bool(self._intervals) or self.named is not None

    def take(self, mapping: SymbolMapping) -> None:
        """A mapping of the stream: its names are its instrument from here on, and whatever was that before is not."""
        self.names |= mapping.names
        if self.symbol in mapping.names:
            self.named = Named(mapping.instrument_id, mapping.contract)
        elif self.named is not None:
            if self.named.instrument_id == mapping.instrument_id and self.named.contract != mapping.contract:
                self.named = Named(None, self.named.contract)
        elif mapping.contract != self.symbol and any(i.instrument_id == mapping.instrument_id for i in self._intervals):
            self.named = Named(None, self.symbol)

    def select(
        self, records: np.ndarray, mappings: list[tuple[int, SymbolMapping]]
    ) -> tuple[np.ndarray | slice, np.ndarray | None]:
        """(Which records are the symbol's, which of the others the metadata does not explain: None for none).

        `mappings` are what the stream says between them: (records before it, mapping), in order. Each holds from its
        place on, wherever chunks are cut.
        """
        if not mappings:
            return self._select(records)
        kept = np.zeros(len(records), np.bool_)
        unexplained = np.zeros(len(records), np.bool_)
        places = [0, *(place for place, _ in mappings), len(records)]
        for i, (begin, end) in enumerate(pairwise(places)):
            if i:
                self.take(mappings[i - 1][1])
            which, odd = self._select(records[begin:end])
            kept[begin:end][which] = True
            if odd is not None:
                unexplained[begin:end] = odd
        return kept, unexplained

    def _select(self, chunk: np.ndarray) -> tuple[np.ndarray | slice, np.ndarray | None]:
        """`select` between two mappings: by instrument id and the UTC date of ts_recv.

        A record of the symbol's id outside of its dates is not explained. Nor is one of another id, where the metadata
        names no other symbol.
        """
        ids = chunk["instrument_id"]
        if self.named is not None:
            selected = ids == (_LARGEST_ID + 1 if self.named.instrument_id is None else self.named.instrument_id)
            return (slice(None) if selected.all() else selected), None
        selected = np.zeros(len(chunk), np.bool_)
        of_any_date = np.zeros(len(chunk), np.bool_)
        times = chunk["ts_recv"]
        for interval in self._intervals:
            same = ids == interval.instrument_id
            of_any_date |= same
            same &= (times >= interval.start_ns) & (times < interval.end_ns)
            selected |= same
        if selected.all():
            return slice(None), None
        return selected, ~selected if self._alone else of_any_date & ~selected


def listed(values: list[str] | list[int]) -> str:
    """Up to twenty of them, for a message."""
    # a damaged file may name symbols that no terminal should be sent
    shown = ", ".join(text if (text := str(value)).isprintable() else ascii(text) for value in values[:20])
    return (shown or "none") + (f" and {len(values) - 20} more" if len(values) > 20 else "")


def _midnight_ns(day: date) -> int:
    return int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp()) * NS_PER_S
