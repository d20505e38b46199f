"""The raw files of a replay, which have to be the published ones from its first record to its last."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from vp_book.atomic import sha256_file
from vp_harness import ScoredReplay
from vp_harness.errors import RawFileChangedError
from vp_spectrum import ScoredBin


class HeldReplay(Iterator[ScoredBin]):
    """A replay whose end is reached only if its raw files were the published ones all the time.

    They are hashed when everything was read. A file that was changed and changed back meanwhile shows by its time of
    change, which the one who writes does not choose. Hashing what is read would miss what a replay from a checkpoint
    leaves out.
    """

    def __init__(self, replay: ScoredReplay, files: Sequence[Path], sha256: Sequence[str], stamps: object) -> None:
        """`stamps` are those of `stamps_of` from before the replay opened the files."""
        self._replay = replay
        self._files = files
        self._sha256 = sha256
        self._stamps = stamps
        self.expected_bins = replay.expected_bins

    def __next__(self) -> ScoredBin:
        try:
            return next(self._replay)
        except StopIteration:
            self._hold()
            raise

    def certificate(self) -> dict[str, Any]:
        """The integrity certificate of the replay."""
        return self._replay.certificate()

    def _hold(self) -> None:
        for path, sha256 in zip(self._files, self._sha256, strict=True):
            if sha256_file(path) != sha256:
                raise RawFileChangedError(f"raw file {path.name} is no longer the one that was published")
        if stamps_of(self._files) != self._stamps:
            raise RawFileChangedError("a raw file was written to while it was replayed")


def stamps_of(files: Sequence[Path]) -> list[tuple[int, ...]]:
    """What changes whenever a file is written to or replaced."""
    found: list[os.stat_result] = [path.stat() for path in files]
    return [(s.st_dev, s.st_ino, s.st_size, s.st_mtime_ns, s.st_ctime_ns) for s in found]
