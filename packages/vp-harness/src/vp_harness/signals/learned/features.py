"""What the learned signals read from the bins: one row of numbers a bin, from that bin and those before it.

Each stage remembers what it needs, like those of `vp_harness.signals.stages`, and gives (n, features) for n bins.
"""

from __future__ import annotations

from typing import Final, Protocol

import numpy as np
from numpy.typing import NDArray

from vp_harness.signals.blocks import Block
from vp_harness.signals.context import SignalContext
from vp_harness.signals.learned import _kernels
from vp_harness.signals.stages import BANDS, Rows, Series

ORDERS: Final = ("v", "a", "j")
FLOW_COLUMNS: Final = tuple(f"{order}_{channel}" for order in ORDERS for channel in ("add", "pull"))
FORCE_COLUMNS: Final = ("pressure_variant", "vacuum_variant")
PRICE_FIELDS: Final = ("best_bid_price_int", "best_ask_price_int")

WINDOWS: Final = (50, 200, 600)
"""Bins of the rolling means and deviations."""

_BANDS: Final = np.array(BANDS, np.int64)


class Features(Protocol):
    """Rows of features, one a bin."""

    names: tuple[str, ...]

    def __call__(self, block: Block, prices: Prices) -> Rows:
        """The features at the next bins, (n, len(names))."""
        ...


class Prices:
    """The mid of a block of bins: `twice_mid` in price units, 0 without a valid book; the rest in ticks.

    `level` is the last valid mid less the first one, `returns` its change from the bin before, `spread` best ask less
    best bid, 0 without a valid book.
    """

    __slots__ = ("level", "returns", "spread", "twice_mid")

    def __init__(self, block: Block, tick_int: int, state: NDArray[np.int64]) -> None:
        bid, ask = block.field("best_bid_price_int"), block.field("best_ask_price_int")
        valid = (bid != 0) & (ask != 0) & (bid < ask)
        self.twice_mid: NDArray[np.int64] = np.where(valid, bid + ask, 0)
        level, step = np.empty(block.n_bins, np.int64), np.empty(block.n_bins, np.int64)
        _kernels.carried_mid(self.twice_mid, state, level, step)
        self.level: Series = level / (2.0 * tick_int)
        self.returns: Series = step / (2.0 * tick_int)
        self.spread: Series = np.where(valid, (ask - bid) / float(tick_int), 0.0)


class Slopes:
    """Least-squares slopes of several series over each of some windows, 0 before a window is full."""

    def __init__(self, n_series: int, windows: tuple[int, ...]) -> None:
        self._rings = [np.zeros((window, n_series)) for window in windows]
        self._seen = 0

    def __call__(self, x: Rows) -> Rows:
        """(n, windows * series): all series of the first window, then of the next."""
        out = np.empty((len(x), x.shape[1] * len(self._rings)))
        for i, ring in enumerate(self._rings):
            _kernels.slopes(x, ring, self._seen, out, i * x.shape[1])
        self._seen += len(x)
        return out


class Moments:
    """Rolling mean and deviation, with `skew` skewness too, of several series over each of some windows."""

    def __init__(self, n_series: int, windows: tuple[int, ...] = WINDOWS, *, skew: bool = False) -> None:
        self._windows = np.array(windows, np.int64)
        self._ring = np.zeros((max(windows), n_series))
        self._count = 3 if skew else 2
        self._seen = 0

    def __call__(self, x: Rows) -> Rows:
        """(n, series * windows * moments), by series, then window, then moment."""
        out = np.empty((len(x), x.shape[1] * len(self._windows) * self._count))
        _kernels.moments(x, self._ring, self._seen, self._windows, self._count, out, 0)
        self._seen += len(x)
        return out


class Momentum:
    """The change of a series over each of some windows, 0 before there are so many bins."""

    def __init__(self, windows: tuple[int, ...]) -> None:
        self._windows = np.array(windows, np.int64)
        self._ring = np.zeros(max(windows) + 1)
        self._seen = 0

    def __call__(self, x: Series) -> Rows:
        """(n, windows)."""
        out = np.empty((len(x), len(self._windows)))
        _kernels.changes(x, self._ring, self._seen, self._windows, out, 0)
        self._seen += len(x)
        return out


def joined(*parts: Rows) -> Rows:
    """Features side by side; a part may be one series."""
    wide = [part if part.ndim == 2 else part[:, np.newaxis] for part in parts]
    out = np.empty((len(wide[0]), sum(part.shape[1] for part in wide)))  # row after row, as the kernels expect
    at = 0
    for part in wide:
        out[:, at : at + part.shape[1]] = part
        at += part.shape[1]
    return out


def band_leans(grid: Rows, *, asks_first: bool = False) -> Rows:
    """Mean of each band below spot less that above it, (n, 3); the other way round with `asks_first`."""
    out = np.empty((len(grid), len(_BANDS)))
    _kernels.band_leans(grid, _BANDS, -1.0 if asks_first else 1.0, out, 0)
    return out


def flow_leans(block: Block) -> Rows:
    """The 18 band asymmetries: of adds bid less ask, of pulls ask less bid, (n, 6 columns * 3 bands)."""
    return joined(*(band_leans(block.rows(name), asks_first=name.endswith("pull")) for name in FLOW_COLUMNS))


def flow_lean_names() -> tuple[str, ...]:
    """Names of the 18 band asymmetries."""
    return tuple(f"{name} {band}" for name in FLOW_COLUMNS for band in ("inner", "mid", "outer"))


def moment_names(series: str, *, skew: bool = False) -> tuple[str, ...]:
    """Names of the rolling moments of a series."""
    moments = ("mean", "deviation", "skewness") if skew else ("mean", "deviation")
    return tuple(f"{series} {moment} {window}" for window in WINDOWS for moment in moments)


def every(context: SignalContext, step: int) -> NDArray[np.int64]:
    """Indices of the rows whose k is a multiple of `step`."""
    rows: NDArray[np.int64] = np.flatnonzero(context.k_values % step == 0)
    return rows


def net_pressure(block: Block) -> Rows:
    """P - V of every row."""
    return block.rows("pressure_variant") - block.rows("vacuum_variant")
