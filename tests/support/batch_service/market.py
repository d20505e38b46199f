"""The days of futures that the batch service has: contracts, their volumes, and a true DBN file for each."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

import databento_dbn
import numpy as np

from support.dbn_files import metadata, write_dbn
from support.records import T0, orderly

_DAY_NS = 86_400 * 10**9


@dataclass
class Market:
    """`contracts` are the front contracts of each root: (first day on which it is, symbol), in order.

    `closed` are days on which nothing trades. Each file has about `records` records, drawn by its symbol and day.
    """

    contracts: dict[str, list[tuple[dt.date, str]]]
    closed: frozenset[dt.date] = frozenset()
    records: int = 3000
    schema: databento_dbn.Schema = databento_dbn.Schema.MBO
    _made: dict[tuple[str, dt.date], bytes] = field(default_factory=dict)

    def front(self, root: str, day: dt.date) -> str | None:
        """The contract of a root with the most volume on a day."""
        begun = [symbol for first, symbol in self.contracts.get(root, []) if first <= day]
        return begun[-1] if begun and day not in self.closed else None

    def number(self, symbol: str, day: dt.date) -> int:
        """Instrument id, which is another one every other week."""
        symbols = sorted(name for listed in self.contracts.values() for _, name in listed)
        return 1000 * (day.toordinal() // 14 % 2) + symbols.index(symbol) + 1

    def resolved(self, text: str, stype_in: str, stype_out: str, day: dt.date) -> str | None:
        """Another name of a symbol on a day."""
        if (stype_in, stype_out) == ("continuous", "instrument_id"):
            root, rule, rank = text.split(".")
            symbol = self.front(root, day) if (rule, rank) == ("v", "0") else None
            return None if symbol is None else str(self.number(symbol, day))
        if (stype_in, stype_out) == ("instrument_id", "raw_symbol"):
            symbols = [name for listed in self.contracts.values() for _, name in listed]
            return next((name for name in symbols if str(self.number(name, day)) == text), None)
        raise ValueError(f"{stype_in} to {stype_out} is not offered")

    def size(self, symbol: str, day: dt.date) -> int:
        """Bytes of uncompressed records."""
        return 0 if day in self.closed else 56 * self.records

    def file(self, symbol: str, day: dt.date) -> bytes:
        """The file of a day."""
        if (symbol, day) not in self._made:
            begins = (day - dt.date(1970, 1, 1)).days * _DAY_NS
            records = orderly(day.toordinal() + sum(map(ord, symbol)), self.records)
            shift = np.uint64(begins + 3600 * 10**9 - T0 & 2**64 - 1)
            for name in ("ts_recv", "ts_event"):
                records[name] = records[name] + shift
            number = self.number(symbol, day)
            records["instrument_id"] = number
            head = metadata(
                {symbol: number},
                schema=self.schema,
                days=(day, day + dt.timedelta(days=1)),
                start=begins,
                end=begins + _DAY_NS,
            )
            with TemporaryDirectory() as folder:
                self._made[symbol, day] = write_dbn(Path(folder) / "day.dbn.zst", records, head).read_bytes()
        return self._made[symbol, day]


def two_roots(first: dt.date, records: int = 500) -> Market:
    """ES and NQ, whose front contracts change on the third day."""
    third = first + dt.timedelta(days=2)
    early = first - dt.timedelta(days=80)
    return Market({"ES": [(early, "ESH4"), (third, "ESM4")], "NQ": [(early, "NQH4"), (third, "NQM4")]}, records=records)
