"""Producer latency, bin by bin, as JSON lines.

Times are `time.monotonic_ns()` of this process. For a replay the engine reads a bin's records when the bin is asked
for, so the first ingest is the moment it was asked for and the last ingest the moment the scored bin was handed over.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from datetime import time as clock_time
from pathlib import Path
from zoneinfo import ZoneInfo

import msgspec

from vp_book.records import NS_PER_S
from vp_stream.errors import SettingsError

_logger = logging.getLogger(__name__)

_NEW_YORK = ZoneInfo("America/New_York")


class BinTiming(msgspec.Struct, frozen=True, kw_only=True):
    """The five moments of one bin on its way into the frame log, monotonic ns."""

    serving_id: str
    bin_seq: int
    ts_ns: int
    first_ingest_ns: int
    last_ingest_ns: int
    grid_ready_ns: int
    queue_put_start_ns: int
    queue_put_done_ns: int


class _Line(BinTiming, frozen=True, kw_only=True, tag="bin", tag_field="type"):
    first_ingest_to_grid_ready_us: float
    last_ingest_to_grid_ready_us: float
    grid_ready_to_queue_put_done_us: float
    queue_block_us: float
    first_ingest_to_queue_put_done_us: float


class _Percentiles(msgspec.Struct, frozen=True):
    p50: float
    p95: float
    p99: float


class _Summary(msgspec.Struct, frozen=True, tag="summary", tag_field="type"):
    bins: int
    first_ingest_to_grid_ready_us: _Percentiles
    last_ingest_to_grid_ready_us: _Percentiles
    grid_ready_to_queue_put_done_us: _Percentiles
    first_ingest_to_queue_put_done_us: _Percentiles


class LatencyLog:
    """Appends one line per bin to a file, and a summary every `summary_every_bins` bins.

    Only bins whose end lies in [`window_start`, `window_end`) New York time are written; a missing bound is open.
    Several engine threads may share one log. A line that cannot be written is counted in `dropped` and left out; that
    it happens is said in the log once, until a line can be written again.
    """

    def __init__(
        self,
        path: Path,
        *,
        window_start: clock_time | None = None,
        window_end: clock_time | None = None,
        summary_every_bins: int = 1000,
    ) -> None:
        if summary_every_bins < 1:
            raise SettingsError(f"perf_summary_every_bins={summary_every_bins}: must be at least 1")
        if window_start is not None and window_end is not None and window_start >= window_end:
            raise SettingsError(
                f"perf_window_start_et={window_start:%H:%M}: must be before perf_window_end_et={window_end:%H:%M}"
            )
        self._start = window_start
        self._end = window_end
        self._every = summary_every_bins
        self._recent: list[_Line] = []
        self._encoder = msgspec.json.Encoder()
        self._lock = threading.Lock()
        self.dropped = 0
        self._failing = False
        self._torn = False
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            # without a buffer: what a full disk does not take is known at once, and is not tried again at the end
            self._file = path.open("ab", buffering=0)
        except OSError as error:
            raise SettingsError(
                f"perf_latency_jsonl={str(path)!r}: cannot be written ({error.strerror}); name a file that can"
            ) from error

    def bin_made(self, timing: BinTiming) -> None:
        """Write the line of a bin if it lies in the window."""
        if not self._in_window(timing.ts_ns):
            return
        line = _line(timing)
        with self._lock:
            if self._file.closed:
                return
            self._write(line)
            self._recent.append(line)
            if len(self._recent) >= self._every:
                self._write_summary()

    def anomalies_met(self, new: Mapping[str, int]) -> None:
        """Not a matter of latency."""

    def close(self) -> None:
        """Write the summary of the remaining bins and close the file."""
        with self._lock:
            if not self._file.closed:
                if self._recent:
                    self._write_summary()
                self._file.close()

    def _in_window(self, ts_ns: int) -> bool:
        if self._start is None and self._end is None:
            return True
        moment = datetime.fromtimestamp(ts_ns // NS_PER_S, UTC).astimezone(_NEW_YORK).time()
        return (self._start is None or moment >= self._start) and (self._end is None or moment < self._end)

    def _write(self, record: msgspec.Struct) -> None:
        data = (b"\n" if self._torn else b"") + self._encoder.encode(record) + b"\n"
        problem = "it took a part of a line"
        try:
            written = self._file.write(data) or 0
        except OSError as error:
            written, problem = 0, error.strerror or str(error)
        if written == len(data):
            self._failing = self._torn = False
            return
        self._torn = self._torn or written > 0
        self.dropped += 1
        if not self._failing:
            self._failing = True
            _logger.error("telemetry cannot be written and is left out from here on: %s", problem)

    def _write_summary(self) -> None:
        lines, self._recent = self._recent, []
        self._write(
            _Summary(
                bins=len(lines),
                first_ingest_to_grid_ready_us=_percentiles([line.first_ingest_to_grid_ready_us for line in lines]),
                last_ingest_to_grid_ready_us=_percentiles([line.last_ingest_to_grid_ready_us for line in lines]),
                grid_ready_to_queue_put_done_us=_percentiles([line.grid_ready_to_queue_put_done_us for line in lines]),
                first_ingest_to_queue_put_done_us=_percentiles(
                    [line.first_ingest_to_queue_put_done_us for line in lines]
                ),
            )
        )


def parse_et(value: str, name: str) -> clock_time:
    """An `HH:MM` New York time of day. Raises `SettingsError` naming the option `name`."""
    hours, colon, minutes = value.partition(":")
    if len(hours) == 2 and colon and len(minutes) == 2 and (hours + minutes).isascii() and (hours + minutes).isdigit():
        try:
            return clock_time(int(hours), int(minutes))
        except ValueError:
            pass
    raise SettingsError(f"{name}={value!r}: must be a New York time HH:MM from 00:00 to 23:59")


def _line(timing: BinTiming) -> _Line:
    return _Line(
        **msgspec.structs.asdict(timing),
        first_ingest_to_grid_ready_us=(timing.grid_ready_ns - timing.first_ingest_ns) / 1000,
        last_ingest_to_grid_ready_us=(timing.grid_ready_ns - timing.last_ingest_ns) / 1000,
        grid_ready_to_queue_put_done_us=(timing.queue_put_done_ns - timing.grid_ready_ns) / 1000,
        queue_block_us=(timing.queue_put_done_ns - timing.queue_put_start_ns) / 1000,
        first_ingest_to_queue_put_done_us=(timing.queue_put_done_ns - timing.first_ingest_ns) / 1000,
    )


def _percentiles(values: Sequence[float]) -> _Percentiles:
    """Nearest-rank percentiles of a non-empty sample."""
    ordered = sorted(values)
    last = len(ordered) - 1
    p50, p95, p99 = (ordered[min(last, -(-len(ordered) * p // 100) - 1)] for p in (50, 95, 99))
    return _Percentiles(p50, p95, p99)
