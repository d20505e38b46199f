"""ITCH 5.0 to DBN: the book of an independent parser, the records of each message, and files that are wrong."""

from __future__ import annotations

import gzip
import os
import random
import resource
import struct
import sys
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

import databento
import databento_dbn
import numpy as np
import pytest
from meatpy.itch50 import ITCH50MarketProcessor, ITCH50MessageReader
from support.itch_day import LOCATES, OWN, ItchDay

from vp_book import BookEngine, ConversionError, Instrument, ParameterError, VpBookError, open_dbn, replay
from vp_book.feeds import convert_itch50

DATE = "2026-01-30"
MIDNIGHT = 1769749200 * 10**9  # of 2026-01-30 in New York
WHOLE = "VP_ITCH_MOMENTS"
"""Random moments at which the books are compared; 10000 is the long form."""


def written(folder: Path, data: bytes, name: str = "day.itch") -> Path:
    path = folder / name
    path.write_bytes(data)
    return path


def without(day: ItchDay, kinds: str) -> bytes:
    """The day without messages that the independent parser does not know, or has another length for."""
    ends = [*day.offsets[1:], len(day.data)]
    pieces = zip(day.kinds, day.offsets, ends, strict=True)
    return b"".join(day.data[at:end] for kind, at, end in pieces if kind not in kinds)


def converted(folder: Path, data: bytes, symbol: str = OWN):
    return convert_itch50(written(folder, data), folder / "out.dbn.zst", symbol=symbol, date=DATE)


def records_of(path: Path) -> np.ndarray:
    return np.concatenate(list(open_dbn(path)))


def levels(engine: BookEngine, side: Literal["bid", "ask"]) -> list[tuple[int, int]]:
    prices, sizes = engine.levels(side)
    return list(zip((prices // 100_000).tolist(), sizes.tolist(), strict=True))


@pytest.mark.parametrize("seed", [1, 2])
def test_the_replayed_book_is_that_of_an_independent_parser(tmp_path: Path, seed: int) -> None:
    moments = int(os.environ.get(WHOLE, "300"))
    day = ItchDay(seed, 10 * moments)
    path = written(tmp_path, day.data)
    made = convert_itch50(path, tmp_path / "out.dbn.zst", symbol=OWN, date=DATE)
    records = records_of(made.path)
    assert len(records) == made.records
    drawn = set(random.Random(seed).sample(range(len(day.kinds)), moments))
    engine, at = BookEngine(Instrument(OWN, "0.01", "equity_mbo")), 0
    peer = ITCH50MarketProcessor(OWN, datetime(2026, 1, 30))
    halted, compared, halts = False, 0, 0
    with ITCH50MessageReader(written(tmp_path, without(day, "Oz"), "known.itch")) as reader:
        numbers = (i for i, kind in enumerate(day.kinds) if kind not in "Oz")
        for i, message in zip(numbers, reader, strict=True):
            kind = day.kinds[i]
            if kind == "H" and message.stock == peer.instrument:
                halts += message.state != b"T" and not halted
                halted = message.state != b"T"
            peer.process_message(message, new_snapshot=False)
            if i in drawn and peer.current_lob is not None:
                end = int(np.searchsorted(records["sequence"], i, side="right"))
                engine.apply(records[at:end])
                at = end
                bids, asks = peer.current_lob.bid_levels, peer.current_lob.ask_levels
                assert levels(engine, "bid") == [(level.price, level.total_volume) for level in bids], i
                assert levels(engine, "ask") == [(level.price, level.total_volume) for level in asks], i
                open_book = bool(bids and asks and bids[0].price < asks[0].price)
                assert engine.book_valid == (open_book and not halted), i
                compared += 1
    assert compared > 0.8 * moments
    assert made.facts["halts"] == halts > 0
    assert made.facts["unknown_orders"] == made.facts["over_size"] == 0
    assert engine.certificate()["conserved"]


def test_each_message_becomes_its_records(tmp_path: Path) -> None:
    day = ItchDay(5, 4000)
    made = converted(tmp_path, day.data)
    records = records_of(made.path)
    shape = {
        "R": {"R"}, "A": {"A"}, "F": {"A"}, "E": {"TFC"}, "C": {"TFC", "FC"}, "X": {"C"}, "D": {"C"}, "U": {"CA"},
        "P": {"T"}, "Q": {"T", ""}, "B": {""}, "S": {""},
    }  # fmt: skip
    seen: dict[str, set[str]] = {}
    for i, (kind, locate) in enumerate(zip(day.kinds, day.locates, strict=True)):
        of_message = records[records["sequence"] == i]
        actions = b"".join(of_message["action"]).decode()
        if locate not in (LOCATES[OWN], 0):
            assert not len(of_message)
            continue
        seen.setdefault(kind, set()).add(actions if kind != "H" else actions[:2])
        if len(of_message):
            # one event: its end is marked once, at its end
            last = of_message["flags"] & 128 != 0
            assert last[-1]
            assert last.sum() == 1
            assert len(set(of_message["ts_recv"])) == 1
            start = day.offsets[i] + 2
            since = int.from_bytes(day.data[start + 5 : start + 11], "big")
            assert of_message["ts_event"][0] == of_message["ts_recv"][0] == MIDNIGHT + since
        if actions == "TFC":
            trade, fill, cancel = of_message
            assert {trade["side"], fill["side"]} == {b"A", b"B"}
            assert trade["size"] == fill["size"] == cancel["size"]
            assert (fill["order_id"], fill["side"]) == (cancel["order_id"], cancel["side"])
        if kind in "PQ" and len(of_message):
            assert of_message["side"][0] == b"N"
    for kind, expected in shape.items():
        assert seen[kind] <= expected, kind
    assert seen["C"] == {"TFC", "FC"}
    assert seen["H"] == {"", "N", "RA"}
    assert set(seen) >= set("SRHAFECXDUPQBIYLKJhNOVWz")


def test_the_file_is_what_databento_gives(tmp_path: Path) -> None:
    day = ItchDay(3, 600)
    made = converted(tmp_path, day.data)
    source = open_dbn(made)
    assert (source.dataset, source.symbols) == ("XNAS.ITCH", [OWN])
    first, last = (int.from_bytes(day.data[at + 7 : at + 13], "big") for at in (day.offsets[0], day.offsets[-1]))
    assert (source.start_ns, source.end_ns) == (MIDNIGHT + first, MIDNIGHT + last + 1) == (made.start_ns, made.end_ns)
    records = np.concatenate(list(source))
    assert set(records["publisher_id"]) == {2}
    assert set(records["instrument_id"]) == {LOCATES[OWN]} == {made.instrument_id}
    assert source.report.unmapped == source.report.filtered == 0
    prices = records["price"][records["action"] == b"A"]
    assert (prices % 10_000_000 == 0).all()
    official = databento.DBNStore.from_bytes(made.path.read_bytes())
    assert str(official.schema) == "mbo"
    assert official.symbols == [OWN]
    assert sum(1 for record in official if isinstance(record, databento_dbn.MBOMsg)) == made.records
    bins = replay(open_dbn(made), Instrument(OWN, "0.01", "equity_mbo"), cell_width_ms=60_000)
    assert any(bin_.fields["book_valid"] for bin_ in bins)
    assert bins.certificate()["anomalies"]["unknown_cancel"] == 0


@pytest.mark.parametrize("size", [1, 700, 1 << 22])
def test_where_blocks_are_cut_makes_no_difference(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, size: int) -> None:
    day = ItchDay(4, 300 if size == 1 else 3000, terminated=True)
    expected = converted(tmp_path, day.data)
    monkeypatch.setattr("vp_book.feeds.itch._BLOCK_BYTES", size)
    monkeypatch.setattr("vp_book.feeds.itch._OUT_RECORDS", 7)
    monkeypatch.setattr("vp_book.feeds.itch._SLOTS", 4)
    path = written(tmp_path, gzip.compress(day.data[:9000]) + gzip.compress(day.data[9000:]), "day.gz")
    made = convert_itch50(path, tmp_path / "again.dbn.zst", symbol=OWN, date=DATE)
    assert made.path.read_bytes() == expected.path.read_bytes()
    assert made.facts == expected.facts
    assert made.facts["complete"]


def test_what_is_wrong_is_said_once_with_its_place_and_leaves_nothing(tmp_path: Path) -> None:
    day = ItchDay(6, 400)
    places = [*day.offsets, len(day.data)]
    middle = places[len(places) // 2]
    cut = day.data[: middle + 7]
    garbage = day.data[:middle] + os.urandom(5000).replace(b"\0", b"\xff")
    order = day.kinds.index("A")
    length = day.data[: places[order]] + b"\0\x23" + day.data[places[order] + 2 :]
    late = bytearray(day.data)
    late[places[order] + 7] = 255
    own = next(
        i for i, (kind, locate) in enumerate(zip(day.kinds, day.locates, strict=True)) if kind + str(locate) == "A14"
    )
    twice = day.data[: places[own + 1]] + day.data[places[own] :]
    listed = day.data[places[1] : places[2]]
    again = day.data[: places[9]] + listed[:3] + struct.pack(">H", 77) + listed[5:] + day.data[places[9] :]
    for data, offset, words in (
        (cut, middle, "ends inside a message"),
        (length, places[order], "a length that its type does not have"),
        (garbage, middle, "at byte"),
        (bytes(late), places[order], "not within a day"),
        (twice, places[own + 1], "whose number still rests"),
        (again, places[9], "a second number"),
        (day.data + b"\0\0more", len(day.data) + 2, "behind the end"),
        (b"PAR1 is another kind of file", 0, "at byte 0"),
        (b"", 0, "no message"),
        (gzip.compress(day.data)[:-3000], None, "ends inside its gzip data"),
        (gzip.compress(day.data)[:-8] + b"\0" * 8, None, "corrupt gzip"),
    ):
        with pytest.raises(ConversionError, match=words) as refused:
            converted(tmp_path, data)
        assert str(tmp_path / "day.itch") in str(refused.value)
        assert offset is None or refused.value.offset == offset
        assert [path.name for path in tmp_path.iterdir()] == ["day.itch"]


def test_a_side_that_there_is_not(tmp_path: Path) -> None:
    day = ItchDay(6, 400)
    own = next(i for i, key in enumerate(zip(day.kinds, day.locates, strict=True)) if key == ("A", LOCATES[OWN]))
    data = bytearray(day.data)
    data[day.offsets[own] + 2 + 19] = ord("x")
    with pytest.raises(ConversionError, match="neither buys nor sells") as refused:
        converted(tmp_path, bytes(data))
    assert refused.value.offset == day.offsets[own]


def test_a_day_without_its_beginning_is_counted(tmp_path: Path) -> None:
    day = ItchDay(7, 3000)
    gone = day.offsets[len(day.offsets) // 3]
    head = day.offsets[day.kinds.index("A")]
    made = converted(tmp_path, day.data[:head] + day.data[gone : day.offsets[-1]])
    assert int(made.facts["unknown_orders"]) > 0
    assert not made.facts["complete"]
    records = records_of(made.path)
    assert np.count_nonzero((records["action"] == b"C") & (records["side"] == b"N")) == made.facts["unknown_orders"]
    engine = BookEngine(Instrument(OWN, "0.01", "equity_mbo"))
    engine.apply(records)
    anomalies: Any = engine.certificate()["anomalies"]
    assert anomalies["no_side"] == made.facts["unknown_orders"]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"symbol": "NOBODY"}, "symbol NOBODY is not in its stock directory, which has 3 stocks"),
        ({"symbol": "TOOLONGNAME"}, "symbol='TOOLONGNAME': must be"),
        ({"symbol": ""}, "symbol='': must be"),
        ({"date": "30.1.2026"}, "date='30.1.2026': must be a day"),
        ({"output": "out.parquet"}, r"output='.*out.parquet': must end in"),
        ({"path": "absent"}, "absent: cannot be opened"),
    ],
)
def test_what_is_asked_for_wrongly(tmp_path: Path, arguments: dict[str, str], words: str) -> None:
    path = written(tmp_path, ItchDay(8, 50).data)
    asked: dict[str, Any] = {"path": str(path), "output": "out.dbn.zst", "symbol": OWN, "date": DATE, **arguments}
    output = tmp_path / asked.pop("output")
    source = tmp_path / asked.pop("path")
    with pytest.raises((ConversionError, ParameterError), match=words):
        convert_itch50(source, output, **asked)
    assert [path.name for path in tmp_path.iterdir()] == ["day.itch"]


def test_any_bytes_give_a_file_or_one_error(tmp_path: Path) -> None:
    day = ItchDay(9, 200)
    draw = random.Random(9)
    for _ in range(60):
        data = bytearray(day.data)
        for _ in range(draw.choice((1, 3, 40))):
            data[draw.randrange(len(data))] = draw.randrange(256)
        try:
            made = converted(tmp_path, bytes(data[: draw.randrange(len(data))]))
        except VpBookError:
            continue
        assert len(records_of(made.path)) == made.records


@pytest.mark.skipif(sys.platform == "win32", reason="no resource module")
def test_memory_does_not_grow_with_the_file(tmp_path: Path) -> None:
    """The other stocks' messages of a file of 200 MB are read past."""
    day = ItchDay(10, 2000)
    head = day.offsets[day.kinds.index("A")]
    foreign = b"".join(
        day.data[at:to]
        for at, to, locate, kind in zip(
            day.offsets, [*day.offsets[1:], len(day.data)], day.locates, day.kinds, strict=True
        )
        if locate not in (0, LOCATES[OWN]) and at >= head and kind != "R"
    )
    converted(tmp_path, day.data)
    path = tmp_path / "large.itch"
    with path.open("wb") as file:
        file.write(day.data[:head])
        for _ in range(200_000_000 // len(foreign)):
            file.write(foreign)
        file.write(day.data[head:])
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    made = convert_itch50(path, tmp_path / "large.dbn.zst", symbol=OWN, date=DATE)
    assert int(made.facts["messages"]) > 5_000_000
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 40_000
