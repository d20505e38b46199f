"""One engine run per serving, shared by all of its clients.

A run is a frame log and, unless a finished log of the same key was on the disk, the engine that fills it. Sessions see
only the run: that a log turned out to be damaged and was made again shows to them as bins that are not ready yet.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import time
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final

from vp_contract import Frame, FrameChain, RuntimeConfig
from vp_stream.blocking import in_daemon_thread
from vp_stream.errors import LogDamagedError, VpStreamError
from vp_stream.frames.bus import FrameBus
from vp_stream.frames.framelog import BlockCache, FrameLog, Judging
from vp_stream.frames.judging import LINK_EVERY, JudgedFrames
from vp_stream.frames.logfile import LogKey
from vp_stream.frames.producer import Feed, Producer, RunObserver
from vp_stream.frames.sums import Folded, PassingColumns
from vp_stream.turns import Turns

_logger = logging.getLogger(__name__)

_MAX_REBUILDS: Final = 2
_JUDGING_REST_S: Final = 0.02
"""Between two blocks that are judged, at most: replays at 60 times the speed take 600 bins a second."""
_DROP_S: Final = 1.0


@dataclass(frozen=True, slots=True)
class RunSpec:
    """What a run needs: the key of its frame log, the directory for it, the feed that can fill it, and its config.

    `judged` is what its frames are held to, where that is all of them. Else a finished log is believed if it is whole,
    or, unless `any_log`, never: it is made again. One that is `pinned` goes on without clients: what it reads does not
    come twice.
    """

    key: LogKey
    directory: Path
    feed: Feed[Any]
    config: RuntimeConfig
    judged: JudgedFrames | None = None
    any_log: bool = True
    pinned: bool = False

    @property
    def name(self) -> str:
        """What tells runs apart."""
        return f"{self.key.serving_id}/{self.key.file_name}"

    @property
    def believes_logs(self) -> bool:
        """Whether a finished log is looked at."""
        return self.any_log or (self.judged is not None and self.judged.whole)

    @property
    def path(self) -> Path:
        """Where the finished frame log lies."""
        return self.directory / self.key.file_name


class ServingRun:
    """The bins of one serving, as far as they exist. Belongs to the event loop."""

    def __init__(self, spec: RunSpec, cache: BlockCache, observers: Sequence[RunObserver], judging: Turns) -> None:
        """Blocks of a stored log are held to what was judged in turns of `judging`."""
        self.spec = spec
        self._cache = cache
        self._judging = judging
        self._observers = observers
        self._log: FrameBus | None = None
        self._producer: Producer | None = None
        self._failure: Exception | None = None
        self._rebuilds = 0
        self._rebuilding: asyncio.Task[None] | None = None
        self._opening: asyncio.Task[None] | None = None
        self._closed = False
        self._changing = asyncio.Lock()
        self._looking_back = asyncio.Semaphore(1)
        self.last_used = 0.0

    @property
    def ready(self) -> int:
        """How many bins can be read."""
        return 0 if self._log is None else self._log.ready

    @property
    def started(self) -> bool:
        """Whether it has a log; until then somebody waits for that."""
        return self._log is not None

    @property
    def finished(self) -> bool:
        """Whether `ready` is the number of bins of the whole replay."""
        return self._log is not None and self._log.finished

    @property
    def failure(self) -> Exception | None:
        """What ended the run early."""
        return self._failure if self._log is None else self._failure or self._log.failure

    def ready_at(self, bin_seq: int) -> float:
        """When a bin became readable, on `time.monotonic`."""
        return float("-inf") if self._log is None else self._log.ready_at(bin_seq)

    async def start(self) -> None:
        """Open the finished log, or start the engine. Returns at once in both cases.

        What was begun is brought to its end even if the caller goes away: others may wait for it, and a log that
        nobody holds could not be closed.
        """
        async with self._changing:
            if self._log is not None:
                return
            if self._opening is None:
                self._opening = asyncio.create_task(self._open())
                self._opening.add_done_callback(self._opened)
            opening = self._opening
            await asyncio.shield(opening)

    async def frame(self, bin_seq: int) -> Frame | None:
        """A ready bin; None if it turned out damaged and is being made again (wait for a change, ask again)."""
        log = self._log
        if log is None:
            return None
        try:
            return log.frame_now(bin_seq) or await log.frame(bin_seq)
        except LogDamagedError as error:
            await self._rebuild(log, error)
            return None

    async def stretch(self, first: int, last: int) -> list[Frame] | None:
        """The ready bins `first` to `last`, for one who goes back; None as in `frame`.

        What clients that play are about to need stays in memory, and one reads at a time.
        """
        log = self._log
        if log is None:
            return None
        frames: list[Frame] = []
        try:
            async with self._looking_back:
                while (at := first + len(frames)) <= last:
                    begin, block = await log.block(at)
                    frames += block[at - begin : last + 1 - begin]
        except LogDamagedError as error:
            await self._rebuild(log, error)
            return None
        return frames

    def column(self, first: int, last: int) -> Folded | None:
        """What the bins `first` to `last` have together, if they are a column that was made as they passed."""
        return None if self._log is None else self._log.column(first, last)

    async def link_before(self, bin_seq: int) -> str | None:
        """The link of the chain before a bin, 64 hex digits; None if that bin's predecessors cannot be read yet."""
        judged, first = self.spec.judged, bin_seq - bin_seq % LINK_EVERY
        known = None if judged is None or bin_seq > self.ready else judged.link_before(first)
        if known is None:
            return None
        frames = await self.stretch(first, bin_seq - 1)
        return None if frames is None else await asyncio.to_thread(_head_of, known, frames)

    def call_on_change(self, callback: Callable[[], None]) -> None:
        """Call `callback` once when there are more bins or the run ends."""
        if self._log is not None:
            self._log.call_on_change(callback)

    def forget(self, callback: Callable[[], None]) -> None:
        """Take back a `call_on_change`."""
        if self._log is not None:
            self._log.forget(callback)

    def stop(self) -> None:
        """Ask the engine to stop at its next bin."""
        if self._producer is not None:
            self._producer.stop()

    async def close(self, timeout_s: float) -> None:
        """Stop the engine, wait for it up to `timeout_s` seconds and release the log for good."""
        self._closed = True
        begun = [task for task in (self._opening, self._rebuilding) if task is not None]
        if begun:
            await asyncio.wait(begun, timeout=timeout_s)  # one that takes longer closes what it has opened
        await self._let_go(timeout_s)

    async def _let_go(self, timeout_s: float) -> None:
        """Stop the engine and release the log, also if the caller goes away meanwhile."""
        self.stop()
        try:
            if self._producer is not None and not await in_daemon_thread(partial(self._producer.join, timeout_s)):
                # It finds its log closed when it comes to the end of the bin it is at.
                _logger.info("serving %s: the engine is left behind in the middle of a bin", self.spec.key.serving_id)
        finally:
            if self._log is not None:
                self._log.close()

    async def _open(self) -> None:
        self._log = await asyncio.to_thread(self._open_log, asyncio.get_running_loop())
        await self._end_if_closed()

    async def _end_if_closed(self) -> None:
        """A run that was closed while its log was being opened has one to let go of now."""
        if self._closed:
            await self._let_go(0.0)

    def _opened(self, opening: asyncio.Task[None]) -> None:
        self._opening = None
        _seen(opening)

    def _open_log(self, loop: asyncio.AbstractEventLoop) -> FrameBus:
        path, judged = self.spec.path, self.spec.judged
        if not self.spec.believes_logs:
            return self._produce(loop)

        def forged(error: LogDamagedError) -> None:
            with contextlib.suppress(RuntimeError):  # the loop is closed
                loop.call_soon_threadsafe(self._begin_again, log, error)

        try:
            judging = None if judged is None else Judging(judged, self._judging, forged)
            log = FrameLog.load(path, self.spec.key, self._cache, loop, judging, PassingColumns(self.spec.config))
        except FileNotFoundError:
            pass
        except (LogDamagedError, OSError) as error:
            _logger.warning("serving %s: frame log not used, made again: %s", self.spec.key.serving_id, error)
            path.unlink(missing_ok=True)
        else:
            with contextlib.suppress(OSError):  # set here, for not every file system keeps the time of access
                os.utime(path, ns=(time.time_ns(), path.stat().st_mtime_ns))
            _logger.info("serving %s: frames from %s", self.spec.key.serving_id, path.name)
            return log
        return self._produce(loop)

    def _produce(self, loop: asyncio.AbstractEventLoop) -> FrameBus:
        path, judged, passing = self.spec.path, self.spec.judged, PassingColumns(self.spec.config)
        log = FrameLog.create(path, self.spec.key, self._cache, loop, passing)

        def found() -> None:
            if judged is not None:
                judged.found(path, log.checksum, passing)

        judge = None if judged is None else judged.made()
        self._producer = Producer(self.spec.key.serving_id, self.spec.feed, log, self._observers, judge, found)
        self._producer.start()
        return log

    def _begin_again(self, damaged: FrameBus, error: LogDamagedError) -> asyncio.Task[None]:
        """The task that makes a damaged log again, one for all who find it damaged."""
        if self._rebuilding is None or self._rebuilding.done():
            self._rebuilding = asyncio.create_task(self._make_again(damaged, error))
            self._rebuilding.add_done_callback(_seen)
        return self._rebuilding

    async def _rebuild(self, damaged: FrameBus, error: LogDamagedError) -> None:
        while self._log is damaged and self._failure is None and not self._closed:
            await asyncio.shield(self._begin_again(damaged, error))

    async def _make_again(self, damaged: FrameBus, error: LogDamagedError) -> None:
        async with self._changing:
            if self._log is not damaged or self._closed:
                return
            _logger.warning("serving %s: %s; the log is made again", self.spec.key.serving_id, error)
            await self._let_go(5.0)
            self._rebuilds += 1
            if self._rebuilds > _MAX_REBUILDS:
                self._failure = VpStreamError(f"the frame log was damaged {self._rebuilds} times; check the disk")
                return
            await asyncio.to_thread(self.spec.path.unlink, missing_ok=True)
            self._log = await asyncio.to_thread(self._produce, asyncio.get_running_loop())
            damaged.close()  # wakes who began to wait at it meanwhile
        await self._end_if_closed()


def _seen(task: asyncio.Task[None]) -> None:
    """Look at the error of a task, in case everyone who waited for it has left."""
    if not task.cancelled():
        task.exception()


def _head_of(link: bytes, frames: Sequence[Frame]) -> str:
    chain = FrameChain(link)
    for frame in frames:
        chain.add(frame)
    return chain.head


class RunTable:
    """The runs of this server, one per frame log key."""

    def __init__(self, cache: BlockCache, observers: Sequence[RunObserver] = ()) -> None:
        self._cache = cache
        self._observers = observers
        self._judging = Turns(0.0, _JUDGING_REST_S)
        self._runs: dict[str, ServingRun] = {}

    async def get(self, spec: RunSpec) -> ServingRun:
        """The run of this key, started if need be. A run that failed is given another chance."""
        name = spec.name
        run = self._runs.get(name)
        if run is None or (run.failure is not None and not spec.pinned):
            failed = run
            # In the table before anything is waited for: whoever asks meanwhile gets the same run.
            run = self._runs[name] = ServingRun(spec, self._cache, self._observers, self._judging)
            if failed is not None:
                await failed.close(0.0)
        await run.start()
        run.last_used = time.monotonic()
        return run

    def of_serving(self, serving_id: str) -> ServingRun | None:
        """The run of a serving, if there is one that has not failed."""
        runs = (run for run in self._runs.values() if run.spec.key.serving_id == serving_id and run.failure is None)
        return next(runs, None)

    def idle(self, in_use: Collection[ServingRun], grace_s: float) -> list[ServingRun]:
        """Runs that nobody used for `grace_s` seconds, the one unused for longest first.

        Those that failed are left out, and those that are being started: somebody waits for them.
        """
        now = time.monotonic()
        for run in in_use:
            run.last_used = now
        found = [
            run
            for run in self._runs.values()
            if run.started and run.failure is None and not run.spec.pinned and now - run.last_used > grace_s
        ]
        return sorted(found, key=lambda run: run.last_used)

    async def drop(self, run: ServingRun) -> None:
        """Stop a run that nobody uses and let go of its log. Whoever asks for it next gets a new one."""
        if self._runs.get(run.spec.name) is run:
            del self._runs[run.spec.name]
        await run.close(_DROP_S)

    def paths(self) -> set[Path]:
        """Where the logs of all runs lie, or will."""
        return {run.spec.path for run in self._runs.values()}

    @property
    def cached_bytes(self) -> int:
        """Bytes of frames held in memory for all runs together, beside the bins that are being written."""
        return self._cache.held_bytes

    def states(self) -> Mapping[str, int]:
        """How many runs are `running`, `finished` and `failed`."""
        states = Counter({"running": 0, "finished": 0, "failed": 0})
        for run in self._runs.values():
            states["failed" if run.failure is not None else "finished" if run.finished else "running"] += 1
        return states

    def failures(self) -> dict[str, Exception]:
        """The runs that failed and were not asked for since, by serving id."""
        failed = ((run.spec.key.serving_id, run.failure) for run in self._runs.values())
        return {serving_id: error for serving_id, error in failed if error is not None}

    async def close(self, timeout_s: float) -> None:
        """Stop every engine and release every log."""
        runs = list(self._runs.values())
        for run in runs:
            run.stop()
        await asyncio.gather(*(run.close(timeout_s) for run in runs))
