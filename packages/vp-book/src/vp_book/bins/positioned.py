"""A source together with the place a replay has reached in it: what is read, checked and kept to go on from there.

A `PositionedSource` yields the session's own records, in segments, without the snapshots that only repeat the book. It
knows how many of them the book has had, what the seams between files showed and where the longest silence was. All of
that as plain values is a `SourceState`, which a checkpoint keeps and from which another `PositionedSource` goes on.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any, Final, NamedTuple, Self

import numpy as np

from vp_book._checked import FOREVER
from vp_book.book.engine import BookEngine
from vp_book.dbn.files import utc
from vp_book.dbn.passes import DbnPass, ReadPosition
from vp_book.dbn.reading import ReadReport
from vp_book.dbn.source import DbnSource
from vp_book.dbn.stream_clock import BEGAN, CLOCK, clock_state, engine_clock, follow
from vp_book.dbn.symbols import Named
from vp_book.errors import ParameterError, VpBookError
from vp_book.records import ACTION_ADD, MBO_DTYPE
from vp_book.sessions import in_session

from .coverage import Silence
from .seam import Seam, as_state, compare, head_snapshot

DAY_NS: Final = 86_400_000_000_000
"""Where no silence is allowed for, neighbouring records that lie further apart than this are damage."""

_MOST_WAITING: Final = 1 << 20
"""Records that wait for a first clock. Where so many have none, they are damage, and are taken as having no time."""


@dataclass(frozen=True, slots=True)
class SourceState:
    """Where a replay stands in its source, just before a record of it. Immutable, of plain values.

    Reading goes on at `position`, where a chunk begins; `chunk_record` records of the session come before that chunk,
    and `next_record` is the number of the first one that the book has not had. `seams_done` is the number of the last
    file whose snapshot at the head has been dealt with, `clock` the state of the clock before the chunk
    (`stream_clock`). `seams` and `silence` are what had been found by then.
    """

    position: ReadPosition
    chunk_record: int
    next_record: int
    seams_done: int
    clock: tuple[int, ...]
    seams: Mapping[int, Seam]
    silence: tuple[int, int] | None

    def to_note(self) -> dict[str, object]:
        """Plain JSON values for a checkpoint."""
        return {
            "position": asdict(self.position),
            "chunk_record": self.chunk_record,
            "next_record": self.next_record,
            "entered": self.seams_done,
            "clock": self.clock,
            "seams": sorted(self.seams.items()),
            "silence": self.silence,
        }

    @classmethod
    def from_note(cls, note: Mapping[str, Any]) -> Self:
        """The state that `to_note` wrote. Raises KeyError, TypeError or ValueError for anything else."""
        fields = dict(note["position"])
        fields["skipped"] = tuple((int(rtype), int(times)) for rtype, times in fields["skipped"])
        fields["publishers"] = tuple(int(number) for number in fields["publishers"])
        fields["clock"] = tuple(int(number) for number in fields["clock"])
        fields["named"] = None if fields["named"] is None else Named(*fields["named"])
        position = ReadPosition(**fields)
        chunk_record, next_record, seams_done = (int(note[name]) for name in ("chunk_record", "next_record", "entered"))
        if not (0 <= chunk_record <= next_record and min(position.byte_offset, position.file, seams_done) >= 0):
            raise ValueError(f"record {next_record} in the chunk of record {chunk_record} at {position}")
        return cls(
            position=position,
            chunk_record=chunk_record,
            next_record=next_record,
            seams_done=seams_done,
            clock=tuple(int(ns) for ns in note["clock"]),
            seams={int(number): Seam(*(int(x) for x in seam)) for number, seam in note["seams"]},
            silence=Silence(note["silence"]).longest,
        )


class _Place(NamedTuple):
    """The part of a `SourceState` that is known when a chunk is read; `position` is None for plain arrays."""

    position: ReadPosition | None
    file: int
    chunk_record: int
    seams_done: int
    clock: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Segment:
    """Records to apply one after the other, an array of `MBO_DTYPE` of shape (n,).

    The book has had the first `applied` of them already: it was restored in the middle of them. `first` is the number
    in the session of record 0, but the first `inserted` records are of no file and have no number. A replay that stops
    before record 0 goes on at `begin`, one that stops later at `end`. `first_clock_ns` is the first clock of the
    session, 0 if none of its records up to the last of these sets one. `seam_ns` is the time of the snapshot at the
    head of a later file, where these are the records that come with it or after it, else 0.
    """

    records: np.ndarray
    first: int
    inserted: int
    begin: _Place
    end: _Place
    first_clock_ns: int = 0
    applied: int = 0
    seam_ns: int = 0

    def number(self, index: int) -> int:
        """Number in the session of record `index`."""
        return self.first + max(index - self.inserted, 0)


class PositionedSource:
    """What an engine is to apply, and how far it has come. Every segment is applied before the next one is asked for.

    `source` is what `open_dbn` opened, or any iterable of arrays. `engine` is fresh, or was restored together with
    `state`, where an earlier replay of the same source stopped. With `silences` records may lie further apart than a
    day.

    `next_record` is the number in the session of the first record that the book has not had, `seams` what the
    snapshots at the heads of later files showed, by the number of the file, `silence` the longest time without a
    record. `claims_start` says that metadata tells where the source begins.
    """

    def __init__(
        self,
        source: Iterable[np.ndarray],
        engine: BookEngine,
        silences: bool,
        state: SourceState | None = None,
    ) -> None:
        self.dbn = source if isinstance(source, DbnSource) else None
        if state is not None and self.dbn is None:
            raise TypeError("only what open_dbn opened can be read from a position on")
        self.claims_start = self.dbn is not None and self.dbn.start_ns is not None
        self.next_record = 0 if state is None else state.next_record
        self.seams: dict[int, Seam] = {} if state is None else dict(state.seams)
        self.silence = Silence(None if state is None else state.silence)
        self._engine = engine
        self._chunks = source
        self._from = None if state is None else state.position
        self._pass: DbnPass | None = None  # since reading has begun
        self._part = 0  # number of the file that plain arrays are of
        self._limit_ns = FOREVER if silences else DAY_NS
        self._clock = clock_state() if state is None else np.array(state.clock, np.int64)
        self._seams_done = 0 if state is None else state.seams_done
        self._session = 0 if state is None else state.chunk_record  # records of the session before the chunk at hand
        self._read = 0  # records of any kind before the chunk at hand, as far as this object has read
        self._chunk: np.ndarray | None = None  # the one at hand, None when the source is at its end
        self._pending: list[tuple[np.ndarray, _Place]] = []  # of a head snapshot whose end has not come yet
        self._first = engine_clock(engine.arrays)  # up to the first clock
        self._waiting: list[Segment] = []  # for the first clock
        self._n_waiting = 0

    def segments(self) -> Iterator[Segment]:
        """The segments from here on to the end of the source, each with the first clock of the session."""
        if self.dbn is not None:
            self._pass = self.dbn.read_from(self._from)
        for chunk in self._chunks if self._pass is None else self._pass:
            yield from self.take(chunk)
            if self.damage is not None:
                break
        self._chunk = None
        if self._pending:
            yield from self._timed(self._after_seam(np.zeros(0, MBO_DTYPE), self._pending[-1][1], 0))
        if self._waiting:
            yield self._counted(_joined(self._waiting))

    def take(self, chunk: np.ndarray) -> Iterator[Segment]:
        """The segments that the next records of the source give, as far as they do not wait for later ones.

        Records before the first clock wait for the record that sets it: only then is it known when they happened. The
        snapshot at the head of a later file waits for its end.
        """
        chunk = _checked(chunk)
        self._chunk = chunk
        position = None if self._pass is None else self._pass.position
        file = self._part if position is None else position.file
        place = _Place(position, file, self._session, self._seams_done, tuple(self._clock.tolist()))
        believable = follow(chunk, self._clock, self._limit_ns)
        records = in_session(self._engine.instrument.product_type, chunk[:believable])
        for segment in self._segments_of(records, place):
            if len(segment.records):
                yield from self._timed(segment)
        if believable < len(chunk):
            self._refuse_jump(chunk, believable)
            return
        self._session += len(records)
        self._read += len(chunk)

    def begin_part(self) -> None:
        """What is taken from here on was not sent right after what came before: it is a file of its own."""
        self._part += 1

    def advance(self, segment: Segment, index: int, clock_before: np.ndarray) -> None:
        """The engine has applied the records of a segment before `index`; its clock was `clock_before` until then."""
        self.next_record = segment.number(index)
        self._note_silence(segment, index, clock_before)

    def state_before(self, segment: Segment, index: int, clock_before: np.ndarray) -> SourceState | None:
        """The state just before record `index` of a segment, up to which the engine has come. None for plain arrays."""
        place = segment.begin if index == 0 else segment.end
        if place.position is None:
            return None
        self._note_silence(segment, index, clock_before)
        return SourceState(
            position=place.position,
            chunk_record=place.chunk_record,
            next_record=segment.number(index),
            seams_done=place.seams_done,
            clock=place.clock,
            seams=dict(self.seams),
            silence=self.silence.longest,
        )

    @property
    def damage(self) -> str | None:
        """Why the source ended before its end, None if it did not."""
        return None if self._pass is None else self._pass.report.damage

    def report(self) -> ReadReport | None:
        """What reading met up to `next_record`; None for plain arrays.

        That is less than what has been read: how much this is, chunks decide.
        """
        if self.dbn is None:
            return None
        if self._pass is None:
            return ReadReport()
        if self._chunk is None or self._pass.position is None:
            return self._pass.report
        wanted = self.next_record - self._session
        product_type = self._engine.instrument.product_type
        low, high = 0, len(self._chunk)
        while low < high:  # the session leaves records out: find how many of the chunk hold `wanted` of it
            middle = (low + high) // 2
            if len(in_session(product_type, self._chunk[:middle])) < wanted:
                low = middle + 1
            else:
                high = middle
        return self._pass.report_before(low)

    def span(self, first_ns: int, clock_ns: int) -> tuple[int, int]:
        """The span that is covered, ns UTC, start inclusive and end exclusive, as far as it was replayed.

        `first_ns` and `clock_ns` are the first and the last clock of the engine: how much more has been read, chunks
        decide.
        """
        seen = (first_ns, clock_ns + 1 if clock_ns else first_ns)
        if self.dbn is None:
            return seen
        start = seen[0] if self.dbn.start_ns is None else self.dbn.start_ns
        if self._pass is not None and self._pass.report.damage is not None:
            return start, min(self._pass.covered_ns[1], max(start, clock_ns))
        return start, max(start, seen[1]) if self.dbn.end_ns is None else self.dbn.end_ns

    def _note_silence(self, segment: Segment, index: int, clock_before: np.ndarray) -> None:
        self.silence.observe(self._engine.arrays, segment.records[segment.applied : index], clock_before)

    def _counted(self, segment: Segment) -> Segment:
        """The chunk at which a replay is resumed begins with records that its engine has had."""
        return replace(segment, applied=max(self.next_record - segment.first, 0))

    def _timed(self, segment: Segment) -> Iterator[Segment]:
        """A segment, once a clock has begun; until then it waits, and comes together with the one that begins it."""
        clock = self._first
        if not clock[BEGAN]:
            follow(segment.records, clock)
            self._waiting.append(segment)
            self._n_waiting += len(segment.records)
            if not clock[BEGAN] and self._n_waiting < _MOST_WAITING:
                return
            segment, self._waiting, self._n_waiting = _joined(self._waiting), [], 0
        yield self._counted(replace(segment, first_clock_ns=int(clock[BEGAN])))

    def _segments_of(self, records: np.ndarray, place: _Place) -> Iterator[Segment]:
        """The records of one chunk, and the pending snapshot of those before it."""
        if self._pending and self._pending[-1][1].file != place.file:
            yield self._after_seam(records[:0], self._pending[-1][1], 0)
        if place.file == self._seams_done:
            yield Segment(records, self._session, 0, place, place)
        elif len(records):
            n = head_snapshot(records, begun=bool(self._pending))
            if n:
                self._pending.append((records[:n], place))
            if n < len(records):
                yield self._after_seam(records[n:], place, n)

    def _after_seam(self, rest: np.ndarray, place: _Place, n: int) -> Segment:
        """The records after a head snapshot, whose last `n` are of the chunk at `place`, and the snapshot if needed."""
        pending, self._pending = self._pending, []
        self._seams_done = place.file
        end = place._replace(seams_done=place.file)
        if not pending:
            return Segment(rest, place.chunk_record, 0, place, end)
        begin = pending[0][1]
        snapshot = np.concatenate([records for records, _ in pending])
        seam_ns = int(snapshot["ts_recv"][0])
        if self._engine.clock_ns == 0:  # no record has come before it: there is no book to compare it with
            return Segment(np.concatenate([snapshot, rest]), begin.chunk_record, 0, begin, end)
        if _session_is_open(self._engine.instrument.product_type, snapshot):
            seam = self.seams[place.file] = compare(self._engine, snapshot)
            if seam.agrees:
                return Segment(rest, place.chunk_record + n, 0, end, end, seam_ns=seam_ns)
        state = as_state(snapshot)
        inserted = len(state) - len(snapshot)
        return Segment(np.concatenate([state, rest]), begin.chunk_record, inserted, begin, end, seam_ns=seam_ns)

    def _refuse_jump(self, chunk: np.ndarray, index: int) -> None:
        """Records that lie further apart than a market is ever quiet: end here, or raise."""
        before, after = int(self._clock[CLOCK]), int(chunk["ts_recv"][index])
        what = (
            f"the clock jumps from {utc(before)} to {utc(after)}, by more than a day "
            "(max_silence_s allows for such a silence),"
        )
        if self._pass is None:
            raise VpBookError(f"source: {what} at record {self._read + index}")
        self._pass.damaged_from(index, what)


def _joined(segments: list[Segment]) -> Segment:
    """Segments of which only the last one has a record with a time; so none of them has inserted records."""
    if len(segments) == 1:
        return segments[0]
    first, last = segments[0], segments[-1]
    return replace(last, records=np.concatenate([s.records for s in segments]), first=first.first, begin=first.begin)


def _session_is_open(product_type: str, snapshot: np.ndarray) -> bool:
    """Whether ordinary records of a snapshot's time are of the session: if not, the book has not followed them."""
    ordinary = snapshot[:1].copy()
    ordinary["flags"], ordinary["action"] = 0, bytes([ACTION_ADD])
    return len(in_session(product_type, ordinary)) == 1


def _checked(chunk: object) -> np.ndarray:
    """A chunk as kernels take it, or `ParameterError` for what is none."""
    if not isinstance(chunk, np.ndarray) or chunk.dtype != MBO_DTYPE or chunk.ndim != 1:
        kind = f"an array of {chunk.dtype}" if isinstance(chunk, np.ndarray) else f"{type(chunk).__name__}"
        raise ParameterError(f"source: it yields {kind}; must yield one-dimensional arrays of MBO_DTYPE")
    return np.ascontiguousarray(chunk)  # once here, and not for every bin
