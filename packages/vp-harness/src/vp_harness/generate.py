"""Making an immutable dataset: replay, score, write in bounded memory, publish by one rename."""

from __future__ import annotations

import base64
import datetime as dt
import hashlib
import os
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

import msgspec

from vp_book.atomic import sha256_file, staged_directory
from vp_contract import CONTRACT_VERSION, FrameChain, FrameEncoder, InstrumentLock, RuntimeConfig
from vp_harness.configs import PipelineLike, pipeline_config
from vp_harness.dataset import (
    BINS_FILE,
    CHECKSUMS_FILE,
    FORMAT,
    GRID_FILE,
    MANIFEST_FILE,
    Dataset,
    canonical_json,
)
from vp_harness.errors import DatasetDamagedError, DatasetError
from vp_harness.lake import Lake, LakeLike, open_lake
from vp_harness.pipeline import ScoredReplay, capture_ns, conformance_digests, scored_bins
from vp_harness.raw import find_raw
from vp_harness.writer import BinWriter

Progress = Callable[[int, int], None]
"""Called with (bins done, bins in all)."""

_PROGRESS_BINS: Final = 500
_VERSIONED: Final = ("vp-book", "vp-spectrum", "vp-contract", "vp-harness", "numpy", "pyarrow")


def generate(
    pipeline: PipelineLike,
    lake_root: LakeLike | None = None,
    *,
    config_root: str | os.PathLike[str] | None = None,
    instrument: InstrumentLock | str | os.PathLike[str] | None = None,
    source: str | os.PathLike[str] | None = None,
    publisher: int | None = None,
    tolerate_truncated: bool = False,
    progress: Progress | None = None,
) -> str:
    """Make the dataset of a pipeline, or find it made; returns its id.

    `pipeline` is a resolved config, a spec, a spec file or a name (see `configs.pipeline_config`). The raw file is
    the lake's one of that instrument and day, or `source`. `publisher` chooses among several in the file.

    The id holds a hash over everything that decides a number, so a dataset that exists is this one: its checksums are
    verified and nothing is written. Of several processes one publishes, and the others adopt what it made.

    Raises DatasetDamagedError when the existing dataset is not what its checksums say, RawFileError, PipelineError,
    DatasetError for a capture without one valid book, what vp_book raises for a file it cannot read, and
    vp_contract.SpecError.
    """
    lake = open_lake(lake_root)
    config = pipeline_config(pipeline, config_root, instrument)
    path = Path(source) if source is not None else find_raw(lake, config)
    identity = identity_of(config, sha256_file(path), publisher)
    dataset_id = dataset_id_of(config, identity)
    if lake.dataset_dir(dataset_id).exists():
        _verified(lake, dataset_id)
        return dataset_id
    with staged_directory(lake.dataset_dir(dataset_id)) as staged:
        began = time.perf_counter()
        replay = scored_bins(
            config,
            path,
            publisher=publisher,
            tolerate_truncated=tolerate_truncated,
            book_cache_dir=lake.book_cache_dir,
        )
        counts, chain = _write_tables(staged.path, config, replay, progress)
        if not counts["valid_bins"]:
            raise DatasetError(
                f"no bin of {config.pipeline} ({config.dt} {config.start_time}-{config.end_time} New York) "
                f"has a valid book in {path}: is it the file of that session?"
            )
        elapsed = time.perf_counter() - began
        manifest = {
            "format": FORMAT,
            "dataset_id": dataset_id,
            "config": msgspec.to_builtins(config),
            "identity": identity,
            "source": {"name": path.name, "size": path.stat().st_size, "sha256": identity["source_sha256"]},
            "window_ns": list(capture_ns(config)),
            "versions": code_versions(),
            "counts": counts,
            "certificate": replay.certificate(),
            "frames": {
                "contract_version": CONTRACT_VERSION,
                "head": chain.head,
                "links": base64.b64encode(chain.links).decode(),
            },
            "timings": {"elapsed_s": round(elapsed, 3), "bins_per_s": round(counts["bins"] / elapsed, 1)},
            "created_utc": utc_now(),
        }
        (staged.path / MANIFEST_FILE).write_bytes(canonical_json(manifest))
        names = (BINS_FILE, GRID_FILE, MANIFEST_FILE)
        checksums = {name: sha256_file(staged.path / name) for name in names}
        (staged.path / CHECKSUMS_FILE).write_bytes(canonical_json(checksums))
    if not staged.published:
        _verified(lake, dataset_id)
    return dataset_id


@dataclass(frozen=True, slots=True)
class GenerateTask:
    """A dataset to make, in words that mean the same on any machine that mounts the lake."""

    lake_root: str
    config: RuntimeConfig
    source: str | None = None


def generate_task(
    lake_root: str | os.PathLike[str], config: RuntimeConfig, source: str | os.PathLike[str] | None = None
) -> GenerateTask:
    """The task of a dataset, with absolute paths: a worker has a working directory of its own."""
    return GenerateTask(
        str(Path(lake_root).absolute()), config, None if source is None else str(Path(source).absolute())
    )


def run_generate_task(task: GenerateTask) -> str:
    """Make the dataset of a task, or find it made; its id. Runs in any thread or process."""
    return generate(task.config, task.lake_root, source=task.source)


def dataset_id_of(config: RuntimeConfig, identity: dict[str, Any]) -> str:
    """`{symbol}_{yyyymmdd}_{hhmm}_{hhmm}__{pipeline}__{hash8}`, lower case."""
    day, start, end = (
        text.replace("-", "").replace(":", "") for text in (config.dt, config.start_time, config.end_time)
    )
    digest = hashlib.sha256(canonical_json(identity)).hexdigest()[:8]
    return f"{config.symbol}_{day}_{start}_{end}__{config.pipeline}__{digest}".lower()


@cache
def code_versions() -> Mapping[str, str]:
    """Versions of the packages that make and judge datasets."""
    return {name: version(name) for name in _VERSIONED}


def utc_now() -> str:
    """The time as ISO 8601 to the second, with a Z."""
    return dt.datetime.now(dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def identity_of(config: RuntimeConfig, source_sha256: str, publisher: int | None = None) -> dict[str, Any]:
    """Everything that decides a number of a dataset."""
    return {
        "format": FORMAT,
        "numbers": msgspec.json.decode(config.numbers_json()),
        "source_sha256": source_sha256,
        "publisher": publisher,
        "digests": conformance_digests(),
    }


def _write_tables(
    directory: Path, config: RuntimeConfig, replay: ScoredReplay, progress: Progress | None
) -> tuple[dict[str, int], FrameChain]:
    encoder, chain = FrameEncoder(config), FrameChain()
    valid = 0
    with BinWriter(directory / BINS_FILE, directory / GRID_FILE, config) as writer:
        for closed, scored in replay:
            cells = {**closed.cells, **scored.cells}
            writer.add(closed.fields, cells)
            chain.add(encoder.encode(closed.fields, cells, scored.derivative))
            valid += bool(closed.fields["book_valid"])
            if progress and writer.bins % _PROGRESS_BINS == 0:
                progress(writer.bins, replay.expected_bins)
    if writer.bins != replay.expected_bins:
        raise DatasetError(f"the replay gave {writer.bins} bins where the capture has {replay.expected_bins}")
    if progress:
        progress(writer.bins, replay.expected_bins)
    counts = {"bins": writer.bins, "valid_bins": valid, "grid_rows": writer.grid_rows, "rows_per_bin": config.grid_rows}
    return counts, chain


def _verified(lake: Lake, dataset_id: str) -> None:
    try:
        Dataset.open(lake, dataset_id).verify()
    except DatasetDamagedError as error:
        raise DatasetDamagedError(f"{error}; remove the directory to generate it again") from error
