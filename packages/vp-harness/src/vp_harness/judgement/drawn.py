"""What was drawn of the distinct trials of a market, in columns: as Python objects they take ten times the memory."""

from __future__ import annotations

from functools import cached_property
from typing import NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray

from vp_harness.research.records import DRAWN, SEARCHES


class Key(NamedTuple):
    """A trial: its digest, and whether it is the confirming part of its row."""

    digest: str
    confirms: bool


class Standard(NamedTuple):
    """What standardises the draws of a trial: mean and deviation of its first ones, in ticks."""

    mean: float
    deviation: float


class Drawn:
    """What was drawn of each distinct trial: a table with the columns of `DRAWN`, one row a trial."""

    def __init__(self, table: pl.DataFrame) -> None:
        """`table` may have a trial more than once: what was drawn of it last counts."""
        last = _keys(table).unique(["digest", "confirms"], keep="last", maintain_order=True)["place"]
        table = table.select(list(DRAWN))
        self.table = table if len(last) == table.height else table[last]  # the moments are not copied for nothing

    @classmethod
    def of(cls, batches: pl.DataFrame) -> Drawn:
        """What the batches, rows of `searches`, have drawn."""
        return cls(exploded(batches, "drawn"))

    def __len__(self) -> int:
        return self.table.height

    @cached_property
    def choosing(self) -> pl.DataFrame:
        """The choosing parts, in order of their digests: sums round, and ties have a first."""
        return self.table[_keys(self.table).filter(~pl.col("confirms")).sort("digest")["place"]]

    def digests(self, *, confirms: bool) -> pl.Series:
        """Those of the choosing or of the confirming parts."""
        return self.table.filter(pl.col("confirms") == confirms)["digest"]

    def keys(self) -> set[tuple[str, bool]]:
        """Digest of each trial, and whether it is a confirming part: equal to its `Key`."""
        return set(self.table.select("digest", "confirms").iter_rows())

    def standards(self) -> dict[Key, Standard]:
        """What standardises further draws of each trial."""
        columns = self.table.select("digest", "confirms", "mean", "deviation").iter_rows()
        return {Key(digest, confirms): Standard(mean, deviation) for digest, confirms, mean, deviation in columns}

    def moments(self) -> NDArray[np.float64]:
        """Those of the trades of each choosing part, (n, 5 + 2 * BLOCKS): see `overfitting.trade_moments`."""
        lists = self.choosing["moments"]
        if lists.is_empty():
            return np.empty((0, 0), np.float64)
        return lists.list.to_array(len(lists[0])).to_numpy()


def _keys(table: pl.DataFrame) -> pl.DataFrame:
    """Digest and part of each trial, and its row in the table as `place`."""
    return table.select("digest", "confirms").with_row_index("place")


def exploded(batches: pl.DataFrame, column: str) -> pl.DataFrame:
    """`rows` or `drawn` of all batches, a row each."""
    return batches.select(column).filter(pl.col(column).list.len() > 0).explode(column).unnest(column)


def as_list(table: pl.DataFrame, column: str) -> pl.Series:
    """The opposite of `exploded`: a table as the only value of a column of lists."""
    # not `pl.Series(column, [...])`, which makes Python objects of every row
    return table.to_struct(column).implode().cast(SEARCHES[column])
