"""One live feed under way: records what comes and makes bins of it, which the clock closes, and says how it stands."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import databento_dbn
import numpy as np

from vp_book.bins.reader import Bin
from vp_book.dbn.reading import Batch
from vp_book.instrument import Instrument
from vp_book.records import F_LAST, F_SNAPSHOT, MBO_DTYPE, MBO_WORDS, NS_PER_S, RTYPE_MBO

from .bins import LiveBins
from .gateway import FeedRequest, GatewayFeed
from .pushed import PushedStream
from .recording import Recorder
from .router import LiveRouter

_BUCKET_NS: Final = 30_000_000_000
_KEPT_MESSAGES: Final = 20
_CERTIFY_EVERY_S: Final = 1.0
_CHECK_EVERY_S: Final = 0.02
"""As long as it sleeps at most: the first record, or a faster one, moves what is due."""
_POLL_S: Final = 0.0012
"""So long before a bin is due the event loop is not left to its timers, which are up to a millisecond late."""
_AGAIN_S: Final = 0.0005
_ROOM_S: Final = 0.01
"""Time that marks and certificates get before the next bin is due."""
_ERROR, _SYSTEM = 21, 23


class FeedClock:
    """The market's time as it is here: by the least delay with which records have come lately.

    The clock of this machine may be wrong, and must not step: only the time that passes on it is used. So a bin is
    closed `hold_back_ms` after a record of its end would have come, had it come as fast as the fastest.
    """

    def __init__(self) -> None:
        self._delays: list[tuple[int, int]] = []  # (bucket of the monotonic clock, least delay in it): two at most

    def observe(self, ts_ns: int, monotonic_ns: int) -> None:
        """A record of the market's time `ts_ns` came at a time of the monotonic clock."""
        bucket, delay = monotonic_ns // _BUCKET_NS, monotonic_ns - ts_ns
        if self._delays and self._delays[-1][0] == bucket:
            self._delays[-1] = (bucket, min(self._delays[-1][1], delay))
        else:
            self._delays = [*self._delays[-1:], (bucket, delay)]

    def now(self, monotonic_ns: int) -> int | None:
        """The market's time, ns UTC; None before the first record."""
        return monotonic_ns - min(delay for _, delay in self._delays) if self._delays else None


@dataclass(slots=True)
class FeedState:
    """What a feed has met, for a health report. Times are ns UTC of this machine."""

    connected: bool = False
    session_id: str | None = None
    connections: int = 0
    losses: int = 0
    last_loss: str | None = None
    last_received_ns: int = 0
    bytes: int = 0
    records: int = 0
    heartbeats: int = 0
    system_messages: deque[str] = field(default_factory=lambda: deque(maxlen=_KEPT_MESSAGES))
    errors: deque[str] = field(default_factory=lambda: deque(maxlen=_KEPT_MESSAGES))
    symbols: dict[str, int] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        """Plain JSON values."""
        return {
            "connected": self.connected,
            "session_id": self.session_id,
            "connections": self.connections,
            "losses": self.losses,
            "last_loss": self.last_loss,
            "last_received_ns": self.last_received_ns,
            "bytes": self.bytes,
            "records": self.records,
            "heartbeats": self.heartbeats,
            "system_messages": list(self.system_messages),
            "errors": list(self.errors),
            "symbols": dict(self.symbols),
        }


class FeedSession:
    """Takes what a `GatewayFeed` gives: records it, makes bins of it, keeps its state.

    `bins` maps names to the `LiveBins` of the instruments; it may be empty, to record only. `on_bins` gets the bins
    as they are closed, with the name, on the thread of the event loop that `run` runs on. `certificates` has those of
    the bins by name, as of a second ago at most; they may be read from any thread.
    """

    def __init__(
        self,
        bins: Mapping[str, LiveBins],
        recorder: Recorder | None = None,
        on_bins: Callable[[str, list[Bin]], None] | None = None,
    ) -> None:
        self.state = FeedState()
        self.bins = dict(bins)
        self.certificates: dict[str, dict[str, Any]] = {}
        self._router = LiveRouter(bins) if bins else None
        self._recorder = recorder
        self._on_bins = on_bins
        self._stream = PushedStream()
        self._clock = FeedClock()
        self._certified_at = time.monotonic()

    async def run(self, request: FeedRequest) -> None:
        """Listen until cancelled; raises as `GatewayFeed.run` does."""
        _load_kernels(with_book=bool(self.bins))
        feed = GatewayFeed(request, self)
        clock = asyncio.ensure_future(self._keep_time())
        try:
            await feed.run()
        finally:
            clock.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await clock
            self.end()

    def end(self) -> None:
        """Nothing more comes: what the clock has closed is marked, the recording is closed."""
        self._keep_marks(newest_close=True)
        self._certify()
        if self._recorder is not None:
            self._recorder.close()

    def connected(self, session_id: str) -> None:
        """See `FeedListener`, whose methods these three are."""
        state = self.state
        state.connected, state.session_id = True, session_id
        state.connections += 1

    def received(self, data: bytes) -> None:
        """Bytes of the session. Raises `DbnDamagedError` or `DbnFormatError` for what is no DBN."""
        now = time.monotonic_ns()
        state, stream = self.state, self._stream
        state.last_received_ns = time.time_ns()
        state.bytes += len(data)
        batch = stream.take(data)
        if stream.head and stream.header is not None:
            if self._recorder is not None:
                self._recorder.begin(stream.head, stream.header, state.last_received_ns)
            if self._router is not None:
                self._router.begin_stream(stream.header)
        if batch is not None:
            self._take(batch, now)
        stream.refuse_damage()

    def lost(self, reason: str) -> None:
        """The session is over; bins are not valid until the next one has brought a snapshot."""
        state = self.state
        state.last_loss = reason
        if not state.connected:  # an attempt that failed changes nothing
            return
        ts_ns = self._clock.now(time.monotonic_ns()) or 0
        self._stream.restart()
        self._keep_marks()
        if self._router is not None:
            self._router.lose(ts_ns)
            self._keep_marks()
        if self._recorder is not None:
            self._recorder.lost(ts_ns)
        self._certify()  # before the loss is counted: who sees the count sees the gap
        state.connected, state.session_id = False, None
        state.losses += 1

    def tick(self) -> None:
        """Close the bins whose time has come."""
        ts_ns = self._clock.now(time.monotonic_ns())
        if ts_ns is not None and self._router is not None:
            self._tell(self._router.close_until(ts_ns))

    async def _keep_time(self) -> None:
        while True:
            wait_s = self._until_due_s()
            if 0 < wait_s <= _POLL_S:  # the loop's timers are whole milliseconds: what comes is heard meanwhile
                await asyncio.sleep(0)
                continue
            if wait_s > 0:
                await asyncio.sleep(min(wait_s - _POLL_S, _CHECK_EVERY_S))
            self.tick()
            wait_s, since_s = self._until_due_s(), time.monotonic() - self._certified_at
            if since_s >= _CERTIFY_EVERY_S and (wait_s >= _ROOM_S or since_s >= 2 * _CERTIFY_EVERY_S):
                self._keep_marks(newest_close=True)
                self._certify()
            elif wait_s <= 0:  # a bin waits for the rest of an event
                await asyncio.sleep(_AGAIN_S)

    def _certify(self) -> None:
        self.certificates = {name: bins.certificate() for name, bins in self.bins.items()}
        self._certified_at = time.monotonic()

    def _until_due_s(self) -> float:
        """How long until a bin is due, 0 or less when one is; `_CHECK_EVERY_S` when nothing is known of it."""
        now = self._clock.now(time.monotonic_ns())
        due = [bins.due_ns for bins in self.bins.values() if bins.due_ns is not None]
        return _CHECK_EVERY_S if now is None or not due else (min(due) - now) / NS_PER_S

    def _take(self, batch: Batch, monotonic_ns: int) -> None:
        state = self.state
        state.records += batch.count
        for _, mapping in batch.mappings:
            state.symbols.update(dict.fromkeys(sorted(mapping.names), mapping.instrument_id))
        if batch.rtypes is not None and np.isin(batch.rtypes, (_ERROR, _SYSTEM)).any():
            self._take_messages(self._stream.whole)
        if self._recorder is not None:
            self._recorder.write(self._stream.whole, batch)
        live = batch.records["ts_recv"][batch.records["flags"] & F_SNAPSHOT == 0]
        if len(live) and int(live[-1]) < 2**62:
            self._clock.observe(int(live[-1]), monotonic_ns)
        if self._router is not None:
            self._tell(self._router.take(batch))

    def _take_messages(self, whole: bytes) -> None:
        """The errors and system messages among some whole records."""
        version = self._stream.header.version if self._stream.header is not None else None
        at = 0
        while at < len(whole):
            size = 4 * whole[at]
            if whole[at + 1] in (_ERROR, _SYSTEM):
                decoder = databento_dbn.DBNDecoder(has_metadata=False, input_version=version)
                with contextlib.suppress(databento_dbn.DBNError, ValueError):
                    for record in decoder.write_and_decode(whole[at : at + size]):
                        self._take_message(record)
            at += size

    def _take_message(self, record: Any) -> None:
        state = self.state
        if isinstance(record, databento_dbn.ErrorMsg):
            state.errors.append(record.err)
        elif isinstance(record, databento_dbn.SystemMsg):
            if record.is_heartbeat():
                state.heartbeats += 1
            else:
                state.system_messages.append(record.msg)

    def _tell(self, closed: Mapping[str, list[Bin]]) -> None:
        if self._recorder is not None:
            self._keep_marks()
        if self._on_bins is not None:
            for name, bins in closed.items():
                if bins:
                    self._on_bins(name, bins)

    def _keep_marks(self, *, newest_close: bool = False) -> None:
        for bins in self.bins.values():
            for mark in bins.take_marks(newest_close=newest_close):
                if self._recorder is not None:
                    self._recorder.mark(bins.engine.instrument.symbol, mark)


def _load_kernels(*, with_book: bool) -> None:
    """Load or compile what a first record would wait for: the gateway need not."""
    system = np.zeros(16, np.uint8)
    system[:2] = 4, _SYSTEM
    quote = np.zeros(2, MBO_DTYPE)
    quote["length"], quote["rtype"], quote["flags"], quote["size"] = MBO_WORDS, RTYPE_MBO, F_LAST, 1
    quote["order_id"], quote["price"], quote["action"], quote["side"] = (1, 2), (10**9, 2 * 10**9), b"A", (b"B", b"A")
    quote["ts_recv"] = quote["ts_event"] = 10**18
    batch = PushedStream().take(system.tobytes() + quote.tobytes())
    if with_book and batch is not None:
        bins = LiveBins(Instrument("LOADED", "1"), n_absolute_ticks=1024)
        bins.push(batch.records)
        bins.close_until(10**18 + 10**9)
