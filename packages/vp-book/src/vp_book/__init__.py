"""Databento market-by-order files to an order book with two-force physics and fixed time bins.

source = open_dbn("esh4-glbx-mdp3-20231225.mbo.dbn.zst")
for bin in replay(source, Instrument("ESH4", "0.25")):
    print(bin.fields["mid_price"], bin.cells["pressure_variant"].max())
"""

from __future__ import annotations

from .bins import CELL_COLUMNS, Bin, Replay, replay
from .book import Bbo, BookEngine
from .conformance import conformance_digest
from .dbn import DbnFile, DbnSource, ReadReport, open_dbn
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
from .physics import Physics
from .records import MBO_DTYPE
from .tables import snapshots

__all__ = [
    "CELL_COLUMNS",
    "MBO_DTYPE",
    "Bbo",
    "Bin",
    "BookEngine",
    "CheckpointError",
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
    "ParameterError",
    "Physics",
    "ReadReport",
    "Replay",
    "SymbolError",
    "VpBookError",
    "conformance_digest",
    "open_dbn",
    "replay",
    "replay_marked",
    "snapshots",
]
