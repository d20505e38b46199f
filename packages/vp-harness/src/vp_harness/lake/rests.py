"""What of a lake rests on what: the runs and servings behind each dataset, the datasets behind each raw file."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import closing, suppress
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any, Final

import polars as pl

from vp_contract import VERSIONS_DIR, PublishedServing, SpecError, parse_published
from vp_harness.errors import ResultsError, VpHarnessError
from vp_harness.execution import configs
from vp_harness.execution.configs import PathLike
from vp_harness.execution.lineage import LineageIndex
from vp_harness.lake.dataset import Dataset, list_datasets
from vp_harness.lake.ledger import names_in
from vp_harness.lake.paths import Lake
from vp_harness.research.promotion import open_registry
from vp_harness.research.records import OF_DATASETS, runs_by_dataset
from vp_harness.research.results import ResultsStore
from vp_registry import VpRegistryError

_NAMED: Final = 3


@dataclass(slots=True)
class Rests:
    """Everything of a lake that names something else. What cannot be read is in no list: its own check names it."""

    runs: pl.DataFrame
    """`run_id`, `dataset_id` and `dataset_files_json` of the stored runs."""
    servings: list[PublishedServing] = field(default_factory=list)
    campaigns: dict[str, list[str]] = field(default_factory=dict)
    """Names of campaigns by dataset."""
    runs_are_known: bool = False

    def on_dataset(self, dataset_id: str) -> list[str]:
        """In words, what rests on a dataset."""
        runs = self.runs.filter(pl.col("dataset_id") == dataset_id)["run_id"].sort().to_list()
        servings = [serving.serving_id for serving in self.servings if serving.source.dataset_id == dataset_id]
        return [
            *_counted("run", runs),
            *_counted("serving", servings),
            *_counted("campaign", self.campaigns.get(dataset_id, [])),
        ]

    def datasets(self) -> list[str]:
        """Ids of the datasets that something rests on."""
        named = {*self.runs["dataset_id"], *(serving.source.dataset_id for serving in self.servings), *self.campaigns}
        return sorted(named)


def read_rests(lake: Lake, config_root: PathLike | None, registry_url: str | None = None) -> Rests:
    """Read what there is, leaving out what cannot be read."""
    rests = Rests(pl.DataFrame(schema={name: pl.String() for name in ("run_id", "dataset_id", "dataset_files_json")}))
    with suppress(ResultsError, OSError):
        rests.runs = runs_by_dataset(ResultsStore(lake).runs(OF_DATASETS))
        rests.runs_are_known = True
    with suppress(ResultsError, OSError):
        for row in LineageIndex(lake).read().iter_rows(named=True):
            rests.campaigns.setdefault(row["dataset_id"], []).append(row["campaign"])
    rests.servings = list(_servings(lake, config_root, registry_url))
    return rests


def version_files(config_root: PathLike | None) -> list[PublishedServing]:
    """The published servings whose files can be read, whatever a registry says of them."""
    directory = configs.config_root(config_root) / VERSIONS_DIR
    found = []
    try:
        names = names_in(directory, ".yaml")
    except ResultsError:
        return []
    for name in names:
        try:
            found.append(parse_published((directory / name).read_bytes(), file=name))
        except (SpecError, OSError):
            continue
    return found


def of_this_lake(lake: Lake, rests: Rests, serving: PublishedServing) -> bool:
    """Whether something of a published serving is in a lake: version files may be shared by several."""
    source = serving.source
    return (
        source.run_id in set(rests.runs["run_id"])
        or source.dataset_id in list_datasets(lake)
        or lake.stream_cache_dir(serving.serving_id).exists()
    )


def raw_files_of(dataset: Dataset) -> list[Mapping[str, Any]]:
    """Name, path and hash of the raw files a dataset was made of."""
    files: list[Mapping[str, Any]] = dataset.manifest["sources"]["files"]
    return files


def is_of_lake(file: Mapping[str, Any]) -> bool:
    """Whether a raw file lay in the lake: of one elsewhere the manifest has the name only."""
    parts = PurePosixPath(file["path"]).parts
    return parts[0] == "raw" and len(parts) > 1 and ".." not in parts


def missing_raw_files(datasets: Mapping[str, Dataset], there: set[str]) -> Iterator[tuple[str, str]]:
    """Raw files that datasets were made of and that are gone: (path below the lake, who was made of it).

    `there` are the paths below the lake's root of those that are there; a file of that name elsewhere is the one.
    """
    names = {Path(path).name for path in there}
    made: dict[str, list[str]] = {}
    for dataset_id, dataset in sorted(datasets.items()):
        for file in raw_files_of(dataset):
            if is_of_lake(file) and file["name"] not in names:
                made.setdefault(str(file["path"]), []).append(dataset_id)
    for path, of in sorted(made.items()):
        yield path, " and ".join(_counted("dataset", of))


def open_datasets(lake: Lake, dataset_ids: list[str]) -> dict[str, Dataset]:
    """The datasets whose manifests can be read."""
    found = {}
    for dataset_id in dataset_ids:
        try:
            found[dataset_id] = Dataset.open(lake, dataset_id)
        except VpHarnessError:
            continue
    return found


def _servings(lake: Lake, config_root: PathLike | None, registry_url: str | None) -> Iterator[PublishedServing]:
    """The servings of the registry whose files can be read."""
    try:
        with closing(open_registry(lake, config_root, registry_url)) as registry:
            listed = {version.serving_id for version in registry.versions()}
    except VpRegistryError:
        return
    yield from (serving for serving in version_files(config_root) if serving.serving_id in listed)


def _counted(what: str, names: list[str]) -> list[str]:
    """The names with what they are, or how many there are of them."""
    if not names:
        return []
    if len(names) <= _NAMED:
        return [f"{what}{'s' if len(names) > 1 else ''} {', '.join(names)}"]
    return [f"{len(names)} {what}s ({', '.join(names[:_NAMED])}, …)"]
