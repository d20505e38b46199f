"""One client: its cursor, its control messages, and the one task that sends to it.

Two tasks run per client. The receiver is always reading, or a disconnect would go unnoticed; it only changes state and
sets the wake event. The sender is the only one that sends, so the two messages of a bin are never torn apart and an
error reply never comes between them.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import msgspec
from starlette.websockets import WebSocket

from vp_contract import (
    ACK_WINDOW_BINS,
    Ack,
    ClientMessage,
    Follow,
    Frame,
    GridUpdate,
    History,
    HistoryEnd,
    Pause,
    Resume,
    Seek,
    Speed,
    SpeedSet,
    StreamEnd,
    encode_message,
)
from vp_stream.clients.history import LookBack, checked
from vp_stream.clients.protocol import (
    CLOSE_DONE,
    CLOSE_ENGINE_FAILED,
    CLOSE_GOING_AWAY,
    CLOSE_REFUSED,
    error_text,
    parse_client_message,
)
from vp_stream.clients.schedule import Pacer, Wait
from vp_stream.clients.transport import Channel, PeerGoneError
from vp_stream.errors import Refusal
from vp_stream.frames.overview import Overview
from vp_stream.frames.runs import ServingRun
from vp_stream.metrics import Metrics
from vp_stream.turns import Share, Turns

_UPDATE_DECODER: Final = msgspec.json.Decoder(GridUpdate)
_MESSAGES_PER_SECOND: Final = 200.0
_MESSAGE_BURST: Final = 100
_MOST_REPLIES: Final = 32
_CLOSE_TIMEOUT_S: Final = 1.0


@dataclass(frozen=True, slots=True)
class Programme:
    """What a session plays: a serving under the name the client used, and the run behind it.

    A bin is `bin_s` seconds of the market, and one is sent every `period_s` seconds unless the client sets a speed.

    `timeline` is equal for two servings exactly if the same bin number means the same time in both. One that is `live`
    begins with its newest bin.
    """

    serving_id: str
    alias: str | None
    config_text: str
    period_s: float
    timeline: tuple[str, ...]
    run: ServingRun
    bin_s: float
    overview: Overview
    live: bool = False


class Session:
    """Plays a programme to one accepted WebSocket until it ends, the client leaves or the server stops."""

    def __init__(
        self,
        websocket: WebSocket,
        channel: Channel,
        programme: Programme,
        metrics: Metrics,
        *,
        stopping: asyncio.Event,
        follow: Callable[[Session], None],
        turns: Turns,
        nonsense_budget: int = 8,
        ack_window: int = ACK_WINDOW_BINS,
        max_lag_s: float = 1.0,
    ) -> None:
        self._websocket = websocket
        self._channel = channel
        self._programme = programme
        self._next_programme: Programme | None = None
        self._metrics = metrics
        self._stopping = stopping
        self._start_following = follow
        self._turns = turns
        self._share = Share()
        self._nonsense_left = nonsense_budget
        self._ack_window = ack_window
        self._max_lag_s = max_lag_s
        self._unacked: deque[int] | None = None
        self._look_back: LookBack | None = None
        self._speed: float | None = None
        self._replies: deque[str] = deque(maxlen=_MOST_REPLIES)
        self._gave_way = True
        self._wake = asyncio.Event()
        self._clock = asyncio.get_running_loop().time
        self._pacer = self._new_pacer(programme, max(programme.run.ready - 1, 0) if programme.live else 0)
        self.bins_sent = 0
        self.bins_skipped = 0

    @property
    def programme(self) -> Programme:
        """What is played now."""
        return self._programme

    @property
    def runs(self) -> tuple[ServingRun, ...]:
        """What is played now, and what will be next."""
        coming = self._next_programme
        return (self._programme.run,) if coming is None else (self._programme.run, coming.run)

    @property
    def engine_lag_s(self) -> float:
        """Seconds for which the client has been waiting for a bin that is due and not made yet."""
        return self._pacer.engine_lag(self._clock())

    async def run(self) -> None:
        """Play to the end. Returns when the connection is closed, whoever closed it."""
        receiver = asyncio.create_task(self._receive())
        sender = asyncio.create_task(self._send())
        try:
            await asyncio.wait((receiver, sender), return_when=asyncio.FIRST_COMPLETED)
        finally:
            self._stop_going_back()
            tasks = (receiver, sender)
            for task in tasks:
                task.cancel()
            outcomes = await asyncio.gather(*tasks, return_exceptions=True)
        for outcome in outcomes:
            if isinstance(outcome, Exception) and not isinstance(outcome, PeerGoneError):
                raise outcome

    def wake(self) -> None:
        """Have the sender look at the state again."""
        self._wake.set()

    def switch_to(self, programme: Programme) -> None:
        """Play another serving from the next bin on, because the followed alias moved."""
        self._next_programme = programme
        self._wake.set()

    def tell(self, code: str, message: str) -> None:
        """Send an error message between two bins; the stream goes on. Of too many unsent ones the oldest are lost."""
        self._replies.append(error_text(code, message))
        self._wake.set()

    async def _receive(self) -> None:
        """Read until the client is gone."""
        bucket, refilled = float(_MESSAGE_BURST), self._clock()
        while True:
            message = await self._websocket.receive()
            if message["type"] == "websocket.disconnect":
                return
            text = message.get("text")
            self._handle(text if text is not None else message.get("bytes") or b"")
            now = self._clock()
            bucket = min(float(_MESSAGE_BURST), bucket + (now - refilled) * _MESSAGES_PER_SECOND) - 1.0
            refilled = now
            if bucket < 0.0:
                # Not reading is all it takes: the client's own socket fills up.
                await asyncio.sleep(-bucket / _MESSAGES_PER_SECOND)

    def _handle(self, data: str | bytes) -> None:
        try:
            self._apply(parse_client_message(data))
        except Refusal as refusal:
            if self._nonsense_left >= 0:
                self._nonsense_left -= 1
                self.tell(refusal.code, str(refusal))
        self._wake.set()

    def _apply(self, message: ClientMessage) -> None:
        match message:
            case Pause():
                self._pacer.pause()
            case Resume():
                self._pacer.resume()
            case Seek(bin_seq=bin_seq):
                self._seek(bin_seq)
            case Ack(bin_seq=bin_seq):
                self._acknowledge(bin_seq)
            case History():
                self._go_back(message)
            case Speed(value=value):
                self._speed = value
                self._pacer.play_at(self._programme.bin_s / value)
                self._replies.append(encode_message(SpeedSet(value=value)).decode())
            case Follow():
                if self._programme.alias is None:
                    self.tell("not_an_alias", "follow: the stream was opened by a serving id; open it by an alias")
                else:
                    self._start_following(self)

    def _seek(self, bin_seq: int) -> None:
        run = self._programme.run
        if run.finished and bin_seq >= run.ready:
            self.tell("bad_seek", f"bin_seq={bin_seq}: must be from 0 to {run.ready - 1}")
            return
        self._pacer.seek(bin_seq)
        if self._unacked is not None:
            self._unacked.clear()

    def _go_back(self, request: History) -> None:
        programme = self._programme
        try:
            there = checked(request, programme.run.ready)
        except Refusal as refusal:
            self.tell(refusal.code, str(refusal))
            return
        self._stop_going_back()
        self._look_back = LookBack(there, programme.run, programme.overview, self._turns, self.wake, self._share)

    def _stop_going_back(self) -> None:
        if self._look_back is not None:
            self._look_back.close()
            self._look_back = None

    def _acknowledge(self, bin_seq: int) -> None:
        if self._unacked is None:
            self._unacked = deque()
        while self._unacked and self._unacked[0] <= bin_seq:
            self._unacked.popleft()

    async def _send(self) -> None:
        """Send until the replay is over or something ends it; the connection is closed then."""
        await self._channel.send_text(self._programme.config_text)
        while True:
            code = await self._step()
            if code is not None:
                await self._channel.close(code, timeout_s=_CLOSE_TIMEOUT_S)
                return

    async def _step(self) -> int | None:
        """Do the next thing. The close code if that was the last."""
        while self._replies:
            await self._channel.send_text(self._replies.popleft())
        if self._nonsense_left < 0:
            return CLOSE_REFUSED
        if self._stopping.is_set():
            return CLOSE_GOING_AWAY
        if self._next_programme is not None:
            await self._switch(self._next_programme)
        run = self._programme.run
        if run.failure is not None:
            await self._channel.send_text(error_text("engine_failed", describe_failure(run.failure)))
            return CLOSE_ENGINE_FAILED
        if run.finished and self._pacer.cursor >= run.ready and not self._pacer.paused and self._look_back is None:
            await self._channel.send_text(encode_message(StreamEnd(bins=run.ready)).decode())
            return CLOSE_DONE
        choice = Wait(None) if self._must_wait_for_ack() else self._pacer.choose(self._clock(), run.ready)
        if isinstance(choice, Wait):
            self._gave_way = True
            if not await self._send_of_history():
                await self._sleep(choice.until)
            return None
        if not self._gave_way:
            # A client as quick as the server would otherwise never let go of the event loop while bins are due.
            self._gave_way = True
            await asyncio.sleep(0)
            return None
        cursor = self._pacer.cursor
        frame = await run.frame(choice.bin_seq)
        if self._pacer.cursor != cursor or (self._pacer.paused and not self._pacer.shows_one):
            return None  # the client moved or paused while the frame was fetched
        if frame is None:
            return None  # it is being made again: it is not among the ready ones any more
        self._pacer.sent(choice.bin_seq)
        if self._unacked is not None:
            self._unacked.append(choice.bin_seq)
        if choice.skipped:
            frame = _with_skipped(frame, choice.skipped)
        await self._channel.send_frame(frame)
        lateness = None if choice.since is None else self._clock() - choice.since
        self._metrics.bin_sent(len(frame.update) + len(frame.grid), choice.skipped, lateness)
        self.bins_sent += 1
        self.bins_skipped += choice.skipped
        self._gave_way = False
        return None

    async def _send_of_history(self) -> bool:
        """Send what is ready of a history, while no bin of the stream is due; whether that was anything."""
        look_back = self._look_back
        if look_back is None:
            return False
        frame = look_back.take()
        if frame is not None:
            await self._channel.send_frame(frame)
            self._metrics.history_sent(len(frame.update) + len(frame.grid))
            await asyncio.sleep(0)
            return True
        if not look_back.over:
            return False
        request = look_back.request
        end = HistoryEnd(from_=request.from_, to=request.to, every=request.every, bins=look_back.bins)
        self._stop_going_back()
        await self._channel.send_text(encode_message(end).decode())
        return True

    async def _switch(self, programme: Programme) -> None:
        same_time = programme.timeline == self._programme.timeline
        paused = self._pacer.paused
        self._pacer = self._new_pacer(programme, self._pacer.cursor if same_time else 0)
        if paused:
            self._pacer.pause()
        if self._unacked is not None:
            self._unacked.clear()
        self._stop_going_back()
        self._programme, self._next_programme = programme, None
        await self._channel.send_text(programme.config_text)

    def _new_pacer(self, programme: Programme, cursor: int) -> Pacer:
        period_s = programme.period_s if self._speed is None else programme.bin_s / self._speed
        pacer = Pacer(period_s, programme.run.ready_at, max_lag_s=self._max_lag_s)
        if cursor:
            pacer.seek(cursor)
        return pacer

    def _must_wait_for_ack(self) -> bool:
        return self._unacked is not None and len(self._unacked) >= self._ack_window

    async def _sleep(self, until: float | None) -> None:
        """Wait for the wake event, or until a time of the loop's clock."""
        run = self._programme.run
        timer = None
        if until is None:
            run.call_on_change(self.wake)
        else:
            timer = asyncio.get_running_loop().call_at(until, self._wake.set)
        try:
            await self._wake.wait()
        finally:
            self._wake.clear()
            run.forget(self.wake)
            if timer is not None:
                timer.cancel()


def describe_failure(error: Exception) -> str:
    """A sentence about an engine failure that may leave the server."""
    if isinstance(error, OSError):
        return f"the engine run failed: {error.strerror or error}"  # without the path it may name
    if type(error).__module__.partition(".")[0].startswith("vp_"):
        return f"the engine run failed: {error}"
    return f"the engine run failed with an unexpected {type(error).__name__}; the server's log has the details"


def _with_skipped(frame: Frame, skipped: int) -> Frame:
    update = msgspec.structs.replace(_UPDATE_DECODER.decode(frame.update), skipped_bins=skipped)
    return Frame(encode_message(update), frame.grid)
