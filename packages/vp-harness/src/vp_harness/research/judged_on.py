"""What the runs of an experiment are judged on: a dataset, or the datasets of several days, made as needed."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, field

import msgspec

from vp_harness.days.made import DaysMade, of_day, settle_days
from vp_harness.days.together import DaysWorkspace, days_workspace, together_id
from vp_harness.evaluation.split import DayBins
from vp_harness.evaluation.workspace import Workspace, workspace
from vp_harness.execution.configs import ExperimentChain
from vp_harness.execution.executors import in_order
from vp_harness.execution.generate import GenerateTask, generate_task, run_generate_task
from vp_harness.execution.pipeline import Files
from vp_harness.lake.manifest import canonical_json
from vp_harness.lake.paths import Lake
from vp_harness.research.records import JudgedDay, LeftOut
from vp_harness.research.sweep import PlannedSignal

Progress = Callable[[str, int, int], None]
"""Called with (what is being done, done, in all)."""


@dataclass(frozen=True, slots=True)
class JudgedOn:
    """A dataset, or several days that go by one id. `days` has their ids by date, `left_out` why others have none, and
    `briefly` the same in a few words.
    """

    dataset_id: str
    days: Mapping[str, str]
    left_out: Mapping[str, str] = field(default_factory=dict)
    briefly: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, made: DaysMade) -> JudgedOn:
        """A single day is what it is without the others."""
        ids = tuple(made.dataset_ids.values())
        return cls(ids[0] if len(ids) == 1 else together_id(ids), made.dataset_ids, made.left_out, made.briefly)

    def workspace(self, lake_root: str) -> Workspace | DaysWorkspace:
        """What its tasks have in common in this process."""
        if len(self.days) == 1:
            return workspace(lake_root, self.dataset_id)
        return days_workspace(lake_root, self.dataset_id, tuple(self.days.values()))

    def days_json(self, days: Sequence[DayBins]) -> str:
        """The days as runs keep them, with their bins; nothing for one dataset."""
        if len(self.days) == 1:
            return ""
        judged = [
            JudgedDay(date=date, dataset_id=dataset_id, start=day.start, first=day.first, end=day.end)
            for (date, dataset_id), day in zip(self.days.items(), days, strict=True)
        ]
        return canonical_json(judged).decode()

    @property
    def left_out_json(self) -> str:
        """The days that are left out, as runs keep them; nothing where there are none."""
        left_out = [LeftOut(date=date, reason=reason) for date, reason in self.briefly.items()]
        return canonical_json(left_out).decode() if left_out else ""


def make_datasets(
    chain: ExperimentChain,
    points: Mapping[bytes, PlannedSignal],
    lake: Lake,
    source: Files | None,
    pool: Executor,
    progress: Progress | None,
) -> dict[bytes, JudgedOn]:
    """What is judged, by the part of the config of its first day that decides the numbers."""
    specs = {
        name: msgspec.to_builtins(spec) for name, spec in (("pipeline", chain.pipeline), ("serving", chain.serving))
    }
    dates = chain.dates

    def task(point: PlannedSignal, date: str) -> GenerateTask:
        overrides = {**point.overrides, **({"dt": date} if len(dates) > 1 else {})}
        return generate_task(lake.root, of_day(point.config, date), source, {**specs, "overrides": overrides})

    if len(points) == len(dates) == 1:  # here, where every bin shows
        report = (lambda done, total: progress("dataset", done, total)) if progress else None
        (point,) = points.values()
        dataset_id = run_generate_task(task(point, dates[0]), report)
        return dict.fromkeys(points, JudgedOn(dataset_id, {dates[0]: dataset_id}))
    futures = {
        key: [pool.submit(run_generate_task, task(point, date)) for date in dates] for key, point in points.items()
    }
    datasets: dict[bytes, JudgedOn] = {}
    total = len(points) * len(dates)

    def report_days(done: int, _: int) -> None:
        if progress:
            progress("datasets", len(datasets) * len(dates) + done, total)

    report_days(0, 0)
    for key, of_point in futures.items():
        if len(dates) == 1:
            (dataset_id,) = in_order(of_point)
            datasets[key] = JudgedOn(dataset_id, {dates[0]: dataset_id})
            report_days(0, 0)
        else:
            datasets[key] = JudgedOn.of(settle_days(points[key].config, lake, dates, of_point, report_days))
    return datasets
