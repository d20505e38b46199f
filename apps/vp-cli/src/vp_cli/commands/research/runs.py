"""Commands of research: run an experiment, compare its rows, look at the trades of one, promote it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer

from vp_cli.judged import days_of, is_of, known, say_clock, say_days, say_folds, say_spa
from vp_cli.options import (
    CONFIG_ROOT,
    LAKE_ROOT,
    ConfigRoot,
    ExecutorName,
    LakeRoot,
    RegistryUrl,
    Scheduler,
    Workers,
)
from vp_cli.output import (
    AsJson,
    Interval,
    print_facts,
    print_intervals,
    print_json,
    print_rows,
    progress,
    say,
    say_left_out,
    shown,
)
from vp_contract import EvalSpec
from vp_harness import (
    MAX_ROWS,
    SORTS,
    DryRun,
    ResultsStore,
    check_known,
    clock_sensitivity,
    compare,
    confirmed_net,
    dry_run,
    open_lake,
    open_registry,
    promote,
    retire,
    run_experiment,
    superior_ability,
    walk_forward,
    write_report,
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
    "queue_fill_rate",
    "queue_net_pnl_ticks",
    "confirm_n_signals",
    "confirm_tp_rate",
    "confirm_mean_pnl_ticks",
    "confirm_net_pnl_ticks",
    "confirm_queue_net_pnl_ticks",
    "confirmed_low",
    "confirmed_high",
    "p_corrected",
    "p_error",
    "verdict",
    "ic",
    "ic_horizon_ms",
    "partial_ic",
    "confirm_ic",
)

TRADE_COLUMNS = (
    "threshold",
    "part",
    "side",
    "event_bin",
    "mid_outcome",
    "mid_pnl_ticks",
    "cross_entry_price",
    "cross_exit_price",
    "cross_outcome",
    "cross_pnl_ticks",
    "queue_entry_price",
    "queue_exit_price",
    "queue_outcome",
    "queue_pnl_ticks",
)

_SHOWN_RUNS = 20

BEST = (
    "run_id",
    "signal",
    "threshold",
    "verdict",
    "doubt",
    "p_corrected",
    "confirmed_low",
    "confirmed_high",
    "cost",
)
"""What `vp run` says of the best row of an experiment."""


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command("run")(run)
    app.command("compare")(compare_)
    app.command("promote")(promote_)
    app.command("retire")(retire_)
    app.command("trades")(trades)
    app.command("report")(report)


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
    facts: dict[str, Any] = {
        "experiment": result.experiment,
        "datasets": list(result.dataset_ids),
        "runs": list(result.run_ids) if as_json else _some(result.run_ids),
        "computed": result.computed,
        "resumed": result.resumed,
        "idle_axes": list(result.idle_axes),
    }
    if (tracked := result.tracked) is not None:
        logged = f"{tracked.logged} runs logged to {tracked.uri}, {tracked.known} known there before"
        facts["mlflow"] = msgspec.to_builtins(tracked) if as_json else logged
        if tracked.problem:
            say(f"the runs are stored, but MLflow at {tracked.uri} has not all of them: {tracked.problem}")
    if result.left_out:
        facts["left_out"] = dict(result.left_out)
    store = ResultsStore(open_lake(lake_root))
    best = compare(store, run_ids=result.run_ids, top_n=1).to_dicts()
    found = {name: best[0][name] for name in BEST} if best else None
    if best:
        try:
            facts["report"] = str(write_report(best[0]["run_id"], lake_root, threshold=best[0]["threshold"]))
        except OSError as error:  # the experiment is done and stored
            say(f"the report was not written: {error}")
    walked = walk_forward(store, result.experiment, run_id=result.run_ids[0]) if result.run_ids else None
    if as_json:
        print_json({**facts, "best": found, "walk_forward": msgspec.to_builtins(walked)})
        return
    facts.pop("left_out", None)
    print_facts("experiment", {**facts, **(found or {"best": "no row has enough signals"})})
    say_left_out(result.left_out)
    if best:
        say(search_of(best[0]))
        say_days(store, best)
    say_folds(walked)


def _some(run_ids: Sequence[str]) -> list[str]:
    """The first of many ids, and how many more there are."""
    more = len(run_ids) - _SHOWN_RUNS
    return [*run_ids[:_SHOWN_RUNS], *([f"and {more:,} more"] if more > 0 else [])]


def search_of(row: Mapping[str, Any]) -> str:
    """What was counted against a row, in words."""
    text = f"{row['n_trials']} trials and {row['n_looks']} looks at confirming parts count on the market of this run"
    if row["overfitting"] is not None:
        text += f"; probability of overfitting {row['overfitting']:.2f}"
    return text + (f"; {row['n_retired']} runs were retired" if row["n_retired"] else "")


def _say_what_it_would_do(planned: DryRun, as_json: bool) -> None:
    facts = msgspec.to_builtins(planned)
    if as_json:
        print_json(facts)
        return
    facts["memory_mb"] = facts.pop("memory_bytes") // 2**20
    del facts["left_out"]
    print_facts("would run", facts)
    say_left_out(planned.left_out)


def compare_(
    experiment: Annotated[str | None, typer.Option(help="Only runs of this experiment.")] = None,
    signal: Annotated[str | None, typer.Option(help="Only this signal.")] = None,
    dataset_id: Annotated[str | None, typer.Option(help="Only this dataset.")] = None,
    min_signals: Annotated[int, typer.Option(help="Fewest signals of the choosing part.")] = 5,
    sort: Annotated[str, typer.Option(help=f"One of {', '.join(SORTS)}.")] = "statistic",
    top_n: Annotated[int, typer.Option(help="Rows to show.")] = 20,
    retired: Annotated[bool, typer.Option("--retired", help="Show retired runs too.")] = False,
    clock: Annotated[
        bool,
        typer.Option("--clock-sensitivity", help="Judge the best row again with bins cut on ts_event; show only that."),
    ] = False,
    spa: Annotated[bool, typer.Option("--spa", help="Test the whole search by Hansen's SPA; show only that.")] = False,
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
        retired=retired,
    ).to_dicts()
    if not rows:
        say(f"no row matches: none of the runs asked for has {min_signals} signals or more in its choosing part")
    if clock and rows:
        say_clock(clock_sensitivity(rows[0]["run_id"], rows[0]["threshold"], lake_root), as_json)
        return
    if spa and rows:
        say_spa(superior_ability(rows[0]["run_id"], lake_root), as_json)
        return
    walked = None if experiment is None else walk_forward(store, experiment)
    if as_json:
        of_days = days_of(store, rows)
        print_json([{**row, "days": [day for day in of_days if is_of(day, row)]} for row in rows] if of_days else rows)
        return
    print_rows("rows, best first", rows, known(COLUMNS, rows))
    print_intervals("confirmed net pnl, ticks a trade, with its 95 % interval", [_interval(row) for row in rows])
    for cost in dict.fromkeys(row["cost"] for row in rows):
        say(f"costs: {cost}")
    if rows and rows[0]["n_trials"] is not None:
        say(search_of(rows[0]))
    say_days(store, rows)
    say_folds(walked)


def _interval(row: Mapping[str, Any]) -> Interval:
    name = f"{row['signal']} {shown(row['threshold'])}"
    corrected = row["confirmed_low"] is not None
    mean, low, high = confirmed_net(row, msgspec.json.decode(row["eval_json"], type=EvalSpec))
    if corrected:
        low, high = row["confirmed_low"], row["confirmed_high"]
    return Interval(name, low, mean, high)


def promote_(
    experiment: Annotated[str, typer.Argument(help="The experiment the run is of.")],
    run_id: Annotated[str, typer.Option("--run-id", help="The run to publish.")],
    alias: Annotated[str, typer.Option("--alias", help="The alias to point at it.")],
    threshold: Annotated[float | None, typer.Option(help="Its threshold; if not given, the best.")] = None,
    accept_unproven: Annotated[
        bool, typer.Option("--accept-unproven", help="Promote although the net pnl is not proven; needs a --reason.")
    ] = False,
    accept_unsound: Annotated[
        bool, typer.Option("--accept-unsound", help="Promote although the certificate of its dataset does not hold.")
    ] = False,
    actor: Annotated[str | None, typer.Option(help="Who does it; the user of this process if not given.")] = None,
    reason: Annotated[str, typer.Option(help="Why, for the audit trail.")] = "",
    lake_root: LakeRoot = LAKE_ROOT,
    config_root: ConfigRoot = CONFIG_ROOT,
    registry_url: RegistryUrl = None,
    as_json: AsJson = False,
) -> None:
    """Publish a run as an immutable serving and point an alias at it."""
    with closing(open_registry(lake_root, config_root, registry_url)) as registry:
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
            registry=registry,
        )
    facts = {
        "alias": alias,
        "serving_id": served.serving_id,
        "run_id": served.spec.source.run_id,
        "threshold": served.spec.source.threshold,
        "verdict": served.spec.evidence.get("verdict"),
        "doubt": served.spec.evidence.get("doubt"),
        "proven": served.spec.evidence.get("proven"),
        "sound": served.spec.evidence.get("sound"),
    }
    print_json(facts) if as_json else print_facts("promoted", facts)


def retire_(
    run_ids: Annotated[list[str], typer.Argument(help="Runs that are not to count any more.")],
    reason: Annotated[str, typer.Option("--reason", help="Why; the record stays.")],
    actor: Annotated[str | None, typer.Option(help="Who does it; the user of this process if not given.")] = None,
    lake_root: LakeRoot = LAKE_ROOT,
    as_json: AsJson = False,
) -> None:
    """Take runs out of the count of trials, openly: which, who and why is recorded and told with every verdict."""
    facts = {"retired": list(retire(run_ids, lake_root, reason=reason, actor=actor)), "reason": reason}
    print_json(facts) if as_json else print_facts("retired", facts)


def trades(
    run_id: Annotated[str, typer.Argument(help="The run.")],
    threshold: Annotated[float | None, typer.Option(help="Only trades at this threshold of it.")] = None,
    out: Annotated[
        Path | None, typer.Option("--out", help="Write them all to this file: .csv or .parquet, every column.")
    ] = None,
    top_n: Annotated[int, typer.Option(min=1, help="Trades to show.")] = 20,
    lake_root: LakeRoot = LAKE_ROOT,
    as_json: AsJson = False,
) -> None:
    """The trades of a run, recomputed from its events: sides, times, prices, outcome and pnl under each fill model."""
    if out is not None and out.suffix not in (".csv", ".parquet"):
        raise typer.BadParameter(f"{out}: a name that ends in .csv or .parquet is allowed", param_hint="--out")
    found = ResultsStore(open_lake(lake_root)).trades(run_id, threshold)
    if out is not None:
        found.write_csv(out) if out.suffix == ".csv" else found.write_parquet(out)
        facts = {"run_id": run_id, "trades": found.height, "file": str(out)}
        print_json(facts) if as_json else print_facts("written", facts)
    elif as_json:
        print_json(found.to_dicts())
    else:
        shown_rows = found.head(top_n).to_dicts()
        print_rows(f"trades of {run_id}", shown_rows, known(TRADE_COLUMNS, shown_rows))
        if found.height > top_n:
            say(f"{found.height - top_n:,} more: --top-n shows them, --out FILE.csv or FILE.parquet writes all")


def report(
    run_id: Annotated[str, typer.Argument(help="The run.")],
    threshold: Annotated[float | None, typer.Option(help="Its threshold; if not given, the best.")] = None,
    out: Annotated[
        Path | None,
        typer.Option("--out", help="The file; if not given, in research/vp_harness/reports of the lake."),
    ] = None,
    server: Annotated[str, typer.Option(help="Where the page is, for the links of trades.")] = "http://127.0.0.1:8002",
    lake_root: LakeRoot = LAKE_ROOT,
    config_root: ConfigRoot = CONFIG_ROOT,
    registry_url: RegistryUrl = None,
    as_json: AsJson = False,
) -> None:
    """Write the report of a run: one HTML file with its evidence, figures, charts and trades."""
    alias = None
    with closing(open_registry(lake_root, config_root, registry_url)) as registry:
        if registry.exists():
            alias = registry.aliases_by_run().get(run_id)
    path = write_report(run_id, lake_root, threshold=threshold, out=out, alias=alias, server=server)
    facts = {"run_id": run_id, "report": str(path), "alias": alias}
    print_json(facts) if as_json else print_facts("written", facts)
