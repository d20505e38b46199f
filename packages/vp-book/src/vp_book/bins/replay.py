"""From a source of records to a sequence of time bins."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from os import PathLike, fspath
from pathlib import Path
from typing import Any, Final

import numpy as np

from vp_book._checked import seconds, whole_number
from vp_book.book.engine import FOREVER, GUARD_CELLS, MAX_TICKS, BookEngine, EventEnds
from vp_book.dbn.files import utc
from vp_book.dbn.source import DbnSource
from vp_book.dbn.stream_clock import CLOCK, engine_clock
from vp_book.errors import ParameterError
from vp_book.instrument import Instrument
from vp_book.physics.parameters import Physics

from .coverage import coverage_facts, damage_text, reading_facts, source_reasons
from .positioned import DAY_NS, PositionedSource, Segment
from .reader import Bin, BinReader
from .resume import WarmUpCheckpoint

_NS_PER_MS: Final = 1_000_000
_NS_PER_S: Final = 1_000_000_000
_LONGEST_S: Final = 10 * 366 * 86_400
_WIDEST_MS: Final = 86_400_000


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
        max_silence_s: float | None = None,
        checkpoint: Path | None = None,
    ) -> None:
        self.engine = engine
        self.resumed = False
        self.checkpoint_written = False
        self._width_ns = cell_width_ms * _NS_PER_MS
        self._reader = BinReader(grid_radius_ticks, engine.instrument.tick_int, engine.instrument.bucket_ticks)
        self._start_ns = start_ns
        self._end_ns = end_ns
        self._warmup_ns = int(warmup_s * _NS_PER_S) if start_ns is not None else 0
        self._max_silence_ns = None if max_silence_s is None else int(max_silence_s * _NS_PER_S)
        self._quiet_end: tuple[int, int] | None = None
        self._by_time = bool(engine.arrays.scalars[0].by_time)
        # what happens before the first bin: at this time, do that
        self._lead_in: list[tuple[int, Callable[[], None]]] = []
        self._checkpoint: WarmUpCheckpoint | None = None
        state = None
        if start_ns is not None:
            if checkpoint is not None and isinstance(source, DbnSource):
                silences = max_silence_s is not None  # without, a jump in the warm-up is damage
                self._checkpoint = WarmUpCheckpoint(
                    checkpoint, source, engine, start_ns, self._warmup_ns, silences=silences
                )
                if (kept := self._checkpoint.restore()) is not None:
                    self.engine, state = kept
                    self.resumed = True
            if not self.resumed:
                engine.set_physics(False)  # before the warm-up only the book is built
                self._lead_in.append((start_ns - self._warmup_ns, lambda: engine.set_physics(True)))
                self._lead_in.append((start_ns, self._begin_bins))
        self._source = PositionedSource(source, self.engine, self._max_silence_ns, state)
        dbn = self._source.dbn
        claimed = FOREVER if dbn is None or dbn.end_ns is None else dbn.end_ns
        self._limit_ns = min(claimed, FOREVER if end_ns is None else end_ns)
        self._bins = self._replay()

    def __next__(self) -> Bin:
        return next(self._bins)

    def certificate(self) -> dict[str, Any]:
        """`BookEngine.certificate` and what is known of the source; up to the records read so far.

        `coverage` says which span the source covers and where the longest silence in it was, `reading` whose records
        were taken (None for plain arrays), `seams` what the snapshots between files showed, `damage` what ended the
        source early. Whatever of it is wrong stands in `reasons`, and makes it not `ok`.
        """
        certificate = dict(self.engine.certificate())
        clock = self.engine.clock_ns
        source = self._source
        report = source.report()
        span = source.span(int(certificate["first_clock_ns"]), clock)  # type: ignore[call-overload]
        start = span[0] if self._start_ns is None else self._start_ns
        damage = damage_text(source.dbn, report)
        reasons = [*certificate["reasons"]]  # type: ignore[misc]
        reasons += source_reasons(damage, report, source.seams, span, self._end_ns, self._quiet_end)
        certificate.update(
            ok=not reasons,
            reasons=reasons,
            damage=damage,
            coverage=coverage_facts(source.dbn, span, (start - self._warmup_ns, start), source.silence, clock),
            seams=[seam._asdict() for seam in source.seams.values()],
            reading=reading_facts(source.dbn, report),
        )
        return certificate

    def _replay(self) -> Iterator[Bin]:
        engine = self.engine
        start = self._start_ns
        seq = 0
        for segment in self._source.segments():
            records = segment.records
            before = engine_clock(engine.arrays)
            if not self.resumed and not before[CLOCK]:
                self._refuse_late_begin(start, segment.first_clock_ns)
            at = segment.applied
            if start is None:
                begins = segment.first_clock_ns
                if not begins:  # nothing has a time yet: the book takes it, no bin can
                    engine.apply(records)
                    self._source.advance(segment, len(records), before)
                    continue
                start = begins // self._width_ns * self._width_ns
            at = self._before_first(segment, at)
            while at < len(records):
                end = start + (seq + 1) * self._width_ns
                if end > self._limit_ns:
                    break
                at = self._apply_until(segment, at, end)
                if at < len(records):
                    yield self._close(seq, end)
                    seq += 1
            self._source.advance(segment, at, before)
            if at < len(records):
                return
        if self._by_time and self._source.damage is None:
            engine.finish()
        if start is None:
            return
        for _, begin in self._lead_in:
            begin()
        # bins that no later record closed
        last = min(self._limit_ns, self._covered_end(start))
        while start + (seq + 1) * self._width_ns <= last:
            yield self._close(seq, start + (seq + 1) * self._width_ns)
            seq += 1

    def _covered_end(self, start_ns: int) -> int:
        """Up to where the source knows the market, now that it is exhausted. Nothing is emitted beyond it."""
        clock = self.engine.clock_ns
        if self._source.dbn is not None:
            _, end = self._source.span(0, clock)
            if self._source.damage is not None:
                return end
            if self._source.dbn.end_ns is not None:
                if self._max_silence_ns is not None or end - clock <= DAY_NS or clock == 0:
                    return end
                self._quiet_end = (clock, end)
        # where only the records say so, the bin of the last record is the last
        return start_ns + ((clock - start_ns) // self._width_ns + 1) * self._width_ns

    def _refuse_late_begin(self, start_ns: int | None, first: int) -> None:
        """Bins that begin before the source does would show a market of which nothing is known."""
        if start_ns is None or not first:
            return
        known = self._source.dbn is not None and self._source.dbn.start_ns is not None
        if not known and start_ns + self._width_ns <= first:
            raise ParameterError(f"start_ns={start_ns} ({utc(start_ns)}): is before the first record at {utc(first)}")
        if self._max_silence_ns is None and first - start_ns > DAY_NS:
            raise ParameterError(
                f"start_ns={start_ns} ({utc(start_ns)}): is more than a day before the first record at {utc(first)}; "
                "max_silence_s allows for such a silence"
            )

    def _before_first(self, segment: Segment, at: int) -> int:
        """Apply what lies before the first bin; returns the index of the first record that does not."""
        if not self._lead_in:
            return at
        before = engine_clock(self.engine.arrays)
        while self._lead_in:
            stop_ns, begin = self._lead_in[0]
            at = self._apply_until(segment, at, stop_ns)
            if at == len(segment.records):
                return at
            begin()
            self._lead_in.pop(0)
        if self._checkpoint is not None:
            state = self._source.state_before(segment, at, before)
            self.checkpoint_written = self._checkpoint.store(self.engine, state)
        return at

    def _apply_until(self, segment: Segment, at: int, stop_ns: int) -> int:
        """`BookEngine.apply_until`, but for what comes before the first clock: it happens when that clock is set."""
        if segment.first_clock_ns >= stop_ns and self.engine.clock_ns == 0:
            return at
        return self.engine.apply_until(segment.records, at, stop_ns)

    def _begin_bins(self) -> None:
        """The end of the warm-up. An anchor from the day before may be far off: bins begin with spot in the middle.

        That is done here, whether or not a checkpoint is written, and not when one is read: so a replay that is resumed
        has the range of one that is not.
        """
        self.engine.reanchor()
        self.engine.reset_statistics()

    def _close(self, seq: int, end_ns: int) -> Bin:
        clock = self.engine.clock_ns  # 0: nothing of the book has a time
        known = clock != 0 and (self._max_silence_ns is None or end_ns - clock <= self._max_silence_ns)
        return self._reader.read(self.engine.arrays, seq, end_ns - self._width_ns, end_ns, known)


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
    max_silence_s: float | None = None,
    event_ends: EventEnds = "flags",
    checkpoint: str | PathLike[str] | None = None,
) -> Replay:
    """Replay records through a fresh book and iterate its bins.

    `source` yields arrays of `MBO_DTYPE` (a `DbnSource`, or any iterable of them). Bin i covers
    `[start_ns + i*w, start_ns + (i+1)*w)`; only whole bins that end at or before `end_ns` are emitted, empty ones too,
    and none that the source does not cover: with a `DbnSource` they end with its `covered_ns`, and where nothing but
    the records says how far that is, with the bin of the last record.
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

    Raises `ParameterError` for values outside what is allowed, among them a `start_ns` before what the source covers
    (where only the first record shows that, when the bins are iterated). Iterating raises what iterating the source
    raises and what applying records raises (`BookEngine.apply`), and for a clock that jumps by more than a day
    `DbnDamagedError`, or `VpBookError` for plain arrays.
    """
    if isinstance(source, (str, bytes, PathLike, np.ndarray)) or not isinstance(source, Iterable):
        what = "one array" if isinstance(source, np.ndarray) else repr(source)
        raise ParameterError(f"source={what}: must be opened with open_dbn, or an iterable of arrays of MBO_DTYPE")
    cell_width_ms = whole_number("cell_width_ms", cell_width_ms, 1, _WIDEST_MS)
    grid_radius_ticks = whole_number("grid_radius_ticks", grid_radius_ticks, 1, MAX_TICKS // 2)
    start_ns = None if start_ns is None else whole_number("start_ns", start_ns, 0, FOREVER)
    end_ns = None if end_ns is None else whole_number("end_ns", end_ns, 0, FOREVER)
    warmup_s = seconds("warmup_s", warmup_s, _LONGEST_S)
    if max_silence_s is not None:
        max_silence_s = seconds("max_silence_s", max_silence_s, _LONGEST_S)
    if start_ns is not None and end_ns is not None and end_ns <= start_ns:
        raise ParameterError(f"end_ns={end_ns}: must be after start_ns={start_ns}")
    if checkpoint is not None and (start_ns is None or not isinstance(source, DbnSource)):
        raise ParameterError(f"checkpoint={checkpoint}: needs a start_ns, and a source opened with open_dbn")
    if checkpoint is not None and not (isinstance(checkpoint, (str, PathLike)) and isinstance(fspath(checkpoint), str)):
        raise ParameterError(f"checkpoint={checkpoint!r}: must be a path")
    if start_ns is not None and isinstance(source, DbnSource) and source.start_ns is not None:
        covered = source.start_ns
        if start_ns < covered:
            raise ParameterError(
                f"start_ns={start_ns} ({utc(start_ns)}): is before what {source.path} covers, which begins at "
                f"{covered} ({utc(covered)})"
            )
    margin = grid_radius_ticks + GUARD_CELLS
    engine = BookEngine(
        instrument, physics, n_absolute_ticks=n_absolute_ticks, edge_margin_ticks=margin, event_ends=event_ends
    )
    return Replay(
        source,
        engine,
        cell_width_ms=cell_width_ms,
        grid_radius_ticks=grid_radius_ticks,
        start_ns=start_ns,
        end_ns=end_ns,
        warmup_s=warmup_s,
        max_silence_s=max_silence_s,
        checkpoint=None if checkpoint is None else Path(checkpoint),
    )
