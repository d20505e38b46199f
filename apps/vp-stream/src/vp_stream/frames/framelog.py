"""The frame log of one serving: one writer thread, any number of readers on the event loop.

Finished blocks lie on the disk. In memory there are only the block being filled, eight bytes a bin for the time it
became ready, and a block cache shared by all logs of the server and limited in bytes. How far a client has read is the
client's own business: the log knows no clients.
"""

from __future__ import annotations

import asyncio
import itertools
import threading
import time
from array import array
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from vp_contract import Frame
from vp_harness.errors import FrameMismatchError
from vp_stream.errors import LogDamagedError
from vp_stream.frames.judging import FrameJudges
from vp_stream.frames.logfile import BLOCK_BINS, BlockReader, LogKey, LogWriter, StoredLog, open_log
from vp_stream.frames.sums import Folded, PassingColumns
from vp_stream.turns import ThreadTurns, Turns

Block = tuple[Frame, ...]

_LOG_NUMBERS = itertools.count()
_PAST_BYTES: Final = 8 * 1024 * 1024


class BlockCache:
    """Least recently used blocks of all logs, at most `max_bytes` of frames. Safe across threads."""

    def __init__(self, max_bytes: int = 64 * 1024 * 1024) -> None:
        self._max_bytes = max_bytes
        self._blocks: OrderedDict[tuple[int, int], tuple[Block, int]] = OrderedDict()
        self._bytes = 0
        self._lock = threading.Lock()

    @property
    def held_bytes(self) -> int:
        """Bytes of the frames held."""
        return self._bytes

    def get(self, log: int, block: int) -> Block | None:
        """The block if it is here, which makes it the most recently used."""
        with self._lock:
            entry = self._blocks.get((log, block))
            if entry is None:
                return None
            self._blocks.move_to_end((log, block))
            return entry[0]

    def put(self, log: int, block: int, frames: Block) -> None:
        """Add a block, dropping the ones not used for longest."""
        size = sum(len(frame.update) + len(frame.grid) for frame in frames)
        with self._lock:
            replaced = self._blocks.pop((log, block), None)
            if replaced is not None:
                self._bytes -= replaced[1]
            self._blocks[(log, block)] = (frames, size)
            self._bytes += size
            while self._bytes > self._max_bytes and len(self._blocks) > 1:
                _, (_, dropped) = self._blocks.popitem(last=False)
                self._bytes -= dropped

    def drop_log(self, log: int) -> None:
        """Forget every block of a log."""
        with self._lock:
            for key in [key for key in self._blocks if key[0] == log]:
                self._bytes -= self._blocks.pop(key)[1]


@dataclass(frozen=True, slots=True)
class Judging:
    """What a stored log is held to: a thread takes a block in each of its turns, so that those who play come first.

    `on_forged` is called by that thread with what it finds.
    """

    judges: FrameJudges
    turns: Turns
    on_forged: Callable[[LogDamagedError], None]


class FrameLog:
    """Frames 0 .. `ready` - 1 of a run, readable while it is still running.

    `append`, `finish` and `fail` belong to the writer thread, everything else to the event loop `loop`. `passing` makes
    columns of the frames as they are written, or are held to what was judged.
    """

    def __init__(
        self, cache: BlockCache, loop: asyncio.AbstractEventLoop, passing: PassingColumns | None = None
    ) -> None:
        self.checksum = ""
        """`StoredLog.checksum` of a log that is on the disk under its name."""
        self._number = next(_LOG_NUMBERS)
        self._cache = cache
        self._past = BlockCache(_PAST_BYTES)
        self._passing = passing
        self._loop = loop
        self._lock = threading.Lock()
        self._writer: LogWriter | None = None
        self._reader: BlockReader | None = None
        self._tail: list[Frame] = []
        self._tail_block = 0
        self._ready_at = array("d")
        self._ready = 0
        self._finished = False
        self._closed = False
        self._failure: Exception | None = None
        self._waiters: set[Callable[[], None]] = set()
        self._wake_pending = False
        self._loads: dict[int, asyncio.Task[Block]] = {}
        self._turns: ThreadTurns | None = None

    @classmethod
    def create(
        cls,
        path: Path,
        key: LogKey,
        cache: BlockCache,
        loop: asyncio.AbstractEventLoop,
        passing: PassingColumns | None = None,
    ) -> FrameLog:
        """An empty log that will be published at `path` when it is finished."""
        log = cls(cache, loop, passing)
        log._writer = LogWriter(path, key)
        log._reader = BlockReader(log._writer.partial, log._writer.blocks)
        return log

    @classmethod
    def load(
        cls,
        path: Path,
        key: LogKey,
        cache: BlockCache,
        loop: asyncio.AbstractEventLoop,
        judging: Judging | None = None,
        passing: PassingColumns | None = None,
    ) -> FrameLog:
        """The finished log at `path`. Raises as `logfile.open_log` does.

        With `judging` its frames can be read as far as they were held to that, and all of them if this very log was
        found to be the judged one before. They pass, unless what was made of them then is still there. Later reads of a
        block are held to the checksum it was found with. Without `judging` no frame passes, and no columns are made.
        """
        log = cls(cache, loop, passing)
        stored = open_log(path, key)
        log._reader, log.checksum = stored.reader, stored.checksum
        log._tail_block = -1
        known = judging is None or judging.judges.knows(path, stored.checksum)
        if known:
            log._ready, log._finished = stored.bins, True
        if judging is not None and not (known and judging.judges.recall(path, passing)):
            log._turns = ThreadTurns(judging.turns, loop)
            arguments = (path, stored, known, judging, log._turns)
            threading.Thread(target=log._hold, args=arguments, name="frame-log-check", daemon=True).start()
        return log

    @property
    def ready(self) -> int:
        """How many frames can be read."""
        return self._ready

    @property
    def finished(self) -> bool:
        """Whether `ready` is final and the log is on the disk under its name."""
        return self._finished

    @property
    def failure(self) -> Exception | None:
        """What ended the run early, if anything did."""
        return self._failure

    def ready_at(self, bin_seq: int) -> float:
        """When a frame became readable, on `time.monotonic`; -inf for the frames of a loaded log."""
        return self._ready_at[bin_seq] if bin_seq < len(self._ready_at) else float("-inf")

    def append(self, frame: Frame) -> None:
        """Add the next frame."""
        writer = self._writing()
        with self._lock:
            self._tail.append(frame)
            self._ready_at.append(time.monotonic())
            self._ready += 1
            full = len(self._tail) == BLOCK_BINS
        frames = self._spool(writer) if full else ()
        self._wake_waiters()
        self._pass(frames)  # when nobody waits for them any more

    def finish(self) -> None:
        """No more frames: publish the file."""
        writer = self._writing()
        if self._tail:
            self._pass(self._spool(writer))
        with self._reading().moving_to(writer.path):
            self.checksum = writer.finish(self._ready)
        self._writer = None
        self._finished = True
        self._wake_waiters()

    def fail(self, error: Exception) -> None:
        """The run ended early: the file is removed, readers are told."""
        if self._writer is not None:
            self._writer.abandon()
            self._writer = None
        self._failure = error
        self._wake_waiters()

    def frame_now(self, bin_seq: int) -> Frame | None:
        """A ready frame if it is in memory."""
        block, row = divmod(bin_seq, BLOCK_BINS)
        with self._lock:
            if block == self._tail_block:
                return self._tail[row]
        frames = self._cache.get(self._number, block)
        return None if frames is None else frames[row]

    async def frame(self, bin_seq: int) -> Frame:
        """A ready frame, read from the disk in a worker thread if need be.

        Raises `LogDamagedError` if the bytes on the disk are not the ones written.
        """
        frame = self.frame_now(bin_seq)
        if frame is not None:
            return frame
        block, row = divmod(bin_seq, BLOCK_BINS)
        load = self._loads.get(block)
        if load is None:
            load = self._loads[block] = asyncio.create_task(self._load(block))
            load.add_done_callback(lambda done: self._loaded(block, done))
        # Shielded: several clients may be waiting for the same block, and one of them may go away.
        return (await asyncio.shield(load))[row]

    async def block(self, bin_seq: int) -> tuple[int, Sequence[Frame]]:
        """The ready frames of a block, and the number of the first of them.

        The cache of those who play is used and left as it is: there is a small one for those who look back. Raises as
        `frame` does.
        """
        block = bin_seq // BLOCK_BINS
        first = block * BLOCK_BINS
        with self._lock:
            if block == self._tail_block:
                return first, tuple(self._tail)
        frames = self._cache.get(self._number, block) or self._past.get(self._number, block)
        if frames is None:
            frames = await asyncio.to_thread(self._reading().read, block)
            self._past.put(self._number, block, frames)
        return first, frames

    def column(self, first: int, last: int) -> Folded | None:
        """What the ready frames `first` to `last` have together, if that was kept when they passed."""
        return None if self._passing is None else self._passing.column(first, last)

    def call_on_change(self, callback: Callable[[], None]) -> None:
        """Call `callback` once, on the event loop, when there are more frames or the run ends."""
        self._waiters.add(callback)

    def forget(self, callback: Callable[[], None]) -> None:
        """Take back a `call_on_change`."""
        self._waiters.discard(callback)

    def close(self) -> None:
        """Release the file and the memory, and wake whoever waits. An unfinished file is removed."""
        self._closed = True
        if self._turns is not None:
            self._turns.close()
        if self._writer is not None:
            self._writer.abandon()
            self._writer = None
        if self._reader is not None:
            self._reader.close()
        self._cache.drop_log(self._number)
        self._past.drop_log(self._number)
        self._wake_waiters()

    def _hold(self, path: Path, stored: StoredLog, known: bool, judging: Judging, turns: ThreadTurns) -> None:
        """Make block after block readable, each when it was found to be the one that is due.

        Of a known log they are readable already, and pass for what is made of them.
        """
        judge = judging.judges.made() if known else judging.judges.stored()
        try:
            for block in range(-(-stored.bins // BLOCK_BINS)):
                if not turns.wait():
                    return
                frames = stored.reader.read(block)
                for frame in frames:
                    judge.check(frame)
                if not known:
                    self._ready += len(frames)
                    self._wake_waiters()
                self._pass(frames)
            judge.finish()
            judging.judges.found(path, stored.checksum, self._passing)
        except (LogDamagedError, FrameMismatchError) as error:
            if not self._closed:
                found = error if isinstance(error, LogDamagedError) else LogDamagedError(f"frame log: {error}")
                judging.on_forged(found)
        else:
            self._finished = True
            self._wake_waiters()

    async def _load(self, block: int) -> Block:
        frames = await asyncio.to_thread(self._reading().read, block)
        self._cache.put(self._number, block, frames)
        return frames

    def _loaded(self, block: int, done: asyncio.Task[Block]) -> None:
        self._loads.pop(block, None)
        if not done.cancelled():
            done.exception()  # seen here, in case every client that waited for it has left

    def _reading(self) -> BlockReader:
        if self._reader is None:
            raise RuntimeError("a frame log without a file was read")
        return self._reader

    def _writing(self) -> LogWriter:
        if self._writer is None:
            raise RuntimeError("a finished, failed or closed frame log was written to")
        return self._writer

    def _pass(self, frames: Block) -> None:
        """Have columns made of a block: of sixteen frames at once in half the time that they take one by one."""
        if self._passing is not None:
            for frame in frames:
                self._passing.add(frame)

    def _spool(self, writer: LogWriter) -> Block:
        frames = tuple(self._tail)
        writer.write_block(frames)
        self._cache.put(self._number, self._tail_block, frames)
        with self._lock:
            self._tail = []
            self._tail_block += 1
        return frames

    def _wake_waiters(self) -> None:
        # One call on the loop at a time, however many frames arrive before it runs.
        if self._wake_pending:
            return
        self._wake_pending = True
        try:
            self._loop.call_soon_threadsafe(self._run_waiters)
        except RuntimeError:  # the loop is closed: the server is gone and so are the readers
            self._wake_pending = False

    def _run_waiters(self) -> None:
        self._wake_pending = False
        waiters, self._waiters = self._waiters, set()
        for callback in waiters:
            callback()
