"""What a dataset is like, offline: the health of its spectrum, directional regimes, other projections of the score."""

from vp_harness.analysis.health import ProjectionError, SpectrumHealth, spectrum_health
from vp_harness.analysis.projections import CUBIC_SCALES, DAMPINGS, ProjectionTry, projection_tries
from vp_harness.analysis.regimes import BANDS, WINDOWS, Regime, directional_regimes

__all__ = [
    "BANDS",
    "CUBIC_SCALES",
    "DAMPINGS",
    "WINDOWS",
    "ProjectionError",
    "ProjectionTry",
    "Regime",
    "SpectrumHealth",
    "directional_regimes",
    "projection_tries",
    "spectrum_health",
]
