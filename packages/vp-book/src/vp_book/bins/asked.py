"""Which bins are asked for: the arguments that every way to bins has, checked once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from vp_book._checked import seconds, whole_number
from vp_book.book.engine import FOREVER, GUARD_CELLS, MAX_TICKS, BookEngine, EventEnds
from vp_book.errors import ParameterError
from vp_book.instrument import Instrument
from vp_book.marks import DEFAULT_LARGE_SIZES
from vp_book.physics.parameters import Physics
from vp_book.records import NS_PER_S

_NS_PER_MS: Final = 1_000_000
_LONGEST_S: Final = 10 * 366 * 86_400
_WIDEST_MS: Final = 86_400_000
_LARGEST_SIZE: Final = 2**32


@dataclass(frozen=True, slots=True)
class AskedBins:
    """Arguments as `vp_book.replay` has them. Made by `checked_bins`."""

    cell_width_ms: int
    grid_radius_ticks: int
    start_ns: int | None
    end_ns: int | None
    warmup_s: float
    max_silence_s: float | None
    large_size: int | None = None

    @property
    def width_ns(self) -> int:
        """The length of a bin."""
        return self.cell_width_ms * _NS_PER_MS

    @property
    def warmup_ns(self) -> int:
        """How long before the first bin physics begins; 0 where it begins with the first record."""
        return int(self.warmup_s * NS_PER_S) if self.start_ns is not None else 0

    @property
    def max_silence_ns(self) -> int | None:
        """How long the last record may lie back for a book to be valid."""
        return None if self.max_silence_s is None else int(self.max_silence_s * NS_PER_S)

    def engine(
        self, instrument: Instrument, physics: Physics | None, n_absolute_ticks: int, event_ends: EventEnds
    ) -> BookEngine:
        """A fresh engine whose range has room for the window of these bins."""
        margin = self.grid_radius_ticks + GUARD_CELLS
        engine = BookEngine(
            instrument, physics, n_absolute_ticks=n_absolute_ticks, edge_margin_ticks=margin, event_ends=event_ends
        )
        large = DEFAULT_LARGE_SIZES[instrument.product_type] if self.large_size is None else self.large_size
        engine.arrays.scalars[0].large_size = large
        return engine


def checked_bins(
    *,
    cell_width_ms: int,
    grid_radius_ticks: int,
    start_ns: int | None,
    end_ns: int | None,
    warmup_s: float,
    max_silence_s: float | None,
    large_size: int | None = None,
) -> AskedBins:
    """Raises `ParameterError` for a value outside what is allowed."""
    asked = AskedBins(
        cell_width_ms=whole_number("cell_width_ms", cell_width_ms, 1, _WIDEST_MS),
        grid_radius_ticks=whole_number("grid_radius_ticks", grid_radius_ticks, 1, MAX_TICKS // 2),
        start_ns=None if start_ns is None else whole_number("start_ns", start_ns, 0, FOREVER),
        end_ns=None if end_ns is None else whole_number("end_ns", end_ns, 0, FOREVER),
        warmup_s=seconds("warmup_s", warmup_s, _LONGEST_S),
        max_silence_s=None if max_silence_s is None else seconds("max_silence_s", max_silence_s, _LONGEST_S),
        large_size=None if large_size is None else whole_number("large_size", large_size, 1, _LARGEST_SIZE),
    )
    if asked.start_ns is not None and asked.end_ns is not None and asked.end_ns <= asked.start_ns:
        raise ParameterError(f"end_ns={end_ns}: must be after start_ns={start_ns}")
    return asked
