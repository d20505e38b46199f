"""Signals: one number a bin from the scored grid. `names()` lists them, `create(name, **params)` makes one."""

from __future__ import annotations

from importlib.metadata import EntryPoint, entry_points
from typing import Final

from vp_harness.errors import SignalError, UnknownSignalError
from vp_harness.signals.base import (
    AdaptiveThresholds,
    FixedThresholds,
    Part,
    RunningSignal,
    Signal,
    Stepper,
)
from vp_harness.signals.baseline.depth_imbalance import DepthImbalance
from vp_harness.signals.baseline.imbalance import Imbalance
from vp_harness.signals.baseline.net_edge import NetEdge
from vp_harness.signals.baseline.ofi import Ofi
from vp_harness.signals.baseline.trade_flow import TradeFlow
from vp_harness.signals.context import DEFAULT_CONTEXT, SignalContext
from vp_harness.signals.declared import GridBin, SignalBin, SignalData
from vp_harness.signals.derivative import Derivative
from vp_harness.signals.learned.gbm_mf import GbmMf
from vp_harness.signals.learned.knn_cl import KnnCl
from vp_harness.signals.learned.lsvm_der import LsvmDer
from vp_harness.signals.learned.pca_ad import PcaAd
from vp_harness.signals.learned.svm_sp import SvmSp
from vp_harness.signals.learned.xgb_snap import XgbSnap
from vp_harness.signals.online import Latencies, OnlineReport, simulate_online
from vp_harness.signals.parameters import Parameter, about
from vp_harness.signals.statistical.ads import Ads
from vp_harness.signals.statistical.ads_pfp_svac import AdsPfpSvac
from vp_harness.signals.statistical.erd import Erd
from vp_harness.signals.statistical.iirc import Iirc
from vp_harness.signals.statistical.jad import Jad
from vp_harness.signals.statistical.msd import Msd
from vp_harness.signals.statistical.pfp import Pfp
from vp_harness.signals.statistical.spg import Spg
from vp_harness.signals.trust import TrustCheck, TrustReport, check

ENTRY_POINT_GROUP: Final = "vp_harness.signals"

BASELINES: Final[tuple[type[Signal], ...]] = (Imbalance, DepthImbalance, Ofi, NetEdge, TradeFlow)
"""What anyone in the field would try first; other signals are judged against these."""

STATISTICAL: Final[tuple[type[Signal], ...]] = (Derivative, Ads, Pfp, Spg, Erd, Jad, Iirc, Msd, AdsPfpSvac)

LEARNED: Final[tuple[type[Signal], ...]] = (SvmSp, GbmMf, KnnCl, LsvmDer, XgbSnap, PcaAd)
"""Those that train themselves as they go; they need the extra `ml`."""

_BUILT_IN: Final[dict[str, type[Signal]]] = {signal.name: signal for signal in (*BASELINES, *STATISTICAL, *LEARNED)}

__all__ = [
    "BASELINES",
    "DEFAULT_CONTEXT",
    "ENTRY_POINT_GROUP",
    "LEARNED",
    "STATISTICAL",
    "AdaptiveThresholds",
    "FixedThresholds",
    "GridBin",
    "Latencies",
    "OnlineReport",
    "Parameter",
    "Part",
    "RunningSignal",
    "Signal",
    "SignalBin",
    "SignalContext",
    "SignalData",
    "Stepper",
    "TrustCheck",
    "TrustReport",
    "about",
    "check",
    "create",
    "names",
    "owner",
    "signal_class",
    "simulate_online",
]


def names() -> tuple[str, ...]:
    """Names of all signals, those of other packages included, sorted."""
    return tuple(sorted({*_BUILT_IN, *_plug_ins()}))


def create(name: str, **params: object) -> Signal:
    """The signal `name` with some of its parameters set.

    Raises UnknownSignalError with the names there are, or SignalError for a parameter it does not take.
    """
    return signal_class(name).with_params(params)


def signal_class(name: str) -> type[Signal]:
    """The class behind a name; a plug-in is imported here, not before."""
    if name in _BUILT_IN:
        return _BUILT_IN[name]
    entry = _plug_ins().get(name)
    if entry is None:
        raise UnknownSignalError(f"no signal {name!r}; there are: {', '.join(names())}")
    try:
        loaded = entry.load()
    except Exception as error:  # whatever a foreign package does on import
        raise SignalError(f"signal {name!r} of {_owner(entry)} cannot be imported: {error}") from error
    if not (isinstance(loaded, type) and issubclass(loaded, Signal) and loaded.name == name):
        raise SignalError(f"entry point {name!r} of {_owner(entry)} is not a Signal of that name: {entry.value}")
    return loaded


def owner(name: str) -> str:
    """The distribution that brings a signal. Raises UnknownSignalError."""
    if name in _BUILT_IN:
        return "vp-harness"
    entry = _plug_ins().get(name)
    if entry is None:
        raise UnknownSignalError(f"no signal {name!r}; there are: {', '.join(names())}")
    return _owner(entry)


def _plug_ins() -> dict[str, EntryPoint]:
    found: dict[str, EntryPoint] = {}
    for entry in entry_points(group=ENTRY_POINT_GROUP):
        if entry.name in _BUILT_IN or entry.name in found:
            taken = _owner(found[entry.name]) if entry.name in found else "vp-harness"
            raise SignalError(
                f"signal {entry.name!r} of {_owner(entry)} is one of {taken} already: rename or remove it"
            )
        found[entry.name] = entry
    return found


def _owner(entry: EntryPoint) -> str:
    return entry.dist.name if entry.dist else "an unknown package"
