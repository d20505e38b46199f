"""Following a one-lot order that joins the touch at the end of every bin, on both sides."""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np

from vp_book._checked import checked_int, kernel_view
from vp_book.book.engine import BookEngine
from vp_book.errors import ParameterError

from . import _kernels
from . import state as st
from .arrivals import rehash

FILLED_AT: Final = st.AT
FILLED_THROUGH: Final = st.THROUGH

_LONGEST_WAIT: Final = 1_000_000


class QueueJoins(NamedTuple):
    """What became of the order that joined at the end of each bin; arrays of shape (bins, 2), bid first.

    `price_int` int64 is where it joined, 0 where it did not (the book was one-sided, locked or crossed), and `ahead`
    int64 what rested there then. `wait_bins` int32 is how many bins later it was filled, -1 if it was not. `how` int8
    is FILLED_AT (at its price, when nothing was ahead any more), FILLED_THROUGH (something traded at a worse price), or
    0.
    """

    price_int: np.ndarray
    ahead: np.ndarray
    wait_bins: np.ndarray
    how: np.ndarray


class QueueFollower:
    """Follows a one-lot order that joins each side of the touch at the end of every bin, without effect on the market.

    Market-by-order data say which orders are ahead of it: those that rest at its price when it joins. They count until
    they are cancelled, moved, filled, or lose priority (a larger size, the refill of an iceberg). An order is given up
    after `max_wait_bins` bins, and where the book is cleared.

    Handed the same records as an engine, bin by bin:

        engine, queue = BookEngine(instrument), QueueFollower(instrument.tick_int, max_wait_bins=1200)
        for end_ns in bin_ends:
            at = start
            start = engine.apply_until(records, at, end_ns)
            queue.apply(records, at, start)
            queue.close_bin(engine)
        joins = queue.joins()  # QueueJoins, arrays of shape (bins, 2)

    `vp_book.replay` does that by itself with `queue=`. A follower may begin anywhere between two events:
    `begin(engine)` takes the orders that rest then. Feeds of the top of the book (F_TOB) say nothing about queues: from
    the first such record on nothing joins.
    """

    def __init__(self, tick_int: int, *, max_wait_bins: int = 1200) -> None:
        tick_int = checked_int("tick_int", tick_int, 1, 2**53)
        max_wait_bins = checked_int("max_wait_bins", max_wait_bins, 1, _LONGEST_WAIT)
        self._queue = st.empty_queue(max_wait_bins, tick_int)

    def begin(self, engine: BookEngine) -> None:
        """Take the orders that rest in a book, before the first record. Raises ParameterError after it."""
        q = self._queue
        if self.begun:
            raise ParameterError("engine: the follower has begun; make a new one")
        orders = engine.arrays.orders
        if len(orders) > len(q.orders):
            self._queue = q = q._replace(orders=np.zeros((len(orders), st.O_WIDTH), np.int64))
        _kernels.seed(orders, q)

    def apply(self, records: np.ndarray, start: int = 0, stop: int | None = None) -> None:
        """Take `records[start:stop]`, of an array (n,) of `MBO_DTYPE`, after the engine has applied them.

        Where chunks are cut makes no difference. Raises `ParameterError` for another array, or a range outside of it.
        """
        view = kernel_view(records)
        start = checked_int("start", start, 0, len(view))
        stop = len(view) if stop is None else checked_int("stop", stop, start, len(view))
        while (start := _kernels.follow(view, start, stop, self._queue)) < stop:
            self._enlarge()

    def close_bin(self, engine: BookEngine, *, known: bool = True) -> None:
        """End a bin: an order joins each side of the engine's BBO, if its book is valid.

        `known` false says that the book is not that of the market any more: none joins, and those that wait go on.
        """
        q = self._queue
        if q.scalars[st.S_BIN] == len(q.out_price):
            self._queue = q = q._replace(
                out_price=st.doubled(q.out_price),
                out_ahead=st.doubled(q.out_ahead),
                out_wait=st.doubled(q.out_wait, -1),
                out_how=st.doubled(q.out_how),
            )
        valid = known and engine.book_valid
        s = engine.arrays.scalars[0]
        ticks = np.array([s.bid_tick, s.ask_tick], np.int64)
        sizes = np.array([s.bid_size, s.ask_size], np.int64)
        _kernels.close_bin(q, valid, ticks, sizes)

    def joins(self) -> QueueJoins:
        """What became of every join so far; those that are followed still are not filled yet."""
        q = self._queue
        bins = int(q.scalars[st.S_BIN])
        return QueueJoins(*(array[:bins].copy() for array in (q.out_price, q.out_ahead, q.out_wait, q.out_how)))

    @property
    def max_wait_bins(self) -> int:
        """After how many bins an order is given up."""
        return len(self._queue.joins) // 2

    @property
    def tick_int(self) -> int:
        """The price tick that it follows, in price_int."""
        return int(self._queue.scalars[st.S_TICK_INT])

    @property
    def begun(self) -> bool:
        """Whether it has taken a book, a record or a bin."""
        s = self._queue.scalars
        return bool(s[st.S_USED] or s[st.S_SEQ] or s[st.S_BIN])

    @property
    def crowded(self) -> int:
        """Joins that were not followed, because another one waits at a price exactly 32,768 ticks or so away."""
        return int(self._queue.scalars[st.S_CROWDED])

    def _enlarge(self) -> None:
        q = self._queue
        s = q.scalars
        if 2 * (s[st.S_USED] + 1) > len(q.orders):
            larger = np.zeros((2 * len(q.orders), st.O_WIDTH), np.int64)
            rehash(q.orders, larger)
            q = q._replace(orders=larger)
        if s[st.S_ENTRIES] >= len(q.entries):
            q = q._replace(entries=st.doubled(q.entries))
        if s[st.S_TRADED] + 1 >= len(q.traded):
            q = q._replace(traded=st.doubled(q.traded))
        if s[st.S_TAKERS] >= len(q.takers):
            q = q._replace(takers=st.doubled(q.takers))
        self._queue = q
