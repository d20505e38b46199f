"""Files of other feeds to DBN files of market-by-order records, after which everything works as with Databento's."""

from __future__ import annotations

from .itch import convert_itch50
from .lobster import convert_lobster
from .written import Conversion

__all__ = ["Conversion", "convert_itch50", "convert_lobster"]
