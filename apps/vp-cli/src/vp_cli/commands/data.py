"""Commands about data: bringing files in, making datasets, listing them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from vp_cli.options import CONFIG_ROOT, LAKE_ROOT, ConfigRoot, LakeRoot, Publisher, TolerateTruncated, load_lock
from vp_cli.output import AsJson, print_facts, print_json, print_rows, progress
from vp_harness import Dataset, generate, import_file, list_datasets
from vp_harness.campaign import lineage


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command("import")(import_)
    app.command("generate")(generate_)
    app.command("list-datasets")(list_datasets_)


def import_(
    file: Annotated[Path, typer.Argument(help="A .dbn or .dbn.zst file of the mbo schema.")],
    lake_root: LakeRoot = LAKE_ROOT,
    config_root: ConfigRoot = CONFIG_ROOT,
    publisher: Publisher = None,
    tolerate_truncated: TolerateTruncated = False,
    as_json: AsJson = False,
) -> None:
    """Check a replay file whole and copy it into the lake."""
    target, found = import_file(
        lake_root, file, load_lock(config_root), publisher=publisher, tolerate_truncated=tolerate_truncated
    )
    facts = {
        "path": str(target),
        "symbol": found.symbol,
        "dataset": found.dataset,
        "records": found.records,
        "size": found.size,
        "sha256": found.sha256,
        "damage": found.damage,
    }
    print_json(facts) if as_json else print_facts("imported", facts)


def generate_(
    pipeline: Annotated[str, typer.Argument(help="Name of a pipeline spec, or the path of one.")],
    lake_root: LakeRoot = LAKE_ROOT,
    config_root: ConfigRoot = CONFIG_ROOT,
    publisher: Publisher = None,
    tolerate_truncated: TolerateTruncated = False,
    as_json: AsJson = False,
) -> None:
    """Make the immutable dataset of a pipeline, or find it made."""
    with progress("bins") as update:
        dataset_id = generate(
            pipeline,
            lake_root,
            config_root=config_root,
            publisher=publisher,
            tolerate_truncated=tolerate_truncated,
            progress=lambda done, total: update("bins", done, total),
        )
    dataset = Dataset.open(lake_root, dataset_id)
    facts = {"dataset_id": dataset_id, "path": str(dataset.path), **dataset.manifest["counts"], "sound": dataset.sound}
    print_json(facts) if as_json else print_facts("dataset", facts)


def list_datasets_(lake_root: LakeRoot = LAKE_ROOT, as_json: AsJson = False) -> None:
    """List the datasets of the lake, and the campaigns that asked for them."""
    asked: dict[str, list[str]] = {}
    for row in lineage(lake_root).iter_rows(named=True):
        asked.setdefault(row["dataset_id"], []).append(row["campaign"])
    rows = []
    for dataset_id in list_datasets(lake_root):
        dataset = Dataset.open(lake_root, dataset_id)
        size = sum(path.stat().st_size for path in dataset.path.iterdir())
        rows.append(
            {
                "dataset_id": dataset_id,
                "bins": dataset.n_bins,
                "bytes": size,
                "sound": dataset.sound,
                "campaigns": " ".join(dict.fromkeys(asked.get(dataset_id, []))),
            }
        )
    print_json(rows) if as_json else print_rows("datasets", rows, ["dataset_id", "bins", "bytes", "sound", "campaigns"])
