"""From a source of records to a sequence of time bins."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from os import PathLike
from pathlib import Path

import numpy as np

from ._resume import WarmUpCheckpoint
from .bins import Bin, BinReader
from .dbn import DbnSource
from .engine import DEFAULT_EDGE_MARGIN, FOREVER, BookEngine
from .errors import ParameterError
from .instrument import Instrument
from .physics import Physics
from .sessions import in_session

_NS_PER_MS = 1_000_000
_NS_PER_S = 1_000_000_000
_GUARD_CELLS = DEFAULT_EDGE_MARGIN - 50


class Replay(Iterator[Bin]):
    """The bins of one replay, in order. Made by `replay`.

    `engine` is the book behind them, `certificate()` its integrity certificate, complete once the bins are exhausted.
    `resumed` says whether it was taken from a checkpoint, `checkpoint_written` whether one has been written.
    """

    def __init__(
        self,
        source: Iterable[np.ndarray],
        engine: BookEngine,
        *,
        cell_width_ms: int,
        grid_radius_ticks: int,
        start_ns: int | None,
        end_ns: int | None,
        warmup_s: float,
        checkpoint: Path | None = None,
    ) -> None:
        self.engine = engine
        self.resumed = False
        self.checkpoint_written = False
        self._source = source
        self._width_ns = cell_width_ms * _NS_PER_MS
        self._reader = BinReader(grid_radius_ticks, engine.instrument.tick_int, engine.instrument.bucket_ticks)
        self._start_ns = start_ns
        self._end_ns = end_ns
        # what happens before the first bin: at this time, do that
        self._lead_in: list[tuple[int, Callable[[], None]]] = []
        self._checkpoint: WarmUpCheckpoint | None = None
        self._chunk_record = 0  # records of the session before the chunk at hand
        self._seen = 0  # records of the session that the engine had seen when it was restored
        if start_ns is not None:
            warmup_ns = int(warmup_s * _NS_PER_S)
            if checkpoint is not None and isinstance(source, DbnSource):
                self._checkpoint = WarmUpCheckpoint(checkpoint, source, engine, start_ns, warmup_ns)
            if not self._resume():
                engine.set_physics(False)  # before the warm-up only the book is built
                self._lead_in.append((start_ns - warmup_ns, lambda: engine.set_physics(True)))
                self._lead_in.append((start_ns, self._begin_bins))
        self._bins = self._run()

    def __next__(self) -> Bin:
        return next(self._bins)

    def certificate(self) -> dict[str, object]:
        """See `BookEngine.certificate`; up to the records read so far."""
        return self.engine.certificate()

    def _run(self) -> Iterator[Bin]:
        engine = self.engine
        start = self._start_ns
        seq = 0
        for chunk in self._source:
            records = in_session(engine.instrument.product_type, chunk)
            if not len(records):
                continue
            if start is None:
                times = records["ts_recv"][records["ts_recv"] < FOREVER]
                if not len(times):  # nothing has a time yet: the book takes it, no bin can
                    engine.apply(records)
                    continue
                start = int(times[0]) // self._width_ns * self._width_ns
            # a chunk at which a replay was resumed begins with records that its engine has seen
            at = min(max(self._seen - self._chunk_record, 0), len(records))
            at = self._before_first(records, at)
            while at < len(records):
                end = start + (seq + 1) * self._width_ns
                if self._past_end(end):
                    return
                at = engine.apply_until(records, at, end)
                if at < len(records):
                    yield self._close(seq, end)
                    seq += 1
            self._chunk_record += len(records)
        if start is None:
            return
        for _, begin in self._lead_in:
            begin()
        # bins that no later record closed: the one of the last record, and empty ones up to a given end
        last = self._end_ns if self._end_ns is not None else engine.clock_ns + 1
        while start + seq * self._width_ns < last:
            end = start + (seq + 1) * self._width_ns
            if self._past_end(end):
                return
            yield self._close(seq, end)
            seq += 1

    def _before_first(self, records: np.ndarray, at: int) -> int:
        """Apply what lies before the first bin; returns the index of the first record that does not."""
        if not self._lead_in:
            return at
        while self._lead_in:
            stop_ns, begin = self._lead_in[0]
            at = self.engine.apply_until(records, at, stop_ns)
            if at == len(records):
                return at
            begin()
            self._lead_in.pop(0)
        if self._checkpoint is not None:
            self.checkpoint_written = self._checkpoint.store(self.engine, self._chunk_record, self._chunk_record + at)
        return at

    def _begin_bins(self) -> None:
        """The end of the warm-up. An anchor from the day before may be far off: bins begin with spot in the middle.

        That is done here, whether or not a checkpoint is written, and not when one is read: so a replay that is resumed
        has the range of one that is not.
        """
        self.engine.reanchor()
        self.engine.reset_statistics()

    def _resume(self) -> bool:
        """Take the replay up at its checkpoint, if there is one to be trusted."""
        kept = None if self._checkpoint is None else self._checkpoint.restore()
        if kept is None or not isinstance(self._source, DbnSource):
            return False
        self.engine = kept.engine
        self._source = self._source.chunks_from(kept.position)
        self._chunk_record, self._seen = kept.chunk_record, kept.next_record
        self.resumed = True
        return True

    def _close(self, seq: int, end_ns: int) -> Bin:
        return self._reader.read(self.engine.arrays, seq, end_ns - self._width_ns, end_ns)

    def _past_end(self, bin_end_ns: int) -> bool:
        return self._end_ns is not None and bin_end_ns > self._end_ns


def replay(
    source: Iterable[np.ndarray],
    instrument: Instrument,
    physics: Physics | None = None,
    *,
    cell_width_ms: int = 100,
    grid_radius_ticks: int = 50,
    n_absolute_ticks: int = 8192,
    start_ns: int | None = None,
    end_ns: int | None = None,
    warmup_s: float = 1800,
    checkpoint: str | PathLike[str] | None = None,
) -> Replay:
    """Replay records through a fresh book and iterate its bins.

    `source` yields arrays of `MBO_DTYPE` (a `DbnSource`, or any iterable of them). Bin i covers
    `[start_ns + i*w, start_ns + (i+1)*w)`; only whole bins that end at or before `end_ns` are emitted, empty ones too.
    Physics starts `warmup_s` before `start_ns`; without `start_ns` bins and physics start with the first record, whose
    time is floored to the cell width.

    `checkpoint` names a file that keeps the engine as it stands just before the first bin (it needs a `start_ns`, and a
    `DbnSource`). If it is there and of this very replay, reading begins behind the warm-up, and the bins are the same
    to the bit; else the warm-up is replayed, with a warning in the log if there was a file, and the file is written.

    Raises `ParameterError` for values outside what is allowed.
    """
    if cell_width_ms < 1:
        raise ParameterError(f"cell_width_ms must be at least 1, got {cell_width_ms!r}")
    if grid_radius_ticks < 1:
        raise ParameterError(f"grid_radius_ticks must be at least 1, got {grid_radius_ticks!r}")
    if warmup_s < 0:
        raise ParameterError(f"warmup_s must not be negative, got {warmup_s!r}")
    if start_ns is not None and end_ns is not None and end_ns <= start_ns:
        raise ParameterError(f"end_ns must be after start_ns {start_ns}, got {end_ns}")
    if checkpoint is not None and (start_ns is None or not isinstance(source, DbnSource)):
        raise ParameterError(f"checkpoint {checkpoint} needs a start_ns, and a source opened with open_dbn")
    margin = grid_radius_ticks + _GUARD_CELLS
    engine = BookEngine(instrument, physics, n_absolute_ticks=n_absolute_ticks, edge_margin_ticks=margin)
    return Replay(
        source,
        engine,
        cell_width_ms=cell_width_ms,
        grid_radius_ticks=grid_radius_ticks,
        start_ns=start_ns,
        end_ns=end_ns,
        warmup_s=warmup_s,
        checkpoint=None if checkpoint is None else Path(checkpoint),
    )
