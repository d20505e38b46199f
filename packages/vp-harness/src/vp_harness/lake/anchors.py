"""What a dataset holds, said outside of it.

Checksums inside of a dataset tell rot; whoever edits a file can set its checksum right as well. So its digests are kept
by everything that rests on it: the ledger of the lake since it was made, every run since it was judged, and every
published serving. A dataset that differs from any of them is not the one that they are about.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any, Final

import msgspec
import polars as pl

from vp_harness.errors import DatasetChangedError
from vp_harness.lake.dataset import BINS_FILE, FILLS_FILE, MANIFEST_FILE, Dataset
from vp_harness.lake.ledger import Ledger
from vp_harness.lake.manifest import canonical_json
from vp_harness.lake.paths import Lake
from vp_harness.research.records import OF_DATASETS, runs_by_dataset
from vp_harness.research.results import ResultsStore

_INCIDENTAL: Final = frozenset({"spec", "config", "source", "sources", "versions", "timings", "created_utc"})
"""Members of a manifest that may differ when the same dataset is made again: of config and sources, what decides a
number stands in `identity`."""


def dataset_files(dataset: Dataset, *, passive: bool = True) -> dict[str, str]:
    """Digests of a dataset's files by name, as runs and servings keep them.

    SHA-256 of the Parquet files, as its own checksums have them. That of `manifest.json` is of its facts: canonical
    JSON without the specs, config, sources, versions, timings and time, so that a dataset which is made again, with the
    same Parquet files, has the same digests. Without `passive` they are those of the same dataset as an earlier version
    made it, which did not follow passive orders. Raises DatasetDamagedError when the manifest has changed since it was
    opened.
    """
    facts: dict[str, Any] = msgspec.json.decode(dataset.read(MANIFEST_FILE))
    left_out = _INCIDENTAL if passive else _INCIDENTAL | {"passive"}
    kept = {name: value for name, value in facts.items() if name not in left_out}
    files = {**dataset.checksums, MANIFEST_FILE: hashlib.sha256(canonical_json(kept)).hexdigest()}
    return {name: digest for name, digest in files.items() if passive or name != FILLS_FILE}


def check_anchor(dataset: Dataset, files: Mapping[str, str], *, anchor: str) -> None:
    """Raise DatasetChangedError unless the dataset has these digests; the message names the first file that differs.

    `anchor` says who has kept them, such as "run 0123456789abcdef". Without digests (of version 0.1) nothing can be
    said, and nothing is raised. What became of passive orders is compared if they name it: a dataset of an earlier
    version may have been made again by this one. So may one of a version without marks: its `bins.parquet` is then held
    to what it would be without them. The content is compared with its checksums when it is read,
    or by `Dataset.verify`.
    """
    if not files:
        return
    found = dataset_files(dataset, passive=FILLS_FILE in files)
    for name in sorted(files.keys() | found.keys()):
        if files.get(name) != found.get(name) and not (name == BINS_FILE and dataset.has_bins_of(files.get(name, ""))):
            raise DatasetChangedError(
                f"dataset {dataset.dataset_id}: {name} is not the one that {anchor} was made with (sha256 "
                f"{found.get(name, 'none')[:16]}, expected {files.get(name, 'none')[:16]}): bring the original dataset "
                "back from a copy"
            )


def check_recorded(lake: Lake, dataset: Dataset) -> int:
    """Hold a dataset to the ledger: how often it is entered there. Raises DatasetChangedError when it is another."""
    recorded = Ledger(lake.ledger_dir).recorded(dataset.dataset_id)
    if recorded and dataset_files(dataset) not in recorded:
        check_anchor(dataset, recorded[-1], anchor="its entry in the ledger")
    return len(recorded)


def check_runs(store: ResultsStore, dataset: Dataset) -> int:
    """Hold a dataset to all runs judged on it: how many have kept its digests. Raises DatasetChangedError."""
    runs = runs_by_dataset(store.runs(OF_DATASETS).filter(pl.col("dataset_files_json") != ""))
    runs = runs.filter(pl.col("dataset_id") == dataset.dataset_id)
    for run in runs.unique("dataset_files_json", maintain_order=True).iter_rows(named=True):
        files = msgspec.json.decode(run["dataset_files_json"], type=dict[str, str])
        check_anchor(dataset, files, anchor=f"run {run['run_id']}")
    return runs.height


def enter(lake: Lake, dataset: Dataset) -> None:
    """Enter a dataset in the ledger, unless it is."""
    Ledger(lake.ledger_dir).append_dataset(dataset.dataset_id, dataset_files(dataset))
