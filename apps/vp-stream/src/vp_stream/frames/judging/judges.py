"""What a stream is held to before it is sent: the frames that its serving was judged on."""

from __future__ import annotations

import logging
import threading
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path
from typing import Final, Protocol

import msgspec
import numpy as np

from vp_contract import (
    LINK_BYTES,
    Frame,
    FrameChain,
    RuntimeConfig,
    WireError,
    signal_update,
    split_signal,
)
from vp_harness import (
    Dataset,
    MarksCheck,
    ServedSignal,
    bin_of_frame,
    chain_of,
    derivative_of,
    vouched_marks,
)
from vp_harness.errors import DatasetDamagedError, FrameMismatchError
from vp_spectrum import DerivativeStage
from vp_stream.frames.judging.logs import JudgedLogs, Passed
from vp_stream.frames.sums import PassingColumns

_logger = logging.getLogger(__name__)

LINK_EVERY: Final = 16
"""Bins between the links that are kept whole: from one of them the next frames lead to any other."""


class FrameJudge(Protocol):
    """Takes in the frames of one run or one log, from the first on."""

    def check(self, frame: Frame) -> None:
        """The next frame. Raises `FrameMismatchError` if it is not the one that is due."""
        ...

    def finish(self) -> None:
        """There are no more. Raises `FrameMismatchError` if some are missing."""
        ...


class FrameJudges(Protocol):
    """The judges of one run, and what they have found of its stored logs."""

    def knows(self, log: Path, checksum: str) -> bool:
        """Whether the stored log with this `StoredLog.checksum` was found to be these frames before."""
        ...

    def recall(self, log: Path, passing: PassingColumns | None) -> bool:
        """Have what was made of a known log as its frames passed; False if they have to pass again for that."""
        ...

    def found(self, log: Path, checksum: str, passing: PassingColumns | None) -> None:
        """A log was found to be these frames, all of them, with their signal and marks, and they passed."""
        ...

    def made(self) -> FrameJudge:
        """For the frames of an engine, which has just computed the signal of the rest, and for those of a known log."""
        ...

    def stored(self) -> FrameJudge:
        """For the frames of any other log."""
        ...


class JudgedFrames(FrameJudges):
    """The hash chain of the dataset that a serving was judged on. The dataset has to be the published one."""

    def __init__(
        self,
        dataset: Dataset,
        config: RuntimeConfig,
        served: ServedSignal,
        files: Mapping[str, str],
        logs: JudgedLogs | None = None,
    ) -> None:
        """`config` is that of the serving, `served` its signal, `files` the digests of the dataset as published.

        What is found of logs is kept in `logs`. Raises `FramesUnknownError` if there is no chain of this contract.
        """
        self._head, self._links = chain_of(dataset)
        self._config = config
        self._served = served
        self._bins = dataset.n_bins
        self._logs = logs
        self._passed = _Passed()
        self._marks: MarksCheck | None = None
        try:
            self._marks = vouched_marks(dataset, files)
        except DatasetDamagedError as error:  # the chain, which is in the manifest, still says what everything else is
            _logger.warning("marks cannot be judged: %s", error)

    @property
    def whole(self) -> bool:
        """Whether all of a frame can be judged. Nothing vouches for marks where the dataset was published without,
        or its bins are damaged.
        """
        return self._marks is not None

    @property
    def bins(self) -> int:
        """How many frames there are."""
        return self._bins

    @property
    def head(self) -> str:
        """The last link, 64 hex digits."""
        return self._head

    def links(self, first: int, count: int) -> list[str]:
        """The first `LINK_BYTES` of the links of `count` bins from `first` on, as far as there are bins, in hex."""
        last = min(first + count, self._bins)
        return [self._links[at * LINK_BYTES : (at + 1) * LINK_BYTES].hex() for at in range(first, last)]

    def link_before(self, bin_seq: int) -> bytes | None:
        """The link of the bin before `bin_seq`, a multiple of `LINK_EVERY`; None if no judge has come there yet."""
        return self._passed.link(bin_seq // LINK_EVERY)

    def knows(self, log: Path, checksum: str) -> bool:
        """As `FrameJudges.knows`."""
        return self._logs is not None and self._logs.knows(log, checksum, self._head, self._bins)

    def recall(self, log: Path, passing: PassingColumns | None) -> bool:
        """As `FrameJudges.recall`."""
        passed = None if self._logs is None else self._logs.passed(log)
        if passed is None:
            return False
        self._passed.restore(passed.links)
        if passing is not None:
            passing.restore(passed.columns)
        return True

    def found(self, log: Path, checksum: str, passing: PassingColumns | None) -> None:
        """As `FrameJudges.found`. Where nothing vouches for marks it is not remembered."""
        if self._logs is not None and self.whole:
            passed = Passed(self._passed.together(), {} if passing is None else passing.whole())
            self._logs.add(log, checksum, self._head, self._bins, passed)

    def made(self) -> FrameJudge:
        """As `FrameJudges.made`: everything but the signal."""
        return _Judge(self._head, self._links, self._bins, self._passed, self._marks)

    def stored(self) -> FrameJudge:
        """As `FrameJudges.stored`: the signal too, which has to be what it makes of the rest when it is run again."""
        signal = _Signal(self._config, self._served)
        return _Judge(self._head, self._links, self._bins, self._passed, self._marks, signal)


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


class _Passed:
    """The whole links before every `LINK_EVERY`-th bin, as far as any judge has come. Safe across threads."""

    def __init__(self) -> None:
        self._links: list[bytes] = []
        self._lock = threading.Lock()

    def link(self, number: int) -> bytes | None:
        return self._links[number] if number < len(self._links) else None

    def together(self) -> bytes:
        return b"".join(self._links)

    def restore(self, together: bytes) -> None:
        size = sha256().digest_size
        with self._lock:
            self._links = [together[at : at + size] for at in range(0, len(together), size)]

    def keep(self, number: int, link: bytes) -> None:
        with self._lock:
            if number == len(self._links):  # else another judge was here, and found the same
                self._links.append(link)


class _Judge:
    def __init__(
        self,
        head: str,
        links: bytes,
        bins: int,
        passed: _Passed,
        marks: MarksCheck | None,
        signal: _Signal | None = None,
    ) -> None:
        self._head, self._links, self._bins, self._passed = head, links, bins, passed
        self._marks, self._signal = marks, signal
        self._chain = FrameChain()
        self._at = 0

    def check(self, frame: Frame) -> None:
        at = self._at
        if at % LINK_EVERY == 0:
            self._passed.keep(at // LINK_EVERY, bytes.fromhex(self._chain.head))
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
        if self._marks is not None:
            self._marks.check(at, frame)
        self._at += 1

    def finish(self) -> None:
        if (self._at, self._chain.head) != (self._bins, self._head):
            raise FrameMismatchError(f"{self._at} bins where the serving was judged on {self._bins}")
