"""The decompressed bytes of a file, in bounded pieces read ahead on a thread, with damage told apart from the end."""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO, Final

import numpy as np
import zstandard

from vp_book.errors import DbnFormatError

ZSTD_MAGIC: Final = b"\x28\xb5\x2f\xfd"
DBN_MAGIC: Final = b"DBN"
_SKIPPABLE: Final = range(0x184D2A50, 0x184D2A60)
_BLOCKS_AHEAD: Final = 2
_MAX_WINDOW_BYTES: Final = 1 << 27
"""What a zstd frame may ask to be kept while it is decompressed: that of `zstd --ultra -22`, and what zstd allows."""
_ZSTD_HEADER_BYTES: Final = 18
_TOO_MUCH: Final = (
    f"a zstd frame needs a window of more than {_MAX_WINDOW_BYTES >> 20} MiB; compress the file again without --long, "
    "or with --long=27 at most"
)


class CorruptBytesError(Exception):
    """The compressed data is corrupt; `offset` decompressed bytes came before. Not for callers of the package."""

    def __init__(self, message: str, offset: int) -> None:
        super().__init__(message)
        self.offset = offset


class ByteSource:
    """Reads a raw or zstd file from its start.

    `offset` counts the decompressed bytes handed out so far. A corrupt zstd frame raises `CorruptBytesError`; a frame
    that ends early is found by `ended_whole` once everything has been read.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self.offset = 0
        self._file = _open(path)
        head = self._file.read(_ZSTD_HEADER_BYTES)
        self._file.seek(0)
        self.compressed = head.startswith(ZSTD_MAGIC)
        if not self.compressed and not head.startswith(DBN_MAGIC):
            self._file.close()
            what = "is empty" if not head else "is neither DBN nor zstd-compressed DBN (wrong first bytes)"
            raise DbnFormatError(f"{path}: {what}; a fragment without metadata cannot be read")
        self._stream: Any = self._file
        if self.compressed:
            if _window_bytes(head) > _MAX_WINDOW_BYTES:
                self._file.close()
                raise DbnFormatError(f"{path}: {_TOO_MUCH}")
            self._stream = zstandard.ZstdDecompressor(max_window_size=_MAX_WINDOW_BYTES).stream_reader(
                self._file, read_size=1 << 20, read_across_frames=True
            )

    def read(self, size: int) -> bytes:
        """Up to `size` bytes, fewer only at the end."""
        parts = []
        while size > 0:
            buffer = bytearray(min(size, 1 << 20))
            got = self.read_into(memoryview(buffer))
            parts.append(bytes(buffer[:got]))
            if got < len(buffer):
                break
            size -= got
        return b"".join(parts)

    def read_into(self, buffer: memoryview) -> int:
        """Fill a buffer, less only at the end; returns the bytes read. The GIL is released meanwhile."""
        filled = 0
        while filled < len(buffer):
            try:
                got = self._stream.readinto(buffer[filled:])
            except zstandard.ZstdError as error:
                raise CorruptBytesError(
                    _TOO_MUCH if "too much memory" in str(error) else str(error), self.offset
                ) from None
            if not got:
                break
            filled += got
            self.offset += got
        return filled

    def skip(self, size: int) -> None:
        """Move on by `size` bytes, less only at the end. A raw file is not read for that."""
        if not self.compressed:
            at = self._file.tell()
            end = self._file.seek(0, 2)
            self.offset += self._file.seek(min(at + size, end)) - at
            return
        buffer = memoryview(bytearray(min(size, 1 << 20)))
        while size > 0:
            got = self.read_into(buffer[:size])
            if not got:
                return
            size -= got

    def ended_whole(self) -> bool:
        """Whether the last zstd frame is complete. The decompressor itself takes a cut frame for the end."""
        return not self.compressed or _frames_whole(self._path)

    def close(self) -> None:
        """Close the file."""
        self._file.close()


def read_ahead(source: ByteSource, block_bytes: int) -> Iterator[np.ndarray]:
    """The rest of a source as arrays of up to `block_bytes` bytes, read by a thread that keeps two of them ready.

    What the reading raises is raised here, after the blocks before it. Closing the iterator ends the thread.
    """
    blocks: queue.Queue[np.ndarray | Exception | None] = queue.Queue(_BLOCKS_AHEAD)
    abandoned = threading.Event()

    def put(item: np.ndarray | Exception | None) -> bool:
        while not abandoned.is_set():
            try:
                blocks.put(item, timeout=0.1)
            except queue.Full:
                continue
            return True
        return False

    def run() -> None:
        end: Exception | None = None
        try:
            while True:
                block = np.empty(block_bytes, np.uint8)
                before = source.offset
                try:
                    source.read_into(block.data)
                finally:
                    whole = put(block[: source.offset - before]) if source.offset > before else True
                if not whole or source.offset - before < block_bytes:
                    break
        except (CorruptBytesError, OSError, MemoryError) as error:
            end = error
        put(end)

    thread = threading.Thread(target=run, name="vp-book-read-ahead", daemon=True)
    thread.start()
    try:
        while (item := blocks.get()) is not None:
            if isinstance(item, Exception):
                raise item
            yield item
    finally:
        abandoned.set()
        # an iterator that was dropped may be collected on the very thread that reads for it
        if thread is not threading.current_thread():
            thread.join()


def _window_bytes(head: bytes) -> int:
    """What the frame that begins so asks to be kept; 0 where that cannot be read."""
    try:
        return int(zstandard.get_frame_parameters(head).window_size)
    except zstandard.ZstdError:
        return 0


def _open(path: Path) -> BinaryIO:
    try:
        return path.open("rb")
    except OSError as error:
        raise DbnFormatError(f"{path}: cannot be opened ({error.strerror})") from None


def _frames_whole(path: Path) -> bool:
    """Walk frame and block headers (RFC 8878, section 3.1) without decompressing anything.

    zstandard's stream reader, which fills our buffers, takes a cut frame for the end. Its `decompressobj` reports the
    end of a frame, but took twice the time on the real session, because its output has to be copied.
    """
    with path.open("rb") as file:
        size = path.stat().st_size
        while file.tell() < size:
            magic = file.read(4)
            if len(magic) == 4 and int.from_bytes(magic, "little") in _SKIPPABLE:
                file.seek(int.from_bytes(file.read(4), "little"), 1)
            elif magic != ZSTD_MAGIC or not _skip_frame(file):
                return False
        return file.tell() == size


def _skip_frame(file: BinaryIO) -> bool:
    """Move past one frame whose magic has been read; False when the file ends inside it."""
    descriptor = file.read(1)
    if not descriptor:
        return False
    flags = descriptor[0]
    single_segment = flags >> 5 & 1
    dictionary = (0, 1, 2, 4)[flags & 3]
    content_size = (single_segment, 2, 4, 8)[flags >> 6]
    file.seek((1 - single_segment) + dictionary + content_size, 1)
    while True:
        header = file.read(3)
        if len(header) < 3:
            return False
        block = int.from_bytes(header, "little")
        kind, size = block >> 1 & 3, block >> 3
        file.seek(1 if kind == 1 else size, 1)
        if block & 1:
            break
    if flags >> 2 & 1:
        return len(file.read(4)) == 4
    # a seek past the end of the file does not fail: check that the last block is there
    at = file.tell()
    return at <= file.seek(0, 2) and file.seek(at) == at
