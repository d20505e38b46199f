"""A table of order events, as a Bitstamp-like exchange writes it, against a book of dictionaries."""

from __future__ import annotations

import gzip
import random
from collections import defaultdict
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from vp_book import BookEngine, Instrument, ParameterError, open_dbn
from vp_book.errors import ConversionError
from vp_book.feeds import CsvColumns, convert_csv

BEGIN_US = 1_769_783_400_000_000
CENT = 10_000_000
COLUMNS = CsvColumns(
    time="microtimestamp",
    time_unit="us",
    order_id="id",
    size="amount",
    size_step="0.001",
    side="order_type",
    buy="0",
    sell="1",
    action="event",
    events={"add": "created", "change": "changed", "remove": "deleted", "execute": "filled", "trade": "traded"},
)
HEADER = "id,microtimestamp,amount,price,order_type,event\n"


class Table:
    """Rows of a made-up market, and the book after each of them."""

    def __init__(self, seed: int, rows: int) -> None:
        draw = random.Random(seed)
        self.lines: list[str] = []
        self.orders: dict[int, tuple[str, int, int]] = {}
        self.books: list[dict[tuple[str, int], int]] = []
        for number in range(rows):
            kind = draw.choice(["created", "created", "changed", "deleted", "filled", "traded"])
            if kind in ("created", "traded") or not self.orders:
                kind = "traded" if kind == "traded" else "created"
                order_id, side = 1_000 + number, draw.choice("01")
                price, size = 6_000_000 + draw.randint(1, 40) * (-1 if side == "0" else 1), draw.randint(1, 5_000)
                if kind == "created":
                    self.orders[order_id] = (side, price, size)
            else:
                order_id = draw.choice(list(self.orders))
                side, price, held = self.orders[order_id]
                size = {"changed": draw.randint(0, 2 * held), "deleted": held, "filled": draw.randint(1, held)}[kind]
                left = {"changed": size, "deleted": 0, "filled": held - size}[kind]
                self.orders[order_id] = (side, price, left)
                if not left:
                    del self.orders[order_id]
            amount, cost = Decimal(size).scaleb(-3), Decimal(price).scaleb(-2)
            self.lines.append(f"{order_id},{BEGIN_US + 700 * number},{amount:f},{cost:f},{side},{kind}\n")
            book: dict[tuple[str, int], int] = defaultdict(int)
            for at, level, held in self.orders.values():
                book["bid" if at == "0" else "ask", level] += held
            self.books.append(dict(book))

    def write(self, path: Path) -> Path:
        text = (HEADER + "".join(self.lines)).encode()
        path.write_bytes(gzip.compress(text) if path.suffix == ".gz" else text)
        return path


@pytest.mark.parametrize("name", ["events.csv", "events.csv.gz"])
def test_the_book_after_every_row(tmp_path: Path, name: str) -> None:
    table = Table(3, 1_500)
    made = convert_csv(table.write(tmp_path / name), tmp_path / "out.dbn.zst", symbol="BTCUSD", columns=COLUMNS)
    assert (made.feed, made.dataset, made.facts["rows"]) == ("csv", "CSV", 1_500)
    assert made.facts["unknown_orders"] == made.facts["clocks_back"] == made.facts["added_again"] == 0
    source = open_dbn(made)
    assert source.symbol == "BTCUSD"
    assert source.covered_ns == (BEGIN_US * 1000, (BEGIN_US + 700 * 1_499) * 1000 + 1)
    records = np.concatenate(list(source))
    ends = np.flatnonzero(records["flags"] & 128) + 1
    assert len(ends) == 1_500
    engine, begin = BookEngine(Instrument("BTCUSD", "0.01")), 0
    for end, book in zip(ends.tolist(), table.books, strict=True):
        engine.apply(records[begin:end])
        begin = end
        found = {
            (side, price // CENT): size
            for side in ("bid", "ask")
            for price, size in zip(*(part.tolist() for part in engine.levels(side)), strict=True)
        }
        assert found == book
    certificate: Any = engine.certificate()
    assert certificate["ok"]
    assert not certificate["anomalies"]["unknown_cancel"]


def test_executions_are_trades_of_the_other_side(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text(
        HEADER + "7,1769783400000000,2.5,100.25,1,created\n7,1769783400000500,1,100.25,1,filled\n"
        "8,1769783400000400,3,100,0,traded\n9,1769783400000900,3,100,0,deleted\n"
    )
    made = convert_csv(path, tmp_path / "t.dbn", symbol="X", columns=COLUMNS, dataset="EXCHANGE")
    records = np.concatenate(list(open_dbn(made)))
    assert b"".join(records["action"].tolist()) == b"ATFCT"
    assert b"".join(records["side"].tolist()) == b"ABAAN"
    assert records["size"].tolist() == [2500, 1000, 1000, 1000, 3000]
    assert (records["flags"] & 128).astype(bool).tolist() == [True, False, False, True, True]
    assert records["ts_recv"].tolist()[-1] == 1769783400000500_000  # an earlier row keeps the time
    assert (made.facts["clocks_back"], made.facts["unknown_orders"]) == (1, 1)
    assert made.dataset == "EXCHANGE"


def test_iso_times_and_ids_that_are_no_numbers(tmp_path: Path) -> None:
    columns = CsvColumns(time_unit="iso", events={"add": "A", "remove": "D"})
    path = tmp_path / "t.csv"
    path.write_text(
        "time,order_id,price,size,side,action\n2026-01-30T14:30:00.123456789Z,a-1,1.5,2,buy,A\n"
        "2026-01-30T15:30:01+01:00,b-2,1.75,3,sell,A\n2026-01-30 14:30:02,a-1,,,,D\n"
    )
    records = np.concatenate(list(open_dbn(convert_csv(path, tmp_path / "t.dbn", symbol="X", columns=columns))))
    ids = records["order_id"].tolist()
    assert ids[0] == ids[2] != ids[1]
    seconds = [(ns - 1_769_783_400_000_000_000) / 1e9 for ns in records["ts_recv"].tolist()]
    assert seconds == [0.123456789, 1.0, 2.0]


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("1,2,x,100,0,created", r"amount='x': must be a decimal number"),
        ("1,2,0.0005,100,0,created", r"amount='0.0005': must be 1 to 4294967294 times size_step 0.001"),
        ("1,2,0,100,0,created", r"amount='0': must be 1 to"),
        ("1,2,1e999999,100,0,created", r"amount='1e999999': must be"),
        ("1,2,1,100.0000000001,0,created", r"price='100.0000000001': must have at most 9 decimals"),
        ("1,2,1,1e999999,0,created", r"price='1e999999': must have"),
        ("1,2,1,nan,0,created", r"price='nan': must be a decimal number"),
        ("1,2,1,100,2,created", r"order_type='2': must be 0 or 1"),
        ("1,2,1,100,0,born", r"event='born': must be one of created, changed"),
        ("1,noon,1,100,0,created", r"microtimestamp='noon': must be a time in us"),
        ("1,-5,1,100,0,created", r"microtimestamp='-5': is out of range"),
        ("1,1e99,1,100,0,created", r"microtimestamp='1e99': is out of range"),
        (",2,1,100,0,created", r"id='': must not be empty"),
        ("1,2,1", r"has 3 fields; at least 6 are needed"),
        ('1,2,"1,100,0,created', r"unexpected end of data"),
    ],
)
def test_a_line_that_is_wrong_is_named(tmp_path: Path, line: str, problem: str) -> None:
    path = tmp_path / "t.csv"
    path.write_text(f"{HEADER}5,1,1,100,0,created\n{line}\n")
    with pytest.raises(ConversionError, match=rf"t\.csv:3: {problem}") as refused:
        convert_csv(path, tmp_path / "t.dbn", symbol="X", columns=COLUMNS)
    assert refused.value.line == 3
    assert [entry.name for entry in tmp_path.iterdir()] == ["t.csv"]


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"", r"t\.csv:1: is empty"),
        (HEADER.encode(), r"t\.csv:2: has no row"),
        (b"id,amount\n1,2\n", r"t\.csv:1: time='microtimestamp': is not among the columns; there are id, amount"),
        (b"\xff\xfe\x00", r"t\.csv:1: is no text"),
        (
            gzip.compress((HEADER + "".join(Table(1, 500).lines)).encode())[:-2000],
            r"t\.csv:\d+: ends inside its gzip data",
        ),
    ],
)
def test_a_file_that_is_no_table_is_refused(tmp_path: Path, content: bytes, problem: str) -> None:
    path = tmp_path / "t.csv"
    path.write_bytes(content)
    with pytest.raises(ConversionError, match=problem):
        convert_csv(path, tmp_path / "t.dbn", symbol="X", columns=COLUMNS)
    assert [entry.name for entry in tmp_path.iterdir()] == ["t.csv"]


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"time_unit": "h"}, "time_unit='h': must be one of s, ms, us, ns, iso"),
        ({"size_step": "0"}, "size_step='0': must be a positive decimal number"),
        ({"size_step": "tiny"}, "size_step='tiny'"),
        ({"price": ""}, "price='': must be a text"),
        ({"buy": "sell"}, "buy='sell', sell='sell': must differ"),
        ({"events": {"change": "c"}}, "events=change: must have add"),
        ({"events": {"add": "a", "born": "b"}}, "events=add, born: must have add, and may have change"),
        ({"events": {"add": "a", "remove": "a"}}, "must have a text of its own"),
    ],
)
def test_a_map_that_cannot_be_is_refused(change: dict[str, Any], problem: str) -> None:
    with pytest.raises(ParameterError, match=problem):
        CsvColumns(**{"events": {"add": "a"}, **change})
