"""Making an immutable dataset: replay, score, write in bounded memory, publish by one rename."""

from __future__ import annotations

import base64
import contextlib
import datetime as dt
import os
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final, TypeVar

import msgspec

from vp_book.atomic import sha256_file
from vp_book.queue import QueueFollower
from vp_contract import CONTRACT_VERSION, FrameChain, FrameEncoder, InstrumentLock, RuntimeConfig, SourceOptions
from vp_harness.directories import staged_directory
from vp_harness.errors import DatasetDamagedError, DatasetError, PipelineError
from vp_harness.execution.configs import PipelineLike, pipeline_chain
from vp_harness.execution.pipeline import (
    NS_PER_MS,
    Files,
    bins_in_capture,
    capture_ns,
    checkpoint_path,
    conformance_digests,
    files_of,
    scored_bins,
)
from vp_harness.execution.turns import one_at_a_time
from vp_harness.execution.writer import BinWriter
from vp_harness.lake.anchors import check_recorded, enter
from vp_harness.lake.dataset import BINS_FILE, CHECKSUMS_FILE, FILLS_FILE, GRID_FILE, MANIFEST_FILE, Dataset
from vp_harness.lake.manifest import (
    FORMAT,
    Counts,
    EndedEarly,
    Frames,
    Manifest,
    Passive,
    Timings,
    canonical_json,
    identity_hash,
)
from vp_harness.lake.paths import Lake, LakeLike, open_lake
from vp_harness.lake.sources import located, source_options
from vp_harness.passive.table import max_wait_bins, write_fills
from vp_spectrum import ScoredBin

Progress = Callable[[int, int], None]
"""Called with (bins done, bins in all)."""

T = TypeVar("T")

_PROGRESS_BINS: Final = 500
_CHECKPOINTS_MADE: Final[dict[Path, str]] = {}
"""The digest of each book checkpoint that this process has made: datasets of a sweep often begin with the same book."""
_VERSIONED: Final = ("vp-book", "vp-spectrum", "vp-contract", "vp-harness", "numpy", "pyarrow")


def generate(
    pipeline: PipelineLike,
    lake_root: LakeLike | None = None,
    *,
    config_root: str | os.PathLike[str] | None = None,
    instrument: InstrumentLock | str | os.PathLike[str] | None = None,
    source: Files | None = None,
    sources: SourceOptions | None = None,
    spec: Mapping[str, Any] | None = None,
    progress: Progress | None = None,
) -> str:
    """Make the dataset of a pipeline, or find it made; returns its id.

    `pipeline` is a resolved config, a spec, a spec file or a name (see `configs.pipeline_config`). The raw files are
    those of the lake that its capture needs (see `sources.source_options`), or `source`, one or several in order of
    time. `sources` says which they must be. `spec` is what the manifest is to say of the specs behind a resolved
    config; that of a pipeline spec it says anyway.

    The id holds a hash over everything that decides a number, so a dataset that exists is this one: its checksums are
    compared once a process (see `Dataset.compare`), with what the ledger says of it, and nothing is written. Of several
    processes and threads one makes it; the others say that they wait, and adopt what it made.

    Raises DatasetDamagedError when the existing dataset is not what its checksums say, RawFileError, CoverageError for
    a capture that its files do not cover, OffGridError, PipelineError, DatasetError for a capture without one valid
    book, what vp_book raises for a file it cannot read, and vp_contract.SpecError.
    """
    lake = open_lake(lake_root)
    config, written = pipeline_chain(pipeline, config_root, instrument)
    if written is not None:
        if len(written.capture.days) > 1:
            raise PipelineError(
                f"pipeline {config.pipeline!r} has {len(written.capture.days)} dates, each of which is a dataset of "
                "its own: use generate_days, which makes one for each"
            )
        spec = {"pipeline": msgspec.to_builtins(written)}
    if sources is None:
        sources = source_options(config, lake, source)
    paths = located(sources, lake, source)
    identity = identity_of(config, sources)
    dataset_id = dataset_id_of(config, identity)
    if lake.dataset_dir(dataset_id).exists():
        _verified(lake, dataset_id)
        return dataset_id
    with one_at_a_time(lake.turns_dir / f"{dataset_id}.lock", f"dataset {dataset_id}"):
        if lake.dataset_dir(dataset_id).exists():  # whoever had the turn before has made it
            _verified(lake, dataset_id)
        else:
            _make(lake, dataset_id, config, paths, sources, spec, progress)
    return dataset_id


def _make(
    lake: Lake,
    dataset_id: str,
    config: RuntimeConfig,
    paths: Sequence[Path],
    sources: SourceOptions,
    spec: Mapping[str, Any] | None,
    progress: Progress | None,
) -> None:
    with staged_directory(lake.dataset_dir(dataset_id)) as staged:
        began = time.perf_counter()
        checkpoint = checkpoint_path(config, paths, lake.book_cache_dir)
        queue = QueueFollower(config.tick_int, max_wait_bins=max_wait_bins(config.cell_width_ms))
        replay = scored_bins(config, paths, book_cache_dir=_believed_cache(checkpoint), queue=queue)
        counts, chain = write_tables(staged.path, config, _remembering(checkpoint, replay), progress)
        if not counts.valid_bins or not counts.events:
            lacks = "has an event" if counts.valid_bins else "has a valid book"
            none = f"no bin of {config.pipeline} ({config.dt} {config.start_time}-{config.end_time} New York) {lacks}"
            raise DatasetError(f"{none} in {', '.join(map(str, paths))}: is it the file of that session?", brief=none)
        passive = _write_passive(staged.path, config, queue)
        certificate = replay.certificate()
        elapsed = time.perf_counter() - began
        manifest = Manifest(
            format=FORMAT,
            dataset_id=dataset_id,
            spec=None if spec is None else dict(spec),
            config=config,
            identity=identity_of(config, sources),
            sources=sources,
            window_ns=capture_ns(config),
            damaged=certificate["damage"],
            ended_early=_ended_early(config, counts, certificate),
            versions=dict(code_versions()),
            counts=counts,
            certificate=certificate,
            frames=Frames(
                contract_version=CONTRACT_VERSION, head=chain.head, links=base64.b64encode(chain.links).decode()
            ),
            passive=passive,
            timings=Timings(elapsed_s=round(elapsed, 3), bins_per_s=round(counts.bins / elapsed, 1)),
            created_utc=utc_now(),
        )
        (staged.path / MANIFEST_FILE).write_bytes(canonical_json(manifest))
        names = (BINS_FILE, GRID_FILE, FILLS_FILE, MANIFEST_FILE)
        checksums = {name: sha256_file(staged.path / name) for name in names}
        (staged.path / CHECKSUMS_FILE).write_bytes(canonical_json(checksums))
    if not staged.published:
        _verified(lake, dataset_id)
    enter(lake, Dataset.open(lake, dataset_id))


def _believed_cache(checkpoint: Path) -> Path | None:
    """The directory of a book checkpoint, None if the one that is there is not believed and cannot be removed.

    A dataset has to follow from its raw files alone: whatever servings of it send is held to it. A checkpoint can be
    forged by whoever may write the lake, so one that this process has not made is made anew.
    """
    try:
        if checkpoint not in _CHECKPOINTS_MADE or sha256_file(checkpoint) != _CHECKPOINTS_MADE[checkpoint]:
            checkpoint.unlink(missing_ok=True)
    except FileNotFoundError:
        pass
    except OSError:
        return None
    return checkpoint.parent


def _remembering(checkpoint: Path, bins: Iterable[T]) -> Iterator[T]:
    """The bins; at the first one the checkpoint has been written, or taken from what this process has written."""
    for number, item in enumerate(bins):
        if not number:
            with contextlib.suppress(OSError):  # the directory cannot be written: then there is none
                _CHECKPOINTS_MADE[checkpoint] = sha256_file(checkpoint)
        yield item


@dataclass(frozen=True, slots=True)
class GenerateTask:
    """A dataset to make, in words that mean the same on any machine that mounts the lake."""

    lake_root: str
    config: RuntimeConfig
    source: tuple[str, ...] | None = None
    sources: SourceOptions | None = None
    spec: Mapping[str, Any] | None = None


def generate_task(
    lake_root: str | os.PathLike[str],
    config: RuntimeConfig,
    source: Files | None = None,
    spec: Mapping[str, Any] | None = None,
    sources: SourceOptions | None = None,
) -> GenerateTask:
    """The task of a dataset, with absolute paths: a worker has a working directory of its own."""
    files = None if source is None else tuple(str(path.absolute()) for path in files_of(source))
    return GenerateTask(str(Path(lake_root).absolute()), config, files, sources, spec)


def run_generate_task(task: GenerateTask, progress: Progress | None = None) -> str:
    """Make the dataset of a task, or find it made; its id. Runs in any thread or process."""
    return generate(
        task.config, task.lake_root, source=task.source, sources=task.sources, spec=task.spec, progress=progress
    )


def dataset_id_of(config: RuntimeConfig, identity: dict[str, Any]) -> str:
    """`{symbol}_{yyyymmdd}_{hhmm}_{hhmm}__{pipeline}__{hash8}`, lower case."""
    day, start, end = (
        text.replace("-", "").replace(":", "") for text in (config.dt, config.start_time, config.end_time)
    )
    return f"{config.symbol}_{day}_{start}_{end}__{config.pipeline}__{identity_hash(identity)}".lower()


@cache
def code_versions() -> Mapping[str, str]:
    """Versions of the packages that make and judge datasets."""
    return {name: version(name) for name in _VERSIONED}


def utc_now() -> str:
    """The time as ISO 8601 to the second, with a Z."""
    return dt.datetime.now(dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def identity_of(config: RuntimeConfig, sources: SourceOptions) -> dict[str, Any]:
    """Everything that decides a number of a dataset."""
    return {
        "format": FORMAT,
        "numbers": msgspec.json.decode(config.numbers_json()),
        "sources": sources.decides(),
        "digests": conformance_digests(),
    }


def write_tables(
    directory: Path, config: RuntimeConfig, bins: Iterable[ScoredBin], progress: Progress | None = None
) -> tuple[Counts, FrameChain]:
    """Write the two tables of scored bins into `directory`; returns what is in them, and the chain of their frames."""
    expected = bins_in_capture(config)
    encoder, chain = FrameEncoder(config), FrameChain()
    valid = events = 0
    with BinWriter(directory / BINS_FILE, directory / GRID_FILE, config) as writer:
        for scored in bins:
            writer.add(scored.fields, scored.cells, scored.marks)
            chain.add(encoder.encode(scored.fields, scored.cells, scored.derivative))
            valid += bool(scored.fields["book_valid"])
            events += int(scored.fields["bin_event_count"])
            if progress and writer.bins % _PROGRESS_BINS == 0:
                progress(writer.bins, expected)
    if progress:
        progress(writer.bins, writer.bins)
    counts = Counts(
        bins=writer.bins,
        valid_bins=valid,
        events=events,
        grid_rows=writer.grid_rows,
        rows_per_bin=config.grid_rows,
    )
    return counts, chain


def _write_passive(directory: Path, config: RuntimeConfig, queue: QueueFollower) -> Passive:
    """Write what became of the passive orders, beside the tables of the same replay."""
    orders, filled = write_fills(
        directory / FILLS_FILE, directory / BINS_FILE, queue, cell_width_ms=config.cell_width_ms
    )
    return Passive(
        sha256=sha256_file(directory / FILLS_FILE),
        orders=orders,
        filled=filled,
        max_wait_bins=queue.max_wait_bins,
        crowded=queue.crowded,
    )


def _ended_early(config: RuntimeConfig, counts: Counts, certificate: Mapping[str, Any]) -> EndedEarly | None:
    missing = bins_in_capture(config) - counts.bins
    if not missing:
        return None
    end_ns = capture_ns(config)[0] + counts.bins * config.cell_width_ms * NS_PER_MS
    return EndedEarly(
        end_ns=end_ns, missing_bins=missing, reason="coverage" if certificate["damage"] is None else "damage"
    )


def _verified(lake: Lake, dataset_id: str) -> None:
    try:
        dataset = Dataset.open(lake, dataset_id)
        dataset.compare()
        entered = check_recorded(lake, dataset)
    except DatasetDamagedError as error:
        raise DatasetDamagedError(f"{error}; remove the directory to generate it again") from error
    if not entered:
        with contextlib.suppress(OSError):  # a lake that can only be read needs no entry to be used
            enter(lake, dataset)
