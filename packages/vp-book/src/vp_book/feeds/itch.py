"""One stock of a day of Nasdaq TotalView-ITCH 5.0 as a DBN file of market-by-order records."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from os import PathLike
from typing import Final

import numpy as np

from vp_book._checked import checked_path
from vp_book.book.orders import O_ID, O_SIZE, rehash
from vp_book.errors import ConversionError, ParameterError
from vp_book.records import F_LAST, F_SNAPSHOT, KERNEL_DTYPE

from . import itch_kernels as k
from . import itch_messages as m
from .input import FeedFile, midnight_ns
from .written import Conversion, ConvertedFile

DATASET: Final = "XNAS.ITCH"
PUBLISHER: Final = 2
"""Databento's id of Nasdaq TotalView-ITCH."""

_BLOCK_BYTES: Final = 1 << 22
_OUT_RECORDS: Final = 1 << 16
_SLOTS: Final = 1 << 16
_SYMBOL_BYTES: Final = 8
_COUNTED: Final = {
    "adds": "AF",
    "executions": "EC",
    "cancels": "XD",
    "replaces": "U",
    "hidden_trades": "P",
    "crosses": "Q",
    "broken_trades": "B",
    "trading_states": "H",
}
_WRONG: Final = {
    k.BAD_TYPE: "what stands there is no message of ITCH 5.0",
    k.BAD_LENGTH: "a message has a length that its type does not have",
    k.BAD_TIME: "a message has a time that is not within a day",
    k.BAD_SIDE: "an order neither buys nor sells",
    k.SECOND_LOCATE: "the stock directory gives the stock a second number",
    k.KNOWN_ORDER: "an order is added whose number still rests",
}


def convert_itch50(
    path: str | PathLike[str],
    output: str | PathLike[str],
    *,
    symbol: str,
    date: date | str,
    progress: Callable[[int], None] | None = None,
) -> Conversion:
    """Write the market-by-order records of one stock to the DBN file `output` (`.dbn` or `.dbn.zst`).

    `path` is a file of Nasdaq TotalView-ITCH 5.0, raw or gzip: messages, each behind its length. `date` is the day in
    New York, which the feed does not say. `progress` is called with the messages of all stocks read so far.

    An order that executes becomes T (side of the aggressor), F (of the order) and C, one event; where the execution is
    not printable, because it is part of a cross, there is no T. A replaced order becomes C and A, one event. A trade
    with a hidden order and a cross become T of no side. While the stock does not trade (any state but T) the book is
    not valid: an N record flagged F_MAYBE_BAD_BOOK says when that begins, and a snapshot of the book when trading goes
    on. The file begins with R, for a day begins with an empty book. Broken trades are counted: a file cannot take one
    back. A message of an order that was never added becomes a C of no side, which replay counts and leaves out.

    `instrument_id` is the stock locate, `sequence` the number of the message in the file from 0, `ts_recv` is
    `ts_event`. The span of the metadata is from the first message of the file to its last. Memory does not grow with
    the file.

        made = convert_itch50("01302026.NASDAQ_ITCH50.gz", "aapl.mbo.dbn.zst", symbol="AAPL", date="2026-01-30")
        print(made.records, made.facts["halts"])

    Raises `ConversionError` with the offset for a file that is cut, corrupt or no ITCH 5.0, or does not have the stock,
    and then leaves nothing behind; `ParameterError` for an argument that is not what is allowed.
    """
    name = _symbol_bytes(symbol)
    state = np.zeros(1, k.STATE)
    s = state[0]
    s["symbol"] = int.from_bytes(name, "big", signed=True)
    s["publisher"], s["locate"], s["first"], s["midnight"] = PUBLISHER, -1, -1, midnight_ns(date)
    source = checked_path("path", path)
    with ConvertedFile(checked_path("output", output), symbol) as file, FeedFile(source) as feed:
        own = _convert(feed, file, state, progress)
        if s["locate"] < 0:
            raise ConversionError(
                f"{source}: symbol {symbol} is not in its stock directory, which has {s['stocks']} stocks"
            )
        midnight = int(s["midnight"])
        return file.finish(
            feed="itch50",
            dataset=DATASET,
            instrument_id=int(s["locate"]),
            span_ns=(midnight + int(s["first"]), midnight + int(s["last"]) + 1),
            source_sha256=[feed.sha256],
            facts={
                "messages": int(s["messages"]),
                "stocks": int(s["stocks"]),
                **{what: sum(int(own[ord(kind)]) for kind in kinds) for what, kinds in _COUNTED.items()},
                "halts": int(s["halts"]),
                "unknown_orders": int(s["unknown_orders"]),
                "over_size": int(s["over_size"]),
                "complete": bool(s["ended"]),
            },
        )


def _convert(
    feed: FeedFile, file: ConvertedFile, state: np.ndarray, progress: Callable[[int], None] | None
) -> np.ndarray:
    """Every block of the feed through the kernel; returns the stock's messages by type, shape (256,)."""
    own = np.zeros(256, np.int64)
    orders = k.order_map(_SLOTS)
    out = np.empty(_OUT_RECORDS, KERNEL_DTYPE)
    used, offset, over = 0, 0, False
    rest = b""
    for data in feed.blocks(_BLOCK_BYTES):
        # a view of bytes is read-only, and the kernel is compiled for that
        block = np.frombuffer(rest + data if rest else data, np.uint8)
        at, status = 0, k.FULL
        while status != k.MORE:
            if over:
                raise _damage(feed, state, "there is more behind the end of the session", offset + at)
            at, used, status = k.take_messages(block, at, len(block), m.LENGTHS, orders, out, used, state, own)
            if status == k.GROW:
                larger = k.order_map(2 * len(orders))
                rehash(orders, larger)
                orders = larger
            elif status == k.OVER:
                over, at = True, at + 2
                status = k.MORE if at == len(block) else status
            elif status in _WRONG:
                raise _damage(feed, state, _WRONG[status], offset + at)
            elif status != k.MORE:
                file.write(out[:used])
                used = 0
                if status == k.RESUMED:
                    _state_book(file, orders, out, state)
        rest = block[at:].tobytes()
        offset += at
        if progress:
            progress(int(state[0]["messages"]))
    if rest:
        raise _damage(feed, state, "the file ends inside a message", offset)
    if not state[0]["messages"]:
        raise ConversionError(f"{feed.path}: has no message", offset=0)
    file.write(out[:used])
    return own


def _state_book(file: ConvertedFile, orders: np.ndarray, out: np.ndarray, state: np.ndarray) -> None:
    """The book anew, as a snapshot: that ends the doubt about it. Orders by their numbers, the oldest first."""
    resting = np.flatnonzero(orders[:, O_SIZE])
    resting = resting[np.argsort(orders[resting, O_ID].view(np.uint64))]
    k.put_clear(out[:1], F_SNAPSHOT | (0 if len(resting) else F_LAST), state)
    file.write(out[:1])
    for begin in range(0, len(resting), len(out)):
        part = out[: len(resting) - begin]
        k.state_orders(orders, resting, part, begin, state)
        file.write(part)


def _damage(feed: FeedFile, state: np.ndarray, what: str, offset: int) -> ConversionError:
    came = f"{state[0]['messages']} whole messages came before it"
    return ConversionError(f"{feed.path}: {what} at byte {offset} (decompressed); {came}", offset=offset)


def _symbol_bytes(symbol: object) -> bytes:
    if isinstance(symbol, str) and symbol.isascii() and symbol.isprintable() and " " not in symbol:
        name = symbol.encode().ljust(_SYMBOL_BYTES)
        if symbol and len(name) == _SYMBOL_BYTES:
            return name
    raise ParameterError(f"symbol={symbol!r}: must be a stock as Nasdaq names it, 1 to {_SYMBOL_BYTES} letters")
