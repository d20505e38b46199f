"""Sessions of the synthetic market as daily files: the same records as in one, and the head snapshot between them."""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import databento_dbn
import numpy as np
import pytest

from vp_book import ParameterError, open_dbn
from vp_book.records import F_LAST, F_SNAPSHOT, MBO_DTYPE
from vp_book.synthetic import MarketFile, write_session
from vp_book.synthetic.files.arguments import checked_span
from vp_book.synthetic.orders.resting import RestingOrders

SECOND = 1_000_000_000
DAY_NS = 86_400 * SECOND
ARGUMENTS: dict[str, Any] = {"seed": 12, "start": "18:58", "minutes": 4, "effect": 0.5}


def read_records(path: Path) -> np.ndarray:
    data = path.read_bytes()
    return np.frombuffer(data, dtype=MBO_DTYPE, offset=8 + int.from_bytes(data[4:8], "little"))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("session")


@pytest.fixture(scope="module")
def two(folder: Path) -> list[MarketFile]:
    return write_session(folder / "syn-{date}.dbn", **ARGUMENTS)


@pytest.fixture(scope="module")
def one(folder: Path) -> MarketFile:
    (file,) = write_session(folder / "one-{date}.dbn", cut=False, **ARGUMENTS)
    return file


def test_files_are_named_and_claim_their_own_part(two: list[MarketFile], one: MarketFile) -> None:
    assert [file.path.name for file in two] == ["syn-20260205.dbn", "syn-20260206.dbn"]
    first, second = two
    cut = second.start_ns
    assert cut % DAY_NS == 0
    assert first.end_ns == cut
    assert (first.start_ns, second.end_ns) == (one.start_ns, one.end_ns)
    for file, day in ((first, date(2026, 2, 5)), (second, date(2026, 2, 6))):
        decoder = databento_dbn.DBNDecoder()
        decoder.write(file.path.read_bytes())
        head, *messages = decoder.decode()
        assert isinstance(head, databento_dbn.Metadata)
        assert (head.start, head.end) == (file.start_ns, file.end_ns)
        (interval,) = head.mappings["SYNM6"]
        assert (interval["start_date"], interval["end_date"]) == (day, date.fromordinal(day.toordinal() + 1))
        assert len(messages) == file.records
        sidecar = json.loads(file.sidecar.read_text())
        assert sidecar["sha256"] == file.sha256 == hashlib.sha256(file.path.read_bytes()).hexdigest()
        assert (sidecar["start_ns"], sidecar["records"]) == (file.start_ns, file.records)
        assert sidecar["arguments"]["part"] == [1 + two.index(file), 2]


def test_the_records_are_those_of_one_file_and_the_snapshot(two: list[MarketFile], one: MarketFile) -> None:
    before, after = (read_records(file.path) for file in two)
    n = int(np.argmin((after["flags"] & F_SNAPSHOT) != 0))
    whole = np.concatenate([before, after[n:]])
    assert whole.tobytes() == read_records(one.path).tobytes()
    assert (before["ts_recv"] < two[1].start_ns).all()
    assert (after["ts_recv"] >= two[1].start_ns).all()
    assert after["ts_recv"][n] > two[1].start_ns


def test_the_snapshot_is_the_book_in_order_of_priority(two: list[MarketFile]) -> None:
    """Against a book of lists that follows every record from the start of the session on."""
    before, after = (read_records(file.path) for file in two)
    n = int(np.argmin((after["flags"] & F_SNAPSHOT) != 0))
    snapshot = after[:n]
    book = RestingOrders()
    opening = int(np.argmin((before["flags"] & F_SNAPSHOT) != 0))
    book.apply(before[1:opening])
    book.apply(before[opening:])
    expected = book.snapshot(two[1].start_ns, before[-1:])
    assert snapshot.tobytes() == expected.tobytes()
    assert snapshot["action"][0] == b"R"
    assert set(snapshot["flags"][:-1]) == {40}
    assert snapshot["flags"][-1] == 40 | F_LAST
    assert (snapshot["ts_recv"] == two[1].start_ns).all()
    assert (snapshot["ts_event"][1:] < two[1].start_ns).all()
    age = two[1].start_ns - snapshot["ts_event"][1:].astype(np.int64)
    assert np.median(age) > 60 * SECOND
    assert len(np.unique(snapshot["order_id"])) == n
    bids, asks = (snapshot[snapshot["side"] == side]["price"] for side in (b"B", b"A"))
    assert (np.diff(bids) <= 0).all()
    assert (np.diff(asks) >= 0).all()
    assert bids[0] < asks[0]


def test_the_same_arguments_give_the_same_bytes_compressed_or_not(two: list[MarketFile], tmp_path: Path) -> None:
    again = write_session(tmp_path, **ARGUMENTS)
    assert [file.path.name for file in again] == ["SYNM6-20260205.mbo.dbn.zst", "SYNM6-20260206.mbo.dbn.zst"]
    for packed, raw in zip(again, two, strict=True):
        assert json.loads(packed.sidecar.read_text())["dbn_sha256"] == raw.sha256
    np.testing.assert_array_equal(np.concatenate(list(open_dbn(again))), np.concatenate(list(open_dbn(two))))


def test_a_session_inside_one_utc_day_is_one_file(tmp_path: Path) -> None:
    (file,) = write_session(tmp_path, seed=1, start="09:29", end="09:31", date="2026-02-06")
    assert file.end_ns - file.start_ns == 120 * SECOND
    records = np.concatenate(list(open_dbn(file)))
    assert (records["action"] == b"R").sum() == 2  # 09:30


@pytest.mark.parametrize(
    ("day", "start", "end", "hours", "clock_change", "utc"),
    [
        ("2026-02-05", "18:00", None, 23, None, "2026-02-05T23:00"),
        ("2026-07-05", "18:00", None, 23, None, "2026-07-05T22:00"),
        ("2026-03-07", "18:00", "17:00", 22, (8 * 3600, 3600), "2026-03-07T23:00"),
        ("2026-10-31", "18:00", "17:00", 24, (8 * 3600, -3600), "2026-10-31T22:00"),
        ("2026-03-08", "18:00", "17:00", 23, None, "2026-03-08T22:00"),
        ("2026-02-06", "09:30", "16:00", 6.5, None, "2026-02-06T14:30"),
        ("2026-02-06", "09:30", "09:30", 24, None, "2026-02-06T14:30"),
    ],
)
def test_times_are_new_yorks_on_days_of_clock_changes_too(
    day: str, start: str, end: str | None, hours: float, clock_change: tuple[int, int] | None, utc: str
) -> None:
    session = checked_span(seed=1, symbol="SYNM6", effect=0.0, day=day, start=start, end=end, minutes=None, cut=True)
    assert session.end_ns - session.start_ns == hours * 3600 * SECOND
    assert session.clock_change == clock_change
    assert datetime.fromtimestamp(session.start_ns / 1e9, tz=UTC) == datetime.fromisoformat(utc).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("path", "m.dbn"),
        ("path", "{date}/m.dbn"),
        ("path", 5),
        ("end", "24:00"),
        ("end", 17),
        ("end", "6pm"),
        ("minutes", 0),
        ("minutes", 1441),
        ("minutes", 1.5),
        ("cut", 1),
        ("seed", -1),
        ("symbol", "ES M6"),
        ("effect", 2),
        ("date", "2026-02-30"),
        ("start", "9:25"),
    ],
)
def test_bad_arguments_are_named(tmp_path: Path, name: str, value: object) -> None:
    arguments: dict[str, Any] = {"path": tmp_path, "seed": 1, name: value}
    if isinstance(value, str) and name == "path":
        arguments["path"] = tmp_path / value
    with pytest.raises(ParameterError, match=f"^{name}="):
        write_session(arguments.pop("path"), **arguments)
    assert not list(tmp_path.iterdir())


def test_an_end_and_a_length_are_one_too_many(tmp_path: Path) -> None:
    with pytest.raises(ParameterError, match=r"^minutes=5, end=.*: must not both be given"):
        write_session(tmp_path, seed=1, end="19:00", minutes=5)
    with pytest.raises(ParameterError, match=r"^end='18:00': is 25 hours after the start; must be 24 at most"):
        write_session(tmp_path, seed=1, date="2026-10-31", end="18:00")
    assert not list(tmp_path.iterdir())
