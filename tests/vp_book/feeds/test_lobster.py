"""LOBSTER pairs to DBN: the book after every message is the line of the order book file."""

from __future__ import annotations

import gzip
import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from vp_book import BookEngine, ConversionError, Instrument, open_dbn, replay
from vp_book.feeds import Conversion, convert_lobster

DATE = "2026-01-30"
DEPTH = 4
NAMES = ("AAPL_2026-01-30_34200000_57600000_message_4.csv", "AAPL_2026-01-30_34200000_57600000_orderbook_4.csv")


class Pair:
    """A made-up pair: a whole book that moves, and of it what is within the best levels, as LOBSTER makes its files."""

    def __init__(self, seed: int, lines: int) -> None:
        draw = random.Random(seed)
        self.messages: list[str] = []
        self.rows: list[str] = []
        orders: dict[int, list[int]] = {}  # id -> [direction, price, size]
        now, next_id, middle = 34_200 * 10**9, 0, 1_800_000
        for _ in range(60):  # rests before the file begins
            next_id += 1
            direction = draw.choice((1, -1))
            orders[next_id] = [direction, middle - direction * 100 * draw.randrange(1, 12), 10 * draw.randrange(1, 9)]
        while len(self.rows) < lines:
            now += draw.randrange(1, 10**8)
            best = {d: [p for dd, p, _ in orders.values() if dd == d] for d in (1, -1)}
            bid, ask = max(best[1], default=middle - 100), min(best[-1], default=middle + 100)
            act = draw.choices(("add", "part", "gone", "trade", "hidden", "cross", "halt"), (40, 8, 25, 20, 3, 1, 1))[0]
            direction = draw.choice((1, -1))
            if act == "halt":
                for price in (-1, 0, 1):
                    self._line(now, 7, 0, 0, price, -1, orders)
                continue
            if act in ("hidden", "cross"):
                self._line(now, 5 if act == "hidden" else 6, 0, 7, (bid + ask) // 2, direction, orders)
                continue
            if act == "add" or len(best[direction]) < 12:
                next_id += 1
                price = min(bid + 100, ask - 100) if direction == 1 else max(ask - 100, bid + 100)
                price -= direction * 100 * draw.choice((0, 1, 1, 2, 3, 5, 8))
                orders[next_id] = [direction, price, 10 * draw.randrange(1, 9)]
                size, kind, one = orders[next_id][2], 1, next_id
            else:
                mine = {i: o for i, o in orders.items() if o[0] == direction}
                if act == "trade":
                    mine = {i: o for i, o in mine.items() if o[1] == (bid if direction == 1 else ask)}
                one = draw.choice(list(mine))
                price, size = orders[one][1:]
                kind = {"part": 2, "gone": 3, "trade": 4}[act]
                if kind == 2 or (kind == 4 and draw.random() < 0.5):
                    size = max(1, size // 2)
                before = self._row(orders)
                orders[one][2] -= size
                if not orders[one][2]:
                    del orders[one]
                if kind == 2 and one not in orders:
                    kind = 3
                if f",{price}," not in f",{before}":
                    continue  # beyond the best levels: the message file does not have it
            if kind == 1 and f",{price}," not in f",{self._row(orders)}":
                continue
            self._line(now, kind, one, size, price, direction, orders)

    def _line(
        self, now: int, kind: int, one: int, size: int, price: int, direction: int, orders: dict[int, list[int]]
    ) -> None:
        self.messages.append(f"{now // 10**9}.{now % 10**9:09d},{kind},{one},{size},{price},{direction}")
        self.rows.append(self._row(orders))

    def _row(self, orders: dict[int, list[int]]) -> str:
        sides: dict[int, dict[int, int]] = {1: {}, -1: {}}
        for direction, price, size in orders.values():
            sides[direction][price] = sides[direction].get(price, 0) + size
        fields: list[int] = []
        asks, bids = sorted(sides[-1].items()), sorted(sides[1].items(), reverse=True)
        for i in range(DEPTH):
            fields += asks[i] if i < len(asks) else (9999999999, 0)
            fields += bids[i] if i < len(bids) else (-9999999999, 0)
        return ",".join(map(str, fields))


def converted(folder: Path, messages: bytes, rows: bytes) -> Conversion:
    for name, data in zip(NAMES, (messages, rows), strict=True):
        (folder / name).write_bytes(data)
    return convert_lobster(folder / NAMES[0], folder / NAMES[1], folder / "out.dbn.zst", symbol="AAPL", date=DATE)


def text(lines: list[str]) -> bytes:
    return "".join(f"{line}\n" for line in lines).encode()


def row_of(engine: BookEngine) -> str:
    fields: list[int] = []
    sides = [engine.levels("ask"), engine.levels("bid")]
    assert all(len(prices) <= DEPTH for prices, _ in sides)
    for i in range(DEPTH):
        for (prices, sizes), empty in zip(sides, (9999999999, -9999999999), strict=True):
            fields += (int(prices[i]) // 100_000, int(sizes[i])) if i < len(prices) else (empty, 0)
    return ",".join(map(str, fields))


@pytest.mark.parametrize("seed", range(4))
def test_the_book_agrees_with_the_order_book_file_in_every_row(tmp_path: Path, seed: int) -> None:
    pair = Pair(seed, 1200)
    made = converted(tmp_path, text(pair.messages), gzip.compress(text(pair.rows)))
    assert made.facts["disagreements"] == 0
    assert int(made.facts["resting_before"]) >= DEPTH
    assert int(made.facts["levels_back"]) > 0
    assert int(made.facts["levels_gone"]) > 0
    assert int(made.facts["halts"]) > 0
    records = np.concatenate(list(open_dbn(made)))
    engine, halted = BookEngine(Instrument("AAPL", "0.01", "equity_mbo")), False
    ends = np.searchsorted(records["sequence"], np.arange(len(pair.rows)), side="right")
    at = 0
    for i, (end, row, message) in enumerate(zip(ends, pair.rows, pair.messages, strict=True)):
        engine.apply(records[at:end])
        at = end
        assert row_of(engine) == row, i
        if message.split(",")[1] == "7":
            halted = message.split(",")[4] != "1"
        assert engine.book_valid == (not halted), i
    facts: Any = engine.certificate()
    assert facts["conserved"]
    assert not any(facts["anomalies"][name] for name in ("unknown_cancel", "over_cancel", "duplicate_add"))


def test_the_certificate_says_how_deep_the_book_is(tmp_path: Path) -> None:
    pair = Pair(9, 500)
    made = converted(tmp_path, text(pair.messages), text(pair.rows))
    source = open_dbn(made)
    assert source.dataset == "LOBSTER.4"
    assert source.end_ns is not None
    assert (source.end_ns - made.start_ns) // 10**9 == (57_600 - 34_200)
    bins = replay(source, Instrument("AAPL", "0.01", "equity_mbo"), cell_width_ms=60_000)
    assert any(bin_.fields["book_valid"] for bin_ in bins)
    certificate = bins.certificate()
    assert certificate["reading"]["depth_levels"] == 4
    assert certificate["ok"], certificate["reasons"]


def test_what_is_wrong_is_said_with_its_line_and_leaves_nothing(tmp_path: Path) -> None:
    pair = Pair(2, 50)
    messages, rows = pair.messages, pair.rows
    for changed, line, words in (
        ((messages[:20], rows), 21, "message_4.csv:21: is missing"),
        ((messages, rows[:30]), 31, "orderbook_4.csv:31: is missing"),
        (([*messages[:5], "garbage", *messages[6:]], rows), 6, "message_4.csv:6: has 1 fields"),
        (([*messages[:5], "a,b,c,d,e,f", *messages[6:]], rows), 6, "is no message"),
        (([*messages[:5], "34210.5,9,1,1,1,1", *messages[6:]], rows), 6, "type=9"),
        (([*messages[:5], "34210.5,1,1,1,1,0", *messages[6:]], rows), 6, "direction=0"),
        (([*messages[:5], "99999.5,1,1,1,1,1", *messages[6:]], rows), 6, "not within a day"),
        (([*messages[:5], "34210.5,1,1,-1,1,1", *messages[6:]], rows), 6, "out of range"),
        (([*messages[:5], "", *messages[6:]], rows), 6, "is empty"),
        (
            (messages, [*rows[:7], "1,2,3", *rows[8:]]),
            8,
            "orderbook_4.csv:8: has 3 numbers; allowed are .* 16",
        ),
        ((messages, [*rows[:7], "x", *rows[8:]]), 8, "no line of whole numbers"),
        (([], []), 1, "has no line"),
    ):
        with pytest.raises(ConversionError, match=words) as refused:
            converted(tmp_path, *map(text, changed))
        assert refused.value.line == line
        assert sorted(path.name for path in tmp_path.iterdir()) == sorted(NAMES)
    for data, words in (
        (b"\xff\xfe\x00", "is no text"),
        (gzip.compress(text(messages))[:-4], ":51: ends inside its gzip data"),
    ):
        with pytest.raises(ConversionError, match=words):
            converted(tmp_path, data, text(rows))
