"""A pair of LOBSTER files, messages and order book, as a DBN file of market-by-order records."""

from __future__ import annotations

import gzip
import re
import zlib
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import date
from itertools import zip_longest
from os import PathLike
from typing import Final

import numpy as np

from vp_book._checked import checked_path
from vp_book.errors import ConversionError
from vp_book.records import F_LAST, F_MAYBE_BAD_BOOK, F_SNAPSHOT, MBO_DTYPE, MBO_WORDS, NS_PER_S, RTYPE_MBO, UNDEF_PRICE

from .input import FeedFile, midnight_ns
from .written import Conversion, ConvertedFile

PUBLISHER: Final = 2
"""Databento's id of Nasdaq TotalView-ITCH, which LOBSTER files are made of."""
INSTRUMENT: Final = 1
FIRST_OWN_ID: Final = 2**63
"""Ids of orders that the files do not name; Nasdaq's are far below."""

_PRICE_INT: Final = 100_000
_EMPTY: Final = 9_999_999_999
_DAY_NS: Final = 86_400 * NS_PER_S
_LARGEST: Final = 2**32 - 2
_CHUNK: Final = 65_536
_SPAN: Final = re.compile(r"_(\d{4}-\d\d-\d\d)_(\d{1,8})_(\d{1,8})_message_\d+\.csv")
_SUBMITTED, _REDUCED, _DELETED, _EXECUTED, _HIDDEN, _CROSS, _HALT = range(1, 8)
_GOES_ON: Final = 1  # price of a halt message: -1 trading stops, 0 quotes come again, 1 trading goes on

Row = tuple[dict[int, int], dict[int, int]]
"""Bids and asks of a line of the order book file, price in 0.0001 -> size."""


def convert_lobster(
    path: str | PathLike[str],
    book: str | PathLike[str],
    output: str | PathLike[str],
    *,
    symbol: str,
    date: date | str,
    progress: Callable[[int], None] | None = None,
) -> Conversion:
    """Write the market-by-order records of LOBSTER's message file `path` and order book file `book` to `output`.

    Both may be gzip. `date` is the day in New York, `progress` is called with the lines read so far.

    The first line of the order book is the snapshot that the file begins with, one order a level with an id of its own
    (from 2**63 on). The book after each line is that of the order book file, which knows the best levels of each side
    only: a level that leaves their range is taken out, one that comes back is put in as one order with an id of its
    own. That is state, flagged F_SNAPSHOT, and no flow. The dataset, `LOBSTER.10` for ten levels, says how many there
    are, and the certificate of a replay says so as `depth_levels`.

    Submissions become A, reductions and deletions C, executions T, F and C, those of hidden orders and crosses T of no
    side. A halt is an N record flagged F_MAYBE_BAD_BOOK, and when trading goes on a snapshot. `facts` counts
    `resting_before` (levels of the first line), `levels_back`, and `disagreements` (sizes in the range of the
    order book that the messages do not explain; the order book holds).

        made = convert_lobster("AAPL_2012-06-21_34200000_57600000_message_10.csv",
            "AAPL_2012-06-21_34200000_57600000_orderbook_10.csv", "aapl.dbn.zst", symbol="AAPL", date="2012-06-21")

    Raises `ConversionError` with the line of what cannot be read, and then leaves nothing behind; `ParameterError` for
    an argument that is not what is allowed.
    """
    midnight = midnight_ns(date)
    messages, books = checked_path("path", path), checked_path("book", book)
    with ExitStack() as open_files:
        file = open_files.enter_context(ConvertedFile(checked_path("output", output), symbol))
        feeds = [open_files.enter_context(FeedFile(one)) for one in (messages, books)]
        made = _Lobster(file, midnight)
        lines = 0
        for lines, (message, row) in enumerate(zip_longest(_lines(feeds[0]), _lines(feeds[1])), 1):
            if message is None or row is None:
                short = books if row is None else messages
                raise ConversionError(f"{short}:{lines}: is missing: each message has a line in both files", line=lines)
            try:
                fields = _message(message)
            except ValueError as error:
                raise ConversionError(f"{messages}:{lines}: {error}", line=lines) from None
            try:
                made.take(fields, made.row(row))
            except ValueError as error:
                raise ConversionError(f"{books}:{lines}: {error}", line=lines) from None
            if progress and lines % _CHUNK == 0:
                progress(lines)
        if not lines:
            raise ConversionError(f"{messages}: has no line", line=1)
        made.flush()
        return file.finish(
            feed="lobster",
            dataset=f"LOBSTER.{made.depth}",
            instrument_id=INSTRUMENT,
            span_ns=_span(messages.name, str(date), midnight, (made.first, made.last + 1)),
            source_sha256=[feed.sha256 for feed in feeds],
            facts={"messages": lines, "depth_levels": made.depth, **made.counts},
        )


class _Lobster:
    """The book as far as the files know it, and the records that lead to it."""

    def __init__(self, file: ConvertedFile, midnight: int) -> None:
        self._file, self._midnight = file, midnight
        self._rows: list[tuple[object, ...]] = []
        # per side, price -> {id: size}, in the order in which they came
        self._levels: dict[str, dict[int, dict[int, int]]] = {"B": {}, "A": {}}
        self._sizes: dict[str, dict[int, int]] = {"B": {}, "A": {}}
        self._own_id = FIRST_OWN_ID
        self._now = 0
        self._line = -1
        self.first = self.last = 0
        self.depth = 0
        self.counts: dict[str, int | bool | str] = dict.fromkeys(
            ("resting_before", "levels_back", "levels_gone", "hidden_trades", "crosses", "halts", "disagreements"), 0
        )

    def row(self, text: str) -> Row:
        """A line of the order book file. Raises ValueError for what is none."""
        try:
            numbers = [int(number) for number in text.split(",")]
        except ValueError:
            raise ValueError(f"{text[:60]!r} is no line of whole numbers") from None
        if self.depth == 0 and numbers and len(numbers) % 4 == 0:
            self.depth = len(numbers) // 4
        if len(numbers) != 4 * self.depth or not numbers:
            raise ValueError(f"has {len(numbers)} numbers; allowed are four a level, {4 * self.depth or 'at least 4'}")
        asks = {p: s for p, s in zip(numbers[0::4], numbers[1::4], strict=True) if abs(p) != _EMPTY and s}
        bids = {p: s for p, s in zip(numbers[2::4], numbers[3::4], strict=True) if abs(p) != _EMPTY and s}
        if min([*asks, *bids, *asks.values(), *bids.values()], default=1) <= 0:
            raise ValueError("a price or size is not positive")
        if max([*asks.values(), *bids.values(), 0]) > _LARGEST:
            raise ValueError(f"a size is larger than {_LARGEST}")
        return bids, asks

    def take(self, message: tuple[int, int, int, int, int, str], row: Row) -> None:
        """One message, and the book after it."""
        since, kind, order_id, size, price, side = message
        self._line += 1
        if self._line == 0:
            self.first = self._midnight + since
            self._now = self._midnight + since
            self._begin(row, message)
        else:
            self._now = max(self._now, self._midnight + since)
            if kind == _HALT:
                self._halt(price, row)
            else:
                self._live(kind, order_id, size, price, side)
                self._agree(row)
        self.last = self._now
        if len(self._rows) >= _CHUNK:
            self.flush()

    def flush(self) -> None:
        """Write what has been made."""
        self._file.write(np.array(self._rows, MBO_DTYPE))
        self._rows.clear()

    def _begin(self, row: Row, message: tuple[int, int, int, int, int, str]) -> None:
        """The first line's book is what the first message led to: it is state, with the order it may have added."""
        _, kind, order_id, size, price, side = message
        known = row["BA".index(side)].get(price, 0)
        if kind == _SUBMITTED and known >= size:
            self._rest(side, price, order_id, size)
        for name, levels in zip("BA", row, strict=True):
            for at, total in levels.items():
                left = total - self._sizes[name].get(at, 0)
                if left:
                    self._rest(name, at, self._new_id(), left)
                    self.counts["resting_before"] = int(self.counts["resting_before"]) + 1
        self._state_all()

    def _live(self, kind: int, order_id: int, size: int, price: int, side: str) -> None:
        if kind == _SUBMITTED:
            self._rest(side, price, order_id, size)
            self._put("A", side, order_id, price, size, F_LAST)
        elif kind in (_HIDDEN, _CROSS):
            self._count("hidden_trades" if kind == _HIDDEN else "crosses")
            self._put("T", "N", 0, price, size, F_LAST)
        else:
            taken = self._taken(side, price, order_id, size)
            if kind == _EXECUTED:
                self._put("T", "A" if side == "B" else "B", 0, price, size, 0 if taken else F_LAST)
                for one, part in taken:
                    self._put("F", side, one, price, part, 0)
            for i, (one, part) in enumerate(taken):
                self._put("C", side, one, price, part, F_LAST if i + 1 == len(taken) else 0)

    def _taken(self, side: str, price: int, order_id: int, size: int) -> list[tuple[int, int]]:
        """Take a size off an order: [(id, size)]. One that the file did not name is among the level's own ids."""
        level = self._levels[side].get(price, {})
        ids = [order_id] if order_id in level else [one for one in level if one >= FIRST_OWN_ID]
        taken = []
        for one in ids:
            part = min(size, level[one])
            if part:
                taken.append((one, part))
                self._reduce(side, price, one, part)
                size -= part
        return taken

    def _agree(self, row: Row) -> None:
        """Make the book that of the order book file where it knows more, or knows less, than the messages tell."""
        begin = len(self._rows)
        for side, wanted in zip("BA", row, strict=True):
            sizes = self._sizes[side]
            if sizes == wanted:
                continue
            worst = (min if side == "B" else max)(wanted) if len(wanted) == self.depth else None
            for price in [price for price in sizes if sizes[price] != wanted.get(price, 0)]:
                beyond = worst is not None and (price < worst if side == "B" else price > worst)
                self._count("levels_gone" if beyond else "disagreements")
                for one, size in list(self._levels[side][price].items()):
                    self._put("C", side, one, price, size, F_SNAPSHOT)
                    self._reduce(side, price, one, size)
            for price in [price for price in wanted if price not in sizes]:
                self._count("levels_back")
                self._rest(side, price, self._new_id(), wanted[price])
                self._put("A", side, self._own_id - 1, price, wanted[price], F_SNAPSHOT)
        if len(self._rows) > begin:
            self._rows[-1] = _flagged(self._rows[-1], F_SNAPSHOT | F_LAST)

    def _halt(self, price: int, row: Row) -> None:
        if price == _GOES_ON:
            self._agree(row)
            self._state_all()
        elif price < 0:
            self._count("halts")
            self._put("N", "N", 0, None, 0, F_MAYBE_BAD_BOOK | F_LAST)

    def _state_all(self) -> None:
        """The whole book as a snapshot."""
        self._put("R", "N", 0, None, 0, F_SNAPSHOT)
        for side, levels in self._levels.items():
            for price, orders in levels.items():
                for one, size in orders.items():
                    self._put("A", side, one, price, size, F_SNAPSHOT)
        self._rows[-1] = _flagged(self._rows[-1], F_SNAPSHOT | F_LAST)

    def _rest(self, side: str, price: int, order_id: int, size: int) -> None:
        self._levels[side].setdefault(price, {})[order_id] = size
        self._sizes[side][price] = self._sizes[side].get(price, 0) + size

    def _reduce(self, side: str, price: int, order_id: int, size: int) -> None:
        level, sizes = self._levels[side][price], self._sizes[side]
        level[order_id] -= size
        sizes[price] -= size
        if not level[order_id]:
            del level[order_id]
        if not sizes[price]:
            del sizes[price], self._levels[side][price]

    def _new_id(self) -> int:
        self._own_id += 1
        return self._own_id - 1

    def _count(self, what: str) -> None:
        self.counts[what] = int(self.counts[what]) + 1

    def _put(self, action: str, side: str, order_id: int, price: int | None, size: int, flags: int) -> None:
        self._rows.append(
            (
                MBO_WORDS, RTYPE_MBO, PUBLISHER, INSTRUMENT, self._now, order_id,
                UNDEF_PRICE if price is None else price * _PRICE_INT,
                size, flags, 0, action.encode(), side.encode(), self._now, 0, self._line & 0xFFFFFFFF,
            )
        )  # fmt: skip


_FLAGS_AT: Final = (MBO_DTYPE.names or ()).index("flags")


def _flagged(record: tuple[object, ...], flags: int) -> tuple[object, ...]:
    return (*record[:_FLAGS_AT], flags, *record[_FLAGS_AT + 1 :])


def _lines(feed: FeedFile) -> Iterator[str]:
    number = 0
    try:
        for number, line in enumerate(feed.text(), 1):
            if line.strip():
                yield line.strip()
            else:
                raise ConversionError(f"{feed.path}:{number}: is empty", line=number)
    except UnicodeDecodeError:
        raise ConversionError(f"{feed.path}:{number + 1}: is no text", line=number + 1) from None
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        what = "ends inside its gzip data" if isinstance(error, EOFError) else f"corrupt gzip data ({error})"
        raise ConversionError(f"{feed.path}:{number + 1}: {what}: get the file again", line=number + 1) from None


def _message(text: str) -> tuple[int, int, int, int, int, str]:
    """(ns since midnight, type, order id, size, price in 0.0001, side). Raises ValueError for what is none."""
    fields = text.split(",")
    if len(fields) < 6:
        raise ValueError(f"has {len(fields)} fields; allowed are time, type, order id, size, price and direction")
    try:
        seconds, _, fraction = fields[0].partition(".")
        since = int(seconds) * NS_PER_S + int(fraction.ljust(9, "0")[:9] or 0)
        kind, order_id, size, price, direction = (int(field) for field in fields[1:6])
    except ValueError:
        raise ValueError(f"{text[:60]!r} is no message of whole numbers behind a time in seconds") from None
    if not 0 <= since < _DAY_NS:
        raise ValueError(f"time={fields[0]}: is not within a day")
    if not _SUBMITTED <= kind <= _HALT:
        raise ValueError(f"type={kind}: is none of LOBSTER; allowed are 1 to 7")
    if direction not in (1, -1):
        raise ValueError(f"direction={direction}: must be 1 or -1")
    if kind != _HALT and not (0 < size <= _LARGEST and 0 < price < _EMPTY and 0 <= order_id < FIRST_OWN_ID):
        raise ValueError(f"order id {order_id}, size {size}, price {price}: is out of range")
    return since, kind, order_id, size, price, "B" if direction == 1 else "A"


def _span(name: str, day: str, midnight: int, records: tuple[int, int]) -> tuple[int, int]:
    """What the name of a file says that it is of, in LOBSTER's own form, and else what its records are of."""
    named = _SPAN.search(name)
    if named is None or named[1] != day:
        return records
    start, end = (midnight + int(ms) * 10**6 for ms in named.group(2, 3))
    return min(start, records[0]), max(end, records[1])
