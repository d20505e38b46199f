"""What became of every order of a source, in one pass."""

from __future__ import annotations

from typing import Final

import numpy as np

from vp_book._checked import kernel_view
from vp_book.book.engine import BookEngine
from vp_book.book.orders import O_COLUMNS
from vp_book.book.state import DONE, NO_LEVEL
from vp_book.dbn.store import Source, arrays_of
from vp_book.errors import ParameterError
from vp_book.instrument import Instrument

from ._lives import LIFE, NO_ROOM, S_BEST, S_FRESH, S_ROWS, SEEN, TOP_OF_BOOK, Lives, follow_orders, rehash_lives

OUTCOMES: Final = ("resting", "filled", "pulled", "cleared")
"""How the life of an order ends: `resting` when the source is over first."""

LIFETIME_DTYPE: Final = np.dtype(
    [
        ("order_id", np.uint64),
        ("side", "U3"),
        ("price_int", np.int64),
        ("last_price_int", np.int64),
        ("added_ns", np.int64),
        ("touched_ns", np.int64),
        ("ended_ns", np.int64),
        ("duration_ns", np.int64),
        ("orders_ahead", np.int64),
        ("size_ahead", np.int64),
        ("size", np.int64),
        ("gained", np.int64),
        ("filled", np.int64),
        ("pulled", np.int64),
        ("left", np.int64),
        ("moves", np.int64),
        ("requeued", np.int64),
        ("in_snapshot", np.bool_),
        ("outcome", "U7"),
    ]
)
"""A row of `lifetimes`."""

_SIDES: Final = np.array(["bid", "ask"])
_FIRST_ROWS: Final = 1 << 14


def lifetimes(source: Source, instrument: Instrument) -> np.ndarray:
    """Every order that came: when, where, behind what, and what became of it; `LIFETIME_DTYPE`, shape (orders,).

    `source` yields arrays of `MBO_DTYPE`, as `open_dbn` does, or is a `databento.DBNStore`. Rows are in order of entry.
    An id that is used again after its order has gone is another order.

    - `added_ns`, `ended_ns`: `ts_recv`, ns UTC; `ended_ns` is -1 for an order that rests at the end of the source.
    - `duration_ns`: from the one to the other, or to the newest record.
    - `touched_ns`: the first event boundary at which it stood at the best price of its side; -1 for never.
    - `price_int`, `size`: as it came. `last_price_int`: where it was last.
    - `orders_ahead`, `size_ahead`: what rested at its price when it came.
    - `gained`: what was displayed beyond that later: increases, refills of an iceberg, and hidden quantity that was
      filled. `filled`, `pulled`: contracts that were filled and withdrawn. `left`: displayed when it was last seen, 0
      unless it still rests or was cleared. So `size + gained == filled + pulled + left`.
    - `moves`: changes of price or side. `requeued`: how often it lost its place in the queue, moves included.
    - `in_snapshot`: it came with a snapshot, so it is older than `added_ns` says.
    - `outcome`: one of `OUTCOMES`; what took the last of it.

        table = lifetimes(open_dbn("esh6.mbo.dbn.zst"), Instrument("ESH6", "0.25"))
        at_touch = table[table["touched_ns"] >= 0]
        filled_share = (at_touch["outcome"] == "filled").mean()

    Raises `ParameterError` for a top-of-book feed, which has no orders, and what `BookEngine.apply` raises.
    """
    engine = BookEngine(instrument)
    engine.set_physics(False)
    lives = _empty()
    for records in arrays_of(source):
        view, at = kernel_view(records), 0
        while True:
            at, status = follow_orders(view, at, engine.arrays, lives)
            if status == DONE:
                break
            if status == NO_ROOM:
                lives = _enlarged(lives)
            elif status == TOP_OF_BOOK:
                raise ParameterError(
                    "source: it has top-of-book records (flag 64), each of which stands for a whole side; lifetimes "
                    "are of orders, so take a market-by-order feed"
                )
            else:
                engine.settle(status, view, at)
    engine.finish()
    return _table(lives.lives[: lives.seen[S_ROWS]], instrument.tick_int, engine.clock_ns)


def _empty() -> Lives:
    seen = np.zeros(SEEN, np.int64)
    seen[S_BEST:] = NO_LEVEL
    return Lives(
        lives=np.zeros(_FIRST_ROWS, LIFE),
        rows=np.zeros((2 * _FIRST_ROWS, O_COLUMNS), np.int64),
        levels=np.zeros((2 * _FIRST_ROWS, O_COLUMNS), np.int64),
        fresh=np.zeros(_FIRST_ROWS, np.int64),
        seen=seen,
    )


def _enlarged(f: Lives) -> Lives:
    """The same with twice the room."""
    if f.seen[S_FRESH] >= len(f.fresh) and f.seen[S_ROWS] < len(f.lives):
        return f._replace(fresh=np.concatenate([f.fresh, np.zeros_like(f.fresh)]))
    maps = [np.zeros((2 * len(f.rows), O_COLUMNS), np.int64) for _ in range(2)]
    rehash_lives(f.rows, maps[0])
    rehash_lives(f.levels, maps[1])
    lives = np.zeros(2 * len(f.lives), LIFE)
    lives[: len(f.lives)] = f.lives
    return f._replace(
        lives=lives, rows=maps[0], levels=maps[1], fresh=np.concatenate([f.fresh, np.zeros_like(f.fresh)])
    )


def _table(lives: np.ndarray, tick_int: int, now: int) -> np.ndarray:
    table = np.zeros(len(lives), LIFETIME_DTYPE)
    table["order_id"] = lives["order_id"].astype(np.uint64)
    table["side"] = _SIDES[lives["side"]]
    table["price_int"] = lives["first_tick"] * tick_int
    table["last_price_int"] = lives["tick"] * tick_int
    table["added_ns"], table["touched_ns"], table["ended_ns"] = lives["began"], lives["touched"], lives["ended"]
    table["duration_ns"] = np.where(lives["ended"] < 0, now, lives["ended"]) - lives["began"]
    table["size"], table["left"] = lives["first_size"], lives["displayed"]
    table["gained"] = lives["gained"] + lives["unsettled"]
    for name in ("orders_ahead", "size_ahead", "filled", "pulled", "moves", "requeued"):
        table[name] = lives[name]
    table["in_snapshot"] = lives["snapshot"] != 0
    table["outcome"] = np.array(OUTCOMES)[lives["outcome"]]
    return table
