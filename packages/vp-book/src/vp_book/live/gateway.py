"""Databento's live gateway: a subscription that is kept alive, and the bytes of its sessions as they come.

The official client does the talking, by the protocol class that it offers for this. It is the extra `live`; nothing of
it is imported before a feed is made.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, Protocol

from vp_book.errors import FeedError, ParameterError, VpBookError

DEFAULT_PORT: Final = 13_000
KEY_VARIABLE: Final = "DATABENTO_API_KEY"

_CONNECT_S: Final = 10.0
_AUTHENTICATE_S: Final = 30.0
_SILENCE_MARGIN_S: Final = 10.0
_FIRST_WAIT_S: Final = 0.5
_LONGEST_WAIT_S: Final = 30.0
_STEADY_S: Final = 60.0
"""A session that lasted as long as this was no failure to connect: the next waits are short again."""

_logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class FeedRequest:
    """What to ask of which gateway: the mbo schema of some symbols of one dataset, with a snapshot first.

    Without `gateway` it is the one of the dataset. `heartbeat_s` is how often the gateway is to say that it is there
    when it has nothing else to say; twice silent, the connection is taken for lost.
    """

    dataset: str
    symbols: tuple[str, ...]
    key: str
    stype_in: str = "raw_symbol"
    snapshot: bool = True
    gateway: str | None = None
    port: int = DEFAULT_PORT
    heartbeat_s: int = 10

    def __repr__(self) -> str:
        return f"FeedRequest({self.dataset!r}, {self.symbols!r}, gateway={self.gateway!r})"  # never the key


class FeedListener(Protocol):
    """Gets what the feed does, on the thread of its event loop. Must not block."""

    def connected(self, session_id: str) -> None:
        """A session has begun: the bytes from here on are its own."""
        ...

    def received(self, data: bytes) -> None:
        """Bytes of the session, as they came. Raises `VpBookError` for what is no DBN: the connection is given up."""
        ...

    def lost(self, reason: str) -> None:
        """The session is over, or could not be begun; another will be tried."""
        ...


class GatewayFeed:
    """A subscription that is kept alive: when its connection is lost it is made again, with a fresh snapshot.

    Raises `FeedError` when the official client is not installed.
    """

    def __init__(self, request: FeedRequest, listener: FeedListener) -> None:
        self._request = request
        self._listener = listener
        self._protocol = _protocol_class()

    async def run(self) -> None:
        """Listen until cancelled.

        Raises `FeedError` when the gateway refuses the key or the subscription, and when the very first connection
        cannot be made; later ones are tried again for ever, with growing waits.
        """
        wait_s, begun_once = _FIRST_WAIT_S, False
        while True:
            begun = time.monotonic()
            try:
                reason = await self._session()
                begun_once = True
            except (FeedError, _UnreachableError) as error:
                if not begun_once:
                    raise FeedError(str(error)) from None
                reason = str(error)
            self._listener.lost(reason)
            _logger.warning("the live feed is lost (%s); connecting again in %.1f s", reason, wait_s)
            if time.monotonic() - begun >= _STEADY_S:
                wait_s = _FIRST_WAIT_S
            await asyncio.sleep(wait_s)
            wait_s = min(2 * wait_s, _LONGEST_WAIT_S)

    async def _session(self) -> str:
        """One connection, from its beginning to its end; returns why it ended."""
        request, loop = self._request, asyncio.get_running_loop()
        host = request.gateway or f"{request.dataset.lower().replace('.', '-')}.lsg.databento.com"
        session = self._protocol(request, self._listener.received)
        try:
            async with asyncio.timeout(_CONNECT_S):
                transport, _ = await loop.create_connection(lambda: session, host, request.port)
        except (OSError, TimeoutError) as error:
            why = "no answer in time" if isinstance(error, TimeoutError) else str(error)
            raise _UnreachableError(f"gateway={host}:{request.port}: cannot be reached ({why})") from None
        try:
            session_id = await self._authenticated(session, host)
            self._listener.connected(session_id)
            session.subscribe(
                schema="mbo", symbols=list(request.symbols), stype_in=request.stype_in, snapshot=request.snapshot
            )
            session.start()
            return await self._ended(session)
        finally:
            transport.abort()
            with contextlib.suppress(Exception):
                session.disconnected.exception()  # asked for, so that nobody warns that it was not

    async def _authenticated(self, session: Any, host: str) -> str:
        done, _ = await asyncio.wait(
            {session.authenticated, session.disconnected},
            timeout=_AUTHENTICATE_S,
            return_when=asyncio.FIRST_COMPLETED,
        )
        if session.authenticated in done:
            if (error := session.authenticated.exception()) is not None:
                raise FeedError(f"gateway={host}: refuses the key ({error}); check {KEY_VARIABLE}") from None
            return str(session.authenticated.result())
        session.authenticated.cancel()
        why = "closed the connection during authentication" if done else "did not answer the authentication"
        raise _UnreachableError(f"gateway={host}: {why}")

    async def _ended(self, session: Any) -> str:
        limit_s = 2 * self._request.heartbeat_s + _SILENCE_MARGIN_S
        while not session.disconnected.done():
            await asyncio.wait({session.disconnected}, timeout=1.0)
            silent_s = time.monotonic() - session.heard_at
            if not session.disconnected.done() and silent_s > limit_s:
                return f"nothing was heard for {silent_s:.0f} s"
        if session.refused is not None:
            return str(session.refused)
        error = session.disconnected.exception()
        return "the gateway closed the connection" if error is None else f"{type(error).__name__}: {error}"


class _UnreachableError(Exception):
    """A connection that could not be made, for a reason that may pass."""


def api_key(given: str | None = None) -> str:
    """The key to use: the one given, else that of the environment. Raises `FeedError` when there is none."""
    key = given if given is not None else os.environ.get(KEY_VARIABLE)
    if not key:
        raise FeedError(f"{KEY_VARIABLE}: is not set; put the key of your Databento account there")
    if len(key) < 10 or not key.isascii() or not key.isprintable() or "|" in key:
        raise ParameterError(f"{KEY_VARIABLE}: is no API key; it must be 32 characters that begin with 'db-'")
    return key


def _protocol_class() -> Callable[[FeedRequest, Callable[[bytes], None]], Any]:
    """The official client's protocol, with the bytes of a session handed on as they came."""
    try:
        from databento.live.protocol import DatabentoLiveProtocol
    except ImportError as error:
        raise FeedError(f"the live feed needs the official client ({error}): pip install 'vp-book[live]'") from None

    class Session(DatabentoLiveProtocol):
        """Control messages are the client's; of what follows the session's start nothing is decoded here."""

        def __init__(self, request: FeedRequest, received: Callable[[bytes], None]) -> None:
            super().__init__(request.key, request.dataset, heartbeat_interval_s=request.heartbeat_s)
            self.heard_at = time.monotonic()
            self.refused: str | None = None  # why the bytes that came cannot be read
            self._received = received

        def buffer_updated(self, nbytes: int) -> None:
            self.heard_at = time.monotonic()
            if not self.authenticated.done():
                super().buffer_updated(nbytes)
                return
            if self.refused is not None:
                return
            try:
                self._received(bytes(memoryview(self.get_buffer(-1))[:nbytes]))
            except VpBookError as error:
                self.refused = str(error)
                self.transport.abort()

    return Session
