"""`vp run`: an experiment from its spec to its rows, and what it would be."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Final

import msgspec
import typer

from vp_cli.judged import say_days, say_folds, search_of
from vp_cli.options import CONFIG_ROOT, LAKE_ROOT, ConfigRoot, ExecutorName, LakeRoot, Scheduler, Workers
from vp_cli.output import AsJson, print_facts, print_json, progress, say, say_left_out
from vp_cli.printed.research import BestRow, ExperimentDone
from vp_harness import (
    MAX_ROWS,
    DryRun,
    ResultsStore,
    compare,
    dry_run,
    open_lake,
    run_experiment,
    walk_forward,
    write_report,
)

_SHOWN_RUNS: Final = 20


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("run")(run)


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
    facts: ExperimentDone = {
        "experiment": result.experiment,
        "datasets": list(result.dataset_ids),
        "runs": list(result.run_ids),
        "computed": result.computed,
        "resumed": result.resumed,
        "idle_axes": list(result.idle_axes),
        "mlflow": None,
        "left_out": dict(result.left_out),
        "report": None,
        "best": None,
        "walk_forward": None,
    }
    if (tracked := result.tracked) is not None:
        facts["mlflow"] = {
            "uri": tracked.uri,
            "logged": tracked.logged,
            "known": tracked.known,
            "problem": tracked.problem or None,
        }
        if tracked.problem:
            say(f"the runs are stored, but MLflow at {tracked.uri} has not all of them: {tracked.problem}")
    store = ResultsStore(open_lake(lake_root))
    best = compare(store, run_ids=result.run_ids, top_n=1).to_dicts()
    if best:
        facts["best"] = _best(best[0])
        try:
            facts["report"] = str(write_report(best[0]["run_id"], lake_root, threshold=best[0]["threshold"]))
        except OSError as error:  # the experiment is done and stored
            say(f"the report was not written: {error}")
    if result.run_ids:
        facts["walk_forward"] = walk_forward(store, result.experiment, run_id=result.run_ids[0])
    if as_json:
        print_json(facts)
        return
    print_facts("experiment", _shown(facts))
    say_left_out(result.left_out)
    if best:
        say(search_of(best[0]))
        say_days(store, best)
    say_folds(facts["walk_forward"])


def _best(row: Mapping[str, Any]) -> BestRow:
    """What `vp run` says of the best row of an experiment."""
    return {
        "run_id": row["run_id"],
        "signal": row["signal"],
        "threshold": row["threshold"],
        "verdict": row["verdict"],
        "doubt": row["doubt"],
        "p_corrected": row["p_corrected"],
        "confirmed_low": row["confirmed_low"],
        "confirmed_high": row["confirmed_high"],
        "cost": row["cost"],
    }


def _shown(facts: ExperimentDone) -> dict[str, object]:
    """What a person reads of an experiment: few of many runs, and nothing that is printed elsewhere."""
    shown: dict[str, object] = {
        "experiment": facts["experiment"],
        "datasets": facts["datasets"],
        "runs": _some(facts["runs"]),
        "computed": facts["computed"],
        "resumed": facts["resumed"],
        "idle_axes": facts["idle_axes"],
    }
    if (mlflow := facts["mlflow"]) is not None:
        shown["mlflow"] = f"{mlflow['logged']} runs logged to {mlflow['uri']}, {mlflow['known']} known there before"
    if facts["report"] is not None:
        shown["report"] = facts["report"]
    return shown | dict(facts["best"] or {"best": "no row has enough signals"})


def _some(run_ids: Sequence[str]) -> list[str]:
    """The first of many ids, and how many more there are."""
    more = len(run_ids) - _SHOWN_RUNS
    return [*run_ids[:_SHOWN_RUNS], *([f"and {more:,} more"] if more > 0 else [])]


def _say_what_it_would_do(planned: DryRun, as_json: bool) -> None:
    if as_json:
        print_json(planned)
        return
    facts = msgspec.to_builtins(planned)
    facts["memory_mb"] = facts.pop("memory_bytes") // 2**20
    del facts["left_out"]
    print_facts("would run", facts)
    say_left_out(planned.left_out)
