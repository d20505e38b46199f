"""Records of a source on their way into a book: the session's own, without the snapshots that only repeat the book."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Final, NamedTuple

import numpy as np

from vp_book.book.engine import FOREVER, BookEngine
from vp_book.dbn.files import utc
from vp_book.dbn.reading import ReadReport
from vp_book.dbn.source import DbnSource, ReadPosition
from vp_book.dbn.stream_clock import BEGAN, CLOCK, clock_state, follow
from vp_book.errors import ParameterError, VpBookError
from vp_book.records import ACTION_ADD, MBO_DTYPE
from vp_book.sessions import in_session

from .seam import Seam, as_state, compare, head_snapshot

DAY_NS: Final = 86_400_000_000_000
"""Where no silence is allowed for, neighbouring records that lie further apart than this are damage."""

_MOST_WAITING: Final = 1 << 20
"""Records that wait for a first clock. Where so many have none, they are damage, and are taken as having no time."""


class Mark(NamedTuple):
    """A place to go on from: a chunk of the source, how many records of the session came before it, up to which file
    the seams were done by then, and the state of the clock."""

    position: ReadPosition | None
    session_record: int
    entered: int
    clock: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Piece:
    """Records to apply one after the other; `first` is the number of the first one in the session.

    The first `inserted` of them are of no file. A replay that stops before record 0 goes on at `begin`, else at `end`.
    `first_clock_ns` is the first clock of the session, 0 if none of its records up to the last of these sets one.
    """

    records: np.ndarray
    first: int
    inserted: int
    begin: Mark
    end: Mark
    first_clock_ns: int = 0

    def number(self, index: int) -> int:
        """Number in the session of record `index`."""
        return self.first + max(index - self.inserted, 0)


class Feed:
    """Yields what an engine is to apply, in pieces; each has to be applied before the next one is asked for.

    `seams` holds what the snapshots at the heads of later files said, by the number of the file. `damage` is what
    ended the source early.
    """

    def __init__(self, source: Iterable[np.ndarray], engine: BookEngine, max_silence_ns: int | None) -> None:
        self.seams: dict[int, Seam] = {}
        self._engine = engine
        self._dbn = source if isinstance(source, DbnSource) else None
        self._chunks: Iterable[np.ndarray] = source
        self._limit_ns = DAY_NS if max_silence_ns is None else FOREVER
        self._clock = clock_state()
        self._entered = 0
        self._chunk: np.ndarray | None = None  # the one at hand, None when the source is at its end
        self._read = 0  # records of any chunk before the one at hand
        self._session = 0  # records of the session before the chunk at hand
        self._held: list[tuple[np.ndarray, Mark]] = []  # of a head snapshot whose end has not come yet

    def resume(self, engine: BookEngine, mark: Mark) -> None:
        """Go on with a restored engine where an earlier replay of the same source stopped."""
        if self._dbn is None or mark.position is None:
            raise TypeError("only what open_dbn opened can be taken up again")
        self._engine = engine
        self._chunks = self._dbn.chunks_from(mark.position)
        self._session, self._entered = mark.session_record, mark.entered
        self._clock[:] = mark.clock

    @property
    def damage(self) -> str | None:
        """Why the source ended before its end, None if it did not."""
        return None if self._dbn is None else self._dbn.report.damage

    def report(self, session_record: int) -> ReadReport | None:
        """What reading met up to a record of the chunk at hand, by its number in the session.

        That is less than what has been read: how much this is, chunks decide.
        """
        if self._dbn is None or self._chunk is None or self._dbn.position is None:
            return None if self._dbn is None else self._dbn.report
        wanted = session_record - self._session
        product_type = self._engine.instrument.product_type
        low, high = 0, len(self._chunk)
        while low < high:  # the session leaves records out: find how many of the chunk hold `wanted` of it
            middle = (low + high) // 2
            if len(in_session(product_type, self._chunk[:middle])) < wanted:
                low = middle + 1
            else:
                high = middle
        return self._dbn.report_before(low)

    def __iter__(self) -> Iterator[Piece]:
        for chunk in self._chunks:
            chunk = _checked(chunk)
            self._chunk = chunk
            position = None if self._dbn is None else self._dbn.position
            mark = Mark(position, self._session, self._entered, tuple(self._clock.tolist()))
            believable = follow(chunk, self._clock, self._limit_ns)
            records = in_session(self._engine.instrument.product_type, chunk[:believable])
            for piece in self._pieces(records, mark):
                if len(piece.records):
                    yield piece
            if believable < len(chunk):
                self._refuse_jump(chunk, believable)
                break
            self._session += len(records)
            self._read += len(chunk)
        self._chunk = None
        if self._held:
            yield self._behind_seam(np.zeros(0, MBO_DTYPE), self._held[-1][1], 0)

    def timed(self, clock: np.ndarray) -> Iterator[Piece]:
        """The pieces, with the first clock in them, for a book whose clock stands at `clock` (`engine_clock`).

        Records before the first clock wait for the record that sets it: only then is it known when they happened.
        """
        waiting: list[Piece] = []
        n_waiting = 0
        for piece in self:
            if not clock[BEGAN]:
                follow(piece.records, clock)
                waiting.append(piece)
                n_waiting += len(piece.records)
                if not clock[BEGAN] and n_waiting < _MOST_WAITING:
                    continue
                piece, waiting, n_waiting = _joined(waiting), [], 0
            yield replace(piece, first_clock_ns=int(clock[BEGAN]))
        if waiting:
            yield _joined(waiting)

    def _pieces(self, records: np.ndarray, mark: Mark) -> Iterator[Piece]:
        """The records of one chunk, and what was held of those before it."""
        file = 0 if mark.position is None else mark.position.file
        if self._held and _file_of(self._held[-1][1]) != file:
            yield self._behind_seam(records[:0], self._held[-1][1], 0)
        if file == self._entered:
            yield Piece(records, self._session, 0, mark, mark)
        elif len(records):
            n = head_snapshot(records, begun=bool(self._held))
            if n:
                self._held.append((records[:n], mark))
            if n < len(records):
                yield self._behind_seam(records[n:], mark, n)

    def _behind_seam(self, rest: np.ndarray, mark: Mark, n: int) -> Piece:
        """The records behind a head snapshot, whose last `n` are of the chunk at `mark`, and the snapshot if needed."""
        held, self._held = self._held, []
        self._entered = file = _file_of(mark)
        end = mark._replace(entered=file)
        if not held:
            return Piece(rest, mark.session_record, 0, mark, end)
        begin = held[0][1]
        snapshot = np.concatenate([records for records, _ in held])
        if self._engine.clock_ns == 0:  # no record has come before it: there is no book to hold it against
            return Piece(np.concatenate([snapshot, rest]), begin.session_record, 0, begin, end)
        if _followed(self._engine.instrument.product_type, snapshot):
            seam = self.seams[file] = compare(self._engine, snapshot)
            if seam.agrees:
                return Piece(rest, mark.session_record + n, 0, end, end)
        state = as_state(snapshot)
        inserted = len(state) - len(snapshot)
        return Piece(np.concatenate([state, rest]), begin.session_record, inserted, begin, end)

    def _refuse_jump(self, chunk: np.ndarray, index: int) -> None:
        """Records that lie further apart than a market is ever quiet: end here, or raise."""
        before, after = int(self._clock[CLOCK]), int(chunk["ts_recv"][index])
        what = (
            f"the clock jumps from {utc(before)} to {utc(after)}, by more than a day "
            "(max_silence_s allows for such a silence),"
        )
        if self._dbn is None:
            raise VpBookError(f"source: {what} at record {self._read + index}")
        self._dbn.damaged_from(index, what)


def _joined(pieces: list[Piece]) -> Piece:
    """Pieces of which only the last one has a record with a time; so none of them has inserted records."""
    if len(pieces) == 1:
        return pieces[0]
    first, last = pieces[0], pieces[-1]
    return replace(last, records=np.concatenate([p.records for p in pieces]), first=first.first, begin=first.begin)


def _file_of(mark: Mark) -> int:
    return 0 if mark.position is None else mark.position.file


def _followed(product_type: str, snapshot: np.ndarray) -> bool:
    """Whether ordinary records of a snapshot's time are of the session: if not, the book has not followed them."""
    ordinary = snapshot[:1].copy()
    ordinary["flags"], ordinary["action"] = 0, bytes([ACTION_ADD])
    return len(in_session(product_type, ordinary)) == 1


def _checked(chunk: object) -> np.ndarray:
    """A chunk as kernels take it, or `ParameterError` for what is none."""
    if not isinstance(chunk, np.ndarray) or chunk.dtype != MBO_DTYPE or chunk.ndim != 1:
        kind = f"an array of {chunk.dtype}" if isinstance(chunk, np.ndarray) else f"{type(chunk).__name__}"
        raise ParameterError(f"source yields {kind}: must be one-dimensional arrays of MBO_DTYPE")
    return np.ascontiguousarray(chunk)  # once here, and not for every bin
