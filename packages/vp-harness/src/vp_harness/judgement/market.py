"""Which market at which time something was judged on, whatever the dataset is called."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import msgspec

from vp_contract import RuntimeConfig
from vp_harness.execution.pipeline import capture_ns
from vp_harness.lake.dataset import Dataset


class Market(msgspec.Struct, frozen=True, kw_only=True, repr_omit_defaults=True):
    """An instrument, the SHA-256 of the raw files it was replayed from, and a time [start_ns, end_ns), ns UTC.

    Of several days `spans` has the time of each, ascending, and the time is from the first to the last. Of runs of an
    early version whose dataset is gone, `sources` is empty: the time and the instrument are known.
    """

    product_type: str
    symbol: str
    sources: tuple[str, ...]
    start_ns: int
    end_ns: int
    cell_width_ms: int
    # without days its text is what it was before there were any: names of stored batches are made of it
    spans: tuple[tuple[int, int], ...] | msgspec.UnsetType = msgspec.UNSET

    @property
    def times(self) -> tuple[tuple[int, int], ...]:
        """The time of each day."""
        return ((self.start_ns, self.end_ns),) if self.spans is msgspec.UNSET else self.spans

    def meets(self, other: Market) -> bool:
        """Whether both are of the same market at overlapping times: the same instrument, or the same bytes."""
        overlaps = any(
            start < other_end and other_start < end
            for start, end in self.times
            for other_start, other_end in other.times
        )
        same = (self.product_type, self.symbol) == (other.product_type, other.symbol)
        return overlaps and (same or not set(self.sources).isdisjoint(other.sources))

    def time_of(self, bin_seq: int) -> int:
        """Where a bin begins, ns UTC; of several days they are numbered on from day to day."""
        width_ns = self.cell_width_ms * 1_000_000
        for start, end in self.times[:-1]:
            bins = (end - start) // width_ns
            if bin_seq < bins:
                return start + bin_seq * width_ns
            bin_seq -= bins
        return self.times[-1][0] + bin_seq * width_ns


MARKET: Final = msgspec.json.Decoder(Market)
"""Reads `market_json` of a run."""


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


def market_of_days(datasets: Sequence[Dataset]) -> Market:
    """The market of several days, in order of time, each as long as its bins are."""
    days = [market_of(dataset) for dataset in datasets]
    spans = tuple(
        (day.start_ns, day.start_ns + dataset.n_bins * day.cell_width_ms * 1_000_000)
        for day, dataset in zip(days, datasets, strict=True)
    )
    sources = tuple(sorted({source for day in days for source in day.sources}))
    return msgspec.structs.replace(days[0], sources=sources, end_ns=spans[-1][1], spans=spans)


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
