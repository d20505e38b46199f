"""Open streams that asked to follow their alias: one watcher for all of them."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable
from typing import Final

from vp_stream.blocking import in_daemon_thread
from vp_stream.clients.session import Programme, Session
from vp_stream.errors import Refusal
from vp_stream.servings.catalogue import Catalogue

_logger = logging.getLogger(__name__)

_POLL_S: Final = 1.0


class AliasWatcher:
    """Looks once a second where the followed aliases point and hands sessions the serving they moved to."""

    def __init__(self, catalogue: Catalogue, open_programme: Callable[[str], Awaitable[Programme]]) -> None:
        self._catalogue = catalogue
        self._open = open_programme
        self._complaints: dict[Session, str] = {}
        self._task: asyncio.Task[None] | None = None

    def watch(self, session: Session) -> None:
        """Follow the alias of a session from now on. Asking twice changes nothing."""
        self._complaints.setdefault(session, "")
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._poll())

    def forget(self, session: Session) -> None:
        """The session is over."""
        self._complaints.pop(session, None)

    async def close(self) -> None:
        """Stop looking."""
        self._complaints.clear()
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task

    async def _poll(self) -> None:
        while self._complaints:
            for alias in {session.programme.alias for session in self._complaints}:
                if alias is not None:
                    await self._look(alias)
            await asyncio.sleep(_POLL_S)

    async def _look(self, alias: str) -> None:
        try:
            target = await in_daemon_thread(lambda: self._catalogue.target(alias))
            if any(session.programme.serving_id != target for session in self._followers(alias)):
                programme = await self._open(alias)
                for session in self._followers(alias):
                    if session.programme.serving_id != programme.serving_id:
                        session.switch_to(programme)
                    self._complaints[session] = ""
        except Refusal as refusal:
            self._complain(alias, str(refusal))
        except Exception as error:  # the watcher outlives one failure; the streams go on as they are
            _logger.error("alias %s could not be followed", alias, exc_info=error)
            self._complain(alias, "the server's log has the details")

    def _followers(self, alias: str) -> list[Session]:
        return [session for session in self._complaints if session.programme.alias == alias]

    def _complain(self, alias: str, message: str) -> None:
        """Tell each follower, but the same thing only once."""
        for session in self._followers(alias):
            if self._complaints[session] != message:
                self._complaints[session] = message
                session.tell("follow_failed", f"alias {alias} cannot be followed now: {message}")
