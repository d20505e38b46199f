"""The checkpoint of one replay: the engine as it stands just before the first bin, and the state of its source."""

from __future__ import annotations

import logging
from dataclasses import asdict
from pathlib import Path

from vp_book.book.engine import BookEngine
from vp_book.dbn.source import DbnSource
from vp_book.errors import CheckpointError

from .positioned import SourceState

_logger = logging.getLogger(__name__)


class WarmUpCheckpoint:
    """One file for one replay: it is used only if everything that decided its content is what it is now.

    `stored` is whether this replay has written it.
    """

    def __init__(
        self, path: Path, source: DbnSource, engine: BookEngine, start_ns: int, warmup_ns: int, *, silences: bool
    ) -> None:
        self.path = path
        self.stored = False
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
            "events_end_by_time": bool(engine.arrays.scalars[0].by_time),
            "large_size": int(engine.arrays.scalars[0].large_size),
            "start_ns": start_ns,
            "warmup_ns": warmup_ns,
            "silences_allowed": silences,
        }
        self._source_now = self._source_facts()

    def restore(self) -> tuple[BookEngine, SourceState] | None:
        """What an earlier replay kept. None when it cannot be used, with a warning in the log if there is a file."""
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
            return engine, SourceState.from_note(note)
        except (KeyError, TypeError, ValueError) as error:
            _logger.warning("checkpoint %s holds no position (%s); the warm-up is replayed", self.path, error)
            return None

    def store(self, engine: BookEngine, state: SourceState | None) -> None:
        """Keep the engine and the state of its source; `stored` is whether that worked.

        A checkpoint that cannot be written costs the next start its time and nothing else: the log says so.
        """
        if state is None or self._source_facts() != self._source_now:
            _logger.warning("no checkpoint %s: %s changed while it was replayed", self.path, self._source.path)
            return
        note = {"of": {**self._replay, "source": self._source_now}, **state.to_note()}
        try:
            engine.save_checkpoint(self.path, note=note)
        except OSError as error:
            _logger.warning("checkpoint %s cannot be written: %s", self.path, error)
            return
        self.stored = True

    def _source_facts(self) -> dict[str, object]:
        states = [file.path.stat() for file in self._source.files]
        return {
            "files": [[state.st_mtime_ns, state.st_size] for state in states],
            "symbol": self._source.symbol,
            "publisher": self._source.publisher,
        }
