"""The machine that makes bins of segments: what `Replay` and `LiveBins` have in common.

A replay gives it the segments of a source to its end. Live, segments come as they come, and the clock may close bins
before the next one does (`close_until`). Both ways a record is applied and a bin is read by the same lines.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from vp_book.book.engine import FOREVER, BookEngine
from vp_book.book.events import EVENT_LIMIT_NS
from vp_book.dbn.files import utc
from vp_book.dbn.stream_clock import CLOCK, engine_clock
from vp_book.errors import ParameterError
from vp_book.queue import QueueFollower
from vp_book.records import F_SNAPSHOT

from .asked import AskedBins
from .coverage import coverage_facts, damage_text, reading_facts, source_reasons
from .positioned import DAY_NS, PositionedSource, Segment, SourceState
from .reader import Bin, BinReader


@dataclass(slots=True)
class Gap:
    """The feed was lost at `begin_ns`; `end_ns` is the time of the snapshot that made the book whole, 0 before it."""

    begin_ns: int
    end_ns: int = 0

    def hides(self, end_ns: int) -> bool:
        """Whether the book at the end of a bin is not known because of it."""
        return end_ns > self.begin_ns and (self.end_ns == 0 or end_ns <= self.end_ns)


class BinMachine:
    """An engine, the source that its records come from, and the bins that they make.

    `late` counts the records of events that began before the end of a bin that the clock had closed, and `behind` those
    and the records of snapshots that did. `gaps` are those of `lose`. `limit_ns` is where bins end, whatever comes.
    `resumed` says that the engine was restored from where an earlier replay stopped; with `before_first` somebody is
    told where this one stands just before its first bin. `queue` follows a passive order of every bin.
    """

    def __init__(
        self,
        source: PositionedSource,
        engine: BookEngine,
        asked: AskedBins,
        *,
        resumed: bool = False,
        queue: QueueFollower | None = None,
    ) -> None:
        self.engine = engine
        self.source = source
        self.width_ns = asked.width_ns
        self.start_ns = asked.start_ns  # of the first bin, None until it is known
        self.limit_ns = FOREVER if asked.end_ns is None else asked.end_ns
        self.max_silence_ns = asked.max_silence_ns
        self.late = self.behind = 0
        self.gaps: list[Gap] = []
        self.full = False
        self.resumed = resumed
        self.before_first: Callable[[SourceState | None], None] | None = None
        self._asked = asked
        self._queue = queue
        self._follows = asked.start_ns is None  # from the first record on; else with the book before the first bin
        self._reader = BinReader(asked.grid_radius_ticks, engine.instrument.tick_int, engine.instrument.bucket_ticks)
        self._seq = 0
        self._quiet_end: tuple[int, int] | None = None  # the last record, and an end claimed more than a day after it
        self._by_clock = False  # the newest bin was closed by the clock: records of it may still come
        # what happens before the first bin: at this time, do that
        self._lead_in: list[tuple[int, Callable[[BinMachine], None]]] = []
        if asked.start_ns is not None and not resumed:
            engine.set_physics(False)  # before the warm-up only the book is built
            self._lead_in.append((asked.start_ns - asked.warmup_ns, lambda machine: machine.engine.set_physics(True)))
            self._lead_in.append((asked.start_ns, BinMachine._begin_bins))
        elif asked.start_ns is not None:
            self._begin_queue()

    @property
    def next_end_ns(self) -> int | None:
        """The end of the bin that is closed next, None before its time is known."""
        return None if self.start_ns is None else self.start_ns + (self._seq + 1) * self.width_ns

    @property
    def unsettled(self) -> bool:
        """Whether the book is one that no bin of a replay would be read from: no record has a time, or more must come.

        That is so inside an event or a snapshot, and where events end by time.
        """
        s = self.engine.arrays.scalars[0]
        return bool(s.clock == 0 or s.in_event or s.in_snapshot)

    def all_bins(self) -> Iterator[Bin]:
        """The bins of the whole source, in order."""
        for segment in self.source.segments():
            yield from self.take(segment)
            if self.full:
                return
        if self.engine.arrays.scalars[0].by_time and self.source.damage is None:
            self.engine.finish()
        if self.start_ns is not None:  # bins that no later record closed
            yield from self.close_to(self._covered_end(self.start_ns))

    def take(self, segment: Segment) -> Iterator[Bin]:
        """Apply a segment; the bins that its records close. Beyond the last bin nothing is applied (`full`)."""
        engine = self.engine
        records = segment.records
        before = engine_clock(engine.arrays)
        at = segment.applied
        if self.gaps and not self.gaps[-1].end_ns:
            self._find_snapshot(segment)
        if self._asked.start_ns is None:
            begins = segment.first_clock_ns
            if not begins:  # nothing has a time yet: the book takes it, no bin can
                engine.apply(records)
                self._follow(records, 0, len(records))
                self.source.advance(segment, len(records), before)
                return
            if self.start_ns is None:
                self.start_ns = begins // self.width_ns * self.width_ns
        elif not self.resumed and not before[CLOCK] and not self._seq:
            self._refuse_late_begin(segment.first_clock_ns)
        at = self._before_first(segment, at)
        start, width, limit = self.start_ns or 0, self.width_ns, self.limit_ns
        if self._by_clock:
            at = self._late(segment, at, start + self._seq * width)
        while at < len(records):
            end = start + (self._seq + 1) * width
            if end > limit:
                break
            at = self._apply_until(segment, at, end)
            if at < len(records):
                yield self._close(end)
        self.source.advance(segment, at, before)
        self.full = at < len(records)

    def close_to(self, last_ns: int) -> Iterator[Bin]:
        """Close every bin that ends at or before a time, though no record did."""
        last_ns = min(last_ns, self.limit_ns)
        for _, begin in self._lead_in:
            begin(self)
        self._lead_in.clear()
        while (end := self.next_end_ns) is not None and end <= last_ns:
            yield self._close(end)

    def close_until(self, ts_ns: int, hold_back_ns: int) -> Iterator[Bin]:
        """Close the bins that end `hold_back_ns` or more before a time, as a clock does that no record has to move.

        A bin in whose event or snapshot the book stands waits for the end of that, up to `EVENT_LIMIT_NS` longer.
        """
        while (end := self.next_end_ns) is not None and end <= min(ts_ns - hold_back_ns, self.limit_ns):
            if self.engine.clock_ns and self.unsettled and ts_ns - hold_back_ns - end < EVENT_LIMIT_NS:
                return
            yield from self.close_to(end)
            self._by_clock = True

    def lose(self, ts_ns: int) -> None:
        """The feed is lost: from `ts_ns` on bins are not valid, until a snapshot has come."""
        if not self.gaps or self.gaps[-1].end_ns:
            self.gaps.append(Gap(ts_ns))
        self.source.begin_part()

    def certificate(self) -> dict[str, Any]:
        """`BookEngine.certificate` and what is known of the source; up to the records read so far."""
        certificate = dict(self.engine.certificate())
        clock = self.engine.clock_ns
        source = self.source
        report = source.report()
        span = source.span(int(certificate["first_clock_ns"]), clock)  # type: ignore[call-overload]
        asked = self._asked
        start = span[0] if asked.start_ns is None else asked.start_ns
        damage = damage_text(source.dbn, report)
        reasons = [*certificate["reasons"]]  # type: ignore[misc]
        reasons += source_reasons(damage, report, source.seams, span, asked.end_ns, self._quiet_end)
        certificate.update(
            ok=not reasons,
            reasons=reasons,
            damage=damage,
            coverage=coverage_facts(source.dbn, span, (start - asked.warmup_ns, start), source.silence, clock),
            seams=[seam._asdict() for seam in source.seams.values()],
            reading=reading_facts(source.dbn, report),
        )
        return certificate

    def _covered_end(self, start_ns: int) -> int:
        """Up to where the source knows the market, now that it is exhausted. Nothing is emitted beyond it."""
        clock = self.engine.clock_ns
        source = self.source
        if source.dbn is not None:
            _, end = source.span(0, clock)
            if source.damage is not None:
                return end
            if source.dbn.end_ns is not None:
                if self.max_silence_ns is not None or end - clock <= DAY_NS or clock == 0:
                    return end
                self._quiet_end = (clock, end)
        # where only the records say so, the bin of the last record is the last
        width = self.width_ns
        return start_ns + ((clock - start_ns) // width + 1) * width

    def _find_snapshot(self, segment: Segment) -> None:
        """Whether a segment ends the gap: it comes with a snapshot, or after one that repeats the book."""
        gap = self.gaps[-1]
        gap.end_ns = segment.seam_ns
        flagged = np.flatnonzero(segment.records["flags"] & F_SNAPSHOT)
        if not gap.end_ns and len(flagged):
            gap.end_ns = int(segment.records["ts_recv"][flagged[0]])

    def _late(self, segment: Segment, at: int, end_ns: int) -> int:
        """Apply what comes too late for a bin that is closed, and belongs to the next; returns the index behind it."""
        first, at = at, self.engine.apply_until(segment.records, at, end_ns)
        self.behind += at - first
        self.late += int(np.count_nonzero(segment.records["flags"][first:at] & F_SNAPSHOT == 0))
        self._by_clock = at == len(segment.records)
        return at

    def _refuse_late_begin(self, first: int) -> None:
        """Bins that begin before the source does would show a market of which nothing is known."""
        start_ns = self._asked.start_ns
        if start_ns is None or not first:
            return
        if not self.source.claims_start and start_ns + self.width_ns <= first:
            raise ParameterError(f"start_ns={start_ns} ({utc(start_ns)}): is before the first record at {utc(first)}")
        if self.max_silence_ns is None and first - start_ns > DAY_NS:
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
            begin(self)
            self._lead_in.pop(0)
        if self.before_first is not None:
            self.before_first(self.source.state_before(segment, at, before))
        return at

    def _apply_until(self, segment: Segment, at: int, stop_ns: int) -> int:
        """`BookEngine.apply_until`, but for what comes before the first clock: it happens when that clock is set."""
        if segment.first_clock_ns >= stop_ns and self.engine.clock_ns == 0:
            return at
        end = self.engine.apply_until(segment.records, at, stop_ns)
        self._follow(segment.records, at, end)
        return end

    def _follow(self, records: np.ndarray, start: int, stop: int) -> None:
        if self._queue is not None and self._follows:
            self._queue.apply(records, start, stop)

    def _begin_queue(self) -> None:
        """From here on the queue is followed: with the same book, whether or not it is from a checkpoint."""
        self._follows = True
        if self._queue is not None:
            self._queue.begin(self.engine)

    def _begin_bins(self) -> None:
        """The end of the warm-up. An anchor from the day before may be far off: bins begin with spot in the middle.

        That is done here, whether or not a checkpoint is written, and not when one is read: so a replay that is resumed
        has the range of one that is not.
        """
        self.engine.reanchor()
        self.engine.reset_statistics()
        self._begin_queue()

    def _close(self, end_ns: int) -> Bin:
        clock = self.engine.clock_ns  # 0: nothing of the book has a time
        known = clock != 0 and (self.max_silence_ns is None or end_ns - clock <= self.max_silence_ns)
        if self.gaps and known:
            known = not any(gap.hides(end_ns) for gap in self.gaps)
        seq, self._seq = self._seq, self._seq + 1
        if self._queue is not None:
            self._queue.close_bin(self.engine, known=known)
        return self._reader.read(self.engine.arrays, seq, end_ns - self.width_ns, end_ns, known)
