"""How long a signal takes when it runs bin by bin, as it does behind a stream."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from vp_harness.errors import ParameterError, SignalError
from vp_harness.signals.base import RunningSignal, Signal
from vp_harness.signals.declared import GridSource, SignalData

_NS_PER_MS: Final = 1e6
_REPORT_EVERY: Final = 1000


class Latencies(msgspec.Struct, frozen=True, kw_only=True):
    """Latencies that occurred, in ms: of so many bins, those which 50, 95, 99 and 99.9 % did not exceed, and the most.

    All are None where there was no bin.
    """

    bins: int
    p50_ms: float | None
    p95_ms: float | None
    p99_ms: float | None
    p99_9_ms: float | None
    max_ms: float | None


class OnlineReport(msgspec.Struct, frozen=True, kw_only=True):
    """What `simulate_online` measured.

    `first_step_ms` is the first step of the process, in which kernels are loaded or compiled; it is of another stepper
    and in no other figure. `refits` are the bins in which the signal trained itself anew, `steps` all others.
    `over_budget` counts both. `peak_rss_mb` is the most memory the process held, the dataset's columns included; None
    where the platform does not tell.
    """

    signal: str
    params: dict[str, Any]
    dataset_id: str
    rows: int
    bin_budget_ms: float
    steps: Latencies
    refits: Latencies
    over_budget: int
    first_step_ms: float
    peak_rss_mb: float | None


def simulate_online(
    signal: Signal,
    dataset: GridSource,
    bin_budget_ms: float,
    progress: Callable[[int, int], None] | None = None,
) -> OnlineReport:
    """Step a signal through a dataset, one bin at a time, and measure each step with the clock of the machine.

    What is timed is `step` of what `signal.run` makes, from the closed bin to the value. Nothing is averaged over bins
    or subtracted. Raises ParameterError for a budget that is not positive, and SignalError for an empty dataset.
    """
    if not 0 < bin_budget_ms < np.inf:
        raise ParameterError(f"bin_budget_ms={bin_budget_ms}: must be above 0")
    data = SignalData.of(dataset, signal.reads())
    if not data.n_bins:
        raise SignalError(f"signal {signal.name!r} cannot be timed on {data.name or 'a dataset'} without bins")
    first_ns = _timed(signal.run(data.context), next(data.steps()))
    running = signal.run(data.context)
    taken = np.empty(data.n_bins, np.int64)
    refit = np.zeros(data.n_bins, np.bool_)
    refits = running.refits
    for t, bin in enumerate(data.steps()):
        taken[t] = _timed(running, bin)
        refit[t], refits = running.refits != refits, running.refits
        if progress and (t + 1) % _REPORT_EVERY == 0:
            progress(t + 1, data.n_bins)
    return OnlineReport(
        signal=signal.name,
        params=msgspec.to_builtins(signal.params),
        dataset_id=data.name,
        rows=2 * data.context.radius + 1,
        bin_budget_ms=float(bin_budget_ms),
        steps=_latencies(taken[~refit]),
        refits=_latencies(taken[refit]),
        over_budget=int(np.count_nonzero(taken > bin_budget_ms * _NS_PER_MS)),
        first_step_ms=first_ns / _NS_PER_MS,
        peak_rss_mb=_peak_rss_mb(),
    )


def _timed(running: RunningSignal, bin: Any) -> int:
    began = time.perf_counter_ns()
    running.step(bin)
    return time.perf_counter_ns() - began


def _latencies(taken_ns: NDArray[np.int64]) -> Latencies:
    figures: list[float | None] = [None] * 5
    if len(taken_ns):  # `higher`: a latency that occurred, not one between two
        quantiles = np.quantile(taken_ns, (0.5, 0.95, 0.99, 0.999, 1.0), method="higher")
        figures = [float(ns) / _NS_PER_MS for ns in quantiles]
    p50, p95, p99, p99_9, most = figures
    return Latencies(bins=len(taken_ns), p50_ms=p50, p95_ms=p95, p99_ms=p99, p99_9_ms=p99_9, max_ms=most)


def _peak_rss_mb() -> float | None:
    status = Path("/proc/self/status")
    if status.is_file():  # ru_maxrss begins with what the process that started this one had held
        return int(status.read_text().partition("VmHWM:")[2].split()[0]) / 1024
    if sys.platform == "win32":
        return None
    import resource

    unit = 2**20 if sys.platform == "darwin" else 2**10
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit
