"""What vp-spectrum refuses."""

from __future__ import annotations

import numpy as np

from support.refusals import Case
from vp_spectrum import (
    Blend,
    CellSpectrum,
    DerivativeParams,
    DerivativeStage,
    RobustWindow,
    ScoreChain,
    SpectrumParams,
    state5_codes,
)

ROWS = np.arange(-2, 3)


def _spectrum(**params: object) -> CellSpectrum:
    return CellSpectrum(SpectrumParams(**params), 8)  # type: ignore[arg-type]


def _scored_by(blend: Blend) -> None:
    params = SpectrumParams(zscore_min_periods=1)
    CellSpectrum(params, 8, blend=blend).update(0, np.ones(8), np.zeros(8))


CASES = [
    Case("`SpectrumParams(windows=())`", lambda _: SpectrumParams(windows=())),
    Case("a window of no bins", lambda _: SpectrumParams(windows=(0, 5))),
    Case("a flow window that comes twice", lambda _: SpectrumParams(horizons_ms=(500, 500))),
    Case("two weights for four windows", lambda _: SpectrumParams(rollup_weights=(1.0, 2.0))),
    Case("weights that are all 0", lambda _: SpectrumParams(derivative_weights=(0.0, 0.0, 0.0))),
    Case("a bin of no length", lambda _: SpectrumParams(bin_seconds=0.0)),
    Case("`use_cubic=1`", lambda _: SpectrumParams(use_cubic=1)),  # type: ignore[arg-type]
    Case("no cells", lambda _: CellSpectrum(SpectrumParams(), 0)),
    Case("pressure of another length", lambda _: _spectrum().update(0, np.zeros(7), np.zeros(8))),
    Case("pressure that is text", lambda _: _spectrum().update(0, np.array(["a"] * 8), np.zeros(8))),
    Case("pressure that is not finite", lambda _: _spectrum().update(0, np.full(8, np.nan), np.zeros(8))),
    Case("a blend that is no function", lambda _: CellSpectrum(SpectrumParams(), 8, blend=0.5)),  # type: ignore[arg-type]
    Case("a blend that gives one score for all", lambda _: _scored_by(lambda z: z.mean())),
    Case("a blend that gives NaN", lambda _: _scored_by(lambda z: np.full(len(z), np.nan))),
    Case("bins that go back in time", lambda _: _spectrum_at((5, 4))),
    Case("a robust window with another fallback", lambda _: RobustWindow(5, 3, fallback="mean")),  # type: ignore[arg-type]
    Case("a value that is not finite", lambda _: RobustWindow(5, 3).push(float("inf"))),
    Case("a repricing sign of 2", lambda _: state5_codes(2, 0, ROWS)),
    Case("derivative weights that are all 0", lambda _: DerivativeParams(d1_weight=0.0, d2_weight=0.0, d3_weight=0.0)),
    Case(
        "an excluded centre that leaves no row",
        lambda _: DerivativeStage(DerivativeParams(center_exclusion_radius=5), ROWS),
    ),
    Case(
        "codes of another shape",
        lambda _: DerivativeStage(DerivativeParams(), ROWS).update(np.zeros(3, np.int8)),
    ),
    Case(
        "a state code of 3",
        lambda _: DerivativeStage(DerivativeParams(), ROWS).update(np.full(5, 3, np.int8)),
    ),
    Case(
        "two lengths of a bin in one chain",
        lambda _: ScoreChain(SpectrumParams(bin_seconds=0.1), DerivativeParams(bin_seconds=0.2), 512, 2),
    ),
]


def _spectrum_at(times: tuple[int, int]) -> None:
    spectrum = _spectrum()
    for ts_ns in times:
        spectrum.update(ts_ns, np.zeros(8), np.zeros(8))
