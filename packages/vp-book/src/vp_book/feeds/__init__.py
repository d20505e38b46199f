"""Files of other feeds to DBN files of market-by-order records, after which everything works as with Databento's."""

from __future__ import annotations

from .csv_events import CsvColumns, convert_csv
from .itch import convert_itch50
from .lobster import convert_lobster
from .written import Conversion

__all__ = ["Conversion", "CsvColumns", "convert_csv", "convert_itch50", "convert_lobster"]
