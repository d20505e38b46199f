"""What a dataset is like: its spectrum, its directional regimes, and other projections of the score."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
import typer

from vp_cli.errors import CliError
from vp_cli.options import LAKE_ROOT, LakeRoot
from vp_cli.output import AsJson, print_facts, print_json, print_rows, shown
from vp_harness import Dataset
from vp_harness.analysis import (
    BANDS,
    WINDOWS,
    ProjectionError,
    directional_regimes,
    projection_tries,
    spectrum_health,
)

DatasetId = Annotated[str, typer.Argument(help="Id of a dataset in the lake.")]

analyze = typer.Typer(no_args_is_help=True, help="What a dataset is like: its spectrum, regimes, other projections.")


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.add_typer(analyze, name="analyze")


@analyze.command("spectrum")
def spectrum(dataset_id: DatasetId, lake_root: LakeRoot = LAKE_ROOT, as_json: AsJson = False) -> None:
    """The health of the spectrum: shares of states, scores, and how well projected scores came true."""
    found = spectrum_health(Dataset.open(lake_root, dataset_id))
    if as_json:
        print_json(found)
        return
    facts = {name: value for name, value in msgspec.to_builtins(found).items() if name != "projections"}
    for states in ("flow_states", "states"):
        facts[states] = " · ".join(f"{code}: {100 * share:.2f} %" for code, share in facts[states].items())
    print_facts("spectrum, shares of cells", facts)
    rows = [msgspec.to_builtins(one) for one in found.projections]
    print_rows("\nprojected scores against those that came", rows, ProjectionError.__struct_fields__)


@analyze.command("regimes")
def regimes(
    dataset_id: DatasetId,
    band: Annotated[
        list[int] | None,
        typer.Option("--band", help=f"Ticks on each side of spot; {', '.join(map(str, BANDS))} if not given."),
    ] = None,
    window: Annotated[
        list[int] | None,
        typer.Option("--window", help=f"Bins of the average; {', '.join(map(str, WINDOWS))} if not given."),
    ] = None,
    threshold: Annotated[
        float | None,
        typer.Option("--threshold", help="From where on it is a regime; a standard deviation if not given."),
    ] = None,
    lake_root: LakeRoot = LAKE_ROOT,
    as_json: AsJson = False,
) -> None:
    """Directional regimes: which side of spot builds up, for how long, and what the mid did after it."""
    dataset = Dataset.open(lake_root, dataset_id)
    found = directional_regimes(dataset, bands=band or None, windows=window or None, threshold=threshold)
    rows: list[dict[str, Any]] = msgspec.to_builtins(found)
    if as_json:
        print_json(rows)
        return
    if not rows:
        raise CliError(f"dataset {dataset_id} has {dataset.n_bins} bins, too few for these windows: give --window")
    for row in rows:
        low, high = row.pop("edge_low"), row.pop("edge_high")
        row["95 % interval"] = "" if low is None else f"{low:+.2f} to {high:+.2f}"
    print_rows("regimes of the ticks near spot", rows, tuple(rows[0]))


@analyze.command("projection")
def projection(dataset_id: DatasetId, lake_root: LakeRoot = LAKE_ROOT, as_json: AsJson = False) -> None:
    """Projections with cubic terms and dampings beside the one that is served: the error of each at every horizon."""
    found = projection_tries(Dataset.open(lake_root, dataset_id))
    if as_json:
        print_json(found)
        return
    best = [min(one.horizons[i].error or 0.0 for one in found) for i in range(len(found[0].horizons))]
    rows = [
        {
            "cubic scale": shown(one.cubic_scale),
            "damping, 1/s": shown(one.damping),
            **{
                f"{error.horizon_ms} ms": f"{shown(error.error)}{' *' if error.error == best[i] else ''}"
                for i, error in enumerate(one.horizons)
            },
            "": "served" if one.served else "",
        }
        for one in found
    ]
    kept = {f"{error.horizon_ms} ms": shown(error.kept_error) for error in found[0].horizons}
    rows.append({"cubic scale": "none", "damping, 1/s": "no change", **kept, "": ""})
    print_rows("mean error of the projected score; * is the least of its horizon", rows, tuple(rows[0]))
