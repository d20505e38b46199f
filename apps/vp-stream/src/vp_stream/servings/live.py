"""A promoted serving on the live feed: the feed on a thread of its own, its bins as those of any serving."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import datetime as dt
import logging
import queue
import threading
import time
from collections.abc import Iterator, Mapping
from types import TracebackType
from typing import Final
from zoneinfo import ZoneInfo

from vp_book import Bin, FeedError
from vp_book.live import FeedRequest, FeedSession, Recorder
from vp_contract import CONTRACT_VERSION, FrameEncoder, PublishedServing, RuntimeConfig
from vp_harness import ServedSignal, live_bins, live_scores
from vp_registry import ResolvedServing
from vp_stream.errors import EngineError, Refusal
from vp_stream.frames.logfile import LogKey
from vp_stream.frames.producer import EncodedBin
from vp_stream.frames.runs import RunSpec
from vp_stream.servings.catalogue import OpenedServing, Status
from vp_stream.servings.published import LakeCatalogue, runtime_config_text
from vp_stream.servings.signal import ServedBin

_logger = logging.getLogger(__name__)

_JOIN_S: Final = 5.0
_NEW_YORK: Final = ZoneInfo("America/New_York")
_LAST_GAPS: Final = 20


class LiveThread:
    """A feed session on a thread and an event loop of its own. A context manager: leaving it ends the feed.

    `bins` is what it puts its bins into, and at its end None or what ended it.
    """

    def __init__(
        self, request: FeedRequest, config: RuntimeConfig | None, recorder: Recorder, hold_back_ms: int
    ) -> None:
        self.bins: queue.SimpleQueue[Bin | Exception | None] = queue.SimpleQueue()
        self.failure: Exception | None = None
        self.recorder = recorder
        made = {} if config is None else {config.symbol: live_bins(config, hold_back_ms)}
        self.session = FeedSession(made, recorder, self._take)
        self._request = request
        self._loop: asyncio.AbstractEventLoop | None = None
        self._task: asyncio.Task[None] | None = None
        self._begun = threading.Event()
        self._thread = threading.Thread(target=self._run, name="live-feed", daemon=True)

    def __enter__(self) -> LiveThread:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._begun.wait(_JOIN_S)
        if self._loop is not None and self._task is not None:
            with contextlib.suppress(RuntimeError):  # it has ended by itself
                self._loop.call_soon_threadsafe(self._task.cancel)
        self._thread.join(_JOIN_S)

    @property
    def ended(self) -> bool:
        """Whether the feed is over, which only an error brings about."""
        return self._begun.is_set() and not self._thread.is_alive()

    def wait_connected(self, timeout_s: float) -> None:
        """Wait for the first session. Raises what ended the feed before, FeedError when it takes too long."""
        until = time.monotonic() + timeout_s
        while not self.session.state.connections:
            if self.failure is not None:
                raise self.failure
            if time.monotonic() > until:
                raise FeedError(f"gateway: no session in {timeout_s:.0f} s; check the network and the gateway's status")
            time.sleep(0.01)

    def _take(self, _name: str, bins: list[Bin]) -> None:
        for bin_ in bins:
            self.bins.put(bin_)

    def _run(self) -> None:
        try:
            asyncio.run(self._listen())
        except asyncio.CancelledError:
            self.bins.put(None)
        except Exception as error:  # the boundary of the thread: who reads the bins is told
            if not isinstance(error, FeedError):
                _logger.error("the live feed ended", exc_info=error)
            self.failure = error
            self.bins.put(error)
        finally:
            self._begun.set()

    async def _listen(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._task = asyncio.current_task()
        self._begun.set()
        await self.session.run(self._request)


class LiveRun(Iterator[ServedBin]):
    """The scored bins of a live feed, each as soon as it is closed."""

    def __init__(self, thread: LiveThread, config: RuntimeConfig, served: ServedSignal | None) -> None:
        self._thread = thread
        self._chain = live_scores(config)
        self._running = None if served is None else served.start()

    def __next__(self) -> ServedBin:
        item = self._thread.bins.get()
        if item is None:
            raise StopIteration
        if isinstance(item, Exception):
            raise item
        scored = self._chain.update(item)
        return ServedBin(scored, None if self._running is None else self._running.step(scored))

    def anomalies(self) -> Mapping[str, int]:
        """What the book has met up to a second ago."""
        counts: dict[str, int] = {}
        for certificate in self._thread.session.certificates.values():
            counts |= certificate["anomalies"]
            counts |= {f"crossed_{phase}": n for phase, n in certificate["crossed_boundaries"].items()}
        return counts


class LiveFeed:
    """What a live serving runs on. It runs once: a market does not come again."""

    def __init__(self, thread: LiveThread, config: RuntimeConfig, served: ServedSignal | None) -> None:
        self._thread = thread
        self._config = config
        self._served = served
        self._encoder = FrameEncoder(config)
        self._begun = False

    def bins(self) -> LiveRun:
        """The bins from the first on. Raises `EngineError` when they were asked for before."""
        if self._begun:
            raise EngineError("the live feed was read before: start the server again")
        self._begun = True
        return LiveRun(self._thread, self._config, self._served)

    def encode(self, item: ServedBin) -> EncodedBin:
        """The frame of one bin."""
        scored, served = item
        frame = self._encoder.encode(scored.fields, scored.cells, scored.derivative, served, scored.marks)
        return EncodedBin(int(scored.fields["bin_seq"]), scored.ts_ns, frame)

    def anomalies(self, bins: Iterator[ServedBin]) -> Mapping[str, int]:
        """The anomalies of the book so far, and its crossed boundaries by phase."""
        return bins.anomalies() if isinstance(bins, LiveRun) else {}

    def distrust(self) -> None:
        """Nothing is kept between runs."""


class LiveCatalogue(LakeCatalogue):
    """The servings of a registry, of which the one of `alias` is live and the only one that is served.

    `prepare` checks it; `go_live` says what it runs on from then.
    """

    _opened: OpenedServing | None = None
    _thread: LiveThread | None = None
    _recording: str = ""

    def prepare(self, alias: str) -> tuple[PublishedServing, ServedSignal]:
        """A promoted serving and its signal, as this environment would serve them. Raises `Refusal`."""
        spec = self.published(alias)
        return spec, self.checked(spec)

    def go_live(self, alias: str, served: ServedSignal, thread: LiveThread) -> RunSpec:
        """Serve the alias from a feed; returns the run to be pinned."""
        resolved = self.resolved(alias)
        spec, now, name = resolved.spec, dt.datetime.now(_NEW_YORK), thread.recorder.directory.name
        runtime = spec.runtime
        key = LogKey(
            serving_id=spec.serving_id,
            config_hash=runtime.config_version,
            source_sha256=f"live:{name}",
            digests=spec.digests,
            contract_version=CONTRACT_VERSION,
            signal=served.key,
        )
        run = RunSpec(
            key,
            self.lake.stream_cache_dir(spec.serving_id),
            LiveFeed(thread, runtime, served),
            runtime,
            any_log=False,
            pinned=True,
        )
        self._thread, self._recording = thread, name
        self._opened = OpenedServing(
            serving_id=spec.serving_id,
            alias=resolved.alias,
            config_text=_live_text(resolved, now),
            cell_width_ms=runtime.cell_width_ms,
            config=runtime,
            timeline=(runtime.symbol, "live", name),
            run=run,
            live=True,
        )
        return run

    def open(self, name: str) -> OpenedServing:
        """The live serving, by its alias or its id. Raises `Refusal` for any other."""
        opened = self._opened
        if opened is None:
            raise Refusal("unavailable", "the live feed has not begun; try again later")
        if name not in (opened.alias, opened.serving_id):
            raise Refusal("unknown_serving", f"serving={name!r}: this server is live and serves {opened.alias} alone")
        return opened

    def target(self, alias: str) -> str:
        """The serving that is live: where an alias points to meanwhile, the next start of the server takes."""
        return super().target(alias) if self._opened is None else self._opened.serving_id

    def status(self) -> Status:
        """As of a lake, and the state of the feed."""
        status, thread = super().status(), self._thread
        if thread is None:
            return status
        state = thread.session.state
        problem = None
        if thread.failure is not None:
            problem = f"the feed ended: {thread.failure}"
        elif not state.connected:
            problem = f"the feed is lost and connected to again: {state.last_loss}"
        live = {**state.as_json(), "recording": self._recording}
        for certificate in thread.session.certificates.values():
            live |= {"late": certificate["late"], "gaps": certificate["gaps"][-_LAST_GAPS:]}
        return dataclasses.replace(status, live=live, live_problem=problem)


def _live_text(resolved: ResolvedServing, now: dt.datetime) -> str:
    """The `runtime_config` message, of the day and the time at which the feed began."""
    return runtime_config_text(resolved, None, began=(f"{now:%Y-%m-%d}", f"{now:%H:%M}"))
