"""A table of order events, as crypto exchanges and data shops write them, as a DBN file of market-by-order records."""

from __future__ import annotations

import csv
import gzip
import zlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from os import PathLike
from typing import Final

import numpy as np

from vp_book._checked import FOREVER, checked_path
from vp_book.errors import ConversionError, ParameterError
from vp_book.records import F_LAST, MBO_DTYPE, MBO_WORDS, NS_PER_S, RTYPE_MBO, UNDEF_PRICE

from .input import FeedFile
from .written import Conversion, ConvertedFile

PUBLISHER: Final = 65_535
"""No publisher of Databento's."""
INSTRUMENT: Final = 1

_CHUNK: Final = 65_536
_LONGEST_DATASET: Final = 16
_PRICE_DIGITS: Final = 9
_DEAREST: Final = 10**9
_LARGEST_EXPONENT: Final = 30
"""Of a decimal number that is worth dividing."""
_LARGEST: Final = 2**32 - 2
_LONGEST_ID: Final = 20
_FIRST_OWN_ID: Final = 2**63
"""Ids of orders whose own is no number; numbers are below."""
_NS_PER: Final[Mapping[str, int]] = {"s": NS_PER_S, "ms": 10**6, "us": 10**3, "ns": 1}
TIME_UNITS: Final = (*_NS_PER, "iso")
EVENTS: Final = ("add", "change", "remove", "execute", "trade")


@dataclass(frozen=True, slots=True, kw_only=True)
class CsvColumns:
    """What the columns of a table mean. Names of columns are those of its first line.

    `time_unit` is s, ms, us or ns since 1970 (whole or decimal numbers), or `iso` for texts as 2026-01-30T14:30:00.5Z.
    `size_step` is the amount that a size of 1 stands for: sizes have to be whole multiples of it. `buy` and `sell` are
    the texts of the side of a resting order. `events` has the texts of the column `action` by what happens: `add`, an
    order rests; `change`, it has the row's price and size from now on; `remove`, it is gone; `execute`, the row's size
    of it trades; `trade`, a trade of no order that is known.

    Raises `ParameterError` for a value outside what is allowed.
    """

    time: str = "time"
    order_id: str = "order_id"
    price: str = "price"
    size: str = "size"
    side: str = "side"
    action: str = "action"
    time_unit: str = "ns"
    size_step: str | Decimal = "1"
    buy: str = "buy"
    sell: str = "sell"
    events: Mapping[str, str]

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if field.name not in ("size_step", "events") and (not isinstance(value, str) or not value):
                raise ParameterError(f"{field.name}={value!r}: must be a text that is not empty")
        if self.time_unit not in TIME_UNITS:
            raise ParameterError(f"time_unit={self.time_unit!r}: must be one of {', '.join(TIME_UNITS)}")
        unknown = [event for event in self.events if event not in EVENTS]
        if unknown or "add" not in self.events:
            named = f"events={', '.join(self.events) or 'none'}"
            raise ParameterError(f"{named}: must have add, and may have {', '.join(EVENTS[1:])}")
        if self.buy == self.sell:
            raise ParameterError(f"buy={self.buy!r}, sell={self.sell!r}: must differ")
        texts = list(self.events.values())
        if len(set(texts)) < len(texts):
            raise ParameterError(f"events={dict(self.events)!r}: must have a text of its own for each event")
        if self.step <= 0:
            raise ParameterError(f"size_step={self.size_step!r}: must be a positive decimal number")

    @property
    def step(self) -> Decimal:
        """`size_step` as a number; 0 for what is none."""
        try:
            step = Decimal(self.size_step)
        except (InvalidOperation, TypeError, ValueError):
            return Decimal(0)
        return step if step.is_finite() else Decimal(0)


def convert_csv(
    path: str | PathLike[str],
    output: str | PathLike[str],
    *,
    symbol: str,
    columns: CsvColumns,
    dataset: str = "CSV",
    progress: Callable[[int], None] | None = None,
) -> Conversion:
    """Write the market-by-order records of a table of order events, which may be gzip, to `output`.

    Every row is an event: additions become A, changes M (C where the size is 0), removals C, executions T, F and C,
    trades T of no side. Both clocks of a record are the row's time; a row that is earlier than one before it keeps the
    time of that one, and is counted (`clocks_back`). Removals and executions of orders that no row has added are left
    out and counted (`unknown_orders`): such orders rested before the table begins, and nothing says how large they
    were. `progress` is called with the rows read so far.

        columns = CsvColumns(
            time="microtimestamp", time_unit="us", order_id="id", size="amount", size_step="0.00000001",
            events={"add": "created", "change": "changed", "remove": "deleted"},
        )
        made = convert_csv("btcusd.csv", "btcusd.dbn.zst", symbol="BTCUSD", columns=columns)

    Raises `ConversionError` with the line of what cannot be read, and then leaves nothing behind; `ParameterError` for
    an argument that is not what is allowed.
    """
    source = checked_path("path", path)
    if not 0 < len(dataset) <= _LONGEST_DATASET or not dataset.isascii() or not dataset.isprintable():
        raise ParameterError(f"dataset={dataset!r}: must be 1 to {_LONGEST_DATASET} printable ASCII characters")
    with ConvertedFile(checked_path("output", output), symbol) as file, FeedFile(source) as feed:
        made = _Events(file, columns)
        rows = _rows(feed)
        try:
            line, names = next(rows)
        except StopIteration:
            raise ConversionError(f"{source}:1: is empty; its first line has to name the columns", line=1) from None
        try:
            made.find(names)
            for line, row in rows:  # noqa: B007 - the error below names it
                made.take(row)
                if progress and made.rows % _CHUNK == 0:
                    progress(made.rows)
        except ValueError as error:
            raise ConversionError(f"{source}:{line}: {error}", line=line) from None
        if not made.rows:
            raise ConversionError(f"{source}:{line + 1}: has no row behind the names of its columns", line=line + 1)
        made.flush()
        return file.finish(
            feed="csv",
            dataset=dataset,
            instrument_id=INSTRUMENT,
            span_ns=(made.first, made.now + 1),
            source_sha256=[feed.sha256],
            facts={"rows": made.rows, **made.counts},
        )


class _Events:
    """The orders that rest, and the records that rows become."""

    def __init__(self, file: ConvertedFile, columns: CsvColumns) -> None:
        self._file, self._columns, self._step = file, columns, columns.step
        self._event_of = {text: event for event, text in columns.events.items()}
        self._side_of = {columns.buy: "B", columns.sell: "A"}
        self._records: list[tuple[object, ...]] = []
        self._resting: dict[int, tuple[str, int, int]] = {}  # id -> side, price_int, size
        self._ids: dict[str, int] = {}  # of an id that is no number, while its order rests
        self._last_id = 0
        self._at: dict[str, int] = {}
        self.rows = self.first = self.now = 0
        self.counts: dict[str, int | bool | str] = dict.fromkeys(("clocks_back", "unknown_orders", "added_again"), 0)

    def find(self, names: list[str]) -> None:
        """Where the columns are. Raises ValueError naming one that is not there, or is there twice."""
        for name in ("time", "order_id", "price", "size", "side", "action"):
            column = getattr(self._columns, name)
            if names.count(column) != 1:
                found = "twice" if column in names else "not"
                raise ValueError(f"{name}={column!r}: is {found} among the columns; there are {', '.join(names)}")
            self._at[name] = names.index(column)

    def take(self, row: list[str]) -> None:
        """One row. Raises ValueError naming the column that is not what it may be."""
        if len(row) <= max(self._at.values()):
            raise ValueError(f"has {len(row)} fields; at least {max(self._at.values()) + 1} are needed")
        event = self._event_of.get(self._text(row, "action"))
        if event is None:
            raise self._wrong(row, "action", f"must be one of {', '.join(self._event_of)}")
        self._clock(row)
        self.rows += 1
        if event == "trade":
            self._put("T", "N", 0, self._price(row), self._size(row), F_LAST)
        else:
            self._order(event, row, self._id(row))
        if len(self._records) >= _CHUNK:
            self.flush()

    def flush(self) -> None:
        """Write what has been made."""
        self._file.write(np.array(self._records, MBO_DTYPE))
        self._records.clear()

    def _order(self, event: str, row: list[str], order_id: int) -> None:
        known = self._resting.get(order_id)
        if event in ("add", "change"):
            side = self._side_of.get(self._text(row, "side"))
            if side is None:
                raise self._wrong(row, "side", f"must be {self._columns.buy} or {self._columns.sell}")
            size = self._size(row, least=0 if event == "change" else 1)
            price = self._price(row)
            if event == "add" and known is not None:
                self._count("added_again")
            if size:
                self._put("A" if known is None else "M", side, order_id, price, size, F_LAST)
                self._resting[order_id] = (side, price, size)
                return
            event = "remove"
        if known is None:
            self._count("unknown_orders")
            return
        side, price, resting = known
        taken = resting
        if event == "execute":
            taken = min(resting, self._size(row))
            self._put("T", "A" if side == "B" else "B", 0, price, taken, 0)
            self._put("F", side, order_id, price, taken, 0)
        self._put("C", side, order_id, price, taken, F_LAST)
        if taken < resting:
            self._resting[order_id] = (side, price, resting - taken)
        else:
            del self._resting[order_id]
            self._ids.pop(self._text(row, "order_id"), None)

    def _clock(self, row: list[str]) -> None:
        text = self._text(row, "time")
        try:
            if self._columns.time_unit == "iso":
                ns = Decimal(_iso_ns(text))
            else:
                ns = Decimal(text) * _NS_PER[self._columns.time_unit]
        except (ArithmeticError, ValueError):
            raise self._wrong(row, "time", f"must be a time in {self._columns.time_unit}") from None
        if not ns.is_finite() or not 0 < ns < FOREVER:
            raise self._wrong(row, "time", "is out of range")
        self._advance(int(ns))

    def _advance(self, ns: int) -> None:
        if self.rows == 0:
            self.first = self.now = ns
        elif ns < self.now:
            self._count("clocks_back")
        self.now = max(self.now, ns)

    def _price(self, row: list[str]) -> int:
        number = self._number(row, "price")
        whole = abs(number) < _DEAREST and number.as_tuple().exponent >= -_PRICE_DIGITS  # type: ignore[operator]
        if not whole:
            raise self._wrong(row, "price", f"must have at most {_PRICE_DIGITS} decimals, and be below {_DEAREST}")
        return int(number.scaleb(_PRICE_DIGITS))

    def _size(self, row: list[str], least: int = 1) -> int:
        number = self._number(row, "size")
        size = number / self._step if number.adjusted() < _LARGEST_EXPONENT else Decimal(-1)
        if not least <= size <= _LARGEST or int(size) * self._step != number:
            raise self._wrong(row, "size", f"must be {least} to {_LARGEST} times size_step {self._columns.size_step}")
        return int(size)

    def _number(self, row: list[str], name: str) -> Decimal:
        try:
            number = Decimal(self._text(row, name))
        except ArithmeticError:
            number = Decimal("nan")
        if not number.is_finite():
            raise self._wrong(row, name, "must be a decimal number")
        return number

    def _id(self, row: list[str]) -> int:
        """The id as a number; an id that is none gets the next of our own, for as long as its order rests."""
        text = self._text(row, "order_id")
        if text.isdecimal() and len(text) <= _LONGEST_ID and int(text) < _FIRST_OWN_ID:
            return int(text)
        if not text:
            raise self._wrong(row, "order_id", "must not be empty")
        if text not in self._ids:
            self._last_id += 1
            self._ids[text] = _FIRST_OWN_ID + self._last_id
        return self._ids[text]

    def _text(self, row: list[str], name: str) -> str:
        return row[self._at[name]].strip()

    def _wrong(self, row: list[str], name: str, allowed: str) -> ValueError:
        return ValueError(f"{getattr(self._columns, name)}={self._text(row, name)[:60]!r}: {allowed}")

    def _count(self, what: str) -> None:
        self.counts[what] = int(self.counts[what]) + 1

    def _put(self, action: str, side: str, order_id: int, price: int | None, size: int, flags: int) -> None:
        self._records.append(
            (
                MBO_WORDS, RTYPE_MBO, PUBLISHER, INSTRUMENT, self.now, order_id,
                UNDEF_PRICE if price is None else price,
                size, flags, 0, action.encode(), side.encode(), self.now, 0, self.rows & 0xFFFFFFFF,
            )
        )  # fmt: skip


def _iso_ns(text: str) -> int:
    """Nanoseconds of an ISO 8601 time; one without a zone is UTC."""
    whole, point, rest = text.partition(".")
    digits = rest[: len(rest) - len(rest.lstrip("0123456789"))] if point else ""
    zone = rest[len(digits) :] if point else ""
    moment = datetime.fromisoformat(whole + zone)
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return int(moment.timestamp()) * NS_PER_S + int(digits.ljust(9, "0")[:9] or 0)


def _rows(feed: FeedFile) -> Iterator[tuple[int, list[str]]]:
    """(line, fields) of every row that is not empty."""
    reader = csv.reader(feed.text(), strict=True)
    line = 1
    try:
        for row in reader:
            if row:
                yield line, row
            line = reader.line_num + 1
    except UnicodeDecodeError:
        raise ConversionError(f"{feed.path}:{line}: is no text", line=line) from None
    except csv.Error as error:
        raise ConversionError(f"{feed.path}:{line}: {error}", line=line) from None
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        what = "ends inside its gzip data" if isinstance(error, EOFError) else f"corrupt gzip data ({error})"
        raise ConversionError(f"{feed.path}:{line}: {what}: get the file again", line=line) from None
