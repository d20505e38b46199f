"""Agreement with other people's books, where they are installed: see docs/book-peers.md for what differs and why.

Run with `uv run --isolated --no-dev --group peers pytest tests/vp_book/test_peers.py`. CI does not: the group is
1.3 GB large.
"""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support.dbn_files import write_dbn
from support.real_session import real_session
from support.records import TICK, record, stream

from vp_book import BookEngine, Instrument, open_dbn
from vp_book.records import F_LAST

INSTALL = "not installed: uv run --isolated --no-dev --group peers pytest tests/vp_book/test_peers.py"
needs_nautilus = pytest.mark.skipif(find_spec("nautilus_trader") is None, reason=f"nautilus_trader is {INSTALL}")
needs_hftbacktest = pytest.mark.skipif(find_spec("hftbacktest") is None, reason=f"hftbacktest is {INSTALL}")
# what other packages import is theirs to worry about
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")

ES = Instrument("ESH4", "0.25")
Quote = tuple[int, int, int, int]


class Nautilus:
    """Its order-by-order book, fed with what its own loader makes of a file: all but the trades."""

    def __init__(self, path: Path) -> None:
        from nautilus_trader.adapters.databento.loaders import DatabentoDataLoader
        from nautilus_trader.model.book import OrderBook
        from nautilus_trader.model.enums import BookType, OrderSide
        from nautilus_trader.model.identifiers import InstrumentId

        instrument = InstrumentId.from_str("PEER.GLBX")
        self._buy, self._sell = OrderSide.BUY, OrderSide.SELL
        self.deltas: list[Any] = DatabentoDataLoader().from_dbn_file(path, instrument, price_precision=2)
        self.book = OrderBook(instrument, BookType.L3_MBO)
        self._next = 0

    def apply(self, records: np.ndarray) -> None:
        """As many deltas as these records have, trades left out."""
        count = int((records["action"] != b"T").sum())
        for delta in self.deltas[self._next : self._next + count]:
            self.book.apply_delta(delta)
        self._next += count

    def quote(self) -> Quote:
        bid, ask = self.book.best_bid_price(), self.book.best_ask_price()
        # its best_bid_size() is the first order's; what an aggressor could take at the price is the level's
        return (
            *((0, 0) if bid is None else (_price_int(bid), int(self.book.get_quantity_for_price(bid, self._sell)))),
            *((0, 0) if ask is None else (_price_int(ask), int(self.book.get_quantity_for_price(ask, self._buy)))),
        )

    def levels(self, side: str) -> list[tuple[int, int]]:
        levels = self.book.bids() if side == "bid" else self.book.asks()
        return [(_price_int(level.price), int(level.size())) for level in levels]


def _price_int(price: Any) -> int:
    return int(price.as_decimal() * 1_000_000_000)


def _our_levels(engine: BookEngine, side: Any) -> list[tuple[int, int]]:
    prices, sizes = engine.levels(side)
    return list(zip(prices.tolist(), sizes.tolist(), strict=True))


@needs_nautilus
@pytest.mark.real_data
def test_nautilus_has_our_quote_at_every_boundary_of_the_real_session() -> None:
    path = real_session()
    records = np.concatenate(list(open_dbn(path)))
    peer, engine = Nautilus(path), BookEngine(ES)
    first = boundaries = crossed = 0
    for last in np.flatnonzero(records["flags"] & F_LAST):
        event = records[first : last + 1]
        first = int(last) + 1
        engine.apply(event)
        peer.apply(event)
        ours = engine.bbo()
        if ours.bid_price_int < ours.ask_price_int:
            assert peer.quote() == ours, last
        else:
            # a crossed book is "filled" through both its prices when it is asked for a size: prices only
            crossed += 1
            assert peer.quote()[::2] == ours[::2], last
        if boundaries % 3000 == 0:
            assert peer.levels("bid") == _our_levels(engine, "bid")
            assert peer.levels("ask") == _our_levels(engine, "ask")
        boundaries += 1
    assert boundaries == 47_022
    assert crossed == 891
    assert peer.levels("bid") == _our_levels(engine, "bid")
    assert peer.levels("ask") == _our_levels(engine, "ask")


@needs_nautilus
@pytest.mark.parametrize(
    ("name", "records", "ours", "theirs"),
    [
        (
            "a partial cancel: they remove the whole order",
            stream(record("A", "B", 20_000, 10, 1), record("C", "B", 20_000, 3, 1, ts=1)),
            [(20_000 * TICK, 7)],
            [],
        ),
        (
            "a fill inside an event: they set the order to the filled size until the cancel or modify comes",
            stream(record("A", "B", 20_000, 10, 1), record("F", "B", 20_000, 3, 1, ts=1, flags=0)),
            [(20_000 * TICK, 10)],
            [(20_000 * TICK, 3)],
        ),
        (
            "a fill that nothing follows, of quantity behind the display: for them the order keeps the filled size",
            stream(record("A", "B", 20_000, 10, 1), record("F", "B", 20_000, 3, 1, ts=1)),
            [(20_000 * TICK, 10)],
            [(20_000 * TICK, 3)],
        ),
        (
            "a fill of an order that never rested: for them it rests from then on",
            stream(record("A", "B", 20_000, 10, 1), record("F", "B", 20_008, 3, 2, ts=1)),
            [(20_000 * TICK, 10)],
            [(20_008 * TICK, 3), (20_000 * TICK, 10)],
        ),
        (
            "a fill and its cancel: the same",
            stream(
                record("A", "B", 20_000, 10, 1),
                record("F", "B", 20_000, 10, 1, ts=1, flags=0),
                record("C", "B", 20_000, 10, 1, ts=1),
            ),
            [],
            [],
        ),
    ],
)
def test_where_nautilus_means_something_else(
    tmp_path: Path, name: str, records: np.ndarray, ours: list[tuple[int, int]], theirs: list[tuple[int, int]]
) -> None:
    peer = Nautilus(write_dbn(tmp_path / "case.dbn.zst", records))
    engine = BookEngine(Instrument("TEST", "0.25"))
    engine.apply(records)
    peer.apply(records)
    assert _our_levels(engine, "bid") == ours, name
    assert peer.levels("bid") == theirs, name


@needs_hftbacktest
@pytest.mark.real_data
def test_hftbacktest_has_our_quote_unless_the_book_was_crossed_a_moment_ago() -> None:
    import numba

    from vp_bench.peers import hft_backtest

    records = np.concatenate(list(open_dbn(real_session())))
    backtest, _alive = hft_backtest(records, 0.25, both_sides=False)
    times = records["ts_recv"].astype(np.int64)
    # where the next record is later and no event is open: its clock knows nothing of events
    ends = np.flatnonzero((np.diff(times, append=2**62) > 0) & ((records["flags"] & F_LAST) != 0))
    theirs = np.zeros((len(ends), 4))

    @numba.njit
    def walk(backtest: Any, waits: np.ndarray, out: np.ndarray) -> None:
        for i in range(waits.shape[0]):
            backtest.elapse(waits[i])
            depth = backtest.depth(0)
            out[i] = depth.best_bid, depth.best_bid_qty, depth.best_ask, depth.best_ask_qty

    walk(backtest, np.diff(times[ends], prepend=times[0]), theirs)
    engine, first, since_crossed = BookEngine(ES), 0, 0
    same = differing = 0
    for row, last in zip(theirs, ends, strict=True):
        engine.apply(records[first : last + 1])
        first = int(last) + 1
        ours = engine.bbo()
        if ours.bid_price_int >= ours.ask_price_int:
            since_crossed = int(times[last])
        elif (round(row[0] * 1e9), int(row[1]), round(row[2] * 1e9), int(row[3])) == ours:
            same += 1
        else:
            # it moves the other side's best out of the way of an order that crosses, and finds it again only later
            differing += 1
            assert times[last] - since_crossed < 1_000_000_000, last
    assert same > 43_000
    assert differing < 100
