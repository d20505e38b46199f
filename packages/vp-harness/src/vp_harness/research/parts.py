"""A table made of immutable Parquet part files in one directory, appended to by any number of processes.

A part is written beside and renamed in. Its name ends in the SHA-256 of its bytes, so that a changed or rotten part is
recognised by its name alone.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterator, Mapping
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


class PartTable:
    """The parts of one directory. Parts never change, so each is read and checked once an instance."""

    def __init__(self, directory: Path, schema: Schema, defaults: Mapping[str, object] | None = None) -> None:
        """`defaults` are the values of columns that parts of an earlier version do not have."""
        self.directory = directory
        self.schema = pl.Schema(schema)
        self._defaults = dict(defaults or {})
        self._read: dict[str, pl.DataFrame] = {}

    def append(self, stem: str, frame: pl.DataFrame) -> None:
        """Add `frame` as one part; `stem` ties together the parts that several tables get in one append."""
        buffer = io.BytesIO()
        frame.select(self.schema.names()).cast(self.schema).write_parquet(buffer, compression="zstd", statistics=False)
        data = buffer.getvalue()
        write_file(self.directory / f"{stem}.{_digest(data)}{_SUFFIX}", data, read_only=True)

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

    def read(self) -> pl.DataFrame:
        """All parts in order of their names, with the column `PART`.

        Raises ResultsError naming the part whose bytes are not those its name promises.
        """
        names = self.names()
        for name in names:
            if name not in self._read:
                self._read[name] = self._load(name)
        if not names:
            return pl.DataFrame(schema={**self.schema, PART: pl.String()})
        return pl.concat([self._read[name] for name in names])

    def _load(self, name: str) -> pl.DataFrame:
        path = self.directory / name
        stem, _, digest = name.removesuffix(_SUFFIX).rpartition(".")
        data = path.read_bytes()
        if _digest(data) != digest:
            raise ResultsError(f"{path} is damaged: its content is not what its name promises; restore or remove it")
        frame = pl.read_parquet(io.BytesIO(data))
        lacks = [name for name in self._defaults if name not in frame.columns]
        if lacks and {*frame.columns, *lacks} == set(self.schema):
            frame = frame.with_columns(pl.lit(self._defaults[name], self.schema[name]).alias(name) for name in lacks)
            frame = frame.select(self.schema.names())
        if frame.schema != self.schema:
            raise ResultsError(
                f"{path} was written by another version: it has columns {frame.columns}, "
                f"this version reads {self.schema.names()}"
            )
        return frame.with_columns(pl.lit(stem).alias(PART))


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()[:32]
