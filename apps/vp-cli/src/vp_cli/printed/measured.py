"""What `vp bench` prints. `machine` says in words on what it was measured."""

from __future__ import annotations

from typing import TypedDict


class BookStage(TypedDict):
    """A stage over `records` records: the median time, and the rate of the median, the slowest and the fastest run."""

    stage: str
    records: int
    median_s: float
    million_records_per_s: float
    min_million_records_per_s: float
    max_million_records_per_s: float


class PeerRow(TypedDict):
    """Somebody else's decoder or book at the same work. `speedup` says how many times faster ours is, and
    `speedup_with_physics` ours with more to do. `same_bbo` is whether both end with the same best bid and offer, null
    for a decoder. Of one that is not installed `install` is the command that runs with it, and all figures are null."""

    peer: str
    stage: str
    million_records_per_s: float | None
    speedup: float | None
    speedup_with_physics: float | None
    same_bbo: bool | None
    install: str | None


class BookBench(TypedDict):
    """Decode, book and physics on one core, on a session that is repeated `tiles` times."""

    session: str
    tiles: int
    events: int
    certificate_conserved: bool
    machine: str
    rows: list[BookStage]
    peers: list[PeerRow]


class StageTimes(TypedDict):
    """Microseconds of a stage that half, 95 % and 99 % of the bins did not exceed, and the most."""

    stage: str
    p50_us: float
    p95_us: float
    p99_us: float
    max_us: float


class BinTable(TypedDict):
    """A session with windows of `radius` rows above and below spot."""

    session: str
    radius: int
    stages: list[StageTimes]


class BinBench(TypedDict):
    """One bin of 100 ms, stage by stage, over `bins` bins."""

    cells: int
    bins: int
    machine: str
    tables: list[BinTable]


class StreamStart(TypedDict):
    """Milliseconds from before the connect to the config and to the whole first bin, medians; the range is of the
    latter. `state` is what the caches have."""

    state: str
    runtime_config_ms: float
    first_bin_ms: float
    min_first_bin_ms: float
    max_first_bin_ms: float


class StreamBench(TypedDict):
    """Encoding a bin of `rows` rows, over `bins` bins, and what a client waits for, over `streams` streams."""

    serving_id: str
    rows: int
    bins: int
    streams: int
    machine: str
    bytes_per_bin: int
    encoding: list[StageTimes]
    start: list[StreamStart]
