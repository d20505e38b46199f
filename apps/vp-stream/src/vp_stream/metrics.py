"""What the server counts and times, and `GET /metrics`, which tells it in Prometheus' words.

What sessions count are plain integers of the event loop, read when somebody asks: a client and bin costs two additions
and one histogram. Engine threads time their bins through `EngineMetrics`.
"""

from __future__ import annotations

import asyncio
import threading
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from importlib.metadata import version
from typing import TYPE_CHECKING, Final

import prometheus_client as prometheus
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector
from starlette.requests import Request
from starlette.responses import Response

from vp_contract import CONTRACT_VERSION
from vp_stream.clients.transport import DROPPED, LEFT
from vp_stream.telemetry import BinTiming, LatencyLog

if TYPE_CHECKING:
    from vp_stream.clients.capacity import Listener
    from vp_stream.clients.hub import Hub

_MICROSECONDS: Final = (50e-6, 100e-6, 200e-6, 500e-6, 1e-3, 2e-3, 5e-3, 10e-3, 20e-3, 50e-3, 0.1, 0.5, 2.0)
_MILLISECONDS: Final = (1e-3, 2e-3, 5e-3, 10e-3, 20e-3, 50e-3, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0)
_LOOP_LOOK_S: Final = 0.1


@dataclass(slots=True)
class Counters:
    """What sessions have done since the server started. Belongs to the event loop."""

    bins_sent: int = 0
    bins_skipped: int = 0
    history_sent: int = 0
    bytes_sent: int = 0
    connections: int = 0
    refusals: Counter[str] = field(default_factory=Counter)
    closes: Counter[str] = field(default_factory=Counter)


class Metrics:
    """The metrics of one server, in a registry of their own. The engine's side may be used by any thread."""

    def __init__(self) -> None:
        self.registry = prometheus.CollectorRegistry()
        self.counters = Counters()
        self._stages = prometheus.Histogram(
            "vp_stream_stage_seconds",
            "Time of one bin in the engine thread: book and scores, encoding, frame log",
            ["stage"],
            buckets=_MICROSECONDS,
            registry=self.registry,
        )
        self._engine = self._stages.labels("engine")
        self._encode = self._stages.labels("encode")
        self._log = self._stages.labels("log")
        self._lateness = prometheus.Histogram(
            "vp_stream_send_lateness_seconds",
            "From the moment a bin was due and ready until a client's socket had taken it",
            buckets=_MILLISECONDS,
            registry=self.registry,
        )
        self._loop_lag = prometheus.Histogram(
            "vp_stream_loop_lag_seconds",
            "How much later than asked the event loop woke up",
            buckets=_MILLISECONDS,
            registry=self.registry,
        )
        self._anomalies = prometheus.Counter(
            "vp_stream_anomalies",
            "What replayed records held that they should not, by kind",
            ["kind"],
            registry=self.registry,
        )
        prometheus.Info("vp_stream", "Versions of this server", registry=self.registry).info(
            {"version": version("vp-stream"), "contract_version": CONTRACT_VERSION}
        )
        prometheus.ProcessCollector(registry=self.registry)
        prometheus.GCCollector(registry=self.registry)

    def bin_made(self, timing: BinTiming) -> None:
        """An engine thread has put a bin into its log."""
        self._engine.observe((timing.last_ingest_ns - timing.first_ingest_ns) / 1e9)
        self._encode.observe((timing.grid_ready_ns - timing.last_ingest_ns) / 1e9)
        self._log.observe((timing.queue_put_done_ns - timing.queue_put_start_ns) / 1e9)

    def anomalies_met(self, new: Mapping[str, int]) -> None:
        """An engine thread has met these anomalies, by kind, since it last said so."""
        for kind, count in new.items():
            self._anomalies.labels(kind).inc(count)

    def bin_sent(self, size: int, skipped: int, lateness_s: float | None) -> None:
        """A session has handed a bin of `size` bytes to its socket; no lateness where there is no schedule."""
        self.counters.bins_sent += 1
        self.counters.bins_skipped += skipped
        self.counters.bytes_sent += size
        if lateness_s is not None:
            self._lateness.observe(max(lateness_s, 0.0))

    def history_sent(self, size: int) -> None:
        """A session has handed a bin of a history, of `size` bytes, to its socket."""
        self.counters.history_sent += 1
        self.counters.bytes_sent += size

    def watch(self, hub: Hub) -> None:
        """Tell of this hub and of the event loop it is on too, from now on."""
        self.registry.register(_HubCollector(hub, self.counters))
        self.registry.register(_LoopCollector(asyncio.get_running_loop()))

    def watch_sockets(self, listener: Listener) -> None:
        """Tell of the connections of this socket too, from now on."""
        self.registry.register(_SocketCollector(listener))

    def watch_telemetry(self, latency: LatencyLog) -> None:
        """Tell of what this file could not take too, from now on."""
        self.registry.register(_TelemetryCollector(latency))

    async def watch_loop(self) -> None:
        """Measure the event loop until cancelled."""
        loop = asyncio.get_running_loop()
        while True:
            asked = loop.time() + _LOOP_LOOK_S
            await asyncio.sleep(_LOOP_LOOK_S)
            self._loop_lag.observe(max(loop.time() - asked, 0.0))


class _HubCollector(Collector):
    """What is only looked up when somebody asks."""

    def __init__(self, hub: Hub, counters: Counters) -> None:
        self._hub = hub
        self._counters = counters

    def collect(self) -> Iterator[Metric]:
        hub, counters = self._hub, self._counters
        yield _gauge("clients", "Clients connected now", hub.clients)
        yield _counter("connections", "WebSockets accepted", counters.connections)
        yield _counter("bins_sent", "Bins sent, over all clients", counters.bins_sent)
        yield _counter("history_sent", "Bins sent once more because a client looked back", counters.history_sent)
        yield _counter("bins_skipped", "Bins left out for clients too slow for them", counters.bins_skipped)
        yield _counter("bytes_sent", "Bytes of bins sent, JSON and Arrow", counters.bytes_sent)
        yield _by_label("refusals", "Clients turned away, by the code they were sent", "code", counters.refusals)
        yield _by_label("closes", f"Streams ended, by close code, `{LEFT}` or `{DROPPED}`", "code", counters.closes)
        yield _gauge("frame_cache_bytes", "Bytes of frames in the block cache", hub.runs.cached_bytes)
        runs = GaugeMetricFamily("vp_stream_engine_runs", "Engine runs by state", labels=["state"])
        for state, count in hub.runs.states().items():
            runs.add_metric([state], count)
        yield runs
        lag = GaugeMetricFamily(
            "vp_stream_engine_lag_seconds",
            "How long the client that waits longest has waited for a bin that is due and not made yet",
            labels=["serving"],
        )
        longest: defaultdict[str, float] = defaultdict(float)
        for serving_id, seconds in hub.engine_lags():
            longest[serving_id] = max(longest[serving_id], seconds)
        for serving_id, seconds in longest.items():
            lag.add_metric([serving_id], seconds)
        yield lag


class _LoopCollector(Collector):
    """What the process has begun and not ended."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop

    def collect(self) -> Iterator[Metric]:
        yield _gauge("tasks", "Tasks of the event loop that have not ended", len(asyncio.all_tasks(self._loop)))
        yield _gauge("threads", "Threads of Python in the process", threading.active_count())


class _SocketCollector(Collector):
    """What a listening socket has let in."""

    def __init__(self, listener: Listener) -> None:
        self._listener = listener

    def collect(self) -> Iterator[Metric]:
        listener = self._listener
        yield _gauge("sockets", "Connections open now, whatever they are used for", listener.connections)
        yield _gauge("sockets_max", "Connections that there may be at a time", listener.most or float("inf"))
        turned_away = {"cleared": listener.cleared, "refused": listener.refused}
        yield _by_label("sockets_turned_away", "Connections ended for others, or not let in", "how", turned_away)


class _TelemetryCollector(Collector):
    """What a telemetry file could not take."""

    def __init__(self, latency: LatencyLog) -> None:
        self._latency = latency

    def collect(self) -> Iterator[Metric]:
        yield _counter("telemetry_dropped", "Lines of telemetry that could not be written", self._latency.dropped)


def _gauge(name: str, meaning: str, value: float) -> Metric:
    return GaugeMetricFamily(f"vp_stream_{name}", meaning, value=value)


def _counter(name: str, meaning: str, value: float) -> Metric:
    return CounterMetricFamily(f"vp_stream_{name}", meaning, value=value)


def _by_label(name: str, meaning: str, label: str, values: Mapping[str, int]) -> Metric:
    family = CounterMetricFamily(f"vp_stream_{name}", meaning, labels=[label])
    for key, value in sorted(values.items()):
        family.add_metric([key], value)
    return family


async def metrics(request: Request) -> Response:
    """`GET /metrics`: everything above, in Prometheus' text format or OpenMetrics, as asked for."""
    encode, content_type = choose_encoder(request.headers.get("accept", ""))
    kept: Metrics = request.app.state.metrics
    return Response(encode(kept.registry), headers={"content-type": content_type, "cache-control": "no-store"})
