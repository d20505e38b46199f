"""Files that appear whole or not at all, and hashes of what went into them."""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Final

import zstandard

_ZSTD: Final = zstandard.ZstdCompressor(level=3, write_checksum=True)


@contextmanager
def replacing(target: Path) -> Iterator[IO[bytes]]:
    """A temporary sibling of `target` to write to, which takes its name once it is on disk.

    An exception inside leaves `target` as it was and nothing else behind.
    """
    handle, name = tempfile.mkstemp(prefix=f".{target.name}.", suffix=".tmp", dir=target.parent)
    temporary = Path(name)
    try:
        with os.fdopen(handle, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        # mkstemp makes files that only their owner reads; this one is data like any other.
        temporary.chmod(0o644)
        temporary.replace(target)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    _sync_directory(target.parent)


def _sync_directory(directory: Path) -> None:
    """Make a rename durable. Windows cannot open directories, and needs none of this."""
    if os.name == "nt":
        return
    handle = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


class HashedOutput:
    """Writes bytes to a binary file, compressed with zstd if wanted, and hashes both what comes in and what goes out.

    The compressed bytes depend on the version of the zstd library, what comes in does not.
    """

    def __init__(self, file: IO[bytes], *, compress: bool) -> None:
        self._file = file
        self._compressor = _ZSTD.compressobj() if compress else None
        self.content = hashlib.sha256()
        self.written = hashlib.sha256()

    def write(self, data: bytes) -> None:
        """Take all of `data`."""
        self.content.update(data)
        self._pass_on(self._compressor.compress(data) if self._compressor else data)

    def finish(self) -> None:
        """End the zstd frame."""
        if self._compressor:
            self._pass_on(self._compressor.flush())

    def _pass_on(self, data: bytes) -> None:
        self.written.update(data)
        self._file.write(data)
