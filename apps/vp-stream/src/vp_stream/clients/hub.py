"""All clients of the server: who is let in, what they are given, and how they are sent away at the end."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final
from weakref import WeakKeyDictionary

from starlette.websockets import WebSocket

from vp_contract import ACK_WINDOW_BINS
from vp_stream.blocking import in_daemon_thread
from vp_stream.clients.follow import AliasWatcher
from vp_stream.clients.history import SAVED_S, SHORTEST_REST_S
from vp_stream.clients.protocol import (
    CLOSE_ENGINE_FAILED,
    CLOSE_FULL,
    CLOSE_GOING_AWAY,
    CLOSE_REFUSED,
    error_text,
    parse_query,
)
from vp_stream.clients.session import Programme, Session
from vp_stream.clients.transport import Channel, PeerGoneError
from vp_stream.errors import Refusal
from vp_stream.frames.overview import Overview
from vp_stream.frames.runs import RunTable, ServingRun
from vp_stream.logs import fact
from vp_stream.metrics import Metrics
from vp_stream.servings.catalogue import Catalogue
from vp_stream.servings.preview import Previews
from vp_stream.turns import Turns

_logger = logging.getLogger(__name__)

_OPENING_AT_ONCE: Final = 4
_REFUSAL_TIMEOUT_S: Final = 5.0
_NO_PACING_S: Final = 1e-6
"""Time between bins of a live serving: they are due when they are there, and who is behind skips all the same."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What the server grants its clients.

    `speed` is the factor by which a replay runs faster than its market did, infinity for no pacing. `stall_s` is how
    long a client may take nothing at all before it is dropped, `max_lag_s` how late a bin may be before it skips.
    """

    speed: float = 1.0
    max_clients: int = 256
    max_clients_per_address: int = 256
    stall_s: float = 20.0
    max_lag_s: float = 1.0
    ack_window: int = ACK_WINDOW_BINS


@dataclass(eq=False, slots=True)
class _Client:
    address: str
    channel: Channel
    session: Session | None = None


class Hub:
    """Lets clients in and runs their sessions. Belongs to the event loop."""

    def __init__(self, catalogue: Catalogue, runs: RunTable, limits: Limits, metrics: Metrics) -> None:
        self._catalogue = catalogue
        self._runs = runs
        self._limits = limits
        self._clients: set[_Client] = set()
        self._addresses: Counter[str] = Counter()
        self._opening = asyncio.Semaphore(_OPENING_AT_ONCE)
        self._stopping = asyncio.Event()
        self._empty = asyncio.Event()
        self._empty.set()
        self._watcher = AliasWatcher(catalogue, self._open)
        self._metrics = metrics
        self._turns = Turns(SHORTEST_REST_S, saved_s=SAVED_S)
        self._overviews: WeakKeyDictionary[ServingRun, Overview] = WeakKeyDictionary()

    @property
    def clients(self) -> int:
        """How many clients are connected."""
        return len(self._clients)

    @property
    def runs(self) -> RunTable:
        """The engine runs of this server."""
        return self._runs

    def runs_in_use(self) -> set[ServingRun]:
        """The runs that somebody plays, or will as soon as a followed alias has moved."""
        return {run for client in self._clients if client.session is not None for run in client.session.runs}

    def engine_lags(self) -> Iterator[tuple[str, float]]:
        """Per client its serving id and the seconds it has been waiting for a bin that is due and not made yet."""
        for client in self._clients:
            if client.session is not None:
                yield client.session.programme.serving_id, client.session.engine_lag_s

    async def handle(self, websocket: WebSocket, previews: Previews | None = None) -> None:
        """Serve one WebSocket from its handshake to its end: a serving, or with `previews` a dataset of these."""
        await websocket.accept()
        self._metrics.counters.connections += 1
        channel = Channel(websocket, stall_s=self._limits.stall_s)
        address = websocket.client.host if websocket.client is not None else ""
        full = self._full(address)
        if self._stopping.is_set():
            await channel.close(CLOSE_GOING_AWAY, timeout_s=_REFUSAL_TIMEOUT_S)
        elif full is not None:
            await self._turn_away(channel, Refusal("full", full), CLOSE_FULL)
        else:
            client = _Client(address, channel)
            self._enter(client)
            began = time.monotonic()
            try:
                await self._play(websocket, client, previews)
            except PeerGoneError:
                pass
            finally:
                self._leave(client)
                self._note_end(client, time.monotonic() - began)

    async def drain(self, timeout_s: float) -> None:
        """Close every session with 1001; abort those that are not gone after `timeout_s` seconds."""
        self._stopping.set()
        await self._watcher.close()
        for client in self._clients:
            if client.session is not None:
                client.session.wake()
        try:
            async with asyncio.timeout(timeout_s):
                await self._empty.wait()
        except TimeoutError:
            _logger.warning("%d clients did not leave in %.1f s and are dropped", len(self._clients), timeout_s)
            for client in self._clients:
                client.channel.abort()

    async def _play(self, websocket: WebSocket, client: _Client, previews: Previews | None) -> None:
        try:
            name = parse_query(websocket.scope["query_string"], "serving" if previews is None else "dataset")
            programme = await self._open_unless_stopping(name, previews)
        except Refusal as refusal:
            await self._turn_away(client.channel, refusal, CLOSE_REFUSED)
            return
        except Exception as error:  # a fault of the server is told to the client too
            _logger.error("a serving could not be opened", exc_info=error)
            failure = Refusal("internal_error", "the serving could not be opened; the server's log has the details")
            await self._turn_away(client.channel, failure, CLOSE_ENGINE_FAILED)
            return
        if programme is None:
            await client.channel.close(CLOSE_GOING_AWAY, timeout_s=_REFUSAL_TIMEOUT_S)
            return
        client.session = Session(
            websocket,
            client.channel,
            programme,
            self._metrics,
            stopping=self._stopping,
            follow=self._watcher.watch,
            turns=self._turns,
            ack_window=self._limits.ack_window,
            max_lag_s=self._limits.max_lag_s,
        )
        try:
            await client.session.run()
        except Exception as error:  # a fault of the server ends this stream alone, and not without a word
            _logger.error("a stream of %s ended early", programme.serving_id, exc_info=error)
            failure = Refusal("internal_error", "the stream ended early; the server's log has the details")
            await self._turn_away(client.channel, failure, CLOSE_ENGINE_FAILED)
        finally:
            self._watcher.forget(client.session)

    async def _open_unless_stopping(self, name: str, previews: Previews | None) -> Programme | None:
        """The programme of a name; None if the server stops before it is open, which may take its time."""
        opening = asyncio.create_task(self._open(name, previews))
        stopping = asyncio.create_task(self._stopping.wait())
        try:
            await asyncio.wait((opening, stopping), return_when=asyncio.FIRST_COMPLETED)
            return opening.result() if opening.done() else None
        finally:
            opening.cancel()
            stopping.cancel()

    async def _open(self, name: str, previews: Previews | None = None) -> Programme:
        source = self._catalogue if previews is None else previews
        async with self._opening:
            opened = await in_daemon_thread(lambda: source.open(name))
            try:
                run = await self._runs.get(opened.run)
            except OSError as error:
                problem = f"the frame log of {opened.serving_id} cannot be written: {error.strerror or error}"
                raise Refusal("unavailable", problem) from error
        overview = self._overviews.get(run)
        if overview is None:
            overview = self._overviews[run] = Overview(opened.config)
        return Programme(
            serving_id=opened.serving_id,
            alias=opened.alias,
            config_text=opened.config_text,
            period_s=_NO_PACING_S if opened.live else opened.cell_width_ms / 1000.0 / self._limits.speed,
            timeline=opened.timeline,
            run=run,
            bin_s=opened.cell_width_ms / 1000.0,
            overview=overview,
            live=opened.live,
        )

    def _full(self, address: str) -> str | None:
        """Why no more clients are let in from this address, or None."""
        if len(self._clients) >= self._limits.max_clients:
            return f"the server has its {self._limits.max_clients} clients; try again later"
        if self._addresses[address] >= self._limits.max_clients_per_address:
            return f"your address has its {self._limits.max_clients_per_address} clients; close one first"
        return None

    def _enter(self, client: _Client) -> None:
        self._clients.add(client)
        self._addresses[client.address] += 1
        self._empty.clear()

    def _leave(self, client: _Client) -> None:
        self._clients.discard(client)
        self._addresses[client.address] -= 1
        if self._addresses[client.address] == 0:
            del self._addresses[client.address]
        if not self._clients:
            self._empty.set()

    async def _turn_away(self, channel: Channel, refusal: Refusal, code: int) -> None:
        self._metrics.counters.refusals[refusal.code] += 1
        try:
            await channel.send_text(error_text(refusal.code, str(refusal)))
        except PeerGoneError:
            return
        await channel.close(code, timeout_s=_REFUSAL_TIMEOUT_S)

    def _note_end(self, client: _Client, lasted_s: float) -> None:
        session, ended = client.session, client.channel.ended
        self._metrics.counters.closes[ended] += 1
        facts = {
            "address": client.address,
            "ended": ended,
            "seconds": round(lasted_s, 3),
            "serving": None if session is None else session.programme.serving_id,
            "alias": None if session is None else session.programme.alias,
            "bins_sent": 0 if session is None else session.bins_sent,
            "bins_skipped": 0 if session is None else session.bins_skipped,
        }
        _logger.info(
            "client ended: %s", " ".join(f"{name}={fact(value)}" for name, value in facts.items()), extra=facts
        )
