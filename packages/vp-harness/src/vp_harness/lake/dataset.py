"""Reading immutable datasets."""

from __future__ import annotations

import hashlib
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import Any, Final

import msgspec
import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from vp_book.atomic import sha256_file
from vp_contract import MARKS, grid_columns
from vp_harness.columns import numpy_of
from vp_harness.errors import DatasetDamagedError, DatasetMissingError, FillsUnknownError, ParameterError
from vp_harness.execution.writer import without_marks
from vp_harness.lake.manifest import Manifest, canonical_json, read_manifest
from vp_harness.lake.paths import LakeLike, open_lake
from vp_harness.passive.table import FILL_COLUMNS, PassiveFills, passive_fills, stated_max_wait
from vp_harness.signals.context import SignalContext

BINS_FILE: Final = "bins.parquet"
GRID_FILE: Final = "grid_clean.parquet"
FILLS_FILE: Final = "fills.parquet"
MANIFEST_FILE: Final = "manifest.json"
CHECKSUMS_FILE: Final = "checksums.json"

_CELLS_AT_ONCE: Final = 2**17
"""Stored cells that are read at once, where all of a column is asked for."""
_SETTLED_NS: Final = 2_000_000_000
"""File systems keep times by ticks of up to two seconds: the write after the one just now may have the same time."""
_compared: Final[dict[Path, tuple[str, tuple[int, ...]]]] = {}
"""Files that this process has compared with their checksums: the checksum, and the state each file was in."""

_ID: Final = re.compile(r"[a-z0-9][a-z0-9_.\-]*__[a-z0-9_]+__[0-9a-f]{8}")


class Dataset:
    """One immutable dataset. Files are read when they are first asked for, and only after their checksum was found
    right.

    `manifest` is what `generate` recorded, as JSON has it: see `manifest.Manifest`. `config` is the resolved config of
    it, `sources` the raw files it was made of and what of them was taken.
    """

    def __init__(self, path: Path, checksums: dict[str, str], manifest: Manifest) -> None:
        self.path = path
        self.manifest: dict[str, Any] = msgspec.to_builtins(manifest)
        self.config = manifest.config
        self.sources = manifest.sources
        self._checksums = checksums
        self._checked: set[str] = {MANIFEST_FILE}

    @classmethod
    def open(cls, lake_root: LakeLike, dataset_id: str) -> Dataset:
        """Open a dataset by its id.

        Raises DatasetMissingError listing the datasets there are, or DatasetDamagedError naming the file that is
        missing or not what it was.
        """
        lake = open_lake(lake_root)
        path = lake.dataset_dir(dataset_id)
        if not path.is_dir():
            there = list_datasets(lake)
            raise DatasetMissingError(
                f"no dataset {dataset_id!r} in {lake.datasets_dir}; it has {', '.join(there) or 'none'}: "
                "make one with `vp generate PIPELINE`"
            )
        checksums = _checksums(path / CHECKSUMS_FILE)
        manifest_path = path / MANIFEST_FILE
        _check(manifest_path, checksums[MANIFEST_FILE])
        manifest = read_manifest(manifest_path, dataset_id)
        if checksums.get(FILLS_FILE) != (None if manifest.passive is None else manifest.passive.sha256):
            raise DatasetDamagedError(
                f"{path / CHECKSUMS_FILE} is damaged: of {FILLS_FILE} it says something else than {MANIFEST_FILE}"
            )
        return cls(path, checksums, manifest)

    def __repr__(self) -> str:
        return f"Dataset({self.dataset_id!r}, {self.n_bins} bins)"

    @property
    def dataset_id(self) -> str:
        """The id, which is also the name of its directory."""
        return self.path.name

    @property
    def checksums(self) -> dict[str, str]:
        """SHA-256 of its files by name, as its own list has them."""
        return dict(self._checksums)

    def read(self, name: str) -> bytes:
        """The bytes of one of its files. Raises DatasetDamagedError unless they are those of its checksum."""
        path = self.path / name
        try:
            data = path.read_bytes()
        except OSError as error:
            raise DatasetDamagedError(f"{path} cannot be read: {error.strerror or error}") from error
        if hashlib.sha256(data).hexdigest() != self._checksums[name]:
            raise DatasetDamagedError(f"{path} is damaged: it is not what {CHECKSUMS_FILE} says")
        return data

    @property
    def n_bins(self) -> int:
        """Bins, empty ones included."""
        return int(self.manifest["counts"]["bins"])

    @property
    def context(self) -> SignalContext:
        """The shape of the grid, as signals take it."""
        config = self.config
        return SignalContext(config.grid_radius_ticks, config.cell_width_ms, config.cell_int, config.tick_int)

    @property
    def sound(self) -> bool:
        """Whether nothing speaks against the numbers: see `unsound_reasons`."""
        return not self.unsound_reasons

    @property
    def unsound_reasons(self) -> tuple[str, ...]:
        """What speaks against the numbers, in words: what the replay's integrity certificate says, and damage.

        A dataset of a format that did not check whether its files cover the capture is unsound for that.
        """
        certificate = self.manifest["certificate"]
        reasons = list(certificate.get("reasons", ()))
        if not certificate["ok"] and not reasons:
            reasons.append("the integrity certificate of its replay does not hold")
        if self.manifest["damaged"] is not None and certificate["ok"]:
            reasons.append(f"its raw file is damaged: {self.manifest['damaged']}")
        if "coverage" not in certificate:
            reasons.append("it was made by a version that did not check whether the raw file covers the capture")
        return tuple(reasons)

    @cached_property
    def bins(self) -> pl.DataFrame:
        """One row a bin with the per-bin fields, in order of `bin_seq`."""
        path = self._file(BINS_FILE)
        try:
            return pl.read_parquet(path)
        except pl.exceptions.PolarsError as error:
            raise DatasetDamagedError(f"{path} cannot be read: {error}") from error

    @property
    def has_marks(self) -> bool:
        """Whether its bins have a list `marks`; those of a dataset of an earlier version do not."""
        return MARKS in self.bins.columns

    def marks(self) -> pl.Series | None:
        """The marks of every bin, a list of structs with the members of `MARK_COLUMNS`, without reading the rest of the
        bins; None where `has_marks` is false.
        """
        path = self._file(BINS_FILE)
        try:
            return pl.read_parquet(path, columns=[MARKS])[MARKS] if MARKS in pl.read_parquet_schema(path) else None
        except (pl.exceptions.PolarsError, OSError) as error:
            raise DatasetDamagedError(f"{path} cannot be read: {error}") from error

    def has_bins_of(self, digest: str) -> bool:
        """Whether a SHA-256 is that of its `bins.parquet`, or what that would have without marks: a dataset of an
        earlier version may have been made again by this one.
        """
        if digest == self._checksums[BINS_FILE]:
            return True
        try:
            return self.has_marks and digest == hashlib.sha256(without_marks(self._file(BINS_FILE))).hexdigest()
        except (DatasetDamagedError, pa.ArrowException, ValueError, OSError):
            return False

    @property
    def has_fills(self) -> bool:
        """Whether it says what became of passive orders; one of an earlier version does not."""
        return FILLS_FILE in self._checksums

    @cached_property
    def fills(self) -> pl.DataFrame:
        """One row for each passive order, two a bin with a valid book, in order of `bin_seq`, the bid first.

        A one-lot order joins each side of the touch at the end of every bin, without effect on the market:

            bin_seq  side  price_int  ahead  wait_bins  how  quote_through_bins  move_1s_ticks  move_5s_ticks

        `wait_bins` is null where it was not filled. See `passive.table.FILL_COLUMNS`. Raises FillsUnknownError for a
        dataset that has none.
        """
        path = self._fills_file()
        try:
            table = pl.read_parquet(path)
        except pl.exceptions.PolarsError as error:
            raise DatasetDamagedError(f"{path} cannot be read: {error}") from error
        if table.columns != [column.name for column in FILL_COLUMNS]:
            raise DatasetDamagedError(f"{path} was written by another version: it has columns {table.columns}")
        return table

    @cached_property
    def passive_fills(self) -> PassiveFills:
        """The same as arrays of shape (2, bins), as evaluations take them. Raises what `fills` raises."""
        table, path = self.fills, self._fills_file()
        try:
            return passive_fills(table, stated_max_wait(path), self.n_bins)
        except (ArithmeticError, LookupError, ValueError, pa.ArrowException, OSError) as error:
            raise DatasetDamagedError(f"{path} cannot be read: {error}") from error

    @cached_property
    def columns(self) -> tuple[str, ...]:
        """Names that `grid` takes: those of the table of columns that the dataset has.

        A dataset that was made under an earlier minor version of the contract lacks what was added since.
        """
        path = self._file(GRID_FILE)
        try:
            there = set(pq.read_schema(path).names)
        except (pa.ArrowException, OSError) as error:
            raise DatasetDamagedError(f"{path} cannot be read: {error}") from error
        return tuple(
            column.name
            for column in grid_columns(self.config.projection_horizons_ms)
            if column.name != "k" and column.name in there
        )

    def scan_bins(self) -> pl.LazyFrame:
        """The per-bin fields, lazily: only the columns and row groups a query needs are read."""
        return pl.scan_parquet(self._file(BINS_FILE))

    def scan_grid(self) -> pl.LazyFrame:
        """The stored cells, one row each with `bin_seq` and `k`, sorted by both; lazily. Absent cells are all zero."""
        return pl.scan_parquet(self._file(GRID_FILE))

    def grid(self, column: str, start: int = 0, stop: int | None = None) -> NDArray[Any]:
        """One cell column as a dense array (bins, 2 * radius + 1) of its own dtype; row i of a bin is k = i - radius.

        The bins are `start` (inclusive) to `stop` (exclusive), by default all. Cells that are not stored are 0. Of a
        range only its row groups are read. Raises ParameterError for a column or a range there is not.

            scores = dataset.grid("flow_score", 0, 600)  # float64 (600, 101), from -1 to 1
        """
        if column not in self.columns:
            raise ParameterError(f"column={column!r}: is not in the grid; it has: {', '.join(self.columns)}")
        last = self.n_bins if stop is None else stop
        if not 0 <= start <= last <= self.n_bins:
            raise ParameterError(f"bins={start}:{stop}: must be in order, from 0 to {self.n_bins}")
        rows = self.config.grid_rows
        dense: NDArray[Any]
        if (start, last) == (0, self.n_bins):
            places, done = self._places, 0
            with self._grid_file() as file:
                dense = np.zeros(last * rows, numpy_of(pa.nulls(0, file.schema_arrow.field(column).type)).dtype)
                for batch in file.iter_batches(_CELLS_AT_ONCE, columns=[column]):  # whole, it would be held twice
                    end = done + batch.num_rows
                    dense[slice(done, end) if places is None else places[done:end]] = numpy_of(batch[column])
                    done = end
        else:
            wanted = self.scan_grid().filter(pl.col("bin_seq").is_between(start, last, closed="left"))
            cells = wanted.select("bin_seq", "k", column).collect()
            places = self._places_of(cells["bin_seq"].to_numpy() - start, cells["k"].to_numpy())
            stored = cells[column].to_numpy()
            dense = np.zeros((last - start) * rows, stored.dtype)
            dense[places] = stored
        return dense.reshape(last - start, rows)

    def verify(self) -> dict[str, str]:
        """Recompute every checksum; returns them by file name.

        Raises DatasetDamagedError naming the first file that is missing, changed, or does not belong there.
        """
        self.check_names()
        for name, digest in self._checksums.items():
            _check(self.path / name, digest)
        return dict(self._checksums)

    def compare(self) -> None:
        """The same for whoever goes on to use the dataset: a file that this process has found right, and that nobody
        has written to since, is not read again.
        """
        self.check_names()
        for name in self._checksums:
            self._file(name)

    def check_names(self) -> None:
        """Look whether the files of the dataset, and no others, are there. Raises DatasetDamagedError naming one."""
        there, expected = {path.name for path in self.path.iterdir()}, {*self._checksums, CHECKSUMS_FILE}
        for name in sorted(expected - there):
            raise DatasetDamagedError(f"{self.path / name} is missing: the dataset is not whole")
        for name in sorted(there - expected):
            raise DatasetDamagedError(f"{self.path / name} does not belong to the dataset")

    @cached_property
    def _places(self) -> NDArray[np.int64] | None:
        """Where each stored cell goes in a flattened dense grid; None where none is absent, so that row i goes to i."""
        done = 0
        with self._grid_file() as file:
            places = np.empty(file.metadata.num_rows, np.int64)
            for batch in file.iter_batches(_CELLS_AT_ONCE, columns=["bin_seq", "k"]):
                found = self._places_of(numpy_of(batch["bin_seq"]), numpy_of(batch["k"]))
                places[done : done + len(found)] = found
                done += len(found)
        return None if np.array_equal(places, np.arange(len(places))) else places

    def _places_of(self, bins: NDArray[Any], k: NDArray[Any]) -> NDArray[np.int64]:
        places: NDArray[np.int64] = bins * self.config.grid_rows + (k + self.config.grid_radius_ticks)
        return places

    @contextmanager
    def _grid_file(self) -> Iterator[pq.ParquetFile]:
        path = self._file(GRID_FILE)
        try:
            with pq.ParquetFile(path) as file:
                yield file
        except (pa.ArrowException, OSError) as error:
            raise DatasetDamagedError(f"{path} cannot be read: {error}") from error

    def _fills_file(self) -> Path:
        if not self.has_fills:
            raise FillsUnknownError(
                f"dataset {self.dataset_id} has no {FILLS_FILE}: it was made by a version that did not follow passive "
                "orders; move its directory away and generate it again, which leaves runs and servings of it valid"
            )
        return self._file(FILLS_FILE)

    def _file(self, name: str) -> Path:
        """The path of a file whose content was compared with its checksum once."""
        path = self.path / name
        if name not in self._checked:
            if _compared.get(path) != (self._checksums[name], _state_of(path)):
                _check(path, self._checksums[name])
            self._checked.add(name)
        return path


def list_datasets(lake_root: LakeLike) -> list[str]:
    """Ids of the datasets in a lake, sorted."""
    directory: Path = open_lake(lake_root).datasets_dir
    try:
        there = list(directory.iterdir())
    except FileNotFoundError:
        return []
    return sorted(path.name for path in there if _ID.fullmatch(path.name) and path.is_dir())


def _checksums(path: Path) -> dict[str, str]:
    try:
        data = path.read_bytes()
        checksums = msgspec.json.decode(data, type=dict[str, str])
    except FileNotFoundError:
        raise DatasetDamagedError(f"{path} is missing: the dataset is not whole") from None
    except OSError as error:
        raise DatasetDamagedError(f"{path} cannot be read: {error.strerror or error}") from error
    except (msgspec.DecodeError, UnicodeError) as error:
        raise DatasetDamagedError(f"{path} is damaged: {error}") from None
    if set(checksums) - {FILLS_FILE} != {BINS_FILE, GRID_FILE, MANIFEST_FILE} or canonical_json(checksums) != data:
        raise DatasetDamagedError(f"{path} is damaged: it is not the list of the dataset's files")
    return checksums


def _state_of(path: Path) -> tuple[int, ...] | None:
    """What changes when anybody writes to a file; None for a file that is not there."""
    try:
        stat = path.stat()
    except OSError:
        return None
    return stat.st_dev, stat.st_ino, stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns


def _check(path: Path, digest: str) -> None:
    """Compare a file with its checksum."""
    state = _state_of(path)
    try:
        found = sha256_file(path)
    except FileNotFoundError:
        raise DatasetDamagedError(f"{path} is missing: the dataset is not whole") from None
    except OSError as error:
        raise DatasetDamagedError(f"{path} cannot be read: {error.strerror or error}") from error
    if found != digest:
        raise DatasetDamagedError(f"{path} is damaged: its sha256 is {found}, {CHECKSUMS_FILE} says {digest}")
    if state is not None and time.time_ns() - max(state[-2:]) > _SETTLED_NS:
        _compared[path] = (digest, state)
