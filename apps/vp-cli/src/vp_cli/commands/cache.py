"""Commands that make ahead what the first use would have to wait for."""

from __future__ import annotations

import time
from typing import Annotated

import typer

from vp_cli.options import CONFIG_ROOT, LAKE_ROOT, ConfigRoot, LakeRoot, RegistryUrl
from vp_cli.output import AsJson, print_facts, print_json, progress
from vp_cli.printed.data import WarmedCheckpoint, WarmedLog
from vp_harness import located, open_lake, pipeline_config, source_options, warm_checkpoint
from vp_stream.frames import warm_log
from vp_stream.servings import LakeCatalogue


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command("warm-cache")(warm_cache)
    app.command("warm-stream")(warm_stream)


def warm_cache(
    pipeline: Annotated[str, typer.Argument(help="Name of a pipeline spec, or the path of one.")],
    lake_root: LakeRoot = LAKE_ROOT,
    config_root: ConfigRoot = CONFIG_ROOT,
    as_json: AsJson = False,
) -> None:
    """Build the book checkpoint of a pipeline, so that streaming it starts at its first bin."""
    config = pipeline_config(pipeline, config_root)
    lake = open_lake(lake_root)
    files = located(source_options(config, lake), lake)
    began = time.perf_counter()
    with progress("warm-up") as update:
        update("warm-up", 0, 1)  # one step that shows the time it has taken: a file does not say how far its start is
        path, built = warm_checkpoint(config, files, lake.book_cache_dir)
        update("warm-up", 1, 1)
    facts: WarmedCheckpoint = {
        "pipeline": config.pipeline,
        "checkpoint": str(path),
        "built": built,
        "bytes": path.stat().st_size,
        "elapsed_s": round(time.perf_counter() - began, 3),
    }
    print_json(facts) if as_json else print_facts("book checkpoint", facts)


def warm_stream(
    name: Annotated[str, typer.Argument(help="An alias, or the id of a published serving.")],
    lake_root: LakeRoot = LAKE_ROOT,
    config_root: ConfigRoot = CONFIG_ROOT,
    registry_url: RegistryUrl = None,
    as_json: AsJson = False,
) -> None:
    """Encode the frame log of a serving, so that no client waits for its engine; one that is there is checked whole."""
    opened = LakeCatalogue(open_lake(lake_root), config_root, registry_url).open(name)
    began = time.perf_counter()
    with progress("bins") as update:
        warm = warm_log(opened.run, progress=lambda done, total: update("bins", done, total))
    facts: WarmedLog = {
        "serving_id": opened.serving_id,
        "alias": opened.alias,
        "frame_log": str(warm.path),
        "built": warm.built,
        "bins": warm.bins,
        "bytes": warm.path.stat().st_size,
        "elapsed_s": round(time.perf_counter() - began, 3),
    }
    print_json(facts) if as_json else print_facts("frame log", facts)
