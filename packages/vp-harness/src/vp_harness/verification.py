"""Checking everything a lake stores, to the last byte, and naming all that is wrong."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal, TypeAlias

import msgspec

from vp_book import CheckpointError
from vp_book.atomic import leftovers, remove_tree, sha256_file
from vp_book.checkpoint import verify_file
from vp_harness.configs import PathLike
from vp_harness.dataset import Dataset, list_datasets
from vp_harness.errors import VpHarnessError
from vp_harness.lake import Lake
from vp_harness.lineage import LineageIndex
from vp_harness.promotion import open_registry
from vp_harness.raw import SUFFIXES, RawFile, sidecar_of
from vp_harness.results import ResultsStore
from vp_registry import VpRegistryError

Kind: TypeAlias = Literal["raw file", "dataset", "checkpoint", "results", "serving", "frame log", "leftover"]
State: TypeAlias = Literal["whole", "damaged", "unfinished"]


@dataclass(frozen=True, slots=True)
class Finding:
    """What was found of one stored thing.

    `damaged` things are not what was written; `unfinished` is what a process left that died before it had finished:
    nothing reads it, and the next attempt makes it anew. `problem` says more of either.
    """

    kind: Kind
    name: str
    state: State = "whole"
    problem: str = ""


Check: TypeAlias = Callable[[Lake], Iterator[Finding]]
"""A check of one kind of thing, for `verify_lake`."""

_WORKING: Final = ("research", "cache", "raw")


def verify_lake(
    lake: Lake, *, config_root: PathLike | None = None, more: Iterable[Check] = (), clean: bool = False
) -> Iterator[Finding]:
    """Check raw files, checkpoints, datasets, results and published servings, and what `more` checks; one by one.

    Goes on after damage. With `clean` the leftovers of dead processes are removed once they were named.
    """
    checks: tuple[Check, ...] = (_raw_files, _checkpoints, _datasets, _results, *more)
    for check in checks:
        yield from check(lake)
    if lake.registry_path.is_file():
        yield from _servings(lake, config_root)
    yield from _leftovers(lake, clean)


def _raw_files(lake: Lake) -> Iterator[Finding]:
    for path in sorted((lake.root / "raw").rglob("*")):
        if path.name[0] == "." or not path.name.endswith(SUFFIXES):
            continue
        name = path.relative_to(lake.root).as_posix()
        try:
            recorded = msgspec.json.decode(sidecar_of(path).read_bytes(), type=RawFile)
            problem = "" if sha256_file(path) == recorded.sha256 else "its sha256 is not the one it was imported with"
        except FileNotFoundError:
            yield Finding("raw file", name, "unfinished", "no record of its import: import it again")
            continue
        except (msgspec.DecodeError, UnicodeError) as error:
            problem = f"{sidecar_of(path).name} cannot be read: {error}"
        yield Finding("raw file", name, "damaged" if problem else "whole", problem)


def _checkpoints(lake: Lake) -> Iterator[Finding]:
    for path in sorted(lake.book_cache_dir.glob("[!.]*.book")):
        try:
            verify_file(path)
        except CheckpointError as error:
            yield Finding("checkpoint", path.name, "damaged", str(error))
        else:
            yield Finding("checkpoint", path.name)


def _datasets(lake: Lake) -> Iterator[Finding]:
    for dataset_id in list_datasets(lake):
        try:
            Dataset.open(lake, dataset_id).verify()
        except VpHarnessError as error:
            yield Finding("dataset", dataset_id, "damaged", str(error))
        else:
            yield Finding("dataset", dataset_id)


def _results(lake: Lake) -> Iterator[Finding]:
    for name, problem in (*ResultsStore(lake).check_parts(), *LineageIndex(lake).check_parts()):
        yield Finding("results", name, "damaged" if problem else "whole", problem)


def _servings(lake: Lake, config_root: PathLike | None) -> Iterator[Finding]:
    with closing(open_registry(lake, config_root)) as registry:
        try:
            versions = registry.versions()
        except VpRegistryError as error:
            yield Finding("serving", lake.registry_path.name, "damaged", str(error))
            return
        for version in versions:
            try:
                registry.resolve(version.serving_id)
            except VpRegistryError as error:
                yield Finding("serving", version.serving_id, "damaged", str(error))
            else:
                yield Finding("serving", version.serving_id)


def _leftovers(lake: Lake, clean: bool) -> Iterator[Finding]:
    for directory in _directories(lake):
        for path in leftovers(directory):
            name = path.relative_to(lake.root).as_posix()
            if clean:
                remove_tree(path)
            done = "removed" if clean else "nothing reads it; removed by the next writer there, or with --clean"
            yield Finding("leftover", name, "unfinished", done)


def _directories(lake: Lake) -> Iterator[Path]:
    for name in _WORKING:
        top = lake.root / name
        if top.is_dir():
            yield top
            yield from (path for path in sorted(top.rglob("*")) if path.is_dir() and not path.is_symlink())
