"""A table made of immutable Parquet part files in one directory, appended to by any number of processes.

A part is written beside and renamed in. Its name ends in the SHA-256 of its bytes, so that a changed or rotten part is
recognised by its name alone.
"""

from __future__ import annotations

import hashlib
import io
import threading
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

import polars as pl

from vp_book.atomic import write_file
from vp_harness.errors import ResultsError
from vp_harness.lake.ledger import names_in

Schema = Mapping[str, pl.DataType]

_SUFFIX: Final = ".parquet"
PART: Final = "part_file"
"""Column added on reading: the stem under which a part was appended."""

_KEPT_BYTES: Final = 128 * 2**20
"""What an instance keeps of the parts that it has read."""


class PartTable:
    """The parts of one directory. Parts never change, so what was read of them is kept while there is room."""

    def __init__(self, directory: Path, schema: Schema, defaults: Mapping[str, object] | None = None) -> None:
        """`defaults` are the values of columns that parts of an earlier version do not have."""
        self.directory = directory
        self.schema = pl.Schema(schema)
        self._defaults = dict(defaults or {})
        self._kept: dict[str, tuple[pl.DataFrame, int]] = {}  # with its bytes; the first was read before the others
        self._kept_bytes = 0
        self._keeping = threading.Lock()

    def append(self, stem: str, frame: pl.DataFrame) -> None:
        """Add `frame` as one part; `stem` ties together the parts that several tables get in one append."""
        buffer = io.BytesIO()
        frame.select(self.schema.names()).cast(self.schema).write_parquet(buffer, compression="zstd", statistics=False)
        data = buffer.getbuffer()  # a part may be large: it is not copied
        write_file(
            self.directory / f"{stem}.{_digest(data)}{_SUFFIX}", lambda path: path.write_bytes(data), read_only=True
        )

    def check_all(self) -> Iterator[tuple[str, str]]:
        """Read every part again: (its table and name, what is wrong with it or an empty text)."""
        try:
            names = self.names()
        except ResultsError as error:
            yield self.directory.name, str(error)
            return
        for name in names:
            problem = ""
            try:
                self._load(name)
            except (ResultsError, OSError) as error:
                problem = str(error)
            yield f"{self.directory.name}/{name}", problem

    def names(self) -> list[str]:
        """File names of the parts, sorted. Raises ResultsError when the directory cannot be read."""
        return names_in(self.directory, _SUFFIX)

    def entries(self) -> list[str]:
        """The same as the ledger names them: `table/name`."""
        return [f"{self.directory.name}/{name}" for name in self.names()]

    def read(
        self,
        columns: Sequence[str] = (),
        *,
        stems: Collection[str] | None = None,
        keep: Mapping[str, pl.Expr] | None = None,
    ) -> pl.DataFrame:
        """All parts in order of their names, or those of some stems, with the column `PART`.

        With `columns` these alone are read, which takes as much memory as they do. `keep` is, by stem, which rows of a
        part are wanted, and takes no more than these; it may name columns that are read. Raises ResultsError naming the
        part whose bytes are not those its name promises.
        """
        parts = list(self._parts(columns, stems, keep, once=False))
        return pl.concat(parts) if parts else self._none(columns)

    def read_each(
        self,
        columns: Sequence[str] = (),
        *,
        stems: Collection[str] | None = None,
        keep: Mapping[str, pl.Expr] | None = None,
    ) -> Iterator[pl.DataFrame]:
        """What `read` gives, part by part, for one who goes through large ones once: none of it is kept."""
        return self._parts(columns, stems, keep, once=True)

    def _parts(
        self,
        columns: Sequence[str],
        stems: Collection[str] | None,
        keep: Mapping[str, pl.Expr] | None,
        *,
        once: bool,
    ) -> Iterator[pl.DataFrame]:
        wanted = tuple(columns) or tuple(self.schema.names())
        if keep is not None:
            stems = keep.keys()
        for name in self.names():
            stem = _stem(name)
            if stems is None or stem in stems:
                part = self._part(name, wanted, once=once)
                yield part if keep is None else part.filter(keep[stem])

    def forget(self) -> None:
        """Keep nothing of the parts that were read. They are read again when they are wanted."""
        with self._keeping:
            self._kept.clear()
            self._kept_bytes = 0

    def _none(self, columns: Sequence[str]) -> pl.DataFrame:
        """What is read where there is no part."""
        wanted = tuple(columns) or tuple(self.schema.names())
        return pl.DataFrame(schema={**{column: self.schema[column] for column in wanted}, PART: pl.String()})

    def _part(self, name: str, columns: tuple[str, ...], *, once: bool) -> pl.DataFrame:
        """Some columns of a part, with its stem; what is read `once` is not kept."""
        with self._keeping:
            frame, size = self._kept.get(name, (None, 0))
        if once and (frame is None or not set(columns) <= set(frame.columns)):
            frame = self._load(name, columns)
        elif frame is None or not set(columns) <= set(frame.columns):
            others = () if frame is None else tuple(column for column in frame.columns if column not in columns)
            frame = self._load(name, (*columns, *others))
            with self._keeping:
                self._kept_bytes -= self._kept.pop(name, (None, 0))[1]
                size = int(frame.estimated_size())
                self._kept[name] = frame, size
                self._kept_bytes += size
                while self._kept_bytes > _KEPT_BYTES:
                    oldest = next(iter(self._kept))
                    self._kept_bytes -= self._kept.pop(oldest)[1]
        return frame.select(columns).with_columns(pl.lit(_stem(name)).alias(PART))

    def _load(self, name: str, columns: Sequence[str] = ()) -> pl.DataFrame:
        """A part, or some of its columns."""
        path = self.directory / name
        data = path.read_bytes()
        if _digest(data) != name.removesuffix(_SUFFIX).rpartition(".")[2]:
            raise ResultsError(f"{path} is damaged: its content is not what its name promises; restore or remove it")
        there = pl.read_parquet_schema(io.BytesIO(data))
        lacks = [column for column in self._defaults if column not in there]
        if {**there, **{column: self.schema[column] for column in lacks}} != dict(self.schema):
            raise ResultsError(
                f"{path} was written by another version: it has columns {list(there)}, "
                f"this version reads {self.schema.names()}"
            )
        wanted = tuple(columns) or tuple(self.schema.names())
        frame = pl.read_parquet(io.BytesIO(data), columns=[column for column in wanted if column in there])
        added = {column: pl.lit(self._defaults[column], self.schema[column]) for column in wanted if column in lacks}
        return frame.with_columns(**added).select(wanted)


def _stem(name: str) -> str:
    """The stem that a part was appended under, of its file's name."""
    return name.removesuffix(_SUFFIX).rpartition(".")[0]


def _digest(data: bytes | memoryview) -> str:
    return hashlib.sha256(data).hexdigest()[:32]
