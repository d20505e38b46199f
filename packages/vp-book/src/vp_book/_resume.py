"""The checkpoint of one replay: the engine as it stands just before the first bin, and where to read on."""

from __future__ import annotations

import logging
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final, NamedTuple

from .dbn import DbnSource, ReadPosition
from .engine import BookEngine
from .errors import CheckpointError

_logger = logging.getLogger(__name__)

_POSITION: Final = ("byte_offset", "records", "filtered", "skipped", "instrument_ids", "publishers")


class Resumed(NamedTuple):
    """A replay taken up again.

    Reading goes on at `position`, where a chunk begins; record `chunk_record` of the session is its first, and
    `next_record` the first that `engine` has not seen.
    """

    engine: BookEngine
    position: ReadPosition
    chunk_record: int
    next_record: int


class WarmUpCheckpoint:
    """One file for one replay: it is used only if everything that decided its content is what it is now."""

    def __init__(self, path: Path, source: DbnSource, engine: BookEngine, start_ns: int, warmup_ns: int) -> None:
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
            "start_ns": start_ns,
            "warmup_ns": warmup_ns,
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

    def store(self, engine: BookEngine, chunk_record: int, next_record: int) -> bool:
        """Keep the engine, whose next record lies in the source's newest chunk; whether that worked.

        A checkpoint that cannot be written costs the next start its time and nothing else: it is told in the log.
        """
        position = self._source.position
        if position is None or self._look_at_source() != self._source_now:
            _logger.warning("no checkpoint %s: %s changed while it was replayed", self.path, self._source.path)
            return False
        told = {name: getattr(position, name) for name in _POSITION}
        told["skipped"] = sorted(position.skipped.items())
        note = {
            "of": {**self._replay, "source": self._source_now},
            "position": told,
            "chunk_record": chunk_record,
            "next_record": next_record,
        }
        try:
            engine.save_checkpoint(self.path, note=note)
        except OSError as error:
            _logger.warning("checkpoint %s can not be written: %s", self.path, error)
            return False
        return True

    def _look_at_source(self) -> dict[str, object]:
        status = self._source.path.stat()
        return {
            "mtime_ns": status.st_mtime_ns,
            "size": status.st_size,
            "symbol": self._source.symbol,
            "publisher": self._source.publisher,
        }


def _resumed(engine: BookEngine, note: dict[str, Any]) -> Resumed:
    told = note["position"]
    position = ReadPosition(
        byte_offset=int(told["byte_offset"]),
        records=int(told["records"]),
        filtered=int(told["filtered"]),
        skipped={int(rtype): int(times) for rtype, times in told["skipped"]},
        instrument_ids=[(int(number), int(start), int(end)) for number, start, end in told["instrument_ids"]],
        publishers=[int(number) for number in told["publishers"]],
    )
    chunk_record, next_record = int(note["chunk_record"]), int(note["next_record"])
    if not (0 <= chunk_record <= next_record and position.byte_offset >= 0):
        raise ValueError(f"record {next_record} in the chunk of record {chunk_record} at byte {position.byte_offset}")
    return Resumed(engine, position, chunk_record, next_record)
