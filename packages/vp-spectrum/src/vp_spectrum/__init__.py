"""Cell spectrum, robust scoring, state codes and the derivative stage of the vacuum-pressure grid."""

from __future__ import annotations

from .chain import BinLike, ScoreChain, ScoredBin
from .conformance import conformance_digest
from .derivative import DerivativeFrame, DerivativeStage
from .errors import InputError, ParameterError, VpSpectrumError
from .params import DerivativeParams, SpectrumParams
from .scores.blending import tanh, tanh_of
from .scores.codes import BEAR_PRESSURE, BEAR_VACUUM, BULL_PRESSURE, BULL_VACUUM, MIXED, state5_codes
from .scores.own_blend import Blend
from .scores.robust import RobustWindow
from .spectrum import CellSpectrum, SpectrumFrame

__all__ = [
    "BEAR_PRESSURE",
    "BEAR_VACUUM",
    "BULL_PRESSURE",
    "BULL_VACUUM",
    "MIXED",
    "BinLike",
    "Blend",
    "CellSpectrum",
    "DerivativeFrame",
    "DerivativeParams",
    "DerivativeStage",
    "InputError",
    "ParameterError",
    "RobustWindow",
    "ScoreChain",
    "ScoredBin",
    "SpectrumFrame",
    "SpectrumParams",
    "VpSpectrumError",
    "conformance_digest",
    "state5_codes",
    "tanh",
    "tanh_of",
]
