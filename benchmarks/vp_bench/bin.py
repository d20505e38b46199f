"""Latency of one bin, stage by stage: closing it, scoring its cells, its codes, its signal."""

from __future__ import annotations

import os
import platform
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np

from vp_bench import BenchError
from vp_bench.book import real_session
from vp_book import BookEngine, Instrument, open_dbn
from vp_book.bins import BinReader
from vp_book.synthetic import write_market
from vp_spectrum import CellSpectrum, DerivativeParams, DerivativeStage, SpectrumParams, state5_codes

STAGES: Final = ("close", "spectrum", "codes", "derivative", "whole bin")
BIN_NS: Final = 100_000_000
CELLS: Final = 8192
_WARM_BINS: Final = 400
"""Bins before measuring: kernels compiled, z-windows full."""


def measure(bins: int, radii: Sequence[int], file: Path | None = None) -> dict[str, Any]:
    """Microseconds per stage over `bins` bins of each session, for windows of each radius.

    Sessions are `file`, or else the real session where it is and a busy synthetic one.
    """
    with tempfile.TemporaryDirectory(prefix="vp-bench-") as scratch:
        sessions = [file] if file else [path for path in (real_session(),) if path]
        if not file:
            busy = Path(scratch) / "synthetic.dbn.zst"
            write_market(busy, seed=1, minutes=-(-(bins + _WARM_BINS) // 600), start="09:40")
            sessions.append(busy)
        tables = [
            {"session": session.name, "radius": radius, "stages": _table(_session(session, radius, bins))}
            for session in sessions
            for radius in radii
        ]
    return {
        "cells": CELLS,
        "bins": bins,
        "machine": f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}",
        "tables": tables,
    }


def _session(session: Path, radius: int, bins: int) -> np.ndarray:
    """Nanoseconds (bins, stages) of the last `bins` bins of a session."""
    source = open_dbn(session)
    records = np.concatenate(list(source))
    instrument = Instrument(source.symbol, "0.25")
    engine = BookEngine(instrument, n_absolute_ticks=CELLS, edge_margin_ticks=radius + 256)
    reader = BinReader(radius, instrument.tick_int, instrument.bucket_ticks)
    k = np.arange(-radius, radius + 1)
    spectrum = CellSpectrum(SpectrumParams(horizons_ms=(500, 1000)), CELLS)
    stage = DerivativeStage(DerivativeParams(), k)
    last = int(records["ts_recv"][-1]) // BIN_NS * BIN_NS
    first = max(last - (bins + _WARM_BINS) * BIN_NS, int(records["ts_recv"][0]))
    at = engine.apply_until(records, 0, first)
    count = (last - first) // BIN_NS
    times = np.empty((count, len(STAGES)), np.int64)
    for seq in range(count):
        end = first + (seq + 1) * BIN_NS
        at = engine.apply_until(records, at, end)
        t0 = time.perf_counter_ns()
        closed = reader.read(engine.arrays, seq, end - BIN_NS, end)
        t1 = time.perf_counter_ns()
        if closed.shift_cells:
            spectrum.shift(closed.shift_cells)
        low = closed.window_lo
        spectrum.update(end, closed.pressure, closed.vacuum, low, low + len(k))
        t2 = time.perf_counter_ns()
        codes = state5_codes(int(closed.fields["ask_reprice_sign"]), int(closed.fields["bid_reprice_sign"]), k)
        t3 = time.perf_counter_ns()
        stage.update(codes)
        t4 = time.perf_counter_ns()
        times[seq] = (t1 - t0, t2 - t1, t3 - t2, t4 - t3, t4 - t0)
    if count <= _WARM_BINS:
        raise BenchError(
            f"{session}: it has {count} bins of 100 ms; more than {_WARM_BINS} are needed; take a longer one"
        )
    return times[_WARM_BINS:]


def _table(times: np.ndarray) -> list[dict[str, Any]]:
    rows = []
    for i, stage in enumerate(STAGES):
        p50, p95, p99, most = (np.percentile(times[:, i], (50, 95, 99, 100)) / 1000).round(1).tolist()
        rows.append({"stage": stage, "p50_us": p50, "p95_us": p95, "p99_us": p99, "max_us": most})
    return rows
