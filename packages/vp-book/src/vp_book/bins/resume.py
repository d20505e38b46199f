"""The checkpoint of one replay: the engine as it stands just before the first bin, and where to read on."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any, NamedTuple

from vp_book.book import state as st
from vp_book.book.engine import BookEngine
from vp_book.dbn.source import DbnSource, ReadPosition
from vp_book.dbn.symbols import Named
from vp_book.errors import CheckpointError

from .coverage import Silence
from .feed import Mark
from .seam import Seam

_logger = logging.getLogger(__name__)


class Resumed(NamedTuple):
    """A replay taken up again.

    Reading goes on at `mark`, where a chunk begins; `next_record` is the first of the session that `engine` has not
    seen. `seams` and `silence` are what had been found by then.
    """

    engine: BookEngine
    mark: Mark
    next_record: int
    seams: dict[int, Seam]
    silence: Silence


class WarmUpCheckpoint:
    """One file for one replay: it is used only if everything that decided its content is what it is now."""

    def __init__(
        self, path: Path, source: DbnSource, engine: BookEngine, start_ns: int, warmup_ns: int, *, silences: bool
    ) -> None:
        self.path = path
        self._source = source
        instrument = engine.instrument
        self._replay = {
            "symbol": instrument.symbol,
            "product_type": instrument.product_type,
            "tick_int": instrument.tick_int,
            "cell_int": instrument.cell_int,
            "physics": asdict(engine.physics),
            "n_absolute_ticks": engine.n_absolute_ticks,
            "edge_margin_ticks": engine.edge_margin_ticks,
            "events_end_by_time": bool(engine.arrays.scalars[st.S_BY_TIME]),
            "start_ns": start_ns,
            "warmup_ns": warmup_ns,
            "silences_allowed": silences,
        }
        self._source_now = self._look_at_source()

    def restore(self) -> Resumed | None:
        """What an earlier run kept; None, with a warning in the log unless there is no file, when it cannot be used."""
        try:
            engine, note = BookEngine.load_noted(self.path)
        except FileNotFoundError:
            return None
        except CheckpointError as error:
            _logger.warning("%s; the warm-up is replayed", error)
            return None
        expected = {**self._replay, "source": self._source_now}
        found = note.get("of")
        if found != expected:
            names = [name for name in expected if not isinstance(found, dict) or found.get(name) != expected[name]]
            _logger.warning("checkpoint %s differs in %s; the warm-up is replayed", self.path, ", ".join(names))
            return None
        try:
            return _resumed(engine, note)
        except (KeyError, TypeError, ValueError) as error:
            _logger.warning("checkpoint %s says no position (%s); the warm-up is replayed", self.path, error)
            return None

    def store(
        self, engine: BookEngine, mark: Mark, next_record: int, seams: Mapping[int, Seam], silence: Silence
    ) -> bool:
        """Keep the engine, whose next record lies in the chunk at `mark`; whether that worked.

        A checkpoint that cannot be written costs the next start its time and nothing else: it is told in the log.
        """
        if mark.position is None or self._look_at_source() != self._source_now:
            _logger.warning("no checkpoint %s: %s changed while it was replayed", self.path, self._source.path)
            return False
        note = {
            "of": {**self._replay, "source": self._source_now},
            "position": asdict(mark.position),
            "chunk_record": mark.session_record,
            "next_record": next_record,
            "entered": mark.entered,
            "clock": mark.clock,
            "seams": sorted(seams.items()),
            "silence": silence.longest,
        }
        try:
            engine.save_checkpoint(self.path, note=note)
        except OSError as error:
            _logger.warning("checkpoint %s can not be written: %s", self.path, error)
            return False
        return True

    def _look_at_source(self) -> dict[str, object]:
        states = [file.path.stat() for file in self._source.files]
        return {
            "files": [[state.st_mtime_ns, state.st_size] for state in states],
            "symbol": self._source.symbol,
            "publisher": self._source.publisher,
        }


def _resumed(engine: BookEngine, note: dict[str, Any]) -> Resumed:
    told = dict(note["position"])
    told["skipped"] = tuple((int(rtype), int(times)) for rtype, times in told["skipped"])
    told["publishers"] = tuple(int(number) for number in told["publishers"])
    told["clock"] = tuple(int(number) for number in told["clock"])
    told["named"] = None if told["named"] is None else Named(*told["named"])
    position = ReadPosition(**told)
    clock = tuple(int(ns) for ns in note["clock"])
    mark = Mark(position, int(note["chunk_record"]), int(note["entered"]), clock)
    next_record = int(note["next_record"])
    if not (0 <= mark.session_record <= next_record and min(position.byte_offset, position.file, mark.entered) >= 0):
        raise ValueError(f"record {next_record} in the chunk of record {mark.session_record} at {position}")
    seams = {int(number): Seam(*(int(x) for x in seam)) for number, seam in note["seams"]}
    return Resumed(engine, mark, next_record, seams, Silence(note["silence"]))
