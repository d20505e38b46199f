"""What a stream is held to before it is sent: the frames its serving was judged on, and the raw files as published."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Protocol

import msgspec
import numpy as np

from vp_book.atomic import sha256_file
from vp_contract import (
    LINK_BYTES,
    Frame,
    FrameChain,
    RuntimeConfig,
    WireError,
    signal_update,
    split_signal,
)
from vp_harness import Dataset, ScoredReplay, ServedSignal, bin_of_frame, chain_of, derivative_of
from vp_harness.errors import FrameMismatchError, RawFileChangedError
from vp_spectrum import DerivativeStage, ScoredBin


class FrameJudge(Protocol):
    """Takes in the frames of one run or one log, from the first on."""

    def check(self, frame: Frame) -> None:
        """The next frame. Raises `FrameMismatchError` if it is not the one that is due."""
        ...

    def finish(self) -> None:
        """There are no more. Raises `FrameMismatchError` if some are missing."""
        ...


class JudgedFrames:
    """The hash chain of the dataset that a serving was judged on. The dataset has to be the published one."""

    def __init__(self, dataset: Dataset, config: RuntimeConfig, served: ServedSignal) -> None:
        """`config` is that of the serving, `served` its signal.

        Raises `FramesUnknownError` if there is no chain of this contract.
        """
        self._head, self._links = chain_of(dataset)
        self._config = config
        self._served = served
        self._bins = dataset.n_bins

    def made(self) -> FrameJudge:
        """For the frames of an engine: everything but the signal, which the engine has just computed of the rest."""
        return _Judge(self._head, self._links, self._bins)

    def stored(self) -> FrameJudge:
        """For the frames of a log: the signal too, which has to be what it makes of the rest when it is run again."""
        return _Judge(self._head, self._links, self._bins, _Signal(self._config, self._served))


class _Signal:
    """The `signal` member of frames, made of everything else in them."""

    def __init__(self, config: RuntimeConfig, served: ServedSignal) -> None:
        radius = config.grid_radius_ticks
        self._stage = DerivativeStage(derivative_of(config), np.arange(-radius, radius + 1, dtype=np.int64))
        self._reads = served.signal.reads()
        self._running = served.start()

    def of(self, frame: Frame) -> bytes:
        closed = bin_of_frame(frame, self._reads)
        stage = self._stage.update(closed.cells["state5_code"])
        return msgspec.json.encode(signal_update(stage, self._running.step(closed)))


class _Judge:
    def __init__(self, head: str, links: bytes, bins: int, signal: _Signal | None = None) -> None:
        self._head, self._links, self._bins, self._signal = head, links, bins, signal
        self._chain = FrameChain()
        self._at = 0

    def check(self, frame: Frame) -> None:
        at = self._at
        try:
            link = self._chain.add(frame)
            # a link first: what is decoded below is then known to be sound
            same = at < self._bins and link == self._links[at * LINK_BYTES : (at + 1) * LINK_BYTES]
            if same and self._signal is not None:
                same = split_signal(frame.update)[1] == self._signal.of(frame)
        except WireError:
            same = False
        if not same:
            raise FrameMismatchError(f"bin {at} is not the one that the serving was judged on")
        self._at += 1

    def finish(self) -> None:
        if (self._at, self._chain.head) != (self._bins, self._head):
            raise FrameMismatchError(f"{self._at} bins where the serving was judged on {self._bins}")


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
