"""A file that is hashed, and compressed if wanted, on its way to the disk."""

from __future__ import annotations

import hashlib
from typing import Final

import zstandard

from vp_book.atomic import StagedFile

_LEVEL: Final = 3


class HashedOutput:
    """Writes bytes to a staged file, compressed with zstd if wanted, and hashes both what comes in and what goes out.

    The compressed bytes depend on the version of the zstd library, what comes in does not.
    """

    def __init__(self, file: StagedFile, *, compress: bool) -> None:
        self._file = file
        # a compressor of its own: the objects of one share their state
        self._compressor = (
            zstandard.ZstdCompressor(level=_LEVEL, write_checksum=True).compressobj() if compress else None
        )
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
