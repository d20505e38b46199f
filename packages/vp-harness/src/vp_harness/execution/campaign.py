"""Campaigns: the datasets of one pipeline over dates, bundles and axes, planned, estimated and made."""

from __future__ import annotations

import datetime as dt
import itertools
import os
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

import msgspec
import polars as pl

from vp_book import VpBookError
from vp_contract import (
    CampaignSpec,
    Chain,
    ParallelSpec,
    PipelineSpec,
    RuntimeConfig,
    SourceOptions,
    SpecError,
    VpContractError,
    load_chain,
    resolve,
)
from vp_harness.errors import CampaignError, CoverageError, DatasetError, PipelineError, RawFileError, TaskError
from vp_harness.execution.axes import AxisValue, axis_problem, axis_values
from vp_harness.execution.configs import PathLike, campaign_file, campaign_spec, config_root
from vp_harness.execution.executors import executor_of, settled
from vp_harness.execution.generate import (
    GenerateTask,
    dataset_id_of,
    generate_task,
    identity_of,
    run_generate_task,
    utc_now,
    write_tables,
)
from vp_harness.execution.lineage import Lineage, LineageIndex
from vp_harness.execution.pipeline import bins_in_capture, scored_bins
from vp_harness.lake.dataset import Dataset, list_datasets
from vp_harness.lake.manifest import canonical_json
from vp_harness.lake.paths import Lake, LakeLike, open_lake
from vp_harness.lake.sources import located, source_options

Progress = Callable[[str, int, int], None]
"""Called with (what is being done, done, in all)."""

_CALIBRATION_BINS: Final = 300
_SETTLING_BINS: Final = 300
"""Bins before those that are measured: a z-score costs more once its window is full."""

_OF_ONE_DATASET: Final = (DatasetError, PipelineError, RawFileError, TaskError, VpBookError, VpContractError)
"""What is wrong with one dataset and none of the others: a day without a book, a damaged raw file."""

_SHOWN_FAILURES: Final = 3


@dataclass(frozen=True, slots=True)
class PlannedDataset:
    """One dataset of a campaign. `overrides` are those of the bundle and of the point of the axes together."""

    date: str
    bundle: str
    overrides: dict[str, Any]
    config: RuntimeConfig
    sources: SourceOptions
    dataset_id: str
    exists: bool

    @property
    def bins(self) -> int:
        """How many bins it has or will have."""
        return bins_in_capture(self.config)


@dataclass(frozen=True, slots=True)
class Estimate:
    """What is still to be made: datasets, bins, bytes on the disk, seconds on one core; and what that rests on."""

    datasets: int
    bins: int
    size_bytes: int
    seconds: float
    basis: str


@dataclass(frozen=True, slots=True)
class Campaign:
    """A campaign that can run: every dataset of it, in a fixed order."""

    spec: CampaignSpec
    pipeline: PipelineSpec
    lake: Lake
    planned: tuple[PlannedDataset, ...]

    @property
    def spec_sha256(self) -> str:
        """Identity of what was asked for."""
        return sha256(canonical_json(self.spec)).hexdigest()


def plan_campaign(
    campaign: CampaignSpec | PathLike,
    lake_root: LakeLike | None = None,
    *,
    root: str | os.PathLike[str] | None = None,
    progress: Progress | None = None,
) -> Campaign:
    """Everything a campaign asks for, checked before anything is made.

    `campaign` is a spec, the path of a spec file, or a name under the config root. Raises CampaignError naming every
    date at once whose raw files are missing or do not cover the capture, every point that does not resolve, or points
    that are the same dataset; and vp_contract.SpecError for specs that cannot be read.
    """
    lake = open_lake(lake_root)
    base = config_root(root)
    spec = campaign if isinstance(campaign, CampaignSpec) else campaign_spec(campaign, base)
    chain = load_chain(base, pipeline=spec.pipeline)
    points = list(_points(spec, chain, campaign_file(campaign, base)))
    sources = _sources(lake, [config for _, _, _, config in points], progress)
    planned: dict[str, PlannedDataset] = {}
    for date, bundle, overrides, config in points:
        dataset_id = dataset_id_of(config, identity_of(config, sources[config.dt]))
        if dataset_id in planned:
            other = planned[dataset_id]
            raise CampaignError(
                f"campaign {spec.name}: bundle {bundle} with {overrides} and bundle {other.bundle} with "
                f"{other.overrides} are the same dataset {dataset_id}; take one away"
            )
        exists = lake.dataset_dir(dataset_id).is_dir()
        planned[dataset_id] = PlannedDataset(date, bundle, overrides, config, sources[config.dt], dataset_id, exists)
    return Campaign(spec, chain.pipeline, lake, tuple(planned.values()))


def estimate(campaign: Campaign) -> Estimate:
    """How much is still to be made, from the datasets there are, else from a few bins made for the purpose."""
    missing = [planned for planned in campaign.planned if not planned.exists]
    if not missing:
        return Estimate(0, 0, 0, 0.0, "everything is made")
    per_row, per_bin, basis = _measured(campaign) or _calibrated(missing[0], campaign.lake)
    bins = sum(planned.bins for planned in missing)
    rows = sum(planned.bins * planned.config.grid_rows for planned in missing)
    return Estimate(len(missing), bins, int(rows * per_row), bins * per_bin, basis)


def run_campaign(
    campaign: Campaign, parallel: ParallelSpec | None = None, *, progress: Progress | None = None
) -> list[str]:
    """Make every dataset of a campaign that is not made yet; the ids of all, in the order of the plan.

    Each is entered in the lake's lineage index once it is whole; an interrupted campaign goes on where it was, whatever
    executor it began with. One that cannot be made (its day has no book, its raw file is damaged) does not keep the
    others from being made: CampaignError names it in the end. Raises at once ExecutorError and OSError, which the
    others would meet too. What was finished stays.
    """
    index = LineageIndex(campaign.lake)
    known = index.entered(campaign.spec.name, campaign.spec_sha256)
    ids: list[str] = []
    failed: dict[str, Exception] = {}
    if progress:
        progress("datasets", 0, len(campaign.planned))
    with executor_of(parallel or ParallelSpec()) as pool:
        futures = [pool.submit(run_generate_task, _task(campaign, planned)) for planned in campaign.planned]
        results = settled(futures, _OF_ONE_DATASET)
        for planned, made in zip(campaign.planned, results, strict=True):
            if isinstance(made, Exception):
                failed[planned.dataset_id] = made
            elif made != planned.dataset_id:
                raise CampaignError(
                    f"a worker made {made} where {planned.dataset_id} was planned: the raw file changed "
                    "meanwhile or is another one there"
                )
            else:
                if made not in known:
                    index.append(_lineage(campaign, planned))
                ids.append(made)
            if progress:
                progress("datasets", len(ids) + len(failed), len(campaign.planned))
    if failed:
        raise CampaignError(_failures(campaign, failed))
    return ids


def _task(campaign: Campaign, planned: PlannedDataset) -> GenerateTask:
    spec = {
        "pipeline": msgspec.to_builtins(campaign.pipeline),
        "overrides": {**planned.overrides, "dt": planned.date},
    }
    return generate_task(campaign.lake.root, planned.config, spec=spec, sources=planned.sources)


def _failures(campaign: Campaign, failed: dict[str, Exception]) -> str:
    reasons = [f"{dataset_id}: {error}" for dataset_id, error in itertools.islice(failed.items(), _SHOWN_FAILURES)]
    rest = [f"and {len(failed) - len(reasons)} more"] if len(failed) > len(reasons) else []
    return (
        f"campaign {campaign.spec.name}: {len(failed)} of {len(campaign.planned)} datasets cannot be made, the others "
        f"are whole; {'; '.join([*reasons, *rest])}"
    )


def _points(
    spec: CampaignSpec, chain: Chain, file: Path | None
) -> Iterator[tuple[str, str, dict[str, Any], RuntimeConfig]]:
    """(date, bundle, overrides, config) of every point of the product."""
    for date in spec.dates or chain.pipeline.capture.days:
        for bundle in spec.bundles:
            for values in itertools.product(*spec.axes.values()):
                point = dict(zip(spec.axes, values, strict=True))
                overrides = {**spec.overrides(bundle), **point}
                try:
                    config = resolve(chain.instrument, chain.pipeline, overrides={**overrides, "dt": date})
                    bins_in_capture(config)
                except (SpecError, PipelineError) as error:
                    stated = axis_values("axes", spec.axes, point)
                    stated += [
                        AxisValue(f"bundles.{bundle}.{name}", name, value)
                        for name, value in spec.overrides(bundle).items()
                    ]
                    problem = axis_problem(file, f"bundles.{bundle}", stated, error)
                    raise CampaignError(f"{problem} (campaign {spec.name}, {date}, bundle {bundle})") from error
                yield date, bundle, overrides, config


def _sources(lake: Lake, configs: list[RuntimeConfig], progress: Progress | None) -> dict[str, SourceOptions]:
    """The sources of every date. Raises CampaignError naming all that have none."""
    by_date = {config.dt: config for config in reversed(configs)}  # the points of a date share its capture
    sources: dict[str, SourceOptions] = {}
    problems: dict[str, str] = {}
    for config in reversed(by_date.values()):
        if progress:
            progress("raw files", len(sources), len(by_date))
        try:
            sources[config.dt] = source_options(config, lake)
        except (RawFileError, CoverageError, VpBookError) as error:
            problems[config.dt] = str(error)
    if problems:
        first = next(iter(problems.values()))
        raise CampaignError(f"no whole capture for {len(problems)} of the dates, {', '.join(problems)}: {first}")
    return sources


def _measured(campaign: Campaign) -> tuple[float, float, str] | None:
    """(bytes a row, seconds a bin, basis) of the pipeline's datasets in the lake; None when there is none to go by."""
    lake, pipeline = campaign.lake, campaign.spec.pipeline
    rows = bins = size = 0
    seconds = 0.0
    used = 0
    for dataset_id in list_datasets(lake):
        if f"__{pipeline}__" not in dataset_id:
            continue
        try:
            dataset = Dataset.open(lake, dataset_id)
        except DatasetError:
            continue
        counts = dataset.manifest["counts"]
        rows += counts["bins"] * counts["rows_per_bin"]
        bins += counts["bins"]
        size += sum(path.stat().st_size for path in dataset.path.iterdir())
        seconds += dataset.manifest["timings"]["elapsed_s"]
        used += 1
    return (size / rows, seconds / bins, f"{used} datasets of {pipeline} in this lake") if rows else None


def _calibrated(planned: PlannedDataset, lake: Lake) -> tuple[float, float, str]:
    """The same from some bins in the middle of one dataset, made in a temporary directory like those of any other."""
    config = _from_the_middle(planned.config)
    replay = scored_bins(config, located(planned.sources, lake))
    with tempfile.TemporaryDirectory(prefix="vp-campaign-") as scratch:
        directory = Path(scratch)
        # written too: what is read, compiled and started once is no matter of bins
        write_tables(directory, config, itertools.islice(replay, _SETTLING_BINS))
        began = time.perf_counter()
        counts, _ = write_tables(directory, config, itertools.islice(replay, _CALIBRATION_BINS))
        elapsed = time.perf_counter() - began
        size = sum(path.stat().st_size for path in directory.iterdir())
    bins = max(1, counts.bins)
    basis = f"{counts.bins} bins of {planned.dataset_id} from {config.start_time} on"
    return size / (bins * config.grid_rows), elapsed / bins, basis


def _from_the_middle(config: RuntimeConfig) -> RuntimeConfig:
    """The second half of a capture: a session may begin with an hour in which nothing happens."""
    start, end = (
        dt.datetime.fromisoformat(f"{date}T{clock}")
        for date, clock in ((config.dt, config.start_time), (config.end_dt, config.end_time))
    )
    middle_time = start + dt.timedelta(minutes=(end - start) // dt.timedelta(minutes=2))
    middle = config.replace(dt=f"{middle_time:%Y-%m-%d}", start_time=f"{middle_time:%H:%M}")
    try:
        enough = bins_in_capture(middle) >= _SETTLING_BINS + _CALIBRATION_BINS
    except PipelineError:  # bins that do not divide it
        return config
    return middle if enough else config


def _lineage(campaign: Campaign, planned: PlannedDataset) -> Lineage:
    return Lineage(
        campaign=campaign.spec.name,
        spec_sha256=campaign.spec_sha256,
        dataset_id=planned.dataset_id,
        pipeline=planned.config.pipeline,
        dt=planned.date,
        bundle=planned.bundle,
        overrides_json=msgspec.json.encode(planned.overrides, order="sorted").decode(),
        config_version=planned.config.config_version,
        source=", ".join(planned.sources.names),
        created_utc=utc_now(),
    )


def lineage(lake_root: LakeLike | None = None) -> pl.DataFrame:
    """Which campaign asked for which dataset with what: one row each, with the fields of `Lineage`."""
    return LineageIndex(open_lake(lake_root)).read()
