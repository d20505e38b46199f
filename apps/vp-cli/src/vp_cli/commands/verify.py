"""`vp verify`: whether stored things are what was written, and streams what was researched."""

from __future__ import annotations

from collections import Counter
from typing import Annotated

import typer

from vp_cli.errors import CliError
from vp_cli.options import CONFIG_ROOT, LAKE_ROOT, ConfigRoot, LakeRoot, RegistryUrl
from vp_cli.output import AsJson, print_facts, print_json, print_rows, progress
from vp_cli.printed.store import NotWhole, VerifiedDataset, VerifiedLake, VerifiedServing
from vp_harness import WRONG, Finding, open_lake, verify_dataset, verify_lake
from vp_stream.frames import frame_logs, verify_serving
from vp_stream.servings import LakeCatalogue

verify = typer.Typer(help="Check stored things against their checksums, and streams against datasets.")


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.add_typer(verify, name="verify", no_args_is_help=True)


@verify.command("dataset")
def dataset(
    dataset_id: Annotated[str, typer.Argument(help="Id of a dataset in the lake.")],
    lake_root: LakeRoot = LAKE_ROOT,
    config_root: ConfigRoot = CONFIG_ROOT,
    registry_url: RegistryUrl = None,
    as_json: AsJson = False,
) -> None:
    """Hold a dataset to its checksums, its chain of frames, and the ledger, runs and servings that keep its digests."""
    with progress("bins") as update:
        update("bins", 0, None)
        proof = verify_dataset(
            open_lake(lake_root),
            dataset_id,
            config_root=config_root,
            registry_url=registry_url,
            progress=lambda done, total: update("bins", done, total),
        )
    facts: VerifiedDataset = {
        "dataset_id": proof.dataset_id,
        "files": proof.files,
        "bins": proof.bins,
        "in_ledger": proof.in_ledger,
        "runs": proof.runs,
        "servings": proof.servings,
        "head": proof.head,
        "frames": proof.frames,
        "verified": True,
    }
    print_json(facts) if as_json else print_facts("dataset", facts)


@verify.command("serving")
def serving(
    name: Annotated[str, typer.Argument(help="An alias, or the id of a published serving.")],
    lake_root: LakeRoot = LAKE_ROOT,
    config_root: ConfigRoot = CONFIG_ROOT,
    registry_url: RegistryUrl = None,
    as_json: AsJson = False,
) -> None:
    """Replay a published serving as it is streamed and hold every frame to the dataset it was evaluated on."""
    lake = open_lake(lake_root)
    with progress("bins") as update:
        proof = verify_serving(
            LakeCatalogue(lake, config_root, registry_url),
            lake,
            name,
            progress=lambda done, total: update("bins", done, total),
        )
    facts: VerifiedServing = {
        "serving_id": proof.serving_id,
        "alias": proof.alias,
        "dataset_id": proof.dataset_id,
        "bins": proof.bins,
        "logged": proof.logged,
        "head": proof.head,
        "signal": proof.signal,
        "values_digest": proof.values_digest,
        "marks": proof.marks,
        "verified": True,
    }
    print_json(facts) if as_json else print_facts("serving", facts)


@verify.command("lake")
def lake(
    lake_root: LakeRoot = LAKE_ROOT,
    config_root: ConfigRoot = CONFIG_ROOT,
    registry_url: RegistryUrl = None,
    frames: Annotated[bool, typer.Option("--frames", help="Encode the frames of every dataset anew too.")] = False,
    clean: Annotated[bool, typer.Option("--clean", help="Remove what dead processes left unfinished.")] = False,
    as_json: AsJson = False,
) -> None:
    """Read everything the lake stores and name all that is damaged or missing; exit code 1 if anything is."""
    findings: list[Finding] = []
    with progress("things checked") as update:
        found = verify_lake(
            open_lake(lake_root),
            config_root=config_root,
            registry_url=registry_url,
            more=[frame_logs],
            clean=clean,
            frames=frames,
        )
        for finding in found:
            findings.append(finding)
            update("things checked", len(findings), None)
    notable: list[NotWhole] = [
        {"kind": finding.kind, "name": finding.name, "state": finding.state, "problem": finding.problem}
        for finding in findings
        if finding.state != "whole"
    ]
    counts = Counter(finding.kind for finding in findings if finding.state == "whole")
    damaged, missing = (sum(row["state"] == state for row in notable) for state in WRONG)
    registry = next((f.problem for f in findings if f.kind == "registry" and f.state == "whole"), None)
    if as_json:
        facts: VerifiedLake = {
            "whole": [{"kind": kind, "count": count} for kind, count in counts.items()],
            "notable": notable,
            "damaged": damaged,
            "missing": missing,
            "registry": registry,
        }
        print_json(facts)
    else:
        print_facts("whole", {str(kind): n for kind, n in counts.items()} or {"nothing": "the lake is empty"})
        if registry:
            print_facts("", {"registry": registry})
        if notable:
            print_rows("\nnot whole", notable, ["kind", "name", "state", "problem"])
    if damaged or missing:
        raise CliError(
            f"of {len(findings)} things in {lake_root} {damaged} are damaged and {missing} missing: {_names(notable)}"
        )


def _names(notable: list[NotWhole]) -> str:
    return ", ".join(row["name"] for row in notable if row["state"] in WRONG)
