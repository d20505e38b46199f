"""Time bins in plain Python, from the definitions, over the oracle book."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from fractions import Fraction

import numpy as np

from support.book_oracle import UNDEFINED_SIZE, OracleBook

Fields = dict[str, int | float | bool]


def oracle_bins(records: Iterable[np.void], book: OracleBook, start: int, width: int, end: int) -> Iterator[Fields]:
    """Scalars of the bins from `start` to `end`, closed one after the other; the book stands at each bin's end."""
    seq = 0
    bin_ = _Statistics(book)
    previous: tuple[int, int] | None = None
    started = False
    for r in records:
        over = book.arrive(r)
        if over and started:
            bin_.boundary(events=over == "event")
        now = book.clock_with(r)
        within = book.in_event or (book.in_snapshot and int(r["flags"]) & 32)
        while not within and now >= start + (seq + 1) * width:
            if start + (seq + 1) * width > end:
                return
            fields, previous = bin_.close(seq, start + seq * width, width, previous)
            yield fields
            seq += 1
            bin_ = _Statistics(book)
        if not within:
            started = now >= start  # an event belongs to the bin in which it starts
        boundary = book.apply(r)
        if started:
            if r["action"] == b"T" and int(r["size"]) != UNDEFINED_SIZE:
                bin_.trades.append(book.last_print)
            if boundary:
                bin_.boundary()
    while start + (seq + 1) * width <= end:
        fields, previous = bin_.close(seq, start + seq * width, width, previous)
        yield fields
        seq += 1
        bin_ = _Statistics(book)


class _Statistics:
    def __init__(self, book: OracleBook) -> None:
        self.book = book
        self.events = 0
        self.trades: list[tuple[str, int, int | None]] = []
        self.quotes: list[tuple[int, int]] = []

    def boundary(self, events: int = 1) -> None:
        self.events += events
        if self.book.standing:
            self.quotes.append(self.book.standing)

    def close(
        self, seq: int, start: int, width: int, previous: tuple[int, int] | None
    ) -> tuple[Fields, tuple[int, int] | None]:
        book, tick = self.book, self.book.tick_int
        bid, bid_size, ask, ask_size = book.bbo()
        quote = book.standing if book.valid() else None
        quotes = self.quotes or ([quote] if quote else [(0, 0)])
        ask_move = quote[1] - previous[1] if quote and previous else 0
        bid_move = quote[0] - previous[0] if quote and previous else 0
        ask_sign, bid_sign = int(np.sign(ask_move)), int(np.sign(bid_move))
        fields: Fields = {
            "bin_seq": seq,
            "ts_ns": start + width,
            "bin_start_ns": start,
            "bin_end_ns": start + width,
            "bin_event_count": self.events,
            "event_id": book.events,
            "mid_price": (bid + ask) * tick / 2e9 if quote else 0.0,
            "best_bid_price_int": bid * tick,
            "best_ask_price_int": ask * tick,
            "best_bid_size": bid_size,
            "best_ask_size": ask_size,
            "book_valid": quote is not None,
            "trade_count": len(self.trades),
            "buy_volume": sum(size for side, size, _ in self.trades if side == "B"),
            "sell_volume": sum(size for side, size, _ in self.trades if side == "A"),
            "bid_high_price_int": max(b for b, _ in quotes) * tick,
            "bid_low_price_int": min(b for b, _ in quotes) * tick,
            "ask_high_price_int": max(a for _, a in quotes) * tick,
            "ask_low_price_int": min(a for _, a in quotes) * tick,
            "best_ask_move_ticks": ask_move,
            "best_bid_move_ticks": bid_move,
            "ask_reprice_sign": ask_sign,
            "bid_reprice_sign": bid_sign,
            "microstate_id": 3 * (ask_sign + 1) + bid_sign + 1,
            "chase_up_flag": ask_sign == bid_sign == 1,
            "chase_down_flag": ask_sign == bid_sign == -1,
            "cum_buy_volume": book.volume["B"],
            "cum_sell_volume": book.volume["A"],
            "vwap_price_int": vwap(book),
        }
        book.of_bin = traded(book, self.trades)
        return fields, quote


def vwap(book: OracleBook) -> int:
    """Mean price of all trades so far by volume, rounded half up."""
    volume, turnover = book.priced[-1]
    return math.floor(Fraction(turnover, volume) + Fraction(1, 2)) if volume else 0


def traded(book: OracleBook, trades: list[tuple[str, int, int | None]]) -> dict[tuple[str, int], int]:
    """Volume by aggressor and nearest price tick, half up."""
    volumes: dict[tuple[str, int], int] = {}
    for side, size, price in trades:
        if side != "N" and price is not None:
            key = side, (2 * price + book.tick_int) // (2 * book.tick_int)
            volumes[key] = volumes.get(key, 0) + size
    return volumes


def volumes_of_rows(book: OracleBook, side: str, spot_cell: int, radius: int, bucket: int = 1) -> list[int]:
    """What was traded with aggressor `side` in the last bin, in each row of a window around a cell."""
    rows = [0] * (2 * radius + 1)
    for (aggressor, tick), volume in book.of_bin.items():
        row = (tick + bucket // 2) // bucket - spot_cell + radius
        if aggressor == side and 0 <= row < len(rows):
            rows[row] += volume
    return rows
