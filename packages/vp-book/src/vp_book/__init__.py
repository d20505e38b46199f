"""Databento market-by-order files to an order book with two-force physics and fixed time bins.

source = open_dbn("esh4-glbx-mdp3-20231225.mbo.dbn.zst")
for bin in replay(source, Instrument("ESH4", "0.25")):
    print(bin.fields["mid_price"], bin.cells["pressure_variant"].max())
"""

from __future__ import annotations

from importlib.metadata import version
from typing import Final

from .bins import CELL_COLUMNS, Bin, Replay, events, replay
from .book import Bbo, BookEngine, QueuePosition
from .conformance import conformance_digest
from .dbn import Clock, DbnFile, DbnSource, ReadReport, open_dbn
from .errors import (
    CheckpointError,
    ConversionError,
    DbnDamagedError,
    DbnError,
    DbnFormatError,
    EventEndError,
    FeedError,
    ParameterError,
    SymbolError,
    VpBookError,
)
from .instrument import Instrument
from .live import FeedMark, LiveBins, LiveRouter, replay_marked
from .marks import Mark
from .physics import Physics
from .records import MBO_DTYPE
from .tables import collect, lifetimes, snapshots, to_arrow, to_polars

__version__: Final = version("vp-book")

__all__ = [
    "CELL_COLUMNS",
    "MBO_DTYPE",
    "Bbo",
    "Bin",
    "BookEngine",
    "CheckpointError",
    "Clock",
    "ConversionError",
    "DbnDamagedError",
    "DbnError",
    "DbnFile",
    "DbnFormatError",
    "DbnSource",
    "EventEndError",
    "FeedError",
    "FeedMark",
    "Instrument",
    "LiveBins",
    "LiveRouter",
    "Mark",
    "ParameterError",
    "Physics",
    "QueuePosition",
    "ReadReport",
    "Replay",
    "SymbolError",
    "VpBookError",
    "__version__",
    "collect",
    "conformance_digest",
    "events",
    "lifetimes",
    "open_dbn",
    "replay",
    "replay_marked",
    "snapshots",
    "to_arrow",
    "to_polars",
]
