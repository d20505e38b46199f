"""Which market at which time something was judged on, whatever the dataset is called."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from vp_contract import RuntimeConfig
from vp_harness.execution.pipeline import capture_ns
from vp_harness.lake.dataset import Dataset


class Market(msgspec.Struct, frozen=True, kw_only=True):
    """An instrument, the SHA-256 of the raw files it was replayed from, and a time [start_ns, end_ns), ns UTC.

    Of runs of an early version whose dataset is gone, `sources` is empty: the time and the instrument are known.
    """

    product_type: str
    symbol: str
    sources: tuple[str, ...]
    start_ns: int
    end_ns: int
    cell_width_ms: int

    def meets(self, other: Market) -> bool:
        """Whether both are of the same market at overlapping times: the same instrument, or the same bytes."""
        overlaps = self.start_ns < other.end_ns and other.start_ns < self.end_ns
        same = (self.product_type, self.symbol) == (other.product_type, other.symbol)
        return overlaps and (same or not set(self.sources).isdisjoint(other.sources))

    def time_of(self, bin_seq: int) -> int:
        """Where a bin begins, ns UTC."""
        return self.start_ns + bin_seq * self.cell_width_ms * 1_000_000


def market_of(dataset: Dataset) -> Market:
    """The market a dataset is of."""
    facts: dict[str, Any] = dataset.manifest
    return Market(
        product_type=dataset.config.product_type,
        symbol=dataset.config.symbol,
        sources=tuple(sorted(file["sha256"] for file in facts["sources"]["files"])),
        start_ns=facts["window_ns"][0],
        end_ns=facts["window_ns"][1],
        cell_width_ms=dataset.config.cell_width_ms,
    )


def market_of_config(config: RuntimeConfig) -> Market:
    """The same as far as a config tells it: without the bytes."""
    start_ns, end_ns = capture_ns(config)
    return Market(
        product_type=config.product_type,
        symbol=config.symbol,
        sources=(),
        start_ns=start_ns,
        end_ns=end_ns,
        cell_width_ms=config.cell_width_ms,
    )


def groups(markets: Sequence[Market]) -> list[int]:
    """Of each market the number of its group (n): markets that meet, directly or through others, are one group."""
    group = list(range(len(markets)))

    def root(index: int) -> int:
        while group[index] != index:
            group[index] = group[group[index]]
            index = group[index]
        return index

    order = sorted(range(len(markets)), key=lambda i: markets[i].start_ns)
    for place, index in enumerate(order):
        for later in order[place + 1 :]:
            if markets[later].start_ns >= markets[index].end_ns:
                break
            if markets[index].meets(markets[later]):
                group[root(later)] = root(index)
    return [root(index) for index in range(len(markets))]
