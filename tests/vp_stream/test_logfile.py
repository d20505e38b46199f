"""The frame log file: what is written is read back, and nothing else is."""

from __future__ import annotations

import hashlib
import random
import tracemalloc
from pathlib import Path

import msgspec
import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from vp_contract import Frame
from vp_stream.errors import LogDamagedError
from vp_stream.frames import logfile
from vp_stream.frames.logfile import BLOCK_BINS, LogKey, LogWriter, open_log

KEY = LogKey(
    serving_id="srv_demo_aaaa0000_bbbb1111",
    config_hash="c0ffee",
    source_sha256="0" * 64,
    digests={"vp_book": "b", "vp_spectrum": "s"},
    contract_version="1.0",
)


def make_frames(count: int, seed: int = 1) -> list[Frame]:
    source = random.Random(seed)
    return [
        Frame(source.randbytes(source.randrange(1, 200)), source.randbytes(source.randrange(0, 3000)))
        for _ in range(count)
    ]


def write(path: Path, frames: list[Frame], key: LogKey = KEY) -> None:
    writer = LogWriter(path, key)
    for start in range(0, len(frames), BLOCK_BINS):
        writer.write_block(frames[start : start + BLOCK_BINS])
    writer.finish(len(frames))


def read(path: Path, key: LogKey = KEY) -> list[Frame]:
    reader, bins, _ = open_log(path, key)
    try:
        frames = [frame for block in range(-(-bins // BLOCK_BINS)) for frame in reader.read(block)]
    finally:
        reader.close()
    assert len(frames) == bins
    return frames


@pytest.mark.parametrize("count", [0, 1, BLOCK_BINS - 1, BLOCK_BINS, BLOCK_BINS + 1, 5 * BLOCK_BINS + 3])
def test_frames_come_back_as_they_were(tmp_path: Path, count: int) -> None:
    frames = make_frames(count)
    write(tmp_path / "log", frames)
    assert read(tmp_path / "log") == frames
    assert [entry.name for entry in tmp_path.iterdir()] == ["log"]


def test_the_same_frames_make_the_same_file(tmp_path: Path) -> None:
    write(tmp_path / "a", make_frames(40))
    write(tmp_path / "b", make_frames(40))
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


@pytest.mark.parametrize(
    "change",
    [
        {"serving_id": "srv_other"},
        {"config_hash": "c0ffef"},
        {"source_sha256": "1" * 64},
        {"digests": {"vp_book": "x", "vp_spectrum": "s"}},
        {"contract_version": "1.1"},
    ],
)
def test_a_log_of_another_key_is_refused_and_has_another_name(tmp_path: Path, change: dict[str, object]) -> None:
    other = LogKey(**{**{name: getattr(KEY, name) for name in KEY.__struct_fields__}, **change})
    write(tmp_path / "log", make_frames(3))
    with pytest.raises(LogDamagedError, match="not the log of serving"):
        open_log(tmp_path / "log", other)
    assert other.file_name != KEY.file_name


def test_a_missing_log_is_not_a_damaged_one(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        open_log(tmp_path / "log", KEY)


@settings(deadline=None, max_examples=150)
@given(data=st.data())
def test_any_flipped_byte_is_found(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    path = tmp_path_factory.mktemp("flip") / "log"
    frames = make_frames(2 * BLOCK_BINS + 1)
    write(path, frames)
    content = bytearray(path.read_bytes())
    position = data.draw(st.integers(0, len(content) - 1))
    content[position] ^= data.draw(st.integers(1, 255))
    path.write_bytes(content)
    with pytest.raises(LogDamagedError):
        read(path)


@settings(deadline=None, max_examples=60)
@given(data=st.data())
def test_any_cut_is_found(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    path = tmp_path_factory.mktemp("cut") / "log"
    write(path, make_frames(BLOCK_BINS + 5))
    content = path.read_bytes()
    path.write_bytes(content[: data.draw(st.integers(0, len(content) - 1))])
    with pytest.raises(LogDamagedError):
        read(path)


@given(st.binary(max_size=300))
def test_any_bytes_are_refused(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    path = tmp_path_factory.mktemp("any") / "log"
    path.write_bytes(content)
    with pytest.raises(LogDamagedError):
        open_log(path, KEY)


def forge(path: Path, block: bytes, bins: int) -> None:
    """A log of one block, with every checksum right."""
    header = logfile._header(KEY)
    footer = msgspec.json.encode(
        {"bins": bins, "blocks": [[len(header), len(block), hashlib.sha256(block).hexdigest()]]}
    )
    offset = len(header) + len(block)
    path.write_bytes(header + block + footer + logfile._trailer(offset, header, footer))


def test_a_block_that_would_expand_to_a_lot_is_refused_before_it_does(tmp_path: Path) -> None:
    path = tmp_path / "log"
    bomb = zstandard.ZstdCompressor().compress(bytes(200 << 20))
    unannounced = zstandard.ZstdCompressor(write_content_size=False).compress(bytes(1 << 20))
    tracemalloc.start()
    for block, said in ((bomb, "209715200 bytes"), (unannounced, "-1 bytes")):
        forge(path, block, 1)
        with pytest.raises(LogDamagedError, match=said):
            read(path)
    assert tracemalloc.get_traced_memory()[1] < 32 << 20
    tracemalloc.stop()


@pytest.mark.parametrize(
    ("packed", "bins", "problem"),
    [
        (b"\x01", 1, "ends inside a bin"),
        (b"\x05\0\0\0\x05\0\0\0abc", 1, "ends inside a bin"),
        (bytes(8), 2, "holds 1 bins, the log has 2"),
        (bytes(16), 1, "holds 2 bins, the log has 1"),
    ],
)
def test_a_block_with_right_checksums_is_read_with_care(tmp_path: Path, packed: bytes, bins: int, problem: str) -> None:
    forge(tmp_path / "log", zstandard.ZstdCompressor().compress(packed), bins)
    with pytest.raises(LogDamagedError, match=problem):
        read(tmp_path / "log")


def test_blocks_lie_between_header_and_footer(tmp_path: Path) -> None:
    header = logfile._header(KEY)
    for blocks in ([[0, 8, "0" * 64]], [[len(header), 1 << 40, "0" * 64]], [[len(header), -8, "0" * 64]]):
        footer = msgspec.json.encode({"bins": 1, "blocks": blocks})
        (tmp_path / "log").write_bytes(header + footer + logfile._trailer(len(header), header, footer))
        with pytest.raises(LogDamagedError, match="its blocks do not"):
            open_log(tmp_path / "log", KEY)


def test_an_abandoned_log_takes_nothing_more_and_is_never_published(tmp_path: Path) -> None:
    """Before, `finish` began a new file with a footer of blocks that were gone, and published it."""
    writer = LogWriter(tmp_path / "log", KEY)
    writer.write_block(make_frames(BLOCK_BINS))
    writer.abandon()
    for more in (lambda: writer.write_block(make_frames(1)), lambda: writer.finish(BLOCK_BINS)):
        with pytest.raises(ValueError, match="after the file was closed"):
            more()
    writer.abandon()
    assert list(tmp_path.iterdir()) == []


def test_a_finished_log_takes_nothing_more(tmp_path: Path) -> None:
    frames = make_frames(BLOCK_BINS)
    writer = LogWriter(tmp_path / "log", KEY)
    writer.write_block(frames)
    writer.finish(BLOCK_BINS)
    for more in (lambda: writer.write_block(frames), lambda: writer.finish(2 * BLOCK_BINS)):
        with pytest.raises(ValueError, match="after the file was closed"):
            more()
    writer.abandon()
    assert read(tmp_path / "log") == frames
    assert [path.name for path in tmp_path.iterdir()] == ["log"]


def test_an_abandoned_log_leaves_nothing(tmp_path: Path) -> None:
    writer = LogWriter(tmp_path / "log", KEY)
    writer.write_block(make_frames(BLOCK_BINS))
    writer.abandon()
    assert list(tmp_path.iterdir()) == []
