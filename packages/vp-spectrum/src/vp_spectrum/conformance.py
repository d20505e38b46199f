"""The digest by which two installations are known to compute the same numbers."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import astuple, dataclass, field, replace
from typing import Final

import numpy as np
import numpy.typing as npt

from .chain import ScoreChain, ScoredBin
from .derivative import DerivativeFrame, DerivativeStage
from .params import DerivativeParams, SpectrumParams
from .scores.codes import state5_codes
from .scores.robust import RobustWindow
from .spectrum import CellSpectrum, SpectrumFrame

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
    cells: dict[str, npt.NDArray[np.float64]] = field(default_factory=dict)  # the digest is of the scores alone


def _amount(draw: _Lehmer) -> float:
    """A multiple of 1/1024 of either sign, at times 0, at times far out of proportion: exact in binary."""
    kind = draw.below(16)
    if kind < 3:
        return 0.0
    size = draw.below(4096) / 1024.0
    if kind == 3:
        size *= 2.0 ** (draw.below(160) - 100)
    return -size if draw.below(5) == 0 else size


def built_in_bins(n_bins: int = _N_BINS, n_cells: int = _N_CELLS, radius: int = _RADIUS) -> Iterator[_Bin]:
    """The fixed input: bins with silent and repeated stretches, a wandering window and recenterings both ways."""
    draw = _Lehmer(20260206)
    pressure = np.zeros(n_cells)
    vacuum = np.zeros(n_cells)
    low = min(15, n_cells - 2 * radius - 1)
    for seq in range(n_bins):
        for i in range(n_cells):
            if i % 5 != 4 or draw.below(40) == 0:  # every fifth cell hardly ever changes: windows full of zeros
                pressure[i] = _amount(draw)
                vacuum[i] = _amount(draw)
        low = min(max(low + draw.below(3) - 1, 0), n_cells - 2 * radius - 1)
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


_EVERYTHING: Final = SpectrumParams(
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
_STAGE: Final = DerivativeParams(
    center_exclusion_radius=1,
    spatial_decay_power=1.0,
    zscore_window_bins=40,
    zscore_min_periods=5,
    d1_weight=0.5,
    d2_weight=0.25,
    d3_weight=0.125,
    bull_pressure_weight=1.25,
    bull_vacuum_weight=0.5,
    bear_pressure_weight=0.75,
    bear_vacuum_weight=1.5,
    mixed_weight=0.5,
)


def _defaults() -> Iterator[bytes]:
    """The default parameters, until their windows are full and lose values."""
    chain = ScoreChain(SpectrumParams(horizons_ms=(500,)), DerivativeParams(), 8, 1)
    for source in built_in_bins(330, 8, 1):
        yield from _bytes(chain.update(replace(source, shift_cells=0)))


def _everything() -> Iterator[bytes]:
    """A set of parameters in which everything that can be turned on is, and differs from everything else."""
    chain = ScoreChain(_EVERYTHING, _STAGE, 30, 3)
    for source in built_in_bins(190, 30, 3):
        yield from _bytes(chain.update(source))


def _rounded() -> Iterator[bytes]:
    """What takes exp() and pow() of the platform: damped projections and other decay powers, to nine decimals."""
    spectrum = CellSpectrum(replace(_EVERYTHING, damping_lambda=0.75, horizons_ms=(500, 2000)), 4)
    stage = DerivativeStage(replace(_STAGE, spatial_decay_power=1.5), np.arange(-3, 4))
    for source in built_in_bins(40, 7, 3):
        frame = spectrum.update(int(str(source.fields["ts_ns"])), source.pressure[:4], source.vacuum[:4])
        for column in frame.projections.values():
            yield np.rint(column * 1e9).astype("<i8").tobytes()
        codes = np.sign(np.round(source.pressure - source.vacuum)) + (source.pressure > source.vacuum)
        derivative = stage.update(codes.astype(np.int8))
        base = (derivative.base, derivative.bull_intensity, derivative.bear_intensity, derivative.mixed_intensity)
        yield np.rint(np.array(base) * 1e9).astype("<i8").tobytes()


def _walking() -> Iterator[bytes]:
    """Served rows that wander, jump, are looked away from for long, and leave the range: cells built from history."""
    n_cells = 44
    params = replace(_EVERYTHING, windows=(4, 6), rollup_weights=(), zscore_window=12, zscore_min_periods=4)
    # (first row, rows, bins, cells shifted before)
    stays = (
        (0, 4, 6, 0),
        (30, 4, 52, 0),
        (0, 4, 2, 0),
        (9, 3, 3, 7),
        (20, 4, 3, 20),
        (22, 4, 2, -20),
        (30, 3, 14, -4),
        (8, 3, 2, 0),
        (36, 8, 3, n_cells + 1),
        (1, 4, 7, 3),
        (14, 5, 20, -2),
    )
    for first in ((2, 40, 2, 0), (2, 4, 2, 0)):  # with room for all cells in the track, and with as little as there is
        spectrum = CellSpectrum(params, n_cells)
        bins = built_in_bins(sum(length for _, _, length, _ in (first, *stays)), n_cells, 3)
        ts_ns = 0
        for low, rows, length, shift in (first, *stays):
            if shift:
                spectrum.shift(shift)
            for at in range(length):
                source = next(bins)
                ts_ns += _BIN_NS
                frame = spectrum.update(ts_ns, source.pressure, source.vacuum, low, low + rows - at % 2)
                yield from _spectrum_bytes(frame)
                yield _floats(spectrum.seen())


def _large() -> Iterator[bytes]:
    """Forces whose sum is no number any more."""
    spectrum = CellSpectrum(replace(_EVERYTHING, zscore_window=8, zscore_min_periods=3), 3)
    draw = _Lehmer(3)
    for at in range(12):
        pressure, vacuum = ([0.4e308 * (draw.below(9) - 4) for _ in range(3)] for _ in range(2))
        yield from _spectrum_bytes(spectrum.update(at, pressure, vacuum))


def _spectrum_bytes(frame: SpectrumFrame) -> Iterator[bytes]:
    for column in (frame.composite, frame.composite_d1, frame.composite_d2, frame.composite_d3, frame.flow_score):
        yield _floats(column)
    yield frame.flow_state_code.tobytes()
    yield from (_floats(column) for column in frame.projections.values())


def _windows() -> Iterator[bytes]:
    """Both fallbacks, over windows of odd and even length: ties, equal values, numbers too large to be added."""
    draw = _Lehmer(7)
    windows = [RobustWindow(n, m, rule) for n in (5, 8, 30) for m in (1, 5) for rule in _FALLBACKS]
    for at in range(150):
        value = (_amount(draw), 0.0, float(draw.below(3)), 1e-10 * draw.below(9), 1.7e308 * (draw.below(3) - 1))[
            at // 30
        ]
        for window in windows:
            yield _floats(np.array([window.push(value), window.count, window.ready]))


def _codes() -> Iterator[bytes]:
    """The table of five-state codes."""
    for ask in (-1, 0, 1):
        for bid in (-1, 0, 1):
            yield state5_codes(ask, bid, np.arange(-2, 3)).tobytes()


def _stage() -> Iterator[bytes]:
    """The derivative stage by itself: states that tie, a quiet stretch, one change in it, and every weight."""
    rows = np.arange(-4, 5)
    stages = [DerivativeStage(params, rows) for params in (_STAGE, replace(_STAGE, mixed_weight=3.0), _PLAIN_STAGE)]
    draw = _Lehmer(11)
    for at in range(120):
        codes = np.zeros(rows.size, np.int64)
        if at < 40 or at > 90:
            codes[:] = [draw.below(5) - 2 for _ in rows]
        if at in (3, 4, 5, 60):
            codes[:] = [2, 2, 2, 2, 0, -2, -2, -2, -2] if at != 4 else [1, 1, 1, 1, 0, 2, 2, 2, 2]
        for stage in stages:
            yield from _frame(stage.update(codes))


_FALLBACKS: Final = ("zero", "std")
_PLAIN_STAGE: Final = DerivativeParams(zscore_window_bins=20, zscore_min_periods=3, center_exclusion_radius=0)
_PARTS: Final[Mapping[str, Callable[[], Iterator[bytes]]]] = {
    "codes": _codes,
    "stage": _stage,
    "windows": _windows,
    "large": _large,
    "rounded": _rounded,
    "walking": _walking,
    "everything": _everything,
    "defaults": _defaults,
}


def _bytes(scored: ScoredBin) -> Iterator[bytes]:
    for name, column in scored.cells.items():
        yield name.encode()
        if column.dtype == np.int8:
            yield column.tobytes()
        else:
            yield _floats(column)
    yield from _frame(scored.derivative)


def _frame(frame: DerivativeFrame) -> Iterator[bytes]:
    for value in astuple(frame):
        yield _floats(np.array([value])) if isinstance(value, float) else repr(value).encode()


def _floats(values: npt.NDArray[np.generic]) -> bytes:
    """Little-endian float64, with one kind of 0."""
    return (np.asarray(values, dtype=np.float64) + 0.0).astype("<f8").tobytes()


def conformance_digest() -> str:
    """SHA-256, in hex, of what this installation's own kernels make of a fixed built-in input.

    Equal digests mean equal numbers, bit for bit: on both sides of a published serving, on any platform. The input
    needs no random number library, and the kernels no function of the C library but the square root, which IEEE 754
    fixes. Two parameters take one, the damping of projections (`exp`) and decay powers other than 0 and 1 (`pow`):
    what comes of these is rounded to nine decimals. Takes less than a second once the kernels are compiled.
    """
    digest = hashlib.sha256()
    for name, part in part_digests():
        digest.update(f"{name}={part};".encode())
    return digest.hexdigest()


def part_digests() -> Iterator[tuple[str, str]]:
    """(Name of a part of the input, digest of what is made of it), one after the other."""
    for name, part in _PARTS.items():
        digest = hashlib.sha256()
        for content in part():
            digest.update(content)
        yield name, digest.hexdigest()
