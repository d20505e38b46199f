"""The digest by which two installations are known to compute the same numbers."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import astuple, dataclass

import numpy as np
import numpy.typing as npt

from .chain import ScoreChain, ScoredBin
from .params import DerivativeParams, SpectrumParams
from .robust import RobustWindow

_N_CELLS = 48
_RADIUS = 6
_N_BINS = 420
_BIN_NS = 100_000_000


class _Lehmer:
    """Whole numbers below 2^31 - 1 that look random: x -> 48271 x mod (2^31 - 1). Owes nothing to a library."""

    def __init__(self, seed: int) -> None:
        self._state = seed

    def below(self, n: int) -> int:
        self._state = self._state * 48271 % 2147483647
        return self._state % n


@dataclass(frozen=True, slots=True)
class _Bin:
    fields: dict[str, object]
    pressure: npt.NDArray[np.float64]
    vacuum: npt.NDArray[np.float64]
    window_lo: int
    shift_cells: int


def _amount(draw: _Lehmer) -> float:
    """A multiple of 1/1024 of either sign, at times 0, at times far out of proportion: exact in binary."""
    kind = draw.below(16)
    if kind < 3:
        return 0.0
    size = draw.below(4096) / 1024.0
    if kind == 3:
        size *= 2.0 ** (draw.below(160) - 100)
    return -size if draw.below(5) == 0 else size


def built_in_bins() -> Iterator[_Bin]:
    """The fixed input: bins with silent and repeated stretches, a wandering window and recenterings both ways."""
    draw = _Lehmer(20260206)
    pressure = np.zeros(_N_CELLS)
    vacuum = np.zeros(_N_CELLS)
    low = 15
    for seq in range(_N_BINS):
        for i in range(_N_CELLS):
            if i % 5 != 4 or draw.below(40) == 0:  # every fifth cell hardly ever changes: windows full of zeros
                pressure[i] = _amount(draw)
                vacuum[i] = _amount(draw)
        low = min(max(low + draw.below(3) - 1, 0), _N_CELLS - 2 * _RADIUS - 1)
        shift = 0
        if seq % 90 == 89:
            shift = draw.below(25) - 12
        signs = (draw.below(3) - 1, draw.below(3) - 1) if seq % 7 < 4 else (0, 0)
        fields: dict[str, object] = {
            "ts_ns": seq * _BIN_NS,
            "ask_reprice_sign": signs[0],
            "bid_reprice_sign": signs[1],
        }
        yield _Bin(fields, pressure.copy(), vacuum.copy(), low, shift)


def _chains() -> tuple[ScoreChain, ScoreChain]:
    """The defaults, and a set of parameters in which everything that can be turned on is."""
    other = SpectrumParams(
        windows=(3, 17),
        rollup_weights=(0.25, 0.5),
        derivative_weights=(0.5, 0.0, 0.25),
        tanh_scale=1.5,
        neutral_threshold=0.25,
        zscore_window=31,
        zscore_min_periods=8,
        horizons_ms=(100, 250, 1000),
        use_cubic=True,
        cubic_scale=0.125,
    )
    stage = DerivativeParams(
        center_exclusion_radius=1,
        spatial_decay_power=1.0,
        zscore_window_bins=40,
        zscore_min_periods=5,
        d1_weight=0.5,
        d2_weight=0.25,
        d3_weight=0.125,
        bull_vacuum_weight=0.5,
        bear_pressure_weight=0.75,
        mixed_weight=0.5,
    )
    return (
        ScoreChain(SpectrumParams(horizons_ms=(500,)), DerivativeParams(), _N_CELLS, _RADIUS),
        ScoreChain(other, stage, _N_CELLS, _RADIUS),
    )


def _bytes(scored: ScoredBin) -> Iterator[bytes]:
    for name, column in scored.cells.items():
        yield name.encode()
        if column.dtype == np.int8:
            yield column.tobytes()
        else:
            yield _floats(column)
    for value in astuple(scored.derivative):
        yield _floats(np.array([value])) if isinstance(value, float) else repr(value).encode()


def _floats(values: npt.NDArray[np.generic]) -> bytes:
    """Little-endian float64, with one kind of 0."""
    return (np.asarray(values, dtype=np.float64) + 0.0).astype("<f8").tobytes()


def conformance_digest() -> str:
    """SHA-256, in hex, of what this installation's own kernels make of a fixed built-in input.

    Equal digests mean equal numbers, bit for bit: on both sides of a published serving, on any platform. The input
    needs no random number library, and the kernels no function of the C library but the square root, which IEEE 754
    fixes. Left out on purpose are the two parameters that take one, the damping of projections (`exp`) and decay powers
    other than 0 and 1 (`pow`): they would tell platforms apart, not versions. Takes less than a second once the kernels
    are compiled.
    """
    digest = hashlib.sha256()
    windows = (RobustWindow(30, 6, "zero"), RobustWindow(30, 6, "std"))
    chains = _chains()
    for source in built_in_bins():
        for chain in chains:
            for part in _bytes(chain.update(source)):
                digest.update(part)
        for window in windows:
            digest.update(_floats(np.array([window.push(float(source.pressure[4]))])))
    return digest.hexdigest()
