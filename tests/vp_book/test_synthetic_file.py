"""Files of the synthetic market: read back by the official decoder, the same bytes twice, bad arguments refused."""

from __future__ import annotations

import hashlib
import json
import os
from datetime import UTC, date, datetime
from pathlib import Path

import databento
import databento_dbn
import numpy as np
import pytest
import zstandard

from vp_book.dbn.writing import HashedOutput
from vp_book.errors import ParameterError, VpBookError
from vp_book.records import MBO_DTYPE
from vp_book.synthetic import write_market


def test_official_decoder_reads_every_record(tmp_path: Path) -> None:
    market = write_market(tmp_path / "m.dbn", seed=3, minutes=1, symbol="SYNZ6")
    decoder = databento_dbn.DBNDecoder()
    decoder.write(market.path.read_bytes())
    head, *messages = decoder.decode()
    assert isinstance(head, databento_dbn.Metadata)
    assert (head.version, head.dataset, str(head.schema), head.symbols) == (3, "GLBX.MDP3", "mbo", ["SYNZ6"])
    assert (head.start, head.end) == (market.start_ns, market.end_ns)
    (interval,) = head.mappings["SYNZ6"]
    assert interval["start_date"] == date(2026, 2, 6)
    assert interval["end_date"] == date(2026, 2, 7)
    assert interval["symbol"] == str(market.instrument_id)
    assert len(messages) == market.records
    data = market.path.read_bytes()
    ours = np.frombuffer(data, dtype=MBO_DTYPE, offset=8 + int.from_bytes(data[4:8], "little"))
    for i in (0, 1, len(ours) // 2, len(ours) - 1):
        message = messages[i]
        assert isinstance(message, databento_dbn.MBOMsg)
        assert (message.order_id, message.price, message.size) == tuple(
            int(ours[i][k]) for k in ("order_id", "price", "size")
        )
        assert str(message.action) == ours[i]["action"].decode()


def test_databento_client_reads_compressed_file(tmp_path: Path) -> None:
    market = write_market(tmp_path / "m.dbn.zst", seed=3, minutes=1)
    store = databento.DBNStore.from_bytes(market.path.read_bytes())
    array = store.to_ndarray()
    assert len(array) == market.records
    assert store.schema == databento.Schema.MBO
    assert store.symbols == ["SYNM6"]


def test_same_arguments_same_bytes(tmp_path: Path) -> None:
    first = write_market(tmp_path / "a.dbn", seed=5, minutes=1, effect=0.3)
    again = write_market(tmp_path / "b.dbn", seed=5, minutes=1, effect=0.3)
    other = write_market(tmp_path / "c.dbn", seed=6, minutes=1, effect=0.3)
    weaker = write_market(tmp_path / "d.dbn", seed=5, minutes=1, effect=0.2)
    packed = write_market(tmp_path / "e.dbn.zst", seed=5, minutes=1, effect=0.3)
    assert first.path.read_bytes() == again.path.read_bytes()
    assert len({first.sha256, other.sha256, weaker.sha256}) == 3
    assert first.sha256 == again.sha256 == hashlib.sha256(first.path.read_bytes()).hexdigest()
    with packed.path.open("rb") as file:
        assert zstandard.ZstdDecompressor().stream_reader(file).read() == first.path.read_bytes()
    assert packed.sha256 == hashlib.sha256(packed.path.read_bytes()).hexdigest()
    assert json.loads(packed.sidecar.read_text())["dbn_sha256"] == first.sha256
    assert os.fspath(first) == str(first.path)


def test_records_are_those_of_this_version(tmp_path: Path) -> None:
    """Other numbers under the same seed need a new `GENERATOR` version, and a line in the changelog."""
    market = write_market(tmp_path / "m.dbn", seed=1, minutes=1)
    sidecar = json.loads(market.sidecar.read_text())
    assert (sidecar["generator"], market.sha256) == ("vp_book.synthetic 2", GOLDEN)


GOLDEN = "781041b271959a5d7a2f120f359e44b5f3f53a31350f7aeb11195a267b7345c1"


@pytest.mark.parametrize(
    ("day", "start", "utc"),
    [("2026-02-06", "09:25", "2026-02-06T14:25"), ("2026-07-06", "09:25", "2026-07-06T13:25")],
)
def test_start_is_new_york_time(tmp_path: Path, day: str, start: str, utc: str) -> None:
    market = write_market(tmp_path / "m.dbn", seed=1, minutes=1, date=day, start=start)
    assert datetime.fromtimestamp(market.start_ns / 1e9, tz=UTC) == datetime.fromisoformat(utc).replace(tzinfo=UTC)


def test_session_over_utc_midnight_resolves_on_both_days(tmp_path: Path) -> None:
    market = write_market(tmp_path / "m.dbn", seed=1, minutes=2, start="18:59")
    decoder = databento_dbn.DBNDecoder()
    decoder.write(market.path.read_bytes())
    (interval,) = decoder.decode()[0].mappings["SYNM6"]
    assert (interval["start_date"], interval["end_date"]) == (date(2026, 2, 6), date(2026, 2, 8))


def test_directories_are_made_and_a_file_is_replaced(tmp_path: Path) -> None:
    path = tmp_path / "a" / "b" / "m.dbn"
    write_market(path, seed=1, minutes=1)
    market = write_market(path, seed=2, minutes=1)
    assert sorted(p.name for p in path.parent.iterdir()) == ["m.dbn", "m.dbn.json"]
    assert hashlib.sha256(path.read_bytes()).hexdigest() == market.sha256


def test_a_failure_leaves_what_was_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target = tmp_path / "m.dbn"
    target.write_bytes(b"before")

    def fail(output: HashedOutput) -> None:
        assert len(list(tmp_path.iterdir())) == 2  # the old file, and the new one in the making
        raise OSError("disk full")

    monkeypatch.setattr(HashedOutput, "finish", fail)
    with pytest.raises(OSError, match="disk full"):
        write_market(target, seed=1, minutes=1)
    assert target.read_bytes() == b"before"
    assert list(tmp_path.iterdir()) == [target]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("path", "m.parquet"),
        ("seed", -1),
        ("seed", 1.5),
        ("seed", True),
        ("minutes", 0),
        ("minutes", 1441),
        ("minutes", "30"),
        ("symbol", ""),
        ("symbol", "ES M6"),
        ("symbol", "É"),
        ("symbol", "S" * 71),
        ("effect", -0.1),
        ("effect", 1.01),
        ("effect", float("nan")),
        ("effect", "strong"),
        ("date", "2026-2-6"),
        ("date", "2026-02-30"),
        ("date", "1950-01-03"),
        ("start", "9:25"),
        ("start", "24:00"),
        ("start", "09:25:00"),
    ],
)
def test_bad_arguments_are_named(tmp_path: Path, name: str, value: object) -> None:
    arguments: dict = {"path": tmp_path / "m.dbn", "seed": 1, "minutes": 1}
    arguments[name] = tmp_path / str(value) if name == "path" else value
    path = arguments.pop("path")
    with pytest.raises(ParameterError, match=f"^{name}=") as caught:
        write_market(path, **arguments)
    assert isinstance(caught.value, VpBookError)
    assert str(value) in str(caught.value) or repr(value) in str(caught.value)
    assert not list(tmp_path.iterdir())
