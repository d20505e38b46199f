"""The rows that were tried on one market, in columns of 33 bytes a row: a search may have a million of them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from vp_harness.judgement.drawn import Codes, codes_of


@dataclass(frozen=True, slots=True)
class Tried:
    """Threshold rows in order of run and threshold, each once.

    `keys` say which row it is: the place of its run among the active ones, in order of their ids, is the real part, its
    threshold the imaginary one, for so numpy sorts and searches pairs. `choose` and `confirm` are the codes of its
    parts (see `drawn`), `able` is whether it can win. `others` says whether rows of other runs were listed, which are
    left out.
    """

    keys: NDArray[np.complex128]
    choose: Codes
    confirm: Codes
    able: NDArray[np.bool_]
    others: bool

    @classmethod
    def of(cls, table: pl.DataFrame, active: pl.Series) -> Tried:
        """The rows of a table with the columns of `LISTED`; `active` are run ids, ascending."""
        found = table.join(_numbered(active), on="run_id", maintain_order="left")
        rows = cls(
            _keys(found),
            codes_of(found["choose"]),
            codes_of(found["confirm"]),
            found["able"].to_numpy(),
            found.height < table.height,
        )
        return cls.together([rows])

    @classmethod
    def together(cls, some: Sequence[Tried]) -> Tried:
        """All of them: of a row that several have, or one has more than once, the first counts."""
        keys = np.concatenate([np.empty(0, np.complex128), *(one.keys for one in some)])
        order = np.argsort(keys, kind="stable")
        ordered = keys[order]
        first = np.append(True, ordered[1:] != ordered[:-1])[: len(ordered)]
        order = order[first]
        none = np.empty(0, np.uint64)
        return cls(
            ordered[first],
            np.concatenate([none, *(one.choose for one in some)])[order],
            np.concatenate([none, *(one.confirm for one in some)])[order],
            np.concatenate([np.empty(0, np.bool_), *(one.able for one in some)])[order],
            any(one.others for one in some),
        )

    def __len__(self) -> int:
        return len(self.keys)

    @property
    def runs(self) -> NDArray[np.int64]:
        """The places of their runs among the active ones (n)."""
        return self.keys.real.astype(np.int64)

    def codes(self, *, confirms: bool) -> Codes:
        """Those of the choosing or of the confirming parts."""
        return self.confirm if confirms else self.choose

    def tables(self, active: pl.Series, at_most: int) -> Iterator[pl.DataFrame]:
        """The rows, `at_most` at a time, with the columns run_id, threshold, choose (the code) and able."""
        for start in range(0, len(self), at_most):
            some = slice(start, start + at_most)
            keys = self.keys[some]
            yield pl.DataFrame(
                {
                    "run_id": active[keys.real.astype(np.int64)],
                    "threshold": np.ascontiguousarray(keys.imag),
                    "choose": self.choose[some],
                    "able": self.able[some],
                }
            )

    def all_have(self, state: str, corrections: Iterable[pl.DataFrame], active: pl.Series) -> bool:
        """Whether the newest correction of every row is of this state. `corrections` are the parts of all, in order of
        their names, with run_id, threshold, sequence, the rows that were `counted`, and state.
        """
        sequence, counted = np.full(len(self), -1, np.int64), np.full(len(self), -1, np.int64)
        has = np.zeros(len(self), np.bool_)
        for part in corrections:
            of_active = part.join(_numbered(active), on="run_id")
            keys = _keys(of_active)
            places = np.minimum(np.searchsorted(self.keys, keys), max(len(self) - 1, 0))
            there = self.keys[places] == keys if len(self) else np.zeros(len(keys), np.bool_)
            places, of_rows = places[there], of_active.filter(there)
            own_sequence, own_counted = (of_rows[name].to_numpy() for name in ("sequence", "counted"))
            before = sequence[places]
            newer = (own_sequence > before) | ((own_sequence == before) & (own_counted >= counted[places]))
            at = places[newer]
            sequence[at], counted[at] = own_sequence[newer], own_counted[newer]
            has[at] = (of_rows["state"] == state).to_numpy()[newer]
        return bool(has.all())


def _numbered(active: pl.Series) -> pl.DataFrame:
    return pl.DataFrame({"run_id": active}).with_row_index("run")


def _keys(rows: pl.DataFrame) -> NDArray[np.complex128]:
    keys = np.empty(rows.height, np.complex128)
    keys.real, keys.imag = rows["run"].to_numpy(), rows["threshold"].to_numpy()
    return keys
