"""Commands of research: run an experiment, compare its rows, promote one."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
import typer

from vp_cli.options import CONFIG_ROOT, LAKE_ROOT, ConfigRoot, ExecutorName, LakeRoot, Scheduler, Workers
from vp_cli.output import AsJson, print_facts, print_json, print_rows, progress, say
from vp_harness import (
    MAX_ROWS,
    SORTS,
    DryRun,
    ResultsStore,
    check_known,
    compare,
    dry_run,
    open_lake,
    promote,
    run_experiment,
)

COLUMNS = (
    "run_id",
    "signal",
    "threshold",
    "n_signals",
    "tp_rate",
    "breakeven_tp_rate",
    "mean_pnl_ticks",
    "net_pnl_ticks",
    "confirm_n_signals",
    "confirm_tp_rate",
    "confirm_mean_pnl_ticks",
    "confirm_net_pnl_ticks",
    "p_corrected",
)


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command("run")(run)
    app.command("compare")(compare_)
    app.command("promote")(promote_)


def run(
    experiment: Annotated[str, typer.Argument(help="Name of an experiment spec, or the path of one.")],
    executor: ExecutorName = None,
    workers: Workers = None,
    scheduler: Scheduler = None,
    dry: Annotated[
        bool, typer.Option("--dry-run", help="Say what it would do, how long and in how much memory; write nothing.")
    ] = False,
    max_rows: Annotated[int, typer.Option("--max-rows", min=1, help="Refuse a sweep of more rows.")] = MAX_ROWS,
    lake_root: LakeRoot = LAKE_ROOT,
    config_root: ConfigRoot = CONFIG_ROOT,
    as_json: AsJson = False,
) -> None:
    """Run an experiment: generate what it needs, judge every point of its sweep, store the rows."""
    where: dict[str, Any] = {
        "config_root": config_root,
        "executor": executor,
        "workers": workers,
        "scheduler": scheduler,
        "max_rows": max_rows,
    }
    if dry:
        _say_what_it_would_do(dry_run(experiment, lake_root, **where), as_json)
        return
    try:
        with progress(experiment) as update:
            result = run_experiment(experiment, lake_root, progress=update, **where)
    except KeyboardInterrupt:
        say("interrupted: what was finished is stored; run the same command again to go on")
        raise
    facts = {
        "experiment": result.experiment,
        "datasets": list(result.dataset_ids),
        "runs": list(result.run_ids),
        "computed": result.computed,
        "resumed": result.resumed,
        "idle_axes": list(result.idle_axes),
    }
    print_json(facts) if as_json else print_facts("experiment", facts)


def _say_what_it_would_do(planned: DryRun, as_json: bool) -> None:
    facts = msgspec.to_builtins(planned)
    if as_json:
        print_json(facts)
        return
    facts["memory_mb"] = facts.pop("memory_bytes") // 2**20
    print_facts("would run", facts)


def compare_(
    experiment: Annotated[str | None, typer.Option(help="Only runs of this experiment.")] = None,
    signal: Annotated[str | None, typer.Option(help="Only this signal.")] = None,
    dataset_id: Annotated[str | None, typer.Option(help="Only this dataset.")] = None,
    min_signals: Annotated[int, typer.Option(help="Fewest signals of the choosing part.")] = 5,
    sort: Annotated[str, typer.Option(help=f"One of {', '.join(SORTS)}.")] = "mean_pnl_ticks",
    top_n: Annotated[int, typer.Option(help="Rows to show.")] = 20,
    lake_root: LakeRoot = LAKE_ROOT,
    as_json: AsJson = False,
) -> None:
    """Rank all rows ever tried: chosen on the first part, confirmed on the rest, corrected for the search."""
    store = ResultsStore(open_lake(lake_root))
    check_known(store, experiment=experiment, signal=signal, dataset_id=dataset_id)
    rows = compare(
        store,
        experiment=experiment,
        signal=signal,
        dataset_id=dataset_id,
        min_signals=min_signals,
        sort=sort,
        top_n=top_n,
    ).to_dicts()
    if not rows:
        say(f"no row matches: none of the runs asked for has {min_signals} signals or more in its choosing part")
    print_json(rows) if as_json else print_rows("rows, best first", rows, COLUMNS)


def promote_(
    experiment: Annotated[str, typer.Argument(help="The experiment the run is of.")],
    run_id: Annotated[str, typer.Option("--run-id", help="The run to publish.")],
    alias: Annotated[str, typer.Option("--alias", help="The alias to point at it.")],
    threshold: Annotated[float | None, typer.Option(help="Its threshold; if not given, the best.")] = None,
    accept_unproven: Annotated[
        bool, typer.Option("--accept-unproven", help="Promote although the confirmation interval includes breakeven.")
    ] = False,
    accept_unsound: Annotated[
        bool, typer.Option("--accept-unsound", help="Promote although the certificate of its dataset does not hold.")
    ] = False,
    actor: Annotated[str | None, typer.Option(help="Who does it; the user of this process if not given.")] = None,
    reason: Annotated[str, typer.Option(help="Why, for the audit trail.")] = "",
    lake_root: LakeRoot = LAKE_ROOT,
    config_root: ConfigRoot = CONFIG_ROOT,
    as_json: AsJson = False,
) -> None:
    """Publish a run as an immutable serving and point an alias at it."""
    served = promote(
        run_id,
        alias,
        lake_root,
        config_root=config_root,
        experiment=experiment,
        threshold=threshold,
        accept_unproven=accept_unproven,
        accept_unsound=accept_unsound,
        actor=actor,
        reason=reason,
    )
    facts = {
        "alias": alias,
        "serving_id": served.serving_id,
        "run_id": served.spec.source.run_id,
        "threshold": served.spec.source.threshold,
        "proven": served.spec.evidence.get("proven"),
        "sound": served.spec.evidence.get("sound"),
    }
    print_json(facts) if as_json else print_facts("promoted", facts)
