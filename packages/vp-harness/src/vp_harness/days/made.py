"""The datasets of several days: one a day, and which days could not be made."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import Future
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import msgspec

from vp_book import VpBookError
from vp_contract import ParallelSpec, PipelineSpec, RuntimeConfig
from vp_harness.errors import (
    DatasetDamagedError,
    DatasetError,
    PipelineError,
    RawFileChangedError,
    RawFileError,
    TaskError,
)
from vp_harness.execution.configs import PipelineLike, pipeline_chain
from vp_harness.execution.executors import executor_of, settled
from vp_harness.execution.generate import generate_task, run_generate_task
from vp_harness.execution.pipeline import bins_in_capture
from vp_harness.lake.paths import Lake, LakeLike, open_lake

Progress = Callable[[int, int], None]
"""Called with (days done, days in all)."""

_OF_ONE_DAY: Final = (DatasetError, PipelineError, RawFileError, TaskError, VpBookError)
_OF_ALL: Final = (DatasetDamagedError, RawFileChangedError)
"""Errors that say that what was made before is not what it was: no reason to go on without it."""


@dataclass(frozen=True, slots=True)
class DaysMade:
    """Ids of datasets by date, ascending, and why each date that is `left_out` could not be made.

    `briefly` says why in a few words that others may read: no path of this machine, nothing of what to do about it.
    """

    dataset_ids: Mapping[str, str]
    left_out: Mapping[str, str]
    briefly: Mapping[str, str] = field(default_factory=dict)


def days_of_pipeline(pipeline: PipelineLike, root: str | os.PathLike[str] | None = None) -> tuple[str, ...]:
    """The New York dates of a pipeline's captures, ascending. Raises what `configs.pipeline_config` raises."""
    config, spec = pipeline_chain(pipeline, root)
    return (config.dt,) if spec is None else spec.capture.days


def generate_days(
    pipeline: PipelineSpec | str | os.PathLike[str],
    lake_root: LakeLike | None = None,
    *,
    config_root: str | os.PathLike[str] | None = None,
    parallel: ParallelSpec | None = None,
    progress: Progress | None = None,
) -> DaysMade:
    """Make the dataset of every day of a pipeline, or find it made: see `generate`.

    A day that cannot be made (it has no raw file, its market was closed, its file is damaged) is left out, and the
    result says why. Raises PipelineError when no day can be made, or the capture is not a whole number of bins;
    DatasetDamagedError and RawFileChangedError for a dataset or raw file that is not what it was; and what
    `configs.pipeline_config` raises.
    """
    lake = open_lake(lake_root)
    config, spec = pipeline_chain(pipeline, config_root)
    bins_in_capture(config)
    written = {} if spec is None else {"pipeline": msgspec.to_builtins(spec)}
    dates = (config.dt,) if spec is None else spec.capture.days
    with executor_of(parallel or ParallelSpec()) as pool:
        futures = [
            pool.submit(
                run_generate_task,
                generate_task(lake.root, of_day(config, date), spec={**written, "overrides": {"dt": date}}),
            )
            for date in dates
        ]
        return settle_days(config, lake, dates, futures, progress)


def of_day(config: RuntimeConfig, date: str) -> RuntimeConfig:
    """The config of another day."""
    return config if config.dt == date else config.replace(dt=date)


def brief_of(error: Exception, raw_directory: Path) -> str:
    """Why a day could not be made: the error's `brief`, else its text without the directory of the raw files."""
    brief = getattr(error, "brief", None)
    return str(error).replace(f"{raw_directory}{os.sep}", "") if brief is None else str(brief)


def settle_days(
    config: RuntimeConfig,
    lake: Lake,
    dates: Iterable[str],
    futures: Iterable[Future[str]],
    progress: Progress | None = None,
) -> DaysMade:
    """Wait for the datasets of `dates`. Raises PipelineError when none could be made."""
    asked = list(dates)
    made: dict[str, str] = {}
    left_out: dict[str, str] = {}
    briefly: dict[str, str] = {}
    raw_directory = lake.raw_dir(config.product_type, config.symbol_root).absolute()
    results = settled(futures, _OF_ONE_DAY)
    for date, found in zip(asked, results, strict=True):
        if isinstance(found, _OF_ALL):
            raise found
        if isinstance(found, Exception):
            left_out[date] = str(found)
            briefly[date] = brief_of(found, raw_directory)
        else:
            made[date] = found
        if progress:
            progress(len(made) + len(left_out), len(asked))
    if not made:
        first = next(iter(left_out.values()))
        raise PipelineError(
            f"pipeline {config.pipeline!r}: none of its {len(asked)} days can be made; {asked[0]}: {first}"
        )
    return DaysMade(made, left_out, briefly)
