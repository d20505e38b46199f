"""A small market of real frames, served over real sockets."""

from __future__ import annotations

import asyncio
import functools
import json
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import msgspec
import numpy as np
import pytest
from support.small_lake import import_market, promote_small, write_configs, write_small_market
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from vp_contract import (
    CONTRACT_VERSION,
    Frame,
    GridUpdate,
    RuntimeConfig,
    RuntimeConfigMessage,
    ServingInfo,
    SignalUpdate,
    encode_grid,
    encode_message,
    grid_columns,
    grid_fields,
    grid_schema,
)
from vp_harness import Lake
from vp_stream import OpenedServing, Refusal, RunningServer, RunSpec, Status, StreamSettings, start_in_background
from vp_stream.frames.logfile import LogKey
from vp_stream.frames.producer import EncodedBin
from vp_stream.http.answers import ServingEvent

RADIUS = 50
CONFIG = RuntimeConfig(
    product_type="future_mbo",
    symbol="SYNM6",
    symbol_root="SYN",
    tick_size="0.25",
    dt="2026-02-06",
    start_time="09:25",
    end_time="09:55",
    pipeline="demo",
    serving="demo",
    grid_radius_ticks=RADIUS,
    cell_width_ms=100,
)
SCHEMA = grid_schema(CONFIG)
START_NS = 1_770_387_900_000_000_000
PROMOTED_AT = "2026-02-07T00:00:00Z"


@functools.cache
def frame_of(bin_seq: int, seed: int = 0) -> Frame:
    """Bin `bin_seq` of a market that is random but always the same."""
    source = np.random.default_rng([seed, bin_seq])
    columns = {
        column.name: source.integers(-2, 3, 2 * RADIUS + 1).astype(column.type)
        if column.type != "float64"
        else source.normal(size=2 * RADIUS + 1)
        for column in grid_columns(CONFIG.projection_horizons_ms)
    }
    columns["k"] = np.arange(-RADIUS, RADIUS + 1, dtype=np.int32)
    signal = SignalUpdate(
        name="derivative", score=float(source.uniform(-1, 1)), ready=bin_seq > 60, sample_count=bin_seq,
        base=0.0, d1=0.0, d2=0.0, d3=0.0, z1=0.0, z2=0.0, z3=0.0,
        bull_intensity=0.0, bear_intensity=0.0, mixed_intensity=0.0, dominant_state=0,
    )  # fmt: skip
    end = START_NS + (bin_seq + 1) * 100_000_000
    update = GridUpdate(
        bin_seq=bin_seq, ts_ns=str(end), bin_start_ns=str(end - 100_000_000), bin_end_ns=str(end),
        bin_event_count=7, event_id=7 * bin_seq, mid_price=6000.125, spot_ref_price_int="6000250000000",
        best_bid_price_int="6000000000000", best_ask_price_int="6000250000000", best_bid_size=3, best_ask_size=4,
        book_valid=True, trade_count=1, buy_volume=1, sell_volume=0, last_trade_price_int="6000250000000",
        bid_high_price_int="6000000000000", bid_low_price_int="6000000000000",
        ask_high_price_int="6000250000000", ask_low_price_int="6000250000000",
        best_ask_move_ticks=0, best_bid_move_ticks=0, ask_reprice_sign=0, bid_reprice_sign=0,
        microstate_id=4, chase_up_flag=False, chase_down_flag=False, signal=signal,
    )  # fmt: skip
    return Frame(encode_message(update), encode_grid(SCHEMA, columns))


@dataclass
class MarketFeed:
    """Bins 0 .. `count` - 1; `fail_at` raises there, `gate_at` waits there for `gate`.

    With `steps` each bin takes one permit of it, so that a test knows how many were published.
    """

    count: int
    seed: int = 0
    fail_at: int | None = None
    gate_at: int | None = None
    gate: threading.Event = field(default_factory=threading.Event)
    steps: threading.Semaphore | None = None
    runs: int = 0
    met: dict[str, int] = field(default_factory=dict)
    error: Exception = field(default_factory=lambda: OSError("the raw file ends in the middle of a record"))

    def distrust(self) -> None:
        """Nothing is kept between runs."""

    def bins(self) -> Iterator[int]:
        self.runs += 1
        for bin_seq in range(self.count):
            if bin_seq == self.gate_at:
                self.gate.wait(20)
            if bin_seq == self.fail_at:
                raise self.error
            if self.steps is not None:
                self.steps.acquire()
            yield bin_seq

    def let_go(self) -> None:
        """Hold the engine up no longer."""
        self.gate.set()
        if self.steps is not None:
            self.steps.release(self.count)

    def encode(self, item: int) -> EncodedBin:
        return EncodedBin(item, START_NS + item * 100_000_000, frame_of(item, self.seed))

    def anomalies(self, bins: Iterator[int]) -> dict[str, int]:
        return self.met


@dataclass
class Market:
    """A catalogue whose servings are feeds. Moving an alias is `aliases[name] = serving_id`."""

    directory: Path
    feeds: dict[str, MarketFeed] = field(default_factory=dict)
    aliases: dict[str, str] = field(default_factory=dict)
    refusals: dict[str, Refusal] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)
    opened: int = 0
    opening: threading.Event | None = None
    cell_width_ms: int = 100

    def add(self, serving_id: str, count: int, *, alias: str | None = None, **options: Any) -> MarketFeed:
        feed = self.feeds[serving_id] = MarketFeed(count, **options)
        if alias is not None:
            self.aliases[alias] = serving_id
        return feed

    def aliases_by_run(self) -> dict[str, str]:
        return {}

    def open(self, name: str) -> OpenedServing:
        self.opened += 1
        if self.opening is not None:
            self.opening.wait(20)
        if name in self.refusals:
            raise self.refusals[name]
        serving_id = self.aliases.get(name, name)
        feed = self.feeds.get(serving_id)
        if feed is None:
            known = ", ".join(sorted(self.aliases))
            raise Refusal("unknown_serving", f"no serving is called {name!r}; there are {known}")
        alias = name if name in self.aliases else None
        message = RuntimeConfigMessage(
            contract_version=CONTRACT_VERSION,
            config=CONFIG,
            grid_fields=grid_fields(CONFIG),
            grid_rows=CONFIG.grid_rows,
            serving=ServingInfo(
                alias=alias,
                serving_id=serving_id,
                source_run="0" * 16,
                promoted_at=PROMOTED_AT,
                versions={},
                digests={"vp_book": "b"},
            ),
            replay_date=CONFIG.dt,
            replay_start_time=CONFIG.start_time,
            config_hash=CONFIG.config_version,
        )
        key = LogKey(
            serving_id=serving_id,
            config_hash=CONFIG.config_version,
            source_sha256=str(feed.seed),
            digests={"vp_book": "b"},
            contract_version=CONTRACT_VERSION,
        )
        return OpenedServing(
            serving_id=serving_id,
            alias=alias,
            config_text=encode_message(message).decode(),
            cell_width_ms=self.cell_width_ms,
            config=CONFIG,
            timeline=("SYNM6",),
            run=RunSpec(key, self.directory / serving_id, feed, CONFIG),
        )

    def target(self, alias: str) -> str:
        return self.aliases[alias]

    def servings(self) -> list[dict[str, Any]]:
        if self.problems:
            raise Refusal("unavailable", self.problems[0])
        return [
            {"alias": alias, "serving_id": target, "updated": PROMOTED_AT}
            for alias, target in sorted(self.aliases.items())
        ]

    def history(self, alias: str) -> list[dict[str, Any]]:
        if alias not in self.aliases:
            raise Refusal("unknown_serving", f"no alias {alias!r}")
        event = ServingEvent(
            seq=1, alias=alias, kind="promote", from_id=None, to_id=self.aliases[alias],
            actor="test", time=PROMOTED_AT, reason="",
        )  # fmt: skip
        return [msgspec.to_builtins(event)]

    def status(self) -> Status:
        return Status({"product_type": "future_mbo", "symbol": "SYNM6"}, {"vp_book": "b"}, list(self.problems))


@dataclass
class Received:
    """Everything a stream sent until it was closed."""

    texts: list[dict[str, Any]] = field(default_factory=list)
    frames: list[Frame] = field(default_factory=list)
    torn: int = 0
    close_code: int | None = None

    @property
    def config(self) -> dict[str, Any]:
        return self.texts[0]

    @property
    def bins(self) -> list[int]:
        return [json.loads(frame.update)["bin_seq"] for frame in self.frames]

    def of_type(self, kind: str) -> list[dict[str, Any]]:
        return [text for text in self.texts if text["type"] == kind]


async def receive_all(client: ClientConnection, *, until_bin: int | None = None) -> Received:
    """Read to the close, or until a bin; a text that announces a bin and is not followed by its grid is torn."""
    received = Received()
    pending: str | None = None
    while True:
        try:
            message = await client.recv()
        except ConnectionClosed:
            received.close_code = client.close_code
            return received
        if isinstance(message, bytes):
            if pending is None:
                received.torn += 1
            else:
                received.frames.append(Frame(pending.encode(), message))
                if until_bin is not None and received.texts[-1]["bin_seq"] >= until_bin:
                    return received
            pending = None
            continue
        if pending is not None:
            received.torn += 1
        text = json.loads(message)
        received.texts.append(text)
        pending = message if text["type"] == "grid_update" else None


class Stage:
    """A server over a market, and clients for it."""

    def __init__(self, market: Market, server: RunningServer) -> None:
        self.market = market
        self.server = server

    def connect(self, query: str, **options: Any) -> connect:
        url = f"ws://127.0.0.1:{self.server.port}/v1/vacuum-pressure/stream{query}"
        # Without a limit of its own the library reads on, so that a test that stops reading can still close.
        return connect(url, **{"max_size": None, "compression": None, "max_queue": None, **options})

    read = staticmethod(receive_all)

    def play(self, query: str = "?serving=demo", **options: Any) -> Received:
        """Connect and read to the close."""

        async def scenario() -> Received:
            async with asyncio.timeout(30), self.connect(query, **options) as client:
                return await receive_all(client)

        return asyncio.run(scenario())

    def get(self, path: str, **headers: str) -> httpx.Response:
        # Loading the certificates that nothing here uses takes longer than the request.
        return httpx.get(self.server.url + path, headers=headers, timeout=10, verify=False, trust_env=False)

    def post(self, path: str) -> httpx.Response:
        return httpx.post(self.server.url + path, timeout=10)

    def health(self) -> dict[str, Any]:
        body: dict[str, Any] = self.get("/health").json()
        return body

    def frames(self, count: int, *, first: int = 0, seed: int = 0) -> list[Frame]:
        return [frame_of(bin_seq, seed) for bin_seq in range(first, first + count)]


@pytest.fixture(scope="session")
def researched(tmp_path_factory: pytest.TempPathFactory) -> tuple[Lake, Path, str]:
    """A lake with four runs, one of which is served as `small`: (lake, configs, the run that is served). Not to be
    changed: a test that does takes a copy."""
    root = tmp_path_factory.mktemp("researched")
    lake, configs = Lake(root / "lake"), write_configs(root / "configs")
    import_market(lake, configs, write_small_market(root / "market.dbn.zst"))
    return lake, configs, promote_small(lake, configs).spec.source.run_id


StartStage = Callable[..., Stage]


@pytest.fixture
def market(tmp_path: Path) -> Market:
    return Market(tmp_path / "cache")


@pytest.fixture
def start(market: Market, tmp_path: Path) -> Iterator[StartStage]:
    """Starts a server over the market; options are those of `StreamSettings`."""
    stages: list[Stage] = []

    def start_stage(**options: Any) -> Stage:
        options.setdefault("speed", float("inf"))
        options.setdefault("web_root", tmp_path / "dist")
        settings = StreamSettings(port=0, lake_root=tmp_path / "lake", config_root=tmp_path / "configs", **options)
        stage = Stage(market, start_in_background(settings, catalogue=market))
        stages.append(stage)
        return stage

    yield start_stage
    if market.opening is not None:
        market.opening.set()
    for feed in market.feeds.values():
        feed.let_go()
    for stage in stages:
        stage.server.stop()


@pytest.fixture(scope="module")
def shared_stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """One server without pacing for all tests of a module, each of which adds servings of its own."""
    root = tmp_path_factory.mktemp("shared")
    market = Market(root / "cache")
    settings = StreamSettings(port=0, lake_root=root / "lake", config_root=root / "configs", speed=float("inf"))
    with start_in_background(settings, catalogue=market) as server:
        yield Stage(market, server)
        for feed in market.feeds.values():
            feed.let_go()


@pytest.fixture
def connected(market: Market) -> Callable[[RunningServer], Stage]:
    """Clients for a server that was started by hand."""
    return lambda server: Stage(market, server)


@pytest.fixture
def wait_until() -> Callable[[Callable[[], bool]], None]:
    """Waits for something that is about to come true; fails after 15 s."""

    def wait(condition: Callable[[], bool]) -> None:
        deadline = time.monotonic() + 15
        while not condition():
            assert time.monotonic() < deadline, "it did not come true in 15 s"
            time.sleep(0.01)

    return wait
