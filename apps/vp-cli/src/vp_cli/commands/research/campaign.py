"""Commands about many datasets at once, and about giving one away."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Annotated

import typer

from vp_cli.options import CONFIG_ROOT, LAKE_ROOT, ConfigRoot, ExecutorName, LakeRoot, Scheduler, Workers
from vp_cli.output import AsJson, print_facts, print_json, print_rows, progress
from vp_cli.printed.data import CampaignDone, CampaignPlan, PlannedDataset, Published
from vp_contract import ParallelSpec
from vp_harness import Campaign, estimate, parallel_of, plan_campaign, publish, published_facts, run_campaign


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command("campaign")(campaign)
    app.command("publish")(publish_)


def campaign(
    name: Annotated[str, typer.Argument(help="Name of a campaign spec, or the path of one.")],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Print the plan, its size and time, and stop.")] = False,
    executor: ExecutorName = None,
    workers: Workers = None,
    scheduler: Scheduler = None,
    lake_root: LakeRoot = LAKE_ROOT,
    config_root: ConfigRoot = CONFIG_ROOT,
    as_json: AsJson = False,
) -> None:
    """Make the datasets of a pipeline over dates, bundles and axes; goes on where an earlier time stopped."""
    parallel = parallel_of(ParallelSpec(), executor, workers, scheduler)
    with progress(name) as update:
        planned = plan_campaign(name, lake_root, root=config_root, progress=update)
    rows = _rows(planned)
    if dry_run:
        with progress("calibration") as update:
            update("calibration", 0, None)
            plan = _estimate(planned, parallel, rows)
        if as_json:
            print_json(plan)
            return
        print_rows(f"campaign {planned.spec.name}", rows, list(rows[0]))
        print_facts("\nestimate", {name: value for name, value in plan.items() if name != "plan"})
        return
    with progress(name) as update:
        ids = run_campaign(planned, parallel, progress=update)
    made = sum(not row["exists"] for row in rows)
    facts: CampaignDone = {
        "campaign": planned.spec.name,
        "datasets": len(ids),
        "made": made,
        "found": len(ids) - made,
        "dataset_ids": ids,
    }
    if as_json:
        print_json(facts)
    else:
        print_facts("campaign", {name: value for name, value in facts.items() if name != "dataset_ids"})
        print_rows("\ndatasets", rows, ["dataset_id", "date", "bundle", "overrides"])


def publish_(
    dataset_id: Annotated[str, typer.Argument(help="Id of a dataset in the lake.")],
    directory: Annotated[Path, typer.Argument(help="Where to put the copy; must not exist, or be empty.")],
    authors: Annotated[str, typer.Option(help="Who is to be cited.")] = "The Spymaster authors",
    lake_root: LakeRoot = LAKE_ROOT,
    as_json: AsJson = False,
) -> None:
    """Copy a dataset with all that another researcher needs: README, data dictionary, citation, example."""
    with progress("verify and copy") as update:
        update("verify and copy", 0, None)
        path = publish(dataset_id, directory, lake_root, authors=authors)
    facts: Published = {"dataset_id": dataset_id, "path": str(path), "bytes": published_facts(path)}
    print_json(facts) if as_json else print_facts("published", facts)


def _rows(planned: Campaign) -> list[PlannedDataset]:
    return [
        {
            "dataset_id": dataset.dataset_id,
            "date": dataset.date,
            "bundle": dataset.bundle,
            "overrides": dict(dataset.overrides),
            "bins": dataset.bins,
            "exists": dataset.exists,
        }
        for dataset in planned.planned
    ]


def _estimate(planned: Campaign, parallel: ParallelSpec, rows: list[PlannedDataset]) -> CampaignPlan:
    expected = estimate(planned)
    workers = min(parallel.workers, max(1, expected.datasets))
    if parallel.executor != "dask":
        workers = min(workers, os.cpu_count() or 1)
    root = planned.lake.root
    return {
        "datasets": len(planned.planned),
        "to_make": expected.datasets,
        "bins": expected.bins,
        "bytes": expected.size_bytes,
        "bytes_free": shutil.disk_usage(root if root.exists() else ".").free,
        "minutes": round(expected.seconds / workers / 60, 2),
        "workers": workers,
        "measured_on": expected.basis,
        "plan": rows,
    }
