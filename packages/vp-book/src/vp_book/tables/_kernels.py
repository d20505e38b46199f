"""The loop over records and moments."""

from __future__ import annotations

from typing import Final

import numpy as np

from vp_book._jit import kernel
from vp_book.book.apply import apply_records
from vp_book.book.levels import best_levels
from vp_book.book.state import BIN_END, DONE, Arrays

FULL: Final = 100  # there is no row left
BEYOND: Final = 101  # the row before needs levels outside of the range


@kernel
def read_books(
    records: np.ndarray,
    start: int,
    moments: np.ndarray,
    counted: bool,
    a: Arrays,
    found: np.ndarray,
    levels: np.ndarray,
    valid: np.ndarray,
    row: int,
) -> tuple[int, int, int]:
    """Apply `records[start:]`, and read the book into the rows from `row` on at every moment that they reach.

    `moments` is (the next one, between two, the last one) and moves on. Returns (index of the first record not applied,
    next row, status); DONE also when the last moment was read.
    """
    s = a.scalars[0]
    while moments[0] <= moments[2]:
        if row == levels.shape[0]:
            return start, row, FULL
        start, status = apply_records(records, start, moments[0], a)
        if status != BIN_END:
            return start, row, status
        within = best_levels(a, row, counted, found, levels)
        valid[row] = s.valid and not s.in_event and not s.in_snapshot
        row += 1
        moments[0] += moments[1]
        if not within:
            return start, row, BEYOND
    return start, row, DONE
