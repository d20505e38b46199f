"""Walking DBN records of mixed types by their length byte."""

from __future__ import annotations

from typing import Final

import numpy as np

from vp_book._jit import kernel
from vp_book.records import MBO_BYTES, RTYPE_MBO

HEADER_BYTES: Final = 16
"""length, rtype, publisher_id, instrument_id, ts_event: no record is shorter."""


@kernel
def scan(buffer: np.ndarray, words: int, offsets: np.ndarray, rtypes: np.ndarray) -> tuple[int, int, bool]:
    """Find the whole records of a byte buffer, in which a market-by-order record has `words` words and no other length.

    Fills `offsets` (int64) and `rtypes` (uint8) and returns (records, bytes they take, whether the next record claims
    an impossible length). `offsets` must have room for one entry per 16 bytes.
    """
    at = 0
    n = 0
    size = buffer.shape[0]
    while at < size:
        length: int = np.int64(4) * buffer[at]
        if length < HEADER_BYTES:
            return n, at, True
        if at + 1 < size and buffer[at + 1] == RTYPE_MBO and buffer[at] != words:
            return n, at, True
        if at + length > size:
            break
        offsets[n] = at
        rtypes[n] = buffer[at + 1]
        n += 1
        at += length
    return n, at, False


@kernel
def gather(buffer: np.ndarray, offsets: np.ndarray, out: np.ndarray) -> None:
    """Copy the first 56 bytes of the records at `offsets` to the rows of `out` (uint8, (n, 56))."""
    for i in range(offsets.shape[0]):
        for j in range(MBO_BYTES):
            out[i, j] = buffer[offsets[i] + j]
        out[i, 0] = MBO_BYTES // 4
