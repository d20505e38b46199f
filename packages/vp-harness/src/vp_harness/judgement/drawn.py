"""What was drawn of the distinct trials of a market, in sorted columns of eight bytes or so a trial.

A digest is 16 hex digits. In memory it is the number that they are, its *code*, and 0 stands for the empty text of a
part in which nothing fired. Codes are in the order of their digests. Of a trial only what every correction needs is
held; the rest is read again, a batch at a time, where it is needed.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple, TypeAlias, cast

import numpy as np
import polars as pl
import pyarrow as pa
from numpy.typing import NDArray

from vp_harness.errors import ResultsError
from vp_harness.judgement.overfitting import BLOCKS, MOMENTS
from vp_harness.research.records import DRAWN, SEARCHES

Codes: TypeAlias = NDArray[np.uint64]
_DIGITS: Final = 16
_ROWS_AT_ONCE: Final = 16_384


@dataclass(frozen=True, slots=True)
class Drawn:
    """The distinct trials that were drawn: codes of the choosing parts, ascending, with their statistics, and of the
    confirming parts.
    """

    choosing: Codes
    statistics: NDArray[np.float32]
    confirming: Codes

    @classmethod
    def of(cls, table: pl.DataFrame) -> Drawn:
        """The trials of a table with the columns of `DRAWN`, one row a trial: see `together`."""
        codes, confirms = codes_of(table["digest"]), table["confirms"].to_numpy()
        statistics = table["statistic"].to_numpy()
        return cls.together([cls(codes[~confirms], statistics[~confirms], codes[confirms])])

    @classmethod
    def together(cls, some: Sequence[Drawn]) -> Drawn:
        """All of them: what was drawn last of a trial that several have, or one has more than once, counts."""
        none = np.empty(0, np.uint64)
        choosing = np.concatenate([none, *(one.choosing for one in some)])
        statistics = np.concatenate([np.empty(0, np.float32), *(one.statistics for one in some)])
        choosing, last = _last_of_each(choosing)
        confirming, _ = _last_of_each(np.concatenate([none, *(one.confirming for one in some)]))
        return cls(choosing, statistics[last], confirming)

    def __len__(self) -> int:
        return len(self.choosing) + len(self.confirming)

    def codes(self, *, confirms: bool) -> Codes:
        """Those of the choosing or of the confirming parts."""
        return self.confirming if confirms else self.choosing


class Standards:
    """What standardises further draws of each trial: mean and deviation of its first ones, in ticks."""

    def __init__(self, known: Drawn, tables: Iterable[pl.DataFrame]) -> None:
        """`tables` have what was drawn of the known trials: see `Drawn.of`."""
        self._known = known
        self._values = tuple(np.empty((len(known.codes(confirms=part)), 2), np.float64) for part in (False, True))
        for confirms, of_part, places in _placed(known, tables):
            self._values[confirms][places] = of_part.select("mean", "deviation").to_numpy()

    def of(self, codes: Codes, *, confirms: bool) -> NDArray[np.float64]:
        """Mean and deviation (n, 2) of known trials."""
        places, _ = places_in(self._known.codes(confirms=confirms), codes)
        return self._values[confirms][places]


class Moments(NamedTuple):
    """Those of the trades of each choosing part, in order of their codes: see `overfitting.trade_moments`.

    `figures` (n, 5), `sums` and `counts` (n, BLOCKS): whole numbers are held as such.
    """

    figures: NDArray[np.float64]
    sums: NDArray[np.float64]
    counts: NDArray[np.int32]

    @classmethod
    def of(cls, known: Drawn, tables: Iterable[pl.DataFrame]) -> Moments:
        """The moments of the known trials, of which `tables` are: see `Drawn.of`."""
        trials, figures = len(known.choosing), MOMENTS - 2 * BLOCKS
        found = cls(
            np.empty((trials, figures), np.float64),
            np.empty((trials, BLOCKS), np.float64),
            np.empty((trials, BLOCKS), np.int32),
        )
        for confirms, of_part, places in _placed(known, tables):
            if not confirms:
                values = of_part["moments"].explode().to_numpy().reshape(-1, MOMENTS)
                found.figures[places] = values[:, :figures]
                found.sums[places] = values[:, figures : figures + BLOCKS]
                found.counts[places] = values[:, figures + BLOCKS :]
        return found


class Kept:
    """Of the choosing or the confirming parts of some rows what is kept of each trial, in the order of their places.

    Memory is taken as trials come, up to as many as there are rows.
    """

    def __init__(self, at_most: int, *, confirms: bool) -> None:
        self._n = 0
        self._codes = np.empty(at_most, np.uint64)
        self._places = np.empty(at_most, np.int64)
        self._statistics = np.empty(at_most, np.float32)
        self._standards = np.empty((at_most, 2), np.float64)
        self._moments = np.empty((0 if confirms else at_most, MOMENTS), np.float64)

    def add(
        self,
        codes: Codes,
        places: NDArray[np.int64],
        statistics: NDArray[np.float32],
        standards: NDArray[np.float64],
        moments: NDArray[np.float64],
    ) -> None:
        """Add trials, whose places come after those that were added; `moments` of choosing parts."""
        own = slice(self._n, self._n + len(codes))
        self._codes[own], self._places[own] = codes, places
        self._statistics[own], self._standards[own] = statistics, standards
        if len(self._moments):
            self._moments[own] = moments
        self._n += len(codes)

    @property
    def codes(self) -> Codes:
        """The codes of the trials (n)."""
        return self._codes[: self._n]

    def table(self, confirming: Kept) -> pl.DataFrame:
        """The columns of `DRAWN` of these trials, which are of choosing parts, and the confirming ones, in order of
        their places.
        """
        places, codes, statistics, standards = (
            np.concatenate([chosen[: self._n], confirmed[: confirming._n]])
            for chosen, confirmed in (
                (self._places, confirming._places),
                (self._codes, confirming._codes),
                (self._statistics, confirming._statistics),
                (self._standards, confirming._standards),
            )
        )
        order = np.argsort(places, kind="stable")
        confirms = order >= self._n
        # the moments are in order already, for confirming parts have none: they are not copied
        ends = np.concatenate([[0], np.where(confirms, 0, MOMENTS).cumsum()])
        moments = pa.LargeListArray.from_arrays(pa.array(ends), pa.array(self._moments[: self._n].reshape(-1)))
        columns = {
            "digest": digests_of(codes[order]),
            "confirms": confirms,
            "statistic": statistics[order],
            "mean": standards[order, 0],
            "deviation": standards[order, 1],
            "moments": pl.from_arrow(moments),
        }
        return pl.DataFrame(columns, schema=DRAWN)


class Met:
    """Codes that were met, in sorted arrays of which each is at least twice as long as the next: so that many can be
    added a few at a time.
    """

    def __init__(self, codes: Codes) -> None:
        """`codes` ascend."""
        self._sorted = [codes]

    def new_of(self, codes: Codes) -> NDArray[np.int64]:
        """Where codes stand that were not met before, the first place of each, ascending; now they are met."""
        _, first = np.unique(codes, return_index=True)
        new = np.sort(first).astype(np.int64, copy=False)
        for met in self._sorted:
            new = new[~places_in(met, codes[new])[1]]
        if len(new):
            self._add(np.sort(codes[new]))
        return new

    def _add(self, codes: Codes) -> None:
        while self._sorted and len(self._sorted[-1]) < 2 * len(codes):
            codes = np.sort(np.concatenate([self._sorted.pop(), codes]), kind="stable")
        self._sorted.append(codes)


def codes_of(digests: pl.Series) -> Codes:
    """The codes of digests (n). Raises ResultsError for a text that is none."""
    codes = digests.str.decode("hex", strict=False).bin.reinterpret(dtype=pl.UInt64(), endianness="big")
    lengths = digests.str.len_bytes()
    if codes.null_count() != (lengths == 0).sum() or not lengths.is_in([0, _DIGITS]).all():
        raise ResultsError("searches.parquet has digests that are not of 16 hex digits: restore it from a copy")
    return codes.fill_null(0).to_numpy()


def digests_of(codes: Codes) -> pl.Series:
    """The digests that codes are of."""
    text = codes[codes != 0].astype(">u8").tobytes().hex().encode("ascii")
    ends = np.concatenate([[0], np.where(codes != 0, _DIGITS, 0).cumsum()])
    found = pl.from_arrow(pa.LargeStringArray.from_buffers(len(codes), pa.py_buffer(ends), pa.py_buffer(text)))
    return cast(pl.Series, found)


def places_in(ascending: Codes, codes: Codes) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Where codes stand among ascending ones, and whether they are there: if not, the place says nothing."""
    if not len(ascending):
        return np.zeros(len(codes), np.int64), np.zeros(len(codes), np.bool_)
    places = np.minimum(np.searchsorted(ascending, codes), len(ascending) - 1)
    return places, ascending[places] == codes


def exploded(batches: pl.DataFrame, column: str) -> pl.DataFrame:
    """`rows` or `drawn` of all batches, a row each."""
    return batches.select(column).filter(pl.col(column).list.len() > 0).explode(column).unnest(column)


def as_list(table: pl.DataFrame, column: str) -> pl.Series:
    """The opposite of `exploded`: a table as the only value of a column of lists."""
    # not `pl.Series(column, [...])`, which makes Python objects of every row
    return table.to_struct(column).implode().cast(SEARCHES[column])


def _last_of_each(codes: Codes) -> tuple[Codes, NDArray[np.int64]]:
    """The distinct codes, ascending, and where each of them stood last."""
    order = np.argsort(codes, kind="stable")
    ordered = codes[order]
    last = np.append(ordered[1:] != ordered[:-1], True)[: len(ordered)]
    return ordered[last], order[last]


def _placed(known: Drawn, tables: Iterable[pl.DataFrame]) -> Iterator[tuple[bool, pl.DataFrame, NDArray[np.int64]]]:
    """Of each part of each table whether it is of confirming ones, the trials that are known, and their places."""
    for table in tables:
        for some in table.iter_slices(_ROWS_AT_ONCE):  # the moments of all would be copied
            for confirms in (False, True):
                of_part = some.filter(pl.col("confirms") == confirms)
                places, there = places_in(known.codes(confirms=confirms), codes_of(of_part["digest"]))
                yield confirms, of_part.filter(there), places[there]
