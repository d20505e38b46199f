"""What datasets a lake has, in what state, where they come from and what rests on them."""

from __future__ import annotations

from contextlib import closing
from typing import Literal, NamedTuple

import msgspec

from vp_book.atomic import leftovers
from vp_harness.errors import DatasetError, ResultsError
from vp_harness.execution.configs import PathLike
from vp_harness.execution.lineage import LineageIndex
from vp_harness.lake.dataset import Dataset, list_datasets
from vp_harness.lake.paths import Lake
from vp_harness.research.promotion import open_registry
from vp_harness.research.records import OF_DATASETS, runs_by_dataset
from vp_harness.research.results import ResultsStore
from vp_registry import VpRegistryError


class DatasetOverview(msgspec.Struct, frozen=True, kw_only=True):
    """One dataset. `status` is

    `whole`; `unsound`: whole, but something speaks against its numbers (`problem` says what); `damaged`: a file is
    missing or is not what was written; `unfinished`: what a process left that died. `source` is the raw file and
    `source_sha256` its hash, of several with commas between; `campaigns` asked for the dataset, `runs` were judged on
    it and `aliases` serve one of those.
    """

    dataset_id: str
    status: Literal["whole", "unsound", "damaged", "unfinished"]
    size_bytes: int
    pipeline: str = ""
    bins: int = 0
    source: str = ""
    source_sha256: str = ""
    created_utc: str = ""
    campaigns: tuple[str, ...] = ()
    runs: int = 0
    aliases: tuple[str, ...] = ()
    problem: str = ""


class Overview(NamedTuple):
    """The datasets, sorted by id, then what is unfinished; and what keeps part of their lineage from being read."""

    datasets: list[DatasetOverview]
    problems: list[str]


def overview(
    lake: Lake, *, config_root: PathLike | None = None, registry_url: str | None = None, verify: bool = False
) -> Overview:
    """Every dataset of a lake and what is left of unfinished ones.

    Manifests and the presence of every file are checked, with `verify` every byte. Damage of anything is reported, and
    keeps nothing else from being listed. Aliases are those of the registry at `registry_url`, as in `open_registry`.
    """
    problems: list[str] = []
    campaigns: dict[str, list[str]] = {}
    runs: dict[str, int] = {}
    aliases: dict[str, list[str]] = {}
    try:
        for row in LineageIndex(lake).read().iter_rows(named=True):
            campaigns.setdefault(row["dataset_id"], []).append(row["campaign"])
    except ResultsError as error:
        problems.append(f"campaigns are not shown: {error}")
    try:
        counted = runs_by_dataset(ResultsStore(lake).runs(OF_DATASETS)).group_by("dataset_id").len()
        runs = dict(zip(counted["dataset_id"], counted["len"], strict=True))
    except ResultsError as error:
        problems.append(f"runs are not shown: {error}")
    try:
        aliases = _aliases(lake, config_root, registry_url)
    except VpRegistryError as error:
        problems.append(f"aliases are not shown: {error}")
    found = [
        _described(
            lake,
            dataset_id,
            verify,
            tuple(dict.fromkeys(campaigns.get(dataset_id, ()))),
            runs.get(dataset_id, 0),
            tuple(aliases.get(dataset_id, ())),
        )
        for dataset_id in list_datasets(lake)
    ]
    for path in leftovers(lake.datasets_dir):
        size = sum(file.stat().st_size for file in path.rglob("*") if file.is_file())
        found.append(DatasetOverview(dataset_id=path.name, status="unfinished", size_bytes=size))
    return Overview(found, problems)


def _described(
    lake: Lake, dataset_id: str, verify: bool, campaigns: tuple[str, ...], runs: int, aliases: tuple[str, ...]
) -> DatasetOverview:
    directory = lake.dataset_dir(dataset_id)
    size = sum(path.stat().st_size for path in directory.iterdir() if path.is_file())
    try:
        dataset = Dataset.open(lake, dataset_id)
        dataset.verify() if verify else dataset.check_names()
    except DatasetError as error:
        return DatasetOverview(
            dataset_id=dataset_id,
            status="damaged",
            size_bytes=size,
            campaigns=campaigns,
            runs=runs,
            aliases=aliases,
            problem=str(error),
        )
    return DatasetOverview(
        dataset_id=dataset_id,
        status="whole" if dataset.sound else "unsound",
        size_bytes=size,
        pipeline=dataset.config.pipeline,
        bins=dataset.n_bins,
        source=", ".join(file["name"] for file in dataset.manifest["sources"]["files"]),
        source_sha256=", ".join(file["sha256"] for file in dataset.manifest["sources"]["files"]),
        created_utc=dataset.manifest["created_utc"],
        problem="; ".join(dataset.unsound_reasons),
        campaigns=campaigns,
        runs=runs,
        aliases=aliases,
    )


def _aliases(lake: Lake, config_root: PathLike | None, registry_url: str | None) -> dict[str, list[str]]:
    """Aliases by the dataset that what they serve was judged on; those that cannot be resolved are left out."""
    found: dict[str, list[str]] = {}
    with closing(open_registry(lake, config_root, registry_url)) as registry:
        if not registry.exists():
            return found
        for entry in registry.aliases():
            try:
                served = registry.resolve(entry.alias)
            except VpRegistryError:
                continue  # `vp verify lake` says what is wrong with it
            found.setdefault(served.spec.source.dataset_id, []).append(entry.alias)
    return found
