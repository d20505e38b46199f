"""Experiments that were started over HTTP: one at a time, each in a process of its own, until the server ends."""

from __future__ import annotations

import asyncio
import contextlib
import datetime as dt
import logging
import os
import signal
import sys
from asyncio.subprocess import PIPE, Process
from collections import deque
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any, Final

import msgspec
from msgspec.structs import replace

from vp_stream.errors import Refusal
from vp_stream.http.research.answers import Started

_logger = logging.getLogger(__name__)

_PATIENCE_S: Final = 1.5
"""How long a process that was asked to stop may take before it is killed: it loses nothing that is stored."""
_MOST_FOLLOWERS: Final = 32
_LAST_LINES: Final = 20
_LINE_LIMIT: Final = 1024 * 1024
_IDLE: Final = Started(
    state="idle", experiment="", started_utc="", ended_utc="", what="", done=0, total=0, runs=[], computed=0, resumed=0,
    problem="", number=0,
)  # fmt: skip


class Launcher:
    """Starts experiments, follows and stops them. Belongs to the event loop."""

    def __init__(self, lake_root: Path, config_root: Path) -> None:
        self._lake_root = lake_root
        self._config_root = config_root
        self._state = _IDLE
        self._process: Process | None = None
        self._following: asyncio.Task[None] | None = None
        self._changed = asyncio.Condition()
        self._followers = 0
        self._stopping = False
        self._closed = False

    @property
    def state(self) -> Started:
        """How the last experiment that was started stands."""
        return self._state

    async def start(self, name: str, text: str) -> Started:
        """Start the experiment of a spec. Raises `Refusal` while another runs."""
        if self._closed:
            raise Refusal("unavailable", "the server is about to end")
        if self._state.state == "running":
            raise Refusal(
                "running", f"experiment {self._state.experiment} is running: one runs at a time, stop it first"
            )
        self._stopping = False
        self._process = self._following = None
        # Taken before anything is waited for: who asks meanwhile is refused.
        await self._set(
            replace(
                _IDLE,
                state="running",
                experiment=name,
                started_utc=_now(),
                what="starting",
                number=self._state.number + 1,
            )
        )
        command = [sys.executable, "-m", "vp_stream.http.research.worker", str(self._lake_root), str(self._config_root)]
        try:
            process = await asyncio.create_subprocess_exec(
                *command, stdin=PIPE, stdout=PIPE, stderr=PIPE, limit=_LINE_LIMIT, start_new_session=True
            )
        except OSError as error:
            _logger.error("the process of an experiment cannot be started", exc_info=error)
            await self._set(
                replace(self._state, state="failed", ended_utc=_now(), problem="no process could be started")
            )
            raise Refusal("unavailable", "no process could be started: the server's log says why") from error
        self._process = process
        self._following = asyncio.create_task(self._follow(process, text))
        _logger.info("experiment %s was started over HTTP as process %d", name, process.pid)
        return self._state

    async def stop(self) -> Started:
        """Stop what runs, and wait until it has ended. What it has stored stays. Raises `Refusal` if nothing runs."""
        if self._state.state != "running" or self._process is None or self._following is None:
            raise Refusal("not_running", "no experiment is running")
        self._stopping = True
        await self._end(self._process, self._following)
        return self._state

    async def close(self) -> None:
        """Stop what runs; nothing can be started any more, and whoever follows gets the end."""
        self._closed = True
        if self._state.state == "running" and self._process is not None and self._following is not None:
            self._stopping = True
            await self._end(self._process, self._following)
        async with self._changed:
            self._changed.notify_all()

    async def follow(self, every_s: float = 0.25, quiet_s: float = 10.0) -> AsyncGenerator[Started | None, None]:
        """The state now and whenever it has changed, at most each `every_s` seconds, up to its end.

        None comes after `quiet_s` seconds without a change: it says that somebody is there. Raises `Refusal` when too
        many follow already.
        """
        if self._followers >= _MOST_FOLLOWERS:
            raise Refusal("busy", "too many follow already; try again later")
        self._followers += 1
        try:
            seen = self._state
            yield seen
            while seen.state == "running" and not self._closed:
                async with self._changed:
                    if self._state is seen:
                        with contextlib.suppress(TimeoutError):
                            await asyncio.wait_for(self._changed.wait(), quiet_s)
                if self._state is seen:
                    yield None
                    continue
                seen = self._state
                yield seen
                await asyncio.sleep(every_s)
        finally:
            self._followers -= 1

    async def _follow(self, process: Process, text: str) -> None:
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stderr is not None
        tail: deque[str] = deque(maxlen=_LAST_LINES)
        errors = asyncio.create_task(_keep(process.stderr, tail))
        with contextlib.suppress(OSError):  # it died: that is reported below
            process.stdin.write(msgspec.json.encode(text) + b"\n")
            await process.stdin.drain()
        with contextlib.suppress(ValueError):  # a line without end
            async for line in process.stdout:
                with contextlib.suppress(msgspec.DecodeError, KeyError, TypeError):
                    await self._take_line(msgspec.json.decode(line, type=dict[str, Any]))
        code = await process.wait()
        await errors
        if code not in (0, 1, 130, -signal.SIGINT) and tail:
            _logger.error(
                "the process of experiment %s ended with %d: %s", self._state.experiment, code, " | ".join(tail)
            )
        ended = replace(self._state, ended_utc=_now())
        if self._stopping or code in (130, -signal.SIGINT):
            ended = replace(
                ended, state="stopped", problem="it was stopped; what it has stored stays, start it again to go on"
            )
        elif code == 0:
            ended = replace(ended, state="done")
        else:
            problem = ended.problem or f"its process ended with {code}: the server's log says why"
            ended = replace(ended, state="failed", problem=problem)
        _logger.info("experiment %s: %s", ended.experiment, ended.state)
        await self._set(ended)

    async def _take_line(self, line: dict[str, Any]) -> None:
        if "progress" in line:
            sent = line["progress"]
            await self._set(replace(self._state, what=sent["what"], done=sent["done"], total=sent["total"]))
        elif "result" in line:
            sent = line["result"]
            facts = {name: sent[name] for name in ("runs", "computed", "resumed")}
            await self._set(replace(self._state, **facts))
        elif "error" in line:
            await self._set(replace(self._state, problem=str(line["error"])))

    async def _set(self, state: Started) -> None:
        async with self._changed:
            self._state = state
            self._changed.notify_all()

    async def _end(self, process: Process, following: asyncio.Task[None]) -> None:
        """Ask it to end, then its whole group: workers of its own too."""
        for which in (signal.SIGINT, signal.SIGKILL if hasattr(signal, "SIGKILL") else signal.SIGTERM):
            _signal_group(process, which)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(asyncio.shield(following), _PATIENCE_S)
                break
        _signal_group(process, signal.SIGKILL if hasattr(signal, "SIGKILL") else signal.SIGTERM)


async def _keep(stream: asyncio.StreamReader, tail: deque[str]) -> None:
    with contextlib.suppress(ValueError):
        async for line in stream:
            tail.append(line.decode(errors="replace").rstrip())


def _signal_group(process: Process, which: int) -> None:
    """Send a signal to the group of a process; it may have ended."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        if hasattr(os, "killpg"):
            os.killpg(process.pid, which)
        else:
            process.send_signal(which)


def _now() -> str:
    return dt.datetime.now(dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
