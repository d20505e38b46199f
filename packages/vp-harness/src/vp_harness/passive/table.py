"""`fills.parquet`: what a one-lot order would have met that joins each side of the touch at the end of every bin.

The order has no effect on the market. Who is ahead of it, and what fills it, is decided record by record in the pass
that makes the bins (`vp_book.queue`). Nothing of it is among the columns that a signal reads.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from vp_book.atomic import naming
from vp_book.queue import FILLED_AT, FILLED_THROUGH, QueueFollower, QueueJoins
from vp_harness.passive._kernels import look_ahead

MAX_WAIT_S: Final = 120
"""Seconds after which an order is given up."""
SIDES: Final = ("bid", "ask")
"""Words of the sides of the table: an order at the best bid buys."""
MOVES_S: Final = (1, 5)
"""Seconds after a fill at which the move of the mid is taken."""


class FillColumn(NamedTuple):
    """A column of `fills.parquet`; a `nullable` one has no value where its meaning says so."""

    name: str
    type: str
    unit: str
    meaning: str
    nullable: bool = False


_PRICE: Final = "1e-9 of the quote currency"
FILL_COLUMNS: Final = (
    FillColumn("bin_seq", "int64", "count", "The bin at whose end the order joins."),
    FillColumn("side", "string", "word", "bid (it buys at the best bid) or ask (it sells at the best ask)."),
    FillColumn("price_int", "int64", _PRICE, "The best price there, at which it waits."),
    FillColumn("ahead", "int64", "contracts or shares", "What rests at this price when it joins, all of it ahead."),
    FillColumn("wait_bins", "int32", "bins", "In which later bin it is filled; null if it is not.", nullable=True),
    FillColumn(
        "how",
        "string",
        "word",
        "at (at its price, nothing ahead any more) or through (a trade at a worse price).",
        nullable=True,
    ),
    FillColumn(
        "quote_through_bins",
        "int32",
        "bins",
        "In which later bin, before any fill, the other side first stood at its price or beyond: no fill; else null.",
        nullable=True,
    ),
    *(
        FillColumn(
            f"move_{seconds}s_ticks",
            "float64",
            "ticks",
            f"How far the mid has moved in its favour {seconds} s after the bin of the fill, from the last one before "
            "that bin; null without a fill or a valid book then.",
            nullable=True,
        )
        for seconds in MOVES_S
    ),
)
"""Columns of `fills.parquet`; one row an order, by bin, the bid first. A bin without a valid book has none."""

_ARROW: Final = {"int64": pa.int64(), "int32": pa.int32(), "float64": pa.float64(), "string": pa.string()}
_MAX_WAIT: Final = b"max_wait_bins"
_QUOTES: Final = ("best_bid_price_int", "best_ask_price_int", "bid_high_price_int", "ask_low_price_int")
_HOW: Final = {FILLED_AT: "at", FILLED_THROUGH: "through"}


def max_wait_bins(cell_width_ms: int) -> int:
    """Bins after which an order is given up: `MAX_WAIT_S`, rounded up to whole bins."""
    return math.ceil(MAX_WAIT_S * 1000 / cell_width_ms)


def write_fills(path: Path, bins_path: Path, queue: QueueFollower, *, cell_width_ms: int) -> tuple[int, int]:
    """Write the table of a replay that is over, of its `bins.parquet`; returns how many orders joined and were filled.

    The same replay gives the same bytes. Raises OSError naming the file that cannot be read or written.
    """
    with naming(bins_path):
        bins = pl.DataFrame(pl.from_arrow(pq.read_table(bins_path, columns=[*_QUOTES, "book_valid"])))
    table = _table_of(queue, bins, cell_width_ms)
    with naming(path):
        pq.write_table(table, path, compression="zstd", compression_level=1, write_statistics=["bin_seq"])
    return table.num_rows, table.num_rows - int(table["wait_bins"].null_count)


def fills_of(queue: QueueFollower, bins: pl.DataFrame, cell_width_ms: int) -> PassiveFills:
    """The arrays of a replay that is over, with its per-bin fields, without a file."""
    table = pl.DataFrame(pl.from_arrow(_table_of(queue, bins, cell_width_ms)))
    return passive_fills(table, queue.max_wait_bins, bins.height)


def _table_of(queue: QueueFollower, bins: pl.DataFrame, cell_width_ms: int) -> Any:
    return fills_table(
        queue.joins(),
        np.stack([bins[name].to_numpy() for name in _QUOTES]),
        bins["book_valid"].to_numpy(),
        tick_int=queue.tick_int,
        cell_width_ms=cell_width_ms,
        max_wait_bins=queue.max_wait_bins,
    )


def fills_table(
    joins: QueueJoins,
    quotes: NDArray[np.int64],
    valid: NDArray[np.bool_],
    *,
    tick_int: int,
    cell_width_ms: int,
    max_wait_bins: int,
) -> Any:
    """The Arrow table of `joins` (arrays of shape (bins, 2), bid first).

    `quotes` int64 (4, bins) are best bid and ask at the end of each bin, the highest bid and the lowest ask in it, in
    price_int; `valid` (bins) says where the book is one.
    """
    order = joins.ahead.ravel() > 0  # whatever joins a touch has something ahead
    through = np.full(joins.wait_bins.shape, -1, np.int32)
    moves = np.full((len(MOVES_S), *through.shape), np.nan)
    steps = np.array([math.ceil(seconds * 1000 / cell_width_ms) for seconds in MOVES_S], np.int64)
    look_ahead(
        joins.price_int, joins.ahead, joins.wait_bins, np.ascontiguousarray(quotes, np.int64),
        np.ascontiguousarray(valid, np.bool_), tick_int, max_wait_bins, steps, through, moves,
    )  # fmt: skip
    bins = np.arange(len(valid), dtype=np.int64)
    how, wait = joins.how.ravel()[order], joins.wait_bins.ravel()[order]
    values = {
        "bin_seq": np.repeat(bins, 2)[order],
        "side": np.tile(np.array(SIDES), len(bins))[order],
        "price_int": joins.price_int.ravel()[order],
        "ahead": joins.ahead.ravel()[order],
        "wait_bins": pa.array(wait, mask=wait < 0),
        "how": pa.array([_HOW.get(code) for code in how.tolist()], pa.string()),
        "quote_through_bins": pa.array(through.ravel()[order], mask=through.ravel()[order] < 0),
    }
    for seconds, move in zip(MOVES_S, moves, strict=True):
        values[f"move_{seconds}s_ticks"] = pa.array(move.ravel()[order], mask=np.isnan(move.ravel()[order]))
    fields = [pa.field(column.name, _ARROW[column.type], nullable=column.nullable) for column in FILL_COLUMNS]
    schema = pa.schema(fields, metadata={_MAX_WAIT: str(max_wait_bins).encode()})
    return pa.Table.from_arrays([pa.array(values[field.name], field.type) for field in schema], schema=schema)


@dataclass(frozen=True, slots=True)
class PassiveFills:
    """The table as arrays of shape (2, bins): row 0 buys at the bid, row 1 sells at the ask.

    `price_int` int64 is where the order waits, `wait_bins` int32 how many bins later it is filled, -1 if it is not, -2
    where there is no order. `moves_ticks` float64 (2 moments, 2, bins) are the moves after 1 s and 5 s, NaN where
    unknown. An order is given up after `max_wait_bins`.
    """

    price_int: NDArray[np.int64]
    wait_bins: NDArray[np.int32]
    moves_ticks: NDArray[np.float64]
    max_wait_bins: int

    @property
    def nbytes(self) -> int:
        """Memory of its arrays."""
        return self.price_int.nbytes + self.wait_bins.nbytes + self.moves_ticks.nbytes


def passive_fills(table: pl.DataFrame, max_wait: int, n_bins: int) -> PassiveFills:
    """The arrays of a table of fills, of a dataset of `n_bins` bins."""
    bins = table["bin_seq"].to_numpy()
    row = (table["side"] == SIDES[1]).to_numpy().astype(np.int64)
    price = np.zeros((2, n_bins), np.int64)
    wait = np.full((2, n_bins), -2, np.int32)
    moves = np.full((len(MOVES_S), 2, n_bins), np.nan)
    price[row, bins] = table["price_int"].to_numpy()
    wait[row, bins] = table["wait_bins"].fill_null(-1).to_numpy()
    for i, seconds in enumerate(MOVES_S):
        moves[i, row, bins] = table[f"move_{seconds}s_ticks"].fill_null(np.nan).to_numpy()
    return PassiveFills(price, wait, moves, max_wait)


def stated_max_wait(path: Path) -> int:
    """The bins after which the orders of a table were given up, which the file itself says.

    Raises KeyError or ValueError for a file that does not say so, and what pyarrow raises for none of Parquet.
    """
    return int((pq.read_schema(path).metadata or {})[_MAX_WAIT])
