"""Reading DBN files: what is taken, what is skipped, and how damage is reported."""

from __future__ import annotations

import contextlib
import threading
from datetime import timedelta
from pathlib import Path

import databento_dbn
import numpy as np
import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st
from support.dbn_files import DAY, metadata, read_all, write_dbn
from support.records import T0, nonsense, record, stream

from vp_book import (
    MBO_DTYPE,
    DbnDamagedError,
    DbnFormatError,
    ParameterError,
    SymbolError,
    VpBookError,
    open_dbn,
)

RECORDS = nonsense(5, 1000)
RECORDS["ts_recv"] = T0 + np.arange(1000)


@pytest.mark.parametrize("suffix", [".dbn", ".dbn.zst"])
@pytest.mark.parametrize("version", [1, 2, 3])
@pytest.mark.parametrize("chunk_records", [1, 7, 1000, 262_144])
def test_every_version_and_chunk_size_gives_the_same_records(
    tmp_path: Path, suffix: str, version: int, chunk_records: int
) -> None:
    path = write_dbn(tmp_path / f"day{suffix}", RECORDS, metadata(version=version))
    source = open_dbn(path, chunk_records=chunk_records)
    assert (source.version, source.symbol, source.symbols) == (version, "TEST", ["TEST"])
    chunks = list(source)
    assert all(chunk.dtype == MBO_DTYPE and 0 < len(chunk) <= chunk_records for chunk in chunks)
    np.testing.assert_array_equal(np.concatenate(chunks), RECORDS)
    assert source.report.records == 1000
    np.testing.assert_array_equal(read_all(source), RECORDS)  # a second pass starts over


def test_the_official_decoder_reads_the_same(tmp_path: Path) -> None:
    path = write_dbn(tmp_path / "day.dbn", RECORDS[:50])
    decoder = databento_dbn.DBNDecoder()
    messages = [m for m in decoder.write_and_decode(path.read_bytes()) if isinstance(m, databento_dbn.MBOMsg)]
    ours = read_all(open_dbn(path))
    assert [m.order_id for m in messages] == ours["order_id"].tolist()
    assert [m.price for m in messages] == ours["price"].tolist()
    assert [m.ts_recv for m in messages] == ours["ts_recv"].tolist()


def test_records_of_other_types_are_skipped_and_counted(tmp_path: Path) -> None:
    system = bytes(databento_dbn.SystemMsg(T0, "hello"))
    body = RECORDS[:10].tobytes() + system + RECORDS[10:20].tobytes() + system
    path = tmp_path / "mixed.dbn"
    path.write_bytes(metadata() + body)
    source = open_dbn(path, chunk_records=4)
    np.testing.assert_array_equal(read_all(source), RECORDS[:20])
    assert source.report.skipped == {system[1]: 2}
    assert source.report.records == 22


def test_ts_out_makes_records_longer(tmp_path: Path) -> None:
    body = b"".join(bytes([16]) + r.tobytes()[1:] + (T0 + 5).to_bytes(8, "little") for r in RECORDS[:30])
    path = tmp_path / "live.dbn"
    path.write_bytes(metadata(ts_out=True) + body)
    np.testing.assert_array_equal(read_all(open_dbn(path, chunk_records=3)), RECORDS[:30])


def test_an_instrument_id_holds_for_its_dates_only(tmp_path: Path) -> None:
    records = RECORDS[:4].copy()
    records["ts_recv"][2:] += 3 * 86_400 * 10**9
    path = write_dbn(tmp_path / "roll.dbn", records, metadata(days=(DAY, DAY + timedelta(days=1))))
    source = open_dbn(path)
    np.testing.assert_array_equal(read_all(source), records[:2])
    assert source.report.filtered == 2


def test_several_instruments_are_a_choice(tmp_path: Path) -> None:
    records = RECORDS[:100].copy()
    records["instrument_id"][::3] = 99
    path = write_dbn(tmp_path / "two.dbn", records, metadata({"TEST": 17077, "OTHER": 99}))
    with pytest.raises(SymbolError, match="choose a symbol; the file has OTHER, TEST"):
        open_dbn(path)
    with pytest.raises(SymbolError, match="symbol ESH9 is not in the file; it has OTHER, TEST"):
        open_dbn(path, symbol="ESH9")
    np.testing.assert_array_equal(read_all(open_dbn(path, symbol="OTHER")), records[::3])


def test_several_publishers_are_a_choice(tmp_path: Path) -> None:
    records = RECORDS[:100].copy()
    records["publisher_id"][::4] = 2
    path = write_dbn(tmp_path / "two.dbn", records)
    with pytest.raises(SymbolError, match="choose a publisher; the file mixes 1, 2"):
        read_all(open_dbn(path))
    np.testing.assert_array_equal(read_all(open_dbn(path, publisher=2)), records[::4])


@pytest.mark.parametrize("version", [1, 3])
def test_symbol_mapping_records_name_the_instrument(tmp_path: Path, version: int) -> None:
    raw, number = databento_dbn.SType.RAW_SYMBOL, databento_dbn.SType.INSTRUMENT_ID
    if version == 1:
        mapping = bytes(databento_dbn.SymbolMappingMsgV1(1, 17077, T0, "TEST", "17077", T0, T0 + 1))
    else:
        mapping = bytes(databento_dbn.SymbolMappingMsg(1, 17077, T0, raw, "TEST", number, "17077", T0, T0 + 1))
    path = tmp_path / "live.dbn"
    path.write_bytes(metadata(version=version, mapped=False) + mapping + RECORDS[:5].tobytes())
    np.testing.assert_array_equal(read_all(open_dbn(path, symbol="TEST")), RECORDS[:5])
    with pytest.raises(SymbolError, match="nothing in the file maps ELSE"):
        read_all(open_dbn(path, symbol="ELSE"))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is empty"),
        (b"PK\x03\x04 a zip", "neither DBN nor zstd"),
        (RECORDS[:3].tobytes(), "a fragment without metadata"),
        (zstandard.compress(b"not a dbn file"), "decompressed bytes are not DBN"),
        (b"DBN\x09" + bytes(100), "version 9 is not known"),
        (b"DBN\x03\xff\xff\xff\xff", "metadata claims 4294967295 bytes"),
        (metadata()[:60], "ends inside the metadata at byte 60"),
        (metadata()[:5], "ends inside the metadata at byte 5"),
        (metadata(schema=databento_dbn.Schema.TRADES), "schema is trades, only mbo"),
        (b"DBN\x03" + (100).to_bytes(4, "little") + b"\xff" * 100, "metadata cannot be decoded"),
    ],
)
def test_what_is_not_such_a_file_is_one_clear_error(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "file.dbn"
    path.write_bytes(content)
    with pytest.raises(VpBookError, match=message) as caught:
        open_dbn(path)
    assert str(path) in str(caught.value)


def test_a_missing_file_is_one_clear_error(tmp_path: Path) -> None:
    with pytest.raises(DbnFormatError, match=r"absent\.dbn: cannot be opened \(No such file"):
        open_dbn(tmp_path / "absent.dbn")


def test_truncation_tells_the_offset_and_keeps_whole_records(tmp_path: Path) -> None:
    head = metadata()
    path = write_dbn(tmp_path / "cut.dbn", RECORDS)
    path.write_bytes(path.read_bytes()[: len(head) + 56 * 600 + 13])
    with pytest.raises(DbnDamagedError, match="600 whole records came before it") as caught:
        read_all(open_dbn(path))
    assert (caught.value.offset, caught.value.records) == (len(head) + 56 * 600, 600)
    source = open_dbn(path, tolerate_truncated=True)
    np.testing.assert_array_equal(read_all(source), RECORDS[:600])
    assert source.report.damage is not None
    assert "ends inside a record" in source.report.damage


def test_a_cut_zstd_frame_is_found_even_between_records(tmp_path: Path) -> None:
    many = nonsense(6, 12_000)  # several zstd blocks
    many["ts_recv"] = T0 + np.arange(12_000)
    whole = write_dbn(tmp_path / "whole.dbn.zst", many).read_bytes()
    path = tmp_path / "cut.dbn.zst"
    for cut in (len(whole) - 1, len(whole) - 5, len(whole) * 2 // 3):
        path.write_bytes(whole[:cut])
        with pytest.raises(DbnDamagedError, match="whole records came before it"):
            read_all(open_dbn(path))
        source = open_dbn(path, tolerate_truncated=True)
        kept = read_all(source)
        np.testing.assert_array_equal(kept, many[: len(kept)])
        assert len(kept) > 2000
        assert source.report.damage
    path.write_bytes(whole[:1000])
    with pytest.raises(DbnDamagedError, match="ends inside its first zstd frame"):
        open_dbn(path)


def test_several_zstd_frames_are_one_file(tmp_path: Path) -> None:
    body = metadata() + RECORDS.tobytes()
    path = tmp_path / "frames.dbn.zst"
    skippable = b"\x50\x2a\x4d\x18" + (4).to_bytes(4, "little") + b"note"
    path.write_bytes(zstandard.compress(body[:5000]) + skippable + zstandard.compress(body[5000:]))
    np.testing.assert_array_equal(read_all(open_dbn(path)), RECORDS)


def windowed(body: bytes, log: int) -> bytes:
    """One zstd frame that says nothing of its length, and asks for a window of 2**log bytes."""
    parameters = zstandard.ZstdCompressionParameters(window_log=log, write_content_size=False)
    compressor = zstandard.ZstdCompressor(compression_params=parameters).compressobj()
    return compressor.compress(body) + compressor.flush()


@pytest.mark.parametrize("log", [28, 31])
def test_a_window_that_would_take_the_memory_is_refused(tmp_path: Path, log: int) -> None:
    body = metadata() + RECORDS.tobytes()
    path = tmp_path / "wide.dbn.zst"
    path.write_bytes(windowed(body, 27))
    np.testing.assert_array_equal(read_all(open_dbn(path)), RECORDS)
    path.write_bytes(windowed(body, log))
    with pytest.raises(DbnFormatError, match=r"wide\.dbn\.zst: a zstd frame needs a window of more than 128 MiB"):
        open_dbn(path)
    path.write_bytes(zstandard.compress(body[:5000]) + windowed(body[5000:], log))  # not the first frame
    with pytest.raises(DbnDamagedError, match="window of more than 128 MiB"):
        read_all(open_dbn(path))


def test_a_corrupt_zstd_frame_is_damage(tmp_path: Path) -> None:
    path = write_dbn(tmp_path / "bad.dbn.zst", RECORDS)
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 0xFF
    path.write_bytes(data)
    with pytest.raises(DbnDamagedError, match=r"bad\.dbn\.zst"):
        read_all(open_dbn(path))


def test_a_record_of_impossible_length_is_damage(tmp_path: Path) -> None:
    head = metadata()
    path = write_dbn(tmp_path / "bad.dbn", RECORDS)
    data = bytearray(path.read_bytes())
    data[len(head) + 56 * 10] = 3
    path.write_bytes(data)
    with pytest.raises(DbnDamagedError, match="impossible length") as caught:
        read_all(open_dbn(path))
    assert (caught.value.offset, caught.value.records) == (len(head) + 560, 10)


def test_chunks_of_no_records_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ParameterError, match="chunk_records=0: must be at least 1"):
        open_dbn(write_dbn(tmp_path / "day.dbn", stream(record("A"))), chunk_records=0)


@settings(deadline=None, max_examples=150)
@given(data=st.data())
def test_any_bytes_give_records_or_an_error_of_ours(
    data: st.DataObject, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.mktemp("fuzz") / "file.dbn"
    body = bytearray(metadata() + RECORDS[:40].tobytes())
    for _ in range(data.draw(st.integers(0, 6))):
        body[data.draw(st.integers(0, len(body) - 1))] = data.draw(st.integers(0, 255))
    body = body[: data.draw(st.integers(0, len(body)))]
    if data.draw(st.booleans()):
        body = bytearray(zstandard.compress(bytes(body)))
        if body and data.draw(st.booleans()):
            body[data.draw(st.integers(0, len(body) - 1))] ^= data.draw(st.integers(1, 255))
    path.write_bytes(body)
    with contextlib.suppress(VpBookError):
        read_all(open_dbn(path, symbol="TEST", chunk_records=16))


def test_abandoning_an_iteration_ends_its_thread(tmp_path: Path) -> None:
    path = write_dbn(tmp_path / "day.dbn", np.tile(RECORDS, 50))
    before = threading.active_count()
    for _ in range(20):
        chunks = iter(open_dbn(path, chunk_records=100))
        next(chunks)
        chunks.close()  # type: ignore[attr-defined]
    assert threading.active_count() == before


def test_corrupt_metadata_is_damage(tmp_path: Path) -> None:
    path = write_dbn(tmp_path / "bad.dbn.zst", RECORDS)
    data = bytearray(path.read_bytes())
    data[6:40] = b"\xff" * 34
    path.write_bytes(data)
    with pytest.raises(DbnDamagedError, match=r"bad\.dbn\.zst: corrupt zstd data"):
        open_dbn(path)
