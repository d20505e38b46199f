"""Other people's decoders and books on the same records, where they are installed.

Each is given its own native input, prepared outside the clock, and is timed at what it shares with our book: applying
the records. None of them attributes flow or has physics.
"""

from __future__ import annotations

import gc
import importlib
import statistics
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

import numpy as np

from vp_bench.plain_book import PlainBook

INSTALL: Final = "uv run --isolated --no-dev --group peers vp bench book"
"""Runs the benchmark with every peer installed, in an environment of its own."""

Quote = tuple[int, int, int, int]
"""Best bid price_int and size, best ask price_int and size."""


@dataclass(frozen=True, slots=True)
class Session:
    """The input that all share: one session as a file, its records, and those tiled; the tiles as files."""

    file: Path
    records: np.ndarray
    tiled: np.ndarray
    plain: Path
    packed: Path
    tick: float

    @property
    def tiles(self) -> int:
        """How often the session is repeated, a clear before each."""
        return len(self.tiled) // (len(self.records) + 1)


@dataclass(frozen=True, slots=True)
class Peer:
    """`prepare` makes, outside the clock, what one timed run calls; that returns the last BBO if it keeps a book."""

    name: str
    package: str | None
    stage: str
    prepare: Callable[[Session], Callable[[], Quote | None]]

    @property
    def installed(self) -> bool:
        """Whether its package can be imported."""
        return self.package is None or find_spec(self.package) is not None


def compare(session: Session, ours: dict[str, float], quote: Quote, repeat: int) -> list[dict[str, Any]]:
    """One row per peer: million records a second, and how many times faster each of our stages is.

    `ours` maps the name of one of our stages to its million records a second, `quote` is our own BBO at the end.
    """
    rows = []
    for peer in PEERS:
        if peer.installed:
            rows.append(_row(peer, session, ours, quote, repeat))
        else:
            rows.append(_empty(peer) | {"install": INSTALL})
    return rows


def _row(peer: Peer, session: Session, ours: dict[str, float], quote: Quote, repeat: int) -> dict[str, Any]:
    seconds = []
    last: Quote | None = None
    for run in range(repeat + 1):
        timed = peer.prepare(session)
        gc.collect()
        start = time.perf_counter()
        last = timed()
        if run > 0:  # the first one warms up
            seconds.append(time.perf_counter() - start)
    rate = len(session.tiled) / statistics.median(seconds) / 1e6
    row = _empty(peer) | {"million_records_per_s": rate}
    if peer.stage != BOOK:
        return row | {"speedup": ours[peer.stage] / rate}
    row["same_bbo"] = last == quote
    return row | {"speedup": ours[BOOK] / rate, "speedup_with_physics": ours[PHYSICS] / rate}


def _empty(peer: Peer) -> dict[str, Any]:
    return {
        "peer": peer.name,
        "stage": peer.stage,
        "million_records_per_s": None,
        "speedup": None,
        "speedup_with_physics": None,
        "same_bbo": None,
        "install": None,
    }


def _official(path: Callable[[Session], Path]) -> Callable[[Session], Callable[[], None]]:
    def prepare(session: Session) -> Callable[[], None]:
        store = importlib.import_module("databento").DBNStore

        def run() -> None:
            with warnings.catch_warnings(action="ignore", category=ResourceWarning):  # it leaves its file open
                store.from_file(path(session)).to_ndarray()

        return run

    return prepare


def _plain_python(session: Session) -> Callable[[], Quote]:
    names = ("action", "side", "order_id", "price", "size", "flags")
    # one tile as tuples of Python's own numbers, applied again and again: two million of them would fill the memory
    one = session.tiled[: len(session.records) + 1]
    rows = list(zip(*(one[name].tolist() for name in names), strict=True))

    def run() -> Quote:
        book = PlainBook()
        for _ in range(session.tiles):
            book.apply(rows)
        return book.bbo

    return run


def _nautilus(session: Session) -> Callable[[], Quote]:
    data = importlib.import_module("nautilus_trader.model.data")
    enums = importlib.import_module("nautilus_trader.model.enums")
    books = importlib.import_module("nautilus_trader.model.book")
    loaders = importlib.import_module("nautilus_trader.adapters.databento.loaders")
    identifiers = importlib.import_module("nautilus_trader.model.identifiers")
    instrument = identifiers.InstrumentId.from_str("PEER.GLBX")
    loaded = loaders.DatabentoDataLoader().from_dbn_file(session.file, instrument, price_precision=9)
    deltas = data.OrderBookDeltas(instrument, [data.OrderBookDelta.clear(instrument, 0, 0, 0), *loaded])
    book = books.OrderBook(instrument, enums.BookType.L3_MBO)

    def run() -> Quote:
        for _ in range(session.tiles):
            book.apply_deltas(deltas)
        (bid,), (ask,) = book.bids()[:1], book.asks()[:1]
        return _price_int(bid.price), int(bid.size()), _price_int(ask.price), int(ask.size())

    return run


def _price_int(price: Any) -> int:
    return int(price.as_decimal() * 1_000_000_000)


def _hftbacktest(both_sides: bool) -> Callable[[Session], Callable[[], Quote]]:
    """Its market feed through its simulator: one local book, or with the exchange's book beside it as in a backtest."""

    def prepare(session: Session) -> Callable[[], Quote]:
        backtest, alive = hft_backtest(session.tiled, session.tick, both_sides=both_sides)
        span = np.uint64(2 * int(session.tiled["ts_recv"][-1] - session.tiled["ts_recv"][0]) + 1)

        def to_end(backtest: Any, span: int) -> tuple[float, float, float, float]:
            backtest.elapse(span)
            depth = backtest.depth(0)
            return depth.best_bid, depth.best_bid_qty, depth.best_ask, depth.best_ask_qty

        elapse = importlib.import_module("numba").njit(to_end)
        elapse(backtest, np.uint64(0))  # compiled outside the clock

        def run(_alive: object = alive) -> Quote:
            bid, bid_size, ask, ask_size = elapse(backtest, span)
            return round(bid * 1e9), int(bid_size), round(ask * 1e9), int(ask_size)

        return run

    return prepare


def hft_backtest(records: np.ndarray, tick: float, *, both_sides: bool) -> tuple[Any, object]:
    """(A backtest of one asset fed with these records, what must be kept as long as it: it reads them in place)."""
    hft = importlib.import_module("hftbacktest")
    events = _hft_events(records, importlib.import_module("hftbacktest.types"), both_sides)
    asset = hft.BacktestAsset().data([events]).linear_asset(1.0).constant_order_latency(0, 0)
    asset = asset.l3_fifo_queue_model().no_partial_fill_exchange().trading_value_fee_model(0.0, 0.0)
    return hft.HashMapMarketDepthBacktest([asset.tick_size(tick).lot_size(1.0)]), (events, asset)


def _hft_events(records: np.ndarray, types: Any, both_sides: bool) -> np.ndarray:
    """Our records in hftbacktest's own dtype, every one of them seen when it was received."""
    kind = np.zeros(256, np.uint64)
    for action, name in zip(
        b"ACMRTF", ("ADD_ORDER", "CANCEL_ORDER", "MODIFY_ORDER", "DEPTH_CLEAR", "TRADE", "FILL"), strict=True
    ):
        kind[action] = getattr(types, f"{name}_EVENT")
    side = np.zeros(256, np.uint64)
    side[ord("B")], side[ord("A")] = types.BUY_EVENT, types.SELL_EVENT
    seen = types.LOCAL_EVENT | types.EXCH_EVENT if both_sides else types.LOCAL_EVENT
    out = np.zeros(len(records), types.event_dtype)
    out["ev"] = kind[records["action"].view(np.uint8)] | side[records["side"].view(np.uint8)] | np.uint64(seen)
    out["exch_ts"] = out["local_ts"] = records["ts_recv"]
    out["px"], out["qty"] = records["price"] / 1e9, records["size"]
    out["order_id"], out["ival"] = records["order_id"], records["flags"]
    return out


BOOK: Final = "book + attribution"
PHYSICS: Final = "book + attribution + physics"
DECODE: Final = "decode .dbn"
DECODE_ZSTD: Final = "decode .dbn.zst"

PEERS: Final = (
    Peer("databento", "databento", DECODE, _official(lambda session: session.plain)),
    Peer("databento", "databento", DECODE_ZSTD, _official(lambda session: session.packed)),
    Peer("plain Python", None, BOOK, _plain_python),
    Peer("nautilus_trader", "nautilus_trader", BOOK, _nautilus),
    Peer("hftbacktest, local", "hftbacktest", BOOK, _hftbacktest(both_sides=False)),
    Peer("hftbacktest, both", "hftbacktest", BOOK, _hftbacktest(both_sides=True)),
)
