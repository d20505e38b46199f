"""The engine thread: pulls scored bins, encodes them once and hands them to the frame log.

The kernels under the iterator release the GIL, so the event loop keeps its pace while an engine runs.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Final, NamedTuple, Protocol, TypeVar

from vp_contract import Frame
from vp_harness.errors import FrameMismatchError
from vp_stream.errors import EngineError
from vp_stream.frames.bus import FrameSink
from vp_stream.frames.judging import FrameJudge
from vp_stream.telemetry import BinTiming

_logger = logging.getLogger(__name__)

_ANOMALIES_EVERY_S: Final = 1.0

T = TypeVar("T")


class EncodedBin(NamedTuple):
    """A frame, its number and its time (ns since the epoch, UTC)."""

    bin_seq: int
    ts_ns: int
    frame: Frame


class Feed(Protocol[T]):
    """Where the bins of a serving come from. Used by one thread."""

    def bins(self) -> Iterator[T]:
        """A fresh run over the whole replay, from its first bin."""
        ...

    def encode(self, item: T) -> EncodedBin:
        """The frame of one bin."""
        ...

    def anomalies(self, bins: Iterator[T]) -> Mapping[str, int]:
        """What one of the runs has met so far that its records should not hold, by kind."""
        ...

    def distrust(self) -> None:
        """Its frames were not the ones that were judged: forget what is kept between runs."""
        ...


class RunObserver(Protocol):
    """Is told what engine threads do, by these threads."""

    def bin_made(self, timing: BinTiming) -> None:
        """A bin was put into its log."""
        ...

    def anomalies_met(self, new: Mapping[str, int]) -> None:
        """A run met so many more anomalies of these kinds."""
        ...


class Producer:
    """One engine run that fills one frame log."""

    def __init__(
        self,
        serving_id: str,
        feed: Feed[T],
        log: FrameSink,
        observers: Sequence[RunObserver],
        judge: FrameJudge | None = None,
        on_published: Callable[[], None] = lambda: None,
    ) -> None:
        """`on_published` is called by the thread of the run when its log is whole, and all of it was judged."""
        self._serving_id = serving_id
        self._judge = judge
        self._on_published = on_published
        self._log = log
        self._observers = observers
        self._anomalies: Counter[str] = Counter()
        self._looked = float("-inf")
        self._stop = threading.Event()
        # A daemon: an engine deep in its warm-up must not hold up the end of the process.
        self._thread = threading.Thread(target=self._run, args=(feed,), name=f"engine-{serving_id}", daemon=True)

    def start(self) -> None:
        """Begin the run."""
        self._thread.start()

    def stop(self) -> None:
        """Ask the run to end at its next bin; the unfinished log is removed then."""
        self._stop.set()

    def join(self, timeout_s: float) -> bool:
        """Wait for the end of the run; whether it has ended."""
        self._thread.join(timeout_s)
        return not self._thread.is_alive()

    def _run(self, feed: Feed[T]) -> None:
        started = time.monotonic()
        try:
            if self._produce_judged(feed):
                self._log.finish()
                self._on_published()
                _logger.info(
                    "serving %s: %d bins in %.1f s", self._serving_id, self._log.ready, time.monotonic() - started
                )
            else:
                self._log.fail(EngineError("the run was stopped"))
        except Exception as error:  # the boundary of the thread: whatever it was, clients are told
            if not self._stop.is_set():  # else it is the log, closed under a run that was slow to stop
                _logger.error("serving %s: the engine failed", self._serving_id, exc_info=error)
            self._log.fail(error)

    def _produce_judged(self, feed: Feed[T]) -> bool:
        try:
            whole = self._produce(feed)
            if whole and self._judge is not None:
                self._judge.finish()
        except FrameMismatchError:
            feed.distrust()
            raise
        return whole

    def _produce(self, feed: Feed[T]) -> bool:
        """Fill the log. False if it was stopped before the end."""
        now = time.monotonic_ns
        items = feed.bins()
        expected = 0
        while not self._stop.is_set():
            first_ingest = now()
            item = next(items, None)
            if item is None:
                self._tell_anomalies(feed.anomalies(items))
                return True
            last_ingest = now()
            encoded = feed.encode(item)
            if encoded.bin_seq != expected:
                raise EngineError(f"bin {encoded.bin_seq} came where bin {expected} was due")
            expected += 1
            if self._judge is not None:
                self._judge.check(encoded.frame)
            grid_ready = put_start = now()
            self._log.append(encoded.frame)
            timing = BinTiming(
                serving_id=self._serving_id,
                bin_seq=encoded.bin_seq,
                ts_ns=encoded.ts_ns,
                first_ingest_ns=first_ingest,
                last_ingest_ns=last_ingest,
                grid_ready_ns=grid_ready,
                queue_put_start_ns=put_start,
                queue_put_done_ns=now(),
            )
            for observer in self._observers:
                observer.bin_made(timing)
            if time.monotonic() - self._looked >= _ANOMALIES_EVERY_S:
                self._looked = time.monotonic()
                self._tell_anomalies(feed.anomalies(items))
        return False

    def _tell_anomalies(self, met: Mapping[str, int]) -> None:
        new = Counter(met) - self._anomalies
        if new:
            self._anomalies.update(new)
            for observer in self._observers:
                observer.anomalies_met(new)
