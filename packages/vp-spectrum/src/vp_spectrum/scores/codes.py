"""Five-state codes of the rows around spot."""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from vp_spectrum._checks import whole, whole_array

BULL_VACUUM: Final = 2
BULL_PRESSURE: Final = 1
MIXED: Final = 0
BEAR_PRESSURE: Final = -1
BEAR_VACUUM: Final = -2

# (ask sign, bid sign) -> code of a row above spot, code of a row below (spectrum specification, section 2).
_CODES: Final = {
    (1, 1): (BULL_VACUUM, BULL_PRESSURE),
    (1, 0): (BEAR_PRESSURE, BEAR_VACUUM),
    (1, -1): (BEAR_PRESSURE, BEAR_VACUUM),
    (0, 1): (BULL_VACUUM, BULL_PRESSURE),
    (0, 0): (MIXED, MIXED),
    (0, -1): (BEAR_PRESSURE, BEAR_VACUUM),
    (-1, 1): (MIXED, MIXED),
    (-1, 0): (BEAR_PRESSURE, BEAR_VACUUM),
    (-1, -1): (BEAR_PRESSURE, BEAR_VACUUM),
}
_FARTHEST_ROW = 1 << 31


def state5_codes(ask_sign: int, bid_sign: int, k_values: npt.ArrayLike) -> npt.NDArray[np.int8]:
    """Code of each row, from the signs (-1, 0, +1) in which the best ask and the best bid were repriced.

    `k_values` is one-dimensional, whole numbers, the rows' distance from spot in cells: above is k > 0, below k < 0,
    and k = 0 is mixed. Returns int8 of the same shape: +2 bull vacuum, +1 bull pressure, 0 mixed, -1 bear pressure,
    -2 bear vacuum. Raises `ParameterError` for another sign and `InputError` for other rows.

    >>> state5_codes(0, 1, [-1, 0, 1]).tolist()  # the best bid moved up
    [1, 0, 2]
    """
    signs = (whole("ask_sign", ask_sign, -1, 1), whole("bid_sign", bid_sign, -1, 1))
    return codes_of_rows(signs, whole_array("k_values", k_values, -_FARTHEST_ROW, _FARTHEST_ROW))


def codes_of_rows(signs: tuple[int, int], rows: npt.NDArray[np.int64]) -> npt.NDArray[np.int8]:
    """`state5_codes` for arguments that have been checked."""
    above, below = _CODES[signs]
    codes = np.zeros(rows.size, dtype=np.int8)
    codes[rows > 0] = above
    codes[rows < 0] = below
    return codes
