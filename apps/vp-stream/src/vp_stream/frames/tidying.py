"""What servings leave behind when their clients have gone: engines that go on running, and frame logs on the disk."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
from collections.abc import Callable, Collection
from pathlib import Path

from vp_stream.blocking import in_daemon_thread
from vp_stream.frames.judging import passed_path
from vp_stream.frames.logfile import LOG_SUFFIX
from vp_stream.frames.runs import RunTable, ServingRun

_logger = logging.getLogger(__name__)


class Tidier:
    """Keeps both within their bounds. Belongs to the event loop."""

    def __init__(
        self,
        runs: RunTable,
        in_use: Callable[[], Collection[ServingRun]],
        logs_dir: Path,
        *,
        max_log_bytes: int,
        max_idle_engines: int,
        every_s: float,
    ) -> None:
        """`in_use` are the runs that clients play now; one that was asked for in the last `every_s` counts too."""
        self._runs = runs
        self._in_use = in_use
        self._logs_dir = logs_dir
        self._max_log_bytes = max_log_bytes
        self._max_idle_engines = max_idle_engines
        self._every_s = every_s

    async def loop(self) -> None:
        """Tidy again and again until cancelled."""
        while True:
            await asyncio.sleep(self._every_s)
            try:
                await self.tidy()
            except Exception as error:  # the next time may go better; the streams go on as they are
                _logger.error("frame logs could not be tidied", exc_info=error)

    async def tidy(self) -> None:
        """Stop the engines that are too many, those first that were without clients for longest; then remove logs."""
        while len(running := [run for run in self._idle() if not run.finished]) > self._max_idle_engines:
            _logger.info("serving %s: its engine is stopped, nobody plays it", running[0].spec.key.serving_id)
            await self._runs.drop(running[0])
        # a finished log without clients is let go of, or removing it would free nothing
        while finished := [run for run in self._idle() if run.finished]:
            await self._runs.drop(finished[0])
        kept = self._runs.paths()
        await in_daemon_thread(lambda: evict(self._logs_dir, self._max_log_bytes, kept))

    def _idle(self) -> list[ServingRun]:
        """As it is now: while one run is stopped, somebody may have come back to another."""
        return self._runs.idle(self._in_use(), self._every_s)


def evict(directory: Path, max_bytes: int, kept: Collection[Path]) -> list[Path]:
    """Remove the logs not used for longest until all together have `max_bytes` at most, but none of `kept`.

    What was made of a log's frames counts and goes with it.
    """
    found: list[tuple[float, int, Path]] = []
    for folder, _, names in os.walk(directory):
        for name in names:
            path = Path(folder) / name
            if name.endswith(LOG_SUFFIX) and name[0] != ".":
                with contextlib.suppress(FileNotFoundError):
                    status = path.stat()
                    size = status.st_size + _size_of(passed_path(path))
                    found.append((max(status.st_atime, status.st_mtime), size, path))
    total = sum(size for _, size, _ in found)
    removed: list[Path] = []
    for _, size, path in sorted(found):
        if total <= max_bytes:
            break
        if path not in kept:
            path.unlink(missing_ok=True)
            passed_path(path).unlink(missing_ok=True)
            _logger.info("frame log %s is removed: all together have more than %d bytes", path.name, max_bytes)
            removed.append(path)
            total -= size
    return removed


def _size_of(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0
