"""The frame log as a file: how encoded bins are stored, checked and published.

Layout, integers little-endian:

    magic "VPFLOG1\\n" | u32 n, n bytes of JSON (LogKey) | block | block | … | footer JSON | trailer

A block is a zstd frame of up to `BLOCK_BINS` bins, each `u32 a, u32 b, a bytes grid_update JSON, b bytes Arrow IPC`.
The footer lists offset, size and sha256 of every block. The trailer is `u64 footer offset, u32 footer size, sha256 of
everything that is not a block, magic`. Opening checks header and footer; a block is checked each time it is read from
the disk, so opening takes the same time for a log of any length and no unchecked byte reaches a client.

A log is written under a temporary name beside its own and renamed when it is complete: a file with the final name and
no valid trailer is damaged, never half-done.
"""

from __future__ import annotations

import contextlib
import hashlib
import struct
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import BinaryIO, Final, NamedTuple

import msgspec
import zstandard

from vp_book.atomic import StagedFile
from vp_contract import Frame
from vp_stream.errors import LogDamagedError, VpStreamError

LOG_SUFFIX: Final = ".vplog"
BLOCK_BINS: Final = 16

_MAGIC: Final = b"VPFLOG1\n"
_LENGTHS: Final = struct.Struct("<II")
_HEADER_LENGTH: Final = struct.Struct("<I")
_TRAILER: Final = struct.Struct("<QI32s8s")
_MAX_BLOCK_BYTES: Final = 1 << 26
"""Of a block before compression: sixteen bins of 4096 rows are a third of it."""
_ZSTD_LEVEL: Final = 1


class LogKey(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """Everything that decides the bytes of a frame log.

    `signal` is `ServedSignal.key`; empty in logs of an early version, whose frames have the derivative stage alone.
    `marks` is whether the frames have marks; those of earlier versions do not.
    """

    serving_id: str
    config_hash: str
    source_sha256: str
    digests: dict[str, str]
    contract_version: str
    signal: str = ""
    marks: bool = False

    def encoded(self) -> bytes:
        """Canonical JSON."""
        return msgspec.json.encode(self, order="deterministic")

    @property
    def file_name(self) -> str:
        """The name of the log of this key inside the directory of its serving."""
        return f"frames-{hashlib.sha256(self.encoded()).hexdigest()[:16]}{LOG_SUFFIX}"


class BlockRef(msgspec.Struct, frozen=True, array_like=True):
    """Where a block lies in the file, and the sha256 (hex) of its bytes there."""

    offset: int
    size: int
    sha256: str


class _Footer(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    bins: int
    blocks: list[BlockRef]


# Made here, not at its first use: logs are opened by several threads, and msgspec does not bear that.
_FOOTER_DECODER: Final = msgspec.json.Decoder(_Footer)


class BlockReader:
    """Checked reading of blocks. Safe to call from several threads."""

    def __init__(self, path: Path, blocks: Sequence[BlockRef], bins: int | None = None) -> None:
        """`bins` are those of a finished log; of one that is being written every block is a full one but the last."""
        self._path = path
        self._blocks = blocks
        self._bins = bins
        self._lock = threading.Lock()
        self._file: BinaryIO = path.open("rb")

    def read(self, block: int) -> tuple[Frame, ...]:
        """The frames of a block. Raises `LogDamagedError` if its bytes are not the ones written."""
        ref = self._blocks[block]
        try:
            with self._lock:
                self._file.seek(ref.offset)
                data = self._file.read(ref.size)
        except (OSError, ValueError) as error:
            raise LogDamagedError(f"{self._path.name}: block {block} cannot be read: {error}") from error
        if hashlib.sha256(data).hexdigest() != ref.sha256:
            raise LogDamagedError(f"{self._path.name}: block {block} at byte {ref.offset} does not match its checksum")
        where = f"{self._path.name}: block {block}"
        frames = _unpack(data, where)
        if self._bins is not None and len(frames) != min(BLOCK_BINS, self._bins - block * BLOCK_BINS):
            raise LogDamagedError(f"{where} holds {len(frames)} bins, the log has {self._bins}")
        return frames

    @contextlib.contextmanager
    def moving_to(self, path: Path) -> Iterator[None]:
        """Let go of the file while the caller renames it to `path`: Windows renames no open file."""
        with self._lock:
            self._file.close()
            try:
                yield
                self._path = path
            finally:
                with contextlib.suppress(OSError):  # a file that is gone shows when a block is read
                    self._file = self._path.open("rb")

    def close(self) -> None:
        """Close the file; later reads raise `LogDamagedError`."""
        with self._lock:
            self._file.close()


class LogWriter:
    """Writes a log block by block under a temporary name."""

    def __init__(self, path: Path, key: LogKey) -> None:
        self.path = path
        self.blocks: list[BlockRef] = []
        self._header = _header(key)
        self._compressor = zstandard.ZstdCompressor(level=_ZSTD_LEVEL)
        self._staged = StagedFile(path)
        self._staged.write(self._header)
        self._offset = len(self._header)

    @property
    def partial(self) -> Path:
        """Where the blocks can be read until the log has its name."""
        return self._staged.path

    def write_block(self, frames: Sequence[Frame]) -> None:
        """Append `BLOCK_BINS` frames (fewer only in the last block) and list the block."""
        packed = _pack(frames)
        if len(packed) > _MAX_BLOCK_BYTES:
            raise VpStreamError(
                f"{len(frames)} bins have {len(packed)} bytes, a block of a frame log {_MAX_BLOCK_BYTES}"
            )
        data = self._compressor.compress(packed)
        self._staged.write(data)
        self.blocks.append(BlockRef(self._offset, len(data), hashlib.sha256(data).hexdigest()))
        self._offset += len(data)

    def finish(self, bins: int) -> str:
        """Write the footer, make the file durable and give it its name; the `StoredLog.checksum` of it."""
        footer = msgspec.json.encode(_Footer(bins, self.blocks))
        self._staged.write(footer + _trailer(self._offset, self._header, footer))
        self._staged.publish()
        return _checksum(self._header, footer).hex()

    def abandon(self) -> None:
        """Close and remove the unfinished file."""
        self._staged.close()


class StoredLog(NamedTuple):
    """A finished log: its reader, the number of its bins, and a checksum (hex) that no other bytes have.

    It is the sha256 of header and footer, which lists that of every block: the reader takes no block of another one.
    """

    reader: BlockReader
    bins: int
    checksum: str

    def frames(self) -> Iterator[Frame]:
        """All of them in order, each block checked as it is read. The file is closed after the last."""
        try:
            for block in range(-(-self.bins // BLOCK_BINS)):
                yield from self.reader.read(block)
        finally:
            self.reader.close()


def open_log(path: Path, key: LogKey) -> StoredLog:
    """Open a finished log of `key`.

    Raises `FileNotFoundError` if there is none, `LogDamagedError` if it is damaged or of another key.
    """
    expected = _header(key)
    size = path.stat().st_size
    with path.open("rb") as file:
        header = file.read(len(expected))
        if header != expected:
            raise LogDamagedError(f"{path.name}: not the log of serving {key.serving_id} with this configuration")
        if size < len(header) + _TRAILER.size:
            raise LogDamagedError(f"{path.name}: {size} bytes, too short to be a finished log")
        file.seek(size - _TRAILER.size)
        offset, length, checksum, magic = _TRAILER.unpack(file.read(_TRAILER.size))
        if magic != _MAGIC or offset < len(header) or offset + length + _TRAILER.size != size:
            raise LogDamagedError(f"{path.name}: no valid trailer")
        file.seek(offset)
        footer_bytes = file.read(length)
    if _trailer(offset, header, footer_bytes) != _TRAILER.pack(offset, length, checksum, magic):
        raise LogDamagedError(f"{path.name}: the footer does not match its checksum")
    try:
        footer = _FOOTER_DECODER.decode(footer_bytes)
    except msgspec.DecodeError as error:
        raise LogDamagedError(f"{path.name}: the footer cannot be read: {error}") from error
    if footer.bins < 0 or len(footer.blocks) != -(-footer.bins // BLOCK_BINS):
        raise LogDamagedError(f"{path.name}: {len(footer.blocks)} blocks do not hold {footer.bins} bins")
    end = len(header)
    for block in footer.blocks:
        if block.offset != end or block.size < 0:
            raise LogDamagedError(f"{path.name}: its blocks do not follow one another")
        end += block.size
    if end != offset:
        raise LogDamagedError(f"{path.name}: its blocks do not end where the footer begins")
    return StoredLog(BlockReader(path, footer.blocks, footer.bins), footer.bins, checksum.hex())


def read_frames(path: Path, key: LogKey) -> Iterator[Frame]:
    """Every frame of a finished log in order, each block checked as it is read. Raises as `open_log` does."""
    yield from open_log(path, key).frames()


def verify_file(path: Path) -> int:
    """Read a finished log whole, whatever its key; the number of its bins. Raises `LogDamagedError`."""
    try:
        with path.open("rb") as file:
            lead = file.read(len(_MAGIC) + _HEADER_LENGTH.size)
            length = (
                _HEADER_LENGTH.unpack(lead[len(_MAGIC) :])[0] if len(lead) == len(_MAGIC) + _HEADER_LENGTH.size else 0
            )
            key = msgspec.json.decode(file.read(length), type=LogKey)
    except (msgspec.DecodeError, UnicodeError) as error:
        raise LogDamagedError(f"{path.name}: its header cannot be read: {error}") from error
    if path.name != key.file_name:
        raise LogDamagedError(f"{path.name}: its header is of {key.file_name}")
    return sum(1 for _ in read_frames(path, key))


def _header(key: LogKey) -> bytes:
    encoded = key.encoded()
    return _MAGIC + _HEADER_LENGTH.pack(len(encoded)) + encoded


def _trailer(offset: int, header: bytes, footer: bytes) -> bytes:
    return _TRAILER.pack(offset, len(footer), _checksum(header, footer), _MAGIC)


def _checksum(header: bytes, footer: bytes) -> bytes:
    return hashlib.sha256(header + footer).digest()


def _pack(frames: Sequence[Frame]) -> bytes:
    parts: list[bytes] = []
    for frame in frames:
        parts += (_LENGTHS.pack(len(frame.update), len(frame.grid)), frame.update, frame.grid)
    return b"".join(parts)


def _unpack(data: bytes, where: str) -> tuple[Frame, ...]:
    try:
        announced = zstandard.frame_content_size(data)  # the decompressor believes it, whatever limit it is given
        if not 0 <= announced <= _MAX_BLOCK_BYTES:
            raise LogDamagedError(f"{where} announces {announced} bytes, {_MAX_BLOCK_BYTES} are allowed")
        raw = zstandard.ZstdDecompressor(max_window_size=_MAX_BLOCK_BYTES).decompress(data)
    except zstandard.ZstdError as error:
        raise LogDamagedError(f"{where} cannot be decompressed: {error}") from error
    frames: list[Frame] = []
    position = 0
    while position + _LENGTHS.size <= len(raw):
        update, grid = _LENGTHS.unpack_from(raw, position)
        start = position + _LENGTHS.size
        position = start + update + grid
        frames.append(Frame(raw[start : start + update], raw[start + update : position]))
    if position != len(raw):
        raise LogDamagedError(f"{where} ends inside a bin")
    return tuple(frames)
