"""What a signal is handed: the columns and fields it declares, and no way to anything else.

The objects here hold the declared arrays alone, not the bin or the dataset they come from.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeVar

import numpy as np
import polars as pl
from numpy.typing import NDArray

from vp_harness.errors import SignalError, UndeclaredError
from vp_harness.signals.context import SignalContext

_V = TypeVar("_V")


class SignalBin(Protocol):
    """One closed bin. A signal that declares no fields needs none of it."""

    @property
    def cells(self) -> Mapping[str, NDArray[Any]]:
        """Column name -> array (2 * radius + 1,), row i is k = i - radius; `docs/columns.md` has types and units.

        at_spot = bin.cells["v_add"][context.radius]
        """
        ...

    @property
    def fields(self) -> Mapping[str, Any]:
        """Field name -> scalar."""
        ...


@dataclass(frozen=True, slots=True)
class GridBin:
    """One bin of arrays and scalars that are at hand."""

    cells: Mapping[str, NDArray[Any]]
    fields: Mapping[str, Any] = field(default_factory=dict)


class GridSource(Protocol):
    """A dataset. A signal that declares no fields needs no `bins`."""

    @property
    def context(self) -> SignalContext:
        """The shape of the grid."""
        ...

    @property
    def n_bins(self) -> int:
        """Bins in the dataset."""
        ...

    @property
    def bins(self) -> Any:
        """The per-bin fields: a table or mapping, name -> n_bins values."""
        ...

    def grid(self, column: str, /) -> NDArray[Any]:
        """One column, (n_bins, 2 * radius + 1)."""
        ...


@dataclass(frozen=True, slots=True)
class Reads:
    """What a signal declares."""

    signal: str
    columns: tuple[str, ...]
    fields: tuple[str, ...]

    def refusal(self, kind: str, name: object) -> UndeclaredError:
        """The error of reading something else; `kind` is `columns` or `fields`."""
        declared = self.columns if kind == "columns" else self.fields
        return UndeclaredError(
            f"signal {self.signal!r} reads {name!r} without declaring it; its required_{kind} are "
            f"{', '.join(declared) or 'none'}: add it there"
        )


class Declared(dict[str, _V]):
    """The declared columns or fields by name. Any other name raises UndeclaredError, `get` included."""

    __slots__ = ("_kind", "_reads")

    def __init__(self, values: Mapping[str, _V], reads: Reads, kind: str) -> None:
        super().__init__(values)
        self._reads, self._kind = reads, kind

    def __missing__(self, name: object) -> _V:
        raise self._reads.refusal(self._kind, name)

    def get(self, name: str, default: object = None) -> _V:  # noqa: ARG002
        """The value; there is no default for what was not declared."""
        return self[name]


class DeclaredBin:
    """One closed bin as a signal sees it: `cells`, read-only rows by column, and `fields`, scalars by name."""

    __slots__ = ("cells", "fields", "reads")

    def __init__(self, reads: Reads, cells: Mapping[str, NDArray[Any]], fields: Mapping[str, Any]) -> None:
        self.reads = reads
        self.cells: Declared[NDArray[Any]] = Declared(cells, reads, "columns")
        self.fields: Declared[Any] = Declared(fields, reads, "fields")

    @classmethod
    def of(cls, bin: SignalBin, reads: Reads) -> DeclaredBin:
        """What `reads` declares of a bin; SignalError for a column or field that the bin lacks."""
        if isinstance(bin, DeclaredBin) and (bin.reads is reads or bin.reads == reads):
            return bin
        try:
            given = bin.cells
            cells = {name: _read_only(given[name]) for name in reads.columns}
            source = bin.fields if reads.fields else {}
            fields = {name: source[name] for name in reads.fields}
        except (KeyError, AttributeError) as error:
            raise SignalError(f"signal {reads.signal!r} needs {error} of every bin, which this one lacks") from None
        return cls(reads, cells, fields)


class SignalData:
    """A dataset as a signal sees it: its shape and the declared columns and fields, read-only and whole in memory.

    `grid(column)` is (n_bins, 2 * radius + 1), row i of a bin is k = i - radius; `field(name)` is (n_bins,), and `bins`
    is a table of all the declared fields. Whatever was not declared raises UndeclaredError.
    """

    __slots__ = ("_columns", "_fields", "context", "n_bins", "name", "reads")

    def __init__(
        self,
        reads: Reads,
        context: SignalContext,
        n_bins: int,
        columns: Mapping[str, NDArray[Any]],
        fields: Mapping[str, NDArray[Any]],
        name: str = "",
    ) -> None:
        self.reads = reads
        self.context = context
        self.n_bins = n_bins
        self.name = name
        self._columns = Declared({c: _read_only(columns[c]) for c in reads.columns}, reads, "columns")
        self._fields = Declared({f: _read_only(fields[f]) for f in reads.fields}, reads, "fields")

    @classmethod
    def of(cls, source: GridSource, reads: Reads) -> SignalData:
        """Read what `reads` declares of a dataset."""
        if isinstance(source, SignalData) and source.reads == reads:
            return source
        columns = {name: np.asarray(source.grid(name)) for name in reads.columns}
        bins = source.bins if reads.fields else {}
        try:
            fields = {name: np.asarray(bins[name]) for name in reads.fields}
        except (KeyError, pl.exceptions.ColumnNotFoundError) as error:
            raise SignalError(f"signal {reads.signal!r} reads a field that is not there: {error}") from None
        name = str(getattr(source, "dataset_id", ""))
        return cls(reads, source.context, source.n_bins, columns, fields, name)

    def grid(self, column: str) -> NDArray[Any]:
        """One declared column, (n_bins, 2 * radius + 1), of its own dtype; row i of a bin is k = i - radius."""
        return self._columns[column]

    def field(self, name: str) -> NDArray[Any]:
        """One declared per-bin field, (n_bins,), of its own dtype."""
        return self._fields[name]

    @property
    def bins(self) -> pl.DataFrame:
        """The declared per-bin fields as a table."""
        return pl.DataFrame(dict(self._fields))

    def __getattr__(self, name: str) -> Any:
        """What a whole dataset has and a signal does not get."""
        if name.startswith("__"):
            raise AttributeError(name)
        raise UndeclaredError(
            f"signal {self.reads.signal!r} reads {name!r} of the dataset: a signal gets `context`, `n_bins`, "
            "`grid(column)`, `field(name)` and `bins` of what it declares"
        )

    def part(self, start: int, stop: int) -> SignalData:
        """Bins `start` (inclusive) to `stop` (exclusive), copied: nothing of the others can be reached from them."""
        return self._with(stop - start, lambda array: array[start:stop].copy())

    def then(self, later: SignalData) -> SignalData:
        """These bins and after them those of `later`."""
        columns = {name: np.concatenate([array, later.grid(name)]) for name, array in self._columns.items()}
        fields = {name: np.concatenate([array, later.field(name)]) for name, array in self._fields.items()}
        return SignalData(self.reads, self.context, self.n_bins + later.n_bins, columns, fields, self.name)

    def picked(self, order: NDArray[np.int64]) -> SignalData:
        """The bins of the indices `order`, int64 (n,), in their order; one may come several times."""
        return self._with(len(order), lambda array: array[order])

    def scaled(self, factors: NDArray[np.float64]) -> SignalData:
        """Every column of real numbers times a factor of its bin, `factors` float64 (n_bins,)."""
        columns = {
            name: array * factors[:, np.newaxis] if array.dtype.kind == "f" else array
            for name, array in self._columns.items()
        }
        return SignalData(self.reads, self.context, self.n_bins, columns, self._fields, self.name)

    def steps(self) -> Iterator[DeclaredBin]:
        """Every bin, as a stepper gets it: copied, so that no other bin can be reached from it."""
        fields = {name: array.tolist() for name, array in self._fields.items()}
        for t in range(self.n_bins):
            columns = {name: array[t].copy() for name, array in self._columns.items()}
            for rows in columns.values():
                rows.setflags(write=False)
            yield DeclaredBin(self.reads, columns, {name: values[t] for name, values in fields.items()})

    def _with(self, n_bins: int, select: Any) -> SignalData:
        columns = {name: select(array) for name, array in self._columns.items()}
        fields = {name: select(array) for name, array in self._fields.items()}
        return SignalData(self.reads, self.context, n_bins, columns, fields, self.name)


def _read_only(array: NDArray[Any]) -> NDArray[Any]:
    view = np.asarray(array).view()
    view.setflags(write=False)
    return view
