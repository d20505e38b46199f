"""The shape of the grid that a signal runs on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class SignalContext:
    """The shape of a grid: `radius` rows to either side of spot, `cell_width_ms` a bin, `cell_int` a row.

    `cell_int` is the price step from a row to the next in 1e-9 of the quote currency, `tick_int` that of a tick; 0 says
    that a row is a tick. Take the context of a dataset (`dataset.context`); the values here are those of ES at the
    default grid.
    """

    radius: int = 50
    cell_width_ms: int = 100
    cell_int: int = 250_000_000
    tick_int: int = 0

    @property
    def k_values(self) -> NDArray[np.int64]:
        """Rows above spot, int64 (2 * radius + 1,).

        >>> SignalContext(radius=2).k_values.tolist()
        [-2, -1, 0, 1, 2]
        """
        return np.arange(-self.radius, self.radius + 1, dtype=np.int64)

    @property
    def bin_seconds(self) -> float:
        """Length of a bin in seconds."""
        return self.cell_width_ms / 1000


DEFAULT_CONTEXT: Final = SignalContext()
