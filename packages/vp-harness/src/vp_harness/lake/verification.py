"""Checking everything a lake stores, to the last byte, and naming all that is wrong or missing."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal, TypeAlias

import msgspec

from vp_book import VpBookError
from vp_book.atomic import leftovers, remove_tree, sha256_file
from vp_book.checkpoint import verify_file
from vp_contract import VERSIONS_DIR
from vp_harness.errors import FramesUnknownError, ResultsError, VpHarnessError
from vp_harness.execution.configs import PathLike
from vp_harness.execution.lineage import LineageIndex
from vp_harness.lake.anchors import check_anchor, check_recorded, check_runs
from vp_harness.lake.dataset import Dataset, list_datasets
from vp_harness.lake.frames import check_frames
from vp_harness.lake.ledger import Ledger, names_in
from vp_harness.lake.paths import Lake
from vp_harness.lake.raw import SUFFIXES, RawFile, sidecar_of
from vp_harness.lake.rests import Rests, missing_raw_files, of_this_lake, open_datasets, read_rests, version_files
from vp_harness.research.promotion import open_registry
from vp_harness.research.results import ResultsStore
from vp_registry import ServingFileMissingError, VpRegistryError

Kind: TypeAlias = Literal[
    "raw file", "dataset", "checkpoint", "results", "ledger", "registry", "serving", "frame log", "leftover"
]
State: TypeAlias = Literal["whole", "damaged", "missing", "unfinished"]
WRONG: Final[tuple[State, ...]] = ("damaged", "missing")
"""States that are no ordinary ones."""


@dataclass(frozen=True, slots=True)
class Finding:
    """What was found of one stored thing.

    `damaged` things are not what was written, `missing` ones are gone though something rests on them; `unfinished` is
    what a process left that died before it had finished: nothing reads it, and the next attempt makes it anew.
    `problem` says more of each.
    """

    kind: Kind
    name: str
    state: State = "whole"
    problem: str = ""


@dataclass(frozen=True, slots=True)
class DatasetProof:
    """What was found of a whole dataset: its `files` by digest, and how many in the ledger, runs and servings agree.

    `head` is the end of the chain of its `bins` frames, made anew of its tables; where that cannot be, `frames` says
    why.
    """

    dataset_id: str
    files: dict[str, str]
    bins: int
    in_ledger: int
    runs: int
    servings: int
    head: str
    frames: str


Check: TypeAlias = Callable[[Lake], Iterator[Finding]]
"""A check of one kind of thing, for `verify_lake`."""

_WORKING: Final = ("research", "cache", "raw")


def verify_lake(
    lake: Lake,
    *,
    config_root: PathLike | None = None,
    registry_url: str | None = None,
    more: Iterable[Check] = (),
    clean: bool = False,
    frames: bool = False,
) -> Iterator[Finding]:
    """Check raw files, checkpoints, datasets, results, the registry and its servings, and what `more` checks.

    Goes on after damage and after what cannot be read, and names what is gone though something rests on it. With
    `frames` the frames of every dataset are encoded anew, which takes as long as scoring it; else only those of
    datasets that nothing outside of them vouches for. With `clean` the leftovers of dead processes are removed once
    they were named. The registry is the one that `open_registry` opens with this URL.
    """
    rests = read_rests(lake, config_root, registry_url)
    yield from _guarded("raw file", "raw", _raw_files(lake))
    yield from _guarded("checkpoint", "cache/vp_book", _checkpoints(lake))
    yield from _guarded("dataset", "research/vp_immutable", _datasets(lake, rests, frames))
    yield from _guarded("results", "results", _results(lake, rests))
    for check in more:
        yield from _guarded("frame log", "cache/vp_stream", check(lake))
    found = _registry(lake, config_root, registry_url, rests, clean)
    yield from _guarded("registry", lake.registry_path.name, found)
    yield from _guarded("leftover", ".", _leftovers(lake, clean))


def verify_dataset(
    lake: Lake,
    dataset_id: str,
    *,
    config_root: PathLike | None = None,
    registry_url: str | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> DatasetProof:
    """Hold a dataset to its checksums, to all that has kept its digests, and its tables to the chain of its frames.

    Raises DatasetMissingError, or DatasetDamagedError (DatasetChangedError where it is only not the one that something
    was made with) naming the first file or bin that differs.
    """
    dataset = Dataset.open(lake, dataset_id)
    files = dataset.verify()
    in_ledger, runs, servings = _held(lake, dataset, read_rests(lake, config_root, registry_url))
    head, problem = "", ""
    try:
        head = check_frames(dataset, progress=progress)
    except FramesUnknownError as error:
        problem = str(error)
    return DatasetProof(dataset_id, files, dataset.n_bins, in_ledger, runs, servings, head, problem or "recomputed")


def _guarded(kind: Kind, name: str, findings: Iterator[Finding]) -> Iterator[Finding]:
    """The findings of a check; that it could not go on is one of them."""
    try:
        yield from findings
    except (OSError, VpBookError, VpHarnessError, VpRegistryError) as error:
        yield Finding(kind, name, "damaged", f"cannot be read: {error}")


def _raw_files(lake: Lake) -> Iterator[Finding]:
    there: set[str] = set()
    records: set[str] = set()
    unreadable: list[OSError] = []
    for directory, _, names in os.walk(lake.root / "raw", onerror=unreadable.append):
        for name in sorted(names):
            path = Path(directory) / name
            below = path.relative_to(lake.root).as_posix()
            if name[0] != "." and name.endswith(SUFFIXES):
                there.add(below)
                yield _raw_file(path, below)
            elif name.endswith(tuple(f"{suffix}.json" for suffix in SUFFIXES)):
                records.add(below.removesuffix(".json"))
    for error in unreadable:
        if not isinstance(error, FileNotFoundError):
            yield Finding("raw file", _below(lake, error.filename), "damaged", f"cannot be read: {error.strerror}")
    gone = dict.fromkeys(records - there, "the record of its import is there")
    for below, of in missing_raw_files(open_datasets(lake, list_datasets(lake)), there):
        gone[below] = f"{of} was made of it"
    for below, why in sorted(gone.items()):
        yield Finding("raw file", below, "missing", f"{why}: bring it back")


def _raw_file(path: Path, name: str) -> Finding:
    try:
        recorded = msgspec.json.decode(sidecar_of(path).read_bytes(), type=RawFile)
    except FileNotFoundError:
        return Finding("raw file", name, "unfinished", "no record of its import: import it again")
    except (msgspec.DecodeError, UnicodeError, OSError) as error:
        return Finding("raw file", name, "damaged", f"{sidecar_of(path).name} cannot be read: {error}")
    try:
        same = sha256_file(path) == recorded.sha256
    except OSError as error:
        return Finding("raw file", name, "damaged", f"cannot be read: {error.strerror}")
    return Finding("raw file", name) if same else _damaged("raw file", name, "its sha256 is not that of its import")


def _checkpoints(lake: Lake) -> Iterator[Finding]:
    for name in names_in(lake.book_cache_dir, ".book"):
        try:
            verify_file(lake.book_cache_dir / name)
        except (VpBookError, OSError) as error:
            yield _damaged("checkpoint", name, error)
        else:
            yield Finding("checkpoint", name)


def _datasets(lake: Lake, rests: Rests, frames: bool) -> Iterator[Finding]:
    names_in(lake.datasets_dir, "")  # says so if it cannot be read
    there = list_datasets(lake)
    for dataset_id in there:
        try:
            dataset = Dataset.open(lake, dataset_id)
            dataset.verify()
            vouched = any(_held(lake, dataset, rests))
            if frames or not vouched:
                check_frames(dataset)
        except FramesUnknownError:
            yield Finding("dataset", dataset_id)
        except (VpHarnessError, OSError) as error:
            yield _damaged("dataset", dataset_id, error)
        else:
            yield Finding("dataset", dataset_id)
    for dataset_id in rests.datasets():
        if dataset_id not in there:
            on_it = ", ".join(rests.on_dataset(dataset_id))
            yield Finding("dataset", dataset_id, "missing", f"{on_it} rest on it: bring it back, or generate it again")


def _held(lake: Lake, dataset: Dataset, rests: Rests) -> tuple[int, int, int]:
    """Hold a dataset to all that has kept its digests: how many entries of the ledger, runs and servings have.

    Raises DatasetChangedError. A ledger or results that cannot be read vouch for nothing here.
    """
    in_ledger = runs = 0
    try:
        in_ledger = check_recorded(lake, dataset)
        runs = check_runs(ResultsStore(lake), dataset)
    except ResultsError:
        pass
    servings = [s for s in rests.servings if s.source.dataset_id == dataset.dataset_id and s.source.dataset_files]
    for serving in servings:
        check_anchor(dataset, serving.source.dataset_files, anchor=f"serving {serving.serving_id}")
    return in_ledger, runs, len(servings)


def _results(lake: Lake, rests: Rests) -> Iterator[Finding]:
    store, lineage, ledger = ResultsStore(lake), LineageIndex(lake), Ledger(lake.ledger_dir)
    for name, problem in (*store.check_parts(), *lineage.check_parts()):
        yield _damaged("results", name, problem) if problem else Finding("results", name)
    for name, problem in ledger.check():
        yield _damaged("ledger", name, problem) if problem else Finding("ledger", name)
    for name in ledger.missing():
        yield Finding("ledger", name, "missing", "later entries name it: bring it back from a copy")
    for table in (store, lineage):
        try:
            for name, who in table.missing():
                yield Finding("results", name, "missing", f"{who}: bring it back from a copy")
        except ResultsError:
            continue  # named above
    stored = set(rests.runs["run_id"])
    for serving in rests.servings if rests.runs_are_known else ():
        run_id = serving.source.run_id
        # a serving without digests may have been published without research
        if run_id not in stored and serving.source.dataset_files:
            yield Finding("results", f"run {run_id}", "missing", f"serving {serving.serving_id} rests on it")


def _registry(
    lake: Lake, config_root: PathLike | None, registry_url: str | None, rests: Rests, clean: bool
) -> Iterator[Finding]:
    with closing(open_registry(lake, config_root, registry_url)) as registry:
        name = lake.registry_path.name
        for left in registry.leftovers(clean=clean):
            yield Finding("leftover", f"{VERSIONS_DIR}/{left}", "unfinished", _done(clean))
        if not registry.exists():
            published = [s.serving_id for s in version_files(config_root) if of_this_lake(lake, rests, s)]
            if published:
                why = f"{len(published)} servings of this lake were published, such as {published[0]}: bring it back"
                yield Finding("registry", name, "missing", why)
            return
        versions = registry.versions()  # what does not fit its chain is raised, and found by whoever called
        head = registry.head()
        yield Finding("registry", name, problem=f"{head.events} events, the last is {head.digest}")
        for version in versions:
            try:
                registry.resolve(version.serving_id)
            except ServingFileMissingError as error:
                yield Finding("serving", version.serving_id, "missing", str(error))
            except VpRegistryError as error:
                yield _damaged("serving", version.serving_id, error)
            else:
                yield Finding("serving", version.serving_id)
        for serving_id in registry.unlisted():
            why = "the registry does not list it: a promotion died, or it is of another lake; nothing serves it"
            yield Finding("serving", serving_id, "unfinished", why)


def _leftovers(lake: Lake, clean: bool) -> Iterator[Finding]:
    for directory in _directories(lake):
        for path in leftovers(directory):
            name = path.relative_to(lake.root).as_posix()
            if clean:
                remove_tree(path)
            yield Finding("leftover", name, "unfinished", _done(clean))


def _done(clean: bool) -> str:
    return "removed" if clean else "nothing reads it; the next writer there removes it, or verification with clean"


def _directories(lake: Lake) -> Iterator[Path]:
    for name in _WORKING:
        top = lake.root / name
        if top.is_dir():
            yield top
            yield from (path for path in sorted(top.rglob("*")) if path.is_dir() and not path.is_symlink())


def _damaged(kind: Kind, name: str, problem: object) -> Finding:
    return Finding(kind, name, "damaged", str(problem))


def _below(lake: Lake, path: str) -> str:
    try:
        return Path(path).relative_to(lake.root).as_posix()
    except ValueError:
        return Path(path).name
