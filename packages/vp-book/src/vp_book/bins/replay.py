"""From a source of records to a sequence of time bins."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import partial
from os import PathLike, fspath
from pathlib import Path
from typing import Any

import numpy as np

from vp_book.book.engine import BookEngine, EventEnds
from vp_book.dbn.files import utc
from vp_book.dbn.source import DbnSource
from vp_book.dbn.store import Source, arrays_of
from vp_book.errors import ParameterError
from vp_book.instrument import Instrument
from vp_book.physics.parameters import Physics
from vp_book.queue import QueueFollower

from .asked import AskedBins, checked_bins
from .machine import BinMachine
from .positioned import PositionedSource
from .reader import Bin
from .resume import WarmUpCheckpoint


class Replay(Iterator[Bin]):
    """The bins of one replay, in order. Made by `replay`.

    `engine` is the book behind them, `certificate()` its integrity certificate, complete once the bins are exhausted.
    `resumed` says whether it was taken from a checkpoint.
    """

    def __init__(
        self,
        source: Iterable[np.ndarray],
        engine: BookEngine,
        asked: AskedBins,
        *,
        checkpoint: Path | None = None,
        queue: QueueFollower | None = None,
    ) -> None:
        self.resumed = False
        self._checkpoint: WarmUpCheckpoint | None = None
        state = None
        silences = asked.max_silence_s is not None  # without, a jump is damage
        if asked.start_ns is not None and checkpoint is not None and isinstance(source, DbnSource):
            self._checkpoint = WarmUpCheckpoint(
                checkpoint, source, engine, asked.start_ns, asked.warmup_ns, silences=silences
            )
            if (kept := self._checkpoint.restore()) is not None:
                engine, state = kept
                self.resumed = True
        self.engine = engine
        self._machine = BinMachine(
            PositionedSource(source, engine, silences, state), engine, asked, resumed=self.resumed, queue=queue
        )
        if self._checkpoint is not None:
            self._machine.before_first = partial(self._checkpoint.store, engine)
        dbn = self._machine.source.dbn
        if dbn is not None and dbn.end_ns is not None:
            self._machine.limit_ns = min(dbn.end_ns, self._machine.limit_ns)
        # It does not hold this object: the book goes with the last reference, not with the next collection of cycles.
        self._bins = self._machine.all_bins()

    def __next__(self) -> Bin:
        return next(self._bins)

    @property
    def checkpoint_written(self) -> bool:
        """Whether this replay has written its checkpoint."""
        return self._checkpoint is not None and self._checkpoint.stored

    def certificate(self) -> dict[str, Any]:
        """`BookEngine.certificate` and what is known of the source; up to the records read so far.

        `coverage` says which span the source covers and where the longest silence in it was, `reading` whose records
        were taken (None for plain arrays), `seams` what the snapshots between files showed, `damage` what ended the
        source early. Whatever of it is wrong stands in `reasons`, and makes it not `ok`.
        """
        return self._machine.certificate()


def replay(
    source: Source,
    instrument: Instrument,
    physics: Physics | None = None,
    *,
    cell_width_ms: int = 100,
    grid_radius_ticks: int = 50,
    n_absolute_ticks: int = 8192,
    start_ns: int | None = None,
    end_ns: int | None = None,
    warmup_s: float = 1800,
    max_silence_s: float | None = None,
    event_ends: EventEnds = "flags",
    checkpoint: str | PathLike[str] | None = None,
    queue: QueueFollower | None = None,
    large_size: int | None = None,
) -> Replay:
    """Replay records through a fresh book and iterate its bins.

    `source` yields arrays of `MBO_DTYPE` (a `DbnSource`, or any iterable of them), or is a `databento.DBNStore`.
    Bin i covers `[start_ns + i*w, start_ns + (i+1)*w)`; only whole bins that end at or before `end_ns` are emitted,
    empty ones too, and none that the source does not cover: with a `DbnSource` they end with its `covered_ns`, and
    where nothing but the records says how far that is, with the bin of the last record.
    Physics starts `warmup_s` before `start_ns`; without `start_ns` bins and physics start with the first record, whose
    time is floored to the cell width.

    In a source of several files the snapshot at the head of each later one is compared with the book. If they agree it
    is left out, so that the bins are those of one file with the same records; if not, the certificate says so and the
    book becomes what the snapshot says.

    With `max_silence_s`, bins that end more than that after the last record of the instrument are not `book_valid`.
    Without it, records that lie more than a day apart are damage.

    `event_ends` says where an event is over, as for `BookEngine`.

        bins = replay(open_dbn("esh6.mbo.dbn.zst"), Instrument("ESH6", "0.25"), cell_width_ms=100)
        for bin_ in bins:
            mid, pressure = bin_.fields["mid_price"], bin_.cells["pressure_variant"]  # float64, shape (2 * radius + 1,)
        print(bins.certificate()["reasons"])

    `checkpoint` names a file that keeps the engine as it stands just before the first bin (it needs a `start_ns`, and a
    `DbnSource`). If it is there and of this very replay, reading begins behind the warm-up, and the bins are the same
    to the bit; else the warm-up is replayed, with a warning in the log if there was a file, and the file is written.

    `queue` is a new `QueueFollower` of the instrument's tick, which follows a passive order that joins each side at the
    end of every bin that is `book_valid`.

    `large_size`, in contracts or shares, is from which size on a trade or an order is a mark (`Bin.marks`); without it
    that of `vp_book.marks.DEFAULT_LARGE_SIZES`.

    Raises `ParameterError` for values outside what is allowed, among them a `start_ns` before what the source covers
    (where only the first record shows that, when the bins are iterated). Iterating raises what iterating the source
    raises and what applying records raises (`BookEngine.apply`), and for a clock that jumps by more than a day
    `DbnDamagedError`, or `VpBookError` for plain arrays.
    """
    source = arrays_of(source)
    if isinstance(source, (str, bytes, PathLike, np.ndarray)) or not isinstance(source, Iterable):
        what = "one array" if isinstance(source, np.ndarray) else repr(source)
        raise ParameterError(f"source={what}: must be opened with open_dbn, or an iterable of arrays of MBO_DTYPE")
    asked = checked_bins(
        cell_width_ms=cell_width_ms,
        grid_radius_ticks=grid_radius_ticks,
        start_ns=start_ns,
        end_ns=end_ns,
        warmup_s=warmup_s,
        max_silence_s=max_silence_s,
        large_size=large_size,
    )
    start_ns = asked.start_ns
    if checkpoint is not None and (start_ns is None or not isinstance(source, DbnSource)):
        raise ParameterError(f"checkpoint={checkpoint}: needs a start_ns, and a source opened with open_dbn")
    if checkpoint is not None and isinstance(source, DbnSource) and source.clock != "ts_recv":
        raise ParameterError(f"checkpoint={checkpoint}: is of a source with clock ts_recv; here it is {source.clock}")
    if checkpoint is not None and not (isinstance(checkpoint, (str, PathLike)) and isinstance(fspath(checkpoint), str)):
        raise ParameterError(f"checkpoint={checkpoint!r}: must be a path")
    if queue is not None and queue.begun:
        raise ParameterError("queue: the follower has begun; make a new one for each replay")
    if queue is not None and queue.tick_int != instrument.tick_int:
        raise ParameterError(
            f"queue: its tick_int is {queue.tick_int}; must be {instrument.tick_int}, that of the instrument"
        )
    if start_ns is not None and isinstance(source, DbnSource) and source.start_ns is not None:
        covered = source.start_ns
        if start_ns < covered:
            raise ParameterError(
                f"start_ns={start_ns} ({utc(start_ns)}): is before what {source.path} covers, which begins at "
                f"{covered} ({utc(covered)})"
            )
    engine = asked.engine(instrument, physics, n_absolute_ticks, event_ends)
    return Replay(source, engine, asked, checkpoint=None if checkpoint is None else Path(checkpoint), queue=queue)
